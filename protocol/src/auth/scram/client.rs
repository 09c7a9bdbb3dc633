use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::attributes::{self, auth_message, positive, printable};
use super::key::Key;
use super::{Binding, Iterations, KeyDerivation, MAX_SERVER_MESSAGE, SaltedPassword};
use crate::auth::{ScramError, ScramMessage, Secret};

/// The beginning of an exchange: the client-first message is ready to be sent.
#[derive(Debug)]
pub struct ScramClient {
    password: Secret,
    binding: Binding,
    nonce: String,
    /// The client-first message without the binding's header.
    bare: String,
    first: Vec<u8>,
}

impl ScramClient {
    /// Starts an exchange. `nonce` has to be random and never used before: it is what keeps an old answer of the server
    /// from passing as a new one.
    ///
    /// The password goes through [`saslprep`](crate::auth::saslprep). There is no user name: PostgreSQL takes that of
    /// the start-up message.
    pub fn new(password: &Secret, nonce: &[u8; 18], binding: Binding) -> Self {
        Self::with_nonce(password, "", STANDARD.encode(nonce), binding)
    }

    /// Returns the client-first message, which goes to the server together with [`Binding::mechanism`].
    pub fn client_first(&self) -> &[u8] {
        &self.first
    }

    /// Takes the server-first message. Hashes nothing yet: that is left to [`KeyDerivation::run`].
    ///
    /// # Errors
    ///
    /// A malformed message, one that is longer than [`MAX_SERVER_MESSAGE`], a nonce that is not a continuation of the
    /// client's, or more iterations than `max`.
    pub fn challenge(
        self,
        server_first: &[u8],
        max: Iterations,
    ) -> Result<(KeyDerivation, ScramProving), ScramError> {
        let challenge = ServerFirst::parse(server_first)?;
        challenge.check_nonce(&self.nonce)?;
        let iterations = challenge.iterations_within(max)?;
        let without_proof = format!("{},r={}", self.binding.attribute(), challenge.nonce);
        let auth_message = auth_message(self.bare.as_bytes(), server_first, without_proof.as_bytes());
        let derivation = KeyDerivation::with_salt(&self.password, challenge.salt, iterations);
        Ok((derivation, ScramProving { auth_message, without_proof }))
    }

    fn with_nonce(password: &Secret, user: &str, nonce: String, binding: Binding) -> Self {
        let bare = format!("n={user},r={nonce}");
        let first = [binding.header(), &bare].concat().into_bytes();
        Self { password: password.clone(), binding, nonce, bare, first }
    }
}

/// The middle of an exchange: the challenge is accepted, and waits for the hashed password.
#[derive(Debug)]
pub struct ScramProving {
    auth_message: Vec<u8>,
    /// The client-final message up to its proof.
    without_proof: String,
}

impl ScramProving {
    /// Returns the client-final message and what checks the server's answer to it.
    pub fn prove(self, salted: SaltedPassword) -> (Vec<u8>, ScramVerifying) {
        let client_key = salted.client_key();
        let proof = client_key.xor(&client_key.stored().hmac(&self.auth_message));
        let client_final = format!("{},p={}", self.without_proof, proof.to_base64());
        let server_signature = salted.server_key().hmac(&self.auth_message);
        (client_final.into_bytes(), ScramVerifying { server_signature })
    }
}

/// The end of an exchange: the server has yet to prove that it knows the password too.
#[derive(Debug)]
#[must_use = "a server that was not verified may be anyone"]
pub struct ScramVerifying {
    server_signature: Key,
}

impl ScramVerifying {
    /// Takes the server-final message.
    ///
    /// # Errors
    ///
    /// The server's own error, a malformed message, or a wrong signature.
    pub fn verify(self, server_final: &[u8]) -> Result<(), ScramError> {
        let outcome = first_attribute(server_final).map_err(malformed(ScramMessage::ServerFinal))?;
        if let Some(reason) = outcome.strip_prefix(b"e=") {
            return Err(refusal(reason));
        }
        let signature = server_signature(outcome).map_err(malformed(ScramMessage::ServerFinal))?;
        if signature.ct_eq(&self.server_signature).into() { Ok(()) } else { Err(ScramError::WrongSignature) }
    }
}

/// The server-first message: `r=nonce,s=salt,i=iterations`, and extensions that are passed over.
// RFC 5802 §7
struct ServerFirst<'m> {
    nonce: &'m str,
    /// Not empty.
    salt: Vec<u8>,
    /// At least 1; `u64::MAX` stands for anything above.
    iterations: u64,
}

impl<'m> ServerFirst<'m> {
    fn parse(message: &'m [u8]) -> Result<Self, ScramError> {
        Self::read(message).map_err(malformed(ScramMessage::ServerFirst))
    }

    fn read(message: &'m [u8]) -> Result<Self, &'static str> {
        if first_attribute(message)?.starts_with(b"m=") {
            return Err("it demands an extension that does not exist");
        }
        let mut attributes = message.split(|byte| *byte == b',');
        let mut value = |name: &[u8]| attributes.next().and_then(|attribute| attribute.strip_prefix(name));
        let nonce = value(b"r=").ok_or("it does not start with a nonce")?;
        let salt = value(b"s=").ok_or("no salt follows the nonce")?;
        let iterations = value(b"i=").ok_or("no iteration count follows the salt")?;
        Ok(Self {
            nonce: printable(nonce).ok_or("its nonce is not printable ASCII")?,
            salt: decode_salt(salt)?,
            iterations: positive(iterations).ok_or("its iteration count is not a positive number")?,
        })
    }

    fn check_nonce(&self, client_nonce: &str) -> Result<(), ScramError> {
        match self.nonce.strip_prefix(client_nonce) {
            None => Err(ScramError::ForeignNonce),
            Some("") => Err(ScramError::NonceNotExtended),
            Some(_) => Ok(()),
        }
    }

    fn iterations_within(&self, limit: Iterations) -> Result<Iterations, ScramError> {
        u32::try_from(self.iterations)
            .ok()
            .and_then(Iterations::new)
            .filter(|iterations| *iterations <= limit)
            .ok_or(ScramError::TooManyIterations { asked: self.iterations, limit })
    }
}

fn first_attribute(message: &[u8]) -> Result<&[u8], &'static str> {
    attributes::check(message, MAX_SERVER_MESSAGE, "it is longer than 65,536 bytes")?;
    message
        .split(|byte| *byte == b',')
        .next()
        .filter(|attribute| !attribute.is_empty())
        .ok_or("its first attribute is empty")
}

fn decode_salt(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let salt = STANDARD.decode(value).map_err(|_| "its salt is not base64")?;
    if salt.is_empty() { Err("its salt is empty") } else { Ok(salt) }
}

fn server_signature(attribute: &[u8]) -> Result<Key, &'static str> {
    let value = attribute.strip_prefix(b"v=").ok_or("it holds neither a signature nor an error")?;
    Key::from_base64(value).ok_or("its signature is not the base64 of 32 bytes")
}

fn refusal(reason: &[u8]) -> ScramError {
    match str::from_utf8(reason) {
        Ok(reason) => ScramError::Refused { reason: reason.to_owned() },
        Err(_) => malformed(ScramMessage::ServerFinal)("its error is not UTF-8"),
    }
}

fn malformed(message: ScramMessage) -> impl Fn(&'static str) -> ScramError {
    move |problem| ScramError::Malformed { message, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT_NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAR";
    const SALT: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn client(password: &str, binding: Binding) -> ScramClient {
        let nonce = std::array::from_fn(|at| at as u8);
        ScramClient::new(&Secret::new(password), &nonce, binding)
    }

    fn challenge(server_first: impl AsRef<[u8]>) -> Result<(KeyDerivation, ScramProving), ScramError> {
        client("pencil", Binding::None).challenge(server_first.as_ref(), Iterations::DEFAULT_LIMIT)
    }

    fn server_first(iterations: &str) -> String {
        format!("r={CLIENT_NONCE}+more,s={SALT},i={iterations}")
    }

    /// What is wrong with this server-first message.
    fn problem(server_first: impl AsRef<[u8]>) -> &'static str {
        match challenge(server_first) {
            Err(ScramError::Malformed { message: ScramMessage::ServerFirst, problem }) => problem,
            other => panic!("not malformed: {other:?}"),
        }
    }

    fn verifying() -> ScramVerifying {
        let (derivation, proving) = challenge(server_first("3")).unwrap();
        proving.prove(derivation.run()).1
    }

    fn final_problem(server_final: &[u8]) -> &'static str {
        match verifying().verify(server_final) {
            Err(ScramError::Malformed { message: ScramMessage::ServerFinal, problem }) => problem,
            other => panic!("not malformed: {other:?}"),
        }
    }

    fn hex(key: &Key) -> String {
        key.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // RFC 7677 §3
    #[test]
    fn the_exchange_of_rfc_7677_is_reproduced() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let client = ScramClient::with_nonce(&Secret::new("pencil"), "user", nonce, Binding::None);
        assert_eq!(client.client_first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server_first =
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (derivation, proving) = client.challenge(server_first, Iterations::DEFAULT_LIMIT).unwrap();
        assert_eq!(derivation.iterations().get(), 4096);
        let salted = derivation.run();
        assert_eq!(hex(&salted.key), "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
        assert_eq!(
            hex(&salted.client_key()),
            "a60fc923d67e8644a92d16b96eda5ef4656b0c725c484374be25535576996e8b"
        );
        assert_eq!(salted.client_key().stored().to_base64(), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(salted.server_key().to_base64(), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
        let (client_final, verifying) = proving.prove(salted);
        assert_eq!(
            String::from_utf8(client_final).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(verifying.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
    }

    /// The expected values come from Python's hashlib and hmac.
    fn assert_exchange(password: &str, binding: Binding, first: &str, last: &str, server_final: &str) {
        let client = client(password, binding);
        assert_eq!(client.client_first(), first.as_bytes());
        let (derivation, proving) =
            client.challenge(server_first("3").as_bytes(), Iterations::DEFAULT_LIMIT).unwrap();
        let (client_final, verifying) = proving.prove(derivation.run());
        assert_eq!(String::from_utf8(client_final).unwrap(), last);
        assert_eq!(verifying.verify(server_final.as_bytes()), Ok(()));
    }

    #[test]
    fn a_bound_exchange_carries_the_certificate_hash() {
        let binding = Binding::TlsServerEndPoint((0..32).collect());
        assert_eq!(binding.mechanism(), "SCRAM-SHA-256-PLUS");
        assert_exchange(
            "pä",
            binding,
            "p=tls-server-end-point,,n=,r=AAECAwQFBgcICQoLDA0ODxAR",
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,\
             r=AAECAwQFBgcICQoLDA0ODxAR+more,p=zf12BphX9REiVBcy8+WFV7jJjEFk+vuKQ3Fa4dwYBUU=",
            "v=E3+8xBqPfNQcr3nCCjy7RtRHH9ls+4OIrkCgdX9LGdg=",
        );
    }

    #[test]
    fn a_client_that_could_have_bound_says_so() {
        assert_eq!(Binding::Unused.mechanism(), "SCRAM-SHA-256");
        assert_exchange(
            "pencil",
            Binding::Unused,
            "y,,n=,r=AAECAwQFBgcICQoLDA0ODxAR",
            "c=eSws,r=AAECAwQFBgcICQoLDA0ODxAR+more,p=rGBzIatbytMTH6cwW3wELowhCxb4C+nMww2Yng9UxWo=",
            "v=s9kNQdWZWPe/o0F8vuB0R0K7T0XDjZpjMFfBpwy0igY=",
        );
    }

    #[test]
    fn the_password_is_prepared() {
        let derived = |password| {
            let (derivation, _) = client(password, Binding::None)
                .challenge(server_first("3").as_bytes(), Iterations::DEFAULT_LIMIT)
                .unwrap();
            hex(&derivation.run().key)
        };
        assert_eq!(derived("\u{2168}"), derived("IX"));
        assert_ne!(derived("\u{2168}"), derived("ix"));
    }

    #[test]
    fn a_nonce_that_does_not_continue_ours_is_refused() {
        let foreign = format!("r=x{CLIENT_NONCE},s={SALT},i=4096");
        assert_eq!(challenge(foreign).unwrap_err(), ScramError::ForeignNonce);
        let shorter = format!("r=AAEC,s={SALT},i=4096");
        assert_eq!(challenge(shorter).unwrap_err(), ScramError::ForeignNonce);
    }

    #[test]
    fn a_nonce_that_equals_ours_is_refused() {
        let same = format!("r={CLIENT_NONCE},s={SALT},i=4096");
        assert_eq!(challenge(same).unwrap_err(), ScramError::NonceNotExtended);
    }

    #[test]
    fn a_long_nonce_is_accepted_and_an_unprintable_one_is_not() {
        let long = "~".repeat(1000);
        assert!(challenge(format!("r={CLIENT_NONCE}{long},s={SALT},i=4096")).is_ok());
        for bad in [" ", "\u{7f}", "\n", "é"] {
            let message = format!("r={CLIENT_NONCE}{bad},s={SALT},i=4096");
            assert_eq!(problem(message), "its nonce is not printable ASCII");
        }
        assert_eq!(problem(format!("r=,s={SALT},i=4096")), "its nonce is not printable ASCII");
    }

    #[test]
    fn an_iteration_count_that_is_no_positive_number_is_refused() {
        for bad in ["0", "-1", "+1", "4096x", "", " 4096", "4096 ", "04096", "0x10", "1e3", "٤"] {
            assert_eq!(problem(server_first(bad)), "its iteration count is not a positive number", "{bad:?}");
        }
    }

    #[test]
    fn iterations_are_capped_before_anything_is_hashed() {
        assert_eq!(challenge(server_first("1")).unwrap().0.iterations().get(), 1);
        assert_eq!(challenge(server_first("1000000")).unwrap().0.iterations(), Iterations::DEFAULT_LIMIT);
        let limit = Iterations::DEFAULT_LIMIT;
        for (text, asked) in [
            ("1000001", 1_000_001),
            ("2147483648", 1 << 31),
            ("4294967297", (1 << 32) + 1),
            ("99999999999999999999999999", u64::MAX),
        ] {
            let error = challenge(server_first(text)).unwrap_err();
            assert_eq!(error, ScramError::TooManyIterations { asked, limit });
        }
    }

    #[test]
    fn the_cap_is_the_callers() {
        let limit = Iterations::new(10).unwrap();
        let challenge =
            |count| client("pencil", Binding::None).challenge(server_first(count).as_bytes(), limit);
        assert!(challenge("10").is_ok());
        assert_eq!(challenge("11").unwrap_err(), ScramError::TooManyIterations { asked: 11, limit });
        assert_eq!(Iterations::new(0), None);
    }

    #[test]
    fn a_salt_that_is_empty_or_no_base64_is_refused() {
        let with_salt = |salt: &str| format!("r={CLIENT_NONCE}+more,s={salt},i=4096");
        assert_eq!(problem(with_salt("")), "its salt is empty");
        for bad in ["A", "AA", "AA=A", "AA==A", "A A=", "_-__", "===="] {
            assert_eq!(problem(with_salt(bad)), "its salt is not base64", "{bad:?}");
        }
        assert!(challenge(with_salt("AA==")).is_ok());
    }

    #[test]
    fn attributes_come_in_their_order() {
        assert_eq!(problem(""), "its first attribute is empty");
        assert_eq!(problem(","), "its first attribute is empty");
        assert_eq!(problem("e=other-error"), "it does not start with a nonce");
        assert_eq!(problem(format!("s={SALT},r={CLIENT_NONCE}+more,i=1")), "it does not start with a nonce");
        assert_eq!(problem(format!("r={CLIENT_NONCE}+more")), "no salt follows the nonce");
        assert_eq!(problem(format!("r={CLIENT_NONCE}+more,i=1")), "no salt follows the nonce");
        assert_eq!(problem(format!("r={CLIENT_NONCE}+more,s={SALT}")), "no iteration count follows the salt");
        assert_eq!(
            problem(format!("m=x,{}", server_first("1"))),
            "it demands an extension that does not exist"
        );
        assert_eq!(problem(format!("{}\0", server_first("1"))), "it holds a NUL byte");
    }

    #[test]
    fn optional_extensions_are_passed_over() {
        assert!(challenge(format!("{},x=y,z=ü", server_first("4096"))).is_ok());
    }

    #[test]
    fn a_message_is_read_up_to_its_limit_and_no_further() {
        let padded = |length: usize| {
            let start = format!("{},x=", server_first("4096"));
            format!("{start}{}", "y".repeat(length - start.len()))
        };
        assert!(challenge(padded(MAX_SERVER_MESSAGE)).is_ok());
        assert_eq!(problem(padded(MAX_SERVER_MESSAGE + 1)), "it is longer than 65,536 bytes");
        let long_final = vec![b'v'; MAX_SERVER_MESSAGE + 1];
        assert_eq!(final_problem(&long_final), "it is longer than 65,536 bytes");
    }

    #[test]
    fn a_wrong_signature_is_refused() {
        let zeros = format!("v={}", STANDARD.encode([0; 32]));
        assert_eq!(verifying().verify(zeros.as_bytes()), Err(ScramError::WrongSignature));
    }

    #[test]
    fn a_signature_of_another_shape_is_refused() {
        assert_eq!(final_problem(b"v="), "its signature is not the base64 of 32 bytes");
        assert_eq!(final_problem(b"v=AAAA"), "its signature is not the base64 of 32 bytes");
        let long = format!("v={}", STANDARD.encode([0; 33]));
        assert_eq!(final_problem(long.as_bytes()), "its signature is not the base64 of 32 bytes");
        assert_eq!(final_problem(b"v=%%%"), "its signature is not the base64 of 32 bytes");
        assert_eq!(final_problem(b""), "its first attribute is empty");
        assert_eq!(final_problem(b"V=AAAA"), "it holds neither a signature nor an error");
        assert_eq!(final_problem(b"v=AAAA\0"), "it holds a NUL byte");
    }

    #[test]
    fn the_servers_error_is_handed_on() {
        let refused = |reason: &str| Err(ScramError::Refused { reason: reason.to_owned() });
        assert_eq!(verifying().verify(b"e=invalid-proof"), refused("invalid-proof"));
        assert_eq!(verifying().verify(b"e=other-error,x=y"), refused("other-error"));
        assert_eq!(verifying().verify(b"e="), refused(""));
        assert_eq!(final_problem(b"e=\xff"), "its error is not UTF-8");
    }

    #[test]
    fn nothing_secret_is_printed_on_the_way() {
        let client = client("s3cr3t", Binding::None);
        let mut printed = format!("{client:?}");
        let (derivation, proving) =
            client.challenge(server_first("1").as_bytes(), Iterations::DEFAULT_LIMIT).unwrap();
        printed += &format!("{derivation:?}");
        let salted = derivation.run();
        let key_bytes = format!("{:?}", salted.key.bytes());
        printed += &format!("{salted:?}{proving:?}");
        let (_, verifying) = proving.prove(salted);
        let signature_bytes = format!("{:?}", verifying.server_signature.bytes());
        printed += &format!("{verifying:?}");
        assert!(
            !printed.contains("s3cr3t")
                && !printed.contains(&key_bytes)
                && !printed.contains(&signature_bytes)
        );
    }

    #[test]
    fn the_expensive_part_can_go_to_another_thread() {
        let (derivation, proving) = challenge(server_first("3")).unwrap();
        let salted = std::thread::spawn(move || derivation.run()).join().unwrap();
        assert!(proving.prove(salted).0.starts_with(b"c=biws,r="));
    }

    /// Bytes that come close to a message: pieces of one, in any order.
    fn near_message() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(format!("r={CLIENT_NONCE}").into_bytes()),
            Just(format!("s={SALT}").into_bytes()),
            prop::sample::select(vec!["i=", "v=", "e=", "m=", ",", "0", "7", "=", "\0", "é"])
                .prop_map(|text| text.as_bytes().to_vec()),
            any::<Vec<u8>>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_server_first_is_answered(message in near_message()) {
            if let Ok((derivation, _)) = challenge(&message) {
                prop_assert!(derivation.iterations() <= Iterations::DEFAULT_LIMIT);
            }
        }

        #[test]
        fn any_server_final_but_the_right_one_is_refused(message in near_message()) {
            prop_assert!(verifying().verify(&message).is_err());
        }
    }
}
