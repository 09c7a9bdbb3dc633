use std::fmt::Write;

use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Returns the answer to a request for an MD5 password: `md5` and 32 lower-case hexadecimal digits.
///
/// `user` is the name of the start-up message, `salt` comes with the request. Whoever records the stored hash can log in
/// with it, so this answer is as good as the password within its salt.
// PG docs: protocol-flow, "AuthenticationMD5Password"
pub fn md5_password(user: &[u8], password: &[u8], salt: [u8; 4]) -> String {
    let inner = Zeroizing::new(hex_md5(&[password, user]));
    format!("md5{}", hex_md5(&[inner.as_bytes(), &salt]))
}

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
}
