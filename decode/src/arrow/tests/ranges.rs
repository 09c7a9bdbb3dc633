//! Ranges and multiranges.

use arrow_array::{ArrowPrimitiveType, ListArray, StructArray};

use super::blocks::array;
use super::*;
use crate::types::{Multirange, Range};
use crate::{Timestamp, TimestampTz};

fn ranges<T: ToSql>(oid: Oid, options: &ArrowOptions, values: &[Option<T>]) -> RecordBatch {
    let rows: Vec<_> = values.iter().map(row_of).collect();
    batch(&column(oid, -1), options, &rows)
}

fn bits(array: &StructArray, name: &str) -> Vec<Option<bool>> {
    array.column_by_name(name).unwrap().as_boolean().iter().collect()
}

fn bounds<T: ArrowPrimitiveType>(array: &StructArray, name: &str) -> Vec<Option<T::Native>> {
    array.column_by_name(name).unwrap().as_primitive::<T>().iter().collect()
}

#[test]
fn every_range_is_a_struct_and_every_multirange_a_list_of_it() {
    let micros = TimeUnit::Microsecond;
    let known = [
        (Oid::INT4RANGE, Oid::INT4MULTIRANGE, DataType::Int32),
        (Oid::INT8RANGE, Oid::INT8MULTIRANGE, DataType::Int64),
        (Oid::NUMRANGE, Oid::NUMMULTIRANGE, DataType::Utf8),
        (Oid::TSRANGE, Oid::TSMULTIRANGE, DataType::Timestamp(micros, None)),
        (Oid::TSTZRANGE, Oid::TSTZMULTIRANGE, DataType::Timestamp(micros, Some("UTC".into()))),
        (Oid::DATERANGE, Oid::DATEMULTIRANGE, DataType::Date32),
    ];
    for (range, multirange, bound) in known {
        let schema = ArrowPlan::compile(&column(range, -1), &ArrowOptions::default()).schema();
        let field = schema.field(0);
        let DataType::Struct(parts) = field.data_type() else { panic!("{schema}") };
        let names: Vec<_> = parts.iter().map(|part| (part.name().as_str(), part.data_type())).collect();
        let bit = |name| (name, &DataType::Boolean);
        let both = [("lower", &bound), ("upper", &bound), bit("lower_inc"), bit("upper_inc"), bit("empty")];
        assert_eq!(names, both);
        assert!(field.extension_type_name() == Some("arrow.opaque"));
        assert!(field.extension_type_metadata().unwrap().contains(&range.to_string()));
        assert_eq!(field.metadata()["POSTGRESQL:type"], range.to_string());

        let schema = ArrowPlan::compile(&column(multirange, -1), &ArrowOptions::default()).schema();
        let DataType::List(element) = schema.field(0).data_type() else { panic!("{schema}") };
        assert_eq!((element.data_type(), element.metadata()), (field.data_type(), field.metadata()));
    }
}

#[test]
fn ranges_keep_what_their_bounds_are() {
    let values = [
        Some(Range::new(1..4)),
        None,
        Some(Range::new(..)),
        Some(Range::Empty),
        Some(Range::new(..=5)),
        Some(Range::new(i32::MAX..)),
    ];
    let batch = ranges(Oid::INT4RANGE, &ArrowOptions::default(), &values);
    let found = batch.column(0).as_struct();
    assert_eq!((found.null_count(), found.is_null(1)), (1, true));
    assert_eq!(bounds::<Int32Type>(found, "lower"), [Some(1), None, None, None, None, Some(i32::MAX)]);
    assert_eq!(bounds::<Int32Type>(found, "upper"), [Some(4), None, None, None, Some(5), None]);
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(bits(found, "lower_inc"), [yes, None, no, no, no, yes]);
    assert_eq!(bits(found, "upper_inc"), [no, None, no, no, yes, no]);
    assert_eq!(bits(found, "empty"), [no, None, no, yes, no, no]);
}

#[test]
fn numbers_of_a_range_are_their_exact_text() {
    let values = [Some(Range::new(numeric("-1.50")..numeric("1e30")))];
    let batch = ranges(Oid::NUMRANGE, &ArrowOptions::default(), &values);
    let found = batch.column(0).as_struct();
    assert_eq!(found.column(0).as_string::<i32>().value(0), "-1.50");
    assert_eq!(found.column(1).as_string::<i32>().value(0), "1000000000000000000000000000000");
}

#[test]
fn a_bound_that_does_not_fit_is_not_taken_as_missing() {
    let values = [Some(Range::new(Timestamp::from_micros(0)..Timestamp::INFINITY))];
    let mut strict = builder(&column(Oid::TSRANGE, -1), &ArrowOptions::default());
    let error = strict.push(&row_of(&values[0])).unwrap_err().to_string();
    assert!(error.contains("out of range") && error.contains("infinit"), "{error}");
    assert_eq!((strict.rows(), strict.bytes()), (0, 0));
    let good = Some(Range::new(Timestamp::from_micros(0)..));
    let batch = ranges(Oid::TSRANGE, &TO_NULL, &[good, values[0], good]);
    let found = batch.column(0).as_struct();
    assert_eq!((found.null_count(), found.is_null(1)), (1, true));
    assert_eq!(bits(found, "empty"), [Some(false), None, Some(false)]);
}

#[test]
fn multiranges_are_lists_of_their_ranges() {
    let both = Multirange(vec![Range::new(..1_i64), Range::new(3..)]);
    let values = [Some(both), None, Some(Multirange(Vec::new()))];
    let batch = ranges(Oid::INT8MULTIRANGE, &ArrowOptions::default(), &values);
    let lists: &ListArray = batch.column(0).as_list();
    assert_eq!((lists.value_length(0), lists.is_null(1), lists.value_length(2)), (2, true, 0));
    let (list, none) = (lists.value(0), lists.value(2));
    assert_eq!(bounds::<Int64Type>(list.as_struct(), "lower"), [None, Some(3)]);
    assert_eq!(bounds::<Int64Type>(list.as_struct(), "upper"), [Some(1), None]);
    assert!(none.is_empty());
}

#[test]
fn arrays_of_ranges_are_lists_of_lists() {
    let zoned = Range::new(TimestampTz::from_micros(0)..);
    let batch = ranges(Oid(3911), &ArrowOptions::default(), &[Some(vec![Some(zoned), None])]);
    let list = batch.column(0).as_list::<i32>().value(0);
    assert_eq!((list.len(), list.null_count()), (2, 1));

    let dates = Multirange(vec![Range::new(Date::from_days(0)..Date::from_days(2))]);
    let batch = ranges(Oid(6155), &ArrowOptions::default(), &[Some(vec![Some(dates), None])]);
    let list = batch.column(0).as_list::<i32>().value(0);
    let inner = list.as_list::<i32>().value(0);
    assert_eq!(bounds::<Date32Type>(inner.as_struct(), "upper"), [Some(10_959)]);
}

#[test]
fn bytes_that_are_no_range_are_malformed() {
    let good = row_of(&Range::new(1..4))[6..].to_vec();
    let mut broken = vec![vec![3], vec![0x1a], vec![0x98], vec![1, 0], [&good[..], b"!"].concat()];
    // The bound of another type.
    broken.push(row_of(&Range::new(1_i64..4))[6..].to_vec());
    broken.extend((0..good.len()).map(|len| good[..len].to_vec()));
    let refused = |oid, value: &[u8]| {
        let mut builder = builder(&column(oid, -1), &TO_NULL);
        let error = builder.push(&body(&[Some(value)])).unwrap_err().to_string();
        assert!(error.contains("malformed"), "{value:?}: {error}");
        assert_eq!((builder.rows(), builder.bytes()), (0, 0));
    };
    for value in &broken {
        refused(Oid::INT4RANGE, value);
        let length = (value.len() as i32).to_be_bytes();
        refused(Oid::INT4MULTIRANGE, &[&[0, 0, 0, 1][..], &length, value].concat());
        refused(Oid(3905), &array(3904, &[Some(value)]));
    }
    let one = row_of(&Multirange(vec![Range::new(1..4)]))[6..].to_vec();
    refused(Oid::INT4MULTIRANGE, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
    refused(Oid::INT4MULTIRANGE, &[0x7f, 0, 0, 0, 0, 0, 0, 1, 1]);
    (0..one.len()).for_each(|len| refused(Oid::INT4MULTIRANGE, &one[..len]));
}

#[test]
fn the_parts_count_towards_the_limit_of_bytes() {
    let plan = ArrowPlan::compile(&column(Oid::INT8RANGE, -1), &ArrowOptions::default());
    let mut builder =
        BatchBuilder::new(&plan, BatchLimits { bytes: ByteLimit::new(38), ..BatchLimits::default() });
    assert_eq!(builder.push(&row_of(&Range::new(1_i64..4))).unwrap(), Filled::More);
    // Both bounds, and three bits that have a byte each until they are packed.
    assert_eq!(builder.bytes(), 19);
    assert_eq!(builder.push(&row_of(&Range::<i64>::Empty)).unwrap(), Filled::Full);
    assert_eq!(finish(&mut builder).num_rows(), 2);
}
