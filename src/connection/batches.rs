use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use molt_db_decode::Columns;
use molt_db_decode::arrow::array::RecordBatch;
use molt_db_decode::arrow::schema::SchemaRef;
use molt_db_decode::arrow::{ArrowOptions, ArrowPlan, BatchBuilder, BatchLimits, Filled};
use molt_db_decode::copy::CopyReader;
use molt_db_protocol::client::Client;

use super::Connection;
use super::exchange::{Step, Wanted};
use crate::error::Error;
use crate::net::Limit;

/// The rows of a query as Arrow record batches, bounded in rows and bytes.
///
/// Batches are built straight from the read buffer. While nobody asks for the next one nothing is read, and the
/// server waits. The schema is there before the first batch, and for a result without rows.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut batches = connection.query("select * from lineitem").arrow().await?;
/// println!("{}", batches.schema());
/// while let Some(batch) = batches.next().await? {
///     println!("{} rows", batch.num_rows());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Batches<'c> {
    connection: &'c mut Connection,
    source: Source,
    schema: SchemaRef,
    builder: BatchBuilder,
    /// Where the rows of a read lie.
    places: Vec<Range<usize>>,
    state: State,
}

/// What the rows come in.
#[derive(Debug)]
enum Source {
    /// Messages of their own.
    Rows,
    /// The data of a binary COPY.
    Copy(CopyReader),
}

#[derive(Debug)]
enum State {
    Reading,
    /// A value could not be converted. The rest of the result is read and dropped, then this is reported.
    Failing(Error),
    Over,
}

impl<'c> Batches<'c> {
    pub(super) fn new(
        connection: &'c mut Connection,
        columns: &Columns,
        options: &ArrowOptions,
        limits: BatchLimits,
    ) -> Self {
        Self::of(Source::Rows, connection, columns, options, limits)
    }

    /// The rows of a copy that has begun, which is binary.
    pub(super) fn of_copy(
        connection: &'c mut Connection,
        columns: &Columns,
        options: &ArrowOptions,
        limits: BatchLimits,
    ) -> Self {
        Self::of(Source::Copy(CopyReader::new(columns.len())), connection, columns, options, limits)
    }

    fn of(
        source: Source,
        connection: &'c mut Connection,
        columns: &Columns,
        options: &ArrowOptions,
        limits: BatchLimits,
    ) -> Self {
        let plan = ArrowPlan::compile(columns, options);
        let schema = plan.schema();
        connection.timer.set(connection.query_timeout.map(Limit::Silence));
        let state = if connection.client.is_settled() { State::Over } else { State::Reading };
        Self {
            connection,
            source,
            schema,
            builder: BatchBuilder::new(&plan, limits),
            places: Vec::new(),
            state,
        }
    }

    /// Returns the schema of all batches.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// Returns the next batch, or `None` at the end, which is then final.
    ///
    /// # Errors
    ///
    /// The server's: batches that came before it are not the whole result. [`Error::is_conversion`] for a value that
    /// Arrow cannot hold, under the policies of the options: the rest of the result is dropped then and the connection
    /// stays usable. Among its sources is a [`ValueError`](molt_db_decode::ValueError), which hands out the value. [`Error::is_connection_lost`]; [`Error::is_timeout`] when the server sends nothing for
    /// `query_timeout`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses no row: call it again.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        std::future::poll_fn(|cx| self.poll_batch(cx)).await
    }

    pub(super) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RecordBatch>, Error>> {
        loop {
            if let State::Over = self.state {
                return Poll::Ready(Ok(None));
            }
            if let Some(batch) = self.take_rows()? {
                return Poll::Ready(Ok(Some(batch)));
            }
            let step = match ready!(self.connection.poll_step(cx)) {
                Ok(step) => step,
                Err(error) => {
                    self.state = State::Over;
                    return Poll::Ready(Err(error));
                }
            };
            match step {
                Step::Columns | Step::Completed(_) | Step::Suspended | Step::Restarted | Step::Copy(_) => {}
                Step::Row(place) | Step::CopyData(place) => {
                    if let Some(batch) = self.take_row(place)? {
                        return Poll::Ready(Ok(Some(batch)));
                    }
                }
                Step::Finished(result) => return Poll::Ready(self.end(result.map(|_| ()))),
            }
        }
    }

    /// Takes the rows that have arrived. Returns a batch if they fill one.
    fn take_rows(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Self { connection, source, builder, places, state, .. } = self;
        let reads = matches!(state, State::Reading);
        let taken = match source {
            Source::Rows if reads => {
                connection.take_blocks(Client::rows, places, |input, rows| push_rows(builder, input, rows))
            }
            Source::Rows => connection.take_rows(|_| Ok(Wanted::More)),
            Source::Copy(reader) if reads => {
                connection.take_blocks(Client::copied, places, |input, pieces| {
                    push_pieces(builder, reader, input, pieces)
                })
            }
            Source::Copy(_) => connection.take_copied(|_| Ok(Wanted::More)),
        };
        match taken {
            Ok(Wanted::More) => Ok(None),
            Ok(Wanted::Enough) => self.build(),
            Err(error) => self.fail(error),
        }
    }

    /// Takes the row that arrived alone. Returns a batch if it fills one.
    fn take_row(&mut self, place: Range<usize>) -> Result<Option<RecordBatch>, Error> {
        let State::Reading = self.state else { return Ok(None) };
        let row = self.connection.transport.used(place);
        let pushed = match &mut self.source {
            Source::Rows => push(&mut self.builder, row),
            Source::Copy(reader) => push_piece(&mut self.builder, reader, row),
        };
        match pushed {
            Ok(Wanted::More) => Ok(None),
            Ok(Wanted::Enough) => self.build(),
            Err(error) => self.fail(error),
        }
    }

    /// Reports a violation at once, and anything else when the rest of the result has been dropped.
    fn fail(&mut self, error: Error) -> Result<Option<RecordBatch>, Error> {
        if error.is_protocol_violation() {
            self.connection.end();
            self.state = State::Over;
            return Err(error);
        }
        self.state = State::Failing(error);
        Ok(None)
    }

    fn build(&mut self) -> Result<Option<RecordBatch>, Error> {
        match self.builder.finish() {
            Ok(batch) => Ok(batch),
            Err(error) => self.fail(error.into()),
        }
    }

    fn end(&mut self, result: Result<(), Error>) -> Result<Option<RecordBatch>, Error> {
        let state = std::mem::replace(&mut self.state, State::Over);
        result?;
        self.connection.check_result_encoding(self.builder.plan().columns())?;
        match state {
            State::Failing(error) => Err(error),
            State::Reading | State::Over => {
                if let Source::Copy(reader) = &self.source
                    && let Err(error) = reader.finish()
                {
                    self.connection.end();
                    return Err(error.into());
                }
                Ok(self.builder.finish()?)
            }
        }
    }
}

fn push(builder: &mut BatchBuilder, row: &[u8]) -> Result<Wanted, Error> {
    Ok(wanted(builder.push(row)?))
}

fn push_rows(
    builder: &mut BatchBuilder,
    input: &[u8],
    rows: &[Range<usize>],
) -> (usize, Result<Wanted, Error>) {
    let pushed = builder.push_rows(input, rows);
    (pushed.rows, pushed.filled.map(wanted).map_err(Error::from))
}

/// Pushes the rows of pieces of a copy: nearly all of them are one row, and those that are not are read as what they are.
fn push_pieces(
    builder: &mut BatchBuilder,
    reader: &mut CopyReader,
    input: &[u8],
    pieces: &[Range<usize>],
) -> (usize, Result<Wanted, Error>) {
    let (mut done, mut last) = (0, Wanted::More);
    while let (Wanted::More, Some(rest)) = (last, pieces.get(done..).filter(|rest| !rest.is_empty())) {
        if reader.is_between_rows() {
            let pushed = builder.push_rows(input, rest);
            done = done.saturating_add(pushed.rows);
            if let Ok(filled) = pushed.filled {
                last = wanted(filled);
                continue;
            }
        }
        let piece = pieces.get(done).and_then(|piece| input.get(piece.clone())).unwrap_or_default();
        match push_piece(builder, reader, piece) {
            Ok(wanted) => last = wanted,
            Err(error) => return (done, Err(error)),
        }
        done = done.saturating_add(1);
    }
    (done, Ok(last))
}

/// Pushes the rows of a piece of a copy, all of them: a full batch takes a few more.
fn push_piece(builder: &mut BatchBuilder, reader: &mut CopyReader, piece: &[u8]) -> Result<Wanted, Error> {
    let (mut rows, mut last) = (reader.read(piece), Wanted::More);
    while let Some(row) = rows.next_row()? {
        last = push(builder, row)?;
    }
    Ok(last)
}

fn wanted(filled: Filled) -> Wanted {
    match filled {
        Filled::More => Wanted::More,
        Filled::Full => Wanted::Enough,
    }
}

impl Stream for Batches<'_> {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_batch(cx).map(Result::transpose)
    }
}
