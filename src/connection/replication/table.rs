use std::fmt;

use molt_db_decode::{ColumnIndex, Columns, FromRow, FromSql, OwnedRow, ValueError};
use molt_db_protocol::replication::pgoutput::ReplicaIdentity;

use crate::error::Error;

/// What a table looks like, as a replication stream tells it: before its first change, and whenever that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub(super) oid: u32,
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    pub(super) identity: ReplicaIdentity,
    pub(super) columns: Columns,
    pub(super) keys: Box<[bool]>,
}

impl Table {
    /// Returns its number, as in `pg_class.oid`.
    pub fn oid(&self) -> u32 {
        self.oid
    }

    /// Returns its schema.
    pub fn namespace(&self) -> &str {
        if self.namespace.is_empty() { "pg_catalog" } else { &self.namespace }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what of an old row is sent.
    pub fn replica_identity(&self) -> ReplicaIdentity {
        self.identity
    }

    /// Returns its published columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Tells whether a column is part of the replica identity.
    pub fn is_key(&self, position: usize) -> bool {
        self.keys.get(position).copied().unwrap_or_default()
    }
}

/// A row of a table. `Debug` shows no values.
///
/// A large value that an update did not touch is not sent: [`Tuple::is_unchanged`] tells that, and reading it is an
/// error, never NULL.
#[derive(Clone)]
pub struct Tuple {
    pub(super) row: OwnedRow,
    /// The positions of the values that are not sent, in order.
    pub(super) unchanged: Box<[usize]>,
}

impl Tuple {
    /// Returns the number of columns.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Returns its columns, and in which format their values came.
    pub fn columns(&self) -> &Columns {
        self.row.columns()
    }

    /// Tells whether the value of a column is a large one that did not change and is not sent.
    ///
    /// # Errors
    ///
    /// [`Error::is_conversion`]: there is no such column.
    pub fn is_unchanged(&self, index: impl ColumnIndex) -> Result<bool, Error> {
        Ok(self.is_unsent(index.position(self.columns())?))
    }

    /// Reads a value, by position or by name.
    ///
    /// # Errors
    ///
    /// [`Error::is_conversion`]: there is no such column, it is not what `T` reads, or its value was not sent.
    pub fn get<'r, T: FromSql<'r>>(&'r self, index: impl ColumnIndex) -> Result<T, Error> {
        let position = index.position(self.columns())?;
        if self.is_unsent(position) {
            return Err(unsent().into());
        }
        Ok(self.row.get(position)?)
    }

    /// Reads all values.
    ///
    /// # Errors
    ///
    /// [`Error::is_conversion`]: the columns are not what `T` takes, or a value was not sent.
    pub fn read<'r, T: FromRow<'r>>(&'r self) -> Result<T, Error> {
        if !self.unchanged.is_empty() {
            return Err(unsent().into());
        }
        Ok(self.row.read()?)
    }

    /// Returns the bytes of a value; `Some(None)` is NULL, and what a large value is that was not sent. `None` is a
    /// position that the row does not have.
    pub fn raw(&self, position: usize) -> Option<Option<&[u8]>> {
        self.row.raw(position)
    }

    fn is_unsent(&self, position: usize) -> bool {
        self.unchanged.binary_search(&position).is_ok()
    }
}

impl fmt::Debug for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuple").field("row", &self.row).field("unchanged", &self.unchanged).finish()
    }
}

fn unsent() -> ValueError {
    ValueError::other("it is a large value that did not change, and was not sent")
}
