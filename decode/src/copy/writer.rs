use std::fmt;

use super::{CopyRowError, HEADER, TRAILER};
use crate::params::NULL;
use crate::types::{Sent, is_alias, is_text};
use crate::{Column, Columns, Format, Oid, Parameters, Params};

/// Writes rows as the data of a binary COPY.
///
/// Binary COPY converts nothing, so a value has to be of the type of its column: an `i32` does not fit an `int8`. Strings
/// fit `text` and the types whose binary form is text; [`Json`](crate::Json) and strings fit `json` and `jsonb`. NULL
/// fits all. A row that does not fit is an error and leaves nothing behind. Prints no data.
///
/// ```
/// use molt_db_decode::copy::CopyWriter;
/// use molt_db_decode::{Column, Columns, Format, Oid};
///
/// let columns = Columns::new([
///     Column::new("id", Oid::INT8, -1, Format::Binary),
///     Column::new("name", Oid::TEXT, -1, Format::Binary),
/// ]);
/// let mut writer = CopyWriter::new(&columns);
/// writer.push((7_i64, "Ada"))?;
/// writer.push((8_i64, None::<&str>))?;
/// assert!(writer.push((9_i32, "Bob")).is_err());
/// writer.finish();
/// assert!(writer.data().ends_with(b"\0\0\0\x03Ada\0\x02\0\0\0\x08\0\0\0\0\0\0\0\x08\xff\xff\xff\xff\xff\xff"));
/// # Ok::<(), molt_db_decode::copy::CopyRowError>(())
/// ```
pub struct CopyWriter {
    columns: Columns,
    takes: Box<[Takes]>,
    count: i16,
    /// Of these only the values are data; the rest is about the latest row.
    row: Params,
    /// The data up to here are whole rows. What is behind that was left by a value that panicked.
    whole: usize,
}

/// What a column can be copied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Values that declare its type.
    Own,
    /// Those, and text as it is.
    Text,
    /// Those, and text behind the version of the binary form, which is 1 for all types that have one.
    Versioned,
}

impl Takes {
    fn of(oid: Oid) -> Self {
        match oid {
            Oid::JSONB | Oid::JSONPATH => Self::Versioned,
            Oid::JSON => Self::Text,
            oid if is_text(oid) => Self::Text,
            _ => Self::Own,
        }
    }

    pub(crate) fn of_column(column: &Column) -> Self {
        match column.kind().map(Sent::of) {
            Some(Some(Sent::Text)) => Self::Text,
            Some(Some(Sent::Versioned)) => Self::Versioned,
            Some(None) => Self::Own,
            None => Self::of(column.oid()),
        }
    }

    /// Returns what goes in front of a binary value of the type `given`, if it can be one of the type `own`.
    pub(crate) fn as_it_goes(self, own: Oid, given: Oid) -> Option<&'static [u8]> {
        match self {
            _ if has_form_of(given, own) => Some(&[]),
            Self::Text if is_any_text(given, Format::Binary) => Some(&[]),
            Self::Versioned if is_any_text(given, Format::Binary) => Some(&[VERSION]),
            _ => None,
        }
    }

    /// Tells whether a value that declares this type, and is no NULL, can be copied into a column of the type `own`.
    #[inline]
    fn fits(self, own: Oid, given: Oid, format: Format) -> bool {
        (has_form_of(given, own) && format == Format::Binary)
            || (self != Self::Own && is_any_text(given, format))
    }
}

impl CopyWriter {
    /// Begins with the header. Only the types of the columns matter, and their names for errors.
    pub fn new(columns: &Columns) -> Self {
        let mut row = Params::default();
        row.append_raw(&HEADER);
        let whole = row.values().len();
        Self {
            columns: columns.clone(),
            takes: columns.iter().map(Takes::of_column).collect(),
            // No table has more than 1,600 columns.
            count: i16::try_from(columns.len()).unwrap_or(i16::MAX),
            row,
            whole,
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    ///
    /// It has another number of values than there are columns, a value does not fit its column, or cannot be written.
    /// Nothing is added then.
    #[inline]
    pub fn push(&mut self, row: impl Parameters) -> Result<(), CopyRowError> {
        self.row.truncate(self.whole);
        self.row.begin_row(self.count);
        row.encode(&mut self.row).map_err(CopyRowError::Value)?;
        self.check()?;
        self.whole = self.row.values().len();
        Ok(())
    }

    /// Writes the trailer: there are no more rows.
    pub fn finish(&mut self) {
        self.row.truncate(self.whole);
        self.row.append_raw(&TRAILER.to_be_bytes());
        self.whole = self.row.values().len();
    }

    /// Returns the data that were written since the last call of [`clear`](Self::clear).
    pub fn data(&self) -> &[u8] {
        self.row.values().get(..self.whole).unwrap_or_default()
    }

    /// Drops the data, which have been sent, and keeps the memory.
    pub fn clear(&mut self) {
        self.row.clear();
        self.whole = 0;
    }

    /// Returns the columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    #[inline]
    fn check(&mut self) -> Result<(), CopyRowError> {
        let (columns, values) = (self.columns.len(), self.row.len());
        if columns != values {
            return Err(CopyRowError::FieldCount { columns, values });
        }
        let given = self.row.oids().iter().zip(self.row.formats());
        let all_own = given
            .zip(self.columns.iter())
            .all(|((oid, format), column)| *oid == column.oid() && *format == Format::Binary);
        if all_own { Ok(()) } else { self.check_each() }
    }

    /// Looks at the values one by one: strings, NULLs, and those that do not fit.
    fn check_each(&mut self) -> Result<(), CopyRowError> {
        let mut place = self.whole.saturating_add(COUNT_WORD);
        for position in 0..self.takes.len() {
            let (Some(takes), Some(column)) = (self.takes.get(position), self.columns.get(position)) else {
                break;
            };
            let (given, format) = self.row.kind(position);
            let Some(length) = self.row.length_at(place) else { break };
            if length != NULL && self.row.name(position).is_some() {
                self.row.fit_value(position, place, column).map_err(CopyRowError::Value)?;
                let length = self.row.length_at(place).and_then(|length| usize::try_from(length).ok());
                place = place.saturating_add(LENGTH_WORD).saturating_add(length.unwrap_or(0));
                continue;
            }
            if length != NULL && !takes.fits(column.oid(), given, format) {
                return Err(CopyRowError::Type { position, column: Box::new(column.clone()), given });
            }
            let is_bare = *takes == Takes::Versioned && length != NULL && given != column.oid();
            if is_bare {
                self.row.prefix_value(place, VERSION).map_err(CopyRowError::Value)?;
            }
            let size = usize::try_from(length).unwrap_or(0).saturating_add(usize::from(is_bare));
            place = place.saturating_add(LENGTH_WORD).saturating_add(size);
        }
        Ok(())
    }
}

impl fmt::Debug for CopyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyWriter")
            .field("columns", &self.columns)
            .field("data", &self.data().len())
            .finish_non_exhaustive()
    }
}

/// Tells whether the bytes of a value of this kind are text.
fn is_any_text(given: Oid, format: Format) -> bool {
    let unspecified = given == Oid::UNSPECIFIED && format == Format::Text;
    unspecified || given == Oid::JSON || (is_text(given) && given != Oid::CHAR)
}

/// Tells whether values of a type have the binary form of another one.
fn has_form_of(given: Oid, own: Oid) -> bool {
    let twins = matches!((given, own), (Oid::VARBIT, Oid::BIT) | (Oid::PG_SNAPSHOT, Oid::TXID_SNAPSHOT));
    given == own || twins || (given == Oid::OID && is_alias(own))
}

/// The only version that the binary forms of `jsonb` and `jsonpath` have.
const VERSION: u8 = 1;
const COUNT_WORD: usize = 2;
const LENGTH_WORD: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::CopyReader;
    use super::*;
    use crate::{Catalog, Column, Definition, Json, RowLayout, TypeRow};

    fn columns(oids: &[Oid]) -> Columns {
        oids.iter().map(|oid| Column::new("c", *oid, -1, Format::Binary)).collect()
    }

    fn written(oids: &[Oid], row: impl Parameters) -> Result<Vec<u8>, CopyRowError> {
        let mut writer = CopyWriter::new(&columns(oids));
        writer.clear();
        writer.push(row)?;
        Ok(writer.data().to_vec())
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let columns = columns(&[Oid::INT4, Oid::TEXT, Oid::JSONB, Oid::BOOL]);
        let mut writer = CopyWriter::new(&columns);
        writer.push((1_i32, "a", Json("[1]"), true)).unwrap();
        writer.push((None::<i32>, None::<&str>, None::<Json<&str>>, None::<bool>)).unwrap();
        writer.push((3_i32, String::new(), "{}", Some(false))).unwrap();
        writer.finish();
        type Read = (Option<i32>, Option<String>, Option<String>, Option<bool>);
        let (mut reader, mut layout, mut found) =
            (CopyReader::new(4), RowLayout::default(), Vec::<Read>::new());
        let mut rows = reader.read(writer.data());
        while let Some(row) = rows.next_row().unwrap() {
            found.push(layout.row(row, &columns).unwrap().read().unwrap());
        }
        reader.finish().unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                (Some(1), text("a"), text("[1]"), Some(true)),
                (None, None, None, None),
                (Some(3), text(""), text("{}"), Some(false)),
            ]
        );
    }

    #[test]
    fn text_goes_where_the_binary_form_is_text_and_nowhere_else() {
        for oid in [Oid::TEXT, Oid::VARCHAR, Oid::BPCHAR, Oid::NAME, Oid::JSON, Oid::XML] {
            assert_eq!(written(&[oid], ("ab",)).unwrap(), b"\0\x01\0\0\0\x02ab", "{oid}");
        }
        for oid in [Oid::JSONB, Oid::JSONPATH] {
            assert_eq!(written(&[oid], ("ab",)).unwrap(), b"\0\x01\0\0\0\x03\x01ab");
        }
        for oid in [Oid::INT4, Oid::NUMERIC, Oid::BYTEA, Oid::UUID, Oid(16_400)] {
            let error = written(&[oid], ("abcd",)).unwrap_err();
            assert!(error.to_string().contains("cannot be copied from text"), "{error}");
        }
    }

    #[test]
    fn a_value_goes_where_its_binary_form_is_that_of_the_column() {
        let bits: crate::Bits = "101".parse().unwrap();
        assert!(written(&[Oid::BIT, Oid::VARBIT, Oid::REGCLASS], (&bits, &bits, Oid(7))).is_ok());
        assert!(written(&[Oid::OID, Oid::CHAR], (7_u32, 65_i8)).is_ok());
        assert!(written(&[Oid::XID], (7_u32,)).is_err());
        assert!(written(&[Oid::TEXT], (65_i8,)).is_err());
        assert!(written(&[Oid::INT2VECTOR], (crate::types::Int2Vector::default(),)).is_err());
    }

    #[test]
    fn text_goes_into_the_types_whose_binary_form_is_text() {
        let row = |oid, definition| TypeRow { oid, schema: "s".into(), name: oid.to_string(), definition };
        let mut catalog = Catalog::default();
        catalog.extend([
            row(Oid(16_400), Definition::Enum(vec!["sad".into()])),
            row(Oid(16_401), Definition::Base { send: "own_send".into() }),
        ]);
        let mut writer = CopyWriter::new(&catalog.describe(&columns(&[Oid(16_400), Oid(16_401)])));
        assert!(writer.push(("sad", None::<&str>)).is_ok());
        assert!(writer.push(("sad", "sad")).is_err());
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_leaves_nothing() {
        let mut writer = CopyWriter::new(&columns(&[Oid::INT8, Oid::JSONB]));
        writer.push((1_i64, "{}")).unwrap();
        let before = writer.data().to_vec();
        let error = writer.push((1_i32, "{}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column \"c\" (position 0, type int8) cannot be copied from a value of type int4: a binary copy \
             converts nothing"
        );
        assert!(writer.push((1_i64, 1.0_f64)).is_err());
        assert!(writer.push((1_i64, "a\0b")).is_err());
        assert!(matches!(writer.push((1_i64,)), Err(CopyRowError::FieldCount { columns: 2, values: 1 })));
        assert!(writer.push((1_i64, "{}", 2)).is_err());
        assert!(writer.push(()).is_err());
        assert_eq!(writer.data(), before);
    }

    #[test]
    fn a_null_fits_every_column() {
        let nulls = (None::<&str>, None::<i16>, None::<Vec<u8>>);
        assert_eq!(
            written(&[Oid::INT8, Oid::JSONB, Oid(16_400)], nulls).unwrap(),
            b"\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
        );
    }

    #[test]
    fn a_row_may_have_no_columns() {
        assert_eq!(written(&[], ()).unwrap(), b"\0\0");
        assert!(written(&[], (1,)).is_err());
    }

    struct Panics;

    impl crate::ToSql for Panics {
        fn oid(&self) -> Oid {
            Oid::TEXT
        }

        fn to_sql(&self, out: &mut crate::Output) -> Result<crate::IsNull, crate::EncodeError> {
            out.extend_from_slice(b"half of it");
            panic!("as it is to")
        }
    }

    #[test]
    fn a_value_that_panics_leaves_nothing() {
        let mut writer = CopyWriter::new(&columns(&[Oid::TEXT]));
        writer.push(("a",)).unwrap();
        let before = writer.data().to_vec();
        let row = std::panic::AssertUnwindSafe(|| writer.push((Panics,)));
        assert!(std::panic::catch_unwind(row).is_err());
        assert_eq!(writer.data(), before);
        writer.push(("b",)).unwrap();
        writer.finish();
        assert_eq!(writer.data(), [&before[..], b"\0\x01\0\0\0\x01b\xff\xff"].concat());
    }

    #[test]
    fn data_are_not_printed() {
        let mut writer = CopyWriter::new(&columns(&[Oid::TEXT]));
        writer.push(("secret",)).unwrap();
        assert!(!format!("{writer:?}").contains("secret") && !format!("{writer:?}").contains("115"));
    }
}
