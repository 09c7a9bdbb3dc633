use std::sync::Arc;

use molt_db_decode::{Columns, RowStore};
use molt_db_protocol::client::Description;
use molt_db_protocol::message::TransactionStatus;

use super::exchange::{Step, Wanted};
use super::{Connection, Query, RowSet};
use crate::error::{Error, Kind, TransactionProblem};

/// A result that waits with the server, to be fetched in pieces while other statements run beside it.
///
/// It lives as long as the transaction that it was made in. Made by [`Query::portal`].
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut tx = connection.begin().await?;
/// let mut portal = tx.query("select id from orders where not billed").portal(1000).await?;
/// while let Some(rows) = portal.fetch(&mut tx).await? {
///     for row in rows.iter() {
///         let id: i64 = row.get("id")?;
///         tx.execute("update orders set billed = true where id = $1", (id,)).await?;
///     }
/// }
/// tx.commit().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Portal {
    /// That of its connection.
    number: u64,
    name: Arc<str>,
    description: Arc<Description>,
    columns: Columns,
    size: u32,
    rows: RowStore,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first rows have come with its beginning.
    Begun(Left),
    Fetched(Left),
}

/// Whether the server has more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Some,
    None,
}

impl<'c> Query<'c, '_> {
    /// Runs the query and leaves its rows with the server, to be fetched so many at a time. 0 is taken for 1, and the
    /// protocol knows no more than 2,147,483,647.
    ///
    /// The first of them come with it: it costs the round trip of a query.
    ///
    /// # Errors
    ///
    /// No transaction is open, in which alone a portal outlives its query. Those of [`Query::rows`].
    ///
    /// # Cancel safety
    ///
    /// As [`Query::rows`].
    pub async fn portal(self, rows: u32) -> Result<Portal, Error> {
        let (connection, sql, declared) = self.checked()?;
        if connection.scope.is_none() && connection.client.status() != TransactionStatus::InTransaction {
            return Err(Kind::Transaction(TransactionProblem::None).into());
        }
        let size = rows.max(1);
        connection.name_types(sql).await?;
        let name = connection.send_with(sql, declared, |client, sql, arguments, output| {
            client.portal(sql, arguments, limit(size), output)
        })?;
        let mut portal = Portal {
            number: connection.number,
            name,
            description: Arc::default(),
            columns: Columns::new([]),
            size,
            rows: RowStore::default(),
            state: State::Begun(Left::None),
        };
        let left = portal.receive(connection).await?;
        portal.state = State::Begun(left);
        if connection.learn_types(&portal.columns).await? {
            portal.columns = connection.database_types.describe(&portal.columns);
        }
        Ok(portal)
    }
}

impl Portal {
    /// Returns the columns of the result.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Fetches the next rows, `None` if there are no more. The connection is free for other statements then.
    ///
    /// # Errors
    ///
    /// The server's: 34000 if the transaction is over. The portal is of another connection.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled, and rows may be lost.
    pub async fn fetch(&mut self, connection: &mut Connection) -> Result<Option<RowSet<'_>>, Error> {
        if self.number != connection.number {
            return Err(Kind::OtherConnection.into());
        }
        self.state = match self.state {
            State::Begun(left) => State::Fetched(left),
            State::Fetched(Left::None) => return Ok(None),
            State::Fetched(Left::Some) => State::Fetched(self.fetch_more(connection).await?),
        };
        let rows = RowSet::new(&self.rows, &self.columns, 0..self.rows.len());
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// Frees what the server holds for it, together with the next statement. The end of the transaction does it too.
    pub fn close(self, connection: &mut Connection) {
        if self.number == connection.number {
            connection.client.close_portal(&self.name);
        }
    }

    async fn fetch_more(&mut self, connection: &mut Connection) -> Result<Left, Error> {
        connection.ready_for_command()?;
        let (_, output) = connection.transport.buffers();
        connection.client.fetch_portal(&self.name, &self.description, limit(self.size), output)?;
        connection.command_begins("more rows of a portal");
        self.rows.truncate(0);
        self.receive(connection).await
    }

    async fn receive(&mut self, connection: &mut Connection) -> Result<Left, Error> {
        let mut left = Left::None;
        loop {
            connection.take_rows(|body| {
                self.rows.push(body, &self.columns)?;
                Ok(Wanted::More)
            })?;
            match connection.step().await? {
                Step::Columns => {
                    self.description = connection.client.description().map(Arc::clone).unwrap_or_default();
                    self.columns = connection.columns();
                }
                Step::Row(place) => {
                    if let Err(error) = self.rows.push(connection.transport.used(place), &self.columns) {
                        connection.end();
                        return Err(error.into());
                    }
                }
                Step::Suspended => left = Left::Some,
                Step::Finished(result) => {
                    result?;
                    connection.check_result_encoding(&self.columns)?;
                    return Ok(left);
                }
                Step::Completed(_) | Step::Restarted | Step::Copy(_) | Step::CopyData(_) => {}
            }
        }
    }
}

fn limit(rows: u32) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}
