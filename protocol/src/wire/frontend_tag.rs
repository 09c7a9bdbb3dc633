use std::fmt;

/// The type byte of a message that a client sends.
///
/// The same bytes mean other things from a server: those are [`Tag`](super::Tag)s.
// PG docs: protocol-message-formats
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the specification's, and so is their meaning")]
pub enum FrontendTag {
    Bind = b'B',
    Close = b'C',
    Describe = b'D',
    Execute = b'E',
    FunctionCall = b'F',
    Flush = b'H',
    Parse = b'P',
    Query = b'Q',
    Sync = b'S',
    Terminate = b'X',
    CopyDone = b'c',
    CopyData = b'd',
    CopyFail = b'f',
    /// Every answer to an authentication request: what it is, only the request tells.
    Password = b'p',
}

impl FrontendTag {
    /// Returns the message that this type byte announces when it comes from a client.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'B' => Self::Bind,
            b'C' => Self::Close,
            b'D' => Self::Describe,
            b'E' => Self::Execute,
            b'F' => Self::FunctionCall,
            b'H' => Self::Flush,
            b'P' => Self::Parse,
            b'Q' => Self::Query,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'c' => Self::CopyDone,
            b'd' => Self::CopyData,
            b'f' => Self::CopyFail,
            b'p' => Self::Password,
            _ => return None,
        })
    }

    /// Returns the type byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Bind => b'B',
            Self::Close => b'C',
            Self::Describe => b'D',
            Self::Execute => b'E',
            Self::FunctionCall => b'F',
            Self::Flush => b'H',
            Self::Parse => b'P',
            Self::Query => b'Q',
            Self::Sync => b'S',
            Self::Terminate => b'X',
            Self::CopyDone => b'c',
            Self::CopyData => b'd',
            Self::CopyFail => b'f',
            Self::Password => b'p',
        }
    }
}

impl fmt::Display for FrontendTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_found_by_its_own_byte() {
        let known: Vec<FrontendTag> = (0..=255).filter_map(FrontendTag::from_byte).collect();
        assert_eq!(known.len(), 14);
        assert!(known.iter().all(|tag| FrontendTag::from_byte(tag.byte()) == Some(*tag)));
        assert!(known.iter().all(|tag| tag.byte() == *tag as u8));
    }
}
