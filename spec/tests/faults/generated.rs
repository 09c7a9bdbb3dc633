//! Faults that nobody thought of: every message of either side lost, doubled, late, cut, or with a field off by one.

use std::ops::Range;

use crate::proxy::{Memory, message};

/// One thing that happens to each message of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mutation {
    pub(crate) side: Side,
    pub(crate) when: When,
    pub(crate) tag: u8,
    pub(crate) change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Before the first ReadyForQuery of a session, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    AtStart,
    InSession,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Lost,
    Doubled,
    /// Behind the next message.
    Late,
    /// Without its last byte, and with a length that fits.
    Cut,
    /// One more in the last byte of the field with this number.
    Field(usize),
    /// Another code in its first byte: of the transaction, the format or the kind.
    Status,
}

impl Mutation {
    /// `server C late`, as survivors are listed.
    pub(crate) fn name(&self) -> String {
        let side = if self.side == Side::Server { "server" } else { "client" };
        let when = if self.when == When::AtStart { " at-start" } else { "" };
        let change = match self.change {
            Change::Lost => "lost".to_owned(),
            Change::Doubled => "doubled".to_owned(),
            Change::Late => "late".to_owned(),
            Change::Cut => "cut".to_owned(),
            Change::Field(number) => format!("field {}", self.layout()[number].0),
            Change::Status => "status".to_owned(),
        };
        format!("{side} {}{when} {change}", char::from(self.tag))
    }

    /// Returns what becomes of a message.
    pub(crate) fn apply(&self, memory: &mut Memory, tag: u8, body: &[u8]) -> Vec<u8> {
        let whole = message(tag, body);
        let held = memory.held.take();
        let is_hit = tag == self.tag && (self.when == When::InSession) == memory.is_in_session;
        let changed = match self.change {
            _ if !is_hit => whole,
            Change::Lost => Vec::new(),
            Change::Doubled => whole.repeat(2),
            Change::Late => {
                memory.held = Some(whole);
                Vec::new()
            }
            Change::Cut => message(tag, &body[..body.len().saturating_sub(1)]),
            Change::Field(number) => message(tag, &off_by_one(self.layout(), number, body)),
            Change::Status => message(tag, &other_status(body)),
        };
        [changed, held.unwrap_or_default()].concat()
    }

    fn layout(&self) -> &'static [Field] {
        layout(self.side, self.tag)
    }
}

/// Returns every fault there is.
pub(crate) fn mutations() -> Vec<Mutation> {
    let at_start = b"RSKvZE".iter().map(|tag| (Side::Server, When::AtStart, *tag));
    let of_server = b"123ACDEGHINSTVWZcdnst".iter().map(|tag| (Side::Server, When::InSession, *tag));
    let of_client = b"BCDEFHPQSXcdf".iter().map(|tag| (Side::Client, When::InSession, *tag));
    let answers = std::iter::once((Side::Client, When::AtStart, b'p'));
    let kinds = at_start.chain(answers).chain(of_server).chain(of_client);
    kinds
        .flat_map(|(side, when, tag)| {
            changes(side, tag).map(move |change| Mutation { side, when, tag, change })
        })
        .collect()
}

fn changes(side: Side, tag: u8) -> impl Iterator<Item = Change> {
    let layout = layout(side, tag);
    let cut = (!layout.is_empty()).then_some(Change::Cut);
    let has_status = match side {
        Side::Server => b"ZGHW".contains(&tag),
        Side::Client => b"CD".contains(&tag),
    };
    let status = has_status.then_some(Change::Status);
    let all = [Change::Lost, Change::Doubled, Change::Late].into_iter().chain(cut).chain(status);
    let fields = layout.iter().enumerate().filter(|(_, (_, place))| !matches!(place, Next));
    all.chain(fields.map(|(number, _)| Change::Field(number)))
}

/// A field: its name and where it is.
type Field = (&'static str, Place);

/// How to get from one field to the next. What is repeated is there once: the first time.
#[derive(Clone, Copy)]
enum Place {
    /// A number of so many bytes.
    Number(usize),
    /// A number of so many bytes that counts what follows; the fields up to [`Place::Next`] are missing where it is 0.
    Count(usize),
    /// A number of so many bytes in a list that ends at [`Place::Next`]. The first of them is meant.
    Each(usize),
    /// The end of such a list.
    Next,
    /// A text up to a zero byte.
    Text,
    /// Four bytes of length, and as many others.
    Length,
    Value,
    /// All the rest.
    Rest,
    /// The field of an error with this code.
    Code(u8),
}

use Place::{Code, Count, Each, Length, Next, Number, Rest, Text, Value};

fn layout(side: Side, tag: u8) -> &'static [Field] {
    match (side, tag) {
        (Side::Server, b'A') => &[("process", Number(4)), ("channel", Text), ("payload", Text)],
        (Side::Server, b'C') => &[("tag", Text)],
        (Side::Server, b'D') => &[("count", Count(2)), ("length", Length), ("value", Value)],
        (Side::Server, b'E' | b'N') => &[
            ("S", Code(b'S')),
            ("V", Code(b'V')),
            ("C", Code(b'C')),
            ("M", Code(b'M')),
            ("P", Code(b'P')),
            ("F", Code(b'F')),
            ("L", Code(b'L')),
            ("R", Code(b'R')),
        ],
        (Side::Server, b'G' | b'H' | b'W') => {
            &[("format", Number(1)), ("count", Count(2)), ("column", Number(2))]
        }
        (Side::Server, b'K') => &[("process", Number(4)), ("secret", Rest)],
        (Side::Server, b'R') => &[("code", Number(4)), ("data", Rest)],
        (Side::Server, b'S') => &[("name", Text), ("value", Text)],
        (Side::Server, b'T') => &[
            ("count", Count(2)),
            ("name", Text),
            ("table", Number(4)),
            ("attribute", Number(2)),
            ("type", Number(4)),
            ("size", Number(2)),
            ("modifier", Number(4)),
            ("format", Number(2)),
        ],
        (Side::Server, b't') => &[("count", Count(2)), ("type", Number(4))],
        (Side::Server, b'V') => &[("length", Length), ("value", Value)],
        (Side::Server, b'v') => &[("version", Number(4)), ("count", Count(4)), ("option", Text)],
        (Side::Server, b'Z') => &[("status", Number(1))],
        (Side::Client, b'B') => &[
            ("portal", Text),
            ("statement", Text),
            ("formats", Count(2)),
            ("format", Each(2)),
            ("", Next),
            ("values", Count(2)),
            ("length", Length),
            ("value", Value),
        ],
        (Side::Client, b'C' | b'D') => &[("kind", Number(1)), ("name", Text)],
        (Side::Client, b'E') => &[("portal", Text), ("limit", Number(4))],
        (Side::Client, b'F') => &[
            ("function", Number(4)),
            ("formats", Count(2)),
            ("format", Each(2)),
            ("", Next),
            ("values", Count(2)),
            ("length", Length),
            ("value", Value),
        ],
        (Side::Client, b'P') => &[("name", Text), ("text", Text), ("count", Count(2)), ("type", Number(4))],
        (Side::Client, b'Q' | b'f') => &[("text", Text)],
        (_, b'd' | b'p') => &[("data", Rest)],
        _ => &[],
    }
}

/// Adds one to the last byte of a field, if the message has it and there is a byte in it.
fn off_by_one(layout: &[Field], number: usize, body: &[u8]) -> Vec<u8> {
    let mut changed = body.to_vec();
    let range = place(layout, number, body).unwrap_or_default();
    if let Some(byte) = changed.get_mut(range).and_then(<[u8]>::last_mut) {
        *byte = byte.wrapping_add(1);
    }
    changed
}

fn place(layout: &[Field], number: usize, body: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut count, mut element) = (0, 1, 0);
    for (index, (_, place)) in layout.iter().enumerate() {
        let size = match *place {
            Code(code) => {
                let found = error_field(body, code);
                if index == number {
                    return found;
                }
                continue;
            }
            Number(size) | Count(size) | Each(size) => size,
            Next => {
                at += element * count;
                (count, element) = (1, 0);
                continue;
            }
            _ if count == 0 => 0,
            Text => body.get(at..)?.iter().position(|byte| *byte == 0)?,
            Length => 4,
            Value => usize::try_from(number_at(body, at - 4, 4)?).ok()?,
            Rest => body.len().checked_sub(at)?,
        };
        if index == number {
            return (count > 0 || matches!(place, Count(_))).then_some(at..at + size);
        }
        match *place {
            Count(size) => {
                count = usize::try_from(number_at(body, at, size)?).ok()?;
                at += size;
            }
            Each(size) => element = size,
            Text => at += size + 1,
            _ => at += size,
        }
    }
    None
}

fn number_at(body: &[u8], at: usize, size: usize) -> Option<i64> {
    let bytes = body.get(at..at + size)?;
    let number = bytes.iter().fold(0, |number, byte| (number << 8) | i64::from(*byte));
    // A length of -1 has no bytes.
    Some(if size == 4 && number > i64::from(i32::MAX) { 0 } else { number })
}

/// Returns where the value of a field of an error is.
fn error_field(body: &[u8], code: u8) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let end = at + body.get(at..)?.iter().position(|byte| *byte == 0)?;
        match body.get(at)? {
            0 => return None,
            found if *found == code => return Some(at + 1..end),
            _ => at = end + 1,
        }
    }
}

fn other_status(body: &[u8]) -> Vec<u8> {
    let mut changed = body.to_vec();
    if let Some(first) = changed.first_mut() {
        *first = match *first {
            b'I' => b'T',
            b'T' => b'E',
            b'E' => b'I',
            b'S' => b'P',
            b'P' => b'S',
            0 => 1,
            _ => 0,
        };
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(side: Side, tag: u8, name: &str, body: &[u8]) -> Vec<u8> {
        let layout = layout(side, tag);
        let number = layout.iter().position(|(found, _)| *found == name).unwrap();
        off_by_one(layout, number, body)
    }

    #[test]
    fn fields_are_found() {
        let row = b"\0\x02\0\0\0\x021a\xff\xff\xff\xff";
        assert_eq!(field(Side::Server, b'D', "count", row), b"\0\x03\0\0\0\x021a\xff\xff\xff\xff");
        assert_eq!(field(Side::Server, b'D', "length", row), b"\0\x02\0\0\0\x031a\xff\xff\xff\xff");
        assert_eq!(field(Side::Server, b'D', "value", row), b"\0\x02\0\0\0\x021b\xff\xff\xff\xff");
        let error = b"SERROR\0VERROR\0C42601\0\0";
        assert_eq!(field(Side::Server, b'E', "C", error), b"SERROR\0VERROR\0C42602\0\0");
        assert_eq!(field(Side::Server, b'E', "P", error), error);
        let bind = b"p\0s\0\0\x02\0\x01\0\0\0\x01\0\0\0\x01x\0\0";
        assert_eq!(
            field(Side::Client, b'B', "statement", bind),
            b"p\0t\0\0\x02\0\x01\0\0\0\x01\0\0\0\x01x\0\0"
        );
        assert_eq!(field(Side::Client, b'B', "format", bind), b"p\0s\0\0\x02\0\x02\0\0\0\x01\0\0\0\x01x\0\0");
        assert_eq!(field(Side::Client, b'B', "values", bind), b"p\0s\0\0\x02\0\x01\0\0\0\x02\0\0\0\x01x\0\0");
        assert_eq!(field(Side::Client, b'B', "value", bind), b"p\0s\0\0\x02\0\x01\0\0\0\x01\0\0\0\x01y\0\0");
        let call = b"\0\0\0\x07\0\x01\0\x01\0\x01\0\0\0\x012\0\0";
        assert_eq!(field(Side::Client, b'F', "format", call)[6..8], *b"\0\x02");
        assert_eq!(field(Side::Client, b'F', "values", call)[8..10], *b"\0\x02");
        let columns = b"\0\x01a\0\0\0\0\x01\0\x02\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
        let expected = b"\0\x01a\0\0\0\0\x01\0\x02\0\0\0\x17\0\x05\xff\xff\xff\xff\0\0";
        assert_eq!(field(Side::Server, b'T', "size", columns), expected);
    }

    #[test]
    fn a_late_message_comes_behind_the_next() {
        let late = Mutation { side: Side::Server, when: When::AtStart, tag: b'K', change: Change::Late };
        let mut memory = Memory::default();
        assert!(late.apply(&mut memory, b'K', b"x").is_empty());
        assert_eq!(late.apply(&mut memory, b'Z', b"I"), [message(b'Z', b"I"), message(b'K', b"x")].concat());
    }
}
