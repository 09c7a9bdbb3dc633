//! COPY: raw data and typed rows, both ways. What is legal when is decided by the state machine; a copy that is walked
//! away from is ended by [`Connection::settle`].

mod copy_in;
mod copy_in_rows;
mod copy_out;
mod copy_out_rows;
mod sql;

use std::task::{Context, Poll};

use molt_db_decode::arrow::{ArrowOptions, BatchLimits};
use molt_db_decode::{Columns, Format, FromRow};
use molt_db_protocol::client::{Client, CommandError};
use molt_db_protocol::message::{CopyDirection, CopyResponse, WireFormat};

pub use copy_in::CopyIn;
pub use copy_in_rows::CopyInRows;
pub use copy_out::{CopyChunks, CopyOut};
pub use copy_out_rows::CopyOutRows;

use super::exchange::{Progress, Step, Wanted};
use super::{Batches, Connection};
use crate::error::{CopyRefused, Error, Kind};
use crate::net::Limit;

/// What the server says of the data when a copy begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    format: Format,
    columns: usize,
}

impl Connection {
    /// Begins a COPY into the server, `copy ... from stdin` in any format: text, CSV or binary.
    ///
    /// What is sent is stored by [`CopyIn::finish`], all of it or nothing. Text has to be in `client_encoding`, which is
    /// UTF-8 unless somebody has changed it. The SQL may be a script with one such COPY in it.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let mut copy = connection.copy_in("copy orders (id, customer) from stdin (format csv)").await?;
    /// copy.send("7,Ada\n").await?;
    /// copy.send("8,Bob\n").await?;
    /// assert_eq!(copy.finish().await?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_copy`] if the SQL is no COPY from the client, in which case it has run;
    /// [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Nothing is copied; what else is in the SQL may have been
    /// committed.
    pub async fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>, Error> {
        let begun = self.begin_copy(sql, CopyDirection::In).await;
        let shape = begun.map_err(|error| error.of_sql(sql))?;
        Ok(CopyIn::new(self, shape))
    }

    /// Begins to copy typed rows into a table, in binary.
    ///
    /// The table is a name, or a schema and a name with a dot in between; columns are named, or none for all of them.
    /// All are quoted, and so are taken as they stand in the catalogs. The types of the columns are asked for in front of
    /// the COPY, in the same transaction and round trip, and the first time in a pool in one more before that, so that types
    /// of the database are known. The role needs to be allowed to read the columns for that;
    /// where it is not, or the COPY is not as simple, use [`CopyIn::rows`].
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let mut rows = connection.copy_in_rows("shop.orders", &["id", "customer", "note"]).await?;
    /// rows.send((7_i64, "Ada", None::<&str>)).await?;
    /// rows.send((8_i64, "Bob", Some("no sugar"))).await?;
    /// assert_eq!(rows.finish().await?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Connection::copy_in`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Nothing is copied.
    pub async fn copy_in_rows(&mut self, table: &str, columns: &[&str]) -> Result<CopyInRows<'_>, Error> {
        let sql = sql::copy_into(table, columns);
        let begun = self.begin_described(&sql, &sql::columns_of(table, columns), CopyDirection::In).await;
        let Described { shape, columns } = begun.map_err(|error| error.of_sql(&sql))?;
        CopyIn::new(self, shape).rows(&columns).await
    }

    /// Begins a COPY to the client, `copy ... to stdout` in any format. The SQL may be a script with one such COPY in it.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let mut copy = connection.copy_out("copy orders to stdout (format csv, header)").await?;
    /// while let Some(line) = copy.next().await? {
    ///     print!("{}", String::from_utf8_lossy(line));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_copy`] if the SQL is no COPY to the client; [`Error::is_connection_lost`];
    /// [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; what the SQL does besides may have been committed.
    pub async fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>, Error> {
        let begun = self.begin_copy(sql, CopyDirection::Out).await;
        let shape = begun.map_err(|error| error.of_sql(sql))?;
        Ok(CopyOut::new(self, shape))
    }

    /// Runs a query as a binary COPY and returns its rows as values of a type, as they come: the cheapest way for a server
    /// to send many rows.
    ///
    /// The query is one that only reads, without parameters. Its types are asked for in front of the COPY, in the same
    /// transaction and round trip.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let mut orders = connection.copy_out_rows::<(i64, String)>("select id, customer from orders").await?;
    /// while let Some((id, customer)) = orders.next().await? {
    ///     println!("{id}: {customer}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Connection::copy_out`]; [`Error::is_conversion`] if a column is not what `T` takes.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled.
    pub async fn copy_out_rows<T>(&mut self, query: &str) -> Result<CopyOutRows<'_, T>, Error>
    where
        T: for<'r> FromRow<'r>,
    {
        let begun = self.begin_described(&sql::copy_out_of(query), query, CopyDirection::Out).await;
        let Described { shape, columns } = begun.map_err(|error| error.of_sql(query))?;
        let rows = CopyOut::new(self, shape).rows_as(&columns).await;
        rows.map_err(|error| error.of_sql(query))
    }

    /// Runs a query as a binary COPY and returns its rows as Arrow record batches of at most 65,536 rows and 16 MiB. What
    /// was said of [`Connection::copy_out_rows`] holds for the query.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::copy_out`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled.
    pub async fn copy_out_arrow(&mut self, query: &str) -> Result<Batches<'_>, Error> {
        self.copy_out_arrow_with(query, &ArrowOptions::default(), BatchLimits::default()).await
    }

    /// As [`Connection::copy_out_arrow`], with batches that are mapped and bounded as told.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::copy_out`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled.
    pub async fn copy_out_arrow_with(
        &mut self,
        query: &str,
        options: &ArrowOptions,
        limits: BatchLimits,
    ) -> Result<Batches<'_>, Error> {
        let begun = self.begin_described(&sql::copy_out_of(query), query, CopyDirection::Out).await;
        let Described { shape, columns } = begun.map_err(|error| error.of_sql(query))?;
        CopyOut::new(self, shape).arrow_with(&columns, options, limits).await
    }

    async fn begin_copy(&mut self, sql: &str, direction: CopyDirection) -> Result<Shape, Error> {
        self.ready_for_script(sql).await?;
        let (_, output) = self.transport.buffers();
        self.client.copy(sql, direction, output)?;
        self.command_begins(sql);
        loop {
            match self.step().await? {
                Step::Copy(shape) => return Ok(self.copy_begun(shape)),
                Step::Finished(result) => return Err(none_of(result)),
                _ => {}
            }
        }
    }

    /// Begins a copy behind a query that returns no rows but has its columns.
    ///
    /// `columns_of` is a query with the same columns, whose types are known before the copy begins.
    async fn begin_described(
        &mut self,
        sql: &str,
        columns_of: &str,
        direction: CopyDirection,
    ) -> Result<Described, Error> {
        self.ready_for_script(sql).await?;
        self.check_encoding()?;
        self.params.clear();
        self.foresee_types(columns_of, None).await?;
        let (_, output) = self.transport.buffers();
        self.client.copy_results(sql, direction, output)?;
        self.command_begins(sql);
        let mut columns = None;
        loop {
            match self.step().await? {
                Step::Columns => drop(columns.get_or_insert_with(|| self.columns())),
                Step::Copy(shape) => {
                    let shape = self.copy_begun(shape);
                    return Ok(Described { shape, columns: columns.unwrap_or_default() });
                }
                Step::Finished(result) => return Err(none_of(result)),
                _ => {}
            }
        }
    }

    /// Puts the limit for streams in force: the caller may take its time, the server may not.
    fn copy_begun(&mut self, shape: Shape) -> Shape {
        self.timer.set(self.query_timeout.map(Limit::Silence));
        shape
    }

    /// Sends what can be sent of a copy, and hears what the server has to say. Is ready when no more than so many bytes wait
    /// to be sent; an error of the server ends the wait, and the copy.
    fn poll_copy_room(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Result<(), Error>> {
        loop {
            let needed = match self.receive() {
                Ok(Progress::Made(Step::Finished(result))) => return Poll::Ready(Err(none_of(result))),
                Ok(Progress::Made(_)) => continue,
                Ok(Progress::Waits { needed }) => needed,
                Err(error) => return Poll::Ready(Err(Error::session(error, self.end()))),
            };
            let accepted = self.transport.accepted();
            match self.transport.poll_exchange(cx, needed) {
                Poll::Ready(Ok(())) => {
                    self.timer.progress();
                    continue;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                Poll::Pending => {}
            }
            let has_room = self.client.takes_copy() && self.transport.unsent() <= most;
            if has_room || self.transport.accepted() > accepted {
                self.timer.progress();
            }
            return if has_room { Poll::Ready(self.check_scope()) } else { self.poll_limits(cx) };
        }
    }

    /// Walks the pieces of a copy that have arrived, as [`Connection::take_rows`] does rows.
    pub(super) fn take_copied(
        &mut self,
        take: impl FnMut(&[u8]) -> Result<Wanted, Error>,
    ) -> Result<Wanted, Error> {
        self.take_run(Client::copied, take)
    }
}

/// A copy that has begun, and what its columns are.
struct Described {
    shape: Shape,
    columns: Columns,
}

impl Shape {
    pub(super) fn new(response: CopyResponse<'_>) -> Self {
        let format = match response.format {
            WireFormat::Text => Format::Text,
            WireFormat::Binary => Format::Binary,
        };
        Self { format, columns: response.columns.len() }
    }

    /// Checks that the data are binary, and of these columns.
    fn check_binary(self, columns: &Columns) -> Result<(), Error> {
        let problem = match self.format {
            Format::Text => CopyRefused::NotBinary,
            Format::Binary if self.columns != columns.len() => {
                CopyRefused::Columns { copied: self.columns, given: columns.len() }
            }
            Format::Binary => return Ok(()),
        };
        Err(Kind::Copy(problem).into())
    }
}

/// All of them with values in binary, whatever else they come as.
fn in_binary(columns: &Columns) -> Columns {
    columns.iter().map(|column| column.clone().in_binary()).collect()
}

/// Why a command ended in front of its copy, or inside.
fn none_of<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => Kind::Copy(CopyRefused::None).into(),
        Err(error) => error,
    }
}

fn not_copying() -> Error {
    CommandError::NotCopying.into()
}
