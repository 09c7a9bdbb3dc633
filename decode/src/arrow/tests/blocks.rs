//! Rows that are pushed together end as those do that are pushed one by one.

use std::ops::Range;

use super::*;

/// Rows in a buffer, with something between them as there is on the wire.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    rows: Vec<Range<usize>>,
}

impl Input {
    pub(super) fn of(rows: &[Vec<u8>], between: usize, behind: usize) -> Self {
        let mut input = Self::default();
        for row in rows {
            input.bytes.resize(input.bytes.len() + between, 0xd4);
            let start = input.bytes.len();
            input.bytes.extend(row);
            input.rows.push(start..input.bytes.len());
        }
        input.bytes.resize(input.bytes.len() + behind, 0xff);
        input
    }

    fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().map(|row| &self.bytes[row.clone()])
    }
}

/// What comes of rows: the batches, and what was said of those that were refused.
type Outcome = (Vec<RecordBatch>, Vec<String>);

fn one_by_one(plan: &ArrowPlan, limits: BatchLimits, input: &Input) -> Outcome {
    let mut builder = BatchBuilder::new(plan, limits);
    let (mut batches, mut refused) = (Vec::new(), Vec::new());
    for row in input.bodies() {
        match builder.push(row) {
            Ok(Filled::More) => {}
            Ok(Filled::Full) => end(&mut builder, &mut batches, &mut refused),
            Err(error) => refused.push(error.to_string()),
        }
    }
    end(&mut builder, &mut batches, &mut refused);
    (batches, refused)
}

/// Pushes so many rows at a time; of the input, only what has arrived by then is there.
fn together(plan: &ArrowPlan, limits: BatchLimits, input: &Input, at_a_time: usize) -> Outcome {
    let mut builder = BatchBuilder::new(plan, limits);
    let (mut batches, mut refused) = (Vec::new(), Vec::new());
    for mut rows in input.rows.chunks(at_a_time) {
        let arrived = &input.bytes[..(rows.last().unwrap().end + at_a_time).min(input.bytes.len())];
        while !rows.is_empty() {
            let before = builder.rows();
            let pushed = builder.push_rows(arrived, rows);
            assert_eq!(builder.rows(), before + pushed.rows);
            rows = &rows[pushed.rows..];
            match pushed.filled {
                Ok(Filled::More) => assert!(rows.is_empty()),
                Ok(Filled::Full) => end(&mut builder, &mut batches, &mut refused),
                Err(error) => {
                    refused.push(error.to_string());
                    rows = &rows[1..];
                }
            }
        }
    }
    end(&mut builder, &mut batches, &mut refused);
    (batches, refused)
}

fn end(builder: &mut BatchBuilder, batches: &mut Vec<RecordBatch>, refused: &mut Vec<String>) {
    match builder.finish() {
        Ok(Some(batch)) => {
            batch.columns().iter().for_each(|array| array.to_data().validate_full().unwrap());
            batches.push(batch);
        }
        Ok(None) => {}
        Err(error) => refused.push(error.to_string()),
    }
}

pub(super) fn assert_same(columns: &Columns, options: &ArrowOptions, limits: BatchLimits, input: &Input) {
    let plan = ArrowPlan::compile(columns, options);
    let expected = one_by_one(&plan, limits, input);
    for at_a_time in [1, 3, 7, 64, 100, 1000] {
        assert_eq!(together(&plan, limits, input, at_a_time), expected, "{at_a_time} at a time");
    }
}

fn columns_of(types: &[(Oid, i32)]) -> Columns {
    types.iter().map(|(oid, typmod)| Column::new("c", *oid, *typmod, Format::Binary)).collect()
}

const FIXED: [(Oid, i32); 6] = [
    (Oid::INT8, -1),
    (Oid::BOOL, -1),
    (Oid::INT2, -1),
    (Oid::DATE, -1),
    (Oid::UUID, -1),
    (Oid::TIMESTAMPTZ, -1),
];

fn fixed_row(number: u64) -> Vec<Option<Vec<u8>>> {
    let bytes = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let date = (number as i32).to_be_bytes();
    [&bytes[..], &[bytes[0] & 1], &bytes[..2], &date, &[bytes, bytes].concat(), &number.to_be_bytes()]
        .map(|value| Some(value.to_vec()))
        .to_vec()
}

fn bytes_of(row: &[Option<Vec<u8>>]) -> Vec<u8> {
    body(&row.iter().map(Option::as_deref).collect::<Vec<_>>())
}

#[test]
fn rows_of_one_form_are_what_they_are_one_by_one() {
    let rows: Vec<_> = (0..1500).map(|number| bytes_of(&fixed_row(number))).collect();
    for (between, behind) in [(5, 0), (5, 100), (0, 0)] {
        let input = Input::of(&rows, between, behind);
        assert_same(&columns_of(&FIXED), &ArrowOptions::default(), BatchLimits::default(), &input);
    }
}

#[test]
fn a_row_of_another_form_is_found_wherever_it_is() {
    let columns = columns_of(&FIXED);
    for at in [0, 1, 2, 63, 64, 65, 199] {
        for change in 0..6 {
            let mut rows: Vec<_> = (0..200).map(fixed_row).collect();
            let odd = &mut rows[at];
            match change {
                0 => odd[1] = None,
                1 => odd[1] = Some(vec![7]),
                2 => odd[3] = Some(i32::MAX.to_be_bytes().to_vec()),
                // As long as the others, and yet another form.
                3 => {
                    odd[0] = Some(vec![0; 4]);
                    odd[2] = Some(vec![0; 6]);
                }
                4 => odd[5] = Some(vec![0; 9]),
                _ => drop(odd.pop()),
            }
            let rows: Vec<_> = rows.iter().map(|row| bytes_of(row)).collect();
            for options in [ArrowOptions::default(), TO_NULL] {
                assert_same(&columns, &options, BatchLimits::default(), &Input::of(&rows, 5, 40));
            }
        }
    }
}

#[test]
fn places_that_are_none_are_rows_without_bytes() {
    let plan = ArrowPlan::compile(&columns_of(&FIXED), &ArrowOptions::default());
    let rows: Vec<_> = (0..10).map(|number| bytes_of(&fixed_row(number))).collect();
    let mut input = Input::of(&rows, 5, 0);
    let end = input.bytes.len();
    for broken in [end..end + 40, usize::MAX - 1..usize::MAX, Range { start: 90, end: 5 }] {
        input.rows[5] = broken;
        let mut builder = BatchBuilder::new(&plan, BatchLimits::default());
        let pushed = builder.push_rows(&input.bytes, &input.rows);
        assert_eq!(pushed.rows, 5);
        let error = pushed.filled.unwrap_err();
        assert!(matches!(error, BatchError::Row { row: 5, error: RowError::FieldCount { .. } }), "{error}");
    }
}

#[test]
fn a_full_batch_is_the_same_wherever_its_rows_come_from() {
    let columns = columns_of(&[(Oid::TEXT, -1), (Oid::NUMERIC, -1), (Oid(1009), -1)]);
    let rows: Vec<_> = (0..300_usize)
        .map(|number| {
            let amount = numeric(&format!("{number}e{}", if number % 41 == 0 { 300 } else { 3 }));
            let mut amounts = Params::default();
            amounts.push(&amount).unwrap();
            let texts = array(25, &[Some(b"abc"), None, Some(&b"x".repeat(number % 90))]);
            body(&[Some(&b"t".repeat(number % 50)), Some(&amounts.values()[4..]), Some(&texts)])
        })
        .collect();
    for (rows_limit, bytes) in
        [(1, 1 << 20), (7, 1 << 20), (100, 1 << 20), (1000, 1), (1000, 500), (1000, 10_000)]
    {
        let limits = BatchLimits { rows: RowLimit::new(rows_limit), bytes: ByteLimit::new(bytes) };
        assert_same(&columns, &ArrowOptions::default(), limits, &Input::of(&rows, 5, 0));
    }
}

/// An array of one dimension, as the server sends it.
pub(super) fn array(element: u32, elements: &[Option<&[u8]>]) -> Vec<u8> {
    array_of(element, &[(elements.len() as u32, 1)], elements)
}

/// An array with these lengths and lower bounds.
pub(super) fn array_of(element: u32, dimensions: &[(u32, i32)], elements: &[Option<&[u8]>]) -> Vec<u8> {
    let has_null = u32::from(elements.iter().any(Option::is_none));
    let mut value = [dimensions.len() as u32, has_null, element].map(u32::to_be_bytes).concat();
    for (len, lower) in dimensions {
        value.extend(len.to_be_bytes());
        value.extend(lower.to_be_bytes());
    }
    value.extend_from_slice(&body(elements)[2..]);
    value
}

/// A value of the type mostly, and something else now and then.
fn value_of(oid: Oid, noise: u64) -> Option<Vec<u8>> {
    let bytes = noise.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    if noise.is_multiple_of(37) {
        return Some(bytes[..(noise % 9) as usize].to_vec());
    }
    if noise.is_multiple_of(5) {
        return None;
    }
    Some(match oid {
        Oid::BOOL => vec![(noise % 2) as u8],
        Oid::INT2 => bytes[..2].to_vec(),
        Oid::INT4 | Oid::FLOAT4 | Oid::OID | Oid::DATE => bytes[..4].to_vec(),
        Oid::INT8 | Oid::FLOAT8 | Oid::TIMESTAMP => bytes.to_vec(),
        Oid::TIME => (noise % 86_400_000_000).to_be_bytes().to_vec(),
        Oid::UUID => bytes.repeat(2),
        Oid::JSONB => [&b"\x01"[..], &b"{}".repeat((noise % 30) as usize)].concat(),
        Oid::NUMERIC => {
            row_of(&Numeric::from_scaled((noise as i128) - 500, (noise % 4) as u16))[6..].to_vec()
        }
        Oid::TSRANGE => range_of(noise, &bytes),
        Oid::TSMULTIRANGE => {
            let range = range_of(noise, &bytes);
            let count = (noise % 3) as u32;
            let length = (range.len() as u32).to_be_bytes();
            [&count.to_be_bytes()[..], &[&length[..], &range].concat().repeat(count as usize)].concat()
        }
        Oid(3909) => array(3908, &[Some(&range_of(noise, &bytes)), None]),
        Oid(6152) => array(4533, &[None, noise.is_multiple_of(2).then_some(&[0; 4])]),
        Oid(1007) => match noise % 7 {
            0 => [0_u32, 0, 23].map(u32::to_be_bytes).concat(),
            1 => array_of(23, &[(2, 1), (1, 1)], &[Some(&bytes[..4]), None]),
            2 => array_of(23, &[(1, -3), (1, 1), (2, 1)], &[None, Some(&bytes[..4])]),
            3 => array_of(23, &[(2, 0)], &[None, Some(&bytes[..4])]),
            _ => array(23, &[Some(&bytes[..4]), noise.is_multiple_of(3).then_some(&bytes[4..])]),
        },
        Oid(1009) => array_of(
            25,
            &[(2, 1), (1, 1)],
            &[Some(if noise.is_multiple_of(9) { b"\xff" } else { b"a b" }), None],
        ),
        Oid(1182) => array(1082, &[Some(&bytes[..4]), Some(&i32::MAX.to_be_bytes())]),
        _ => b"t\xc3\xa4".repeat((noise % 20) as usize),
    })
}

/// Types of values that hold others.
const NESTED: [Oid; 7] =
    [Oid(1007), Oid(1009), Oid(1182), Oid::TSRANGE, Oid::TSMULTIRANGE, Oid(3909), Oid(6152)];

/// A range, with a bound that is missing now and then, or one that does not fit.
fn range_of(noise: u64, bound: &[u8; 8]) -> Vec<u8> {
    let bound = if noise.is_multiple_of(11) { &i64::MAX.to_be_bytes() } else { bound };
    let bound = [&[0, 0, 0, 8], &bound[..]].concat();
    match noise % 4 {
        0 => vec![1],
        1 => [&[8][..], &bound].concat(),
        2 => [&[0x12][..], &bound].concat(),
        _ => [&[6][..], &bound, &bound].concat(),
    }
}

pub(super) fn any_options() -> impl Strategy<Value = ArrowOptions> {
    let unfit = || prop::sample::select(vec![Unfit::Error, Unfit::Null, Unfit::Text]);
    let policies = (unfit(), unfit(), unfit(), unfit(), unfit(), any::<bool>());
    let policies = policies.prop_map(|(infinity, nan, range, digits, shape, keeps)| Policies {
        infinity,
        nan,
        range,
        digits,
        shape,
        encoding: if keeps { BrokenText::Error } else { BrokenText::Null },
    });
    let policies = prop_oneof![unfit().prop_map(Policies::from), policies];
    let text = prop::sample::select(vec![TextLayout::Utf8, TextLayout::Utf8View]);
    let profile = prop::sample::select(vec![Profile::Arrow, Profile::Molt]);
    let nested = |count| Arrays::Nested(Dimensions::new(count));
    let arrays = prop::sample::select(vec![Arrays::Lists, nested(1), nested(2), nested(3), Arrays::Structs]);
    (policies, text, profile, arrays).prop_map(|(unfit, text, profile, arrays)| ArrowOptions {
        unfit,
        text,
        profile,
        arrays,
        extension_types: ExtensionTypes::Attach,
    })
}

proptest! {
    #[test]
    fn any_rows_are_what_they_are_one_by_one(
        oids in prop::collection::vec(prop::sample::select([&KNOWN[..], &NESTED].concat()), 1..6),
        noise in prop::collection::vec(any::<u16>(), 0..400),
        broken in prop::collection::vec(any::<u16>(), 0..3),
        (between, behind) in (0_usize..6, 0_usize..50),
        (rows_limit, bytes) in (1_usize..300, 1_usize..20_000),
        options in any_options(),
    ) {
        let columns = columns_of(&oids.iter().map(|oid| (*oid, numeric_typmod(12, 2))).collect::<Vec<_>>());
        let rows: Vec<_> = noise.iter().map(|noise| {
            let fields = oids.iter().zip(0..).map(|(oid, at)| value_of(*oid, u64::from(*noise) + at));
            let mut row = bytes_of(&fields.collect::<Vec<_>>());
            if broken.contains(noise) {
                row.truncate(row.len().saturating_sub(usize::from(noise % 5)));
            }
            row
        }).collect();
        let limits = BatchLimits { rows: RowLimit::new(rows_limit), bytes: ByteLimit::new(bytes) };
        assert_same(&columns, &options, limits, &Input::of(&rows, between, behind));
    }
}
