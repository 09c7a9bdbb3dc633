//! A client that says anything to a backend that keeps its statements and portals: an error or waiting, only whole
//! messages go out, and pieces tell what the whole does.
//!
//! The first four bytes are the seed of the pieces, the fifth chooses what commands do. Then records: `!` bytes of the
//! client as they are, anything else a message of the client with a right length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, records};
use molt_db_protocol::message::{FieldDescription, ServerError, Severity, SqlState, WireFormat};
use molt_db_protocol::server::{Backend, Portal, Reception, Request, SendError, Statement};

fuzz_target!(|input: &[u8]| {
    let [a, b, c, d, kind, script @ ..] = input else { return };
    let mut client = Vec::new();
    for record in records(script) {
        match record.kind {
            b'!' => client.extend(record.body),
            _ => record.frame(&mut client),
        }
    }
    let whole = serve(&client, *kind, Pieces::Whole);
    assert_eq!(serve(&client, *kind, Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]))), whole);
});

/// Returns what was answered, and why it ended, if it did.
fn serve(client: &[u8], kind: u8, mut pieces: Pieces) -> (Vec<u8>, Option<String>) {
    let (mut backend, mut out) = open();
    let (mut arrived, mut rest, mut meter) = (Vec::new(), client, Meter::default());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
        rest = later;
        arrived.extend_from_slice(piece);
        let mut fed = piece.len();
        loop {
            // What goes out is not held because of the client: whoever serves it sends it on.
            let received = meter.run(fed + 64 * 1024, || backend.receive(&arrived, &mut out));
            fed = 0;
            let (consumed, request) = match received {
                Ok(received) => received.into_parts(),
                Err(error) => return (out, Some(error.to_string())),
            };
            let is_over = request.is_none();
            if let Some(request) = request
                && let Err(error) = answer(&mut backend, request, kind, &mut out)
            {
                return (out, Some(error.to_string()));
            }
            arrived.drain(..consumed);
            if is_over {
                break;
            }
        }
    }
    (out, None)
}

fn answer(
    backend: &mut Backend<u8, u8>,
    request: Request<'_, u8, u8>,
    kind: u8,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    match request {
        Request::Prepare { sql, .. } => {
            let plan = kind ^ sql.first().copied().unwrap_or_default();
            let columns = (plan & 1 == 0).then(|| vec![FieldDescription::new("c", 25)]);
            backend
                .prepared([Statement { plan, parameters: vec![23; usize::from(plan & 2) / 2], columns }], out)
        }
        Request::Run { portal, cursor } => run(backend, &portal, cursor, out),
        Request::CopyDone => backend.complete("COPY 0", out),
        Request::CopyFail(_) => backend.fail(refusal(), out),
        Request::CopyData(_) | Request::End(_) | Request::Terminate => Ok(()),
    }
}

fn run(
    backend: &mut Backend<u8, u8>,
    portal: &Portal<u8>,
    cursor: Option<u8>,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    match (portal.statement().plan >> 2) & 3 {
        0 => backend.fail(refusal(), out),
        1 if portal.statement().columns.is_none() => backend.copy_in(WireFormat::Text, 1, out),
        _ => {
            for row in cursor.unwrap_or(0)..3 {
                if portal.statement().columns.is_none() {
                    break;
                }
                backend.row(&[Some(&[row])], out)?;
                if backend.is_full() {
                    return backend.suspend(row, out);
                }
            }
            backend.complete("SELECT 3", out)
        }
    }
}

fn refusal() -> ServerError {
    ServerError::new(Severity::Error, SqlState::SYNTAX_ERROR, "no")
}

fn open() -> (Backend<u8, u8>, Vec<u8>) {
    let (mut reception, mut out) = (Reception::default(), Vec::new());
    reception.receive(b"\0\0\0\x12\0\x03\0\0user\0app\0\0", &mut out).expect("it asks as it should");
    let session = reception.admit(&mut out).expect("it has asked");
    let backend = Backend::open(session, &[], None, &mut out).expect("nothing is open yet");
    (backend, out)
}
