//! A server's two SCRAM messages, hostile: no panic, no more hashing than was allowed, and no proof but the right one.
//!
//! Records: the server-first message, the server-final one, and the client's password. A server-first message that begins
//! with `r=` gets the client's nonce behind it, which the input need not know.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::records;
use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{Binding, Iterations, ScramClient};

fuzz_target!(|input: &[u8]| {
    let mut messages = records(input).map(|record| record.body);
    let server_first = with_nonce(messages.next().unwrap_or_default());
    let server_final = messages.next().unwrap_or_default();
    let limit = Iterations::new(16).expect("not 0");
    let password = messages.next().unwrap_or_default();
    let client = ScramClient::new(&Secret::new(password), &[0; 18], Binding::None);
    let (derivation, proving) = match client.challenge(&server_first, limit) {
        Ok(challenged) => challenged,
        Err(error) => return assert!(!error.to_string().contains(['\n', '\0'])),
    };
    assert!(derivation.iterations() <= limit);
    let (client_final, verifying) = proving.prove(derivation.run());
    assert!(client_final.starts_with(b"c=biws,r=AAAAAAAAAAAAAAAAAAAAAAAA"));
    let error = verifying.verify(server_final).expect_err("a proof that was guessed");
    assert!(!error.to_string().contains(['\n', '\0']));
});

fn with_nonce(message: &[u8]) -> Vec<u8> {
    match message.strip_prefix(b"r=") {
        Some(rest) => [b"r=AAAAAAAAAAAAAAAAAAAAAAAA", rest].concat(),
        None => message.to_vec(),
    }
}
