//! A script of commands and a server that says anything: no panic, no lost byte, and pieces tell what the whole does.
//!
//! The first five bytes are how many statements are kept and the seed of the pieces. Then records: a query `<`,
//! a preparation `?` or a script `;`, each with its SQL; `!` bytes of the server as they are; anything else a message
//! of the server with a right length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Meter, Pieces, records};
use molt_db_protocol::client::{
    Arguments, Client, Credentials, Event, Handshake, HandshakeEvent, Received, SessionError, Startup,
};
use molt_db_protocol::message::WireFormat;

fuzz_target!(|input: &[u8]| {
    let [capacity, a, b, c, d, script @ ..] = input else { return };
    let script = Script::read(script);
    let capacity = usize::from(capacity % 4);
    let pieces = Pieces::Random(u32::from_be_bytes([*a, *b, *c, *d]));
    let whole = script.play(capacity, Pieces::Whole, Rows::OneByOne);
    assert_eq!(script.play(capacity, pieces, Rows::OneByOne), whole, "in pieces");
    assert_eq!(script.play(capacity, Pieces::Whole, Rows::InRuns), whole, "in runs");
    assert_eq!(script.play(capacity, pieces, Rows::InRuns), whole, "in runs and pieces");
});

#[derive(Default)]
struct Script<'i> {
    commands: Vec<(u8, &'i str)>,
    server: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Rows {
    OneByOne,
    InRuns,
}

/// What was observed: events as text, and all that was sent.
#[derive(Debug, PartialEq, Default)]
struct Told {
    events: Vec<String>,
    sent: Vec<u8>,
}

impl<'i> Script<'i> {
    fn read(input: &'i [u8]) -> Self {
        let mut script = Self::default();
        for record in records(input) {
            match record.kind {
                b'<' | b'?' | b';' => {
                    script.commands.push((record.kind, str::from_utf8(record.body).unwrap_or("select 1")));
                }
                b'!' => script.server.extend(record.body),
                _ => record.frame(&mut script.server),
            }
        }
        script
    }

    fn play(&self, capacity: usize, mut pieces: Pieces, rows: Rows) -> Told {
        let mut player = Player {
            client: started(capacity),
            commands: &self.commands,
            told: Told::default(),
            meter: Meter::default(),
        };
        let mut arrived = Vec::new();
        let mut rest = &self.server[..];
        player.command();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap_or(usize::MAX)));
            arrived.extend_from_slice(piece);
            rest = later;
            if let Err(error) = player.receive(&mut arrived, piece.len(), rows) {
                player.told.events.push(error.to_string());
                break;
            }
        }
        player.told
    }
}

struct Player<'s> {
    client: Client,
    commands: &'s [(u8, &'s str)],
    told: Told,
    meter: Meter,
}

impl Player<'_> {
    /// Begins commands until one is under way.
    fn command(&mut self) {
        while self.client.is_settled() {
            let Some(((kind, sql), later)) = self.commands.split_first() else { return };
            self.commands = later;
            let before = self.told.sent.len();
            let (client, sent) = (&mut self.client, &mut self.told.sent);
            // What a caller asks for is its own to hold.
            let refused = self.meter.run(64 * 1024 + 16 * sql.len(), || match kind {
                b'<' => client.query(sql, &arguments(sql), sent).err(),
                b'?' => client.prepare(sql, &[], sent).err(),
                _ => client.script(sql, sent).err(),
            });
            if let Some(error) = refused {
                assert_eq!(self.told.sent.len(), before, "a refused command writes nothing");
                assert!(self.client.is_settled(), "a refused command leaves nothing under way");
                self.told.events.push(error.to_string());
            }
        }
    }

    fn receive(&mut self, arrived: &mut Vec<u8>, mut fed: usize, rows: Rows) -> Result<(), SessionError> {
        loop {
            if let Rows::InRuns = rows {
                self.run(arrived)?;
            }
            let (client, sent) = (&mut self.client, &mut self.told.sent);
            match self.meter.run(fed, || client.receive(arrived, sent))? {
                Received::Partial { consumed, needed } => {
                    assert!(consumed + needed > arrived.len(), "asked for what is there");
                    arrived.drain(..consumed);
                    return Ok(());
                }
                Received::Event { consumed, event } => {
                    self.told.events.push(tell(&event));
                    arrived.drain(..consumed);
                    fed = 0;
                    self.command();
                }
            }
        }
    }

    fn run(&mut self, arrived: &mut Vec<u8>) -> Result<(), SessionError> {
        let mut run = self.client.rows(arrived);
        while let Some(row) = run.next_row()? {
            self.told.events.push(tell(&Event::Row(row)));
        }
        let consumed = run.consumed();
        arrived.drain(..consumed);
        Ok(())
    }
}

fn tell(event: &Event<'_>) -> String {
    format!("{event:?}")
}

/// SQL with a `$` in it takes one parameter.
fn arguments(sql: &str) -> Arguments<'static> {
    if sql.contains('$') {
        Arguments { types: &[23], formats: &[WireFormat::Binary], values: b"\0\0\0\x04\0\0\0\x01" }
    } else {
        Arguments::default()
    }
}

fn started(statement_cache_size: usize) -> Client {
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let credentials = Credentials { statement_cache_size, ..Credentials::default() };
    let mut handshake = Handshake::start(&startup, credentials, &mut Vec::new()).expect("no NUL in it");
    match handshake.receive(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", &mut Vec::new()) {
        Ok(Received::Event { event: HandshakeEvent::Ready(client), .. }) => *client,
        other => panic!("{other:?}"),
    }
}
