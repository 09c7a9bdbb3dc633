use std::fmt;

/// The type byte of a message that a server sends.
///
/// The same bytes mean other things from a client; the direction is part of the type.
// PG docs: protocol-message-formats
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the specification's, and so is their meaning")]
pub enum Tag {
    ParseComplete = b'1',
    BindComplete = b'2',
    CloseComplete = b'3',
    NotificationResponse = b'A',
    CommandComplete = b'C',
    DataRow = b'D',
    ErrorResponse = b'E',
    CopyInResponse = b'G',
    CopyOutResponse = b'H',
    EmptyQueryResponse = b'I',
    BackendKeyData = b'K',
    NoticeResponse = b'N',
    Authentication = b'R',
    ParameterStatus = b'S',
    RowDescription = b'T',
    FunctionCallResponse = b'V',
    CopyBothResponse = b'W',
    ReadyForQuery = b'Z',
    CopyDone = b'c',
    CopyData = b'd',
    NoData = b'n',
    PortalSuspended = b's',
    ParameterDescription = b't',
    NegotiateProtocolVersion = b'v',
}

impl Tag {
    /// Returns the message that this type byte announces when it comes from a server.
    #[inline]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'1' => Self::ParseComplete,
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'A' => Self::NotificationResponse,
            b'C' => Self::CommandComplete,
            b'D' => Self::DataRow,
            b'E' => Self::ErrorResponse,
            b'G' => Self::CopyInResponse,
            b'H' => Self::CopyOutResponse,
            b'I' => Self::EmptyQueryResponse,
            b'K' => Self::BackendKeyData,
            b'N' => Self::NoticeResponse,
            b'R' => Self::Authentication,
            b'S' => Self::ParameterStatus,
            b'T' => Self::RowDescription,
            b'V' => Self::FunctionCallResponse,
            b'W' => Self::CopyBothResponse,
            b'Z' => Self::ReadyForQuery,
            b'c' => Self::CopyDone,
            b'd' => Self::CopyData,
            b'n' => Self::NoData,
            b's' => Self::PortalSuspended,
            b't' => Self::ParameterDescription,
            b'v' => Self::NegotiateProtocolVersion,
            _ => return None,
        })
    }

    /// Returns the type byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::ParseComplete => b'1',
            Self::BindComplete => b'2',
            Self::CloseComplete => b'3',
            Self::NotificationResponse => b'A',
            Self::CommandComplete => b'C',
            Self::DataRow => b'D',
            Self::ErrorResponse => b'E',
            Self::CopyInResponse => b'G',
            Self::CopyOutResponse => b'H',
            Self::EmptyQueryResponse => b'I',
            Self::BackendKeyData => b'K',
            Self::NoticeResponse => b'N',
            Self::Authentication => b'R',
            Self::ParameterStatus => b'S',
            Self::RowDescription => b'T',
            Self::FunctionCallResponse => b'V',
            Self::CopyBothResponse => b'W',
            Self::ReadyForQuery => b'Z',
            Self::CopyDone => b'c',
            Self::CopyData => b'd',
            Self::NoData => b'n',
            Self::PortalSuspended => b's',
            Self::ParameterDescription => b't',
            Self::NegotiateProtocolVersion => b'v',
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_found_by_its_own_byte() {
        let known: Vec<Tag> = (0..=255).filter_map(Tag::from_byte).collect();
        assert_eq!(known.len(), 24);
        assert!(known.iter().all(|tag| Tag::from_byte(tag.byte()) == Some(*tag)));
        assert!(known.iter().all(|tag| tag.byte() == *tag as u8));
    }
}
