use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use molt_db_decode::{Columns, FromRow, ReadError};
use molt_db_protocol::message::CommandTag;

use super::Rows;
use super::exchange::Wanted;
use crate::error::Error;

/// The rows of a query as a type, as they come from the server. Made by [`Query::rows_as`](super::Query::rows_as); also a
/// [`Stream`].
///
/// It is the fastest way to many rows: what has arrived is read in one go, up to 64 rows at a time. What was said of
/// [`Rows`] holds for the connection.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut orders = connection.query("select id, total from orders").rows_as::<(i64, i64)>().await?;
/// while let Some((id, total)) = orders.next().await? {
///     println!("{id}: {total}");
/// }
/// # Ok(()) }
/// ```
pub struct TypedRows<'c, T> {
    rows: Rows<'c>,
    read: VecDeque<T>,
    /// What comes behind the rows that were read.
    failed: Option<Error>,
}

impl<'c, T: for<'r> FromRow<'r>> TypedRows<'c, T> {
    /// The plan for `T` has to be possible.
    pub(super) fn new(rows: Rows<'c>) -> Self {
        Self { rows, read: VecDeque::new(), failed: None }
    }

    /// Reads all rows that are left, or fails at the first that is not a `T`.
    pub(super) async fn collect(&mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(row) = self.next().await? {
            all.push(row);
            all.extend(self.read.drain(..));
        }
        Ok(all)
    }

    /// Returns the columns of the result.
    pub fn columns(&self) -> &Columns {
        self.rows.columns()
    }

    /// Returns what the server said at the end, once [`TypedRows::next`] has returned `None`.
    pub fn tag(&self) -> Option<&CommandTag> {
        self.rows.tag()
    }

    /// Returns the next row, or `None` at the end, which is then final.
    ///
    /// # Errors
    ///
    /// Those of [`Rows::next`]; [`Error::is_conversion`] if a value is not what `T` takes: the row is skipped, and the
    /// next call goes on behind it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses no row: call it again.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        match self.read.pop_front() {
            Some(row) => Ok(Some(row)),
            None => std::future::poll_fn(|cx| self.poll_row(cx)).await,
        }
    }

    /// Drops the rows that are left and returns what the server says at the end.
    ///
    /// # Errors
    ///
    /// As [`Rows::finish`].
    ///
    /// # Cancel safety
    ///
    /// As [`Rows::finish`].
    pub async fn finish(self) -> Result<CommandTag, Error> {
        self.rows.finish().await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        loop {
            if let Some(row) = self.read.pop_front() {
                return Poll::Ready(Ok(Some(row)));
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Err(error));
            }
            self.read_arrived()?;
            if self.read.is_empty() && self.failed.is_none() {
                let Some(place) = ready!(self.rows.poll_advance(cx))? else { return Poll::Ready(Ok(None)) };
                return Poll::Ready(self.rows.read_at(place).map(Some));
            }
        }
    }

    /// Reads rows that have arrived.
    fn read_arrived(&mut self) -> Result<(), Error> {
        let Self { rows, read, failed } = self;
        if rows.tag().is_some() {
            return Ok(());
        }
        let (connection, columns) = rows.parts();
        let plan = columns.planned::<T>()?;
        let mut layout = std::mem::take(&mut connection.layout);
        let taken = connection.take_rows(|body| {
            match T::from_body(&plan, body, columns, &mut layout) {
                Ok(row) => read.push_back(row),
                Err(ReadError::Row(error)) => return Err(error.into()),
                Err(ReadError::Value(error)) => *failed = Some(error.into()),
            }
            let enough = read.len() >= AT_ONCE || failed.is_some();
            Ok(if enough { Wanted::Enough } else { Wanted::More })
        });
        connection.layout = layout;
        match taken {
            Ok(_) => Ok(()),
            // Rows that were whole come first.
            Err(error) => {
                rows.end();
                *failed = Some(error);
                Ok(())
            }
        }
    }
}

/// Shows no values.
impl<T> fmt::Debug for TypedRows<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRows")
            .field("rows", &self.rows)
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}

/// After an error of the connection it ends.
impl<T: for<'r> FromRow<'r> + Unpin> Stream for TypedRows<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(cx).map(Result::transpose)
    }
}

/// How many rows are read at once: enough to make the cost of a poll small, few enough to be of no weight in memory.
const AT_ONCE: usize = 64;
