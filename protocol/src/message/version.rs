use std::fmt;

/// A version of the protocol that a client can ask for.
// PG docs: protocol-overview, "Protocol Versions"; 3.1 is reserved, because poolers have taken it for 3.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 3.0, which every server speaks.
    #[default]
    V3_0,
    /// 3.2, of PostgreSQL 18: keys to cancel with are longer than four bytes.
    V3_2,
}

impl ProtocolVersion {
    /// The latest one.
    pub const LATEST: Self = Self::V3_2;

    /// Returns the number that stands for it: major in the upper 16 bits, minor in the lower.
    pub fn code(self) -> u32 {
        match self {
            Self::V3_0 => 0x0003_0000,
            Self::V3_2 => 0x0003_0002,
        }
    }

    /// Returns the version of a number, `None` for one that is not spoken here.
    pub fn from_code(code: u32) -> Option<Self> {
        [Self::V3_0, Self::V3_2].into_iter().find(|version| version.code() == code)
    }
}

impl fmt::Display for ProtocolVersion {
    /// Writes the number, with a dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_0 => "3.0",
            Self::V3_2 => "3.2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_versions() {
        for version in [ProtocolVersion::V3_0, ProtocolVersion::V3_2] {
            assert_eq!(ProtocolVersion::from_code(version.code()), Some(version));
            assert!(version <= ProtocolVersion::LATEST);
        }
        for code in [0, 0x0002_0000, 0x0003_0001, 0x0003_0003, 0x0004_0000] {
            assert_eq!(ProtocolVersion::from_code(code), None);
        }
    }
}
