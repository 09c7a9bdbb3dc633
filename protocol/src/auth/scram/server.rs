use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::attributes::{self, auth_message, is_attribute, printable};
use super::key::Key;
use super::{Binding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, Verifier};
use crate::auth::{ScramMessage, ScramRefusal};

/// What a server has to offer a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// No channel binding: no TLS, or a certificate whose hash is not defined.
    Plain,
    /// Channel binding to the certificate with this hash, and SCRAM without it for a client that cannot bind.
    Plus(Vec<u8>),
}

impl Offer {
    /// Returns the names for AuthenticationSASL, the preferred one first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[SCRAM_SHA_256],
            Self::Plus(_) => &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256],
        }
    }
}

/// The server's beginning of an exchange: the client is to choose a mechanism.
///
/// ```
/// use molt_db_protocol::auth::Secret;
/// use molt_db_protocol::auth::scram::*;
///
/// let (password, four) = (Secret::new("pencil"), Iterations::new(4).unwrap_or_default());
/// let verifier = Verifier::new(&KeyDerivation::new(&password, [7; 16], four).run());
///
/// let server = ScramServer::new(verifier, Offer::Plain);
/// let client = ScramClient::new(&password, &[1; 18], Binding::None);
/// let (server_first, checking) = server.challenge("SCRAM-SHA-256", client.client_first(), &[2; 18])?;
/// let (derivation, proving) = client.challenge(&server_first, four)?;
/// let (client_final, verifying) = proving.prove(derivation.run());
/// let server_final = checking.check(&client_final)?;
/// verifying.verify(&server_final)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ScramServer {
    verifier: Verifier,
    offer: Offer,
}

impl ScramServer {
    /// Starts an exchange with the user of the StartupMessage. For one who does not exist, [`Verifier::mock`] stands
    /// in: what follows is the same, and fails at its end.
    pub fn new(verifier: Verifier, offer: Offer) -> Self {
        Self { verifier, offer }
    }

    /// Takes the client-first message and the mechanism that it came with; returns the server-first message.
    ///
    /// `nonce` has to be random and never used before. The user's name in the message is passed over.
    ///
    /// # Errors
    ///
    /// The mechanism was not offered, the message is malformed or longer than [`MAX_CLIENT_MESSAGE`], asks for what
    /// PostgreSQL refuses, or shows that the offer of channel binding was removed on its way.
    pub fn challenge(
        self,
        mechanism: &str,
        client_first: &[u8],
        nonce: &[u8; 18],
    ) -> Result<(Vec<u8>, ScramChecking), ScramRefusal> {
        if !self.offer.mechanisms().contains(&mechanism) {
            return Err(ScramRefusal::Mechanism);
        }
        let first = ClientFirst::parse(client_first)?;
        let binding = first.bound(mechanism, self.offer)?;
        let nonce = format!("{}{}", first.nonce, STANDARD.encode(nonce));
        let salt = STANDARD.encode(self.verifier.salt());
        let server_first = format!("r={nonce},s={salt},i={}", self.verifier.iterations().get()).into_bytes();
        let checking = ScramChecking {
            verifier: self.verifier,
            binding,
            nonce,
            client_first_bare: first.bare.to_vec(),
            server_first: server_first.clone(),
        };
        Ok((server_first, checking))
    }
}

/// The server's end of an exchange: the client has yet to prove that it knows the password.
#[derive(Debug)]
#[must_use = "a client that was not checked may be anyone"]
pub struct ScramChecking {
    verifier: Verifier,
    binding: Binding,
    nonce: String,
    client_first_bare: Vec<u8>,
    server_first: Vec<u8>,
}

impl ScramChecking {
    /// Takes the client-final message; returns the server-final message. The client is who it says it is.
    ///
    /// # Errors
    ///
    /// A malformed message, another binding or nonce than those of this exchange, or a wrong proof.
    pub fn check(self, client_final: &[u8]) -> Result<Vec<u8>, ScramRefusal> {
        let answer = ClientFinal::parse(client_final)?;
        if answer.channel != self.binding.attribute().as_bytes() {
            return Err(self.foreign_channel());
        }
        if answer.nonce != self.nonce.as_bytes() {
            return Err(ScramRefusal::ForeignNonce);
        }
        let message = auth_message(&self.client_first_bare, &self.server_first, answer.without_proof);
        let signature = self.verifier.check(&message, &answer.proof).ok_or(ScramRefusal::WrongProof)?;
        Ok(format!("v={}", signature.to_base64()).into_bytes())
    }

    fn foreign_channel(&self) -> ScramRefusal {
        match self.binding {
            Binding::TlsServerEndPoint(_) => ScramRefusal::ForeignCertificate,
            Binding::None | Binding::Unused => {
                malformed(ScramMessage::ClientFinal)("its channel binding is not that of the first message")
            }
        }
    }
}

/// The client-first message: `flag,authzid,n=user,r=nonce`, and extensions that are passed over.
// RFC 5802 §7
struct ClientFirst<'m> {
    flag: Flag,
    /// The message without the first two fields.
    bare: &'m [u8],
    nonce: &'m str,
}

/// What the client says about channel binding.
enum Flag {
    Unable,
    Unused,
    TlsServerEndPoint,
}

impl<'m> ClientFirst<'m> {
    fn parse(message: &'m [u8]) -> Result<Self, ScramRefusal> {
        let malformed = malformed(ScramMessage::ClientFirst);
        attributes::check(message, MAX_CLIENT_MESSAGE, TOO_LONG).map_err(&malformed)?;
        let mut fields = message.splitn(3, |byte| *byte == b',');
        let flag = Flag::parse(fields.next().unwrap_or_default()).map_err(&malformed)?;
        match fields.next() {
            Some(b"") => {}
            Some([b'a', b'=', ..]) => return Err(ScramRefusal::AuthorizationIdentity),
            _ => return Err(malformed("no authorization identity follows the channel binding flag")),
        }
        let bare = fields.next().ok_or_else(|| malformed("it ends after the authorization identity"))?;
        let nonce = read_nonce(bare).map_err(malformed)?;
        Ok(Self { flag, bare, nonce })
    }

    /// The mechanism is one of those that were offered.
    // PG source: auth-scram.c, read_client_first_message; RFC 5802 §6
    fn bound(&self, mechanism: &str, offer: Offer) -> Result<Binding, ScramRefusal> {
        let malformed = malformed(ScramMessage::ClientFirst);
        match (&self.flag, offer) {
            (Flag::TlsServerEndPoint, Offer::Plus(hash)) if mechanism == SCRAM_SHA_256_PLUS => {
                Ok(Binding::TlsServerEndPoint(hash))
            }
            (_, _) if mechanism == SCRAM_SHA_256_PLUS => {
                Err(malformed("it does not bind to the channel, as its mechanism says"))
            }
            (Flag::TlsServerEndPoint, _) => {
                Err(malformed("it binds to the channel, against what its mechanism says"))
            }
            (Flag::Unused, Offer::Plus(_)) => Err(ScramRefusal::Downgraded),
            (Flag::Unused, Offer::Plain) => Ok(Binding::Unused),
            (Flag::Unable, _) => Ok(Binding::None),
        }
    }
}

impl Flag {
    fn parse(field: &[u8]) -> Result<Self, &'static str> {
        match field {
            b"n" => Ok(Self::Unable),
            b"y" => Ok(Self::Unused),
            b"p=tls-server-end-point" => Ok(Self::TlsServerEndPoint),
            [b'p', b'=', ..] => Err("it binds to the channel in a way that is not known"),
            _ => Err("it does not start with a channel binding flag"),
        }
    }
}

fn read_nonce(bare: &[u8]) -> Result<&str, &'static str> {
    let mut fields = bare.split(|byte| *byte == b',');
    match fields.next() {
        Some([b'm', b'=', ..]) => return Err("it demands an extension that does not exist"),
        Some([b'n', b'=', ..]) => {}
        _ => return Err("no user follows the authorization identity"),
    }
    let nonce =
        fields.next().and_then(|field| field.strip_prefix(b"r=")).ok_or("no nonce follows the user")?;
    if !fields.all(is_attribute) {
        return Err("what follows its nonce is no extension");
    }
    printable(nonce).ok_or("its nonce is not printable ASCII")
}

/// The client-final message: `c=channel,r=nonce`, extensions that are passed over, `p=proof`.
// RFC 5802 §7
struct ClientFinal<'m> {
    /// With its name.
    channel: &'m [u8],
    nonce: &'m [u8],
    without_proof: &'m [u8],
    proof: Key,
}

impl<'m> ClientFinal<'m> {
    fn parse(message: &'m [u8]) -> Result<Self, ScramRefusal> {
        Self::read(message).map_err(malformed(ScramMessage::ClientFinal))
    }

    fn read(message: &'m [u8]) -> Result<Self, &'static str> {
        attributes::check(message, MAX_CLIENT_MESSAGE, TOO_LONG)?;
        let mut from_the_end = message.rsplitn(2, |byte| *byte == b',');
        let proof = from_the_end.next().and_then(|field| field.strip_prefix(b"p="));
        let proof = proof.ok_or("it does not end with a proof")?;
        let without_proof = from_the_end.next().ok_or("nothing stands before its proof")?;
        let mut fields = without_proof.split(|byte| *byte == b',');
        let channel = fields.next().filter(|field| field.starts_with(b"c="));
        let nonce = fields.next().and_then(|field| field.strip_prefix(b"r="));
        if !fields.all(is_attribute) {
            return Err("what follows its nonce is no extension");
        }
        Ok(Self {
            channel: channel.ok_or("it does not start with a channel binding")?,
            nonce: nonce.ok_or("no nonce follows the channel binding")?,
            without_proof,
            proof: Key::from_base64(proof).ok_or("its proof is not the base64 of 32 bytes")?,
        })
    }
}

fn malformed(message: ScramMessage) -> impl Fn(&'static str) -> ScramRefusal {
    move |problem| ScramRefusal::Malformed { message, problem }
}

/// The largest client message that a server reads, in bytes. A longer one is refused.
// PG source: sasl.h, PG_MAX_SASL_MESSAGE_LENGTH
pub const MAX_CLIENT_MESSAGE: usize = 1024;

const TOO_LONG: &str = "it is longer than 1,024 bytes";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;
    use crate::auth::scram::{Iterations, KeyDerivation};
    use proptest::prelude::*;

    const HASH: [u8; 32] = [9; 32];

    fn server(offer: Offer) -> ScramServer {
        let four = Iterations::new(4).unwrap();
        let salted = KeyDerivation::new(&Secret::new("pencil"), [3; 16], four).run();
        ScramServer::new(Verifier::new(&salted), offer)
    }

    fn bindable() -> ScramServer {
        server(Offer::Plus(HASH.to_vec()))
    }

    fn first(message: impl AsRef<[u8]>) -> Result<(Vec<u8>, ScramChecking), ScramRefusal> {
        server(Offer::Plain).challenge(SCRAM_SHA_256, message.as_ref(), &[0; 18])
    }

    fn first_problem(message: impl AsRef<[u8]>) -> &'static str {
        match first(message) {
            Err(ScramRefusal::Malformed { message: ScramMessage::ClientFirst, problem }) => problem,
            other => panic!("not malformed: {other:?}"),
        }
    }

    fn last(message: impl AsRef<[u8]>) -> ScramRefusal {
        first("n,,n=,r=abc").unwrap().1.check(message.as_ref()).unwrap_err()
    }

    fn last_problem(message: impl AsRef<[u8]>) -> &'static str {
        match last(message) {
            ScramRefusal::Malformed { message: ScramMessage::ClientFinal, problem } => problem,
            other => panic!("not malformed: {other:?}"),
        }
    }

    const NONCE: &str = "abcAAAAAAAAAAAAAAAAAAAAAAAA";
    const NO_PROOF: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    // RFC 7677 §3
    #[test]
    fn the_server_of_rfc_7677_is_reproduced() {
        let verifier: Verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
            .parse()
            .unwrap();
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (_, mut checking) = ScramServer::new(verifier, Offer::Plain)
            .challenge(SCRAM_SHA_256, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", &[0; 18])
            .unwrap();
        // The RFC's nonce is no base64 of 18 bytes.
        checking.nonce = nonce.to_owned();
        checking.server_first = format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").into_bytes();
        let client_final = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let server_final = checking.check(client_final.as_bytes()).unwrap();
        assert_eq!(server_final, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn the_challenge_tells_nonce_salt_and_iterations() {
        let (server_first, _) = first("n,,n=whoever,r=abc").unwrap();
        assert_eq!(server_first, format!("r={NONCE},s=AwMDAwMDAwMDAwMDAwMDAw==,i=4").as_bytes());
    }

    #[test]
    fn a_client_that_could_have_bound_is_told_of_the_downgrade() {
        let refused = bindable().challenge(SCRAM_SHA_256, b"y,,n=,r=abc", &[0; 18]).unwrap_err();
        assert_eq!((refused, refused.sqlstate()), (ScramRefusal::Downgraded, "28000"));
        assert!(bindable().challenge(SCRAM_SHA_256, b"n,,n=,r=abc", &[0; 18]).is_ok());
        assert!(first("y,,n=,r=abc").is_ok());
    }

    #[test]
    fn the_mechanism_is_one_that_was_offered() {
        for mechanism in ["", "SCRAM-SHA-1", "scram-sha-256", SCRAM_SHA_256_PLUS] {
            let refused = server(Offer::Plain).challenge(mechanism, b"n,,n=,r=abc", &[0; 18]).unwrap_err();
            assert_eq!((refused, refused.sqlstate()), (ScramRefusal::Mechanism, "08P01"), "{mechanism}");
        }
        assert_eq!(Offer::Plain.mechanisms(), ["SCRAM-SHA-256"]);
        assert_eq!(Offer::Plus(vec![]).mechanisms(), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    }

    #[test]
    fn the_flag_and_the_mechanism_agree() {
        let plus = |message: &[u8]| bindable().challenge(SCRAM_SHA_256_PLUS, message, &[0; 18]);
        assert!(plus(b"p=tls-server-end-point,,n=,r=abc").is_ok());
        for flag in ["n", "y"] {
            let refused = plus(format!("{flag},,n=,r=abc").as_bytes()).unwrap_err();
            assert!(refused.to_string().ends_with("does not bind to the channel, as its mechanism says"));
            assert_eq!(refused.sqlstate(), "08P01");
        }
        assert!(
            first_problem("p=tls-server-end-point,,n=,r=abc").starts_with("it binds to the channel, against")
        );
        assert!(first_problem("p=tls-unique,,n=,r=abc").ends_with("in a way that is not known"));
    }

    #[test]
    fn an_authorization_identity_is_refused() {
        let refused = first("n,a=root,n=,r=abc").unwrap_err();
        assert_eq!((refused, refused.sqlstate()), (ScramRefusal::AuthorizationIdentity, "0A000"));
    }

    #[test]
    fn the_users_name_is_passed_over_and_so_are_optional_extensions() {
        for message in ["n,,n=someone=2Celse,r=abc", "n,,n=,r=abc,x=y,z=", "n,,n=\u{fc},r=abc"] {
            assert!(first(message).is_ok(), "{message}");
        }
        assert!(first(b"n,,n=\xff,r=abc").is_ok());
    }

    #[test]
    fn a_client_first_of_another_shape_is_refused() {
        for (message, problem) in [
            ("", "it does not start with a channel binding flag"),
            ("N,,n=,r=abc", "it does not start with a channel binding flag"),
            ("n", "no authorization identity follows the channel binding flag"),
            ("n,x,n=,r=abc", "no authorization identity follows the channel binding flag"),
            ("n,", "it ends after the authorization identity"),
            ("n,,", "no user follows the authorization identity"),
            ("n,,r=abc", "no user follows the authorization identity"),
            ("n,,m=x,n=,r=abc", "it demands an extension that does not exist"),
            ("n,,n=", "no nonce follows the user"),
            ("n,,n=,x=abc", "no nonce follows the user"),
            ("n,,n=,r=", "its nonce is not printable ASCII"),
            ("n,,n=,r=a b", "its nonce is not printable ASCII"),
            ("n,,n=,r=abc,", "what follows its nonce is no extension"),
            ("n,,n=,r=abc,1=x", "what follows its nonce is no extension"),
            ("n,,n=,r=abc\0", "it holds a NUL byte"),
        ] {
            assert_eq!(first_problem(message), problem, "{message:?}");
        }
    }

    #[test]
    fn a_client_message_is_read_up_to_its_limit_and_no_further() {
        let of = |length: usize| format!("n,,n=,r={}", "x".repeat(length - 8));
        assert!(first(of(MAX_CLIENT_MESSAGE)).is_ok());
        assert_eq!(first_problem(of(MAX_CLIENT_MESSAGE + 1)), TOO_LONG);
        let of = |length: usize| {
            let (start, end) = (format!("c=biws,r={NONCE},x="), format!(",p={NO_PROOF}"));
            format!("{start}{}{end}", "x".repeat(length - start.len() - end.len()))
        };
        assert_eq!(last(of(MAX_CLIENT_MESSAGE)), ScramRefusal::WrongProof);
        assert_eq!(last_problem(of(MAX_CLIENT_MESSAGE + 1)), TOO_LONG);
    }

    #[test]
    fn a_client_final_of_another_shape_is_refused() {
        for (message, problem) in [
            (String::new(), "it does not end with a proof"),
            (format!("p={NO_PROOF}"), "nothing stands before its proof"),
            (format!("c=biws,r={NONCE}"), "it does not end with a proof"),
            (format!("c=biws,r={NONCE},p={NO_PROOF},x=y"), "it does not end with a proof"),
            (format!("r={NONCE},p={NO_PROOF}"), "it does not start with a channel binding"),
            (format!("c=biws,p={NO_PROOF}"), "no nonce follows the channel binding"),
            (format!("c=biws,r={NONCE},x,p={NO_PROOF}"), "what follows its nonce is no extension"),
            (format!("c=biws,r={NONCE},p="), "its proof is not the base64 of 32 bytes"),
            (format!("c=biws,r={NONCE},p=AAAA"), "its proof is not the base64 of 32 bytes"),
            (
                format!("c=eSws,r={NONCE},p={NO_PROOF}"),
                "its channel binding is not that of the first message",
            ),
            (format!("c=,r={NONCE},p={NO_PROOF}"), "its channel binding is not that of the first message"),
            (format!("c=biws,r={NONCE},p={NO_PROOF}\0"), "it holds a NUL byte"),
        ] {
            assert_eq!(last_problem(&message), problem, "{message:?}");
        }
    }

    #[test]
    fn another_nonce_and_a_wrong_proof_are_told_apart() {
        for nonce in ["abc", "", "abd", &NONCE[..NONCE.len() - 1], &format!("{NONCE}A")] {
            let refused = last(format!("c=biws,r={nonce},p={NO_PROOF}"));
            assert_eq!((refused, refused.sqlstate()), (ScramRefusal::ForeignNonce, "08P01"));
        }
        let refused = last(format!("c=biws,r={NONCE},p={NO_PROOF}"));
        assert_eq!((refused, refused.sqlstate()), (ScramRefusal::WrongProof, "28P01"));
    }

    #[test]
    fn a_client_bound_to_another_certificate_is_refused() {
        let (_, checking) =
            bindable().challenge(SCRAM_SHA_256_PLUS, b"p=tls-server-end-point,,n=,r=abc", &[0; 18]).unwrap();
        let channel = Binding::TlsServerEndPoint(vec![8; 32]).attribute();
        let refused = checking.check(format!("{channel},r={NONCE},p={NO_PROOF}").as_bytes()).unwrap_err();
        assert_eq!((refused, refused.sqlstate()), (ScramRefusal::ForeignCertificate, "28000"));
    }

    /// Bytes that come close to a message: pieces of one, in any order.
    fn near_message() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "n,",
            "y,",
            "p=tls-server-end-point",
            ",",
            "n=",
            "r=",
            NONCE,
            "c=biws",
            "p=",
            NO_PROOF,
            "\0",
            "m=",
        ];
        let piece = prop_oneof![
            4 => prop::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
            1 => any::<Vec<u8>>(),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_client_first_is_answered(message in near_message(), plus in any::<bool>()) {
            let mechanism = if plus { SCRAM_SHA_256_PLUS } else { SCRAM_SHA_256 };
            if let Ok((server_first, _)) = bindable().challenge(mechanism, &message, &[0; 18]) {
                prop_assert!(server_first.len() < 2 * MAX_CLIENT_MESSAGE);
            }
        }

        #[test]
        fn no_client_final_without_the_password_is_accepted(message in near_message()) {
            prop_assert!(first("n,,n=,r=abc").unwrap().1.check(&message).is_err());
        }
    }
}
