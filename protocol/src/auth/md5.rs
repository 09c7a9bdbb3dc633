use std::error::Error;
use std::fmt;
use std::fmt::Write;
use std::str::FromStr;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Returns the answer to a request for an MD5 password: `md5` and 32 lower-case hexadecimal digits.
///
/// `user` is the name of the start-up message, `salt` comes with the request. Whoever records the stored hash can log
/// in with it, so this answer is as good as the password within its salt.
// PG docs: protocol-flow, "AuthenticationMD5Password"
pub fn md5_password(user: &[u8], password: &[u8], salt: [u8; 4]) -> String {
    Md5Hash::new(user, password).answer(salt)
}

/// What a server keeps of a password for the MD5 method: `md5` and 32 hexadecimal digits, as in
/// `pg_authid.rolpassword`.
///
/// It is as good as the password itself to whoever reads it, so it never prints.
///
/// ```
/// use molt_db_protocol::auth::{Md5Hash, md5_password};
///
/// let stored: Md5Hash = "md5dc5a97bd9559e6b4c2e2e7fb7c48e1c0".parse()?;
/// assert!(!stored.verify(b"md5", [1, 2, 3, 4]));
///
/// let stored = Md5Hash::new(b"app", b"pencil");
/// assert!(stored.verify(md5_password(b"app", b"pencil", [1, 2, 3, 4]).as_bytes(), [1, 2, 3, 4]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Md5Hash {
    /// 32 lower-case digits.
    hex: Zeroizing<String>,
}

impl Md5Hash {
    /// Hashes a password as the server stores it.
    pub fn new(user: &[u8], password: &[u8]) -> Self {
        Self { hex: Zeroizing::new(hex_md5(&[password, user])) }
    }

    /// Tells whether this is the answer of someone who knows the password. The digests are compared in constant time.
    #[must_use]
    pub fn verify(&self, answer: &[u8], salt: [u8; 4]) -> bool {
        self.answer(salt).as_bytes().ct_eq(answer).into()
    }

    /// Tells whether this is the hash of a password that came in the clear. The digests are compared in constant time.
    #[must_use]
    pub fn verify_cleartext(&self, user: &[u8], password: &[u8]) -> bool {
        self.hex.as_bytes().ct_eq(Self::new(user, password).hex.as_bytes()).into()
    }

    fn answer(&self, salt: [u8; 4]) -> String {
        format!("md5{}", hex_md5(&[self.hex.as_bytes(), &salt]))
    }
}

impl FromStr for Md5Hash {
    type Err = InvalidMd5Hash;

    fn from_str(text: &str) -> Result<Self, InvalidMd5Hash> {
        let is_hex = |hex: &str| hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        let hex = text.strip_prefix("md5").filter(|hex| is_hex(hex)).ok_or(InvalidMd5Hash)?;
        Ok(Self { hex: Zeroizing::new(hex.to_ascii_lowercase()) })
    }
}

impl fmt::Debug for Md5Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A text is not `md5` and 32 hexadecimal digits. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidMd5Hash;

impl fmt::Display for InvalidMd5Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an MD5 hash: it has to be `md5` and 32 hexadecimal digits")
    }
}

impl Error for InvalidMd5Hash {}

fn hex_md5(parts: &[&[u8]]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected values come from Python's hashlib.
    #[test]
    fn the_answer_is_the_one_that_other_implementations_give() {
        assert_eq!(md5_password(b"app", b"pencil", [1, 2, 3, 4]), "md54bfca4ca571b8df74c2fc2247888d96f");
        let umlauts = md5_password("jürgen".as_bytes(), "pässword".as_bytes(), [0x00, 0xff, 0x80, 0x7f]);
        assert_eq!(umlauts, "md50a76b892648bae384a19e23bb2bbd6cd");
    }
    #[test]
    fn the_stored_form_is_read_whatever_the_case_of_its_digits() {
        for stored in ["md506d701b4dd9f7cbb00816251a451b978", "md506D701B4DD9F7CBB00816251A451B978"] {
            let hash: Md5Hash = stored.parse().unwrap();
            assert!(hash.verify(b"md54bfca4ca571b8df74c2fc2247888d96f", [1, 2, 3, 4]));
            assert!(hash.verify_cleartext(b"app", b"pencil"));
        }
    }

    #[test]
    fn any_other_answer_is_refused() {
        let hash = Md5Hash::new(b"app", b"pencil");
        let answer = md5_password(b"app", b"pencil", [1, 2, 3, 4]);
        assert!(hash.verify(answer.as_bytes(), [1, 2, 3, 4]));
        assert!(!hash.verify(answer.as_bytes(), [1, 2, 3, 5]));
        for place in 0..answer.len() {
            let mut other = answer.clone().into_bytes();
            other[place] ^= 1;
            assert!(!hash.verify(&other, [1, 2, 3, 4]), "{place}");
            assert!(!hash.verify(&answer.as_bytes()[..place], [1, 2, 3, 4]), "{place}");
        }
        assert!(!hash.verify_cleartext(b"app", b"Pencil") && !hash.verify_cleartext(b"ap", b"pencil"));
    }

    #[test]
    fn what_is_no_hash_is_refused_and_a_hash_never_prints() {
        let digits = "06d701b4dd9f7cbb00816251a451b978";
        for bad in [
            "",
            "md5",
            digits,
            &format!("MD5{digits}"),
            &format!("md5{digits}0"),
            &format!("md5g{}", &digits[1..]),
        ] {
            assert_eq!(bad.parse::<Md5Hash>().unwrap_err(), InvalidMd5Hash, "{bad}");
        }
        assert_eq!(format!("{:?}", Md5Hash::new(b"app", b"pencil")), "[redacted]");
    }
}
