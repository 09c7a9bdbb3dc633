use crate::Malformed;

/// How a value is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireFormat {
    /// As its text, the form that psql shows.
    #[default]
    Text,
    /// As its type's binary form.
    Binary,
}

impl WireFormat {
    /// Returns the code that stands for it in messages.
    pub const fn code(self) -> u16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    /// Returns the format that a code stands for.
    ///
    /// # Errors
    ///
    /// A code other than 0 and 1.
    pub const fn from_code(code: u16) -> Result<Self, Malformed> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(Malformed::Code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_codes_have_a_meaning() {
        for format in [WireFormat::Text, WireFormat::Binary] {
            assert_eq!(WireFormat::from_code(format.code()), Ok(format));
        }
        assert!(WireFormat::from_code(2).is_err() && WireFormat::from_code(0xffff).is_err());
    }
}
