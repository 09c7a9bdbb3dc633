use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use molt_db_decode::{Columns, FromRow, OwnedRow, Row, RowStore};
use molt_db_protocol::message::CommandTag;

use super::exchange::{Step, Wanted};
use super::{Connection, TypedRows};
use crate::error::Error;
use crate::net::Limit;

/// The rows of a query, as they come from the server.
///
/// Nothing is read ahead of what is asked for beyond one buffer: a caller that stops asking stops the server.
/// Take all rows, or call [`Rows::finish`], to use the connection again; rows that are dropped half-way leave it
/// unsettled.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut rows = connection.query("select id, name from users").rows().await?;
/// while let Some(row) = rows.next().await? {
///     let (id, name): (i64, &str) = row.read()?;
///     println!("{id} {name}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Rows<'c> {
    connection: &'c mut Connection,
    columns: Columns,
    tag: Option<CommandTag>,
}

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c mut Connection, columns: Columns) -> Self {
        let tag = connection.client.is_settled().then(CommandTag::default);
        Self { connection, columns, tag }
    }

    /// Returns the columns of the result.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Returns what the server said at the end, once [`Rows::next`] has returned `None`.
    pub fn tag(&self) -> Option<&CommandTag> {
        self.tag.as_ref()
    }

    /// Returns the next row, lent until the next call, or `None` at the end, which is then final.
    ///
    /// # Errors
    ///
    /// The server's: rows that came before it are not the whole result. [`Error::is_connection_lost`];
    /// [`Error::is_timeout`] when the server sends nothing for `query_timeout`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses no row: call it again.
    pub async fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        let Some(place) = self.advance().await? else { return Ok(None) };
        self.locate(&place)?;
        let connection = &*self.connection;
        Ok(Some(Row::new(connection.transport.used(place), &connection.layout, &self.columns)))
    }

    /// Drops the rows that are left and returns what the server says at the end.
    ///
    /// All of them still travel: use a [`Canceller`](super::Canceller) where they are many.
    ///
    /// # Errors
    ///
    /// As [`Rows::next`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the rows, and leaves the connection unsettled.
    pub async fn finish(mut self) -> Result<CommandTag, Error> {
        self.skip_rest().await?;
        Ok(self.tag.unwrap_or_default())
    }

    /// Turns this into a stream of rows that own their values.
    ///
    /// A row costs an allocation or two then; [`Rows::next`] costs none.
    pub fn owned(self) -> OwnedRows<'c> {
        OwnedRows { rows: self }
    }

    /// Puts the limit for streams in force: the caller may take its time, the server may not.
    pub(super) fn streamed(self) -> Self {
        self.connection.timer.set(self.connection.query_timeout.map(Limit::Silence));
        self
    }

    /// Goes on with rows as a `T`. What cannot be one is drained: the connection is free then.
    pub(super) async fn typed<T: for<'r> FromRow<'r>>(mut self) -> Result<TypedRows<'c, T>, Error> {
        match self.columns.planned::<T>() {
            Ok(_) => Ok(TypedRows::new(self)),
            Err(error) => {
                self.skip_rest().await?;
                Err(error.into())
            }
        }
    }

    /// Reads the next row as a `T`.
    pub(super) async fn next_as<T: for<'r> FromRow<'r>>(&mut self) -> Result<Option<T>, Error> {
        let row = self.next().await?;
        Ok(row.map(Row::read).transpose()?)
    }

    /// Reads the row at this place of the used input as a `T`.
    pub(super) fn read_at<T: for<'r> FromRow<'r>>(&mut self, place: Range<usize>) -> Result<T, Error> {
        self.locate(&place)?;
        let connection = &*self.connection;
        Ok(Row::new(connection.transport.used(place), &connection.layout, &self.columns).read()?)
    }

    /// Says whether something has to be looked up to read the rows.
    pub(super) fn has_unknown_types(&self) -> bool {
        !self.connection.database_types.missing(&self.columns).is_empty()
    }

    /// Keeps all rows and looks up what is not known of their types. Returns them with their columns.
    pub(super) async fn keep(mut self) -> Result<(RowStore, Columns), Error> {
        let mut rows = RowStore::default();
        while let Some(place) = self.advance().await? {
            let kept = rows.push(self.connection.transport.used(place), &self.columns);
            if let Err(error) = kept {
                self.connection.end();
                return Err(error.into());
            }
        }
        self.connection.learn_types(&self.columns).await?;
        let columns = self.connection.database_types.describe(&self.columns);
        Ok((rows, columns))
    }

    pub(super) fn parts(&mut self) -> (&mut Connection, &Columns) {
        (self.connection, &self.columns)
    }

    /// Makes this the end: the connection has ended.
    pub(super) fn end(&mut self) {
        self.tag = Some(CommandTag::default());
    }

    /// Returns how many rows were left.
    pub(super) async fn skip_rest(&mut self) -> Result<u64, Error> {
        let mut skipped: u64 = 0;
        while self.advance().await?.is_some() {
            skipped = skipped.saturating_add(1);
            self.connection.take_rows(|_| {
                skipped = skipped.saturating_add(1);
                Ok(Wanted::More)
            })?;
        }
        Ok(skipped)
    }

    /// Finds the fields of a row. A malformed one is the end.
    fn locate(&mut self, place: &Range<usize>) -> Result<(), Error> {
        let Connection { layout, transport, .. } = &mut *self.connection;
        let located = layout.locate(transport.used(place.clone()), self.columns.len());
        if located.is_err() {
            self.connection.end();
            self.end();
        }
        Ok(located?)
    }

    async fn advance(&mut self) -> Result<Option<Range<usize>>, Error> {
        std::future::poll_fn(|cx| self.poll_advance(cx)).await
    }

    pub(super) fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Range<usize>>, Error>> {
        while self.tag.is_none() {
            if let Some(place) = self.connection.take_row()? {
                return Poll::Ready(Ok(Some(place)));
            }
            match ready!(self.connection.poll_step(cx)) {
                Ok(Step::Row(place)) => return Poll::Ready(Ok(Some(place))),
                Ok(Step::Finished(Ok(tag))) => {
                    self.tag = Some(tag);
                    self.connection.check_result_encoding(&self.columns)?;
                }
                Ok(Step::Finished(Err(error))) | Err(error) => {
                    self.tag = Some(CommandTag::default());
                    return Poll::Ready(Err(error));
                }
                Ok(_) => {}
            }
        }
        Poll::Ready(Ok(None))
    }
}

/// The rows of a query as a [`Stream`] of rows that own their values. Made by [`Rows::owned`].
///
/// After an error it ends.
#[derive(Debug)]
pub struct OwnedRows<'c> {
    rows: Rows<'c>,
}

impl Stream for OwnedRows<'_> {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let rows = &mut self.rows;
        let place = match ready!(rows.poll_advance(cx)) {
            Ok(Some(place)) => place,
            Ok(None) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        let row = rows.locate(&place).map(|()| {
            let connection = &*rows.connection;
            Row::new(connection.transport.used(place), &connection.layout, &rows.columns).to_owned()
        });
        Poll::Ready(Some(row))
    }
}
