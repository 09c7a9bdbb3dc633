//! What COPY carries: rows in PostgreSQL's binary format, read and written, and the fields of its text format.
//!
//! - [`CopyReader`] cuts binary data into rows, whose layout is that of a DataRow: whatever reads one reads the other.
//! - [`CopyWriter`] writes rows of [`Parameters`](crate::Parameters) as binary data.
//! - [`write_text_row`] and [`read_text_row`] know the escapes of the text format.
// PG docs: sql-copy, "File Formats"

mod error;
mod reader;
mod text;
mod writer;

pub use error::{CopyError, CopyRowError};
pub use reader::{CopyReader, CopyRows};
pub use text::{TextRowError, read_text_row, write_text_row};
pub use writer::CopyWriter;
pub(crate) use writer::Takes;

/// In front of all binary data: the signature, flags without any, and an extension of no bytes.
const HEADER: [u8; HEADER_LENGTH] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const HEADER_LENGTH: usize = 19;
/// In the place of the count of fields of a row: there are no more rows.
const TRAILER: i16 = -1;
