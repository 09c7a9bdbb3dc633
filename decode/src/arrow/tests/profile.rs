//! The profile of Molt's IPC contract.

use super::blocks::array_of;
use super::*;
use crate::Timestamp;
use crate::types::{Interval, Multirange, Range};

const MOLT: ArrowOptions = ArrowOptions { profile: Profile::Molt, ..PLAIN };

fn molt(oid: Oid, rows: &[Vec<u8>]) -> RecordBatch {
    batch(&column(oid, -1), &MOLT, rows)
}

fn names(data_type: &DataType) -> Vec<&str> {
    let DataType::Struct(parts) = data_type else { panic!("{data_type}") };
    parts.iter().map(|part| part.name().as_str()).collect()
}

fn ints(array: &dyn Array) -> Vec<Option<i32>> {
    array.as_primitive::<Int32Type>().iter().collect()
}

#[test]
fn an_array_is_its_lower_bounds_and_its_values() {
    let one = 1_i32.to_be_bytes();
    let shifted = array_of(23, &[(2, -3)], &[Some(&one), None]);
    let empty = array_of(23, &[], &[]);
    let batch = molt(Oid(1007), &[body(&[Some(&shifted)]), body(&[None]), body(&[Some(&empty)])]);
    let found = batch.column(0).as_struct();
    assert_eq!(names(batch.schema().field(0).data_type()), ["lower_bounds", "values"]);
    assert!(found.is_null(1) && found.null_count() == 1);
    let part = |name: &str, row| ints(&found.column_by_name(name).unwrap().as_list::<i32>().value(row));
    assert_eq!((part("lower_bounds", 0), part("values", 0)), (vec![Some(-3)], vec![Some(1), None]));
    assert_eq!((part("lower_bounds", 2), part("values", 2)), (vec![], vec![]));

    let plane = array_of(23, &[(1, 0), (1, 9)], &[Some(&one)]);
    let error = builder(&column(Oid(1007), -1), &MOLT).push(&body(&[Some(&plane)])).unwrap_err();
    assert!(error.to_string().contains("more than one dimension"), "{error}");
    let declared = ArrowOptions { arrays: Arrays::Nested(Dimensions::new(2)), ..MOLT };
    let batch = super::batch(&column(Oid(1007), -1), &declared, &[body(&[Some(&plane)])]);
    let found = batch.column(0).as_struct();
    assert_eq!(ints(&found.column(0).as_list::<i32>().value(0)), [Some(0), Some(9)]);
    let inner = found.column(1).as_list::<i32>().value(0);
    assert_eq!(ints(&inner.as_list::<i32>().value(0)), [Some(1)]);
}

#[test]
fn a_range_tells_an_infinite_bound_from_none() {
    let rows = [
        row_of(&Range::new(1..4)),
        row_of(&Range::new(..=4)),
        row_of(&Range::new(2..)),
        row_of(&Range::<i32>::Empty),
        row_of(&None::<Range<i32>>),
    ];
    let batch = molt(Oid::INT4RANGE, &rows);
    let schema = batch.schema();
    assert_eq!(names(schema.field(0).data_type()), ["empty", "lower", "upper"]);
    assert_eq!(schema.field(0).extension_type_name(), Some("arrow.opaque"));
    let found = batch.column(0).as_struct();
    let bound = |name: &str| {
        let bound = found.column_by_name(name).unwrap().as_struct();
        assert_eq!(names(bound.data_type()), ["value", "inclusive"]);
        let inclusive = bound.column(1).as_boolean();
        let each = ints(bound.column(0)).into_iter().enumerate();
        each.map(|(row, value)| bound.is_valid(row).then(|| (value, inclusive.value(row))))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        bound("lower"),
        [Some((Some(1), true)), Some((None, false)), Some((Some(2), true)), None, None]
    );
    assert_eq!(
        bound("upper"),
        [Some((Some(4), false)), Some((Some(4), true)), Some((None, false)), None, None]
    );
    let empty: Vec<_> = found.column(0).as_boolean().iter().collect();
    assert_eq!(empty, [Some(false), Some(false), Some(false), Some(true), None]);

    let infinite = row_of(&Range::new(Timestamp::from_micros(0)..Timestamp::INFINITY));
    let error = builder(&column(Oid::TSRANGE, -1), &MOLT).push(&infinite).unwrap_err();
    assert!(error.to_string().contains("infinite"), "{error}");
}

#[test]
fn a_multirange_is_an_array_of_ranges() {
    let rows = [
        row_of(&Multirange(vec![Range::new(..1), Range::new(3..5)])),
        row_of(&Multirange(Vec::<Range<i32>>::new())),
        row_of(&None::<Multirange<i32>>),
    ];
    let batch = molt(Oid::INT4MULTIRANGE, &rows);
    let found = batch.column(0).as_struct();
    assert_eq!(names(found.data_type()), ["lower_bounds", "values"]);
    let lower = found.column(0).as_list::<i32>();
    assert_eq!((ints(&lower.value(0)), ints(&lower.value(1))), (vec![Some(1)], vec![]));
    let ranges = found.column(1).as_list::<i32>();
    assert_eq!((ranges.value_length(0), ranges.value_length(1), found.is_null(2)), (2, 0, true));
    assert_eq!(names(ranges.value(0).data_type()), ["empty", "lower", "upper"]);
}

#[test]
fn an_interval_is_months_days_and_microseconds() {
    let long = Interval { months: -1, days: 2, micros: i64::MAX };
    let batch = molt(Oid::INTERVAL, &[row_of(&long), row_of(&None::<Interval>)]);
    let found = batch.column(0).as_struct();
    assert_eq!(names(found.data_type()), ["months", "days", "micros"]);
    assert_eq!((ints(found.column(0)), ints(found.column(1))), (vec![Some(-1), None], vec![Some(2), None]));
    assert_eq!(found.column(2).as_primitive::<Int64Type>().value(0), i64::MAX);
    assert!(found.is_null(1));
    assert_eq!(batch.schema().field(0).metadata()["POSTGRESQL:unfit"], "error");
    for infinity in [Interval::INFINITY, Interval::NEG_INFINITY] {
        let error = builder(&column(Oid::INTERVAL, -1), &MOLT).push(&row_of(&infinity)).unwrap_err();
        assert!(error.to_string().contains("infinite"), "{error}");
        let text = ArrowOptions { unfit: Unfit::Text.into(), ..MOLT };
        let batch = super::batch(&column(Oid::INTERVAL, -1), &text, &[row_of(&infinity)]);
        assert_eq!(batch.column(0).as_string::<i32>().value(0), infinity.to_string());
    }
    for value in [vec![], vec![0; 15], vec![0; 17]] {
        let error = builder(&column(Oid::INTERVAL, -1), &MOLT).push(&body(&[Some(&value)])).unwrap_err();
        assert!(error.to_string().contains("malformed"), "{error}");
    }
}

#[test]
fn other_types_are_as_they_are() {
    for oid in KNOWN.into_iter().filter(|oid| *oid != Oid::INTERVAL) {
        let schema = |options| ArrowPlan::compile(&column(oid, -1), options).schema();
        assert_eq!(schema(&MOLT), schema(&PLAIN), "{oid}");
    }
}
