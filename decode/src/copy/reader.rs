use std::fmt;

use super::{CopyError, HEADER_LENGTH, TRAILER};
use crate::RowError;

/// Cuts the data of a binary COPY into rows. They may come in pieces that end anywhere.
///
/// A row that is whole in a piece is lent from it; one that is not is put together, and no more is held than that. Once
/// there was an error there is nothing more to be read. Prints no data.
///
/// ```
/// use molt_db_decode::copy::CopyReader;
/// use molt_db_decode::{Column, Columns, Format, Oid, RowLayout};
///
/// let columns = Columns::new([Column::new("id", Oid::INT4, -1, Format::Binary)]);
/// let data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0\x07\xff\xff";
///
/// let mut reader = CopyReader::new(columns.len());
/// let mut layout = RowLayout::default();
/// for piece in data.chunks(5) {
///     let mut rows = reader.read(piece);
///     while let Some(row) = rows.next_row()? {
///         assert_eq!(layout.row(row, &columns)?.get::<i32>("id")?, 7);
///     }
/// }
/// reader.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CopyReader {
    columns: usize,
    state: State,
    /// The beginning of the header or of a row.
    held: Vec<u8>,
    /// Of the row that `held` begins.
    measure: Measure,
    /// What is held was lent, and is to be dropped.
    lent: bool,
}

/// ```text
///   Header --> Extension --> Rows --the trailer--> Over
///                             any --an error--> Failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Extension {
        left: usize,
    },
    Rows,
    /// Behind the trailer.
    Over,
    Failed(CopyError),
}

impl CopyReader {
    /// Begins in front of the header of data that have so many columns.
    pub fn new(columns: usize) -> Self {
        Self { columns, state: State::Header, held: Vec::new(), measure: Measure::default(), lent: false }
    }

    /// Reads the next piece. All of its rows have to be taken before the next one is read: those that are not are lost.
    pub fn read<'a>(&'a mut self, piece: &'a [u8]) -> CopyRows<'a> {
        CopyRows { reader: self, rest: piece }
    }

    /// Tells whether the next piece begins a row, or is the trailer.
    ///
    /// PostgreSQL sends each row as a message of its own, but for the first, which has the header in front. A piece that
    /// is found to be one whole row need not go through [`read`](Self::read).
    #[inline]
    pub fn is_between_rows(&self) -> bool {
        self.state == State::Rows && (self.held.is_empty() || self.lent)
    }

    /// Checks that the trailer has been read.
    ///
    /// # Errors
    ///
    /// It has not, or there was an error before.
    pub fn finish(&self) -> Result<(), CopyError> {
        match self.state {
            State::Over => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(CopyError::NoTrailer),
        }
    }

    /// Reads the header: the signature, the flags, and how long the extension is that follows.
    fn header(&self, header: &[u8]) -> Result<State, CopyError> {
        let rest = header.strip_prefix(SIGNATURE).ok_or(CopyError::Signature)?;
        let (flags, rest) = rest.split_first_chunk().ok_or(CopyError::Signature)?;
        let flags = u32::from_be_bytes(*flags);
        if flags & CRITICAL_FLAGS != 0 {
            return Err(CopyError::Flags(flags));
        }
        let length = rest.first_chunk().map_or(-1, |length| i32::from_be_bytes(*length));
        let left = usize::try_from(length).map_err(|_| CopyError::Extension)?;
        Ok(State::Extension { left })
    }
}

impl fmt::Debug for CopyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyReader")
            .field("columns", &self.columns)
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// The rows of a piece. Made by [`CopyReader::read`].
#[derive(Debug)]
pub struct CopyRows<'a> {
    reader: &'a mut CopyReader,
    rest: &'a [u8],
}

impl<'a> CopyRows<'a> {
    /// Returns the next row: its count of fields and the fields, as DataRow has them; `None` at the end of the piece.
    ///
    /// # Errors
    ///
    /// The data are no binary COPY of so many columns. The same again from then on.
    pub fn next_row(&mut self) -> Result<Option<&[u8]>, CopyError> {
        match self.advance() {
            Ok(Found::Nothing) => Ok(None),
            Ok(Found::Held) => Ok(Some(&self.reader.held)),
            Ok(Found::Lent(row)) => Ok(Some(row)),
            Err(error) => {
                self.reader.state = State::Failed(error);
                Err(error)
            }
        }
    }

    fn advance(&mut self) -> Result<Found<'a>, CopyError> {
        if std::mem::take(&mut self.reader.lent) {
            self.reader.held.clear();
        }
        loop {
            match self.reader.state {
                State::Failed(error) => return Err(error),
                State::Over if self.rest.is_empty() => return Ok(Found::Nothing),
                State::Over => return Err(CopyError::AfterTrailer),
                State::Header => {
                    if !self.hold(HEADER_LENGTH) {
                        return Ok(Found::Nothing);
                    }
                    self.reader.state = self.reader.header(&self.reader.held)?;
                    self.reader.held.clear();
                }
                State::Extension { left } => {
                    let skipped = left.min(self.rest.len());
                    self.rest = self.rest.get(skipped..).unwrap_or_default();
                    self.reader.state = match left.saturating_sub(skipped) {
                        0 => State::Rows,
                        left => State::Extension { left },
                    };
                    if skipped < left {
                        return Ok(Found::Nothing);
                    }
                }
                State::Rows if self.reader.held.is_empty() => return self.lend(),
                State::Rows => return self.complete(),
            }
        }
    }

    /// Lends the next row from the piece, or holds its beginning.
    fn lend(&mut self) -> Result<Found<'a>, CopyError> {
        let columns = self.reader.columns;
        let mut measure = Measure::default();
        match measure.advance(self.rest, columns)? {
            Measured::Trailer => {
                self.rest = self.rest.get(TRAILER_LENGTH..).unwrap_or_default();
                self.end()
            }
            Measured::Whole(size) => {
                let (row, rest) = self.rest.split_at_checked(size).unwrap_or_default();
                self.rest = rest;
                Ok(Found::Lent(row))
            }
            Measured::Partial(_) => {
                self.reader.held.extend_from_slice(std::mem::take(&mut self.rest));
                self.reader.measure = measure;
                Ok(Found::Nothing)
            }
        }
    }

    /// Completes the row whose beginning is held.
    fn complete(&mut self) -> Result<Found<'a>, CopyError> {
        loop {
            let CopyReader { held, measure, columns, lent, .. } = &mut *self.reader;
            match measure.advance(held, *columns)? {
                Measured::Trailer => {
                    held.clear();
                    return self.end();
                }
                Measured::Whole(_) => {
                    *lent = true;
                    return Ok(Found::Held);
                }
                Measured::Partial(size) => {
                    if !self.hold(size) {
                        return Ok(Found::Nothing);
                    }
                }
            }
        }
    }

    fn end(&mut self) -> Result<Found<'a>, CopyError> {
        self.reader.state = State::Over;
        self.reader.measure = Measure::default();
        if self.rest.is_empty() { Ok(Found::Nothing) } else { Err(CopyError::AfterTrailer) }
    }

    /// Holds bytes of the piece until there are so many. Tells whether that was possible.
    fn hold(&mut self, size: usize) -> bool {
        let held = &mut self.reader.held;
        let missing = size.saturating_sub(held.len()).min(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(missing).unwrap_or_default();
        held.extend_from_slice(taken);
        self.rest = rest;
        held.len() >= size
    }
}

/// Where the next row is.
enum Found<'a> {
    Nothing,
    Held,
    Lent(&'a [u8]),
}

/// How much of a row is understood. It goes on where it was when there is more of the row.
#[derive(Debug, Default, Clone, Copy)]
struct Measure {
    /// The bytes up to where the next length word is, or up to the end.
    known: usize,
    /// The fields behind that.
    left: usize,
}

enum Measured {
    Trailer,
    /// The row has so many bytes.
    Whole(usize),
    /// It has so many at least.
    Partial(usize),
}

impl Measure {
    fn advance(&mut self, row: &[u8], columns: usize) -> Result<Measured, RowError> {
        if self.known == 0 {
            let Some(count) = row.first_chunk() else { return Ok(Measured::Partial(TRAILER_LENGTH)) };
            match i16::from_be_bytes(*count) {
                TRAILER => return Ok(Measured::Trailer),
                fields if usize::try_from(fields) == Ok(columns) => {}
                fields => return Err(RowError::FieldCount { columns, fields }),
            }
            *self = Self { known: TRAILER_LENGTH, left: columns };
        }
        while self.left > 0 {
            let length = row.get(self.known..).and_then(|rest| rest.first_chunk());
            let Some(length) = length else {
                return Ok(Measured::Partial(self.known.saturating_add(LENGTH_WORD)));
            };
            let length = i32::from_be_bytes(*length);
            let size = if length == NULL { Ok(0) } else { usize::try_from(length) };
            let field = columns.saturating_sub(self.left);
            let size = size.map_err(|_| RowError::FieldLength { field })?;
            self.known = self.known.saturating_add(LENGTH_WORD).saturating_add(size);
            self.left = self.left.saturating_sub(1);
            if self.known > LONGEST_ROW {
                return Err(RowError::TooLong);
            }
        }
        Ok(if row.len() < self.known { Measured::Partial(self.known) } else { Measured::Whole(self.known) })
    }
}

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
// PG docs: sql-copy, "Binary Format": the reader should abort if it finds an unexpected bit set in 16 to 31.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
const TRAILER_LENGTH: usize = 2;
const LENGTH_WORD: usize = 4;
/// In the place of a length.
const NULL: i32 = -1;
/// What fits a message: 2 GiB.
const LONGEST_ROW: usize = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::HEADER;
    use super::*;

    fn rows_in_pieces(data: &[u8], columns: usize, size: usize) -> Result<Vec<Vec<u8>>, CopyError> {
        let (mut reader, mut found) = (CopyReader::new(columns), Vec::new());
        for piece in data.chunks(size) {
            if reader.is_between_rows() {
                assert!(reader.held.is_empty() || reader.lent);
            }
            let mut rows = reader.read(piece);
            while let Some(row) = rows.next_row()? {
                found.push(row.to_vec());
            }
        }
        reader.finish()?;
        Ok(found)
    }

    fn data(rows: &[&[u8]]) -> Vec<u8> {
        [&HEADER[..], &rows.concat(), b"\xff\xff"].concat()
    }

    const ONE: &[u8] = b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff";
    const TWO: &[u8] = b"\0\x02\0\0\0\0\0\0\0\x01c";

    #[test]
    fn rows_come_out_however_the_data_are_cut() {
        let data = data(&[ONE, TWO, ONE]);
        for size in 1..=data.len() {
            assert_eq!(rows_in_pieces(&data, 2, size).unwrap(), [ONE, TWO, ONE], "{size}");
        }
    }

    #[test]
    fn rows_without_columns_and_no_rows_are_read() {
        for size in 1..25 {
            assert_eq!(rows_in_pieces(&data(&[b"\0\0", b"\0\0"]), 0, size).unwrap().len(), 2);
            assert!(rows_in_pieces(&data(&[]), 3, size).unwrap().is_empty());
        }
    }

    #[test]
    fn an_extension_and_harmless_flags_are_passed_over() {
        let header = b"PGCOPY\n\xff\r\n\0\0\0\xff\xff\0\0\0\x03abc";
        let data = [header, ONE, b"\xff\xff"].concat();
        for size in 1..=data.len() {
            assert_eq!(rows_in_pieces(&data, 2, size).unwrap(), [ONE]);
        }
    }

    #[test]
    fn what_is_no_binary_copy_is_refused_for_its_reason() {
        let count = |fields| CopyError::Row(RowError::FieldCount { columns: 2, fields });
        let field = |field| CopyError::Row(RowError::FieldLength { field });
        let with = |rows: &[u8]| data(&[rows]);
        let cases = [
            (b"1\t2\nand more of the text".to_vec(), CopyError::Signature),
            (b"PGCOPY\n\xff\n\0\0\0\0\0\0\0\0\0\0".to_vec(), CopyError::Signature),
            (b"PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0".to_vec(), CopyError::Flags(0x1_0000)),
            (b"PGCOPY\n\xff\r\n\0\0\0\0\0\xff\xff\xff\xff".to_vec(), CopyError::Extension),
            (with(b"\0\x03"), count(3)),
            (with(b"\xff\xfe"), count(-2)),
            (with(b"\0\x02\xff\xff\xff\xfe"), field(0)),
            (with(b"\0\x02\0\0\0\0\x80\0\0\0"), field(1)),
            (with(b"\0\x02\x7f\xff\xff\xff"), CopyError::Row(RowError::TooLong)),
            (with(b"\xff\xff"), CopyError::AfterTrailer),
            (HEADER.to_vec(), CopyError::NoTrailer),
            (with(&ONE[..7]), CopyError::NoTrailer),
            (HEADER[..5].to_vec(), CopyError::NoTrailer),
        ];
        for (data, error) in cases {
            for size in [1, 3, data.len()] {
                assert_eq!(rows_in_pieces(&data, 2, size), Err(error), "{data:?} by {size}");
            }
        }
    }

    #[test]
    fn an_error_stays() {
        let mut reader = CopyReader::new(1);
        assert!(reader.read(&[b'x'; HEADER_LENGTH]).next_row().is_err());
        assert_eq!(reader.read(&data(&[])).next_row(), Err(CopyError::Signature));
        assert_eq!(reader.finish(), Err(CopyError::Signature));
    }

    #[test]
    fn data_are_not_printed() {
        let mut reader = CopyReader::new(2);
        assert!(reader.read(&data(&[b"\0\x02\0\0\0\x09secret"])).next_row().unwrap().is_none());
        assert!(format!("{reader:?}").contains("held"));
        assert!(!format!("{reader:?}").contains("115"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_in_pieces_and_in_whole(
            rows in prop::collection::vec(0_u8..4, 0..40), size in 1_usize..9, columns in 0_usize..3,
        ) {
            let data = [&HEADER[..], &rows].concat();
            prop_assert_eq!(rows_in_pieces(&data, columns, size), rows_in_pieces(&data, columns, data.len()));
        }
    }
}
