//! Arrays of several dimensions.

use super::blocks::array_of;
use super::*;

const INT4_ARRAY: Oid = Oid(1007);
const NULL: Option<i32> = None;

fn options(arrays: Arrays, profile: Profile) -> ArrowOptions {
    ArrowOptions { arrays, profile, ..PLAIN }
}

fn nested(count: u8) -> Arrays {
    Arrays::Nested(Dimensions::new(count))
}

/// An array of the numbers from 1 on; 0 is NULL.
fn numbers(dimensions: &[(u32, i32)], elements: &[i32]) -> Vec<u8> {
    let bytes: Vec<_> = elements.iter().map(|element| element.to_be_bytes()).collect();
    let values = elements.iter().zip(&bytes).map(|(element, bytes)| (*element != 0).then_some(&bytes[..]));
    array_of(23, dimensions, &values.collect::<Vec<_>>())
}

fn empty() -> Vec<u8> {
    numbers(&[], &[])
}

fn arrays(options: &ArrowOptions, values: &[Option<Vec<u8>>]) -> RecordBatch {
    let rows: Vec<_> = values.iter().map(|value| body(&[value.as_deref()])).collect();
    batch(&column(INT4_ARRAY, -1), options, &rows)
}

fn ints(array: &dyn Array) -> Vec<Option<i32>> {
    array.as_primitive::<Int32Type>().iter().collect()
}

/// The lists of one level.
fn lists(array: &dyn Array) -> Vec<Option<Vec<Option<i32>>>> {
    array.as_list::<i32>().iter().map(|list| list.map(|list| ints(&list))).collect()
}

#[test]
fn arrays_of_the_declared_dimensions_are_lists_in_lists() {
    let values = [
        Some(numbers(&[(2, 1), (3, 1)], &[1, 2, 3, 4, 0, 6])),
        None,
        Some(empty()),
        Some(numbers(&[(1, 1), (1, 1)], &[7])),
    ];
    let batch = arrays(&options(nested(2), Profile::Arrow), &values);
    let outer = batch.column(0).as_list::<i32>();
    assert_eq!((outer.is_null(1), outer.null_count(), outer.value_length(2)), (true, 1, 0));
    assert_eq!(
        lists(&outer.value(0)),
        [Some(vec![Some(1), Some(2), Some(3)]), Some(vec![Some(4), NULL, Some(6)])]
    );
    assert_eq!(lists(&outer.value(3)), [Some(vec![Some(7)])]);
    let schema = batch.schema();
    let DataType::List(inner) = schema.field(0).data_type() else { panic!("{schema}") };
    let DataType::List(item) = inner.data_type() else { panic!("{schema}") };
    assert_eq!(item.metadata()["POSTGRESQL:type"], "int4");
    assert_eq!(inner.metadata()["POSTGRESQL:type"], "_int4");

    let cube = Some(numbers(&[(1, 1), (2, 1), (2, 1)], &[1, 2, 3, 4]));
    let batch = arrays(&options(nested(3), Profile::Arrow), &[cube]);
    let plane = batch.column(0).as_list::<i32>().value(0);
    let plane = plane.as_list::<i32>().value(0);
    assert_eq!(lists(&plane), [Some(vec![Some(1), Some(2)]), Some(vec![Some(3), Some(4)])]);
    let one = arrays(&options(nested(1), Profile::Arrow), &[Some(numbers(&[(2, 1)], &[1, 2]))]);
    assert_eq!(one, arrays(&PLAIN, &[Some(numbers(&[(2, 1)], &[1, 2]))]));
}

#[test]
fn arrays_of_other_dimensions_follow_the_policy() {
    let options = options(nested(2), Profile::Arrow);
    let others = [
        (numbers(&[(2, 1)], &[1, 2]), "number of dimensions"),
        (numbers(&[(1, 1), (2, 1), (1, 1)], &[1, 2]), "number of dimensions"),
        (numbers(&[(2, 0), (1, 1)], &[1, 2]), "lower bound"),
    ];
    for (value, why) in others {
        let error = builder(&column(INT4_ARRAY, -1), &options).push(&body(&[Some(&value)])).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let to_null = ArrowOptions { unfit: Unfit::Null.into(), ..options };
        assert!(arrays(&to_null, &[Some(value)]).column(0).is_null(0));
    }
    let mut broken = numbers(&[(2, 1), (1, 1)], &[1, 2]);
    let _ = broken.pop();
    let text = numbers(&[], &[0]);
    for value in [broken, text, vec![], array_of(25, &[(1, 1), (1, 1)], &[Some(b"abcd")])] {
        let to_null = ArrowOptions { unfit: Unfit::Null.into(), ..options };
        let error = builder(&column(INT4_ARRAY, -1), &to_null).push(&body(&[Some(&value)])).unwrap_err();
        assert!(error.to_string().contains("malformed"), "{error}");
    }
}

#[test]
fn a_refused_array_leaves_nothing_in_any_of_its_lists() {
    let options = ArrowOptions { arrays: nested(2), ..PLAIN };
    let mut builder = builder(&column(Oid(1182), -1), &options);
    let days = [0_i32, i32::MAX].map(i32::to_be_bytes);
    let value = array_of(1082, &[(2, 1), (1, 1)], &[Some(&days[0]), Some(&days[1])]);
    let good = array_of(1082, &[(1, 1), (1, 1)], &[Some(&days[0])]);
    let _ = builder.push(&body(&[Some(&good)])).unwrap();
    let bytes = builder.bytes();
    // Ends of the outer and the inner list, and a day.
    assert_eq!(bytes, 12);
    assert!(builder.push(&body(&[Some(&value)])).is_err());
    assert_eq!((builder.rows(), builder.bytes()), (1, bytes));
    assert_eq!(finish(&mut builder).num_rows(), 1);
}

#[test]
fn every_array_has_a_place_in_a_struct() {
    let values = [
        Some(numbers(&[(2, -5), (2, 7)], &[1, 0, 3, 4])),
        None,
        Some(empty()),
        Some(numbers(&[(1, 1)], &[5])),
        Some(numbers(&[(1, 1); 6], &[6])),
    ];
    for profile in [Profile::Arrow, Profile::Molt] {
        let batch = arrays(&options(Arrays::Structs, profile), &values);
        let found = batch.column(0).as_struct();
        assert!(found.is_null(1) && found.null_count() == 1);
        let part = |name: &str| lists(found.column_by_name(name).unwrap());
        let some = |values: &[i32]| Some(values.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(part("dimensions"), [some(&[2, 2]), None, some(&[]), some(&[1]), some(&[1; 6])]);
        assert_eq!(part("lower_bounds"), [some(&[-5, 7]), None, some(&[]), some(&[1]), some(&[1; 6])]);
        let first = Some(vec![Some(1), NULL, Some(3), Some(4)]);
        assert_eq!(part("values"), [first, None, some(&[]), some(&[5]), some(&[6])]);
        assert!(!batch.schema().field(0).metadata().contains_key("POSTGRESQL:unfit"));
    }
}

#[test]
fn a_number_of_dimensions_is_kept_in_range() {
    let count = |count| Dimensions::new(count).get();
    assert_eq!((count(0), count(1), count(6), count(7), count(255)), (1, 1, 6, 6, 6));
}
