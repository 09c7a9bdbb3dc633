use std::ops::Range;

use molt_db_decode::{Columns, Row};
use molt_db_protocol::message::CommandTag;

use super::Connection;
use super::exchange::Step;
use crate::error::Error;
use crate::net::Limit;

/// The results of a script, as they come. Made by [`Connection::script_results`].
///
/// Take all of them to use the connection again; one that is dropped half-way leaves it unsettled.
#[derive(Debug)]
pub struct ScriptResults<'c> {
    connection: &'c mut Connection,
    columns: Columns,
    is_over: bool,
}

/// A piece of the results of a script.
#[derive(Debug)]
pub enum ScriptItem<'r> {
    /// A statement returns rows, with these columns.
    Columns(&'r Columns),
    /// A row, lent until the next call. All of its values are text: read them as `&str`, `String` or an `Option` of either.
    Row(Row<'r>),
    /// A statement has run. That is not final before all of them have.
    Done(CommandTag),
}

impl ScriptResults<'_> {
    /// Returns the next piece, or `None` at the end, which is then final.
    ///
    /// # Errors
    ///
    /// The server's, of the first statement that fails: those before it are undone, unless the script itself has
    /// committed them. [`Error::is_connection_lost`]; [`Error::is_timeout`] when the server sends nothing for
    /// `query_timeout`. [`Error::is_foreign_encoding`], also at the end: the server tells late that it has changed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn next(&mut self) -> Result<Option<ScriptItem<'_>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        match self.connection.step().await {
            Ok(Step::Columns) => {
                self.columns = self.connection.columns();
                Ok(Some(ScriptItem::Columns(&self.columns)))
            }
            Ok(Step::Row(place)) => Ok(Some(ScriptItem::Row(self.row(place)?))),
            Ok(Step::Completed(tag)) => Ok(Some(ScriptItem::Done(tag))),
            Ok(Step::Finished(result)) => {
                self.is_over = true;
                result?;
                self.connection.check_result_encoding(&self.columns)?;
                Ok(None)
            }
            // None of them comes of a script.
            Ok(Step::Suspended | Step::Restarted | Step::Copy(_) | Step::CopyData(_)) => Ok(None),
            Err(error) => {
                self.is_over = true;
                Err(error)
            }
        }
    }

    fn row(&mut self, place: Range<usize>) -> Result<Row<'_>, Error> {
        self.connection.check_encoding()?;
        let Connection { layout, transport, .. } = &mut *self.connection;
        if let Err(error) = layout.locate(transport.used(place.clone()), self.columns.len()) {
            self.is_over = true;
            self.connection.end();
            return Err(error.into());
        }
        let connection = &*self.connection;
        Ok(Row::new(connection.transport.used(place), &connection.layout, &self.columns))
    }
}

impl Connection {
    /// Runs any number of statements as text, without parameters, and returns all of their results as text.
    ///
    /// They are one transaction, as those of [`Connection::script`] are.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// use molt_db::ScriptItem;
    ///
    /// let mut results = connection.script_results("show server_version; select 1, 'two'").await?;
    /// while let Some(item) = results.next().await? {
    ///     match item {
    ///         ScriptItem::Columns(columns) => println!("{} columns", columns.len()),
    ///         ScriptItem::Row(row) => println!("{:?}", row.get::<Option<&str>>(0)?),
    ///         ScriptItem::Done(tag) => println!("{tag}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The connection cannot take a command. What the server says comes from [`ScriptResults::next`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the statements may have been committed.
    pub async fn script_results(&mut self, sql: &str) -> Result<ScriptResults<'_>, Error> {
        self.ready_for_script(sql).await?;
        let (_, output) = self.transport.buffers();
        self.client.script_results(sql, output)?;
        self.command_begins(sql);
        self.timer.set(self.query_timeout.map(Limit::Silence));
        Ok(ScriptResults { connection: self, columns: Columns::new([]), is_over: false })
    }

    /// Makes ready for a command of the simple protocol: what is to lead the next command goes out by itself.
    pub(super) async fn ready_for_script(&mut self, sql: &str) -> Result<(), Error> {
        self.ready()?;
        self.check_sendable(|| sql.is_ascii())?;
        if self.client.has_leads() {
            self.send_leads().await?;
        }
        Ok(())
    }
}
