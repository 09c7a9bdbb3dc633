//! A client that says anything, and a server that tries to answer anything: no panic, nobody comes in who was not let
//! in, only whole messages go out, pieces ask for what the whole does, and after the end there is nothing.
//!
//! The first four bytes are the seed of the pieces. Then records:
//!
//! | kind | body |
//! |---|---|
//! | `^` | a packet of the client, which gets a right length |
//! | `!` | bytes of the client as they are |
//! | `=` | the server at the door: empty lets in, `S` and `N` answer about TLS, `E` refuses, `R` and a body ask, `P` asks for a proof by SCRAM |
//! | `+` | the server in the session: a type and a body to send |
//! | other | a message of the client, of that type, with a right length |
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, Record, records};
use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{Iterations, Offer, Verifier};
use molt_db_protocol::client::Received;
use molt_db_protocol::message::{
    Authentication, BackendMessage, ServerError, Severity, SqlState, SslAnswer, TransactionStatus,
};
use molt_db_protocol::server::{Arrival, Reception, Session};
use molt_db_protocol::wire::{Framed, Limits, Phase, Tag, frame};

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, script @ ..] = input else { return };
    let whole = play(script, Pieces::Whole);
    assert_eq!(play(script, Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]))), whole, "in pieces");
});

/// Returns what was told, and all that was sent.
fn play(script: &[u8], mut pieces: Pieces) -> (Vec<String>, Vec<u8>) {
    let mut records = records(script);
    let mut door = Door::default();
    for record in records.by_ref() {
        if let Some(session) = door.meet(record) {
            let Door { arrived, told, sent, meter, .. } = door;
            let mut room = Room { session, arrived, told, sent, meter };
            // The start-up may have had company.
            let mut goes_on = room.listen(0);
            while let Some(record) = records.next().filter(|_| goes_on) {
                goes_on = room.meet(record, &mut pieces);
            }
            room.end();
            return (room.told, room.sent);
        }
    }
    (door.told, door.sent)
}

#[derive(Default)]
struct Door {
    reception: Reception,
    arrived: Vec<u8>,
    told: Vec<String>,
    sent: Vec<u8>,
    turn: Turn,
    has_begun: bool,
    /// Asked for a proof that nobody has.
    wants_proof: bool,
    meter: Meter,
}

/// Whose move it is.
#[derive(Default, PartialEq)]
enum Turn {
    #[default]
    Client,
    Server,
    Nobody,
}

impl Door {
    fn meet(&mut self, record: Record<'_>) -> Option<Session> {
        match (record.kind, record.body) {
            (b'=', []) => return self.admit(),
            (b'=', [b'R', body @ ..]) => self.ask(body),
            (b'=', [b'P', offer @ ..]) => self.ask_scram(offer),
            (b'=', [b'E', ..]) => self.refuse(),
            (b'=', [answer, ..]) => self.answer_ssl(*answer),
            _ => {
                append(record, &mut self.arrived);
                self.listen(record.body.len());
            }
        }
        self.listen(0);
        None
    }

    /// `fed` bytes have arrived.
    fn listen(&mut self, mut fed: usize) {
        while self.turn == Turn::Client {
            let received = self.meter.run(fed, || self.reception.receive(&self.arrived, &mut self.sent));
            fed = 0;
            match received {
                Ok(Received::Partial { consumed, needed }) => {
                    assert!(consumed + needed > self.arrived.len(), "asked for what is there");
                    self.arrived.drain(..consumed);
                    return;
                }
                Ok(Received::Event { consumed, event }) => {
                    assert!(consumed > 0);
                    self.told.push(format!("{event:?}"));
                    self.turn = match event {
                        Arrival::Cancel(_) => Turn::Nobody,
                        Arrival::UnsupportedVersion(_) => Turn::Client,
                        Arrival::Proved => panic!("a proof that nobody has"),
                        _ => Turn::Server,
                    };
                    self.has_begun |= matches!(event, Arrival::Startup(_));
                    self.arrived.drain(..consumed);
                }
                Err(error) => {
                    self.told.push(error.to_string());
                    self.turn = Turn::Nobody;
                }
            }
        }
    }

    fn admit(&mut self) -> Option<Session> {
        let session = self.reception.admit(&mut self.sent).ok()?;
        assert!(self.has_begun && self.turn == Turn::Server, "let in without being asked");
        assert!(!self.wants_proof, "let in without a proof");
        Some(session)
    }

    fn ask(&mut self, body: &[u8]) {
        let Ok(request) = Authentication::parse(body) else { return };
        let is_last = matches!(request, Authentication::SaslFinal(_));
        if self.reception.ask(request, &mut self.sent).is_ok() {
            assert!(self.has_begun && self.turn == Turn::Server, "asked nobody");
            self.turn = if is_last { Turn::Server } else { Turn::Client };
        }
    }

    /// Asks for a password that nobody knows, with channel binding if there is an offer.
    fn ask_scram(&mut self, offer: &[u8]) {
        let verifier = Verifier::mock(&Secret::new("server"), b"app", Iterations::default());
        let offer = if offer.is_empty() { Offer::Plain } else { Offer::Plus(vec![7; 32]) };
        if self.reception.ask_scram(verifier, offer, [0; 18], &mut self.sent).is_ok() {
            assert!(self.has_begun && self.turn == Turn::Server, "asked nobody");
            (self.turn, self.wants_proof) = (Turn::Client, true);
        }
    }

    fn answer_ssl(&mut self, answer: u8) {
        let answer = if answer == b'S' { SslAnswer::Willing } else { SslAnswer::Unwilling };
        match self.reception.answer_ssl(answer, &mut self.sent) {
            Ok(()) => self.turn = Turn::Client,
            Err(error) => self.told.push(error.to_string()),
        }
    }

    fn refuse(&mut self) {
        let error = ServerError::builder(Severity::Fatal, SqlState::SYNTAX_ERROR, "no").expect("no NUL");
        self.reception.refuse(error.build(), &mut self.sent).expect("it can be written");
        self.turn = Turn::Nobody;
        assert!(self.reception.admit(&mut Vec::new()).is_err(), "refused and let in");
        assert!(self.reception.receive(STARTUP, &mut Vec::new()).is_err(), "refused and listened to");
    }
}

struct Room {
    session: Session,
    arrived: Vec<u8>,
    told: Vec<String>,
    sent: Vec<u8>,
    meter: Meter,
}

impl Room {
    /// Tells whether the client has kept to the protocol.
    fn meet(&mut self, record: Record<'_>, pieces: &mut Pieces) -> bool {
        if let (b'+', [tag, body @ ..]) = (record.kind, record.body) {
            self.send(*tag, body);
            return true;
        }
        let mut bytes = Vec::new();
        append(record, &mut bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
            self.arrived.extend_from_slice(piece);
            rest = later;
            if !self.listen(piece.len()) {
                return false;
            }
        }
        true
    }

    fn listen(&mut self, mut fed: usize) -> bool {
        loop {
            let received = self.meter.run(fed, || self.session.receive(&self.arrived));
            fed = 0;
            match received {
                Ok(Received::Partial { consumed, needed }) => {
                    assert!(consumed + needed > self.arrived.len(), "asked for what is there");
                    self.arrived.drain(..consumed);
                    return true;
                }
                Ok(Received::Event { consumed, event }) => {
                    assert!(consumed > 0);
                    self.told.push(format!("{event:?}"));
                    self.arrived.drain(..consumed);
                }
                Err(error) => {
                    self.told.push(error.to_string());
                    return false;
                }
            }
        }
    }

    fn send(&mut self, tag: u8, body: &[u8]) {
        let Some(tag) = Tag::from_byte(tag) else { return };
        let Ok(message) = BackendMessage::parse(tag, body) else { return };
        let before = self.sent.len();
        match self.session.send(&message, &mut self.sent) {
            Ok(()) => {
                let written = frame(&self.sent[before..], &Limits::BACKEND, Phase::Session);
                let Ok(Framed::Whole(frame)) = written else { panic!("{written:?}") };
                assert_eq!(before + frame.size(), self.sent.len());
                assert_eq!(BackendMessage::parse(frame.tag, frame.body), Ok(message));
            }
            Err(error) => {
                assert_eq!(self.sent.len(), before, "what is refused is not written");
                self.told.push(error.to_string());
            }
        }
    }

    fn end(&mut self) {
        if self.session.is_over() {
            let ready = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
            assert!(self.session.send(&ready, &mut self.sent).is_err(), "sent after the end");
            assert!(self.session.receive(b"S\0\0\0\x04").is_err(), "received after the end");
        }
    }
}

fn append(record: Record<'_>, out: &mut Vec<u8>) {
    match record.kind {
        b'^' => {
            out.extend((record.body.len() as u32 + 4).to_be_bytes());
            out.extend(record.body);
        }
        b'!' => out.extend(record.body),
        _ => record.frame(out),
    }
}

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
