use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::Iterations;
use crate::auth::{Secret, saslprep};

/// The expensive part of an exchange: the password is hashed as often as the server asks.
///
/// Nothing but the processor is needed for it, so it can be moved to a thread where it holds up nobody.
#[derive(Debug)]
#[must_use]
pub struct KeyDerivation {
    password: Secret,
    salt: Vec<u8>,
    iterations: Iterations,
}

impl KeyDerivation {
    /// Prepares the making of a [`Verifier`](super::Verifier). `salt` has to be random, and new for every password.
    ///
    /// The password goes through [`saslprep`].
    pub fn new(password: &Secret, salt: [u8; 16], iterations: Iterations) -> Self {
        Self::with_salt(password, salt.to_vec(), iterations)
    }

    pub(super) fn with_salt(password: &Secret, salt: Vec<u8>, iterations: Iterations) -> Self {
        Self { password: Secret::new(saslprep(password.expose())), salt, iterations }
    }

    /// Returns how often the hash is going to be repeated. A repetition costs in the order of a microsecond.
    pub fn iterations(&self) -> Iterations {
        self.iterations
    }

    /// Hashes the password.
    pub fn run(self) -> SaltedPassword {
        let mut key = Key::default();
        let rounds = self.iterations.get();
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.expose(), &self.salt, rounds, key.0.as_mut_slice());
        SaltedPassword { key, salt: self.salt, iterations: self.iterations }
    }
}

/// What PBKDF2 makes of a password. Wiped when dropped, never printed.
#[derive(Debug)]
pub struct SaltedPassword {
    pub(super) key: Key,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: Iterations,
}

// RFC 5802 §3
impl SaltedPassword {
    pub(super) fn client_key(&self) -> Key {
        self.key.hmac(b"Client Key")
    }

    pub(super) fn server_key(&self) -> Key {
        self.key.hmac(b"Server Key")
    }
}

/// 32 bytes that are derived from a secret.
#[derive(Clone, Default)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Shortens a secret of any length to a key.
    pub(super) fn digest(secret: &[u8]) -> Self {
        Self(Zeroizing::new(Sha256::digest(secret).into()))
    }

    /// Returns `None` if this is no base64, or not that of 32 bytes.
    pub(super) fn from_base64(text: &[u8]) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    pub(super) fn to_base64(&self) -> String {
        STANDARD.encode(self.bytes())
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn hmac(&self, message: &[u8]) -> Self {
        // HMAC fills a key up with zeros to the block size of its hash, 64 bytes. RFC 2104 §2
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(self.0.iter()) {
            *to = *from;
        }
        let mac = Hmac::<Sha256>::new((&*block).into()).chain_update(message);
        Self(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    /// The key that the server stores in place of this one.
    pub(super) fn stored(&self) -> Self {
        Self::digest(self.bytes())
    }

    pub(super) fn xor(&self, other: &Self) -> Self {
        let mut key = Self::default();
        for ((to, a), b) in key.0.iter_mut().zip(self.0.iter()).zip(other.0.iter()) {
            *to = a ^ b;
        }
        key
    }
}

impl ConstantTimeEq for Key {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.bytes().ct_eq(other.bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
