//! Logins in memory: a server that keeps to the rules, one that does not, and someone in between.

use proptest::prelude::*;

use super::*;
use crate::auth::oauth::{BearerToken, OAuthFailure, OAuthRequest, parse_initial_response};
use crate::auth::scram::{
    Iterations, Offer, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramRefusal, ScramServer, Verifier,
};
use crate::auth::{AuthKind, ChannelBinding, RequireAuth, ScramError, Transport, Unbound};

const PASSWORD: &[u8] = b"s3cr3t-pencil";
const TOKEN: &[u8] = b"s3cr3t-token";
const HASH: [u8; 32] = [6; 32];

const OK: [u8; 9] = *b"R\0\0\0\x08\0\0\0\0";
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// An Authentication message.
fn asks(code: u8, rest: &[u8]) -> Vec<u8> {
    let length = i32::try_from(rest.len() + 8).unwrap();
    [b"R", &length.to_be_bytes()[..], &[0, 0, 0, code], rest].concat()
}

fn sasl(mechanisms: &[&str]) -> Vec<u8> {
    let names: String = mechanisms.iter().map(|name| format!("{name}\0")).collect();
    asks(10, format!("{names}\0").as_bytes())
}

fn refusal(code: &str) -> Vec<u8> {
    let body = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
    [b"E", &i32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body.as_bytes()].concat()
}

fn both_secrets() -> Credentials {
    Credentials {
        password: Some(Secret::new(PASSWORD)),
        token: Some(BearerToken::new(Secret::new(TOKEN)).unwrap()),
        nonce: [1; 18],
        ..Credentials::default()
    }
}

fn with_password() -> Credentials {
    Credentials { token: None, ..both_secrets() }
}

fn with_token() -> Credentials {
    Credentials { password: None, ..both_secrets() }
}

fn start(credentials: Credentials) -> Handshake {
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    Handshake::start(&startup, credentials, &mut Vec::new()).unwrap()
}

/// Feeds everything, keys included; returns what the client sent, and the method if the session is ready.
fn feed(
    handshake: &mut Handshake,
    mut input: &[u8],
) -> (Vec<u8>, Result<Option<AuthMethod>, HandshakeError>) {
    let mut out = Vec::new();
    loop {
        match handshake.receive(input, &mut out) {
            Err(error) => return (out, Err(error)),
            Ok(Received::Partial { .. }) => return (out, Ok(None)),
            Ok(Received::Event { event: HandshakeEvent::Ready(client), .. }) => {
                return (out, Ok(Some(client.auth_method())));
            }
            Ok(Received::Event { consumed, event }) => {
                input = &input[consumed..];
                if let HandshakeEvent::DeriveKey(derivation) = event {
                    handshake.derived(derivation.run(), &mut out).unwrap();
                }
            }
        }
    }
}

fn answer(credentials: Credentials, input: &[u8]) -> (Vec<u8>, Result<Option<AuthMethod>, HandshakeError>) {
    feed(&mut start(credentials), input)
}

fn tells_a_secret(out: &[u8]) -> bool {
    [PASSWORD, TOKEN].iter().any(|secret| out.windows(secret.len()).any(|window| window == *secret))
}

/// The message has to be refused, and nothing may have been sent.
fn refused_in_silence(credentials: Credentials, input: &[u8]) -> HandshakeError {
    match answer(credentials, input) {
        (out, Err(error)) if out.is_empty() => error,
        (out, result) => panic!("{:?} sent {}", result, out.escape_ascii()),
    }
}

/// Every way in which a server may begin, with its kind.
fn beginnings() -> [(AuthKind, Vec<u8>); 8] {
    [
        (AuthKind::None, OK.to_vec()),
        (AuthKind::Password, asks(3, b"")),
        (AuthKind::Md5, asks(5, b"salt")),
        (AuthKind::Gss, asks(7, b"")),
        (AuthKind::Sspi, asks(9, b"")),
        (AuthKind::ScramSha256, sasl(&[SCRAM_SHA_256])),
        (AuthKind::ScramSha256, sasl(&[SCRAM_SHA_256_PLUS, SCRAM_SHA_256])),
        (AuthKind::OAuth, sasl(&[OAUTHBEARER])),
    ]
}

#[test]
fn secrets_are_wiped_as_soon_as_they_have_done_their_work() {
    for end in [OK.to_vec(), refusal("28P01"), asks(7, b""), READY.to_vec()] {
        let mut handshake = start(both_secrets());
        let _ = feed(&mut handshake, &end);
        assert!(handshake.credentials.password.is_none() && handshake.credentials.token.is_none());
    }
}

mod policy {
    use super::*;

    #[test]
    fn a_method_that_is_not_allowed_is_refused_before_anything_is_sent() {
        for (kind, beginning) in beginnings() {
            let required: RequireAuth = format!("!{kind}").parse().unwrap();
            for credentials in [both_secrets(), with_password(), with_token(), Credentials::default()] {
                let error =
                    refused_in_silence(Credentials { require_auth: required, ..credentials }, &beginning);
                match error {
                    HandshakeError::NotAllowed { kind: refused, allowed } => {
                        assert_eq!((refused, allowed), (kind, required));
                    }
                    other => panic!("{kind}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_method_that_is_allowed_goes_on() {
        for (kind, beginning) in beginnings() {
            let require_auth = RequireAuth::only(&[kind]);
            let (_, result) = answer(Credentials { require_auth, ..both_secrets() }, &beginning);
            match kind {
                AuthKind::Gss | AuthKind::Sspi => {
                    assert!(matches!(result, Err(HandshakeError::Unsupported { .. })), "{kind}: {result:?}");
                }
                _ => assert!(matches!(result, Ok(None)), "{kind}: {result:?}"),
            }
        }
    }

    #[test]
    fn an_ok_without_any_method_is_the_method_none() {
        let require_auth = "scram-sha-256,password".parse().unwrap();
        let error =
            refused_in_silence(Credentials { require_auth, ..both_secrets() }, &[&OK[..], &READY].concat());
        assert_eq!(
            error.to_string(),
            "the server authenticates by none, and require_auth is password,scram-sha-256"
        );
    }

    /// CVE-2025-49146: methods other than SASL went around the requirement.
    #[test]
    fn a_required_binding_refuses_every_method_without_it() {
        for (kind, beginning) in beginnings() {
            let hash = Some(HASH.to_vec());
            let channel_binding = ChannelBinding::Require;
            let credentials =
                || Credentials { channel_binding, certificate_hash: hash.clone(), ..both_secrets() };
            if beginning == sasl(&[SCRAM_SHA_256_PLUS, SCRAM_SHA_256]) {
                let (out, result) = answer(credentials(), &beginning);
                assert!(matches!(result, Ok(None)) && out.starts_with(b"p\0\0\0"));
                continue;
            }
            let expected = if kind == AuthKind::ScramSha256 { Unbound::NotOffered } else { Unbound::Method };
            match refused_in_silence(credentials(), &beginning) {
                HandshakeError::Unbound(unbound) => assert_eq!(unbound, expected, "{kind}"),
                other => panic!("{kind}: {other:?}"),
            }
        }
    }

    /// CVE-2026-54291: a certificate without a hash turned the requirement off.
    #[test]
    fn a_required_binding_without_a_hash_is_refused() {
        for beginning in [sasl(&[SCRAM_SHA_256_PLUS, SCRAM_SHA_256]), sasl(&[SCRAM_SHA_256])] {
            let credentials = Credentials { channel_binding: ChannelBinding::Require, ..with_password() };
            let error = refused_in_silence(credentials, &beginning);
            assert!(matches!(error, HandshakeError::Unbound(Unbound::NoHash)), "{error:?}");
        }
    }

    /// What the client begins with: the mechanism and the header of its message.
    fn header(channel_binding: ChannelBinding, hash: bool, mechanisms: &[&str]) -> String {
        let certificate_hash = hash.then(|| HASH.to_vec());
        let credentials = Credentials { channel_binding, certificate_hash, ..with_password() };
        match answer(credentials, &sasl(mechanisms)) {
            (out, Ok(None)) => {
                let text = String::from_utf8_lossy(&out[5..]).replace('\0', " ");
                text.split_once(",n=").unwrap().0.replace(|c: char| c.is_control(), "?").replace("   ", " ")
            }
            (_, other) => format!("{other:?}"),
        }
    }

    #[test]
    fn the_flag_tells_the_truth_about_what_the_client_can_do() {
        use ChannelBinding::{Disable, Prefer, Require};
        let both = [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];
        let is = |told: String, mechanism: &str, flag: &str| {
            assert!(told.starts_with(&format!("{mechanism} ")) && told.ends_with(flag), "{told}");
        };
        for policy in [Prefer, Require] {
            is(header(policy, true, &both), SCRAM_SHA_256_PLUS, "p=tls-server-end-point,");
            is(header(policy, true, &[SCRAM_SHA_256_PLUS]), SCRAM_SHA_256_PLUS, "p=tls-server-end-point,");
        }
        is(header(Prefer, true, &[SCRAM_SHA_256]), SCRAM_SHA_256, "y,");
        is(header(Prefer, false, &both), SCRAM_SHA_256, "n,");
        is(header(Prefer, false, &[SCRAM_SHA_256]), SCRAM_SHA_256, "n,");
        for hash in [true, false] {
            is(header(Disable, hash, &both), SCRAM_SHA_256, "n,");
            is(header(Disable, hash, &[SCRAM_SHA_256]), SCRAM_SHA_256, "n,");
            assert!(header(Disable, hash, &[SCRAM_SHA_256_PLUS]).contains("Unsupported"));
        }
        assert!(header(Prefer, false, &[SCRAM_SHA_256_PLUS]).contains("Unsupported"));
    }

    #[test]
    fn an_offer_to_bind_to_tls_that_is_not_there_is_refused() {
        let transport = Transport::Clear;
        let error = refused_in_silence(
            Credentials { transport, ..with_password() },
            &sasl(&[SCRAM_SHA_256_PLUS, SCRAM_SHA_256]),
        );
        assert!(matches!(error, HandshakeError::Protocol(ProtocolError::Unacceptable { .. })));
        let (_, plain) = answer(Credentials { transport, ..with_password() }, &sasl(&[SCRAM_SHA_256]));
        assert!(matches!(plain, Ok(None)));
    }

    #[test]
    fn the_names_of_mechanisms_cannot_forge_a_log_line() {
        let error = refused_in_silence(with_password(), &sasl(&["X\n[INFO] fine"]));
        assert!(error.to_string().ends_with("SASL X\\n[INFO] fine"));
    }
}

mod order {
    use super::*;

    fn challenge() -> Vec<u8> {
        asks(11, b"r=AQEBAQEBAQEBAQEBAQEBAQEBAQEBmore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1")
    }

    /// ponylang/postgres 204 and others: a server that cannot prove itself just says that all is well.
    #[test]
    fn an_ok_before_the_servers_proof_is_refused() {
        for before in [sasl(&[SCRAM_SHA_256]), [sasl(&[SCRAM_SHA_256]), challenge()].concat()] {
            let (_, result) = answer(with_password(), &[&before[..], &OK, &READY].concat());
            let Err(HandshakeError::Protocol(ProtocolError::Unexpected { tag: Tag::Authentication, .. })) =
                result
            else {
                panic!("{result:?}")
            };
        }
    }

    #[test]
    fn a_wrong_proof_an_error_or_none_at_all_is_refused() {
        for proof in
            [&b""[..], b"v=", b"v=AAAA", b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"e=other-error"]
        {
            let input = [sasl(&[SCRAM_SHA_256]), challenge(), asks(12, proof), OK.to_vec(), READY.to_vec()];
            let (_, result) = answer(with_password(), &input.concat());
            assert!(matches!(result, Err(HandshakeError::Scram(_))), "{result:?}");
        }
    }

    /// The way from SCRAM to a method that tells the password is closed once SCRAM has begun.
    #[test]
    fn no_method_can_be_changed_on_the_way() {
        let starts =
            [sasl(&[SCRAM_SHA_256]), [sasl(&[SCRAM_SHA_256]), challenge()].concat(), asks(5, b"salt")];
        for start in starts {
            for (_, next) in beginnings().into_iter().skip(1) {
                let (out, result) = answer(both_secrets(), &[&start[..], &next].concat());
                assert!(matches!(result, Err(HandshakeError::Protocol(_))), "{result:?}");
                assert!(!tells_a_secret(&out));
            }
        }
    }

    #[test]
    fn messages_of_scram_come_in_their_order() {
        let first = sasl(&[SCRAM_SHA_256]);
        let twice = [&first[..], &challenge(), &challenge()].concat();
        let final_first = [&first[..], &asks(12, b"v=AAAA")].concat();
        for input in [twice, final_first, challenge(), asks(12, b"v=AAAA")] {
            let (_, result) = answer(with_password(), &input);
            assert!(
                matches!(result, Err(HandshakeError::Protocol(ProtocolError::Unexpected { .. }))),
                "{result:?}"
            );
        }
    }

    /// RUSTSEC-2026-0179, CVE-2026-42198: the server chose how long the client would work.
    #[test]
    fn unbounded_iterations_are_refused_before_the_first_one() {
        let iterations = Iterations::new(4096).unwrap();
        let asked = |count: &str| {
            let challenge =
                format!("r=AQEBAQEBAQEBAQEBAQEBAQEBAQEBmore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={count}");
            let mut handshake = start(Credentials { iterations, ..with_password() });
            feed(&mut handshake, &sasl(&[SCRAM_SHA_256])).1.unwrap();
            handshake.receive(&asks(11, challenge.as_bytes()), &mut Vec::new())
        };
        for count in ["4097", "2147483647", "99999999999999999999999"] {
            let refused = asked(count);
            assert!(
                matches!(refused, Err(HandshakeError::Scram(ScramError::TooManyIterations { .. }))),
                "{refused:?}"
            );
        }
        let allowed = asked("4096").unwrap();
        assert!(matches!(allowed, Received::Event { event: HandshakeEvent::DeriveKey(_), .. }));
    }
}

mod oauth {
    use super::*;

    /// What the client shows, if it shows a token.
    fn shown(out: &[u8]) -> Vec<u8> {
        let response = out[5..].strip_prefix(b"OAUTHBEARER\0").unwrap();
        match parse_initial_response(&response[4..]) {
            Ok(OAuthRequest::Bearer(token)) => token.expose().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_shown_and_ok_is_the_success() {
        let mut handshake = start(with_token());
        let (out, _) = feed(&mut handshake, &sasl(&[OAUTHBEARER]));
        assert_eq!(shown(&out), TOKEN);
        let (out, result) = feed(&mut handshake, &[&OK[..], &READY].concat());
        assert_eq!(result.unwrap(), Some(AuthMethod::OAuthBearer));
        assert!(out.is_empty());
    }

    #[test]
    fn a_refused_token_ends_in_the_servers_error_and_its_reason() {
        let reason =
            OAuthFailure { status: "invalid_token", scope: Some("openid"), openid_configuration: None };
        let mut handshake = start(with_token());
        feed(&mut handshake, &sasl(&[OAUTHBEARER])).1.unwrap();
        let (out, result) = feed(&mut handshake, &asks(11, &reason.to_json()));
        assert_eq!((out.as_slice(), result.unwrap()), (&b"p\0\0\0\x05\x01"[..], None));
        let (out, result) = feed(&mut handshake, &refusal("28000"));
        let error = result.unwrap_err();
        assert!(out.is_empty() && error.to_string().starts_with("the bearer token was refused"));
        assert_eq!(error.server_error().unwrap().code().as_str(), "28000");
        let HandshakeError::TokenRefused { reason, .. } = error else { panic!("{error:?}") };
        assert_eq!(reason, br#"{"status":"invalid_token","scope":"openid"}"#);
    }

    #[test]
    fn an_error_without_a_reason_is_the_servers_alone() {
        let (_, result) = answer(with_token(), &[sasl(&[OAUTHBEARER]), refusal("28000")].concat());
        assert!(matches!(result, Err(HandshakeError::Server(_))));
    }

    #[test]
    fn nothing_but_an_error_may_follow_a_failure_and_nothing_but_a_verdict_a_token() {
        let shown = sasl(&[OAUTHBEARER]);
        let declined = [&shown[..], &asks(11, b"{}")].concat();
        for before in [&shown, &declined] {
            for next in [asks(12, b""), asks(3, b""), sasl(&[OAUTHBEARER]), sasl(&[SCRAM_SHA_256])] {
                let (_, result) = answer(both_secrets_for_oauth(), &[&before[..], &next].concat());
                assert!(matches!(result, Err(HandshakeError::Protocol(ProtocolError::Unexpected { .. }))));
            }
        }
        for next in [&OK[..], &asks(11, b"{}")] {
            let (_, result) = answer(with_token(), &[&declined[..], next].concat());
            assert!(matches!(result, Err(HandshakeError::Protocol(ProtocolError::Unexpected { .. }))));
        }
    }

    fn both_secrets_for_oauth() -> Credentials {
        Credentials { require_auth: RequireAuth::only(&[AuthKind::OAuth]), ..both_secrets() }
    }

    #[test]
    fn the_password_is_preferred_where_the_server_takes_either() {
        let either = sasl(&[OAUTHBEARER, SCRAM_SHA_256]);
        let mechanism = |credentials: Credentials| {
            let (out, result) = answer(credentials, &either);
            assert!(matches!(result, Ok(None)), "{result:?}");
            String::from_utf8_lossy(&out[5..]).split('\0').next().unwrap().to_owned()
        };
        assert_eq!(mechanism(both_secrets()), SCRAM_SHA_256);
        assert_eq!(mechanism(with_password()), SCRAM_SHA_256);
        assert_eq!(mechanism(with_token()), OAUTHBEARER);
        assert_eq!(mechanism(both_secrets_for_oauth()), OAUTHBEARER);
        let require_auth = "!oauth".parse().unwrap();
        assert_eq!(mechanism(Credentials { require_auth, ..both_secrets() }), SCRAM_SHA_256);
        let token_alone = Credentials { require_auth, ..with_token() };
        assert!(matches!(answer(token_alone, &either).1, Err(HandshakeError::PasswordMissing)));
    }

    #[test]
    fn a_token_is_not_shown_to_whom_asks_for_a_password_nor_the_other_way_round() {
        for request in [asks(3, b""), asks(5, b"salt"), sasl(&[SCRAM_SHA_256])] {
            let error = refused_in_silence(with_token(), &request);
            assert!(matches!(error, HandshakeError::PasswordMissing), "{error:?}");
        }
        let error = refused_in_silence(with_password(), &sasl(&[OAUTHBEARER]));
        assert!(matches!(error, HandshakeError::TokenMissing), "{error:?}");
    }
}

mod version {
    use super::*;
    use crate::message::{NegotiateProtocolVersion, ProtocolVersion};

    const V3_0: ProtocolVersion = ProtocolVersion::V3_0;
    const V3_2: ProtocolVersion = ProtocolVersion::V3_2;

    fn versions(max: ProtocolVersion, min: ProtocolVersion) -> Credentials {
        Credentials { max_protocol_version: max, min_protocol_version: min, ..both_secrets() }
    }

    fn negotiate(version: u32, options: &[&str]) -> Vec<u8> {
        let unknown_options = options.iter().map(|&name| name.to_owned()).collect();
        let mut out = Vec::new();
        NegotiateProtocolVersion { version, unknown_options }.encode(&mut out).unwrap();
        out
    }

    #[test]
    fn the_version_that_is_asked_for_is_in_the_first_message() {
        let startup =
            Startup { user: "app", database: None, application_name: None, options: None, replication: None };
        for (max, code) in [(V3_0, [0, 3, 0, 0]), (V3_2, [0, 3, 0, 2])] {
            let mut out = Vec::new();
            let handshake = Handshake::start(&startup, versions(max, V3_0), &mut out).unwrap();
            assert_eq!((&out[4..8], handshake.protocol_version()), (&code[..], max));
        }
    }

    #[test]
    fn a_server_that_says_nothing_speaks_what_was_asked_for_and_another_brings_it_down() {
        let session = [&OK[..], &READY].concat();
        let older = [negotiate(V3_0.code(), &[]), session.clone()].concat();
        for (input, spoken) in [(session, V3_2), (older, V3_0)] {
            for size in [input.len(), 1] {
                let mut handshake = start(versions(V3_2, V3_0));
                let mut received = Vec::new();
                let mut is_ready = false;
                for piece in input.chunks(size) {
                    received.extend_from_slice(piece);
                    match handshake.receive(&received, &mut Vec::new()).unwrap() {
                        Received::Partial { consumed, .. } => drop(received.drain(..consumed)),
                        Received::Event { event, .. } => is_ready = matches!(event, HandshakeEvent::Ready(_)),
                    }
                }
                assert!(is_ready);
                assert_eq!(handshake.protocol_version(), spoken);
            }
        }
    }

    #[test]
    fn a_server_that_is_older_than_allowed_gets_no_secret() {
        let input = [negotiate(V3_0.code(), &[]), asks(3, b"")].concat();
        let error = refused_in_silence(versions(V3_2, V3_2), &input);
        assert!(matches!(error, HandshakeError::TooOld { spoken: V3_0, min: V3_2 }), "{error:?}");
        assert!(error.to_string().contains("protocol 3.0"), "{error}");
    }

    // PG source: fe-protocol3.c, pqGetNegotiateProtocolVersion3
    #[test]
    fn what_is_no_answer_to_the_question_is_refused() {
        let twice = [negotiate(V3_0.code(), &[]), negotiate(V3_0.code(), &[])].concat();
        for (asked, answer) in [
            (V3_0, negotiate(V3_0.code(), &[])),
            (V3_0, negotiate(V3_0.code(), &["_pq_.x"])),
            (V3_0, negotiate(V3_2.code(), &[])),
            (V3_2, negotiate(V3_2.code(), &[])),
            (V3_2, negotiate(0x0003_0001, &[])),
            (V3_2, negotiate(0x0003_0003, &[])),
            (V3_2, negotiate(0x0002_0000, &[])),
            (V3_2, negotiate(V3_0.code(), &["_pq_.x"])),
            (V3_2, twice),
            (V3_2, b"v\0\0\0\x08\0\x03\0\0".to_vec()),
            (V3_2, [&OK[..], &negotiate(V3_0.code(), &[])].concat()),
        ] {
            let error = refused_in_silence(versions(asked, V3_0), &answer);
            assert!(matches!(error, HandshakeError::Protocol(_)), "{asked} {answer:?}: {error:?}");
        }
    }

    // PG docs: protocol-message-formats, "BackendKeyData"; libpq refuses the same ones.
    #[test]
    fn a_secret_has_four_bytes_unless_the_session_speaks_3_2() {
        let key = |length: usize| {
            let size = i32::try_from(length + 8).unwrap().to_be_bytes();
            [b"K", &size[..], &[0, 0, 0, 7], &vec![1; length]].concat()
        };
        let session = |length| [&OK[..], &key(length), &READY].concat();
        let brought_down = |length| [negotiate(V3_0.code(), &[]), session(length)].concat();
        for (asked, input, is_taken) in [
            (V3_0, session(4), true),
            (V3_0, session(5), false),
            (V3_0, session(32), false),
            (V3_2, session(4), true),
            (V3_2, session(32), true),
            (V3_2, brought_down(4), true),
            (V3_2, brought_down(32), false),
        ] {
            let (_, result) = answer(versions(asked, V3_0), &input);
            match result {
                Ok(method) => assert!(is_taken && method.is_some(), "{asked} {input:?}"),
                Err(error) => {
                    assert!(
                        !is_taken && error.to_string().contains("four bytes"),
                        "{asked} {input:?}: {error}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_a_refusal_at_once_is_about_the_version() {
        for code in ["08P01", "0A000"] {
            let (_, result) = answer(versions(V3_2, V3_0), &refusal(code));
            let error = result.unwrap_err();
            assert!(matches!(error, HandshakeError::VersionRefused(_)), "{error:?}");
            assert_eq!(error.server_error().unwrap().code().as_str(), code);
        }
        let negotiated = [negotiate(V3_0.code(), &[]), refusal("08P01")].concat();
        let asked = [asks(3, b""), refusal("08P01")].concat();
        for (max, input) in
            [(V3_0, refusal("08P01")), (V3_2, refusal("28000")), (V3_2, negotiated), (V3_2, asked)]
        {
            let (_, result) = answer(versions(max, V3_0), &input);
            assert!(matches!(result, Err(HandshakeError::Server(_))), "{max} {result:?}");
        }
    }
}

mod between {
    use super::*;

    /// What the two sides of a login end with.
    #[derive(Debug)]
    struct Outcome {
        client: Option<AuthMethod>,
        server: Result<(), Option<ScramRefusal>>,
    }

    /// The messages until AuthenticationOk: the offer, four of SCRAM, and the Ok.
    const MESSAGES: usize = 6;

    fn login(
        credentials: Credentials,
        offer: &Offer,
        tamper: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
    ) -> Outcome {
        let mut outcome = Outcome { client: None, server: Err(None) };
        converse(start(credentials), offer, tamper, &mut outcome);
        outcome
    }

    /// Returns at the first message that a side does not take.
    fn converse(
        mut handshake: Handshake,
        offer: &Offer,
        mut tamper: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let mut say = |number: usize, message: Vec<u8>| {
            let (out, result) = feed(&mut handshake, &tamper(number, message));
            let answer = if out.is_empty() { out } else { tamper(number + 1, out) };
            result.ok().map(|method| (answer, method))
        };
        let (mechanism, response) = initial_response(&say(0, sasl(offer.mechanisms()))?.0)?;
        let server = ScramServer::new(verifier(), offer.clone());
        let challenged = server.challenge(&mechanism, &response, &[2; 18]);
        let (server_first, checking) =
            challenged.map_err(|refusal| outcome.server = Err(Some(refusal))).ok()?;
        let (last, _) = say(2, asks(11, &server_first))?;
        let checked = checking.check(body(&last)?);
        let server_final = checked.map_err(|refusal| outcome.server = Err(Some(refusal))).ok()?;
        outcome.server = Ok(());
        say(4, asks(12, &server_final))?;
        assert_eq!(say(5, OK.to_vec())?.1, None);
        outcome.client = say(6, READY.to_vec())?.1;
        Some(())
    }

    fn verifier() -> Verifier {
        let four = Iterations::new(4).unwrap();
        Verifier::new(&KeyDerivation::new(&Secret::new(PASSWORD), [3; 16], four).run())
    }

    /// The body of the one message of a client.
    fn body(message: &[u8]) -> Option<&[u8]> {
        let (header, body) = message.split_at_checked(5)?;
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        (header == [&[b'p'][..], &length].concat()).then_some(body)
    }

    fn initial_response(message: &[u8]) -> Option<(String, Vec<u8>)> {
        let mut parts = body(message)?.splitn(2, |byte| *byte == 0);
        let mechanism = String::from_utf8(parts.next()?.to_vec()).ok()?;
        let (length, response) = parts.next()?.split_at_checked(4)?;
        let is_whole = length == u32::try_from(response.len()).unwrap().to_be_bytes();
        is_whole.then(|| (mechanism, response.to_vec()))
    }

    fn plus() -> Offer {
        Offer::Plus(HASH.to_vec())
    }

    fn bindable() -> Credentials {
        Credentials { certificate_hash: Some(HASH.to_vec()), ..with_password() }
    }

    fn untouched(_: usize, message: Vec<u8>) -> Vec<u8> {
        message
    }

    #[test]
    fn a_client_and_a_server_that_keep_to_the_rules_agree() {
        let required = || Credentials {
            channel_binding: ChannelBinding::Require,
            require_auth: "scram-sha-256".parse().unwrap(),
            ..bindable()
        };
        for (credentials, offer, method) in [
            (with_password(), Offer::Plain, AuthMethod::ScramSha256),
            (with_password(), plus(), AuthMethod::ScramSha256),
            (bindable(), Offer::Plain, AuthMethod::ScramSha256),
            (bindable(), plus(), AuthMethod::ScramSha256Plus),
            (required(), plus(), AuthMethod::ScramSha256Plus),
        ] {
            let outcome = login(credentials, &offer, untouched);
            assert_eq!((outcome.client, outcome.server), (Some(method), Ok(())), "{offer:?}");
        }
    }

    #[test]
    fn a_removed_offer_to_bind_is_found_out() {
        let outcome = login(
            bindable(),
            &plus(),
            |number, message| {
                if number == 0 { sasl(&[SCRAM_SHA_256]) } else { message }
            },
        );
        assert_eq!((outcome.client, outcome.server), (None, Err(Some(ScramRefusal::Downgraded))));
    }

    #[test]
    fn a_relay_between_two_certificates_is_found_out() {
        let elsewhere = Credentials { certificate_hash: Some(vec![7; 32]), ..with_password() };
        let outcome = login(elsewhere, &plus(), untouched);
        assert_eq!((outcome.client, outcome.server), (None, Err(Some(ScramRefusal::ForeignCertificate))));
    }

    /// The offer is not part of what SCRAM signs: a change of the name that is not taken changes nothing.
    #[test]
    fn a_changed_byte_in_any_message_never_lets_a_weaker_login_through() {
        for (credentials, offer) in [(with_password as fn() -> Credentials, Offer::Plain), (bindable, plus())]
        {
            for message in 0..MESSAGES {
                let (mut place, mut length) = (0, 1);
                while place < length {
                    for mask in [1, 8, 64, 255] {
                        let outcome = login(credentials(), &offer, |number, mut bytes| {
                            if number == message {
                                length = bytes.len();
                                bytes[place] ^= mask;
                            }
                            bytes
                        });
                        let is_harmless = message == 0 && outcome.client == Some(AuthMethod::ScramSha256Plus);
                        let is_accepted = outcome.client.is_some() && outcome.server.is_ok();
                        assert!(is_harmless || !is_accepted, "message {message}, byte {place}, mask {mask}");
                    }
                    place += 1;
                }
                assert!(length >= OK.len(), "message {message} was seen");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_server_asks_no_secret_leaves_and_no_session_starts_without_a_bound_proof(
        picks in prop::collection::vec(0_usize..14, 0..8), hash in any::<bool>(),
    ) {
        let credentials = Credentials {
            channel_binding: ChannelBinding::Require,
            certificate_hash: hash.then(|| HASH.to_vec()),
            ..both_secrets()
        };
        let mut messages: Vec<_> = beginnings().into_iter().map(|(_, message)| message).collect();
        messages.push(sasl(&[OAUTHBEARER, SCRAM_SHA_256_PLUS]));
        messages.push(asks(11, b"r=AQEBAQEBAQEBAQEBAQEBAQEBAQEBmore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"));
        messages.push(asks(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        messages.push(asks(11, b"{}"));
        messages.push(OK.to_vec());
        messages.push(READY.to_vec());
        let input: Vec<u8> = picks.iter().flat_map(|pick| messages[*pick].clone()).collect();
        let (out, result) = answer(credentials, &input);
        prop_assert!(!tells_a_secret(&out));
        prop_assert!(!matches!(result, Ok(Some(_))));
    }
}
