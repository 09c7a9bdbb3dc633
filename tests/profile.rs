//! Arrays of declared dimensions, and the profile of Molt's IPC contract, against what the server says of the values.

mod common;

use common::{assert_usable, connect, on_each_server, value_error};
use molt_db::Connection;
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{Date32Type, Int32Type, Int64Type};
use molt_db::arrow::array::{Array as _, ArrayRef};
use molt_db::arrow::schema::DataType;
use molt_db::arrow::{Arrays, ArrowOptions, BatchLimits, Dimensions, Profile, Unfit};
use molt_db::types::Interval;

const MOLT: fn(Arrays) -> ArrowOptions =
    |arrays| ArrowOptions { profile: Profile::Molt, arrays, ..ArrowOptions::default() };

fn nested(count: u8) -> Arrays {
    Arrays::Nested(Dimensions::new(count))
}

/// Takes the only column of all rows.
async fn column(c: &mut Connection, sql: &str, options: &ArrowOptions) -> Result<ArrayRef, molt_db::Error> {
    let mut batches = c.query(sql).arrow_with(options, BatchLimits::default()).await?;
    let batch = batches.next().await?.unwrap_or_else(|| panic!("{sql}: no rows"));
    assert!(batches.next().await?.is_none());
    batch.column(0).to_data().validate_full().unwrap();
    Ok(batch.column(0).clone())
}

fn ints(array: &dyn molt_db::arrow::array::Array) -> Vec<Option<i32>> {
    array.as_primitive::<Int32Type>().iter().collect()
}

/// Finds all elements of lists in lists, and how long the lists on the way to the first are.
fn flat(array: ArrayRef) -> (Vec<usize>, Vec<Option<i32>>) {
    let (mut lengths, mut array) = (Vec::new(), array);
    while let DataType::List(_) = array.data_type() {
        let lists = array.as_list::<i32>();
        lengths.push(lists.value(0).len());
        let len = lists.value(0).len();
        assert!((0..lists.len()).all(|list| lists.value(list).len() == len), "the lists are of one length");
        array = lists.values().clone();
    }
    (lengths, ints(&array))
}

#[tokio::test]
async fn arrays_have_the_dimensions_that_the_server_says() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let literals = [
            ("{1,NULL,3}", 1),
            ("{{1,2},{NULL,4},{5,6}}", 2),
            ("{{{1},{2}}}", 3),
            ("{{{{{{7,8}}}}}}", 6),
            ("[0:0][-2:0]={{1,2,3}}", 2),
            ("[5:7]={1,2,3}", 1),
        ];
        for (literal, count) in literals {
            let sql = format!("select '{literal}'::int4[]");
            let dims = format!(
                "select array_agg(array_length(v, d) order by d), array_agg(array_lower(v, d) order by d), \
                 (select array_agg(u) from unnest(v) u) from (select '{literal}'::int4[] v) x, \
                 generate_series(1, {count}) d group by v"
            );
            let (lengths, lower, elements): (Vec<i32>, Vec<i32>, Vec<Option<i32>>) =
                c.query(&dims).one().await.unwrap();
            let lengths: Vec<_> = lengths.iter().map(|len| *len as usize).collect();
            let some = |numbers: &[i32]| numbers.iter().copied().map(Some).collect::<Vec<_>>();

            let plain = ArrowOptions { arrays: nested(count), ..ArrowOptions::default() };
            if lower.iter().all(|lower| *lower == 1) {
                let found = column(&mut c, &sql, &plain).await.unwrap();
                assert_eq!(flat(found), (lengths.clone(), elements.clone()), "{literal}");
            } else {
                let error = column(&mut c, &sql, &plain).await.unwrap_err();
                assert!(value_error(&error).to_string().contains("lower bound"), "{error}");
                c.settle().await.unwrap();
            }
            let molt = column(&mut c, &sql, &MOLT(nested(count))).await.unwrap();
            let molt = molt.as_struct();
            assert_eq!(
                ints(&molt.column_by_name("lower_bounds").unwrap().as_list::<i32>().value(0)),
                some(&lower)
            );
            assert_eq!(
                flat(molt.column_by_name("values").unwrap().clone()),
                (lengths.clone(), elements.clone())
            );
            for profile in [Profile::Arrow, Profile::Molt] {
                let options = ArrowOptions { profile, arrays: Arrays::Structs, ..ArrowOptions::default() };
                let whole = column(&mut c, &sql, &options).await.unwrap();
                let part = |name: &str| {
                    ints(&whole.as_struct().column_by_name(name).unwrap().as_list::<i32>().value(0))
                };
                let lengths: Vec<_> = lengths.iter().map(|len| Some(*len as i32)).collect();
                assert_eq!((part("dimensions"), part("lower_bounds")), (lengths, some(&lower)), "{literal}");
                assert_eq!(part("values"), elements, "{literal}");
            }
            // Another number of dimensions follows the policy.
            let other = ArrowOptions { unfit: Unfit::Null.into(), ..MOLT(nested(count % 6 + 1)) };
            assert!(column(&mut c, &sql, &other).await.unwrap().is_null(0), "{literal}");
        }
        let empty = column(&mut c, "select '{}'::int4[]", &MOLT(nested(3))).await.unwrap();
        assert!(empty.is_valid(0));
        assert_eq!(empty.as_struct().column(1).as_list::<i32>().value_length(0), 0);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn ranges_of_the_contract_have_bounds_that_are_structs() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let literals = ["[1,4)", "(,4)", "[2,)", "(,)", "empty"];
        for literal in literals {
            let sql = format!("select '{literal}'::int4range");
            let facts = "select isempty(r), lower(r), upper(r), lower_inc(r), upper_inc(r), lower_inf(r), upper_inf(r)";
            let facts = format!("{facts} from (select '{literal}'::int4range r) x");
            type Facts = (bool, Option<i32>, Option<i32>, bool, bool, bool, bool);
            let (empty, lower, upper, lower_inc, upper_inc, lower_inf, upper_inf): Facts =
                c.query(&facts).one().await.unwrap();
            let found = column(&mut c, &sql, &MOLT(Arrays::Lists)).await.unwrap();
            let found = found.as_struct();
            assert_eq!(found.column_by_name("empty").unwrap().as_boolean().value(0), empty);
            for (name, value, inclusive, infinite) in
                [("lower", lower, lower_inc, lower_inf), ("upper", upper, upper_inc, upper_inf)]
            {
                let bound = found.column_by_name(name).unwrap().as_struct();
                assert_eq!(bound.is_null(0), empty, "{literal} {name}");
                assert_eq!(ints(bound.column_by_name("value").unwrap()), [value]);
                if !empty {
                    assert_eq!(bound.column_by_name("value").unwrap().is_null(0), infinite, "{literal}");
                    assert_eq!(bound.column_by_name("inclusive").unwrap().as_boolean().value(0), inclusive);
                }
            }
        }
        let error = column(&mut c, "select '[2000-01-01,infinity)'::daterange", &MOLT(Arrays::Lists)).await;
        assert!(value_error(&error.unwrap_err()).is_out_of_range());
        c.settle().await.unwrap();
        if server.version().0 >= 14 {
            let sql = "select '{(,1970-01-02),[1970-01-05,)}'::datemultirange";
            let found = column(&mut c, sql, &MOLT(Arrays::Lists)).await.unwrap();
            let found = found.as_struct();
            assert_eq!(ints(&found.column(0).as_list::<i32>().value(0)), [Some(1)]);
            let ranges = found.column(1).as_list::<i32>().value(0);
            let upper = ranges.as_struct().column_by_name("upper").unwrap().as_struct();
            let uppers: Vec<_> = upper.column(0).as_primitive::<Date32Type>().iter().collect();
            assert_eq!(uppers, [Some(1), None]);
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn intervals_of_the_contract_hold_all_but_the_infinities() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        // Before 15 the parser of intervals overflows at the last one.
        let longest = (server.version().0 >= 15).then_some("-2562047788:00:54.775807");
        for literal in ["1 year -2 days 3:00", "0", "178000000 years"].into_iter().chain(longest) {
            let sql = format!("select '{literal}'::interval");
            let (expected,): (Interval,) = c.query(&sql).one().await.unwrap();
            let found = column(&mut c, &sql, &MOLT(Arrays::Lists)).await.unwrap();
            let found = found.as_struct();
            let (months, days) = (ints(found.column(0))[0], ints(found.column(1))[0]);
            let micros = found.column(2).as_primitive::<Int64Type>().value(0);
            assert_eq!(
                Interval { months: months.unwrap(), days: days.unwrap(), micros },
                expected,
                "{literal}"
            );
        }
        if server.version().0 >= 17 {
            for literal in ["infinity", "-infinity"] {
                let sql = format!("select '{literal}'::interval");
                let error = column(&mut c, &sql, &MOLT(Arrays::Lists)).await.unwrap_err();
                assert_eq!(value_error(&error).value(), Some(literal));
                c.settle().await.unwrap();
                let text = ArrowOptions { unfit: Unfit::Text.into(), ..MOLT(Arrays::Lists) };
                let found = column(&mut c, &sql, &text).await.unwrap();
                assert_eq!(found.as_string::<i32>().value(0), literal);
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}
