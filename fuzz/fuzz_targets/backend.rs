//! A client that says anything to a server that keeps statements and portals, and whose commands do all that commands
//! may: no panic, no lawful answer refused, only whole messages, an end for each request at most, what is kept stays
//! within its quota, and pieces tell what the whole does.
//!
//! The first four bytes are the seed of the pieces. Then records: `!` bytes of the client as they are, anything else a
//! message of the client, of that type, with a right length. SQL is statements with `;` between, each a letter and
//! perhaps a digit: `r3` three rows, `e` its parameter, `i` no rows, `b` `c` `k` begin, commit and roll back, `x3` an
//! error after three rows, `g` a copy in, `h3` a copy out, `d` what fails at the end of its transaction, `n` a notice.
#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, records};
use molt_db_protocol::message::{
    BackendMessage, FieldDescription, ServerError, Severity, SqlState, TransactionStatus, WireFormat,
};
use molt_db_protocol::server::{
    Backend, Portal, Quota, Received, Reception, Request, Segment, SendError, Statement,
};
use molt_db_protocol::wire::{Framed, Limits, Phase, Tag, frame};

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, script @ ..] = input else { return };
    let mut client = Vec::new();
    for record in records(script) {
        match record.kind {
            b'!' => client.extend(record.body),
            _ => record.frame(&mut client),
        }
    }
    let whole = play(&client, Pieces::Whole);
    assert_eq!(play(&client, Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]))), whole, "in pieces");
});

/// Returns all that was sent, and why it ended, if it did.
fn play(client: &[u8], mut pieces: Pieces) -> (Vec<u8>, Option<String>) {
    let mut server = Server::new();
    let (mut rest, mut arrived) = (client, Vec::new());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
        arrived.extend_from_slice(piece);
        rest = later;
        if let Err(error) = server.receive(piece.len(), &mut arrived) {
            return (server.checked(client), Some(error));
        }
    }
    (server.checked(client), None)
}

struct Server {
    backend: Backend<Plan, Range<u8>>,
    meter: Meter,
    out: Vec<u8>,
    /// What is done fails when it is to be kept.
    deferred: bool,
}

/// A letter and a number.
type Plan = (u8, u8);

impl Server {
    fn new() -> Self {
        let mut reception = Reception::default();
        reception.receive(STARTUP, &mut Vec::new()).expect("a start-up");
        let session = reception.admit(&mut Vec::new()).expect("it has asked");
        let backend = Backend::open(session, &[], None, &mut Vec::new()).expect("it is new");
        let quota = Quota { statements: 8, portals: 8, bytes: 1024 };
        // What is to be sent is no business of the meter: there is room for all of it.
        let out = Vec::with_capacity(1 << 20);
        Self { backend: backend.with_quota(quota), meter: Meter::default(), out, deferred: false }
    }

    fn receive(&mut self, mut fed: usize, arrived: &mut Vec<u8>) -> Result<(), String> {
        loop {
            let received = self.meter.run(fed, || self.backend.receive(arrived, &mut self.out));
            fed = 0;
            match received.map_err(|error| error.to_string())? {
                Received::Partial { consumed, needed } => {
                    assert!(consumed + needed > arrived.len(), "asked for what is there");
                    arrived.drain(..consumed);
                    return Ok(());
                }
                Received::Event { consumed, event } => {
                    answer(&mut self.backend, event, &mut self.deferred, &mut self.out)
                        .expect("a lawful answer");
                    arrived.drain(..consumed);
                }
            }
        }
    }

    /// All that was sent is whole messages, and the client has asked for each end.
    fn checked(self, client: &[u8]) -> Vec<u8> {
        let (mut rest, mut ends) = (&self.out[..], 0);
        while !rest.is_empty() {
            let Ok(Framed::Whole(found)) = frame(rest, &Limits::BACKEND, Phase::Session) else {
                panic!("{rest:?}")
            };
            BackendMessage::parse(found.tag, found.body).expect("our own message");
            ends += usize::from(found.tag == Tag::ReadyForQuery);
            rest = &rest[found.size()..];
        }
        let asked = client.iter().filter(|byte| b"QSF".contains(byte)).count();
        assert!(ends <= asked, "{ends} ends for {asked}");
        self.out
    }
}

type Host = Backend<Plan, Range<u8>>;

fn answer(
    backend: &mut Host,
    request: Request<'_, Plan, Range<u8>>,
    deferred: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    match request {
        Request::Prepare { sql, .. } => match understand(backend, sql) {
            Some(statements) => backend.prepared(statements, out),
            None => fail(backend, SqlState::SYNTAX_ERROR, out),
        },
        Request::Run { portal, cursor } => run(backend, &portal, cursor, deferred, out),
        Request::CopyData(data) if data.starts_with(b"bad") => fail(backend, SqlState::SYNTAX_ERROR, out),
        Request::CopyData(_) | Request::Terminate => Ok(()),
        Request::CopyDone => backend.complete("COPY 1", out),
        Request::CopyFail(_) => fail(backend, SqlState::QUERY_CANCELED, out),
        Request::End(segment) => end(backend, segment, deferred, out),
    }
}

fn understand(backend: &Host, sql: &[u8]) -> Option<Vec<Statement<Plan>>> {
    let texts = sql.split(|byte| *byte == b';').filter(|text| !text.is_empty());
    let statements = texts.map(statement).collect::<Option<Vec<_>>>()?;
    let may_run = |statement: &Statement<Plan>| matches!(statement.plan.0, b'c' | b'k');
    (backend.status() != TransactionStatus::Failed || statements.iter().all(may_run)).then_some(statements)
}

fn statement(text: &[u8]) -> Option<Statement<Plan>> {
    let (letter, rest) = text.split_first()?;
    let count = rest.first().copied().unwrap_or_default().wrapping_sub(b'0').min(9);
    let mut statement = Statement::new((*letter, count));
    match letter {
        b'r' | b'x' => statement.columns = Some(vec![FieldDescription::new("n", 25)]),
        b'e' => {
            statement.columns = Some(vec![FieldDescription::new("echo", 23)]);
            statement.parameters = vec![23];
        }
        b'i' | b'b' | b'c' | b'k' | b'g' | b'h' | b'd' | b'n' => {}
        _ => return None,
    }
    Some(statement)
}

fn run(
    backend: &mut Host,
    portal: &Portal<Plan>,
    cursor: Option<Range<u8>>,
    deferred: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let (letter, count) = portal.statement().plan;
    match letter {
        b'r' => rows(backend, cursor.unwrap_or(0..count), out),
        b'e' => {
            let values: Vec<_> = portal.parameters().map(|parameter| parameter.value).collect();
            backend.row(&values, out)?;
            backend.complete("SELECT 1", out)
        }
        b'x' => {
            for _ in 0..count {
                if backend.is_full() {
                    break;
                }
                backend.row(&[Some(b"x")], out)?;
            }
            fail(backend, SqlState::SYNTAX_ERROR, out)
        }
        b'b' => {
            backend.set_status(TransactionStatus::InTransaction);
            backend.complete("BEGIN", out)
        }
        b'c' | b'k' => {
            backend.set_status(TransactionStatus::Idle);
            backend.complete("ROLLBACK", out)
        }
        b'g' => backend.copy_in(WireFormat::Text, 1, out),
        b'h' => {
            backend.copy_out(WireFormat::Binary, 2, out)?;
            for _ in 0..count {
                backend.send(&BackendMessage::CopyData(b"1\n"), out)?;
            }
            backend.send(&BackendMessage::CopyDone, out)?;
            backend.complete("COPY 1", out)
        }
        b'd' => {
            *deferred = true;
            backend.complete("INSERT 0 1", out)
        }
        b'n' => {
            backend.notice("hm", out)?;
            backend.complete("DO", out)
        }
        _ => backend.complete("INSERT 0 1", out),
    }
}

fn rows(backend: &mut Host, mut rows: Range<u8>, out: &mut Vec<u8>) -> Result<(), SendError> {
    while rows.next().is_some() {
        backend.row(&[None], out)?;
        if backend.is_full() {
            return backend.suspend(rows, out);
        }
    }
    backend.complete(&format!("SELECT {}", backend.rows()), out)
}

fn end(
    backend: &mut Host,
    segment: Segment,
    deferred: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let is_open = backend.status() != TransactionStatus::Idle;
    if is_open || !std::mem::take(deferred) || segment == Segment::Failed {
        return Ok(());
    }
    fail(backend, SqlState::INTERNAL_ERROR, out)
}

fn fail(backend: &mut Host, code: SqlState, out: &mut Vec<u8>) -> Result<(), SendError> {
    backend.fail(ServerError::new(Severity::Error, code, "no"), out)
}

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
