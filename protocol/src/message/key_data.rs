use std::fmt;

use subtle::ConstantTimeEq;

use super::ProtocolVersion;
use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// What a CancelRequest has to say to be believed: the process and its secret.
///
/// `Debug` shows the process and not the secret.
#[derive(Clone)]
pub struct CancelKey {
    process: i32,
    secret: Box<[u8]>,
}

impl CancelKey {
    /// Reads the body of a BackendKeyData.
    ///
    /// # Errors
    ///
    /// A secret shorter than 4 or longer than 256 bytes.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let process = reader.i32()?;
        Self::new(process, reader.rest())
    }

    /// Makes the key of a process: what a server gives out.
    ///
    /// # Errors
    ///
    /// A secret shorter than 4 or longer than 256 bytes.
    pub fn new(process: i32, secret: &[u8]) -> Result<Self, Malformed> {
        if !(4..=256).contains(&secret.len()) {
            return Err(Malformed::FieldLength);
        }
        Ok(Self { process, secret: secret.into() })
    }

    /// Appends a BackendKeyData.
    ///
    /// # Errors
    ///
    /// None that a [`CancelKey`] can cause.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::BackendKeyData.byte(), |body| {
            body.i32(self.process);
            body.bytes(&self.secret);
            Ok(())
        })
    }

    /// Tells whether a session of this version may have it: before 3.2 the secret has 4 bytes.
    // PG docs: protocol-message-formats, "BackendKeyData"
    pub(crate) fn is_of(&self, version: u32) -> bool {
        self.secret.len() == 4 || version >= ProtocolVersion::V3_2.code()
    }

    /// Returns the server process of the session, as in `pg_stat_activity.pid`.
    pub fn process(&self) -> i32 {
        self.process
    }

    /// Returns the secret.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl PartialEq for CancelKey {
    /// Takes the same time wherever the secrets differ: a server compares them with what anybody may send.
    fn eq(&self, other: &Self) -> bool {
        self.process == other.process && bool::from(self.secret.ct_eq(&other.secret))
    }
}

impl Eq for CancelKey {}

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelKey").field("process", &self.process).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_4_to_256_bytes_are_taken() {
        let parse = |length: usize| CancelKey::parse(&[&[0, 0, 0, 7][..], &vec![1; length]].concat());
        assert_eq!(parse(4).unwrap().process(), 7);
        assert_eq!(parse(256).unwrap().secret().len(), 256);
        assert!(parse(3).is_err() && parse(257).is_err());
    }

    #[test]
    fn the_secret_is_not_shown() {
        let key = CancelKey::parse(b"\0\0\0\x07\x2a\x2a\x2a\x2a").unwrap();
        assert_eq!(format!("{key:?}"), "CancelKey { process: 7, .. }");
    }
}
