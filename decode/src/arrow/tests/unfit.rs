//! The policies of what does not fit.

use arrow_schema::Field;

use super::blocks::{array, array_of};
use super::*;
use crate::types::{Interval, Multirange, Range, TimeTz};
use crate::{Time, Timestamp, TimestampTz};

fn with(unfit: Policies) -> ArrowOptions {
    ArrowOptions { unfit, ..PLAIN }
}

fn to_text() -> ArrowOptions {
    with(Unfit::Text.into())
}

fn field(oid: Oid, typmod: i32, options: &ArrowOptions) -> Field {
    ArrowPlan::compile(&column(oid, typmod), options).schema().field(0).clone()
}

fn in_force(field: &Field) -> Option<&str> {
    field.metadata().get("POSTGRESQL:unfit").map(String::as_str)
}

/// Puts one value into a batch: its text, or that it is NULL.
fn text_of(oid: Oid, typmod: i32, options: &ArrowOptions, value: &impl ToSql) -> Option<String> {
    let batch = batch(&column(oid, typmod), options, &[row_of(value)]);
    let texts = batch.column(0).as_string::<i32>();
    texts.is_valid(0).then(|| texts.value(0).to_owned())
}

fn refused(oid: Oid, typmod: i32, options: &ArrowOptions, value: &impl ToSql) -> BatchError {
    builder(&column(oid, typmod), options).push(&row_of(value)).unwrap_err()
}

const PRICE: i32 = 983_046;

#[test]
fn a_column_whose_type_has_values_that_do_not_fit_is_text_and_others_stay() {
    let days = Date::from_ymd(2024, 2, 29).unwrap();
    let late = Timestamp::from_micros(i64::MAX - 1);
    let noon = Time::from_micros(43_200_500_000).unwrap();
    let none = Interval { months: -13, days: 1, micros: i64::MAX };
    let known: [(Oid, i32, &dyn ToSql, &str); 13] = [
        (Oid::DATE, -1, &days, "2024-02-29"),
        (Oid::DATE, -1, &Date::NEG_INFINITY, "-infinity"),
        (Oid::TIMESTAMP, -1, &Timestamp::INFINITY, "infinity"),
        (Oid::TIMESTAMP, -1, &late, "294277-01-09 04:00:54.775806"),
        (Oid::TIMESTAMPTZ, -1, &TimestampTz::from_micros(-1), "1999-12-31 23:59:59.999999+00"),
        (Oid::TIME, -1, &Time::from_micros(86_400_000_000).unwrap(), "24:00:00"),
        (Oid::TIME, -1, &noon, "12:00:00.5"),
        (Oid::TIMETZ, -1, &TimeTz::new(noon, -1_800).unwrap(), "12:00:00.5-00:30"),
        (Oid::INTERVAL, -1, &none, "-1 years -1 mons +1 day 2562047788:00:54.775807"),
        (Oid::NUMERIC, PRICE, &Numeric::NAN, "NaN"),
        (Oid::NUMERIC, PRICE, &numeric("-12.50"), "-12.50"),
        (Oid::CHAR, -1, &-23_i8, "\\351"),
        (Oid::CHAR, -1, &0_i8, ""),
    ];
    for (oid, typmod, value, text) in known {
        let field = field(oid, typmod, &to_text());
        assert_eq!((field.data_type(), in_force(&field)), (&DataType::Utf8, Some("text")), "{oid}");
        assert_eq!(field.extension_type_name(), Some("arrow.opaque"));
        assert_eq!(text_of(oid, typmod, &to_text(), &value).as_deref(), Some(text), "{oid}");
    }
    let views = ArrowOptions { text: TextLayout::Utf8View, ..to_text() };
    assert_eq!(field(Oid::DATE, -1, &views).data_type(), &DataType::Utf8View);
    for oid in
        [Oid::INT4, Oid::BOOL, Oid::FLOAT8, Oid::UUID, Oid::POINT, Oid::INT4RANGE, Oid::BYTEA, Oid::NUMERIC]
    {
        let same = field(oid, -1, &to_text());
        assert_eq!((&same, in_force(&same)), (&field(oid, -1, &PLAIN), None), "{oid}");
    }
}

#[test]
fn ranges_are_text_and_multiranges_lists_of_it() {
    let range = Range::new(Timestamp::from_micros(0)..Timestamp::INFINITY);
    let text = r#"["2000-01-01 00:00:00",infinity)"#;
    assert_eq!(text_of(Oid::TSRANGE, -1, &to_text(), &range).as_deref(), Some(text));
    let empty = Range::<Timestamp>::Empty;
    assert_eq!(text_of(Oid::TSRANGE, -1, &to_text(), &empty).as_deref(), Some("empty"));
    let days = Multirange(vec![Range::new(..Date::from_days(0)), Range::new(Date::from_days(9)..)]);
    let batch = batch(&column(Oid::DATEMULTIRANGE, -1), &to_text(), &[row_of(&days)]);
    let list = batch.column(0).as_list::<i32>().value(0);
    let texts: Vec<_> = list.as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["(,2000-01-01)", "[2000-01-10,)"]);
}

#[test]
fn arrays_are_text_or_lists_of_it() {
    let dates = [Some(Date::INFINITY), None, Some(Date::from_days(0))];
    let text = text_of(Oid(1182), -1, &to_text(), &dates);
    assert_eq!(text.as_deref(), Some("{infinity,NULL,2000-01-01}"));

    let elements = with(Policies { shape: Unfit::Error, ..Unfit::Text.into() });
    let batch = batch(&column(Oid(1182), -1), &elements, &[row_of(&dates)]);
    let list = batch.column(0).as_list::<i32>().value(0);
    let texts: Vec<_> = list.as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("infinity"), None, Some("2000-01-01")]);
    let schema = batch.schema();
    let DataType::List(item) = schema.field(0).data_type() else { panic!("{schema}") };
    assert_eq!((in_force(schema.field(0)), in_force(item)), (Some("error"), Some("text")));

    let shapes = with(Policies { shape: Unfit::Text, ..Policies::default() });
    let value = array_of(25, &[(1, -5), (2, 7)], &[Some(b"a\"\\"), Some(b" ")]);
    let batch = super::batch(&column(Oid(1009), -1), &shapes, &[body(&[Some(&value)])]);
    assert_eq!(batch.column(0).as_string::<i32>().value(0), r#"[-5:-5][7:8]={{"a\"\\"," "}}"#);
    assert_eq!(in_force(batch.schema().field(0)), Some("shape=text,encoding=error"));
    assert!(matches!(
        field(Oid(1182), -1, &with(Policies { infinity: Unfit::Null, ..Policies::default() })).data_type(),
        DataType::List(_)
    ));
}

#[test]
fn a_policy_is_one_of_its_kind_alone() {
    let infinite = with(Policies { infinity: Unfit::Null, ..Policies::default() });
    let null = |oid, typmod, value: &dyn ToSql| {
        batch(&column(oid, typmod), &infinite, &[row_of(&value)]).column(0).is_null(0)
    };
    assert!(null(Oid::TIMESTAMP, -1, &Timestamp::INFINITY));
    assert!(null(Oid::NUMERIC, PRICE, &Numeric::INFINITY));
    assert!(null(Oid::INTERVAL, -1, &Interval::INFINITY));
    assert!(null(Oid::TSRANGE, -1, &Range::new(..Timestamp::INFINITY)));
    let others: [(Oid, i32, &dyn ToSql); 6] = [
        (Oid::TIMESTAMP, -1, &Timestamp::from_micros(i64::MAX - 1)),
        (Oid::NUMERIC, PRICE, &Numeric::NAN),
        (Oid::NUMERIC, PRICE, &numeric("1e20")),
        (Oid::INTERVAL, -1, &Interval { months: 0, days: 0, micros: i64::MAX }),
        (Oid::TIME, -1, &Time::from_micros(86_400_000_000).unwrap()),
        (Oid::CHAR, -1, &-1_i8),
    ];
    for (oid, typmod, value) in others {
        let error = refused(oid, typmod, &infinite, &value);
        assert!(matches!(&error, BatchError::Value { error, .. } if error.is_out_of_range()), "{error}");
    }
    let rest = Policies { infinity: Unfit::Error, ..Unfit::Null.into() };
    for (oid, typmod, value) in others {
        assert!(batch(&column(oid, typmod), &with(rest), &[row_of(&value)]).column(0).is_null(0), "{oid}");
    }
    let error = refused(Oid::TIMESTAMP, -1, &with(rest), &Timestamp::INFINITY).to_string();
    assert!(error.contains("infinite"), "{error}");
}

#[test]
fn the_schema_says_which_policy_is_in_force() {
    let infinite = with(Policies { infinity: Unfit::Null, ..Policies::default() });
    for (oid, typmod, expected) in [
        (Oid::DATE, -1, Some("null")),
        (Oid::TIMESTAMP, -1, Some("infinity=null,range=error")),
        (Oid::NUMERIC, PRICE, Some("infinity=null,nan=error,digits=error")),
        (Oid::NUMERIC, -1, None),
        (Oid::TIME, -1, Some("error")),
        (Oid::TEXT, -1, Some("error")),
        (Oid::JSONB, -1, Some("error")),
        (Oid::INT8, -1, None),
        (Oid::INET, -1, None),
        (Oid::TSRANGE, -1, Some("infinity=null,range=error")),
        (Oid::INT4RANGE, -1, None),
        (Oid(1007), -1, Some("error")),
        (Oid(70_000), -1, None),
    ] {
        assert_eq!(in_force(&field(oid, typmod, &infinite)), expected, "{oid}");
    }
    // What does not fit is the range, and not its bound.
    let DataType::Struct(parts) = field(Oid::TSRANGE, -1, &infinite).data_type().clone() else { panic!() };
    assert!(parts.iter().all(|part| in_force(part).is_none()));
    let broken = with(Policies { encoding: BrokenText::Null, ..Policies::default() });
    assert_eq!(in_force(&field(Oid::TEXT, -1, &broken)), Some("null"));
}

#[test]
fn an_error_hands_out_the_value_and_does_not_print_it() {
    let value = |error: BatchError| {
        let BatchError::Value { error, .. } = error else { panic!("{error}") };
        let text = error.value().map(str::to_owned);
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains(text.as_deref().unwrap_or("no value")), "{printed}");
        text
    };
    let late = Timestamp::from_micros(i64::MAX - 1);
    assert_eq!(value(refused(Oid::TIMESTAMP, -1, &PLAIN, &late)).unwrap(), "294277-01-09 04:00:54.775806");
    assert_eq!(
        value(refused(Oid::NUMERIC, PRICE, &PLAIN, &numeric("123e20"))).unwrap(),
        format!("123{}", "0".repeat(20))
    );
    let dates = vec![Date::from_days(0), Date::NEG_INFINITY];
    assert_eq!(value(refused(Oid(1182), -1, &PLAIN, &dates)).unwrap(), "{2000-01-01,-infinity}");
    assert_eq!(
        value(refused(Oid::DATERANGE, -1, &PLAIN, &Range::new(..=Date::INFINITY))).unwrap(),
        "(,infinity]"
    );
    let many = vec![Date::INFINITY; 1_000];
    let text = value(refused(Oid(1182), -1, &PLAIN, &many)).unwrap();
    assert!(text.starts_with("{infinity,") && text.ends_with('…') && text.len() == 256 + '…'.len_utf8());
    assert_eq!(value(refused(Oid(1182), -1, &PLAIN, &vec![Date::INFINITY; 100_000])), None);

    let mut texts = builder(&column(Oid::TEXT, -1), &PLAIN);
    let _ = texts.push(&body(&[Some(b"a\xff\"")])).unwrap();
    assert_eq!(value(texts.finish().unwrap_err()).unwrap(), r#"a\xff\""#);
    let malformed = builder(&column(Oid::DATE, -1), &PLAIN).push(&body(&[Some(b"secret")])).unwrap_err();
    assert_eq!(value(malformed), None);
}

#[test]
fn text_that_is_not_utf8_can_be_null() {
    let values = [Some(&b"a"[..]), Some(b"\xff"), None, Some(b"b\xc3"), Some("ä".as_bytes()), Some(b"")];
    let expected = [Some("a"), None, None, None, Some("ä"), Some("")];
    let keep = Policies { encoding: BrokenText::Null, ..Policies::default() };
    for text in [TextLayout::Utf8, TextLayout::Utf8View] {
        let options = ArrowOptions { text, ..with(keep) };
        let rows: Vec<_> = values.iter().map(|value| body(&[*value])).collect();
        let mut builder = builder(&column(Oid::TEXT, -1), &options);
        rows.iter().for_each(|row| assert_eq!(builder.push(row).unwrap(), Filled::More));
        let batch = finish(&mut builder);
        let found: Vec<_> = match text {
            TextLayout::Utf8 => batch.column(0).as_string::<i32>().iter().collect(),
            TextLayout::Utf8View => batch.column(0).as_string_view().iter().collect(),
        };
        assert_eq!(found, expected);
        // The next batch is as any other.
        assert_eq!(builder.push(&rows[0]).unwrap(), Filled::More);
        assert_eq!(finish(&mut builder).column(0).null_count(), 0);
    }
    let list = array(25, &[Some(b"a"), Some(b"\xff")]);
    let batch = batch(&column(Oid(1009), -1), &with(keep), &[body(&[Some(&list)])]);
    let list = batch.column(0).as_list::<i32>().value(0);
    assert_eq!(list.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), None]);
}

proptest! {
    /// What is text under the policy is what the Rust type prints.
    #[test]
    fn all_values_of_a_column_of_text_are_as_they_print(days: i32, micros: i64, months: i32, unscaled: i64) {
        let text = |oid, typmod, value: &dyn ToSql| text_of(oid, typmod, &to_text(), &value).unwrap();
        prop_assert_eq!(text(Oid::DATE, -1, &Date::from_days(days)), Date::from_days(days).to_string());
        let timestamp = Timestamp::from_micros(micros);
        prop_assert_eq!(text(Oid::TIMESTAMP, -1, &timestamp), timestamp.to_string());
        let zoned = TimestampTz::from_micros(micros);
        prop_assert_eq!(text(Oid::TIMESTAMPTZ, -1, &zoned), zoned.to_string());
        let interval = Interval { months, days, micros };
        prop_assert_eq!(text(Oid::INTERVAL, -1, &interval), interval.to_string());
        let number = Numeric::from_scaled(unscaled.into(), 2);
        prop_assert_eq!(text(Oid::NUMERIC, PRICE, &number), number.to_string());
        let range = Range::new(timestamp..);
        prop_assert_eq!(text(Oid::TSRANGE, -1, &range), range.to_string());
    }
}
