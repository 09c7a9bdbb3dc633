use std::fmt;

use molt_db_decode::{EncodeError, FromRow, Parameters, Params, ToSql};

use super::Pool;
use crate::connection::Sql;
use crate::error::Error;

/// A query that takes a connection of a pool for itself: bind parameters, then choose how its rows are to come.
///
/// The connection is taken when the query is run, and goes back with its result. Queries that belong together, and those whose rows
/// are to be streamed, want a [`Session`](crate::Session).
///
/// An error of binding is reported when the query is run, and costs no connection.
#[must_use = "a query does nothing until it is run"]
pub struct PoolQuery<'p, 's> {
    pool: &'p Pool,
    sql: &'s str,
    declared: Option<&'s [u32]>,
    params: Params,
    refused: Option<EncodeError>,
}

impl<'p, 's> PoolQuery<'p, 's> {
    pub(super) fn new(pool: &'p Pool, sql: impl Sql<'s>) -> Self {
        Self { pool, sql: sql.text(), declared: sql.types(), params: Params::default(), refused: None }
    }

    /// Binds the next parameter: the first call `$1`, the second `$2`.
    pub fn bind(self, value: impl ToSql) -> Self {
        self.note(|params| params.push(&value))
    }

    /// Binds several parameters at once: a tuple of them, or a slice.
    pub fn bind_all(self, values: impl Parameters) -> Self {
        self.note(|params| values.encode(params))
    }

    /// Runs the query and returns its only row.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::acquire`] and of [`Query::one`](crate::Query::one).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has a connection, nothing was done; later, the query is cancelled by the pool, and may have
    /// been committed.
    pub async fn one<T: for<'r> FromRow<'r>>(self) -> Result<T, Error> {
        let Bound { pool, sql, declared, params } = self.checked()?;
        pool.acquire().await?.query_bound(sql, declared, params).one().await
    }

    /// Runs the query and returns its only row, `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`PoolQuery::one`], but for the missing row.
    ///
    /// # Cancel safety
    ///
    /// As [`PoolQuery::one`].
    pub async fn optional<T: for<'r> FromRow<'r>>(self) -> Result<Option<T>, Error> {
        let Bound { pool, sql, declared, params } = self.checked()?;
        pool.acquire().await?.query_bound(sql, declared, params).optional().await
    }

    /// Runs the query and returns all of its rows. They are in memory at once.
    ///
    /// # Errors
    ///
    /// As [`PoolQuery::one`], for any number of rows.
    ///
    /// # Cancel safety
    ///
    /// As [`PoolQuery::one`].
    pub async fn all<T: for<'r> FromRow<'r>>(self) -> Result<Vec<T>, Error> {
        let Bound { pool, sql, declared, params } = self.checked()?;
        pool.acquire().await?.query_bound(sql, declared, params).all().await
    }

    /// Runs the query, drops its rows, and returns how many it touched or returned.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::acquire`] and of [`Query::execute`](crate::Query::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`PoolQuery::one`].
    pub async fn execute(self) -> Result<u64, Error> {
        let Bound { pool, sql, declared, params } = self.checked()?;
        pool.acquire().await?.query_bound(sql, declared, params).execute().await
    }

    fn note(mut self, bind: impl FnOnce(&mut Params) -> Result<(), EncodeError>) -> Self {
        if self.refused.is_none() {
            self.refused = bind(&mut self.params).err();
        }
        self
    }

    fn checked(self) -> Result<Bound<'p, 's>, Error> {
        let Self { pool, sql, declared, params, refused } = self;
        match refused {
            Some(error) => Err(Error::from(error).of_sql(sql)),
            None => Ok(Bound { pool, sql, declared, params }),
        }
    }
}

/// A query whose parameters are good.
struct Bound<'p, 's> {
    pool: &'p Pool,
    sql: &'s str,
    declared: Option<&'s [u32]>,
    params: Params,
}

impl fmt::Debug for PoolQuery<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolQuery")
            .field("sql", &self.sql)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}
