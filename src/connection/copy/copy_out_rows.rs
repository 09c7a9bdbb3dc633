use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use molt_db_decode::copy::CopyReader;
use molt_db_decode::{Columns, FromRow, ReadError, RowLayout, RowPlan};
use molt_db_protocol::message::CommandTag;

use super::CopyOut;
use crate::connection::exchange::Wanted;
use crate::error::Error;

/// The rows of a binary COPY as a type, as they come from the server. Made by
/// [`Connection::copy_out_rows`](crate::Connection::copy_out_rows) and [`CopyOut::rows_as`]; also a [`Stream`].
///
/// What has arrived is read in one go, up to 64 rows at a time. What was said of [`CopyOut`] holds for the connection.
pub struct CopyOutRows<'c, T> {
    copy: CopyOut<'c>,
    columns: Columns,
    reader: CopyReader,
    read: VecDeque<Result<T, Error>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Over,
}

impl<'c, T: for<'r> FromRow<'r>> CopyOutRows<'c, T> {
    /// The plan for `T` has to be possible.
    pub(super) fn new(copy: CopyOut<'c>, columns: Columns) -> Self {
        let reader = CopyReader::new(columns.len());
        Self { copy, columns, reader, read: VecDeque::new(), state: State::Reading }
    }

    /// Returns the columns of the rows.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Returns what the server said at the end, once [`CopyOutRows::next`] has returned `None`.
    pub fn tag(&self) -> Option<&CommandTag> {
        self.copy.tag()
    }

    /// Returns the next row, or `None` at the end, which is then final.
    ///
    /// # Errors
    ///
    /// Those of [`CopyOut::next`]; [`Error::is_conversion`] if a value is not what `T` takes: the row is skipped, and the
    /// next call goes on behind it. [`Error::is_protocol_violation`] if the data are no binary COPY of these columns, or
    /// end before their trailer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses no row: call it again.
    #[inline]
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        match self.read.pop_front() {
            Some(row) => row.map(Some),
            None => poll_fn(|cx| self.poll_row(cx)).await,
        }
    }

    /// Drops the rows that are left and returns what the server says at the end.
    ///
    /// # Errors
    ///
    /// As [`CopyOut::finish`].
    ///
    /// # Cancel safety
    ///
    /// As [`CopyOut::finish`].
    pub async fn finish(self) -> Result<CommandTag, Error> {
        self.copy.finish().await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        loop {
            if let Some(row) = self.read.pop_front() {
                return Poll::Ready(row.map(Some));
            }
            if self.state == State::Over {
                return Poll::Ready(Ok(None));
            }
            self.read_arrived()?;
            if !self.read.is_empty() {
                continue;
            }
            match ready!(self.copy.poll_piece(cx)) {
                Ok(Some(place)) => self.read_piece(place)?,
                Ok(None) => self.end()?,
                Err(error) => {
                    self.state = State::Over;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Reads rows that have arrived.
    fn read_arrived(&mut self) -> Result<(), Error> {
        if self.copy.tag().is_some() {
            return Ok(());
        }
        let Self { copy, columns, reader, read, .. } = self;
        let plan = columns.planned::<T>()?;
        let connection = copy.connection();
        let mut layout = std::mem::take(&mut connection.layout);
        let taken = connection.take_copied(|piece| {
            read_rows(piece, &plan, columns, reader, &mut layout, read)?;
            Ok(if read.len() >= AT_ONCE { Wanted::Enough } else { Wanted::More })
        });
        connection.layout = layout;
        self.note(taken.map(|_| ()))
    }

    fn read_piece(&mut self, place: std::ops::Range<usize>) -> Result<(), Error> {
        let Self { copy, columns, reader, read, .. } = self;
        let plan = columns.planned::<T>()?;
        let connection = copy.connection();
        let mut layout = std::mem::take(&mut connection.layout);
        let taken = read_rows(connection.transport.used(place), &plan, columns, reader, &mut layout, read);
        connection.layout = layout;
        self.note(taken)
    }

    /// Has rows that were whole come first, and then the error, which is the end.
    fn note(&mut self, taken: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = taken {
            self.copy.end();
            self.state = State::Over;
            self.read.push_back(Err(error));
        }
        Ok(())
    }

    /// Checks that nothing is missing at the end.
    fn end(&mut self) -> Result<(), Error> {
        self.state = State::Over;
        if let Err(error) = self.reader.finish() {
            self.copy.end();
            return Err(error.into());
        }
        self.copy.connection().check_result_encoding(&self.columns)
    }
}

/// Reads the rows of a piece.
#[inline]
fn read_rows<T: for<'r> FromRow<'r>>(
    piece: &[u8],
    plan: &RowPlan,
    columns: &Columns,
    reader: &mut CopyReader,
    layout: &mut RowLayout,
    read: &mut VecDeque<Result<T, Error>>,
) -> Result<(), Error> {
    if reader.is_between_rows()
        && let Ok(row) = T::from_body(plan, piece, columns, layout)
    {
        read.push_back(Ok(row));
        return Ok(());
    }
    let mut rows = reader.read(piece);
    while let Some(body) = rows.next_row()? {
        read.push_back(match T::from_body(plan, body, columns, layout) {
            Ok(row) => Ok(row),
            Err(ReadError::Row(error)) => return Err(error.into()),
            Err(ReadError::Value(error)) => Err(error.into()),
        });
    }
    Ok(())
}

/// Shows no values.
impl<T> fmt::Debug for CopyOutRows<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOutRows")
            .field("copy", &self.copy)
            .field("columns", &self.columns)
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}

/// After an error of the connection it ends.
impl<T: for<'r> FromRow<'r> + Unpin> Stream for CopyOutRows<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(cx).map(Result::transpose)
    }
}

/// How many rows are read at once: enough to make the cost of a poll small, few enough to be of no weight in memory.
const AT_ONCE: usize = 64;
