use std::future::poll_fn;

use molt_db_decode::copy::CopyWriter;
use molt_db_decode::{Columns, Parameters};

use super::CopyIn;
use super::copy_in::PIECE;
use crate::error::Error;

/// Typed rows on their way into a table. Made by [`Connection::copy_in_rows`](crate::Connection::copy_in_rows) and
/// [`CopyIn::rows`].
///
/// A row is a tuple, a slice, or whatever else is [`Parameters`]. Binary COPY converts nothing, so each value has to be of
/// the type of its column: an `i32` does not fit an `int8`. Strings fit the types that are text in binary, enums and `json`
/// too; NULL fits all. A row that does not fit is an error before any of it is sent, and the copy goes on without it.
///
/// What was said of [`CopyIn`] holds for the connection.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut rows = connection.copy_in_rows("orders", &["id", "customer"]).await?;
/// for id in 1..=1000_i64 {
///     rows.send((id, format!("customer {id}"))).await?;
/// }
/// rows.finish().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct CopyInRows<'c> {
    copy: CopyIn<'c>,
    writer: CopyWriter,
}

impl<'c> CopyInRows<'c> {
    pub(super) fn new(copy: CopyIn<'c>, columns: &Columns) -> Self {
        Self { copy, writer: CopyWriter::new(columns) }
    }

    /// Returns the columns that a row has.
    pub fn columns(&self) -> &Columns {
        self.writer.columns()
    }

    /// Sends a row: it is written into the send buffer at once, and when that is full this waits for the server.
    ///
    /// # Errors
    ///
    /// [`Error::is_conversion`] for a row with too few or too many values, or one that does not fit its column: it is left
    /// out, and the copy goes on. And those of [`CopyIn::send`], for this row or for those before it: they end the copy.
    ///
    /// # Cancel safety
    ///
    /// A dropped future that was polled has taken the row.
    #[inline]
    pub async fn send(&mut self, row: impl Parameters) -> Result<(), Error> {
        self.writer.push(row)?;
        if self.writer.data().len() >= PIECE { self.put_rows().await } else { Ok(()) }
    }

    /// Waits until all rows that were sent have left this process.
    ///
    /// # Errors
    ///
    /// Those of [`CopyIn::send`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.put_rows().await?;
        self.copy.flush().await
    }

    /// Ends the rows and returns how many were stored, which is then final.
    ///
    /// # Errors
    ///
    /// Those of [`CopyIn::send`].
    ///
    /// # Cancel safety
    ///
    /// As [`CopyIn::finish`].
    pub async fn finish(mut self) -> Result<u64, Error> {
        self.writer.finish();
        self.put_rows().await?;
        self.copy.finish().await
    }

    /// Ends the copy as a failure: as [`CopyIn::abort`].
    ///
    /// # Errors
    ///
    /// As [`CopyIn::abort`].
    ///
    /// # Cancel safety
    ///
    /// As [`CopyIn::abort`].
    pub async fn abort(self, reason: &str) -> Result<(), Error> {
        self.copy.abort(reason).await
    }

    /// Hands the rows over, once there is room.
    async fn put_rows(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.copy.poll_room(cx)).await?;
        let put = self.copy.put(self.writer.data());
        self.writer.clear();
        put
    }
}
