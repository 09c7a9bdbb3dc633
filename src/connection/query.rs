use molt_db_decode::arrow::{ArrowOptions, BatchLimits};
use molt_db_decode::{EncodeError, FromRow, Parameters, Params, ToSql};

use super::{Batches, Connection, RowSet, Rows, TypedRows};
use crate::error::{Error, Found, Kind};

/// A query that is being put together: bind parameters, then choose how its rows are to come.
///
/// Nothing is sent before one of the methods that are `async` is awaited. Parameters travel beside the SQL and are
/// never part of it.
///
/// | method | rows come as |
/// |---|---|
/// | [`Query::rows`] | a stream of rows, each lent from the read buffer |
/// | [`Query::rows_as`] | a stream of typed values |
/// | [`Query::one`], [`Query::optional`], [`Query::all`] | typed values |
/// | [`Query::arrow`] | a stream of Arrow record batches |
/// | [`Query::execute`] | a count of them |
///
/// An error of binding is reported when the query is run.
#[derive(Debug)]
#[must_use = "a query does nothing until it is run"]
pub struct Query<'c, 's> {
    connection: &'c mut Connection,
    sql: &'s str,
    declared: Option<&'s [u32]>,
    refused: Option<EncodeError>,
}

impl<'c, 's> Query<'c, 's> {
    pub(super) fn new(connection: &'c mut Connection, sql: &'s str, declared: Option<&'s [u32]>) -> Self {
        connection.params.clear();
        Self { connection, sql, declared, refused: None }
    }

    /// Binds the next parameter: the first call `$1`, the second `$2`.
    pub fn bind(self, value: impl ToSql) -> Self {
        self.note(|query| query.connection.params.push(&value))
    }

    /// Binds several parameters at once: a tuple of them, or a slice.
    pub fn bind_all(self, values: impl Parameters) -> Self {
        self.note(|query| values.encode(&mut query.connection.params))
    }

    /// Runs the query and returns its rows as they come.
    ///
    /// Waits until the first row is there, or the end.
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_conversion`] for parameters that cannot be written; [`Error::is_connection_lost`];
    /// [`Error::is_timeout`] after `query_timeout`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the query may have been committed.
    pub async fn rows(self) -> Result<Rows<'c>, Error> {
        Ok(self.stream().await?.streamed())
    }

    /// Runs the query and returns its rows as values of a type, as they come.
    ///
    /// # Errors
    ///
    /// Those of [`Query::rows`]; [`Error::is_conversion`] if a column is not what `T` takes.
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn rows_as<T: for<'r> FromRow<'r>>(self) -> Result<TypedRows<'c, T>, Error> {
        let sql = self.sql;
        let begun = async { self.stream().await?.streamed().typed().await };
        begun.await.map_err(|error: Error| error.of_sql(sql))
    }

    /// Runs the query and returns its only row.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let (count,): (i64,) = connection.query("select count(*) from orders").one().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Query::rows`]; no row, or more than one; [`Error::is_conversion`] if a column is not what `T` takes.
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn one<T: for<'r> FromRow<'r>>(self) -> Result<T, Error> {
        let sql = self.sql;
        let missing = || Error::from(Kind::RowCount { found: Found::None }).of_sql(sql);
        self.optional().await?.ok_or_else(missing)
    }

    /// Runs the query and returns its only row, `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`Query::one`], but for the missing row.
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn optional<T: for<'r> FromRow<'r>>(self) -> Result<Option<T>, Error> {
        let sql = self.sql;
        let read = async {
            let mut rows = self.begin().await?;
            if rows.has_unknown_types() {
                let (rows, columns) = rows.keep().await?;
                return RowSet::new(&rows, &columns, 0..rows.len()).optional();
            }
            let found = rows.next_as().await;
            match (found, rows.skip_rest().await?) {
                (Ok(Some(_)), 1..) => Err(Kind::RowCount { found: Found::Several }.into()),
                (found, _) => found,
            }
        };
        read.await.map_err(|error: Error| error.of_sql(sql))
    }

    /// Runs the query and returns all of its rows. They are in memory at once: use [`Query::rows`] where they may be
    /// many.
    ///
    /// # Errors
    ///
    /// As [`Query::one`], for any number of rows.
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn all<T: for<'r> FromRow<'r>>(self) -> Result<Vec<T>, Error> {
        let sql = self.sql;
        let read = async {
            let rows = self.begin().await?;
            if rows.has_unknown_types() {
                let (rows, columns) = rows.keep().await?;
                return RowSet::new(&rows, &columns, 0..rows.len()).all();
            }
            let mut rows = rows.typed().await?;
            let all = rows.collect().await;
            rows.finish().await?;
            all
        };
        read.await.map_err(|error: Error| error.of_sql(sql))
    }

    /// Runs the query and returns its rows as Arrow record batches of at most 65,536 rows and 16 MiB. With the feature
    /// `ipc` they become an Arrow IPC stream, by `Batches::into_ipc`.
    ///
    /// # Errors
    ///
    /// Those of [`Query::rows`].
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn arrow(self) -> Result<Batches<'c>, Error> {
        self.arrow_with(&ArrowOptions::default(), BatchLimits::default()).await
    }

    /// Runs the query and returns its rows as Arrow record batches, mapped and bounded as told.
    ///
    /// # Errors
    ///
    /// Those of [`Query::rows`].
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn arrow_with(self, options: &ArrowOptions, limits: BatchLimits) -> Result<Batches<'c>, Error> {
        let (connection, sql, declared) = self.checked()?;
        let begun = connection.stream_query(sql, declared).await;
        let columns = begun.map_err(|error| error.of_sql(sql))?;
        Ok(Batches::new(connection, &columns, options, limits))
    }

    /// Runs the query, drops its rows, and returns how many it touched or returned.
    ///
    /// # Errors
    ///
    /// Those of [`Query::rows`]. It is Ok only when the server has said that it is final: a deferred constraint that
    /// fails at the end is an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn execute(self) -> Result<u64, Error> {
        let (connection, sql, declared) = self.checked()?;
        let finished = async {
            connection.name_types(sql).await?;
            connection.send_query(sql, declared)?;
            connection.finish().await
        };
        Ok(finished.await.map_err(|error: Error| error.of_sql(sql))?.rows())
    }

    /// Runs the query and has its rows handed out as they come.
    async fn stream(self) -> Result<Rows<'c>, Error> {
        let (connection, sql, declared) = self.checked()?;
        let begun = connection.stream_query(sql, declared).await;
        let columns = begun.map_err(|error| error.of_sql(sql))?;
        Ok(Rows::new(connection, columns))
    }

    /// Runs the query under the limit of one call.
    async fn begin(self) -> Result<Rows<'c>, Error> {
        let (connection, sql, declared) = self.checked()?;
        let begun = connection.begin_query(sql, declared).await;
        let columns = begun.map_err(|error| error.of_sql(sql))?;
        Ok(Rows::new(connection, columns))
    }

    fn note(mut self, bind: impl FnOnce(&mut Self) -> Result<(), EncodeError>) -> Self {
        if self.refused.is_none() {
            self.refused = bind(&mut self).err();
        }
        self
    }

    pub(super) fn checked(self) -> Result<(&'c mut Connection, &'s str, Option<&'s [u32]>), Error> {
        match self.refused {
            Some(error) => Err(Error::from(error).of_sql(self.sql)),
            None => Ok((self.connection, self.sql, self.declared)),
        }
    }
}

impl Connection {
    /// Begins a query whose parameters are bound already.
    pub(crate) fn query_bound<'s>(
        &mut self,
        sql: &'s str,
        declared: Option<&'s [u32]>,
        params: Params,
    ) -> Query<'_, 's> {
        self.params = params;
        Query { connection: self, sql, declared, refused: None }
    }
}
