use std::fmt;

use crate::{Column, Columns, FromRow, FromSql, RowError, ValueError};

/// Where the fields of a row lie. One is reused from row to row; it allocates only when a row is wider than all before.
#[derive(Debug, Default, Clone)]
pub struct RowLayout {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slot {
    start: u32,
    /// -1 is NULL.
    length: i32,
}

impl RowLayout {
    /// Finds the fields of a row: `body` is the count of fields and the fields, as DataRow and a binary COPY tuple
    /// have them.
    ///
    /// # Errors
    ///
    /// The count is not `columns`, a field does not fit, or bytes are left over. The layout is empty then.
    pub fn locate(&mut self, body: &[u8], columns: usize) -> Result<(), RowError> {
        if self.slots.len() != columns {
            self.slots.resize(columns, Slot::default());
        }
        let walked = walk(body, &mut self.slots);
        if walked.is_err() {
            self.slots.clear();
        }
        walked
    }

    /// Finds the fields of a row and lends it.
    ///
    /// # Errors
    ///
    /// As [`locate`](Self::locate).
    #[inline]
    pub fn row<'r>(&'r mut self, body: &'r [u8], columns: &'r Columns) -> Result<Row<'r>, RowError> {
        self.locate(body, columns.len())?;
        Ok(Row { body, slots: &self.slots, columns })
    }
}

/// Finds the fields of a row, as many as there are slots.
#[inline]
pub(crate) fn walk(body: &[u8], slots: &mut [Slot]) -> Result<(), RowError> {
    u32::try_from(body.len()).map_err(|_| RowError::TooLong)?;
    let mut rest = fields(body, slots.len())?;
    let mut start: u32 = 2;
    for (field, slot) in slots.iter_mut().enumerate() {
        let (length, tail) = rest.split_first_chunk().ok_or(RowError::FieldLength { field })?;
        let length = i32::from_be_bytes(*length);
        start = start.saturating_add(4);
        *slot = Slot { start, length };
        let size = if length == -1 { Ok(0) } else { u32::try_from(length) };
        let size = size.map_err(|_| RowError::FieldLength { field })?;
        let skipped = usize::try_from(size).ok().and_then(|size| tail.get(size..));
        rest = skipped.ok_or(RowError::FieldLength { field })?;
        start = start.saturating_add(size);
    }
    if rest.is_empty() { Ok(()) } else { Err(RowError::TrailingBytes) }
}

/// Takes the count of fields off a row and compares it.
#[inline]
pub(crate) fn fields(body: &[u8], columns: usize) -> Result<&[u8], RowError> {
    let (count, rest) = body.split_first_chunk().ok_or(RowError::FieldCount { columns, fields: 0 })?;
    let fields = i16::from_be_bytes(*count);
    if usize::try_from(fields) == Ok(columns) {
        Ok(rest)
    } else {
        Err(RowError::FieldCount { columns, fields })
    }
}

/// A row, lent from the bytes it arrived in. Its values are read on demand.
///
/// Prints its columns, never its values.
#[derive(Clone, Copy)]
pub struct Row<'r> {
    body: &'r [u8],
    slots: &'r [Slot],
    columns: &'r Columns,
}

impl<'r> Row<'r> {
    /// Puts a row together from a body that [`RowLayout::locate`] has walked. With any other body the values are
    /// meaningless.
    pub fn new(body: &'r [u8], layout: &'r RowLayout, columns: &'r Columns) -> Self {
        Self { body, slots: &layout.slots, columns }
    }

    pub(crate) fn of(body: &'r [u8], slots: &'r [Slot], columns: &'r Columns) -> Self {
        Self { body, slots, columns }
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Says whether the row has no fields at all, as that of `select` with nothing behind it.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the columns that the row has.
    pub fn columns(&self) -> &'r Columns {
        self.columns
    }

    /// Reads a value, by position or by name.
    ///
    /// # Errors
    ///
    /// There is no such column (or more than one of the name), `T` does not read its type, the value is NULL and `T`
    /// is no `Option`, or the value is malformed or out of the range of `T`.
    pub fn get<T: FromSql<'r>>(&self, index: impl ColumnIndex) -> Result<T, ValueError> {
        let position = index.position(self.columns)?;
        let column = self.column(position)?;
        if !T::accepts(column) {
            return Err(ValueError::mismatch(column).at::<T>(position, column));
        }
        self.read_at(position)
    }

    /// Returns the bytes of a value as they came; `Some(None)` is NULL, `None` a position that the row does not have.
    #[inline]
    pub fn raw(&self, position: usize) -> Option<Option<&'r [u8]>> {
        let slot = self.slots.get(position)?;
        let Ok(length) = usize::try_from(slot.length) else { return Some(None) };
        let start = usize::try_from(slot.start).ok()?;
        self.body.get(start..start.checked_add(length)?).map(Some)
    }

    /// Reads the whole row. For many rows of one result make the [plan](FromRow::plan) once instead.
    ///
    /// # Errors
    ///
    /// As [`FromRow::plan`] and [`FromRow::from_row`].
    pub fn read<T: FromRow<'r>>(self) -> Result<T, ValueError> {
        let plan = self.columns.planned::<T>()?;
        T::from_row(&plan, self)
    }

    /// Copies the row out of the buffer that lends it.
    pub fn to_owned(self) -> OwnedRow {
        OwnedRow { body: self.body.into(), slots: self.slots.into(), columns: self.columns.clone() }
    }

    /// Reads a value whose type was checked when a plan was made.
    #[inline]
    pub(crate) fn read_at<T: FromSql<'r>>(&self, position: usize) -> Result<T, ValueError> {
        let column = self.column(position)?;
        let value = match self.raw(position) {
            Some(Some(value)) => T::from_sql(column, value),
            Some(None) => T::from_null(column),
            None => Err(ValueError::no_such_position(position, self.len())),
        };
        match value {
            Ok(value) => Ok(value),
            Err(error) => Err(error.at::<T>(position, column)),
        }
    }

    #[inline]
    fn column(&self, position: usize) -> Result<&'r Column, ValueError> {
        self.columns.get(position).ok_or_else(|| ValueError::no_such_position(position, self.columns.len()))
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns.iter().map(|column| (column.name(), format_args!("[redacted]")));
        f.debug_map().entries(names).finish()
    }
}

/// A row with its own copy of the bytes: `Send` and `'static`.
///
/// Prints its columns, never its values.
#[derive(Clone)]
pub struct OwnedRow {
    body: Box<[u8]>,
    slots: Box<[Slot]>,
    columns: Columns,
}

impl OwnedRow {
    /// Lends the row.
    pub fn as_row(&self) -> Row<'_> {
        Row { body: &self.body, slots: &self.slots, columns: &self.columns }
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Says whether the row has no fields at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the columns that the row has.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Reads a value, by position or by name.
    ///
    /// # Errors
    ///
    /// As [`Row::get`].
    pub fn get<'r, T: FromSql<'r>>(&'r self, index: impl ColumnIndex) -> Result<T, ValueError> {
        self.as_row().get(index)
    }

    /// Returns the bytes of a value as they came; `Some(None)` is NULL, `None` a position that the row does not have.
    pub fn raw(&self, position: usize) -> Option<Option<&[u8]>> {
        self.as_row().raw(position)
    }

    /// Reads the whole row.
    ///
    /// # Errors
    ///
    /// As [`Row::read`].
    pub fn read<'r, T: FromRow<'r>>(&'r self) -> Result<T, ValueError> {
        self.as_row().read()
    }
}

impl fmt::Debug for OwnedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_row().fmt(f)
    }
}

/// What names a column: a position from 0 (`usize`) or its name (`&str`).
pub trait ColumnIndex {
    /// Finds the position of the column.
    ///
    /// # Errors
    ///
    /// No column has it, or more than one has the name.
    fn position(&self, columns: &Columns) -> Result<usize, ValueError>;
}

impl ColumnIndex for usize {
    fn position(&self, columns: &Columns) -> Result<usize, ValueError> {
        let exists = *self < columns.len();
        if exists { Ok(*self) } else { Err(ValueError::no_such_position(*self, columns.len())) }
    }
}

impl ColumnIndex for &str {
    fn position(&self, columns: &Columns) -> Result<usize, ValueError> {
        let mut positions = columns.positions(self);
        match (positions.next(), positions.next()) {
            (Some(position), None) => Ok(position),
            (None, _) => Err(ValueError::no_such_column(self)),
            (Some(_), Some(_)) => Err(ValueError::ambiguous(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Format, Oid};

    fn columns() -> Columns {
        Columns::new([
            Column::new("id", Oid::INT8, -1, Format::Binary),
            Column::new("name", Oid::TEXT, -1, Format::Binary),
            Column::new("name", Oid::TEXT, -1, Format::Binary),
        ])
    }

    const BODY: &[u8] = b"\0\x03\0\0\0\x08\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\0\0\0\0";

    #[test]
    fn fields_are_found_and_null_is_not_empty() {
        let (columns, mut layout) = (columns(), RowLayout::default());
        let row = layout.row(BODY, &columns).unwrap();
        assert_eq!(row.len(), 3);
        assert_eq!(row.get::<i64>("id").unwrap(), 7);
        assert_eq!((row.raw(1), row.raw(2), row.raw(3)), (Some(None), Some(Some(&b""[..])), None));
        assert_eq!(row.get::<Option<&str>>(1).unwrap(), None);
        assert_eq!(row.read::<(i64, Option<String>, &str)>().unwrap(), (7, None, ""));
    }

    #[test]
    fn errors_say_which_column_and_whose_fault() {
        let (columns, mut layout) = (columns(), RowLayout::default());
        let row = layout.row(BODY, &columns).unwrap();
        let null = row.get::<&str>(1).unwrap_err();
        assert!(null.is_null());
        assert_eq!(
            null.to_string(),
            "column \"name\" (position 1, type text) cannot be read as &str: the value is NULL"
        );
        let narrow = row.get::<i32>("id").unwrap_err();
        assert!(narrow.is_type_mismatch());
        assert_eq!(
            narrow.to_string(),
            "column \"id\" (position 0, type int8) cannot be read as i32: the types do not fit"
        );
        assert_eq!(
            row.get::<&str>("name").unwrap_err().to_string(),
            "the result has more than one column \"name\""
        );
        assert_eq!(row.get::<&str>("Name").unwrap_err().to_string(), "the result has no column \"Name\"");
        assert!(row.get::<&str>(3).unwrap_err().is_no_such_column());
        assert!(row.read::<(i64,)>().unwrap_err().is_no_such_column());
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused() {
        let mut layout = RowLayout::default();
        let cases: [(&[u8], RowError); 7] = [
            (b"", RowError::FieldCount { columns: 1, fields: 0 }),
            (b"\0\x02", RowError::FieldCount { columns: 1, fields: 2 }),
            (b"\xff\xff", RowError::FieldCount { columns: 1, fields: -1 }),
            (b"\0\x01\0\0\0", RowError::FieldLength { field: 0 }),
            (b"\0\x01\0\0\0\x02a", RowError::FieldLength { field: 0 }),
            (b"\0\x01\xff\xff\xff\xfe", RowError::FieldLength { field: 0 }),
            (b"\0\x01\0\0\0\x01ab", RowError::TrailingBytes),
        ];
        for (body, error) in cases {
            assert_eq!(layout.locate(body, 1), Err(error), "{body:?}");
            assert_eq!(Row::new(body, &layout, &columns()).len(), 0);
        }
        assert_eq!(layout.locate(b"\0\0", 0), Ok(()));
    }

    #[test]
    fn a_layout_of_another_row_is_an_error_and_no_panic() {
        let (columns, mut layout) = (columns(), RowLayout::default());
        layout.locate(BODY, 3).unwrap();
        let row = Row::new(&BODY[..5], &layout, &columns);
        assert_eq!(row.raw(0), None);
        assert!(row.get::<i64>(0).is_err());
    }

    #[test]
    fn rows_are_not_printed() {
        let (columns, mut layout) = (columns(), RowLayout::default());
        let row = layout.row(BODY, &columns).unwrap();
        let printed = format!("{row:?}");
        assert_eq!(printed, "{\"id\": [redacted], \"name\": [redacted], \"name\": [redacted]}");
        assert_eq!(format!("{:?}", row.to_owned()), printed);
    }

    proptest! {
        #[test]
        fn fields_come_out_as_they_went_in(
            fields in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 0..20),
        ) {
            let mut body = (fields.len() as i16).to_be_bytes().to_vec();
            for field in &fields {
                let length = field.as_ref().map_or(-1, |field| field.len() as i32);
                body.extend_from_slice(&length.to_be_bytes());
                body.extend_from_slice(field.as_deref().unwrap_or_default());
            }
            let columns = fields.iter().map(|_| Column::new("c", Oid::BYTEA, -1, Format::Binary)).collect();
            let mut layout = RowLayout::default();
            let row = layout.row(&body, &columns).unwrap().to_owned();
            for (position, field) in fields.iter().enumerate() {
                prop_assert_eq!(row.get::<Option<&[u8]>>(position).unwrap(), field.as_deref());
            }
        }

        #[test]
        fn no_bytes_make_the_walk_panic(body in prop::collection::vec(any::<u8>(), 0..60), columns in 0_usize..9) {
            let mut layout = RowLayout::default();
            let _ = layout.locate(&body, columns);
            let small: Vec<u8> = body.iter().map(|byte| byte % 4).collect();
            if layout.locate(&small, columns).is_ok() {
                let columns = (0..columns).map(|_| Column::new("c", Oid::BYTEA, -1, Format::Binary)).collect();
                let row = Row::new(&small, &layout, &columns);
                prop_assert!((0..row.len()).all(|position| row.raw(position).is_some()));
            }
        }
    }
}
