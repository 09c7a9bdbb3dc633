//! Certificates, tokens, policies and verifiers from elsewhere: no panic, and what is read comes back as it was
//! written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{bounded, records};
use molt_db_protocol::auth::oauth::{BearerToken, OAuthRequest, parse_initial_response};
use molt_db_protocol::auth::scram::Verifier;
use molt_db_protocol::auth::{
    Md5Hash, RequireAuth, Secret, md5_password, tls_server_end_point, verify_cleartext,
};

fuzz_target!(|input: &[u8]| {
    certificate(input);
    token(input);
    bearer(input);
    passwords(input);
    if let Ok(text) = str::from_utf8(input) {
        policy(text);
        verifier(text);
    }
});

fn certificate(input: &[u8]) {
    match bounded(input.len(), || tls_server_end_point(input)) {
        Ok(hash) => assert!([28, 32, 48, 64].contains(&hash.len()), "{}", hash.len()),
        Err(error) => drop(error.to_string()),
    }
}

fn token(input: &[u8]) {
    match bounded(input.len(), || parse_initial_response(input)) {
        Ok(OAuthRequest::Bearer(shown)) => {
            assert!(!shown.expose().is_empty() && shown.expose().is_ascii());
            assert_eq!(format!("{shown:?}"), "[redacted]");
        }
        Ok(OAuthRequest::Discovery) => {}
        Err(refusal) => assert!(matches!(refusal.sqlstate(), "08P01" | "0A000"), "{refusal}"),
    }
}

/// A token that may be shown is shown as it is.
fn bearer(input: &[u8]) {
    let Ok(token) = BearerToken::new(Secret::new(input)) else { return };
    let shown = token.initial_response();
    match parse_initial_response(shown.expose()) {
        Ok(OAuthRequest::Bearer(read)) => assert_eq!(read.expose(), input),
        other => panic!("{other:?}"),
    }
}

/// Records: user, password, and another password, which is as good only if it is the same.
fn passwords(input: &[u8]) {
    let mut parts = records(input).map(|record| record.body);
    let mut next = || parts.next().unwrap_or_default();
    let (user, password, other) = (next(), next(), next());
    let is_same = password == other;
    assert_eq!(verify_cleartext(&Secret::new(password), other), is_same && !other.is_empty());
    let hash = Md5Hash::new(user, password);
    assert_eq!(hash.verify_cleartext(user, other), is_same);
    let answer = md5_password(user, other, SALT);
    assert_eq!(hash.verify(answer.as_bytes(), SALT), is_same);
    assert!(!hash.verify(answer.as_bytes(), [SALT[0]; 4]), "an answer to another question");
    assert!(!hash.verify(other, SALT), "an answer that was guessed");
    if let Ok(stored) = String::from_utf8_lossy(other).parse::<Md5Hash>() {
        assert!(!stored.verify(answer.as_bytes(), SALT), "a hash that was guessed");
    }
}

fn policy(text: &str) {
    match bounded(text.len(), || text.parse::<RequireAuth>()) {
        Ok(policy) => assert_eq!(policy.to_string().parse(), Ok(policy)),
        Err(error) => assert!(!error.to_string().contains(['\n', '\0'])),
    }
}

fn verifier(text: &str) {
    match bounded(text.len(), || text.parse::<Verifier>()) {
        Ok(verifier) => assert_eq!(verifier.encode().expose(), text.as_bytes()),
        Err(error) => drop(error.to_string()),
    }
}

const SALT: [u8; 4] = *b"salt";
