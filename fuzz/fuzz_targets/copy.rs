//! Any bytes as the data of COPY: the same rows in pieces as in whole, each a row of its columns, and what is read can be
//! written and read again.
//!
//! The first byte is the seed of the pieces, then come the columns as for the target `row`, and the data: with the header
//! of binary COPY in front if the highest bit of the seed is set. They are read as a line of text too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_decode::copy::{CopyError, CopyReader, CopyWriter, read_text_row, write_text_row};
use molt_db_decode::{Column, Columns, Format, Oid, RowLayout};
use molt_db_fuzz::{Meter, Pieces, bounded, columns};

fuzz_target!(|input: &[u8]| {
    let Some((seed, rest)) = input.split_first() else { return };
    let Some((columns, body)) = columns(rest) else { return };
    let header: &[u8] = if seed & 0x80 == 0 { b"" } else { HEADER };
    let data = [header, body].concat();
    let (rows, end) = read(&data, columns.len(), Pieces::Whole);
    let in_pieces = read(&data, columns.len(), Pieces::Random(u32::from(*seed) + 1));
    assert_eq!(in_pieces, (rows.clone(), end), "pieces do not matter");
    let mut layout = RowLayout::default();
    for row in &rows {
        layout.row(row, &columns).expect("a row that was cut out is one of these columns");
    }
    write_again(&rows, columns.len());
    read_line(body);
});

/// Returns the rows, and how the data ended.
fn read(data: &[u8], columns: usize, pieces: Pieces) -> (Vec<Vec<u8>>, Result<(), CopyError>) {
    let (mut reader, mut found, mut meter) = (CopyReader::new(columns), Vec::new(), Meter::default());
    let mut rest = data;
    for size in pieces {
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        rest = tail;
        let mut rows = meter.run(piece.len(), || reader.read(piece));
        loop {
            match meter.run(0, || rows.next_row()) {
                Ok(Some(row)) => found.push(row.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(rows.next_row().map(|_| ()), Err(error), "an error stays");
                    return (found, Err(error));
                }
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    (found, reader.finish())
}

/// Rows of bytes are written as they were read.
fn write_again(rows: &[Vec<u8>], count: usize) {
    let bytes: Columns = (0..count).map(|_| Column::new("c", Oid::BYTEA, -1, Format::Binary)).collect();
    let (mut writer, mut layout) = (CopyWriter::new(&bytes), RowLayout::default());
    for row in rows {
        let row = layout.row(row, &bytes).expect("it was one before");
        let values: Vec<Option<&[u8]>> = (0..count).map(|at| row.raw(at).expect("a field")).collect();
        writer.push(values).expect("bytes fit a column of bytes");
    }
    writer.finish();
    assert_eq!(writer.data(), [HEADER, &rows.concat(), b"\xff\xff"].concat());
}

fn read_line(data: &[u8]) {
    // A field takes a vector, of 24 bytes, for a tab.
    let Ok(fields) = bounded(data.len() * 16, || read_text_row(data)) else { return };
    let mut line = Vec::new();
    write_text_row(fields.clone(), &mut line);
    assert_eq!(read_text_row(&line), Ok(fields), "a line is read as it was written");
}

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
