use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A position in the write-ahead log: a count of bytes since its beginning.
///
/// Shown and read as PostgreSQL does, two halves in hexadecimal: `16/B374D848`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// `0/0`, which is no position: it stands for "none" or "unknown".
    pub const INVALID: Self = Self(0);
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl FromStr for Lsn {
    type Err = ParseLsnError;

    // PG docs: datatype-pg-lsn: two hexadecimal numbers of up to eight digits each.
    fn from_str(text: &str) -> Result<Self, ParseLsnError> {
        let (upper, lower) = text.split_once('/').ok_or(ParseLsnError)?;
        Ok(Self(half(upper)? << 32 | half(lower)?))
    }
}

/// A text is not a position in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLsnError;

impl fmt::Display for ParseLsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a log sequence number: two hexadecimal numbers of up to eight digits, with a slash between",
        )
    }
}

impl Error for ParseLsnError {}

fn half(digits: &str) -> Result<u64, ParseLsnError> {
    let plausible = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plausible {
        return Err(ParseLsnError);
    }
    u64::from_str_radix(digits, 16).map_err(|_| ParseLsnError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_are_two_halves_in_hexadecimal() {
        assert_eq!(Lsn(0x16_b374_d848).to_string(), "16/B374D848");
        assert_eq!("16/b374d848".parse(), Ok(Lsn(0x16_b374_d848)));
        assert_eq!(
            (Lsn::INVALID.to_string(), Lsn(u64::MAX).to_string()),
            ("0/0".into(), "FFFFFFFF/FFFFFFFF".into())
        );
        assert_eq!("00000001/00000002".parse(), Ok(Lsn(0x1_0000_0002)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "/",
            "0",
            "1/",
            "/1",
            "1/2/3",
            "+1/2",
            "1/-2",
            " 1/2",
            "123456789/0",
            "0/123456789",
            "G/0",
            "1/\u{661}",
        ] {
            assert_eq!(text.parse::<Lsn>(), Err(ParseLsnError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_position_comes_back_from_its_text(position: u64) {
            prop_assert_eq!(Lsn(position).to_string().parse(), Ok(Lsn(position)));
        }
    }
}
