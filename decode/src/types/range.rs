use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::arrow::{Asked, BrokenText, Extension, Fault, Form, Profile, Run, Writer, field};
use crate::params::length_word;
use crate::types::cursor::Cursor;
use crate::types::nested::{named_or, part, put};
use crate::types::{INT4_ARRAY, Type, form, is_blank, quote, raw};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, TypeKind, ValueError};

/// A range: all values between two bounds, each of which may belong to it or be missing, or no value at all.
///
/// Prints as the server does where `T` does. The server brings ranges of `int4`, `int8` and `date` into one form:
/// `[1,3]` comes back as `[1,4)`, and `[1,1)` as `empty`. A bound that is missing is not the bound `infinity` that dates
/// and timestamps have.
///
/// ```
/// use std::ops::Bound;
/// use molt_db_decode::types::Range;
///
/// assert_eq!(Range::new(1..4).to_string(), "[1,4)");
/// assert_eq!(Range::new(..=5_i64).to_string(), "(,5]");
/// let above = Range::Between(Bound::Excluded(7), Bound::Unbounded);
/// assert_eq!(above.to_string(), "(7,)");
/// assert_eq!(Range::<i32>::Empty.to_string(), "empty");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range<T> {
    /// Without any value.
    Empty,
    /// From a lower to an upper bound. The server refuses a lower bound above the upper one.
    Between(Bound<T>, Bound<T>),
}

impl<T: Clone> Range<T> {
    /// Takes a range of Rust, such as `1..4`, `..=5`, or a pair of bounds.
    pub fn new(bounds: impl RangeBounds<T>) -> Self {
        Self::Between(bounds.start_bound().cloned(), bounds.end_bound().cloned())
    }
}

impl<T: fmt::Display> fmt::Display for Range<T> {
    // PG source: rangetypes.c, range_deparse.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Between(lower, upper) = self else { return f.write_str("empty") };
        f.write_char(if matches!(lower, Bound::Included(_)) { '[' } else { '(' })?;
        write_bound(lower, f)?;
        f.write_char(',')?;
        write_bound(upper, f)?;
        f.write_char(if matches!(upper, Bound::Included(_)) { ']' } else { ')' })
    }
}

// PG source: rangetypes.c, range_bound_escape.
fn write_bound(bound: &Bound<impl fmt::Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (Bound::Included(value) | Bound::Excluded(value)) = bound else { return Ok(()) };
    let text = value.to_string();
    let is_special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',' | ' ' | '\t'..='\r');
    if !text.is_empty() && !text.contains(is_special) {
        return f.write_str(&text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char(c)?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Range<T> {
    fn accepts(column: &Column) -> bool {
        has_bounds::<T>(column, bound_of_range(column))
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        let bound = bound_of_range(column).ok_or_else(|| ValueError::mismatch(column))?;
        read(&bound, value)
    }
}

fn read<'r, T: FromSql<'r>>(bound: &Column, value: &'r [u8]) -> Result<Range<T>, ValueError> {
    let wire = Wire::read(value).ok_or_else(malformed)?;
    let Wire::Between(lower, upper) = wire else { return Ok(Range::Empty) };
    Ok(Range::Between(read_bound(bound, lower)?, read_bound(bound, upper)?))
}

fn read_bound<'r, T: FromSql<'r>>(of: &Column, bound: Bound<&'r [u8]>) -> Result<Bound<T>, ValueError> {
    Ok(match bound {
        Bound::Included(value) => Bound::Included(T::from_sql(of, value)?),
        Bound::Excluded(value) => Bound::Excluded(T::from_sql(of, value)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}

fn has_bounds<'r, T: FromSql<'r>>(column: &Column, bound: Option<Cow<'_, Column>>) -> bool {
    column.format() == Format::Binary && bound.is_some_and(|bound| T::accepts(&bound))
}

/// Describes the bounds of a column of ranges.
fn bound_of_range(column: &Column) -> Option<Cow<'_, Column>> {
    match column.kind() {
        Some(TypeKind::Range(bound)) => Some(Cow::Borrowed(bound)),
        Some(_) => None,
        None => built_in_bound(column.oid(), |kind| kind.range),
    }
}

/// Describes the bounds of a column of multiranges.
fn bound_of_multirange(column: &Column) -> Option<Cow<'_, Column>> {
    match column.kind() {
        Some(TypeKind::Multirange(range)) => bound_of_range(range),
        Some(_) => None,
        None => built_in_bound(column.oid(), |kind| kind.multirange),
    }
}

fn built_in_bound(oid: Oid, is: fn(&Kind) -> Oid) -> Option<Cow<'static, Column>> {
    Kind::of(oid, is).map(|kind| Cow::Owned(part(kind.bound, -1)))
}

/// A range on the wire, whose bounds nobody has looked at.
// PG source: rangetypes.c, range_send: flags, and each bound that there is behind its length.
pub(crate) enum Wire<'r> {
    Empty,
    Between(Bound<&'r [u8]>, Bound<&'r [u8]>),
}

impl Wire<'_> {
    /// Says whether flags are those of a range that has a lower and an upper bound.
    #[inline]
    pub(crate) fn has_both_bounds(flags: u8) -> bool {
        flags & !(LOWER_INCLUSIVE | UPPER_INCLUSIVE) == 0
    }

    /// Says whether the lower bound belongs to the range.
    pub(crate) fn has_lower(flags: u8) -> bool {
        flags & LOWER_INCLUSIVE != 0
    }

    /// Says whether the upper bound belongs to the range.
    pub(crate) fn has_upper(flags: u8) -> bool {
        flags & UPPER_INCLUSIVE != 0
    }
}

impl<'r> Wire<'r> {
    pub(crate) fn read(value: &'r [u8]) -> Option<Self> {
        let (flags, rest) = value.split_first()?;
        if *flags == EMPTY {
            return rest.is_empty().then_some(Self::Empty);
        }
        let (lower, rest) = wire_bound(flags & LOWER_INCLUSIVE != 0, flags & LOWER_MISSING != 0, rest)?;
        let (upper, rest) = wire_bound(flags & UPPER_INCLUSIVE != 0, flags & UPPER_MISSING != 0, rest)?;
        let has_known_flags =
            flags & !(LOWER_INCLUSIVE | LOWER_MISSING | UPPER_INCLUSIVE | UPPER_MISSING) == 0;
        (has_known_flags && rest.is_empty()).then_some(Self::Between(lower, upper))
    }
}

fn wire_bound(is_inclusive: bool, is_missing: bool, rest: &[u8]) -> Option<(Bound<&[u8]>, &[u8])> {
    match (is_inclusive, is_missing) {
        // It would be no value that belongs to the range.
        (true, true) => None,
        (false, true) => Some((Bound::Unbounded, rest)),
        (true, false) => field(rest).and_then(|(value, rest)| Some((Bound::Included(value?), rest))),
        (false, false) => field(rest).and_then(|(value, rest)| Some((Bound::Excluded(value?), rest))),
    }
}

// PG source: utils/rangetypes.h.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_MISSING: u8 = 0x08;
const UPPER_MISSING: u8 = 0x10;

#[cold]
fn malformed() -> ValueError {
    ValueError::malformed("it is no range")
}

impl<T: ToSql> ToSql for Range<T> {
    fn oid(&self) -> Oid {
        Self::type_oid()
    }

    fn type_oid() -> Oid {
        Kind::of(T::type_oid(), |kind| kind.bound).map_or(Oid::UNSPECIFIED, |kind| kind.range)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let Self::Between(lower, upper) = self else {
            out.push(EMPTY);
            return Ok(IsNull::No);
        };
        out.push(flags(lower, LOWER_INCLUSIVE, LOWER_MISSING) | flags(upper, UPPER_INCLUSIVE, UPPER_MISSING));
        for bound in [lower, upper] {
            let (Bound::Included(value) | Bound::Excluded(value)) = bound else { continue };
            if put(value, named_or(T::element_oid(), T::type_name()), out)? == IsNull::Yes {
                return Err(EncodeError::Other("a bound of a range is NULL".into()));
            }
        }
        Ok(IsNull::No)
    }
}

fn flags<T>(bound: &Bound<T>, inclusive: u8, missing: u8) -> u8 {
    match bound {
        Bound::Included(_) => inclusive,
        Bound::Excluded(_) => 0,
        Bound::Unbounded => missing,
    }
}

/// Ranges beside each other: a value of a multirange type, which PostgreSQL has from 14 on.
///
/// The server sorts them, joins those that touch, and drops the empty ones. Prints as the server does where `T` does.
///
/// ```
/// use molt_db_decode::types::{Multirange, Range};
///
/// let days = Multirange(vec![Range::new(1..3), Range::new(7..)]);
/// assert_eq!(days.to_string(), "{[1,3),[7,)}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Multirange<T>(pub Vec<Range<T>>);

impl<T: fmt::Display> fmt::Display for Multirange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (position, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if position == 0 { "" } else { "," })?;
        }
        f.write_char('}')
    }
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Multirange<T> {
    fn accepts(column: &Column) -> bool {
        has_bounds::<T>(column, bound_of_multirange(column))
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        let bound = bound_of_multirange(column).ok_or_else(|| ValueError::mismatch(column))?;
        let (count, mut rest) = ranges(value).ok_or_else(malformed)?;
        let mut found = Vec::with_capacity(count);
        for _ in 0..count {
            let (range, next) = field(rest).ok_or_else(malformed)?;
            found.push(read(&bound, range.ok_or_else(malformed)?)?);
            rest = next;
        }
        if rest.is_empty() { Ok(Self(found)) } else { Err(malformed()) }
    }
}

/// Reads how many ranges there are, which is no more than there is room for, and where they begin.
// PG source: multirangetypes.c, multirange_send: their number, and each behind its length.
fn ranges(value: &[u8]) -> Option<(usize, &[u8])> {
    let mut cursor = Cursor(value);
    let count = cursor.count(SMALLEST)?;
    Some((count, cursor.0))
}

/// Reads the same, and looks at all of them: none can be NULL.
fn ranges_none_null(value: &[u8]) -> Result<(usize, &[u8]), Fault> {
    let (count, ranges) = ranges(value).ok_or(NO_MULTIRANGE)?;
    let mut rest = ranges;
    for _ in 0..count {
        (_, rest) = field(rest).filter(|(range, _)| range.is_some()).ok_or(NO_MULTIRANGE)?;
    }
    Ok((count, ranges))
}

/// A length, and flags.
const SMALLEST: usize = 5;

impl<T: ToSql> ToSql for Multirange<T> {
    fn oid(&self) -> Oid {
        Self::type_oid()
    }

    fn type_oid() -> Oid {
        Kind::of(T::type_oid(), |kind| kind.bound).map_or(Oid::UNSPECIFIED, |kind| kind.multirange)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&length_word(self.0.len())?.to_be_bytes());
        for range in &self.0 {
            // A range is never NULL.
            let _ = put(range, Oid::UNSPECIFIED, out)?;
        }
        Ok(IsNull::No)
    }
}

/// The types of ranges over one type.
struct Kind {
    bound: Oid,
    range: Oid,
    multirange: Oid,
}

impl Kind {
    /// Finds the types among which this is the one of that kind.
    fn of(oid: Oid, is: impl Fn(&Self) -> Oid) -> Option<&'static Self> {
        KINDS.iter().find(|kind| is(kind) == oid)
    }
}

const KINDS: &[Kind] = &[
    Kind { bound: Oid::INT4, range: Oid::INT4RANGE, multirange: Oid::INT4MULTIRANGE },
    Kind { bound: Oid::INT8, range: Oid::INT8RANGE, multirange: Oid::INT8MULTIRANGE },
    Kind { bound: Oid::NUMERIC, range: Oid::NUMRANGE, multirange: Oid::NUMMULTIRANGE },
    Kind { bound: Oid::TIMESTAMP, range: Oid::TSRANGE, multirange: Oid::TSMULTIRANGE },
    Kind { bound: Oid::TIMESTAMPTZ, range: Oid::TSTZRANGE, multirange: Oid::TSTZMULTIRANGE },
    Kind { bound: Oid::DATE, range: Oid::DATERANGE, multirange: Oid::DATEMULTIRANGE },
];

/// `int4range` in Arrow.
pub(crate) const INT4RANGE: Type = range(Oid::INT4RANGE, 3905);
/// `int8range` in Arrow.
pub(crate) const INT8RANGE: Type = range(Oid::INT8RANGE, 3927);
/// `numrange` in Arrow.
pub(crate) const NUMRANGE: Type = range(Oid::NUMRANGE, 3907);
/// `tsrange` in Arrow.
pub(crate) const TSRANGE: Type = range(Oid::TSRANGE, 3909);
/// `tstzrange` in Arrow.
pub(crate) const TSTZRANGE: Type = range(Oid::TSTZRANGE, 3911);
/// `daterange` in Arrow.
pub(crate) const DATERANGE: Type = range(Oid::DATERANGE, 3913);

const fn range(oid: Oid, array: u32) -> Type {
    Type { oid, array: Some(Oid(array)), binary: range_form, text: None }
}

/// A struct of both bounds, of what they are, and of whether there is nothing between them.
fn range_form(asked: &Asked) -> Form {
    let kind = Kind::of(asked.oid, |kind| kind.range);
    let mut bound = asked.instead(kind.map_or(Oid::UNSPECIFIED, |kind| kind.bound));
    // A bound that is no text may not become one that is missing.
    bound.options.unfit.encoding = BrokenText::Error;
    let bit = asked.instead(Oid::BOOL);
    let of_bound = raw(&bound);
    let form = Form::range((&of_bound, &bound), (&raw(&bit), &bit)).with(Extension::Opaque);
    match of_bound.writer() {
        Some(writer) => form.written(range_writer(Arc::clone(writer))),
        None => form,
    }
}

/// Returns what writes ranges as the server does, whose bounds are written by `write`.
pub(crate) fn range_writer(write: Writer) -> Writer {
    Arc::new(move |value, out| {
        let range = Wire::read(value).ok_or(Fault::Malformed("it is no range of the type"))?;
        let Wire::Between(lower, upper) = range else {
            out.extend_from_slice(b"empty");
            return Ok(());
        };
        out.push(if matches!(lower, Bound::Included(_)) { b'[' } else { b'(' });
        append_bound(lower, &write, out)?;
        out.push(b',');
        append_bound(upper, &write, out)?;
        out.push(if matches!(upper, Bound::Included(_)) { b']' } else { b')' });
        Ok(())
    })
}

fn append_bound(bound: Bound<&[u8]>, write: &Writer, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (Bound::Included(value) | Bound::Excluded(value)) = bound else { return Ok(()) };
    let start = out.len();
    write(value, out)?;
    let text = out.get(start..).unwrap_or_default();
    let is_special =
        |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || is_blank(*byte);
    if text.is_empty() || text.iter().any(is_special) {
        quote(out, start, |byte| matches!(byte, b'"' | b'\\').then_some(byte));
    }
    Ok(())
}

/// `int4multirange` in Arrow.
pub(crate) const INT4MULTIRANGE: Type = multirange(Oid::INT4MULTIRANGE, 6150);
/// `int8multirange` in Arrow.
pub(crate) const INT8MULTIRANGE: Type = multirange(Oid::INT8MULTIRANGE, 6157);
/// `nummultirange` in Arrow.
pub(crate) const NUMMULTIRANGE: Type = multirange(Oid::NUMMULTIRANGE, 6151);
/// `tsmultirange` in Arrow.
pub(crate) const TSMULTIRANGE: Type = multirange(Oid::TSMULTIRANGE, 6152);
/// `tstzmultirange` in Arrow.
pub(crate) const TSTZMULTIRANGE: Type = multirange(Oid::TSTZMULTIRANGE, 6153);
/// `datemultirange` in Arrow.
pub(crate) const DATEMULTIRANGE: Type = multirange(Oid::DATEMULTIRANGE, 6155);

const fn multirange(oid: Oid, array: u32) -> Type {
    Type { oid, array: Some(Oid(array)), binary: multirange_form, text: None }
}

/// A list of the ranges.
fn multirange_form(asked: &Asked) -> Form {
    let kind = Kind::of(asked.oid, |kind| kind.multirange);
    let range = asked.instead(kind.map_or(Oid::UNSPECIFIED, |kind| kind.range));
    multirange_of(&form(Format::Binary, &range), &range, asked)
}

/// Multiranges of ranges that have the form `of_range`.
pub(crate) fn multirange_of(of_range: &Form, range: &Asked, asked: &Asked) -> Form {
    let list = Form::list_of(of_range, range, ranges_none_null);
    let form = match asked.options.profile {
        Profile::Arrow => list.with(Extension::Opaque),
        Profile::Molt => {
            let lower_bounds = (INT4_ARRAY, Form::ints(asked, lower_bounds));
            Form::each_of(asked, [("lower_bounds", lower_bounds), ("values", (asked.oid, list))])
        }
    };
    match of_range.writer() {
        Some(writer) => form.written(multirange_writer(Arc::clone(writer))),
        None => form,
    }
}

/// Finds the lower bound that ranges have as an array: 1, or none if there are none of them.
fn lower_bounds(value: &[u8]) -> Result<Run<'_>, Fault> {
    let (count, _) = ranges_none_null(value)?;
    let elements = if count == 0 { &[][..] } else { &[0, 0, 0, 1] };
    Ok(Run { count: count.min(1), skipped: 0, width: 4, elements })
}

/// Returns what writes multiranges as the server does, whose ranges are written by `write`.
pub(crate) fn multirange_writer(write: Writer) -> Writer {
    Arc::new(move |value, out| {
        let (count, mut rest) = ranges_none_null(value)?;
        out.push(b'{');
        for position in 0..count {
            let (range, next) = field(rest).ok_or(NO_MULTIRANGE)?;
            if position > 0 {
                out.push(b',');
            }
            write(range.ok_or(NO_MULTIRANGE)?, out)?;
            rest = next;
        }
        out.push(b'}');
        if rest.is_empty() { Ok(()) } else { Err(NO_MULTIRANGE) }
    })
}

const NO_MULTIRANGE: Fault = Fault::Malformed("it is no value of the type");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Date, Numeric, Timestamp};

    fn column(oid: Oid) -> Column {
        Column::new("c", oid, -1, Format::Binary)
    }

    fn read<'r, T: FromSql<'r>>(oid: Oid, value: &'r [u8]) -> Result<T, ValueError> {
        assert!(T::accepts(&column(oid)));
        T::from_sql(&column(oid), value)
    }

    fn encode(value: &impl ToSql) -> Vec<u8> {
        let mut out = Output::default();
        assert_eq!(value.to_sql(&mut out).unwrap(), IsNull::No);
        out.bytes
    }

    // From range_send and multirange_send of PostgreSQL.
    #[test]
    fn ranges_are_written_as_the_server_writes_them() {
        let known: [(Range<i32>, &str, &[u8]); 6] = [
            (Range::Empty, "empty", &[1]),
            (Range::new(1..4), "[1,4)", &[2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4]),
            (Range::new(..), "(,)", &[0x18]),
            (Range::new(..2), "(,2)", &[8, 0, 0, 0, 4, 0, 0, 0, 2]),
            (Range::new(2..), "[2,)", &[0x12, 0, 0, 0, 4, 0, 0, 0, 2]),
            (Range::new(1..=1), "[1,1]", &[6, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]),
        ];
        for (range, text, bytes) in known {
            assert_eq!((range.to_string().as_str(), encode(&range).as_slice()), (text, bytes));
            assert_eq!(read::<Range<i32>>(Oid::INT4RANGE, bytes).unwrap(), range);
        }
        let both = Multirange(vec![Range::new(..1), Range::new(3..)]);
        let bytes = [
            &[0, 0, 0, 2, 0, 0, 0, 9][..],
            &encode(&Range::new(..1)),
            &[0, 0, 0, 9],
            &encode(&Range::new(3..)),
        ];
        assert_eq!((both.to_string().as_str(), encode(&both)), ("{(,1),[3,)}", bytes.concat()));
        assert_eq!(read::<Multirange<i32>>(Oid::INT4MULTIRANGE, &bytes.concat()).unwrap(), both);
        let none = Multirange::<i32>(Vec::new());
        assert_eq!((none.to_string().as_str(), encode(&none).as_slice()), ("{}", &[0; 4][..]));
    }

    #[test]
    fn bounds_are_quoted_where_the_server_quotes_them() {
        let of = |text: &'static str| Range::Between(Bound::Included(text), Bound::Unbounded).to_string();
        assert_eq!(of("a"), "[a,)");
        for (text, shown) in [
            ("", r#"["",)"#),
            ("a b", r#"["a b",)"#),
            (r#"a"\"#, r#"["a""\\",)"#),
            ("a,b", r#"["a,b",)"#),
            ("\u{b}", "[\"\u{b}\",)"),
        ] {
            assert_eq!(of(text), shown);
        }
        let day = Timestamp::from_micros(0);
        assert_eq!(Range::new(day..).to_string(), "[\"2000-01-01 00:00:00\",)");
        assert_eq!(Range::new(Date::from_days(0)..Date::INFINITY).to_string(), "[2000-01-01,infinity)");
    }

    #[test]
    fn every_built_in_range_is_known() {
        let declared = [
            (Range::<i32>::type_oid(), Multirange::<i32>::type_oid(), "int4"),
            (Range::<&i64>::type_oid(), Multirange::<i64>::type_oid(), "int8"),
            (Range::<Numeric>::type_oid(), Multirange::<Numeric>::type_oid(), "num"),
            (Range::<Timestamp>::type_oid(), Multirange::<Timestamp>::type_oid(), "ts"),
            (Range::<crate::TimestampTz>::type_oid(), Multirange::<crate::TimestampTz>::type_oid(), "tstz"),
            (Range::<Date>::type_oid(), Multirange::<Date>::type_oid(), "date"),
        ];
        for (range, multirange, name) in declared {
            assert_eq!(
                (range.to_string(), multirange.to_string()),
                (format!("{name}range"), format!("{name}multirange"))
            );
            for oid in [range, multirange] {
                let array = crate::types::array_of(oid).unwrap();
                assert_eq!(array.to_string(), format!("_{oid}"));
            }
        }
        assert_eq!(vec![Range::new(1..2)].oid(), Oid(3905));
        assert_eq!(vec![Some(Multirange(vec![Range::new(1_i64..2)]))].oid(), Oid(6157));
    }

    #[test]
    fn ranges_are_read_by_what_their_bounds_are() {
        let bytes = encode(&Range::new(1_i32..4));
        assert_eq!(read::<Range<i64>>(Oid::INT4RANGE, &bytes).unwrap(), Range::new(1..4));
        assert!(
            !<Range<i32>>::accepts(&column(Oid::INT8RANGE))
                && !<Range<Date>>::accepts(&column(Oid::INT4RANGE))
        );
        assert!(
            !<Range<i32>>::accepts(&column(Oid::INT4MULTIRANGE))
                && !<Range<i32>>::accepts(&column(Oid::INT4))
        );
        assert!(!<Multirange<i32>>::accepts(&column(Oid::INT4RANGE)));
        assert!(!<Range<i32>>::accepts(&Column::new("c", Oid::INT4RANGE, -1, Format::Text)));
    }

    #[test]
    fn what_has_no_range_is_refused() {
        for (value, why) in [
            (&Range::new(1_i16..2) as &dyn ToSql, "no built-in type"),
            (&Range::new("a".."b"), "no built-in type"),
            (&Range::<String>::Empty, "no built-in type"),
            (&Multirange(vec![Range::new(1.0..2.0)]), "no built-in type"),
            (&Range::new(None::<i32>..Some(1)), "NULL"),
        ] {
            let error = crate::Params::default().push(value).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_no_range_are_malformed() {
        let good = encode(&Range::new(1_i32..4));
        let mut broken = vec![
            [&good[..], b"!"].concat(),
            vec![1, 0],
            vec![3],
            vec![0x19],
            // A bound that is missing and belongs to the range, and flags that are not sent.
            vec![0x1a],
            vec![0x1c],
            vec![0x38],
            vec![0x58],
            vec![0x98],
            // Bounds that are NULL, too short, or too long.
            [&[8][..], &[0xff; 4]].concat(),
            vec![8, 0, 0, 0, 3, 0, 0, 0],
            vec![8, 0, 0, 0, 5, 0, 0, 0, 0, 0],
            vec![8, 0x7f, 0xff, 0xff, 0xff, 0],
        ];
        broken.extend((0..good.len()).map(|len| good[..len].to_vec()));
        for value in &broken {
            assert!(read::<Range<i32>>(Oid::INT4RANGE, value).unwrap_err().is_malformed(), "{value:?}");
            let length = i32::try_from(value.len()).unwrap().to_be_bytes();
            let multirange = [&[0, 0, 0, 1][..], &length, value].concat();
            let error = read::<Multirange<i32>>(Oid::INT4MULTIRANGE, &multirange).unwrap_err();
            assert!(error.is_malformed(), "{value:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_multirange_are_malformed() {
        let good = encode(&Multirange(vec![Range::new(1_i32..4), Range::new(7..)]));
        let mut broken = vec![
            [&good[..], b"!"].concat(),
            vec![0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
            vec![0xff, 0xff, 0xff, 0xff],
            vec![0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1],
            vec![0, 0, 0, 2, 0, 0, 0, 1, 1],
        ];
        broken.extend((0..good.len()).map(|len| good[..len].to_vec()));
        for value in broken {
            let error = read::<Multirange<i32>>(Oid::INT4MULTIRANGE, &value).unwrap_err();
            assert!(error.is_malformed(), "{value:?}");
        }
    }

    fn any_bound<T: Clone + fmt::Debug>(
        values: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = Bound<T>> {
        prop_oneof![
            values.clone().prop_map(Bound::Included),
            values.prop_map(Bound::Excluded),
            Just(Bound::Unbounded)
        ]
    }

    fn any_range() -> impl Strategy<Value = Range<i64>> {
        let bounds = (any_bound(any::<i64>()), any_bound(any::<i64>()));
        prop_oneof![9 => bounds.prop_map(Range::new), 1 => Just(Range::Empty)]
    }

    proptest! {
        #[test]
        fn ranges_survive_the_way_there_and_back(ranges in prop::collection::vec(any_range(), 0..8)) {
            for range in &ranges {
                prop_assert_eq!(&read::<Range<i64>>(Oid::INT8RANGE, &encode(range)).unwrap(), range);
            }
            let value = encode(&ranges);
            prop_assert_eq!(&read::<Vec<Range<i64>>>(Oid(3927), &value).unwrap(), &ranges);
            let all = Multirange(ranges);
            prop_assert_eq!(read::<Multirange<i64>>(Oid::INT8MULTIRANGE, &encode(&all)).unwrap(), all);
        }

        #[test]
        fn no_bytes_make_a_read_panic(
            flags in 0_u8..32, mut value in prop::collection::vec(prop_oneof![Just(0_u8), 0_u8..10, any::<u8>()], 0..40),
        ) {
            let _ = read::<Multirange<Numeric>>(Oid::NUMMULTIRANGE, &value);
            value.insert(0, flags);
            let _ = read::<Range<Numeric>>(Oid::NUMRANGE, &value).map(|range| range.to_string());
            let _ = read::<Range<Date>>(Oid::DATERANGE, &value).map(|range| range.to_string());
        }
    }
}
