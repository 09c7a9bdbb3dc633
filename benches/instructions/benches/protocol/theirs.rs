//! The jobs, done with postgres-protocol.

use std::hint::black_box;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use molt_db_instructions::input::{PARAMETERS, STATEMENT};
use molt_db_instructions::{TIMES, Tally};
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, Header, Message};
use postgres_protocol::message::frontend;

/// Splits a stream into frames by their headers, and makes nothing of them.
pub(crate) fn headers(mut input: &[u8]) -> usize {
    let mut count = 0;
    while let Some(header) = Header::parse(input).unwrap() {
        let size = usize::try_from(header.len()).unwrap() + 1;
        let (frame, rest) = input.split_at(size);
        black_box((header.tag(), frame));
        input = rest;
        count += 1;
    }
    count
}

/// Splits a stream into messages.
pub(crate) fn messages(input: &mut BytesMut) -> usize {
    let mut count = 0;
    while let Some(message) = Message::parse(input).unwrap() {
        black_box(message);
        count += 1;
    }
    count
}

/// Splits a stream of rows into messages and walks the ranges of each.
pub(crate) fn rows(input: &mut BytesMut) -> Tally {
    let mut tally = Tally::default();
    while let Some(message) = Message::parse(input).unwrap() {
        let Message::DataRow(row) = message else { panic!("not a row") };
        walk(&row, &mut tally);
    }
    tally
}

/// Encodes a Bind into `out`, emptied before, as often as ours: values that are encoded already.
pub(crate) fn binds(values: &[Bytes; 3], out: &mut BytesMut) {
    for _ in 0..TIMES {
        out.clear();
        let copy = |value: &Bytes, out: &mut BytesMut| {
            out.put_slice(value);
            Ok(IsNull::No)
        };
        let (portal, statement) = ("", black_box(STATEMENT));
        assert!(frontend::bind(portal, statement, [1, 0, 1], black_box(values), copy, [1], out).is_ok());
        black_box(&*out);
    }
}

/// Splits a stream of rows into messages, collects the ranges of each and reads them, as tokio-postgres does; but the
/// memory for the ranges is reused.
pub(crate) fn rows_collected(input: &mut BytesMut, ranges: &mut Vec<Option<Range<usize>>>) -> Tally {
    let mut tally = Tally::default();
    while let Some(message) = Message::parse(input).unwrap() {
        let Message::DataRow(row) = message else { panic!("not a row") };
        ranges.clear();
        let mut found = row.ranges();
        while let Some(range) = found.next().unwrap() {
            ranges.push(range);
        }
        for range in ranges.iter() {
            tally.add(range.clone().map_or(0, |range| row.buffer()[range].len()));
        }
    }
    tally
}

/// Returns the parameters of the Binds as their values are encoded.
pub(crate) fn encoded() -> [Bytes; 3] {
    let (number, name, time) = PARAMETERS;
    [number.to_be_bytes().to_vec().into(), name.into(), time.to_be_bytes().to_vec().into()]
}

/// Encodes the parameters and the Bind, as often as ours.
pub(crate) fn binds_with_parameters(out: &mut BytesMut) {
    for _ in 0..TIMES {
        out.clear();
        let (number, name, time) = black_box(PARAMETERS);
        let values = [Value::Int4(number), Value::Text(name), Value::Int8(time)];
        let (portal, statement) = ("", black_box(STATEMENT));
        let write = |value: Value<'_>, out: &mut BytesMut| Ok(value.write(out));
        assert!(frontend::bind(portal, statement, [1, 0, 1], values, write, [1], out).is_ok());
        black_box(&*out);
    }
}

/// Runs a point select for each answer in the input: encodes it, parses the answer and looks at every field.
pub(crate) fn converse(answers: &mut BytesMut, out: &mut BytesMut) -> Tally {
    let mut tally = Tally::default();
    let mut id = 0;
    while !answers.is_empty() {
        out.clear();
        begin(id, out);
        black_box(&*out);
        end(answers, &mut tally);
        id += 1;
    }
    tally
}

/// Appends the messages of a prepared point select.
pub(crate) fn begin(id: i64, out: &mut BytesMut) {
    let write = |value: Value<'_>, out: &mut BytesMut| Ok(value.write(out));
    assert!(frontend::bind("", STATEMENT, [1], [Value::Int8(id)], write, [1], out).is_ok());
    frontend::execute("", 0, out).unwrap();
    frontend::sync(out);
}

fn end(answers: &mut BytesMut, tally: &mut Tally) {
    loop {
        match Message::parse(answers).unwrap().unwrap() {
            Message::BindComplete => {}
            Message::DataRow(row) => walk(&row, tally),
            Message::CommandComplete(complete) => {
                black_box(complete.tag().unwrap());
            }
            Message::ReadyForQuery(ready) => {
                black_box(ready.status());
                return;
            }
            _ => panic!("not an answer to a point select"),
        }
    }
}

fn walk(row: &DataRowBody, tally: &mut Tally) {
    let mut ranges = row.ranges();
    while let Some(range) = ranges.next().unwrap() {
        tally.add(range.map_or(0, |range| range.len()));
    }
}

enum Value<'a> {
    Int4(i32),
    Text(&'a str),
    Int8(i64),
}

impl Value<'_> {
    fn write(&self, out: &mut BytesMut) -> IsNull {
        match self {
            Self::Int4(value) => out.put_i32(*value),
            Self::Text(value) => out.put_slice(value.as_bytes()),
            Self::Int8(value) => out.put_i64(*value),
        }
        IsNull::No
    }
}
