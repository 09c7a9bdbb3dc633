use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_ipc::writer::StreamWriter;
use bytes::Bytes;
use futures_core::Stream;
use molt_db_decode::arrow::BatchError;
use molt_db_decode::arrow::array::cast::AsArray;
use molt_db_decode::arrow::array::{Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions};
use molt_db_decode::arrow::schema::{ArrowError, SchemaRef};

use super::Batches;
use crate::error::Error;

/// The rows of a query as an Arrow IPC stream (`application/vnd.apache.arrow.stream`), piece by piece. Made by
/// [`Batches::into_ipc`], with the feature `ipc`.
///
/// The pieces, one behind the other, are the stream, which every library of Arrow reads. The first one is the schema,
/// which is there without rows too; then comes one for each batch, and at last the marker of the end. Nothing is
/// compressed. A batch and its bytes are in memory at once, at most; while nobody asks for the next piece nothing is
/// read, and the server waits.
///
/// **A stream that fails has no end marker**, but readers do not insist on it: the end of a file or of a socket is the end
/// of a stream to them too. So whoever passes the pieces on has to break off in case of an error, in a way that the
/// other side notices: delete the file, reset the request.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::Write;
///
/// let mut file = std::fs::File::create("lineitem.arrows")?;
/// let mut stream = connection.query("select * from lineitem").arrow().await?.into_ipc();
/// while let Some(piece) = stream.next().await? {
///     file.write_all(&piece)?;
/// }
/// # Ok(()) }
/// ```
pub struct IpcStream<'c> {
    batches: Batches<'c>,
    state: State,
}

enum State {
    Begin,
    /// The schema is written. Between calls nothing else is in the writer.
    Batches(Box<StreamWriter<Vec<u8>>>),
    Over,
}

impl<'c> Batches<'c> {
    /// Makes an Arrow IPC stream of the batches that are still to come. With the feature `ipc`.
    ///
    /// The limits of the batches are those of the pieces.
    pub fn into_ipc(self) -> IpcStream<'c> {
        IpcStream { batches: self, state: State::Begin }
    }
}

impl IpcStream<'_> {
    /// Returns the schema of all batches.
    pub fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }

    /// Returns the next piece of the stream, or `None` behind the end marker. The marker comes when the server has said
    /// that the result is final.
    ///
    /// # Errors
    ///
    /// Those of [`Batches::next`]. No end marker comes then, only `None`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses no row and no piece: call it again.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        let piece = match &mut self.state {
            State::Begin => self.begin(),
            State::Batches(writer) => match ready!(self.batches.poll_batch(cx)) {
                Ok(Some(batch)) => encode(writer, batch).map_err(refused),
                Ok(None) => {
                    let end = finish(writer).map_err(refused);
                    self.state = State::Over;
                    end
                }
                Err(error) => Err(error),
            },
            State::Over => return Poll::Ready(Ok(None)),
        };
        if piece.is_err() {
            self.state = State::Over;
        }
        Poll::Ready(piece.map(Some))
    }

    fn begin(&mut self) -> Result<Bytes, Error> {
        let writer = StreamWriter::try_new(Vec::new(), &self.batches.schema());
        let mut writer = Box::new(writer.map_err(refused)?);
        let piece = take(&mut writer);
        self.state = State::Batches(writer);
        Ok(piece)
    }
}

fn encode(writer: &mut StreamWriter<Vec<u8>>, batch: RecordBatch) -> Result<Bytes, ArrowError> {
    let batch = compacted(batch)?;
    let expected: usize = batch.columns().iter().map(encoded_len).sum();
    writer.get_mut().reserve_exact(expected.saturating_add(HEADER));
    writer.write(&batch)?;
    Ok(take(writer))
}

fn finish(writer: &mut StreamWriter<Vec<u8>>) -> Result<Bytes, ArrowError> {
    writer.finish()?;
    Ok(take(writer))
}

/// Takes what was written, without a copy.
fn take(writer: &mut StreamWriter<Vec<u8>>) -> Bytes {
    std::mem::take(writer.get_mut()).into()
}

/// Drops what no view refers to: the writer writes buffers whole.
fn compacted(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (schema, columns, rows) = batch.into_parts();
    let columns: Result<_, _> = columns.into_iter().map(compacted_column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns?, &options)
}

fn compacted_column(column: ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let Some(list) = column.as_list_opt::<i32>() {
        let (field, offsets, elements, nulls) = list.clone().into_parts();
        return Ok(Arc::new(ListArray::try_new(field, offsets, compacted_column(elements)?, nulls)?));
    }
    let Some(views) = column.as_string_view_opt() else { return Ok(column) };
    let kept: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
    let is_compact = views.total_buffer_bytes_used() == kept;
    Ok(if is_compact { column } else { Arc::new(views.gc()) })
}

/// Returns about how many bytes a column takes in a message. The vector is made for them: growing would copy it.
fn encoded_len(column: &ArrayRef) -> usize {
    let data = column.to_data();
    let own: usize = data.buffers().iter().map(|buffer| buffer.len()).sum();
    // That of Arrow 59 leaves out what views refer to; the other has no children.
    let values = data.get_slice_memory_size().unwrap_or(0).max(own);
    values.saturating_add(column.len().div_ceil(8)).saturating_add(COLUMN)
}

fn refused(error: ArrowError) -> Error {
    BatchError::Arrow(error).into()
}

impl fmt::Debug for IpcStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Begin => "Begin",
            State::Batches(_) => "Batches",
            State::Over => "Over",
        };
        f.debug_struct("IpcStream").field("batches", &self.batches).field("state", &state).finish()
    }
}

impl Stream for IpcStream<'_> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(cx).map(Result::transpose)
    }
}

/// About what the header of a message takes without columns.
const HEADER: usize = 256;
/// What a column takes beside its values: the padding of three buffers to 64 bytes, and of the header 72.
const COLUMN: usize = 3 * 64 + 72;
