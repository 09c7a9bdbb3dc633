use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_sink::Sink;
use molt_db_decode::{Columns, Format};
use molt_db_protocol::message::SqlState;

use super::{CopyInRows, Shape, in_binary, not_copying};
use crate::connection::Connection;
use crate::connection::exchange::Step;
use crate::error::Error;

/// A COPY into the server that is under way. Made by [`Connection::copy_in`]; also a [`Sink`] of [`Bytes`], whose end is
/// [`CopyIn::finish`].
///
/// Send the data in pieces of any size, which may end anywhere: small ones are gathered, up to 64 KiB. When more than
/// that waits to be sent, [`CopyIn::send`] waits for the server. What the server says meanwhile is heard: an error ends the
/// copy, and is what the next call that has something to send returns.
///
/// One that is dropped, or not finished, stores nothing and leaves the connection unsettled; in a transaction it costs the
/// transaction.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection, lines: Vec<String>) -> Result<(), molt_db::Error> {
/// let mut copy = connection.copy_in("copy words from stdin").await?;
/// for line in lines {
///     copy.send(line).await?;
/// }
/// println!("{} rows", copy.finish().await?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct CopyIn<'c> {
    connection: &'c mut Connection,
    shape: Shape,
    gathered: Gathered,
    state: State,
}

/// What was taken and is no message yet. Shows no data.
#[derive(Default)]
struct Gathered(Vec<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Taking,
    /// The end is said, and the server's word on it is due.
    Ending,
    Stored {
        rows: u64,
    },
    Failed,
}

impl<'c> CopyIn<'c> {
    pub(super) fn new(connection: &'c mut Connection, shape: Shape) -> Self {
        Self { connection, shape, gathered: Gathered::default(), state: State::Taking }
    }

    /// Returns whether the copy is binary, or text, of which CSV is a kind.
    pub fn format(&self) -> Format {
        self.shape.format
    }

    /// Returns the number of columns that are copied.
    pub fn columns(&self) -> usize {
        self.shape.columns
    }

    /// Sends a piece of the data, once there is room for it. All of it is held until it has gone out.
    ///
    /// # Errors
    ///
    /// The server's, with what it says about the row in [`ServerError::context`](crate::ServerError::context): the copy is
    /// over, nothing of it is stored, and the connection can be used again. [`Error::is_connection_lost`];
    /// [`Error::is_timeout`] when the server takes nothing for `query_timeout`.
    ///
    /// # Cancel safety
    ///
    /// Of a dropped future nothing was taken: call it again.
    pub async fn send(&mut self, data: impl AsRef<[u8]>) -> Result<(), Error> {
        poll_fn(|cx| self.poll_room(cx)).await?;
        self.take(data.as_ref())
    }

    /// Waits until all that was sent has left this process.
    ///
    /// # Errors
    ///
    /// As [`CopyIn::send`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_sent(cx)).await
    }

    /// Ends the data and returns how many rows were stored, which is then final.
    ///
    /// # Errors
    ///
    /// As [`CopyIn::send`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the rows may have been stored.
    pub async fn finish(mut self) -> Result<u64, Error> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// Ends the copy as a failure: nothing of it is stored. The reason goes into the server's log, without any NUL.
    ///
    /// In a transaction it costs the transaction.
    ///
    /// # Errors
    ///
    /// The server's, if the copy had failed by itself before; [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Nothing is stored.
    pub async fn abort(mut self, reason: &str) -> Result<(), Error> {
        if self.state != State::Taking {
            return Err(not_copying());
        }
        self.state = State::Failed;
        if self.connection.client.takes_copy() {
            let (_, output) = self.connection.transport.buffers();
            self.connection.client.copy_fail(&reason.replace('\0', ""), output)?;
        }
        // PG docs: protocol-flow, "COPY Operations": the server answers CopyFail with an error.
        match self.end().await {
            Err(error) if error.code() == Some(SqlState::QUERY_CANCELED) => Ok(()),
            ended => ended.map(|_| ()),
        }
    }

    /// Goes on with typed rows, of these columns: of them the types matter, and the names for errors. The copy has to be
    /// binary.
    ///
    /// The server reads the bytes as what its table has: columns that are declared as another type are misread, or an
    /// error. [`Connection::copy_in_rows`] asks the server instead.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// use molt_db::decode::Format;
    /// use molt_db::{Column, Columns, Oid};
    ///
    /// let columns = Columns::new([Column::new("id", Oid::INT8, -1, Format::Binary)]);
    /// let copy = connection.copy_in("copy orders (id) from stdin (format binary) where id > 7").await?;
    /// let mut rows = copy.rows(&columns).await?;
    /// rows.send((8_i64,)).await?;
    /// rows.finish().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_copy`] if the copy is not binary, or has another number of columns: it is ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Nothing is stored.
    pub async fn rows(self, columns: &Columns) -> Result<CopyInRows<'c>, Error> {
        match self.shape.check_binary(columns) {
            Ok(()) => Ok(CopyInRows::new(self, &in_binary(columns))),
            Err(error) => {
                self.abort("the rows of the client do not fit the copy").await?;
                Err(error)
            }
        }
    }

    /// Takes a piece. There is room for it.
    fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.gathered.0.len().saturating_add(data.len()) < PIECE {
            self.gathered.0.extend_from_slice(data);
            return Ok(());
        }
        self.put_gathered()?;
        self.put(data)
    }

    fn put_gathered(&mut self) -> Result<(), Error> {
        let mut gathered = std::mem::take(&mut self.gathered);
        let put = self.put(&gathered.0);
        gathered.0.clear();
        self.gathered = gathered;
        put
    }

    /// Puts data into the send buffer, as messages that a server need not make much room for.
    pub(super) fn put(&mut self, data: &[u8]) -> Result<(), Error> {
        let (_, output) = self.connection.transport.buffers();
        data.chunks(LARGEST_MESSAGE).try_for_each(|piece| self.connection.client.copy_data(piece, output))?;
        Ok(())
    }

    /// Is ready when more can be taken.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_unsent(cx, PIECE)
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.state == State::Taking && self.connection.client.takes_copy() {
            self.put_gathered()?;
        }
        self.poll_unsent(cx, 0)
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Result<(), Error>> {
        if self.state != State::Taking {
            return Poll::Ready(Err(not_copying()));
        }
        let room = ready!(self.connection.poll_copy_room(cx, most));
        if room.is_err() {
            // What a limit of time ends is left as a future that is dropped.
            self.state = State::Failed;
        }
        Poll::Ready(room)
    }

    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        if self.state == State::Taking {
            if self.connection.client.takes_copy() {
                self.put_gathered()?;
                let (_, output) = self.connection.transport.buffers();
                self.connection.client.copy_done(output)?;
            }
            self.state = State::Ending;
        }
        match self.state {
            State::Ending => self.poll_end(cx),
            State::Stored { rows } => Poll::Ready(Ok(rows)),
            State::Taking | State::Failed => Poll::Ready(Err(not_copying())),
        }
    }

    async fn end(&mut self) -> Result<u64, Error> {
        poll_fn(|cx| self.poll_end(cx)).await
    }

    /// Waits for what the server says at the end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        loop {
            let result = match ready!(self.connection.poll_step(cx)) {
                Ok(Step::Finished(result)) => result,
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            self.state = match &result {
                Ok(tag) => State::Stored { rows: tag.rows() },
                Err(_) => State::Failed,
            };
            return Poll::Ready(result.map(|tag| tag.rows()));
        }
    }
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A piece is taken as by [`CopyIn::send`]; to close it is to finish the copy, and [`CopyIn::finish`] then tells the
/// number of rows.
impl Sink<Bytes> for CopyIn<'_> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, piece: Bytes) -> Result<(), Error> {
        self.get_mut().take(&piece)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_sent(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_finish(cx).map(|rows| rows.map(|_| ()))
    }
}

/// So much is gathered before it is sent, and may wait for the network while more is taken: 64 KiB.
pub(super) const PIECE: usize = 64 * 1024;
const LARGEST_MESSAGE: usize = 1024 * 1024;
