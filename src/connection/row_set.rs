use std::ops::Range;

use molt_db_decode::{Columns, FromRow, Row, RowStore};

use crate::error::{Error, Found, Kind};

/// Rows that are in memory. They are read where they lie, so values may borrow.
#[derive(Debug, Clone)]
pub struct RowSet<'r> {
    store: &'r RowStore,
    columns: &'r Columns,
    places: Range<usize>,
}

impl<'r> RowSet<'r> {
    pub(super) fn new(store: &'r RowStore, columns: &'r Columns, places: Range<usize>) -> Self {
        Self { store, columns, places }
    }

    /// Returns the columns of the rows.
    pub fn columns(&self) -> &'r Columns {
        self.columns
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Walks the rows.
    pub fn iter(&self) -> impl Iterator<Item = Row<'r>> + use<'r> {
        let (store, columns) = (self.store, self.columns);
        self.places.clone().filter_map(move |place| store.get(place, columns))
    }

    /// Reads all rows.
    ///
    /// # Errors
    ///
    /// [`Error::is_conversion`] if a column is not what `T` takes.
    pub fn all<T: FromRow<'r>>(&self) -> Result<Vec<T>, Error> {
        let plan = self.columns.planned::<T>()?;
        Ok(self.iter().map(|row| T::from_row(&plan, row)).collect::<Result<_, _>>()?)
    }

    /// Reads the only row.
    ///
    /// # Errors
    ///
    /// As [`RowSet::all`]; there is no row, or more than one.
    pub fn one<T: FromRow<'r>>(&self) -> Result<T, Error> {
        self.optional()?.ok_or_else(|| Kind::RowCount { found: Found::None }.into())
    }

    /// Reads the only row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`RowSet::all`]; there is more than one row.
    pub fn optional<T: FromRow<'r>>(&self) -> Result<Option<T>, Error> {
        let mut rows = self.iter();
        match (rows.next(), rows.next()) {
            (_, Some(_)) => Err(Kind::RowCount { found: Found::Several }.into()),
            (row, None) => Ok(row.map(Row::read).transpose()?),
        }
    }
}
