//! Arrays of one dimension.

use super::blocks::array;
use super::*;

const INT4_ARRAY: Oid = Oid(1007);
const TEXT_ARRAY: Oid = Oid(1009);

fn lists(columns: &Columns, options: &ArrowOptions, values: &[Option<&[u8]>]) -> RecordBatch {
    let rows: Vec<_> = values.iter().map(|value| body(&[*value])).collect();
    batch(columns, options, &rows)
}

fn refused(value: &[u8], options: &ArrowOptions) -> String {
    let mut builder = builder(&column(INT4_ARRAY, -1), options);
    let error = builder.push(&body(&[Some(value)])).unwrap_err();
    assert_eq!((builder.rows(), builder.bytes()), (0, 0));
    error.to_string()
}

#[test]
fn every_type_has_lists() {
    let known = [
        (1000, DataType::Boolean),
        (1001, DataType::Binary),
        (1002, DataType::Utf8),
        (1003, DataType::Utf8),
        (1005, DataType::Int16),
        (1007, DataType::Int32),
        (1009, DataType::Utf8),
        (1014, DataType::Utf8),
        (1015, DataType::Utf8),
        (1016, DataType::Int64),
        (1021, DataType::Float32),
        (1022, DataType::Float64),
        (1028, DataType::UInt32),
        (1115, DataType::Timestamp(TimeUnit::Microsecond, None)),
        (1182, DataType::Date32),
        (1183, DataType::Time64(TimeUnit::Microsecond)),
        (1185, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        (199, DataType::Utf8),
        (2951, DataType::FixedSizeBinary(16)),
        (3807, DataType::Utf8),
    ];
    for (oid, expected) in known {
        let schema = ArrowPlan::compile(&column(Oid(oid), -1), &ArrowOptions::default()).schema();
        let DataType::List(element) = schema.field(0).data_type() else { panic!("{oid}: {schema}") };
        assert_eq!((element.data_type(), element.name().as_str()), (&expected, "item"), "{oid}");
        let name = format!("_{}", element.metadata()["POSTGRESQL:type"]);
        assert_eq!(schema.field(0).metadata()["POSTGRESQL:type"], name);
    }
    let decimals = ArrowPlan::compile(&column(Oid(1231), 983_046), &ArrowOptions::default()).schema();
    let DataType::List(element) = decimals.field(0).data_type() else { panic!("{decimals}") };
    assert_eq!(element.data_type(), &DataType::Decimal128(15, 2));
    let uuids = ArrowPlan::compile(&column(Oid(2951), -1), &ArrowOptions::default()).schema();
    let DataType::List(element) = uuids.field(0).data_type() else { panic!("{uuids}") };
    assert_eq!(element.extension_type_name(), Some("arrow.uuid"));
}

#[test]
fn lists_hold_the_elements_with_their_nulls() {
    let two = 2_i32.to_be_bytes();
    let empty = [0_u32, 0, 23].map(u32::to_be_bytes).concat();
    let values = [array(23, &[Some(&two), None, Some(&two)]), empty, array(23, &[None])];
    let rows = [Some(&values[0][..]), None, Some(&values[1]), Some(&values[2])];
    let batch = lists(&column(INT4_ARRAY, -1), &ArrowOptions::default(), &rows);
    let lists = batch.column(0).as_list::<i32>();
    assert_eq!((lists.null_count(), lists.is_null(1)), (1, true));
    let list = |row| lists.value(row).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
    assert_eq!((list(0), list(2), list(3)), (vec![Some(2), None, Some(2)], vec![], vec![None]));
}

#[test]
fn lists_that_arrow_would_flatten_follow_the_policy() {
    let one = 1_i32.to_be_bytes();
    let mut shifted = array(23, &[Some(&one)]);
    shifted[19] = 0;
    let plane = [2_u32, 0, 23, 1, 1, 1, 1].map(u32::to_be_bytes).concat();
    let plane = [&plane[..], &4_u32.to_be_bytes(), &one].concat();
    for (value, why) in [(&shifted, "lower bound"), (&plane, "more than one dimension")] {
        let error = refused(value, &ArrowOptions::default());
        assert!(error.contains(why) && error.contains("out of range"), "{error}");
        let batch = lists(&column(INT4_ARRAY, -1), &TO_NULL, &[Some(value)]);
        assert!(batch.column(0).is_null(0));
    }
}

#[test]
fn an_element_that_does_not_fit_is_null_alone() {
    let dates = [0, i32::MAX, 1].map(i32::to_be_bytes);
    let value = array(1082, &[Some(&dates[0]), Some(&dates[1]), Some(&dates[2])]);
    let batch = lists(&column(Oid(1182), -1), &TO_NULL, &[Some(&value)]);
    let list = batch.column(0).as_list::<i32>().value(0);
    assert_eq!((list.len(), list.null_count(), list.is_null(1)), (3, 1, true));
    let mut strict = builder(&column(Oid(1182), -1), &ArrowOptions::default());
    let error = strict.push(&body(&[Some(&value)])).unwrap_err();
    assert!(error.to_string().contains("infinite"), "{error}");
}

#[test]
fn bytes_that_are_no_array_are_malformed() {
    let good = array(23, &[Some(&[0; 4]), Some(&[0; 4])]);
    let changed = |at: usize, byte: u8| {
        let mut value = good.clone();
        value[at] = byte;
        value
    };
    let broken = [
        good[..good.len() - 1].to_vec(),
        [&good[..], b"!"].concat(),
        // Dimensions, flags, type, count: too few, too many, more than memory; and the length of an element.
        changed(3, 7),
        changed(0, 0xff),
        changed(7, 2),
        changed(11, 25),
        changed(15, 1),
        changed(15, 3),
        changed(12, 0x7f),
        changed(12, 0xff),
        changed(23, 3),
        changed(20, 0x80),
        vec![],
        [0_u32, 0, 23, 1].map(u32::to_be_bytes).concat(),
    ];
    for value in broken {
        let error = refused(&value, &TO_NULL);
        assert!(error.contains("malformed"), "{value:x?}: {error}");
    }
}

#[test]
fn text_that_is_not_utf8_is_told_by_its_row() {
    let mut builder = builder(&column(TEXT_ARRAY, -1), &ArrowOptions::default());
    for elements in [&[Some(&b"a"[..]), Some(b"b")][..], &[], &[Some(b"c"), Some(b"\xff"), Some(b"d")]] {
        let _ = builder.push(&body(&[Some(&array(25, elements))])).unwrap();
    }
    let error = builder.finish().unwrap_err();
    assert!(matches!(&error, BatchError::Value { row: 2, error } if error.is_malformed()), "{error}");
}

#[test]
fn elements_count_towards_the_limit_of_bytes() {
    let plan = ArrowPlan::compile(&column(TEXT_ARRAY, -1), &ArrowOptions::default());
    let limits = BatchLimits { bytes: ByteLimit::new(100), ..BatchLimits::default() };
    let mut builder = BatchBuilder::new(&plan, limits);
    // The end of the list, the ends of two texts, and their bytes.
    let value = array(25, &[Some(b"abc"), Some(b"defg")]);
    assert_eq!(builder.push(&body(&[Some(&value)])).unwrap(), Filled::More);
    assert_eq!(builder.bytes(), 4 + 8 + 7);
    let value = array(25, &[Some(&[b'x'; 73])]);
    assert_eq!(builder.push(&body(&[Some(&value)])).unwrap(), Filled::Full);
    assert_eq!(finish(&mut builder).num_rows(), 2);
}
