use std::error::Error;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::attributes::positive;
use super::key::Key;
use super::{Iterations, KeyDerivation, SCRAM_SHA_256, SaltedPassword};
use crate::auth::Secret;

/// What a server keeps of a password: enough to check a proof, not enough to log in elsewhere.
///
/// It is read and written in PostgreSQL's form, that of `pg_authid.rolpassword`:
/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Whoever reads it can try out passwords and can pose as
/// the server, so it never prints.
///
/// ```
/// use molt_db_protocol::auth::Secret;
/// use molt_db_protocol::auth::scram::{Iterations, KeyDerivation, Verifier};
///
/// let password = Secret::new("pencil");
/// let derivation = KeyDerivation::new(&password, [7; 16], Iterations::new(4096).unwrap_or_default());
/// // The expensive part, wherever it hurts least:
/// let verifier = Verifier::new(&derivation.run());
///
/// let stored = verifier.encode();
/// assert!(stored.expose().starts_with(b"SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==$"));
/// let again: Verifier = str::from_utf8(stored.expose())?.parse()?;
/// assert!(again.matches(&again.derivation(&password).run()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// PG docs: catalog-pg-authid
#[derive(Debug, Clone)]
pub struct Verifier {
    /// Not empty.
    salt: Vec<u8>,
    iterations: Iterations,
    stored_key: Key,
    server_key: Key,
}

impl Verifier {
    /// Makes the verifier of a password from its hash.
    pub fn new(salted: &SaltedPassword) -> Self {
        Self {
            salt: salted.salt.clone(),
            iterations: salted.iterations,
            stored_key: salted.client_key().stored(),
            server_key: salted.server_key(),
        }
    }

    /// Makes a verifier for a user who does not exist, so that the exchange looks like that of one who does: it has the
    /// same salt every time, and nobody knows a password for it.
    ///
    /// `secret` stays the same for as long as the server lives, and is known to nobody else. `iterations` are to be
    /// those of the users who exist.
    // PG source: auth-scram.c, mock_scram_secret
    pub fn mock(secret: &Secret, user: &[u8], iterations: Iterations) -> Self {
        let secret = Key::digest(secret.expose());
        let derived = |purpose: &[u8]| secret.hmac(&[purpose, user].concat());
        Self {
            salt: derived(b"salt:").bytes().iter().copied().take(16).collect(),
            iterations,
            stored_key: derived(b"stored key:"),
            server_key: derived(b"server key:"),
        }
    }

    /// Returns the verifier in PostgreSQL's form.
    pub fn encode(&self) -> Secret {
        let salt = STANDARD.encode(&self.salt);
        let (stored, server) = (self.stored_key.to_base64(), self.server_key.to_base64());
        Secret::new(format!("{SCRAM_SHA_256}${}:{salt}${stored}:{server}", self.iterations.get()))
    }

    /// Prepares the check of a password that came in the clear; [`Verifier::matches`] ends it.
    pub fn derivation(&self, password: &Secret) -> KeyDerivation {
        KeyDerivation::with_salt(password, self.salt.clone(), self.iterations)
    }

    /// Tells, in constant time, whether this is the hash of the password.
    #[must_use]
    pub fn matches(&self, salted: &SaltedPassword) -> bool {
        salted.client_key().stored().ct_eq(&self.stored_key).into()
    }

    /// Returns the rounds of hashing that a client has to do.
    pub fn iterations(&self) -> Iterations {
        self.iterations
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The signature for a client that knows the password; nothing for one that does not.
    pub(super) fn check(&self, auth_message: &[u8], proof: &Key) -> Option<Key> {
        let client_key = self.stored_key.hmac(auth_message).xor(proof);
        let is_known = client_key.stored().ct_eq(&self.stored_key);
        bool::from(is_known).then(|| self.server_key.hmac(auth_message))
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.strip_prefix(SCRAM_SHA_256).and_then(|text| text.strip_prefix('$'));
        let (costs, pair) =
            text.and_then(|text| text.split_once('$')).ok_or("it does not begin with SCRAM-SHA-256")?;
        let (iterations, salt) = costs.split_once(':').ok_or("it has no salt")?;
        let (stored, server) = pair.split_once(':').ok_or("it has no ServerKey")?;
        let iterations = positive(iterations.as_bytes()).and_then(|count| u32::try_from(count).ok());
        let key = |text: &str| Key::from_base64(text.as_bytes());
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty());
        Ok(Self {
            iterations: iterations.and_then(Iterations::new).ok_or("its iteration count is out of range")?,
            salt: salt.ok_or("its salt is empty or no base64")?,
            stored_key: key(stored).ok_or("its StoredKey is not the base64 of 32 bytes")?,
            server_key: key(server).ok_or("its ServerKey is not the base64 of 32 bytes")?,
        })
    }
}

impl FromStr for Verifier {
    type Err = InvalidVerifier;

    fn from_str(text: &str) -> Result<Self, InvalidVerifier> {
        Self::read(text).map_err(|problem| InvalidVerifier { problem })
    }
}

/// A text is not a SCRAM verifier of PostgreSQL's. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidVerifier {
    problem: &'static str,
}

impl fmt::Display for InvalidVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a SCRAM verifier: {}", self.problem)
    }
}

impl Error for InvalidVerifier {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 7677 §3 in PostgreSQL's form
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn text(verifier: &Verifier) -> String {
        String::from_utf8(verifier.encode().expose().to_vec()).unwrap()
    }

    #[test]
    fn a_stored_verifier_is_read_and_written_as_it_was() {
        assert_eq!(text(&PENCIL.parse().unwrap()), PENCIL);
    }

    #[test]
    fn the_verifier_of_a_password_is_the_one_that_postgresql_stores() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let derivation = KeyDerivation::new(&Secret::new("pencil"), salt, Iterations::new(4096).unwrap());
        assert_eq!(text(&Verifier::new(&derivation.run())), PENCIL);
    }

    #[test]
    fn a_password_in_the_clear_is_checked_against_it() {
        let verifier: Verifier = PENCIL.parse().unwrap();
        assert!(verifier.matches(&verifier.derivation(&Secret::new("pencil")).run()));
        assert!(!verifier.matches(&verifier.derivation(&Secret::new("Pencil")).run()));
    }

    #[test]
    fn what_is_no_verifier_is_named() {
        let refused = |text: &str| text.parse::<Verifier>().unwrap_err().to_string();
        let with = |from: &str, to: &str| refused(&PENCIL.replacen(from, to, 1));
        assert!(refused("md5aabbccdd").ends_with("it does not begin with SCRAM-SHA-256"));
        assert!(with("SCRAM-SHA-256", "SCRAM-SHA-1").ends_with("it does not begin with SCRAM-SHA-256"));
        assert!(with("4096:", "4096").ends_with("it has no salt"));
        for bad in ["0", "-1", "+1", "", "4294967296", "1e3"] {
            assert!(with("4096", bad).ends_with("its iteration count is out of range"), "{bad:?}");
        }
        assert!(PENCIL.replacen("4096", "4294967295", 1).parse::<Verifier>().is_ok());
        assert!(with("W22ZaJ0SNY7soEsUEjb6gQ==", "").ends_with("its salt is empty or no base64"));
        assert!(with("W22Z", "%22Z").ends_with("its salt is empty or no base64"));
        assert!(with("qY=:", "qY=").ends_with("it has no ServerKey"));
        assert!(with("WG5d", "").ends_with("its StoredKey is not the base64 of 32 bytes"));
        assert!(with("2dU=", "2dU=AAAA").ends_with("its ServerKey is not the base64 of 32 bytes"));
    }

    #[test]
    fn a_verifier_never_prints() {
        let printed = format!("{:?}", PENCIL.parse::<Verifier>().unwrap());
        let bytes = format!("{:?}", PENCIL.parse::<Verifier>().unwrap().server_key.bytes());
        assert!(!printed.contains(&bytes) && !printed.contains("WG5d8oPm"), "{printed}");
    }

    #[test]
    fn a_mock_is_the_same_every_time_and_another_for_everyone_else() {
        let four = Iterations::new(4).unwrap();
        let mock =
            |secret: &str, user: &str| text(&Verifier::mock(&Secret::new(secret), user.as_bytes(), four));
        assert_eq!(mock("s", "a"), mock("s", "a"));
        assert_ne!(mock("s", "a"), mock("s", "b"));
        assert_ne!(mock("s", "a"), mock("t", "a"));
        let real = Verifier::new(&KeyDerivation::new(&Secret::new("x"), [1; 16], four).run());
        assert_eq!(mock("s", "a").len(), text(&real).len());
    }

    /// The salt is told to whoever asks.
    #[test]
    fn the_salt_of_a_mock_tells_nothing_of_its_keys() {
        let mock = Verifier::mock(&Secret::new("s"), b"a", Iterations::new(4).unwrap());
        assert_eq!(mock.salt.len(), 16);
        for key in [&mock.stored_key, &mock.server_key, &mock.server_key.stored()] {
            assert!(!key.bytes().starts_with(&mock.salt));
        }
        assert_ne!(mock.stored_key.bytes(), mock.server_key.bytes());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_written_as_it_was(tail in "[$:0-9A-Za-z+/=]{0,150}") {
            let stored = format!("SCRAM-SHA-256${tail}");
            if let Ok(verifier) = stored.parse::<Verifier>() {
                prop_assert_eq!(text(&verifier), stored);
            }
        }
    }
}
