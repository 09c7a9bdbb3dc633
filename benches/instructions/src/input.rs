//! What a server sends, and what is sent to it.

use molt_db_protocol::message::{
    Authentication, CancelKey, CommandTag, FieldDescription, TransactionStatus, WireFormat, data_row,
    encode_parameter_description, encode_row_description,
};
use molt_db_protocol::wire::{Tag, message};

/// How many columns a row has.
pub const COLUMNS: usize = 8;

/// The statement of the conversations: it finds one row by its key.
pub const POINT_SELECT: &str = "select * from customer where id = $1";

/// The name under which a session prepares its first statement.
pub const STATEMENT: &str = "molt_1";

/// The OID of `int8`, the type of the key.
pub const INT8: u32 = 20;

/// The parameters of a Bind: an `int4`, a text and an `int8`.
pub const PARAMETERS: (i32, &str, i64) = (7, "Ada Lovelace", 1_815_121_000_000);

/// Returns so many rows, one DataRow each.
pub fn rows(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    (0..count).for_each(|number| row(number, &mut out));
    out
}

/// Returns so many messages: the answers to point selects, of which each has four.
pub fn messages(count: usize) -> Vec<u8> {
    answers(count / 4)
}

/// Returns the answers to so many executions of a prepared point select.
pub fn answers(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..count {
        empty(Tag::BindComplete, &mut out);
        row(number, &mut out);
        end("SELECT 1", &mut out);
    }
    out
}

/// Returns what lets a client in without a password.
pub fn welcome() -> Vec<u8> {
    let mut out = Vec::new();
    written(Authentication::Ok.encode(&mut out));
    written(written(CancelKey::new(1, b"abcd")).encode(&mut out));
    TransactionStatus::Idle.encode(&mut out);
    out
}

/// Returns the answer to the first execution of the point select, which prepares it and finds nothing.
pub fn first_answer() -> Vec<u8> {
    let mut out = Vec::new();
    empty(Tag::ParseComplete, &mut out);
    written(encode_parameter_description(&[INT8], &mut out));
    let columns: Vec<_> = (1..=COLUMNS).map(column).collect();
    written(encode_row_description(&columns, &mut out));
    empty(Tag::BindComplete, &mut out);
    end("SELECT 0", &mut out);
    out
}

fn row(number: usize, out: &mut Vec<u8>) {
    let id = (number as u64).to_be_bytes();
    let name = format!("customer number {number}");
    let rating = (number as f64 / 8.0).to_be_bytes();
    let referrer = (!number.is_multiple_of(7)).then_some(&id[4..]);
    let fields: [Option<&[u8]>; COLUMNS] = [
        Some(&id),
        Some(name.as_bytes()),
        Some(&rating),
        Some(&[1]),
        referrer,
        Some(&id),
        Some(&[3; 12]),
        Some(&[9; 16]),
    ];
    written(data_row(fields, out));
}

fn end(tag: &str, out: &mut Vec<u8>) {
    written(CommandTag::new(tag).encode(out));
    TransactionStatus::Idle.encode(out);
}

fn empty(tag: Tag, out: &mut Vec<u8>) {
    written(message(out, tag.byte(), |_| Ok(())));
}

fn column(number: usize) -> FieldDescription {
    FieldDescription {
        name: format!("column_{number}"),
        table: 0,
        attribute: 0,
        type_oid: INT8,
        type_size: 8,
        type_modifier: -1,
        format: WireFormat::Text,
    }
}

fn written<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("the messages of this file can be written")
}
