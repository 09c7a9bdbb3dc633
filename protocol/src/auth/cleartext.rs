use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::Secret;

/// Tells a server whether the client's password is the one that is expected. How long that takes tells nothing of where
/// the two differ. An empty password is never right, as in PostgreSQL.
// PG source: auth.c, recv_password_packet
#[must_use]
pub fn verify_cleartext(expected: &Secret, given: &[u8]) -> bool {
    let is_equal: bool = digest(expected.expose()).ct_eq(&*digest(given)).into();
    is_equal && !given.is_empty()
}

/// All digests have one length, so that comparing them does not tell that of the password.
fn digest(password: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(password).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_password_is_right() {
        let expected = Secret::new("pencil");
        assert!(verify_cleartext(&expected, b"pencil"));
        for wrong in ["", "p", "pencil ", "pencil\0", "Pencil"] {
            assert!(!verify_cleartext(&expected, wrong.as_bytes()), "{wrong:?}");
        }
        assert!(!verify_cleartext(&Secret::new(""), b""));
    }
}
