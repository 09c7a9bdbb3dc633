use crate::Malformed;
use crate::wire::Reader;

/// Where the session stands, as the server says with every ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Not in a transaction block.
    Idle,
    /// In a transaction block.
    InTransaction,
    /// In a transaction block that has failed: only its end is accepted.
    Failed,
}

impl TransactionStatus {
    /// Returns the byte that stands for it in a ReadyForQuery.
    pub const fn code(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }

    /// Appends a ReadyForQuery.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Z\0\0\0\x05");
        out.push(self.code());
    }
}

/// Reads the body of a ReadyForQuery.
///
/// # Errors
///
/// A status other than `I`, `T` and `E`.
pub fn ready_for_query(body: &[u8]) -> Result<TransactionStatus, Malformed> {
    let mut reader = Reader::new(body);
    let status = match reader.u8()? {
        b'I' => TransactionStatus::Idle,
        b'T' => TransactionStatus::InTransaction,
        b'E' => TransactionStatus::Failed,
        _ => return Err(Malformed::Code),
    };
    reader.finish()?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_states_are_read_and_no_other() {
        assert_eq!(ready_for_query(b"I"), Ok(TransactionStatus::Idle));
        assert_eq!(ready_for_query(b"T"), Ok(TransactionStatus::InTransaction));
        assert_eq!(ready_for_query(b"E"), Ok(TransactionStatus::Failed));
        assert_eq!(ready_for_query(b"X"), Err(Malformed::Code));
        assert_eq!(ready_for_query(b""), Err(Malformed::Truncated));
        assert_eq!(ready_for_query(b"II"), Err(Malformed::TrailingBytes));
    }

    #[test]
    fn a_state_is_written() {
        let out = &mut Vec::new();
        TransactionStatus::Failed.encode(out);
        assert_eq!(*out, b"Z\0\0\0\x05E");
    }
}
