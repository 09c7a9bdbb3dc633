//! Our client against our server, in memory, in pieces of any size: whatever the server's machine lets through, the
//! client's takes, and both are settled at the same time. With a byte changed on the way, any error will do.
//!
//! The first four bytes are the seed of the pieces, the next two the direction and the place of the changed byte: none
//! if they are 0. Each further byte is a command while nothing is under way, and an answer otherwise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::Pieces;
use molt_db_protocol::ProtocolError;
use molt_db_protocol::client::{
    Arguments, Client, Credentials, Handshake, HandshakeEvent, Received, SessionError, Startup,
};
use molt_db_protocol::message::{BackendMessage, TransactionStatus, WireFormat};
use molt_db_protocol::server::{Reception, Session};
use molt_db_protocol::wire::Tag;

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, direction, at, moves @ ..] = input else { return };
    let change = Change::read([*direction, *at]);
    let mut pair = Pair::new(Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d])), change);
    for step in moves {
        if pair.step(*step).is_none() {
            return;
        }
    }
});

/// A byte that is not what it was.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    None,
    ToServer(usize),
    ToClient(usize),
}

impl Change {
    fn read(place: [u8; 2]) -> Self {
        match place {
            [0, 0] => Self::None,
            [direction, at] if direction % 2 == 0 => Self::ToServer(usize::from(at)),
            [_, at] => Self::ToClient(usize::from(at)),
        }
    }
}

struct Pair {
    client: Client,
    session: Session,
    pieces: Pieces,
    change: Change,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// How much has gone each way.
    gone: (usize, usize),
}

impl Pair {
    fn new(pieces: Pieces, change: Change) -> Self {
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        let startup =
            Startup { user: "app", database: None, application_name: None, options: None, replication: None };
        let credentials = Credentials { statement_cache_size: 2, ..Credentials::default() };
        let mut handshake = Handshake::start(&startup, credentials, &mut to_server).expect("no NUL in it");
        let mut reception = Reception::default();
        reception.receive(&to_server, &mut to_client).expect("our own start-up");
        let mut session = reception.admit(&mut to_client).expect("it has asked");
        let ready = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
        session.send(&ready, &mut to_client).expect("it waits for that");
        let client = match handshake.receive(&to_client, &mut Vec::new()) {
            Ok(Received::Event { event: HandshakeEvent::Ready(client), .. }) => *client,
            other => panic!("{other:?}"),
        };
        Self { client, session, pieces, change, to_server: Vec::new(), to_client: Vec::new(), gone: (0, 0) }
    }

    /// Makes a move. Returns nothing at the end.
    fn step(&mut self, step: u8) -> Option<()> {
        if self.client.is_settled() {
            self.command(step);
            self.settle()?;
        }
        let (tag, body) = ANSWERS[usize::from(step) % ANSWERS.len()];
        let answer = BackendMessage::parse(tag, body).expect("examples are well-formed");
        if self.session.send(&answer, &mut self.to_client).is_ok() {
            self.settle()?;
        }
        Some(())
    }

    fn command(&mut self, step: u8) {
        let sql = TEXTS[usize::from(step >> 3) % TEXTS.len()];
        let given = match step & 1 {
            0 => Arguments::default(),
            _ => Arguments { types: &[23], formats: &[WireFormat::Binary], values: b"\0\0\0\x04\0\0\0\x01" },
        };
        // Arguments that do not fit what is known of a statement are refused, and nothing is sent.
        let _ = match step >> 1 & 3 {
            0 | 1 => self.client.query(sql, &given, &mut self.to_server).err(),
            2 => self.client.prepare(sql, &[], &mut self.to_server).err(),
            _ => self.client.script(sql, &mut self.to_server).err(),
        };
    }

    /// Carries bytes both ways until none are left.
    fn settle(&mut self) -> Option<()> {
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            let mut bytes = std::mem::take(&mut self.to_server);
            self.change_in(&mut bytes, Change::ToServer);
            self.gone.0 += bytes.len();
            self.serve(&bytes)?;
            let mut bytes = std::mem::take(&mut self.to_client);
            self.change_in(&mut bytes, Change::ToClient);
            self.gone.1 += bytes.len();
            self.hear(&bytes)?;
        }
        if self.change == Change::None {
            assert_eq!(self.client.is_settled(), self.session.is_settled(), "settled: client and server");
        }
        Some(())
    }

    fn change_in(&self, bytes: &mut [u8], direction: impl Fn(usize) -> Change) {
        let gone = if direction(0) == Change::ToServer(0) { self.gone.0 } else { self.gone.1 };
        for (at, byte) in bytes.iter_mut().enumerate() {
            if self.change == direction(gone + at) {
                *byte ^= 1 << (at % 8);
            }
        }
    }

    fn serve(&mut self, bytes: &[u8]) -> Option<()> {
        let mut arrived = Vec::new();
        for piece in pieces(bytes, self.pieces) {
            arrived.extend_from_slice(piece);
            loop {
                match self.session.receive(&arrived) {
                    Ok(Received::Event { consumed, .. }) => drop(arrived.drain(..consumed)),
                    Ok(Received::Partial { consumed, .. }) => {
                        arrived.drain(..consumed);
                        break;
                    }
                    Err(error) => return self.fails(&error),
                }
            }
        }
        // A message that has not arrived as a whole is lost: only a changed length can make one.
        if arrived.is_empty() { Some(()) } else { self.fails(&"bytes are left over") }
    }

    fn hear(&mut self, bytes: &[u8]) -> Option<()> {
        let mut arrived = Vec::new();
        for piece in pieces(bytes, self.pieces) {
            arrived.extend_from_slice(piece);
            loop {
                match self.client.receive(&arrived, &mut self.to_server) {
                    Ok(Received::Event { consumed, .. }) => drop(arrived.drain(..consumed)),
                    Ok(Received::Partial { consumed, .. }) => {
                        arrived.drain(..consumed);
                        break;
                    }
                    Err(SessionError::Fatal(_)) if self.session.is_over() => return None,
                    // The one error that leaves open where the answers end: only a late cancel request causes it.
                    Err(SessionError::Protocol(ProtocolError::Unexpected {
                        tag: Tag::ErrorResponse,
                        state: "the end of a refused copy is due",
                    })) => return None,
                    Err(error) => return self.fails(&error),
                }
            }
        }
        if arrived.is_empty() { Some(()) } else { self.fails(&"bytes are left over") }
    }

    fn fails(&self, error: &dyn std::fmt::Display) -> Option<()> {
        assert!(self.change != Change::None, "{error}");
        None
    }
}

fn pieces(mut rest: &[u8], mut sizes: Pieces) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (piece, later) = rest.split_at(rest.len().min(sizes.next()?));
        rest = later;
        (!piece.is_empty()).then_some(piece)
    })
}

const TEXTS: [&str; 4] = ["select 1", "select $1", "copy t from stdin", ""];

/// Everything that a server may have to say to a client that does not replicate.
const ANSWERS: [(Tag, &[u8]); 29] = [
    (Tag::ParseComplete, b""),
    (Tag::BindComplete, b""),
    (Tag::CloseComplete, b""),
    (Tag::ParameterDescription, b"\0\0"),
    (Tag::ParameterDescription, b"\0\x01\0\0\0\x17"),
    (Tag::NoData, b""),
    (Tag::RowDescription, b"\0\0"),
    (Tag::RowDescription, b"\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"),
    (Tag::RowDescription, b"\0\x01a\0\0\0\0\0\0\0\0\0\x04\x09\0\x10\xff\xff\xff\xff\0\0"),
    (Tag::DataRow, b"\0\0"),
    (Tag::DataRow, b"\0\x01\0\0\0\x04\0\0\0\x01"),
    (Tag::CommandComplete, b"SELECT 1\0"),
    (Tag::CommandComplete, b"COPY 1\0"),
    (Tag::EmptyQueryResponse, b""),
    (Tag::PortalSuspended, b""),
    (Tag::ReadyForQuery, b"I"),
    (Tag::ReadyForQuery, b"T"),
    (Tag::ReadyForQuery, b"E"),
    (Tag::ErrorResponse, b"SERROR\0VERROR\0C42601\0Mno\0\0"),
    (Tag::ErrorResponse, b"SERROR\0VERROR\0C26000\0Mno\0\0"),
    (
        Tag::ErrorResponse,
        b"SERROR\0VERROR\0C42883\0Mno binary output function available for type aclitem\0\0",
    ),
    (Tag::ErrorResponse, b"SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0\0"),
    (Tag::ErrorResponse, b"SFATAL\0VFATAL\0C57P01\0Mbye\0\0"),
    (Tag::CopyInResponse, b"\0\0\0"),
    (Tag::CopyOutResponse, b"\0\0\x01\0\0"),
    (Tag::CopyData, b"1\n"),
    (Tag::CopyDone, b""),
    (Tag::NoticeResponse, b"SNOTICE\0VNOTICE\0C00000\0Mhm\0\0"),
    (Tag::NotificationResponse, b"\0\0\0\x01jobs\0\0"),
];
