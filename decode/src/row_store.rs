use crate::row::{Slot, walk};
use crate::{Columns, Row, RowError};

/// Rows that are kept, undecoded, in few allocations however many they are: their bytes, and where each field lies.
///
/// Rows of several results may lie in one store: each is read by the columns that it was pushed with.
///
/// ```
/// use molt_db_decode::{Column, Columns, Format, Oid, RowStore};
///
/// let columns = Columns::new([Column::new("id", Oid::INT4, -1, Format::Binary)]);
/// let mut rows = RowStore::default();
/// rows.push(b"\0\x01\0\0\0\x04\0\0\0\x07", &columns)?;
/// let (id,): (i32,) = rows.get(0, &columns).unwrap().read()?;
/// assert_eq!((id, rows.len()), (7, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default, Clone)]
pub struct RowStore {
    bodies: Vec<u8>,
    slots: Vec<Slot>,
    /// For each row the ends of its body and of its slots.
    ends: Vec<(usize, usize)>,
}

impl RowStore {
    /// Keeps a row: `body` is the count of fields and the fields, as DataRow has them.
    ///
    /// # Errors
    ///
    /// The count is not that of the columns, a field does not fit, or bytes are left over. Nothing is kept then.
    pub fn push(&mut self, body: &[u8], columns: &Columns) -> Result<(), RowError> {
        let start = self.slots.len();
        self.slots.resize(start.saturating_add(columns.len()), Slot::default());
        let slots = self.slots.get_mut(start..).unwrap_or_default();
        if let Err(error) = walk(body, slots) {
            self.slots.truncate(start);
            return Err(error);
        }
        self.bodies.extend_from_slice(body);
        self.ends.push((self.bodies.len(), self.slots.len()));
        Ok(())
    }

    /// Returns a row, if there are so many. `columns` are those that it was pushed with; with any others its values are
    /// meaningless.
    pub fn get<'r>(&'r self, row: usize, columns: &'r Columns) -> Option<Row<'r>> {
        let (body_end, slots_end) = *self.ends.get(row)?;
        let (body, slots) = match row.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => (0, 0),
        };
        Some(Row::of(self.bodies.get(body..body_end)?, self.slots.get(slots..slots_end)?, columns))
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns how many bytes the rows have.
    pub fn bytes(&self) -> usize {
        self.bodies.len()
    }

    /// Drops all rows but the first so many.
    pub fn truncate(&mut self, rows: usize) {
        let last = rows.checked_sub(1).and_then(|last| self.ends.get(last));
        let (bodies, slots) = last.copied().unwrap_or((0, 0));
        if rows < self.ends.len() {
            self.bodies.truncate(bodies);
            self.slots.truncate(slots);
            self.ends.truncate(rows);
        }
    }
}

impl std::fmt::Debug for RowStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStore").field("rows", &self.len()).field("bytes", &self.bytes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Format, Oid};

    fn columns(count: usize) -> Columns {
        Columns::new((0..count).map(|_| Column::new("c", Oid::TEXT, -1, Format::Binary)))
    }

    fn body(values: &[Option<&str>]) -> Vec<u8> {
        let mut body = i16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            body.extend(length.to_be_bytes());
            body.extend(value.unwrap_or_default().bytes());
        }
        body
    }

    #[test]
    fn rows_of_several_shapes_are_read_as_they_were_pushed() {
        let (none, one, two) = (columns(0), columns(1), columns(2));
        let mut rows = RowStore::default();
        rows.push(&body(&[Some("a"), None]), &two).unwrap();
        rows.push(&body(&[]), &none).unwrap();
        rows.push(&body(&[Some("long")]), &one).unwrap();
        let (a, b): (&str, Option<&str>) = rows.get(0, &two).unwrap().read().unwrap();
        assert_eq!((a, b), ("a", None));
        assert!(rows.get(1, &none).unwrap().is_empty());
        assert_eq!(rows.get(2, &one).unwrap().get::<&str>(0).unwrap(), "long");
        assert!(rows.get(3, &one).is_none());
        assert_eq!((rows.len(), rows.bytes()), (3, 11 + 2 + 10));
    }

    #[test]
    fn a_malformed_row_is_not_kept() {
        let two = columns(2);
        let whole = body(&[Some("a"), None]);
        let mut rows = RowStore::default();
        rows.push(&whole, &two).unwrap();
        for end in 0..whole.len() {
            assert!(rows.push(&whole[..end], &two).is_err(), "{end}");
        }
        assert!(rows.push(&[&whole[..], b"x"].concat(), &two).is_err());
        assert!(rows.push(&whole, &columns(3)).is_err());
        rows.push(&whole, &two).unwrap();
        assert_eq!(rows.get(1, &two).unwrap().get::<&str>(0).unwrap(), "a");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn the_last_rows_can_be_dropped() {
        let one = columns(1);
        let mut rows = RowStore::default();
        for text in ["a", "bc", "def"] {
            rows.push(&body(&[Some(text)]), &one).unwrap();
        }
        rows.truncate(4);
        assert_eq!(rows.len(), 3);
        rows.truncate(1);
        rows.push(&body(&[Some("new")]), &one).unwrap();
        assert_eq!(rows.get(1, &one).unwrap().get::<&str>(0).unwrap(), "new");
        rows.truncate(0);
        assert!(rows.is_empty() && rows.bytes() == 0);
    }
}
