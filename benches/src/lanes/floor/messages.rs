use molt_db::protocol::EncodeError;
use molt_db::protocol::message::{Bind, WireFormat, bind, execute, sync};

use super::wire::STATEMENT;

/// The messages of selects with one Sync behind them, and places for the keys.
#[derive(Debug)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    size: usize,
    /// Where the key is in the messages of a select.
    key: usize,
    /// How long those messages are.
    each: usize,
}

impl Messages {
    /// Returns how many selects there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn new(size: usize) -> Result<Self, EncodeError> {
        let mut one = Vec::new();
        let (formats, results) = (&[WireFormat::Binary], &[WireFormat::Binary]);
        let values = b"\0\0\0\x04\0\0\0\0";
        bind(&Bind { portal: "", statement: STATEMENT, formats, values, results }, &mut one)?;
        let key = one.len() - RESULT_FORMATS - KEY;
        execute("", 0, &mut one)?;
        let mut bytes = one.repeat(size);
        sync(&mut bytes);
        Ok(Self { bytes, size, key, each: one.len() })
    }

    /// Writes as many keys as there are selects.
    pub(super) fn of(&mut self, keys: &[i32]) -> &[u8] {
        for (select, key) in self.bytes.chunks_exact_mut(self.each).zip(keys) {
            select[self.key..][..KEY].copy_from_slice(&key.to_be_bytes());
        }
        &self.bytes
    }
}

const KEY: usize = 4;
/// A Bind ends with the count of result formats, one, and the format.
const RESULT_FORMATS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_into_their_places() {
        let mut messages = Messages::new(2).unwrap();
        let bytes = messages.of(&[0x0102_0304, 0x0506_0708]).to_vec();
        let places = |value: &[u8]| bytes.windows(value.len()).filter(|window| *window == value).count();
        assert_eq!(places(b"\0\0\0\x04\x01\x02\x03\x04\0\x01\0\x01E"), 1);
        assert_eq!(places(b"\0\0\0\x04\x05\x06\x07\x08\0\x01\0\x01E"), 1);
        assert!(bytes.ends_with(b"S\0\0\0\x04"));
        assert_eq!(bytes.len(), messages.of(&[7, 8]).len());
    }
}
