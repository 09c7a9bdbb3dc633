//! Everything that a driver can ask of a session, in any order, walking away included, against a server that says
//! anything: no panic, no answer to nobody, rest or an end within the bound, and pieces tell what the whole does.
//!
//! The first byte is how many statements are kept and whether there is a key, the next four are the seed of the pieces.
//! Then records, one step each: a query `<`, a preparation `?`, a script `;`, a copy `(` in, `)` out or `*` both, each
//! with its SQL; a query `+` that is queued, its first byte the row limit; `=` Sync, `~` Flush, `>` more rows; `.` a
//! piece of a copy, `,` its end, `-` its failure; `[` a script whose results are told; `#` a portal, its first byte the
//! row limit, `{` more rows of the latest portal, `}` its end; `^` what is to lead the next query, `"` that it is not; `%`
//! walking away, `]` from a transaction too; `@` time, in milliseconds; `&` the end of a cancel request; `!` bytes of the
//! server as they are; anything else a message of the server with a right length.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, Record, records};
use molt_db_protocol::client::{
    Arguments, CancelOutcome, Client, CommandError, Credentials, Description, Event, Handshake,
    HandshakeEvent, Hints, Leading, OpenTransaction, Received, Sending, SessionError, Settle, SettlePolicy,
    Startup,
};
use molt_db_protocol::message::{CopyDirection, WireFormat};

fuzz_target!(|input: &[u8]| {
    let [shape, a, b, c, d, script @ ..] = input else { return };
    let whole = play(*shape, script, Pieces::Whole);
    let pieces = Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]));
    assert_eq!(play(*shape, script, pieces), whole, "in pieces");
});

/// What was observed: events and answers as text, and all that was sent.
type Observed = (Vec<String>, Vec<u8>);

fn play(shape: u8, script: &[u8], pieces: Pieces) -> Observed {
    let mut driver = Driver::new(shape, pieces);
    for record in records(script) {
        if let Err(error) = driver.step(record) {
            driver.told.push(error.to_string());
            return (driver.told, driver.sent);
        }
    }
    driver.come_to_rest();
    (driver.told, driver.sent)
}

struct Driver {
    client: Client,
    pieces: Pieces,
    meter: Meter,
    /// The server's bytes that are not whole messages yet.
    arrived: Vec<u8>,
    told: Vec<String>,
    sent: Vec<u8>,
    portal: Arc<str>,
    lead: Leading,
    begin: Instant,
    now: Instant,
    /// When somebody walked away.
    abandoned: Option<Instant>,
    /// Whether a cancel request is on its way.
    cancelling: bool,
}

impl Driver {
    fn new(shape: u8, pieces: Pieces) -> Self {
        let begin = Instant::now();
        Self {
            client: started(usize::from(shape & 3), shape & 4 == 0),
            pieces,
            meter: Meter::default(),
            arrived: Vec::new(),
            told: Vec::new(),
            sent: Vec::new(),
            portal: Arc::default(),
            lead: Leading::default(),
            begin,
            now: begin,
            abandoned: None,
            cancelling: false,
        }
    }

    fn step(&mut self, record: Record<'_>) -> Result<(), SessionError> {
        match record.kind {
            b'%' => self.walk_away(OpenTransaction::Fails),
            b']' => self.walk_away(OpenTransaction::IsRolledBack),
            b'@' => self.now += Duration::from_millis(u64::from(record.body.first().copied().unwrap_or(1))),
            b'&' => self.end_cancel(record.body),
            b'!' => self.hear(record.body)?,
            b'<' | b'?' | b';' | b'(' | b')' | b'*' | b'+' | b'=' | b'~' | b'>' | b'.' | b',' | b'-'
            | b'[' | b'#' | b'{' => {
                self.command(record);
            }
            b'}' => self.client.close_portal(&self.portal),
            b'^' => {
                let text = String::from_utf8_lossy(record.body).into_owned();
                self.lead = self.client.lead(text).unwrap_or_default();
            }
            b'"' => {
                self.client.take_back(self.lead);
                assert!(!self.client.still_leads(self.lead));
            }
            _ => {
                let mut message = Vec::new();
                record.frame(&mut message);
                self.hear(&message)?;
            }
        }
        let _ = self.settle();
        Ok(())
    }

    fn command(&mut self, record: Record<'_>) {
        let before = self.sent.len();
        let settled = self.client.is_settled();
        if let Err(error) = self.ask(record) {
            assert_eq!(self.sent.len(), before, "a refused command writes nothing");
            assert_eq!(self.client.is_settled(), settled, "a refused command changes nothing");
            self.told.push(error.to_string());
        } else {
            assert!(self.abandoned.is_none(), "commands are refused until it is settled");
        }
    }

    fn ask(&mut self, record: Record<'_>) -> Result<(), CommandError> {
        // What a caller asks for is its own to hold.
        let bytes = 64 * 1024 + 16 * record.body.len();
        let sql = str::from_utf8(record.body).unwrap_or("select 1");
        let (limit, queued) = match record.body.split_first() {
            Some((limit, rest)) => (i32::from(*limit), str::from_utf8(rest).unwrap_or("select 1")),
            None => (0, ""),
        };
        let (client, out, portal) = (&mut self.client, &mut self.sent, &mut self.portal);
        self.meter.run(bytes, || match record.kind {
            b'<' => client.query(sql, &arguments(sql), out),
            b'?' => client.prepare(sql, &[], out).map(drop),
            b';' => client.script(sql, out),
            b'[' => client.script_results(sql, out),
            b'#' => client.portal(queued, &arguments(queued), limit, out).map(|name| *portal = name),
            b'{' => {
                let description: Arc<Description> = client.description().map(Arc::clone).unwrap_or_default();
                client.fetch_portal(portal, &description, limit, out)
            }
            b'(' => client.copy(sql, CopyDirection::In, out),
            b')' => client.copy(sql, CopyDirection::Out, out),
            b'*' => client.copy(sql, CopyDirection::Both, out),
            b'+' => client.queue(queued, &arguments(queued), limit, out),
            b'=' => client.sync(out),
            b'~' => client.flush(out),
            b'>' => client.fetch(i32::from(record.body.len() as u8), out),
            b'.' => client.copy_data(record.body, out),
            b',' => client.copy_done(out),
            _ => client.copy_fail(sql, out),
        })
    }

    fn hear(&mut self, mut bytes: &[u8]) -> Result<(), SessionError> {
        while !bytes.is_empty() {
            let (piece, later) = bytes.split_at(bytes.len().min(self.pieces.next().unwrap_or(usize::MAX)));
            bytes = later;
            self.arrived.extend_from_slice(piece);
            self.receive(piece.len())?;
        }
        Ok(())
    }

    fn receive(&mut self, mut fed: usize) -> Result<(), SessionError> {
        loop {
            let (client, arrived, sent) = (&mut self.client, &self.arrived, &mut self.sent);
            let consumed = match self.meter.run(fed, || client.receive(arrived, sent))? {
                Received::Partial { consumed, needed } => {
                    assert!(consumed + needed > self.arrived.len(), "asked for what is there");
                    self.arrived.drain(..consumed);
                    return Ok(());
                }
                Received::Event { consumed, event } => {
                    let unasked =
                        matches!(event, Event::Notice(_) | Event::Notification(_) | Event::Parameter(_));
                    assert!(unasked || self.abandoned.is_none(), "nobody waits for {event:?}");
                    self.told.push(format!("{event:?}"));
                    consumed
                }
            };
            self.arrived.drain(..consumed);
            fed = 0;
        }
    }

    fn walk_away(&mut self, transaction: OpenTransaction) {
        let policy = SettlePolicy { transaction, ..SettlePolicy::default() };
        self.client.abandon(policy, self.now, &mut self.sent);
        if !self.client.is_settled() && self.abandoned.is_none() {
            self.abandoned = Some(self.now);
        }
    }

    fn end_cancel(&mut self, how: &[u8]) {
        let outcome = match how.first().map(|how| how % 3) {
            None | Some(0) => CancelOutcome::Delivered,
            Some(1) => CancelOutcome::NotSent,
            Some(_) => CancelOutcome::Lost,
        };
        self.cancelling = false;
        self.client.cancel_over(outcome, self.now);
    }

    /// Asks what is next. A session that is to be closed goes on all the same: nothing may come of it.
    fn settle(&mut self) -> Settle {
        let settle = self.client.poll_settle(Sending::Finished, self.now, &mut self.sent);
        match settle {
            Settle::Wait(until) => {
                let abandoned = self.abandoned.expect("nobody has walked away");
                assert!(until > self.now, "it waits for what is over");
                assert!(until - abandoned <= SettlePolicy::default().bound, "it waits beyond its bound");
            }
            Settle::Cancel => {
                assert!(!self.cancelling, "one request at a time");
                self.cancelling = true;
            }
            Settle::Close(_) => {}
            Settle::Settled => {
                assert!(
                    self.abandoned.is_none() || !self.cancelling,
                    "a request may still hit a later command"
                );
                assert!(self.abandoned.is_none() || self.client.is_settled());
                self.abandoned = None;
            }
        }
        self.told.push(match settle {
            Settle::Wait(until) => format!("wait {:?}", until - self.begin),
            other => format!("{other:?}"),
        });
        settle
    }

    /// Whoever has walked away is rid of the session when the bound is over.
    fn come_to_rest(&mut self) {
        if self.abandoned.is_some() {
            self.now += SettlePolicy::default().bound;
            self.end_cancel(&[]);
            let settle = match self.settle() {
                // The round trip behind the request has a bound too, which is over.
                Settle::Wait(_) => panic!("it waits beyond its bound"),
                other => other,
            };
            assert!(matches!(settle, Settle::Settled | Settle::Close(_)), "{settle:?}");
        }
    }
}

/// SQL with a `$` in it takes one parameter.
fn arguments(sql: &str) -> Arguments<'static> {
    if sql.contains('$') {
        Arguments { types: &[23], formats: &[WireFormat::Binary], values: b"\0\0\0\x04\0\0\0\x01" }
    } else {
        Arguments::default()
    }
}

fn started(statement_cache_size: usize, has_key: bool) -> Client {
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let hints = Some(Arc::<Hints>::default());
    let credentials = Credentials { statement_cache_size, hints, ..Credentials::default() };
    let mut handshake = Handshake::start(&startup, credentials, &mut Vec::new()).expect("no NUL in it");
    let greeting: &[u8] = match has_key {
        true => b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x07abcdZ\0\0\0\x05I",
        false => b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
    };
    match handshake.receive(greeting, &mut Vec::new()) {
        Ok(Received::Event { event: HandshakeEvent::Ready(client), .. }) => *client,
        other => panic!("{other:?}"),
    }
}
