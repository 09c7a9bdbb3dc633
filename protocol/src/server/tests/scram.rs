//! What a [`Reception`] says that runs SCRAM by itself, in the measured cases of PostgreSQL.

use crate::auth::Secret;
use crate::auth::scram::{Binding, Iterations, KeyDerivation, Offer, ScramClient, ScramRefusal, Verifier};
use crate::message::{
    Authentication, BackendMessage, ServerError, Severity, SqlState, SslAnswer, sasl_initial_response,
    sasl_response, ssl_request,
};
use crate::server::{Arrival, Received, Reception, RequestError, SendError, Session};
use crate::wire::{Framed, Limits, Phase, frame};

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
const PLAIN: &str = "SCRAM-SHA-256";
const PLUS: &str = "SCRAM-SHA-256-PLUS";

fn verifier() -> Verifier {
    let derivation = KeyDerivation::new(&Secret::new("pencil"), [7; 16], Iterations::new(4).unwrap());
    Verifier::new(&derivation.run())
}

/// A reception that has asked for a proof.
fn asking(offer: Offer) -> Reception {
    let (mut reception, out) = (Reception::default(), &mut Vec::new());
    if offer != Offer::Plain {
        let mut request = Vec::new();
        ssl_request(&mut request);
        reception.receive(&request, out).unwrap();
        reception.answer_ssl(SslAnswer::Willing, out).unwrap();
        out.clear();
    }
    reception.receive(STARTUP, out).unwrap();
    let mechanisms = offer.mechanisms().join(",");
    reception.ask_scram(verifier(), offer, [2; 18], out).unwrap();
    assert_eq!(said(out), format!("SASL[{mechanisms}]"));
    reception
}

/// Feeds a message byte by byte and returns what comes of it.
fn feed<'b>(reception: &mut Reception, message: &'b [u8], out: &mut Vec<u8>) -> Option<Arrival<'b>> {
    for end in 0..message.len() {
        let partial = reception.receive(&message[..end], out).unwrap();
        assert!(matches!(partial, Received::Partial { consumed: 0, .. }), "{partial:?}");
    }
    reception.receive(message, out).unwrap().into_parts().1
}

fn initial(mechanism: &str, first: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sasl_initial_response(mechanism, first, &mut out).unwrap();
    out
}

fn response(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sasl_response(data, &mut out).unwrap();
    out
}

/// Writes down what the server has said, in the words of the transcripts.
fn said(mut bytes: &[u8]) -> String {
    let mut words = Vec::new();
    while !bytes.is_empty() {
        let Ok(Framed::Whole(frame)) = frame(bytes, &Limits::BACKEND, Phase::Startup) else {
            panic!("{bytes:?}")
        };
        words.push(match BackendMessage::parse(frame.tag, frame.body).unwrap() {
            BackendMessage::Authentication(Authentication::Sasl(names)) => {
                let names: Vec<_> = names.iter().map(|name| str::from_utf8(name).unwrap()).collect();
                format!("SASL[{}]", names.join(","))
            }
            BackendMessage::Authentication(Authentication::SaslContinue(_)) => "AuthSASLContinue".to_owned(),
            BackendMessage::Authentication(Authentication::SaslFinal(_)) => "AuthSASLFinal".to_owned(),
            BackendMessage::Authentication(Authentication::Ok) => "AuthOk".to_owned(),
            BackendMessage::ErrorResponse(error) => format!("Error[{} {}]", error.severity(), error.code()),
            other => panic!("{other:?}"),
        });
        bytes = &bytes[frame.size()..];
    }
    words.join(" ")
}

/// What a client with this password hears, and whether it is let in.
fn login(reception: &mut Reception, password: &str, binding: Binding) -> (String, Option<Session>) {
    let mechanism = if matches!(binding, Binding::TlsServerEndPoint(_)) { PLUS } else { PLAIN };
    let client = ScramClient::new(&Secret::new(password), &[1; 18], binding);
    let (mut out, mut heard) = (Vec::new(), Vec::new());
    assert!(feed(reception, &initial(mechanism, client.client_first()), &mut out).is_none());
    let (derivation, proving) = client.challenge(&out[9..], Iterations::new(4).unwrap()).unwrap();
    let (client_final, verifying) = proving.prove(derivation.run());
    heard.append(&mut out);
    match feed(reception, &response(&client_final), &mut out) {
        Some(Arrival::Proved) => {
            verifying.verify(&out[9..]).unwrap();
            let session = reception.admit(&mut out).unwrap();
            (said(&[heard, out].concat()), Some(session))
        }
        Some(Arrival::Refused(ScramRefusal::WrongProof)) => (said(&[heard, out].concat()), None),
        other => panic!("{other:?}"),
    }
}

/// `scram/ok`, `scram/y-no-tls`
#[test]
fn a_client_that_knows_the_password_proves_it() {
    for binding in [Binding::None, Binding::Unused] {
        let (heard, session) = login(&mut asking(Offer::Plain), "pencil", binding);
        assert_eq!(heard, "AuthSASLContinue AuthSASLFinal AuthOk");
        assert!(session.is_some());
    }
}

#[test]
fn a_client_may_bind_to_the_certificate_that_is_offered() {
    let offer = || Offer::Plus(vec![9; 32]);
    for binding in [Binding::TlsServerEndPoint(vec![9; 32]), Binding::None] {
        assert!(login(&mut asking(offer()), "pencil", binding).1.is_some());
    }
    let client = ScramClient::new(&Secret::new("pencil"), &[1; 18], Binding::Unused);
    let (mut reception, out) = (asking(offer()), &mut Vec::new());
    let refused =
        feed(&mut reception, &initial(PLAIN, client.client_first()), out).map(|it| format!("{it:?}"));
    assert_eq!(refused.as_deref(), Some("Refused(Downgraded)"));
    assert_eq!(said(out), "Error[FATAL 28000]");
}

/// `scram/wrong-pw`
#[test]
fn a_client_that_does_not_know_the_password_is_refused_and_told() {
    let mut reception = asking(Offer::Plain);
    let (heard, session) = login(&mut reception, "pen", Binding::None);
    assert_eq!(heard, "AuthSASLContinue Error[FATAL 28P01]");
    assert!(session.is_none());
    let out = &mut Vec::new();
    assert!(reception.admit(out).is_err() && reception.receive(STARTUP, out).is_err() && out.is_empty());
}

#[test]
fn a_first_message_that_postgresql_refuses_is_refused_likewise() {
    for (case, mechanism, first, code) in [
        ("scram/bad-mech", "SCRAM-SHA-1", "n,,n=,r=abc", "08P01"),
        ("scram/plus-no-tls", PLUS, "p=tls-server-end-point,,n=,r=abc", "08P01"),
        ("scram/p-in-plain", PLAIN, "p=tls-server-end-point,,n=,r=abc", "08P01"),
        ("scram/authzid", PLAIN, "n,a=foo,n=,r=abc", "0A000"),
        ("scram/mext", PLAIN, "n,,m=x,n=,r=abc", "08P01"),
    ] {
        let (mut reception, out) = (asking(Offer::Plain), &mut Vec::new());
        let message = initial(mechanism, first.as_bytes());
        assert!(matches!(feed(&mut reception, &message, out), Some(Arrival::Refused(_))), "{case}");
        assert_eq!(said(out), format!("Error[FATAL {code}]"), "{case}");
    }
}

#[test]
fn a_final_message_that_postgresql_refuses_is_refused_likewise() {
    let nonce = "abcAgICAgICAgICAgICAgICAgIC";
    let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (case, last, code) in [
        ("scram/bad-nonce", format!("c=biws,r=other,p={proof}"), "08P01"),
        ("scram/bad-cb", format!("c=eSws,r={nonce},p={proof}"), "08P01"),
        ("scram/zero-proof", format!("c=biws,r={nonce},p={proof}"), "28P01"),
    ] {
        let (mut reception, out) = (asking(Offer::Plain), &mut Vec::new());
        assert!(feed(&mut reception, &initial(PLAIN, b"n,,n=,r=abc"), out).is_none());
        let message = response(last.as_bytes());
        assert!(matches!(feed(&mut reception, &message, out), Some(Arrival::Refused(_))), "{case}");
        assert_eq!(said(out), format!("AuthSASLContinue Error[FATAL {code}]"), "{case}");
    }
}

/// `scram/len-neg1`
#[test]
fn a_client_that_sends_no_first_message_is_asked_for_it() {
    let (mut reception, out) = (asking(Offer::Plain), &mut Vec::new());
    let mut chosen = b"p\0\0\0\x16SCRAM-SHA-256\0\xff\xff\xff\xff".to_vec();
    assert!(feed(&mut reception, &chosen, out).is_none());
    assert_eq!(*out, b"R\0\0\0\x08\0\0\0\x0b");
    out.clear();
    chosen = response(b"n,,n=,r=abc");
    assert!(feed(&mut reception, &chosen, out).is_none());
    assert_eq!(said(out), "AuthSASLContinue");
}

/// `auth/query-instead`
#[test]
fn a_query_is_no_proof() {
    let (mut reception, out) = (asking(Offer::Plain), &mut Vec::new());
    let refused = reception.receive(b"Q\0\0\0\x05\0", out).unwrap_err();
    assert!(matches!(refused, RequestError::Unexpected { .. }));
    assert!(reception.admit(out).is_err() && out.is_empty());
}

#[test]
fn a_certificate_is_offered_over_tls_only() {
    let (mut reception, out) = (Reception::default(), &mut Vec::new());
    let offer = || Offer::Plus(vec![9; 32]);
    assert!(reception.ask_scram(verifier(), Offer::Plain, [2; 18], out).is_err(), "nobody is there");
    reception.receive(STARTUP, out).unwrap();
    let refused = reception.ask_scram(verifier(), offer(), [2; 18], out);
    assert!(matches!(refused, Err(SendError::Unexpected { .. })) && out.is_empty());
    reception.ask_scram(verifier(), Offer::Plain, [2; 18], out).unwrap();
    assert!(reception.ask_scram(verifier(), Offer::Plain, [2; 18], out).is_err(), "twice");
}

#[test]
fn a_client_is_refused_with_a_fatal_error_and_no_other() {
    let (mut reception, out) = (Reception::default(), &mut Vec::new());
    reception.receive(STARTUP, out).unwrap();
    for severity in [Severity::Error, Severity::Warning, Severity::Log] {
        let error = ServerError::new(severity, SqlState::INVALID_PASSWORD, "no");
        assert_eq!(reception.refuse(error, out), Err(SendError::NotFatal));
    }
    assert!(out.is_empty());
    for severity in [Severity::Fatal, Severity::Panic] {
        let mut reception = Reception::default();
        reception.receive(STARTUP, out).unwrap();
        reception.refuse(ServerError::new(severity, SqlState::INVALID_PASSWORD, "no"), out).unwrap();
        assert!(reception.admit(out).is_err());
    }
    assert_eq!(said(out), "Error[FATAL 28P01] Error[PANIC 28P01]");
    assert!(reception.admit(out).is_ok(), "a mistake of the caller changes nothing");
}
