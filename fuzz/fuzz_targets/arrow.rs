//! Any bytes as rows for Arrow: no panic, valid arrays, and a row that is refused leaves nothing behind.
//!
//! The first byte chooses the options, then come the columns as for the target `row`, and records: bodies of rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_decode::arrow::array::{Array, RecordBatch};
use molt_db_decode::arrow::{
    Arrays, ArrowOptions, ArrowPlan, BatchBuilder, BatchError, BatchLimits, BrokenText, ByteLimit,
    Dimensions, ExtensionTypes, Filled, Policies, Profile, RowLimit, TextLayout, Unfit,
};
use molt_db_decode::{Format, Oid};
use molt_db_fuzz::{Meter, columns, records};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let Some((columns, rows)) = columns(rest) else { return };
    let plan = ArrowPlan::compile(&columns, &options(*choice));
    let rows: Vec<&[u8]> = records(rows).map(|record| record.body).collect();
    let (batches, accepted) = build(&plan, *choice, &rows);
    assert_eq!(together(&plan, *choice, &rows), batches, "pushed together");
    if let Some(accepted) = accepted {
        // Without the rows that were refused the same comes out.
        assert_eq!(build(&plan, *choice, &accepted).0, batches);
    }
});

/// Returns the batches, and the rows that are in them unless a whole batch was lost.
fn build<'r>(plan: &ArrowPlan, choice: u8, rows: &[&'r [u8]]) -> (Vec<RecordBatch>, Option<Vec<&'r [u8]>>) {
    let mut builder = BatchBuilder::new(plan, limits(choice));
    let (mut batches, mut accepted, mut lost) = (Vec::new(), Vec::new(), false);
    let mut meter = Meter::default();
    for row in rows {
        let before = (builder.rows(), builder.bytes());
        match meter.run(row.len() * weight(choice) + digits(plan), || builder.push(row)) {
            Ok(filled) => {
                accepted.push(*row);
                if filled == Filled::Full {
                    lost |= !finish(&mut builder, &mut batches, &mut meter);
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert_eq!((builder.rows(), builder.bytes()), before, "a refused row leaves nothing behind");
            }
        }
    }
    lost |= !finish(&mut builder, &mut batches, &mut meter);
    (batches, (!lost).then_some(accepted))
}

/// Returns the batches of rows that lie in one buffer. Those that are refused are left out.
fn together(plan: &ArrowPlan, choice: u8, rows: &[&[u8]]) -> Vec<RecordBatch> {
    let mut builder = BatchBuilder::new(plan, limits(choice));
    let (mut batches, mut meter) = (Vec::new(), Meter::default());
    let input = rows.concat();
    let ends = rows.iter().scan(0, |end, row| {
        *end += row.len();
        Some(*end)
    });
    let places: Vec<_> = rows.iter().zip(ends).map(|(row, end)| end - row.len()..end).collect();
    let mut left = &places[..];
    while !left.is_empty() {
        let allowed = input.len() * weight(choice) + digits(plan) * left.len();
        let pushed = meter.run(allowed, || builder.push_rows(&input, left));
        left = &left[pushed.rows..];
        match pushed.filled {
            Ok(Filled::More) => assert!(left.is_empty()),
            Ok(Filled::Full) => drop(finish(&mut builder, &mut batches, &mut meter)),
            Err(_) => left = &left[1..],
        }
    }
    finish(&mut builder, &mut batches, &mut meter);
    batches
}

/// How many digits a row may have that its bytes do not: PostgreSQL sends `1e131071` in ten bytes, and as text it has
/// all its zeros.
fn digits(plan: &ArrowPlan) -> usize {
    // What is no text may be one in an error.
    let numerics = plan
        .columns()
        .iter()
        .filter(|column| column.oid() == Oid::NUMERIC && column.format() == Format::Binary);
    let wordy = plan.columns().iter().filter(|column| WORDY.contains(&column.oid()));
    let ranges = plan.columns().iter().filter(|column| column.oid() == Oid::NUMRANGE);
    (numerics.count() + 2 * ranges.count()) * LONGEST_NUMERIC + wordy.count() * LONGEST_TEXT
}

/// What is longer as text than it is on the wire, or takes memory until it is: bits, snapshots and words, and arrays of
/// them.
const WORDY: [Oid; 9] = [
    Oid::BIT,
    Oid::VARBIT,
    Oid::PG_SNAPSHOT,
    Oid::TXID_SNAPSHOT,
    Oid::TSVECTOR,
    Oid::TSQUERY,
    Oid(1561),
    Oid(3643),
    Oid(3645),
];
/// Enough for inputs of some thousand bytes.
const LONGEST_TEXT: usize = 131_072;

// PG docs: datatype-numeric, "Numeric Types": digits before and after the point; a sign and the point itself.
const LONGEST_NUMERIC: usize = 131_072 + 16_383 + 2;

/// Finishes a batch and returns whether that went well.
fn finish(builder: &mut BatchBuilder, batches: &mut Vec<RecordBatch>, meter: &mut Meter) -> bool {
    let rows = builder.rows();
    let finished = meter.run(0, || builder.finish());
    assert_eq!(builder.rows(), 0);
    match finished {
        Ok(Some(batch)) => {
            assert_eq!(batch.num_rows(), rows);
            assert_eq!(batch.schema(), builder.plan().schema());
            for array in batch.columns() {
                array.to_data().validate_full().expect("a valid array");
                assert_eq!(array.len(), rows);
            }
            batches.push(batch);
            true
        }
        Ok(None) => {
            assert_eq!(rows, 0);
            true
        }
        Err(BatchError::Value { .. }) => false,
        Err(error) => panic!("only a text that is not UTF-8 may fail here, and not: {error}"),
    }
}

/// The four bits that are left choose among the policies, the profiles, and what arrays are.
fn options(choice: u8) -> ArrowOptions {
    let all = if choice & 1 == 0 { Unfit::Error } else { Unfit::Null };
    let unfit = match choice >> 4 & 3 {
        0 => all.into(),
        1 => Unfit::Text.into(),
        2 => Policies { infinity: Unfit::Text, encoding: BrokenText::Null, ..all.into() },
        _ => Policies { shape: Unfit::Text, nan: Unfit::Null, encoding: BrokenText::Null, ..all.into() },
    };
    ArrowOptions {
        unfit,
        text: if choice & 2 == 0 { TextLayout::Utf8 } else { TextLayout::Utf8View },
        extension_types: if choice & 4 == 0 { ExtensionTypes::Attach } else { ExtensionTypes::Omit },
        profile: if choice & 64 == 0 { Profile::Arrow } else { Profile::Molt },
        arrays: match (choice & 128, choice & 4) {
            (0, _) => Arrays::Lists,
            (_, 0) => Arrays::Nested(Dimensions::new(2)),
            _ => Arrays::Structs,
        },
    }
}

/// How many times as long as on the wire a row may be: text is longer than what it stands for.
fn weight(choice: u8) -> usize {
    if choice >> 4 & 3 == 0 { 1 } else { 16 }
}

fn limits(choice: u8) -> BatchLimits {
    let small = BatchLimits { rows: RowLimit::new(2), bytes: ByteLimit::new(64) };
    if choice & 8 == 0 { small } else { BatchLimits::default() }
}
