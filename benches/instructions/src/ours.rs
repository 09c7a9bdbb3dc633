//! The jobs, done with molt-db.

use std::hint::black_box;

use molt_db_decode::{Column, Columns, Format, Oid, Params, RowLayout};
use molt_db_protocol::client::{
    Arguments, Client, Credentials, Event, Handshake, HandshakeEvent, Received, RowRun, Startup,
};
use molt_db_protocol::message::{Bind, Fields, WireFormat, bind};
use molt_db_protocol::wire::{Framed, Limits, Phase, frame};

use crate::input::{self, COLUMNS, INT8, PARAMETERS, POINT_SELECT, STATEMENT};
use crate::{TIMES, Tally};

/// Splits a stream into frames. Returns how many there were.
///
/// # Panics
///
/// The stream is malformed.
pub fn frames(mut input: &[u8]) -> usize {
    let mut count = 0;
    while let Framed::Whole(frame) = frame(input, &Limits::default(), Phase::Session).expect(MALFORMED) {
        black_box(frame);
        input = &input[frame.size()..];
        count += 1;
    }
    count
}

/// Splits a stream of rows into frames and walks each as [`Fields`].
///
/// # Panics
///
/// The stream is malformed.
pub fn framed_values(mut input: &[u8]) -> Tally {
    let mut tally = Tally::default();
    while let Framed::Whole(frame) = frame(input, &Limits::default(), Phase::Session).expect(MALFORMED) {
        walk_values(frame.body, &mut tally);
        input = &input[frame.size()..];
    }
    tally
}

/// Takes rows from a run and walks each as [`Fields`].
///
/// # Panics
///
/// A row is malformed.
pub fn run_values(mut run: RowRun<'_>) -> Tally {
    let mut tally = Tally::default();
    while let Some(body) = run.next_row().expect(MALFORMED) {
        walk_values(body, &mut tally);
    }
    tally
}

/// Takes rows from a run and finds the ranges of each with a [`RowLayout`], without a look at them. Returns how many
/// fields there were.
///
/// # Panics
///
/// A row is malformed.
pub fn run_located(mut run: RowRun<'_>, reader: &mut RowReader) -> usize {
    let mut fields = 0;
    while let Some(body) = run.next_row().expect(MALFORMED) {
        fields += reader.locate(body);
    }
    fields
}

/// Takes rows from a run, finds the ranges of each with a [`RowLayout`] and reads them, as the driver does.
///
/// # Panics
///
/// A row is malformed.
pub fn run_layout(mut run: RowRun<'_>, reader: &mut RowReader) -> Tally {
    let mut tally = Tally::default();
    while let Some(body) = run.next_row().expect(MALFORMED) {
        reader.walk(body, &mut tally);
    }
    tally
}

/// Encodes a Bind into `out`, emptied before, [`TIMES`] times: values that are encoded already.
///
/// # Panics
///
/// It cannot be encoded.
pub fn binds(values: &[u8], out: &mut Vec<u8>) {
    for _ in 0..TIMES {
        out.clear();
        append_bind(black_box(values), out);
        black_box(&*out);
    }
}

/// Encodes the parameters and the Bind, [`TIMES`] times.
///
/// # Panics
///
/// They cannot be encoded.
pub fn binds_with_parameters(params: &mut Params, out: &mut Vec<u8>) {
    for _ in 0..TIMES {
        out.clear();
        params.clear();
        encode_parameters(params);
        append_bind(params.values(), out);
        black_box(&*out);
    }
}

/// Appends the parameters of the Binds.
///
/// # Panics
///
/// They cannot be encoded.
pub fn encode_parameters(params: &mut Params) {
    let (number, name, time) = black_box(PARAMETERS);
    params.push(&number).expect(WRITABLE);
    params.push(name).expect(WRITABLE);
    params.push(&time).expect(WRITABLE);
}

fn append_bind(values: &[u8], out: &mut Vec<u8>) {
    const FORMATS: [WireFormat; 3] = [WireFormat::Binary, WireFormat::Text, WireFormat::Binary];
    let message = Bind {
        portal: "",
        statement: black_box(STATEMENT),
        formats: &FORMATS,
        values,
        results: &[WireFormat::Binary],
    };
    bind(&message, out).expect(WRITABLE);
}

/// Finds the fields of rows, with what it reuses from row to row.
#[derive(Debug)]
pub struct RowReader {
    layout: RowLayout,
    columns: Columns,
}

impl RowReader {
    /// Finds the fields of a row. Returns how many there are.
    ///
    /// # Panics
    ///
    /// The row is malformed.
    #[inline]
    pub fn locate(&mut self, body: &[u8]) -> usize {
        self.layout.row(body, &self.columns).expect(MALFORMED).len()
    }

    /// Finds the fields of a row and looks at each.
    ///
    /// # Panics
    ///
    /// The row is malformed.
    #[inline]
    pub fn walk(&mut self, body: &[u8], tally: &mut Tally) {
        let row = self.layout.row(body, &self.columns).expect(MALFORMED);
        for position in 0..row.len() {
            let field = row.raw(position).expect(MALFORMED);
            tally.add(field.map_or(0, <[u8]>::len));
        }
    }
}

impl Default for RowReader {
    /// Reads rows of as many columns as those of [`input`].
    fn default() -> Self {
        let column = || Column::new("column", Oid::BYTEA, -1, Format::Binary);
        Self { layout: RowLayout::default(), columns: std::iter::repeat_with(column).take(COLUMNS).collect() }
    }
}

/// A session whose point select is prepared.
#[derive(Debug)]
pub struct Session {
    client: Client,
    out: Vec<u8>,
    reader: RowReader,
}

impl Session {
    /// Lets a client in and has it prepare its statement.
    ///
    /// # Panics
    ///
    /// The client does not accept what [`input`] answers.
    pub fn warm() -> Self {
        let mut session = Self { client: connected(), out: Vec::new(), reader: RowReader::default() };
        session.begin(0);
        session.end(&input::first_answer(), &mut Tally::default());
        session
    }

    /// Begins a point select and takes in its answer up to its first row.
    ///
    /// # Panics
    ///
    /// The client does not accept what [`input`] answers.
    pub fn streaming() -> Self {
        let mut session = Self::warm();
        session.begin(0);
        match session.client.receive(&input::answers(1), &mut session.out).expect(MALFORMED) {
            Received::Event { event: Event::Columns, .. } => session,
            other => panic!("{other:?} instead of the beginning of a result"),
        }
    }

    /// Returns the rows at the start of the input, of a session that is [streaming](Self::streaming).
    pub fn rows<'b>(&self, input: &'b [u8]) -> RowRun<'b> {
        self.client.rows(input)
    }

    /// Returns what the client sent last.
    pub fn sent(&self) -> &[u8] {
        &self.out
    }

    /// Runs a point select for each answer in the input: encodes it, takes in the answer and looks at every field.
    ///
    /// # Panics
    ///
    /// The client does not accept an answer.
    pub fn converse(&mut self, mut answers: &[u8]) -> Tally {
        let mut tally = Tally::default();
        let mut id = 0;
        while !answers.is_empty() {
            self.begin(id);
            black_box(&*self.out);
            answers = &answers[self.end(answers, &mut tally)..];
            id += 1;
        }
        tally
    }

    fn begin(&mut self, id: i64) {
        let mut values = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        values[4..].copy_from_slice(&id.to_be_bytes());
        let arguments = Arguments { types: &[INT8], formats: &[WireFormat::Binary], values: &values };
        self.out.clear();
        self.client.query(POINT_SELECT, &arguments, &mut self.out).expect(WRITABLE);
    }

    fn end(&mut self, answer: &[u8], tally: &mut Tally) -> usize {
        let mut taken = 0;
        loop {
            match self.client.receive(&answer[taken..], &mut self.out).expect(MALFORMED) {
                Received::Event { consumed, event } => {
                    taken += consumed;
                    match event {
                        Event::Row(body) => self.reader.walk(body, tally),
                        Event::Finished(outcome) => {
                            black_box(outcome).expect("the answer is no error");
                            return taken;
                        }
                        _ => {}
                    }
                }
                Received::Partial { .. } => panic!("the answer is not whole"),
            }
        }
    }
}

fn connected() -> Client {
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let mut out = Vec::new();
    let mut handshake = Handshake::start(&startup, Credentials::default(), &mut out).expect(WRITABLE);
    match handshake.receive(&input::welcome(), &mut out).expect(MALFORMED) {
        Received::Event { event: HandshakeEvent::Ready(client), .. } => *client,
        other => panic!("{other:?} instead of a client"),
    }
}

#[inline]
fn walk_values(body: &[u8], tally: &mut Tally) {
    let mut fields = Fields::new(body).expect(MALFORMED);
    while let Some(field) = fields.next_field().expect(MALFORMED) {
        tally.add(field.map_or(0, <[u8]>::len));
    }
}

const MALFORMED: &str = "the input is well formed";

const WRITABLE: &str = "the command can be written";
