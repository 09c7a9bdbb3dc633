//! A server that says anything while a session starts: no panic, and pieces tell what the whole does.
//!
//! The first four bytes are the seed of the pieces, the fifth says what the client has to show. Then records: `!`
//! bytes of the server as they are, anything else a message of the server with a right length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, records};
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
    let mut caller = Caller::new(shown);
    let mut rest = server;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
        rest = later;
        match caller.receive(piece) {
            Ok(Next::More) => {}
            Ok(Next::Done) => break,
            Err(error) => {
                caller.told.push(format!("failed: {error}"));
                break;
            }
        }
    }
    assert!(caller.sent.len() < 4096, "a handshake sends a handful of short messages");
    (caller.told, caller.sent)
}

enum Next {
    More,
    Done,
}

struct Caller {
    handshake: Handshake,
    meter: Meter,
    arrived: Vec<u8>,
    told: Vec<String>,
    sent: Vec<u8>,
}

impl Caller {
    fn new(shown: u8) -> Self {
        let mut sent = Vec::new();
        let startup =
            Startup { user: "app", database: None, application_name: None, options: None, replication: None };
        let handshake = Handshake::start(&startup, credentials(shown), &mut sent).expect("no NUL in it");
        Self { handshake, meter: Meter::default(), arrived: Vec::new(), told: Vec::new(), sent }
    }

    fn receive(&mut self, piece: &[u8]) -> Result<Next, HandshakeError> {
        self.arrived.extend_from_slice(piece);
        let mut fed = piece.len();
        loop {
            let received = self.meter.run(fed, || self.handshake.receive(&self.arrived, &mut self.sent))?;
            fed = 0;
            match received {
                Received::Partial { consumed, needed } => {
                    assert!(consumed + needed > self.arrived.len(), "asked for what is there");
                    self.arrived.drain(..consumed);
                    return Ok(Next::More);
                }
                Received::Event { consumed, event } => {
                    self.told.push(format!("{event:?}"));
                    self.arrived.drain(..consumed);
                    if let HandshakeEvent::Ready(client) = event {
                        assert!(client.is_settled());
                        self.told.push(format!(
                            "ready by {} {:?}",
                            client.auth_method(),
                            client.parameters()
                        ));
                        return Ok(Next::Done);
                    }
                    let (handshake, sent) = (&mut self.handshake, &mut self.sent);
                    self.meter.run(0, || handle(event, handshake, sent))?;
                }
            }
        }
    }
}

fn handle(
    event: HandshakeEvent,
    handshake: &mut Handshake,
    sent: &mut Vec<u8>,
) -> Result<(), HandshakeError> {
    match event {
        HandshakeEvent::DeriveKey(derivation) => handshake.derived(derivation.run(), sent),
        HandshakeEvent::Notice(_) | HandshakeEvent::Ready(_) => Ok(()),
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
