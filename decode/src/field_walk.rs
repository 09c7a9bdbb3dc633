use crate::row::fields;
use crate::{Column, Columns, FromSql, RowError, ValueError};

/// The fields of one row, read from the first to the last in one walk: the fastest way where all are wanted, in order.
#[derive(Debug, Clone)]
pub struct FieldWalk<'r> {
    rest: &'r [u8],
    /// Of the fields that are left.
    columns: &'r [Column],
    /// How many there are in all.
    count: usize,
}

/// Why a row could not be read as a type.
#[derive(Debug)]
pub enum ReadError {
    /// The row itself is malformed.
    Row(RowError),
    /// A value is not what the type takes.
    Value(ValueError),
}

impl<'r> FieldWalk<'r> {
    /// Begins at the first field: `body` is the count of fields and the fields, as DataRow has them.
    ///
    /// # Errors
    ///
    /// The count is not that of the columns.
    #[inline]
    pub fn new(body: &'r [u8], columns: &'r Columns) -> Result<Self, RowError> {
        Ok(Self { rest: fields(body, columns.len())?, columns, count: columns.len() })
    }

    /// Reads the next value, of a column whose type was checked when a plan was made.
    ///
    /// # Errors
    ///
    /// The field does not fit, or there are no more; the value is NULL and `T` is no `Option`; it is malformed or out of
    /// the range of `T`.
    #[inline]
    pub fn read<T: FromSql<'r>>(&mut self) -> Result<T, ReadError> {
        let [column, columns @ ..] = self.columns else { return Err(self.misfit()) };
        let Some((length, tail)) = self.rest.split_first_chunk() else { return Err(self.misfit()) };
        let length = i32::from_be_bytes(*length);
        let (value, rest) = if let Ok(size) = usize::try_from(length)
            && let Some((value, rest)) = tail.split_at_checked(size)
        {
            (T::from_sql(column, value), rest)
        } else if length == NULL {
            (T::from_null(column), tail)
        } else {
            return Err(self.misfit());
        };
        match value {
            Ok(value) => {
                (self.rest, self.columns) = (rest, columns);
                Ok(value)
            }
            Err(error) => Err(ReadError::Value(error.at::<T>(self.position(), column))),
        }
    }

    /// Checks that nothing follows the last field.
    ///
    /// # Errors
    ///
    /// Something does.
    #[inline]
    pub fn finish(self) -> Result<(), RowError> {
        if self.rest.is_empty() { Ok(()) } else { Err(RowError::TrailingBytes) }
    }

    fn position(&self) -> usize {
        self.count.saturating_sub(self.columns.len())
    }

    #[cold]
    fn misfit(&self) -> ReadError {
        ReadError::Row(RowError::FieldLength { field: self.position() })
    }
}

/// In the place of a length.
const NULL: i32 = -1;

impl From<RowError> for ReadError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<ValueError> for ReadError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Column, Format, FromRow, Oid, RowLayout};

    type Shape = (Option<i64>, String, i16);

    fn columns() -> Columns {
        let column = |name, oid| Column::new(name, oid, -1, Format::Binary);
        Columns::new([column("a", Oid::INT8), column("b", Oid::TEXT), column("c", Oid::INT2)])
    }

    fn body(a: Option<i64>, b: &str, c: i16) -> Vec<u8> {
        let mut body = vec![0, 3];
        match a {
            Some(a) => body.extend([&8_i32.to_be_bytes()[..], &a.to_be_bytes()].concat()),
            None => body.extend((-1_i32).to_be_bytes()),
        }
        body.extend(i32::try_from(b.len()).unwrap().to_be_bytes());
        body.extend(b.as_bytes());
        body.extend([&2_i32.to_be_bytes()[..], &c.to_be_bytes()].concat());
        body
    }

    /// Reads a row in one walk and by its layout, which have to agree.
    fn read(body: &[u8]) -> Result<Shape, String> {
        let columns = columns();
        let plan = Shape::plan(&columns).unwrap();
        let walked = Shape::from_body(&plan, body, &columns, &mut RowLayout::default());
        let walked = walked.map_err(|error| match error {
            ReadError::Row(error) => error.to_string(),
            ReadError::Value(error) => error.to_string(),
        });
        let mut layout = RowLayout::default();
        let located = layout.row(body, &columns).map_err(|error| error.to_string());
        let located = located.and_then(|row| row.read::<Shape>().map_err(|error| error.to_string()));
        // Of a row in which several things are wrong, the walk meets the first.
        assert_eq!(walked.is_ok(), located.is_ok(), "{walked:?} {located:?}");
        if walked.is_ok() {
            assert_eq!(walked, located);
        }
        walked
    }

    proptest! {
        #[test]
        fn a_walk_reads_what_a_layout_reads(a: Option<i64>, b in "[a-zé]{0,9}", c: i16, at: prop::sample::Index, flip: u8) {
            let mut body = body(a, &b, c);
            prop_assert_eq!(read(&body), Ok((a, b, c)));
            let at = at.index(body.len());
            body[at] ^= flip;
            let _ = read(&body);
            let _ = read(&body[..at]);
        }
    }

    #[test]
    fn a_row_that_ends_early_or_late_is_malformed() {
        let whole = body(Some(1), "two", 3);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert_eq!(read(&[&whole[..], b"x"].concat()), Err(RowError::TrailingBytes.to_string()));
    }

    #[test]
    fn errors_name_the_column() {
        let columns = columns();
        let body = body(None, "two", 3);
        let mut fields = FieldWalk::new(&body, &columns).unwrap();
        let Err(ReadError::Value(error)) = fields.read::<i64>() else { panic!("NULL is no i64") };
        assert!(error.to_string().contains("\"a\""), "{error}");
        let mut fields = FieldWalk::new(&body, &columns).unwrap();
        fields.read::<Option<i64>>().unwrap();
        fields.read::<&str>().unwrap();
        assert!(fields.clone().finish().is_err());
        fields.read::<i16>().unwrap();
        assert!(matches!(fields.read::<i16>(), Err(ReadError::Row(RowError::FieldLength { field: 3 }))));
        fields.finish().unwrap();
    }

    #[test]
    fn a_plan_of_another_order_is_no_walk() {
        #[derive(Debug, PartialEq, crate::FromRow)]
        #[molt(crate = "crate")]
        struct Turned {
            c: i16,
            a: Option<i64>,
        }
        #[derive(Debug, PartialEq, crate::FromRow)]
        #[molt(crate = "crate")]
        struct Straight {
            a: Option<i64>,
            b: String,
            c: i16,
        }
        let (columns, body) = (columns(), body(Some(7), "x", 3));
        let plan = Turned::plan(&columns).unwrap();
        assert!(!plan.is_in_order(&columns));
        let turned = Turned::from_body(&plan, &body, &columns, &mut RowLayout::default()).unwrap();
        assert_eq!(turned, Turned { c: 3, a: Some(7) });
        let plan = Straight::plan(&columns).unwrap();
        assert!(plan.is_in_order(&columns));
        let straight = Straight::from_body(&plan, &body, &columns, &mut RowLayout::default()).unwrap();
        assert_eq!(straight, Straight { a: Some(7), b: "x".to_owned(), c: 3 });
    }
}
