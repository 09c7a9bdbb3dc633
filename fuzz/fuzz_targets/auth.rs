//! Certificates, tokens, policies and verifiers from elsewhere: no panic, and what is read comes back as it was
//! written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::bounded;
use molt_db_protocol::auth::oauth::{OAuthRequest, parse_initial_response};
use molt_db_protocol::auth::scram::Verifier;
use molt_db_protocol::auth::{RequireAuth, tls_server_end_point};

fuzz_target!(|input: &[u8]| {
    certificate(input);
    token(input);
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
