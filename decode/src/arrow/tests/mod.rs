mod blocks;
mod database;
mod lists;
mod nested;
mod profile;
mod ranges;
mod unfit;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::{Column, Columns, Date, Format, Numeric, Oid, Params, RowError, ToSql, Uuid};

fn column(oid: Oid, typmod: i32) -> Columns {
    Columns::new([Column::new("c", oid, typmod, Format::Binary)])
}

fn body(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as i16).to_be_bytes().to_vec();
    for value in values {
        body.extend_from_slice(&value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    body
}

fn row_of(value: &(impl ToSql + ?Sized)) -> Vec<u8> {
    let mut params = Params::default();
    params.push(value).unwrap();
    [&[0, 1], params.values()].concat()
}

const TO_NULL: ArrowOptions = ArrowOptions { unfit: Policies::all(Unfit::Null), ..PLAIN };

/// The defaults.
const PLAIN: ArrowOptions = ArrowOptions {
    unfit: Policies::all(Unfit::Error),
    text: TextLayout::Utf8,
    extension_types: ExtensionTypes::Attach,
    profile: Profile::Arrow,
    arrays: Arrays::Lists,
};

fn builder(columns: &Columns, options: &ArrowOptions) -> BatchBuilder {
    BatchBuilder::new(&ArrowPlan::compile(columns, options), BatchLimits::default())
}

/// Finishes a batch and has Arrow check all there is to check about it.
fn finish(builder: &mut BatchBuilder) -> RecordBatch {
    let batch = builder.finish().unwrap().unwrap();
    batch.columns().iter().for_each(|array| array.to_data().validate_full().unwrap());
    batch
}

/// Puts rows of one column into a batch.
fn batch(columns: &Columns, options: &ArrowOptions, rows: &[Vec<u8>]) -> RecordBatch {
    let mut builder = builder(columns, options);
    rows.iter().for_each(|row| assert_eq!(builder.push(row).unwrap(), Filled::More));
    finish(&mut builder)
}

fn numeric_typmod(precision: i32, scale: i32) -> i32 {
    ((precision << 16) | (scale & 0x7ff)) + 4
}

fn numeric(text: &str) -> Numeric {
    text.parse().unwrap()
}

#[test]
fn every_type_has_its_arrow_type() {
    let micros = TimeUnit::Microsecond;
    let known = [
        (Oid::BOOL, -1, DataType::Boolean),
        (Oid::INT2, -1, DataType::Int16),
        (Oid::INT4, -1, DataType::Int32),
        (Oid::INT8, -1, DataType::Int64),
        (Oid::OID, -1, DataType::UInt32),
        (Oid::FLOAT4, -1, DataType::Float32),
        (Oid::FLOAT8, -1, DataType::Float64),
        (Oid::TEXT, -1, DataType::Utf8),
        (Oid::VARCHAR, 14, DataType::Utf8),
        (Oid::BYTEA, -1, DataType::Binary),
        (Oid::DATE, -1, DataType::Date32),
        (Oid::TIME, -1, DataType::Time64(micros)),
        (Oid::TIMESTAMP, -1, DataType::Timestamp(micros, None)),
        (Oid::TIMESTAMPTZ, -1, DataType::Timestamp(micros, Some("UTC".into()))),
        (Oid::UUID, -1, DataType::FixedSizeBinary(16)),
        (Oid::JSONB, -1, DataType::Utf8),
        (Oid(3361), -1, DataType::Binary),
        // The modifiers are PostgreSQL's, from pg_attribute.
        (Oid::NUMERIC, 983_046, DataType::Decimal128(15, 2)),
        (Oid::NUMERIC, 2_490_382, DataType::Decimal128(38, 10)),
        (Oid::NUMERIC, 196_617, DataType::Decimal128(5, 5)),
        (Oid::NUMERIC, 133_121, DataType::Decimal128(5, 0)),
        (Oid::NUMERIC, 4_980_740, DataType::Decimal256(76, 0)),
        (Oid::NUMERIC, 4_917_251, DataType::Decimal256(76, 0)),
        (Oid::NUMERIC, 5_046_277, DataType::Utf8),
        (Oid::NUMERIC, 65_537_004, DataType::Utf8),
        (Oid::NUMERIC, 65_537_052, DataType::Utf8),
        (Oid::NUMERIC, -1, DataType::Utf8),
        (Oid::NUMERIC, 4, DataType::Utf8),
        (Oid::NUMERIC, i32::MIN, DataType::Utf8),
        (Oid::NUMERIC, i32::MAX, DataType::Utf8),
    ];
    for (oid, typmod, data_type) in known {
        let plan = ArrowPlan::compile(&column(oid, typmod), &ArrowOptions::default());
        assert_eq!(plan.schema().field(0).data_type(), &data_type, "{oid} {typmod}");
    }
}

#[test]
fn fields_say_what_they_were_in_postgresql() {
    let columns = Columns::new([
        Column::new("id", Oid::UUID, -1, Format::Binary),
        Column::new("price", Oid::NUMERIC, -1, Format::Binary),
        Column::new("doc", Oid::JSONB, -1, Format::Binary),
        Column::new("own", Oid(70_000), -1, Format::Binary),
        Column::new("when", Oid(1186), -1, Format::Text),
        Column::new("amount", Oid::NUMERIC, 983_046, Format::Binary),
    ]);
    let schema = ArrowPlan::compile(&columns, &ArrowOptions::default()).schema();
    let extensions: Vec<_> = schema.fields().iter().map(|field| field.extension_type_name()).collect();
    let opaque = Some("arrow.opaque");
    assert_eq!(extensions, [Some("arrow.uuid"), opaque, Some("arrow.json"), opaque, opaque, None]);
    let opaque = schema.field(3).extension_type_metadata().unwrap();
    assert!(opaque.contains("oid:70000") && opaque.contains("PostgreSQL"), "{opaque}");
    assert_eq!(schema.field(4).metadata()["POSTGRESQL:type"], "interval");
    assert_eq!(schema.field(4).data_type(), &DataType::Utf8);
    assert_eq!(schema.field(5).metadata()["POSTGRESQL:typmod"], "983046");
    assert!(!schema.field(0).metadata().contains_key("POSTGRESQL:typmod"));

    let options = ArrowOptions { extension_types: ExtensionTypes::Omit, ..ArrowOptions::default() };
    let plain = ArrowPlan::compile(&columns, &options).schema();
    assert!(plain.fields().iter().all(|field| field.extension_type_name().is_none()));
}

#[test]
fn a_row_of_every_type_arrives() {
    let columns: Columns = [
        (Oid::BOOL, -1),
        (Oid::INT2, -1),
        (Oid::FLOAT8, -1),
        (Oid::TEXT, -1),
        (Oid::BYTEA, -1),
        (Oid::DATE, -1),
        (Oid::TIME, -1),
        (Oid::TIMESTAMPTZ, -1),
        (Oid::UUID, -1),
        (Oid::JSONB, -1),
        (Oid::NUMERIC, 983_046),
        (Oid::NUMERIC, -1),
        (Oid::OID, -1),
        (Oid(3361), -1),
        (Oid::NUMERIC, numeric_typmod(50, 3)),
    ]
    .map(|(oid, typmod)| Column::new(oid.to_string(), oid, typmod, Format::Binary))
    .into_iter()
    .collect();
    let mut amounts = Params::default();
    [numeric("-12.30"), numeric("0.00001230"), numeric("-1e40")]
        .iter()
        .for_each(|it| amounts.push(it).unwrap());
    let mut layout = crate::RowLayout::default();
    let amount_body = [&[0, 3], amounts.values()].concat();
    let amount_columns: Columns =
        (0..3).map(|_| Column::new("c", Oid::NUMERIC, -1, Format::Binary)).collect();
    let amounts = layout.row(&amount_body, &amount_columns).unwrap();
    let amount = |at| amounts.raw(at).unwrap();
    let full = body(&[
        Some(&[1]),
        Some(&[0xff, 0xfe]),
        Some(&1.5_f64.to_be_bytes()),
        Some("Zürich".as_bytes()),
        Some(&[0xff]),
        Some(&0_i32.to_be_bytes()),
        Some(&1_i64.to_be_bytes()),
        Some(&0_i64.to_be_bytes()),
        Some(&[7; 16]),
        Some(b"\x01{}"),
        amount(0),
        amount(1),
        Some(&4_000_000_000_u32.to_be_bytes()),
        Some(b"raw"),
        amount(2),
    ]);
    let empty = body(&[None; 15]);
    let batch = batch(&columns, &ArrowOptions::default(), &[full.clone(), empty, full]);

    assert_eq!(batch.num_rows(), 3);
    for array in batch.columns() {
        assert_eq!((array.null_count(), array.is_null(1)), (1, true));
    }
    for row in [0, 2] {
        assert!(batch.column(0).as_boolean().value(row));
        assert_eq!(batch.column(1).as_primitive::<Int16Type>().value(row), -2);
        assert_eq!(batch.column(2).as_primitive::<Float64Type>().value(row), 1.5);
        assert_eq!(batch.column(3).as_string::<i32>().value(row), "Zürich");
        assert_eq!(batch.column(4).as_binary::<i32>().value(row), [0xff]);
        assert_eq!(batch.column(5).as_primitive::<Date32Type>().value(row), 10_957);
        assert_eq!(batch.column(6).as_primitive::<Time64MicrosecondType>().value(row), 1);
        let epoch = 946_684_800_000_000;
        assert_eq!(batch.column(7).as_primitive::<TimestampMicrosecondType>().value(row), epoch);
        assert_eq!(batch.column(8).as_fixed_size_binary().value(row), [7; 16]);
        assert_eq!(batch.column(9).as_string::<i32>().value(row), "{}");
        assert_eq!(batch.column(10).as_primitive::<Decimal128Type>().value_as_string(row), "-12.30");
        assert_eq!(batch.column(11).as_string::<i32>().value(row), "0.00001230");
        assert_eq!(batch.column(12).as_primitive::<UInt32Type>().value(row), 4_000_000_000);
        assert_eq!(batch.column(13).as_binary::<i32>().value(row), b"raw");
        let wide = batch.column(14).as_primitive::<Decimal256Type>().value(row);
        assert_eq!(wide, i256::from_i128(-10).wrapping_pow(43));
    }
}

/// A value that fits, one that does not and is the reason, and the column they stand in.
fn edges() -> Vec<(&'static str, Columns, Vec<u8>, Vec<u8>)> {
    let micros = |value: i64| row_of(&value);
    let timestamp = column(Oid::TIMESTAMP, -1);
    let last = i64::MAX - 946_684_800_000_000;
    let decimal = |precision, scale| column(Oid::NUMERIC, numeric_typmod(precision, scale));
    let number = |text| row_of(&numeric(text));
    vec![
        (
            "+infinity date",
            column(Oid::DATE, -1),
            row_of(&Date::from_days(2_145_031_948)),
            row_of(&Date::INFINITY),
        ),
        (
            "-infinity date",
            column(Oid::DATE, -1),
            row_of(&Date::from_days(-2_451_545)),
            row_of(&Date::NEG_INFINITY),
        ),
        ("date overflow", column(Oid::DATE, -1), row_of(&(i32::MAX - 10_957)), row_of(&(i32::MAX - 10_956))),
        ("+infinity", timestamp.clone(), micros(0), micros(i64::MAX)),
        ("-infinity", column(Oid::TIMESTAMPTZ, -1), micros(i64::MIN + 1), micros(i64::MIN)),
        ("after 294247", timestamp, micros(last), micros(last + 1)),
        ("24:00:00", column(Oid::TIME, -1), micros(86_399_999_999), micros(86_400_000_000)),
        ("NaN", decimal(5, 2), number("999.99"), number("NaN")),
        ("infinite", decimal(5, 2), number("-999.99"), number("-Infinity")),
        ("digits before", decimal(5, 2), number("-999.9900"), number("1000.00")),
        ("digits behind", decimal(5, 2), number("0.01"), number("0.001")),
        (
            "38 digits",
            decimal(38, 1),
            number("9999999999999999999999999999999999999.9"),
            number("10000000000000000000000000000000000000.0"),
        ),
        ("76 digits", decimal(76, 0), number(&"9".repeat(76)), number(&format!("1{}", "0".repeat(76)))),
        ("far", decimal(38, 37), number("9.0"), number("1e131071")),
        ("near", decimal(76, 70), number("1e-70"), number("1e-16383")),
    ]
}

#[test]
fn values_that_do_not_fit_follow_the_policy_and_their_neighbours_do_fit() {
    for (why, columns, fits, unfit) in edges() {
        let mut strict = builder(&columns, &ArrowOptions::default());
        assert_eq!(strict.push(&fits).unwrap(), Filled::More, "{why}");
        let error = strict.push(&unfit).unwrap_err();
        assert!(
            matches!(&error, BatchError::Value { row: 1, error } if error.is_out_of_range()),
            "{why}: {error}"
        );
        assert_eq!(strict.push(&fits).unwrap(), Filled::More, "{why}");
        assert_eq!(finish(&mut strict).column(0).null_count(), 0, "{why}");
        assert_eq!(strict.rows(), 0);

        let array = Arc::clone(batch(&columns, &TO_NULL, &[fits.clone(), unfit, fits]).column(0));
        assert_eq!((array.null_count(), array.is_null(1)), (1, true), "{why}");
    }
}

#[test]
fn malformed_values_are_errors_under_every_policy() {
    let known: [(Oid, i32, &[u8]); 10] = [
        (Oid::BOOL, -1, &[2]),
        (Oid::BOOL, -1, &[]),
        (Oid::INT8, -1, &[0; 4]),
        (Oid::INT4, -1, &[0; 8]),
        (Oid::UUID, -1, &[0; 17]),
        (Oid::TIME, -1, &[0xff; 8]),
        (Oid::JSONB, -1, b"\x02{}"),
        (Oid::NUMERIC, 983_046, &[0; 7]),
        (Oid::NUMERIC, -1, &[0; 9]),
        (Oid::NUMERIC, -1, b"\0\x01\xff\xff\0\0\0\x01\x04\xd2"),
    ];
    for (oid, typmod, value) in known {
        let mut builder = builder(&column(oid, typmod), &TO_NULL);
        let error = builder.push(&body(&[Some(value)])).unwrap_err();
        assert!(
            matches!(&error, BatchError::Value { row: 0, error } if error.is_malformed()),
            "{oid}: {error}"
        );
        assert!(builder.finish().unwrap().is_none(), "{oid}");
    }
}

#[test]
fn errors_name_column_row_and_what_was_wanted() {
    let mut builder = builder(&column(Oid::DATE, -1), &ArrowOptions::default());
    let _ = builder.push(&row_of(&Date::from_days(0))).unwrap();
    finish(&mut builder);
    let error = builder.push(&row_of(&Date::INFINITY)).unwrap_err();
    let text = "row 1: column \"c\" (position 0, type date) cannot be read as Arrow Date32: \
                the value is out of range: it is infinite";
    assert_eq!(error.to_string(), text);
}

#[test]
fn text_that_is_not_utf8_is_found_at_the_end_of_the_batch() {
    for (broken, next) in [(&b"\xff"[..], &b"b"[..]), (b"\xc3", b"\xa4")] {
        let mut builder = builder(&column(Oid::TEXT, -1), &ArrowOptions::default());
        for value in [&b"a"[..], broken, next] {
            let _ = builder.push(&body(&[Some(value)])).unwrap();
        }
        let error = builder.finish().unwrap_err();
        assert!(matches!(&error, BatchError::Value { row: 1, error } if error.is_malformed()), "{error}");
        assert_eq!(builder.push(&row_of("next")).unwrap(), Filled::More);
        assert_eq!(finish(&mut builder).num_rows(), 1);
    }
}

#[test]
fn a_broken_row_leaves_nothing_behind() {
    let columns: Columns = [Oid::INT8, Oid::TEXT, Oid::NUMERIC, Oid::BOOL]
        .map(|oid| Column::new("c", oid, -1, Format::Binary))
        .into_iter()
        .collect();
    let zero = [0; 8];
    let good = body(&[Some(&[0; 8]), Some(b"text"), Some(&zero), Some(&[1])]);
    let null = body(&[None; 4]);
    let cut = &good[..good.len() - 1];
    let trailing = [good.as_slice(), b"!"].concat();
    let wrong = body(&[None, None, Some(&zero), Some(&[7])]);

    let mut builder = builder(&columns, &ArrowOptions::default());
    let _ = builder.push(&good).unwrap();
    let bytes = builder.bytes();
    for (broken, expected) in [
        (cut, Some(RowError::FieldLength { field: 3 })),
        (&trailing, Some(RowError::TrailingBytes)),
        (&wrong, None),
    ] {
        let error = builder.push(broken).unwrap_err();
        assert!(
            match (&error, expected) {
                (BatchError::Row { row: 1, error }, Some(expected)) => *error == expected,
                (BatchError::Value { row: 1, error }, None) => error.position() == Some(3),
                _ => false,
            },
            "{error}"
        );
        assert_eq!((builder.rows(), builder.bytes()), (1, bytes));
    }
    let _ = builder.push(&null).unwrap();
    let _ = builder.push(&good).unwrap();
    let batch = finish(&mut builder);
    assert_eq!(batch.num_rows(), 3);
    assert!(batch.columns().iter().all(|array| array.null_count() == 1 && array.is_null(1)));
    assert_eq!(batch.column(1).as_string::<i32>().value(2), "text");
}

#[test]
fn a_batch_is_full_at_its_rows_or_its_bytes() {
    let plan = ArrowPlan::compile(&column(Oid::TEXT, -1), &ArrowOptions::default());
    let limits = BatchLimits { rows: RowLimit::new(3), bytes: ByteLimit::new(100) };
    let mut builder = BatchBuilder::new(&plan, limits);
    let filled: Vec<_> = (0..3).map(|_| builder.push(&row_of("")).unwrap()).collect();
    assert_eq!(filled, [Filled::More, Filled::More, Filled::Full]);
    assert_eq!(finish(&mut builder).num_rows(), 3);

    assert_eq!(builder.push(&row_of(&"x".repeat(95))).unwrap(), Filled::More);
    assert_eq!(builder.bytes(), 99);
    assert_eq!(builder.push(&row_of("")).unwrap(), Filled::Full);
    finish(&mut builder);
    assert_eq!(builder.push(&row_of(&"x".repeat(96))).unwrap(), Filled::Full);
    assert_eq!(finish(&mut builder).num_rows(), 1);
}

#[test]
fn a_numeric_of_few_bytes_counts_with_the_text_it_becomes() {
    let plan = ArrowPlan::compile(&column(Oid::NUMERIC, -1), &ArrowOptions::default());
    let mut builder =
        BatchBuilder::new(&plan, BatchLimits { bytes: ByteLimit::new(131_076), ..BatchLimits::default() });
    assert_eq!(builder.push(&row_of(&numeric("1e131071"))).unwrap(), Filled::Full);
    assert_eq!(finish(&mut builder).column(0).as_string::<i32>().value_length(0), 131_072);
}

#[test]
fn limits_are_kept_in_range() {
    assert_eq!((RowLimit::new(0).get(), RowLimit::default().get()), (1, 65_536));
    assert_eq!((ByteLimit::new(usize::MAX), ByteLimit::default().get()), (ByteLimit::MAX, 16 << 20));
    assert!(ByteLimit::MAX.get() + (1 << 30) <= i32::MAX as usize);
}

#[test]
fn results_without_rows_have_a_schema_and_rows_without_columns_have_a_count() {
    let mut none = builder(&column(Oid::INT8, -1), &ArrowOptions::default());
    assert!(none.finish().unwrap().is_none());
    assert_eq!(none.plan().schema().fields().len(), 1);

    let rows = batch(&Columns::default(), &ArrowOptions::default(), &[vec![0, 0], vec![0, 0]]);
    assert_eq!((rows.num_rows(), rows.num_columns()), (2, 0));
}

#[test]
fn views_hold_what_offsets_hold() {
    let options = ArrowOptions { text: TextLayout::Utf8View, ..ArrowOptions::default() };
    let rows = [row_of("short"), body(&[None]), row_of("long enough to lie outside of its view")];
    let batch = batch(&column(Oid::TEXT, -1), &options, &rows);
    let views = batch.column(0).as_string_view();
    assert_eq!((views.value(0), views.value(2)), ("short", "long enough to lie outside of its view"));
    assert!(views.is_null(1));
}

#[test]
fn a_column_that_came_as_text_stays_text() {
    let columns = Columns::new([Column::new("c", Oid::INT4, -1, Format::Text)]);
    let batch = batch(&columns, &ArrowOptions::default(), &[row_of("42")]);
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "42");
    assert_eq!(batch.schema().field(0).extension_type_name(), Some("arrow.opaque"));
}

#[test]
fn builders_and_plans_move_between_threads() {
    fn assert_send<T: Send + 'static>() {}
    assert_send::<BatchBuilder>();
    assert_send::<ArrowPlan>();
    assert_send::<BatchError>();
}

proptest! {
    #[test]
    fn decimals_are_the_numbers_that_were_sent(unscaled: i64, extra in 0_u16..20, scale in 0_i32..19) {
        let number = Numeric::from_scaled(i128::from(unscaled) * 10_i128.pow(extra.into()), scale as u16 + extra);
        for (precision, wide) in [(38, false), (60, true)] {
            let columns = column(Oid::NUMERIC, numeric_typmod(precision, scale));
            let batch = batch(&columns, &ArrowOptions::default(), &[row_of(&number)]);
            let array = batch.column(0);
            let value = if wide {
                array.as_primitive::<Decimal256Type>().value(0)
            } else {
                i256::from_i128(array.as_primitive::<Decimal128Type>().value(0))
            };
            prop_assert_eq!(value, i256::from_i128(unscaled.into()));
        }
    }

    #[test]
    fn uuids_keep_their_bytes(ids: Vec<[u8; 16]>) {
        prop_assume!(!ids.is_empty());
        let rows: Vec<_> = ids.iter().map(|id| row_of(&Uuid(*id))).collect();
        let batch = batch(&column(Oid::UUID, -1), &ArrowOptions::default(), &rows);
        let array = batch.column(0).as_fixed_size_binary();
        prop_assert!(ids.iter().enumerate().all(|(row, id)| array.value(row) == id));
    }

    #[test]
    fn nulls_are_where_they_were(rows: Vec<Option<(i64, String)>>) {
        prop_assume!(!rows.is_empty());
        let columns: Columns =
            [Oid::INT8, Oid::TEXT].map(|oid| Column::new("c", oid, -1, Format::Binary)).into_iter().collect();
        let bodies: Vec<_> = rows.iter().map(|row| match row {
            Some((number, text)) => body(&[Some(&number.to_be_bytes()), Some(text.as_bytes())]),
            None => body(&[None, None]),
        }).collect();
        let batch = batch(&columns, &ArrowOptions::default(), &bodies);
        let (numbers, texts) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_string::<i32>());
        let read = numbers.iter().zip(texts).map(|(number, text)| Some((number?, text?.to_owned())));
        prop_assert!(read.eq(rows));
    }

    #[test]
    fn no_bytes_make_a_batch_panic(
        oids in prop::collection::vec((prop::sample::select(KNOWN.to_vec()), any::<i32>()), 0..6),
        rows in prop::collection::vec(prop::collection::vec(prop::option::of(
            prop::collection::vec(any::<u8>(), 0..18)), 0..6), 0..12),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        to_null: bool,
    ) {
        let columns: Columns =
            oids.iter().map(|(oid, typmod)| Column::new("c", *oid, *typmod, Format::Binary)).collect();
        let options = if to_null { TO_NULL } else { ArrowOptions::default() };
        let mut builder = builder(&columns, &options);
        let mut taken = 0;
        for row in &rows {
            let fields: Vec<_> = row.iter().map(Option::as_deref).collect();
            taken += usize::from(builder.push(&body(&fields)).is_ok());
            taken += usize::from(builder.push(&noise).is_ok());
        }
        prop_assert_eq!(builder.rows(), taken);
        if let Ok(Some(batch)) = builder.finish() {
            prop_assert_eq!(batch.num_rows(), taken);
            batch.columns().iter().for_each(|array| array.to_data().validate_full().unwrap());
        }
    }
}

const KNOWN: [Oid; 37] = [
    Oid::BOOL,
    Oid::BYTEA,
    Oid::INT8,
    Oid::INT2,
    Oid::INT4,
    Oid::TEXT,
    Oid::OID,
    Oid::FLOAT4,
    Oid::FLOAT8,
    Oid::DATE,
    Oid::TIME,
    Oid::TIMESTAMP,
    Oid::NUMERIC,
    Oid::UUID,
    Oid::JSONB,
    Oid(3361),
    Oid::CHAR,
    Oid::INTERVAL,
    Oid::TIMETZ,
    Oid::INET,
    Oid::CIDR,
    Oid::MACADDR,
    Oid::MACADDR8,
    Oid::BIT,
    Oid::MONEY,
    Oid::POINT,
    Oid::BOX,
    Oid::PATH,
    Oid::POLYGON,
    Oid::TID,
    Oid::XID8,
    Oid::INT2VECTOR,
    Oid::OIDVECTOR,
    Oid::PG_SNAPSHOT,
    Oid::TSVECTOR,
    Oid::TSQUERY,
    Oid::JSONPATH,
];
