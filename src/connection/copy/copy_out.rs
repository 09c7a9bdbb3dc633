use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use molt_db_decode::arrow::{ArrowOptions, BatchLimits};
use molt_db_decode::{Columns, Format, FromRow};
use molt_db_protocol::message::CommandTag;

use super::{CopyOutRows, Shape, in_binary};
use crate::connection::exchange::{Step, Wanted};
use crate::connection::{Batches, Connection};
use crate::error::Error;

/// The data of a COPY from the server, as they come. Made by [`Connection::copy_out`].
///
/// Nothing is read ahead of what is asked for beyond one buffer: a caller that stops asking stops the server. Take all
/// pieces, or call [`CopyOut::finish`], to use the connection again; one that is dropped half-way leaves it unsettled.
#[derive(Debug)]
pub struct CopyOut<'c> {
    connection: &'c mut Connection,
    shape: Shape,
    tag: Option<CommandTag>,
}

impl<'c> CopyOut<'c> {
    pub(super) fn new(connection: &'c mut Connection, shape: Shape) -> Self {
        Self { connection, shape, tag: None }
    }

    /// Returns whether the copy is binary, or text, of which CSV is a kind.
    pub fn format(&self) -> Format {
        self.shape.format
    }

    /// Returns the number of columns that are copied.
    pub fn columns(&self) -> usize {
        self.shape.columns
    }

    /// Returns what the server said at the end, once [`CopyOut::next`] has returned `None`.
    pub fn tag(&self) -> Option<&CommandTag> {
        self.tag.as_ref()
    }

    /// Returns the next piece of the data, lent until the next call, or `None` at the end, which is then final.
    ///
    /// PostgreSQL sends each row as a piece of its own, of a binary copy with the header in front of the first.
    ///
    /// # Errors
    ///
    /// The server's: what came before it is not the whole. [`Error::is_connection_lost`]; [`Error::is_timeout`] when the
    /// server sends nothing for `query_timeout`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        let place = poll_fn(|cx| self.poll_piece(cx)).await?;
        Ok(place.map(|place| self.connection.transport.used(place)))
    }

    /// Drops what is left of the data and returns what the server says at the end.
    ///
    /// All of it still travels: use a [`Canceller`](crate::Canceller) where it is much.
    ///
    /// # Errors
    ///
    /// As [`CopyOut::next`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the data, and leaves the connection unsettled.
    pub async fn finish(mut self) -> Result<CommandTag, Error> {
        self.skip_rest().await?;
        Ok(self.tag.unwrap_or_default())
    }

    /// Turns this into a stream of chunks that own their data: each is all that has arrived, up to some 256 KiB.
    pub fn chunks(self) -> CopyChunks<'c> {
        CopyChunks { copy: self }
    }

    /// Goes on with typed rows, of these columns. The copy has to be binary.
    ///
    /// The bytes are read as what the columns say: where that is not what the server sends they are misread, or an error.
    /// [`Connection::copy_out_rows`] asks the server instead.
    ///
    /// # Errors
    ///
    /// [`Error::is_copy`] if the copy is not binary, or has another number of columns; [`Error::is_conversion`] if a
    /// column is not what `T` takes. The data are drained: the connection is free then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled.
    pub async fn rows_as<T>(mut self, columns: &Columns) -> Result<CopyOutRows<'c, T>, Error>
    where
        T: for<'r> FromRow<'r>,
    {
        let columns = in_binary(columns);
        let checked = self.check(&columns).and_then(|()| Ok(columns.planned::<T>().map(|_| ())?));
        match checked {
            Ok(()) => Ok(CopyOutRows::new(self, columns)),
            Err(error) => {
                self.skip_rest().await?;
                Err(error)
            }
        }
    }

    /// Goes on with Arrow record batches, of these columns. The copy has to be binary. What was said of
    /// [`CopyOut::rows_as`] holds for the columns.
    ///
    /// # Errors
    ///
    /// [`Error::is_copy`] if the copy is not binary, or has another number of columns: the data are drained.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled.
    pub async fn arrow_with(
        mut self,
        columns: &Columns,
        options: &ArrowOptions,
        limits: BatchLimits,
    ) -> Result<Batches<'c>, Error> {
        let columns = in_binary(columns);
        match self.check(&columns) {
            Ok(()) => Ok(Batches::of_copy(self.connection, &columns, options, limits)),
            Err(error) => {
                self.skip_rest().await?;
                Err(error)
            }
        }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection
    }

    /// Makes this the end: the server broke the protocol.
    pub(super) fn end(&mut self) {
        self.connection.end();
        self.tag = Some(CommandTag::default());
    }

    /// Waits for the next piece. Returns where it is in the used input, until the next step.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Range<usize>>, Error>> {
        while self.tag.is_none() {
            match ready!(self.connection.poll_step(cx)) {
                Ok(Step::CopyData(place)) => return Poll::Ready(Ok(Some(place))),
                Ok(Step::Finished(Ok(tag))) => self.tag = Some(tag),
                Ok(Step::Finished(Err(error))) | Err(error) => {
                    self.tag = Some(CommandTag::default());
                    return Poll::Ready(Err(error));
                }
                Ok(_) => {}
            }
        }
        Poll::Ready(Ok(None))
    }

    fn check(&self, columns: &Columns) -> Result<(), Error> {
        self.connection.check_encoding().and_then(|()| self.shape.check_binary(columns))
    }

    async fn skip_rest(&mut self) -> Result<(), Error> {
        while poll_fn(|cx| self.poll_piece(cx)).await?.is_some() {
            self.connection.take_copied(|_| Ok(Wanted::More))?;
        }
        Ok(())
    }
}

/// The data of a COPY from the server as a [`Stream`] of [`Bytes`]. Made by [`CopyOut::chunks`].
///
/// After an error it ends.
#[derive(Debug)]
pub struct CopyChunks<'c> {
    copy: CopyOut<'c>,
}

impl Stream for CopyChunks<'_> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let CopyOut { connection, tag, .. } = &mut self.copy;
        let mut chunk = Vec::new();
        if tag.is_none() {
            let taken = connection.take_copied(|piece| {
                chunk.extend_from_slice(piece);
                Ok(Wanted::More)
            });
            if let Err(error) = taken {
                *tag = Some(CommandTag::default());
                return Poll::Ready(Some(Err(error)));
            }
        }
        if !chunk.is_empty() {
            return Poll::Ready(Some(Ok(chunk.into())));
        }
        let place = match ready!(self.copy.poll_piece(cx)) {
            Ok(Some(place)) => place,
            Ok(None) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        Poll::Ready(Some(Ok(Bytes::copy_from_slice(self.copy.connection.transport.used(place)))))
    }
}
