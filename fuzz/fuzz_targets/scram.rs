//! SCRAM messages of either side, hostile: no panic, no more hashing than was allowed, and no proof but the right one.
//!
//! Records: the server-first message, the server-final one, and the client's password; then the client-first message
//! and the client-final one. A server-first message that begins with `r=` gets the client's nonce behind it, and `@`
//! in a client-final message becomes the nonce of both: the input need not know them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{bounded, records};
use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{
    Binding, Iterations, MAX_CLIENT_MESSAGE, Offer, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramClient,
    ScramServer, Verifier,
};

fuzz_target!(|input: &[u8]| {
    let mut messages = records(input).map(|record| record.body);
    let mut next = || messages.next().unwrap_or_default();
    let (server_first, server_final, password) = (with_nonce(next()), next(), next());
    bounded(input.len(), || to_client(&server_first, server_final, password));
    let (client_first, client_final) = (next(), next());
    let to_server = |client_first, client_final, offer, mechanism| {
        bounded(input.len(), || to_server(client_first, client_final, offer, mechanism));
    };
    to_server(client_first, client_final, Offer::Plain, SCRAM_SHA_256);
    to_server(client_first, client_final, Offer::Plus(vec![7; 32]), SCRAM_SHA_256);
    to_server(client_first, client_final, Offer::Plus(vec![7; 32]), SCRAM_SHA_256_PLUS);
});

fn to_client(server_first: &[u8], server_final: &[u8], password: &[u8]) {
    let limit = Iterations::new(16).expect("not 0");
    let client = ScramClient::new(&Secret::new(password), &[0; 18], Binding::None);
    let (derivation, proving) = match client.challenge(server_first, limit) {
        Ok(challenged) => challenged,
        Err(error) => return assert!(!error.to_string().contains(['\n', '\0'])),
    };
    assert!(derivation.iterations() <= limit);
    let (client_final, verifying) = proving.prove(derivation.run());
    assert!(client_final.starts_with(b"c=biws,r=AAAAAAAAAAAAAAAAAAAAAAAA"));
    let error = verifying.verify(server_final).expect_err("a proof that was guessed");
    assert!(!error.to_string().contains(['\n', '\0']));
}

fn to_server(client_first: &[u8], client_final: &[u8], offer: Offer, mechanism: &str) {
    let verifier = Verifier::mock(&Secret::new("server"), b"app", Iterations::default());
    let challenged = ScramServer::new(verifier, offer).challenge(mechanism, client_first, &[0; 18]);
    let (server_first, checking) = match challenged {
        Ok(challenged) => challenged,
        Err(refusal) => return assert!(!refusal.to_string().contains(['\n', '\0'])),
    };
    assert!(server_first.starts_with(b"r=") && server_first.len() < 2 * MAX_CLIENT_MESSAGE);
    let nonce = server_first[2..].split(|byte| *byte == b',').next().unwrap_or_default();
    let client_final = client_final.split(|byte| *byte == b'@').collect::<Vec<_>>().join(nonce);
    let refusal = checking.check(&client_final).expect_err("a proof that was guessed");
    assert!(!refusal.to_string().contains(['\n', '\0']));
}

fn with_nonce(message: &[u8]) -> Vec<u8> {
    match message.strip_prefix(b"r=") {
        Some(rest) => [b"r=AAAAAAAAAAAAAAAAAAAAAAAA", rest].concat(),
        None => message.to_vec(),
    }
}
