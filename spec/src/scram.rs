//! A SCRAM-SHA-256 exchange with room for mistakes. It shares no code with the driver's: both cannot be wrong alike.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// How a client goes about it. The default does everything right, without channel binding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scram {
    /// The mechanism that it names.
    pub(crate) mechanism: &'static str,
    /// What the first message begins with.
    pub gs2: &'static str,
    /// What stands in `n=`, which PostgreSQL ignores.
    pub(crate) user: &'static str,
    /// What stands in front of `n=`: `m=ext,`.
    pub(crate) mandatory: &'static str,
    /// What follows the nonce: `,x=1`.
    pub(crate) extension: &'static str,
    /// The one thing that it does wrong.
    pub(crate) mistake: Mistake,
}

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// None.
    None,
    /// Another password.
    Password,
    /// Another nonce in the last message than the server sent.
    Nonce,
    /// A `c=` that is not of the first message.
    Binding,
    /// 32 zero bytes for a proof.
    Proof,
    /// No proof.
    NoProof,
    /// A proof that is not base64.
    ProofNotBase64,
}

impl Default for Scram {
    fn default() -> Self {
        Self {
            mechanism: "SCRAM-SHA-256",
            gs2: "n,,",
            user: "",
            mandatory: "",
            extension: "",
            mistake: Mistake::None,
        }
    }
}

/// An exchange that has begun.
pub(crate) struct Exchange {
    scram: Scram,
    bare: String,
    /// What `c=` has behind the header: the hash of the certificate, with channel binding.
    binding: Vec<u8>,
}

impl Exchange {
    pub(crate) fn new(scram: Scram, nonce: &str, certificate_hash: Option<Vec<u8>>) -> Self {
        let bare = format!("{}n={},r={nonce}{}", scram.mandatory, scram.user, scram.extension);
        let binding = certificate_hash.filter(|_| scram.gs2.starts_with("p=")).unwrap_or_default();
        Self { scram, bare, binding }
    }

    pub(crate) fn first(&self) -> String {
        format!("{}{}", self.scram.gs2, self.bare)
    }

    /// Returns the last message of the client, and what the server has to answer; `None` for a challenge that is none.
    pub(crate) fn last(&self, challenge: &[u8], password: &str) -> Option<(String, String)> {
        let challenge = std::str::from_utf8(challenge).ok()?;
        let mut attributes = challenge.split(',');
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let salt = STANDARD.decode(attributes.next()?.strip_prefix("s=")?).ok()?;
        let iterations =
            attributes.next()?.strip_prefix("i=")?.parse().ok().filter(|count| *count <= MOST_ITERATIONS)?;
        let header = if self.scram.mistake == Mistake::Binding { "y,," } else { self.scram.gs2 };
        let bound = STANDARD.encode([header.as_bytes(), &self.binding].concat());
        let changed = if self.scram.mistake == Mistake::Nonce { "x" } else { "" };
        let without_proof = format!("c={bound},r={nonce}{changed}");
        let password = if self.scram.mistake == Mistake::Password { "not the password" } else { password };
        let (proof, signature) =
            proof(password, &salt, iterations, &format!("{},{challenge},{without_proof}", self.bare));
        let last = match self.scram.mistake {
            Mistake::Proof => format!("{without_proof},p={}", STANDARD.encode([0; 32])),
            Mistake::NoProof => without_proof,
            Mistake::ProofNotBase64 => format!("{without_proof},p=&&&&"),
            Mistake::None | Mistake::Password | Mistake::Nonce | Mistake::Binding => {
                format!("{without_proof},p={}", STANDARD.encode(proof))
            }
        };
        Some((last, format!("v={}", STANDARD.encode(signature))))
    }
}

/// Returns what the server's last message has to be.
pub(crate) fn server_final(password: &str, salt: &[u8], iterations: u32, message: &str) -> String {
    format!("v={}", STANDARD.encode(proof(password, salt, iterations, message).1))
}

/// Returns the client's proof and the server's signature.
// RFC 5802 §3
fn proof(password: &str, salt: &[u8], iterations: u32, message: &str) -> (Vec<u8>, Vec<u8>) {
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut salted);
    let client_key = mac(&salted, b"Client Key");
    let signature = mac(&Sha256::digest(&client_key), message.as_bytes());
    let proof = client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();
    (proof, mac(&mac(&salted, b"Server Key"), message.as_bytes()))
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A target does not make us hash for minutes.
const MOST_ITERATIONS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7677 §3
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let scram = Scram { user: "user", ..Scram::default() };
        let exchange = Exchange::new(scram, "rOprNGfwEbeRWgbNEkqO", None);
        assert_eq!(exchange.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge =
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, answer) = exchange.last(challenge, "pencil").unwrap();
        assert!(last.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"));
        assert!(last.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert_eq!(answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn what_is_no_challenge_is_not_answered() {
        let exchange = Exchange::new(Scram::default(), "abc", None);
        for bad in ["", "r=abc", "r=abc,s=?,i=1", "r=abc,s=QQ==,i=x", "r=abc,s=QQ==,i=1000001"] {
            assert!(exchange.last(bad.as_bytes(), "").is_none(), "{bad}");
        }
    }
}
