use crate::Malformed;
use crate::wire::Reader;

/// Whether the sender wants to hear from the other side at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reply {
    /// In its own time.
    #[default]
    Unneeded,
    /// Now: a server that gets no answer closes the connection after its `wal_sender_timeout`.
    Wanted,
}

impl Reply {
    /// Any byte but 0 asks for a reply, as in PostgreSQL.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(if reader.u8()? == 0 { Self::Unneeded } else { Self::Wanted })
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Unneeded => 0,
            Self::Wanted => 1,
        }
    }
}
