//! Any bytes as a row, read as every type: no panic, no byte outside of the row, and what is read can be sent back.
//!
//! The first byte is the number of columns, then a byte of type and format for each, and the body of the row.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use molt_db_decode::types::{
    Array, Bits, Cid, Cidr, Circle, Cube, Hstore, Inet, Int2Vector, Interval, Line, LineSegment, MacAddr,
    MacAddr8, Money, Multirange, OidVector, Path, PgLsn, Point, Polygon, Range, Rect, Snapshot, Tid, TimeTz,
    TsQuery, TsVector, Xid, Xid8,
};
use molt_db_decode::{
    Column, Columns, Date, EncodeError, Format, FromRow, FromSql, IsNull, Json, Numeric, Oid, Output,
    OwnedRow, Row, RowLayout, Time, Timestamp, TimestampTz, ToSql, Uuid,
};
use molt_db_fuzz::{bounded, columns};

fuzz_target!(|input: &[u8]| {
    let Some((columns, body)) = columns(input) else { return };
    let mut layout = RowLayout::default();
    let row = match bounded(body.len(), || layout.row(body, &columns)) {
        Ok(row) => row,
        Err(error) => return drop(error.to_string()),
    };
    let raw: usize =
        (0..row.len()).map(|at| row.raw(at).expect("a field").map_or(4, |value| value.len() + 4)).sum();
    assert_eq!(raw + 2, body.len(), "every byte of the row belongs to a field");
    (0..row.len()).for_each(|at| read_all(row, at));
    read_row::<OwnedRow>(row, &columns);
    read_row::<(Option<i64>, Option<&str>)>(row, &columns);
    walk_as_located::<(Option<i64>, Option<String>)>(row, body, &columns);
    walk_as_located::<(i32, String, bool)>(row, body, &columns);
});

/// A row read in one walk is the row that is read by its layout.
fn walk_as_located<T: for<'r> FromRow<'r> + PartialEq>(row: Row<'_>, body: &[u8], columns: &Columns) {
    let Ok(plan) = T::plan(columns) else { return };
    let walked = T::from_body(&plan, body, columns, &mut RowLayout::default()).ok();
    assert_eq!(walked.is_some(), T::from_row(&plan, row).is_ok());
    if let Some(walked) = walked {
        assert!(T::from_row(&plan, row).is_ok_and(|row| row == walked), "a walk and a layout disagree");
    }
}

fn read_all(row: Row<'_>, at: usize) {
    for result in [
        read_and_send::<bool>(row, at),
        read_and_send::<i16>(row, at),
        read_and_send::<i32>(row, at),
        read_and_send::<i64>(row, at),
        read_and_send::<f32>(row, at),
        read_and_send::<f64>(row, at),
        read_and_send::<u32>(row, at),
        read_and_send::<Oid>(row, at),
        read_and_send::<Date>(row, at),
        read_and_send::<Time>(row, at),
        read_and_send::<Timestamp>(row, at),
        read_and_send::<TimestampTz>(row, at),
        read_and_send::<Uuid>(row, at),
        read_and_send::<i8>(row, at),
        read_and_send::<Interval>(row, at),
        read_and_send::<TimeTz>(row, at),
        read_and_send::<MacAddr>(row, at),
        read_and_send::<MacAddr8>(row, at),
        read_and_send::<Money>(row, at),
        read_and_send::<PgLsn>(row, at),
        read_and_send::<Xid>(row, at),
        read_and_send::<Xid8>(row, at),
        read_and_send::<Cid>(row, at),
        read_and_send::<Tid>(row, at),
        read_and_send::<Snapshot>(row, at),
        read_and_send::<Point>(row, at),
        read_and_send::<LineSegment>(row, at),
        read_and_send::<Rect>(row, at),
        read_and_send::<Path>(row, at),
        read_and_send::<Polygon>(row, at),
        read_and_send::<Line>(row, at),
        read_and_send::<Circle>(row, at),
        read_and_send::<Range<i64>>(row, at),
        read_and_send::<Range<Timestamp>>(row, at),
        read_and_send::<Range<Date>>(row, at),
        read_and_send::<Multirange<i32>>(row, at),
        read_and_send::<Multirange<Timestamp>>(row, at),
    ] {
        assert_ne!(result, Sent::Otherwise, "{:?}", row.columns()[at]);
    }
    // A string goes as text, JSON without its version byte, and a numeric in its shortest form.
    let _ = read_and_send::<Json<&str>>(row, at);
    read::<Option<&str>>(row, at);
    read::<String>(row, at);
    read::<Cow<'_, str>>(row, at);
    read::<&[u8]>(row, at);
    read::<Vec<u8>>(row, at);
    read::<Json<String>>(row, at);
    // Flags and bits that say nothing are not kept, and what is empty goes as text.
    read_and_print::<Inet>(row, at);
    read_and_print::<Cidr>(row, at);
    read_and_print::<Bits>(row, at);
    read_and_print::<Int2Vector>(row, at);
    read_and_print::<OidVector>(row, at);
    read_and_print::<TsVector>(row, at);
    read_of_database(row, at);
    read_and_print::<TsQuery>(row, at);
    read_and_print::<Range<Numeric>>(row, at);
    // That there are NULLs may be said without any.
    read_and_repeat::<Vec<Option<i32>>>(row, at);
    read_and_repeat::<Array<Option<i64>>>(row, at);
    read_and_repeat::<Array<Option<String>>>(row, at);
    read_and_repeat::<Vec<Range<i32>>>(row, at);
    read_and_repeat::<Array<Option<Multirange<Timestamp>>>>(row, at);
    read::<Vec<&str>>(row, at);
    if let Some(number) = read::<Numeric>(row, at) {
        assert_same_number(&number);
    }
}

/// What is read can be printed and sent, and is then read as the same.
fn read_and_print<T: for<'r> FromSql<'r> + ToSql + ToString + PartialEq>(row: Row<'_>, at: usize) {
    let Some(value) = read::<T>(row, at) else { return };
    let text = value.to_string();
    if value.format() == Format::Binary {
        let column = Column::new("c", value.oid(), -1, Format::Binary);
        let sent = encoded(&value);
        let again = T::from_sql(&column, &sent).expect("our own bytes");
        assert!(again == value && again.to_string() == text);
    }
}

/// Types of a database, by the catalog that the columns are described by.
fn read_of_database(row: Row<'_>, at: usize) {
    let _ = read::<Mood>(row, at);
    let _ = read::<Mixed<'_>>(row, at);
    let _ = read::<Vec<Option<Mixed<'_>>>>(row, at);
    let _ = read::<Range<i16>>(row, at);
    let _ = read::<Multirange<i16>>(row, at);
    for again in [
        read::<Hstore>(row, at).map(|store| encoded(&store)),
        read::<Cube>(row, at).map(|cube| encoded(&cube)),
    ] {
        assert!(again.is_none_or(|bytes| Some(bytes.len()) == row.raw(at).flatten().map(<[u8]>::len)));
    }
}

#[derive(FromSql)]
#[molt(crate = "molt_db_decode", rename_all = "lowercase")]
enum Mood {
    Sad,
    Ok,
}

#[derive(FromSql)]
#[molt(crate = "molt_db_decode")]
#[expect(dead_code, reason = "it is read and dropped")]
struct Mixed<'r> {
    a: Option<i16>,
    m: Option<Mood>,
    t: Option<&'r str>,
    n: Option<Numeric>,
}

/// What is read can be sent, and is then read as the same.
fn read_and_repeat<T: for<'r> FromSql<'r> + ToSql + PartialEq>(row: Row<'_>, at: usize) {
    let Some(value) = read::<T>(row, at) else { return };
    let column = Column::new("c", value.oid(), -1, Format::Binary);
    let mut sent = Output::default();
    match value.to_sql(&mut sent) {
        Ok(is_null) => {
            assert_eq!(is_null, IsNull::No);
            assert!(T::from_sql(&column, sent.as_bytes()).expect("our own bytes") == value);
        }
        Err(error) => assert!(matches!(error, EncodeError::Nul), "{error}"),
    }
}

/// By how much a word of three bytes, or an operator of two, is longer in memory.
const WORDS: usize = 64;
/// And an element that is a length on the wire.
const ELEMENTS: usize = 8;

fn read<'r, T: FromSql<'r>>(row: Row<'r>, at: usize) -> Option<T> {
    let factor = match row.columns()[at].oid() {
        Oid::TSVECTOR | Oid::TSQUERY => WORDS,
        oid if oid.to_string().ends_with("multirange") || oid.to_string().starts_with('_') => ELEMENTS,
        _ => 1,
    };
    // Of a value no more is held than was sent, but for words, elements and the text of an error.
    let value = bounded(factor * row.raw(at).flatten().map_or(0, <[u8]>::len), || row.get(at));
    value.map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

#[derive(Debug, PartialEq)]
enum Sent {
    /// The value cannot be read, or was read from another type than it is sent as.
    Not,
    AsItCame,
    Otherwise,
}

fn read_and_send<'r, T: FromSql<'r> + ToSql>(row: Row<'r>, at: usize) -> Sent {
    let Some(value) = read::<T>(row, at) else { return Sent::Not };
    let column = &row.columns()[at];
    if column.format() == Format::Text || column.oid() != value.oid() {
        return Sent::Not;
    }
    let same = row.raw(at).flatten() == Some(&encoded(&value)[..]);
    if same { Sent::AsItCame } else { Sent::Otherwise }
}

fn encoded(value: &impl ToSql) -> Vec<u8> {
    let mut out = Output::default();
    assert_eq!(value.to_sql(&mut out).expect("what was read can be sent"), IsNull::No);
    out.as_bytes().to_vec()
}

fn assert_same_number(number: &Numeric) {
    let column = |format| Column::new("n", Oid::NUMERIC, -1, format);
    let sent = encoded(number);
    assert_eq!(Numeric::from_sql(&column(Format::Binary), &sent).expect("our own bytes"), *number);
    let text = number.to_string();
    assert_eq!(Numeric::from_sql(&column(Format::Text), text.as_bytes()).expect("our own text"), *number);
}

fn read_row<'r, T: FromRow<'r>>(row: Row<'r>, columns: &Columns) {
    if let Ok(plan) = T::plan(columns) {
        let _ = bounded(row.len(), || T::from_row(&plan, row));
    }
}
