//! A server that says anything while a session starts: no panic, and pieces tell what the whole does.
//!
//! The first four bytes are the seed of the pieces, the fifth says what the client has to show. Then records: `!`
//! bytes of the server as they are, anything else a message of the server with a right length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Pieces, records};
use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::Iterations;
use molt_db_protocol::client::{Credentials, Handshake, HandshakeError, HandshakeEvent, Received, Startup};

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, shown, script @ ..] = input else { return };
    let mut server = Vec::new();
    for record in records(script) {
        match record.kind {
            b'!' => server.extend(record.body),
            _ => record.frame(&mut server),
        }
    }
    let whole = play(&server, *shown, Pieces::Whole);
    let by_scram = whole.0.last().is_some_and(|told| told.starts_with("ready by SCRAM"));
    assert!(
        !by_scram || server.windows(2).any(|two| two == b"v="),
        "a session without a proof of the server"
    );
    assert_eq!(play(&server, *shown, Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]))), whole);
});

/// Returns what was told, and all that was sent.
fn play(server: &[u8], shown: u8, mut pieces: Pieces) -> (Vec<String>, Vec<u8>) {
    let (mut told, mut sent, mut arrived) = (Vec::new(), Vec::new(), Vec::new());
    let startup = Startup { user: "app", database: None, application_name: None, options: None };
    let mut handshake = Handshake::start(&startup, credentials(shown), &mut sent).expect("no NUL in it");
    let mut rest = server;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
        arrived.extend_from_slice(piece);
        rest = later;
        match receive(&mut handshake, &mut arrived, &mut told, &mut sent) {
            Ok(Next::More) => {}
            Ok(Next::Done) => break,
            Err(error) => {
                told.push(format!("failed: {error}"));
                break;
            }
        }
    }
    assert!(sent.len() < 4096, "a handshake sends a handful of short messages");
    (told, sent)
}

enum Next {
    More,
    Done,
}

fn receive(
    handshake: &mut Handshake,
    arrived: &mut Vec<u8>,
    told: &mut Vec<String>,
    sent: &mut Vec<u8>,
) -> Result<Next, HandshakeError> {
    loop {
        match handshake.receive(arrived, sent)? {
            Received::Partial { consumed, needed } => {
                assert!(consumed + needed > arrived.len(), "asked for what is there");
                arrived.drain(..consumed);
                return Ok(Next::More);
            }
            Received::Event { consumed, event } => {
                told.push(format!("{event:?}"));
                arrived.drain(..consumed);
                match event {
                    HandshakeEvent::DeriveKey(derivation) => handshake.derived(derivation.run(), sent)?,
                    HandshakeEvent::Notice(_) => {}
                    HandshakeEvent::Ready(client) => {
                        assert!(client.is_settled());
                        told.push(format!("ready by {} {:?}", client.auth_method(), client.parameters()));
                        return Ok(Next::Done);
                    }
                }
            }
        }
    }
}

fn credentials(shown: u8) -> Credentials {
    Credentials {
        password: (shown & 1 == 0).then(|| Secret::new("pencil")),
        certificate_hash: (shown & 2 != 0).then(|| vec![7; 32]),
        iterations: Iterations::new(64).expect("not 0"),
        ..Credentials::default()
    }
}
