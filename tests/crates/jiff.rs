use ::jiff::civil::{self, Date, DateTime, Time};
use ::jiff::{SignedDuration, Span, Timestamp, ToSpan};
use molt_db::Connection;
use molt_db::types::{Interval, Range};

use crate::check::{SETTINGS, all, for_many, same, unread, unsent};
use crate::common::{connect, on_each_server};

#[tokio::test]
async fn values_of_jiff_are_the_same_for_the_server() {
    let dates = [
        ("2000-01-01", civil::date(2000, 1, 1)),
        ("2024-02-29", civil::date(2024, 2, 29)),
        ("0001-12-31 BC", civil::date(0, 12, 31)),
        ("4714-11-24 BC", civil::date(-4713, 11, 24)),
        ("9999-12-31", Date::MAX),
    ];
    all("date", &dates).await;
    let times = [
        ("00:00:00", Time::MIN),
        ("12:34:56.789", civil::time(12, 34, 56, 789_000_000)),
        ("23:59:59.999999", civil::time(23, 59, 59, 999_999_000)),
    ];
    all("time", &times).await;
    let timestamps = [
        ("2024-02-29 12:00:00.000001", civil::date(2024, 2, 29).at(12, 0, 0, 1_000)),
        ("1969-12-31 23:59:59.999999", civil::date(1969, 12, 31).at(23, 59, 59, 999_999_000)),
        ("4714-11-24 00:00:00 BC", civil::date(-4713, 11, 24).at(0, 0, 0, 0)),
        ("9999-12-31 23:59:59.999999", Date::MAX.at(23, 59, 59, 999_999_000)),
    ];
    all("timestamp", &timestamps).await;
    let point = |text: &str| text.parse::<Timestamp>().unwrap();
    let points = [
        ("2024-02-29 17:30:00.000001+05:30", point("2024-02-29T12:00:00.000001Z")),
        ("1969-12-31 23:59:59.999999Z", point("1969-12-31T23:59:59.999999Z")),
        ("4714-11-24 00:00:00+00 BC", point("-004713-11-24T00:00:00Z")),
        ("9999-12-30 22:00:00.999999+00", point("9999-12-30T22:00:00.999999Z")),
    ];
    all("timestamptz", &points).await;
    let durations = [
        ("0", SignedDuration::ZERO),
        ("-00:00:00.000001", SignedDuration::from_micros(-1)),
        ("27:46:40.5", SignedDuration::new(100_000, 500_000_000)),
        ("-2562000 hours", SignedDuration::from_hours(-2_562_000)),
    ];
    all("interval", &durations).await;
}

/// Spans have no equality of their own: they compare by what they are sent and read as.
#[tokio::test]
async fn spans_are_intervals_with_one_sign() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for settings in SETTINGS {
            c.script(settings).await.unwrap();
            for (literal, span) in [
                ("0", Span::new()),
                ("P2Y2M", 1.year().months(14)),
                ("P-15D", -2.weeks().days(1)),
                ("PT27H1M0.000001S", 26.hours().minutes(61).nanoseconds(1_000)),
                ("P-1M-2DT-5S", -1.month().days(2).milliseconds(5_000)),
                ("P19998Y", 239_976.months()),
            ] {
                let sql = "select $1::text::interval, $2::interval, $1::text::interval, array[$2::interval], \
                           $1::text::interval::text, $2::interval::text";
                let found = c.query(sql).bind_all((literal, span)).one().await.unwrap();
                let (read, echo, back, list, text, shown): (
                    Interval,
                    Interval,
                    Span,
                    Vec<Span>,
                    String,
                    String,
                ) = found;
                assert_eq!((read, &text), (echo, &shown), "{literal}");
                for span in [back, list[0]] {
                    let parts = (span.get_months(), span.get_days(), span.get_microseconds());
                    assert_eq!(parts, (read.months, read.days, read.micros), "{literal}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_jiff_or_the_server_lacks_is_an_error() {
    unread::<Date>(&[
        ("'infinity'::date", "infinite"),
        ("'-infinity'::date", "infinite"),
        ("'10000-01-01'::date", "year"),
        ("'5874897-12-31'::date", "year"),
    ])
    .await;
    unread::<Time>(&[("'24:00:00'::time", "24:00:00")]).await;
    unread::<DateTime>(&[("'infinity'::timestamp", "infinite"), ("'10000-01-01'::timestamp", "year")]).await;
    unread::<Timestamp>(&[
        ("'-infinity'::timestamptz", "infinite"),
        ("'9999-12-30 22:00:01Z'::timestamptz", "year"),
    ])
    .await;
    unread::<SignedDuration>(&[
        ("'1 month'::interval", "months or days"),
        ("'-1 day'::interval", "months or days"),
    ])
    .await;
    unsent(civil::date(-4713, 11, 23), "4714").await;
    unsent(Timestamp::MIN, "4714").await;
    unsent(civil::date(2024, 2, 29).at(0, 0, 0, 1), "nanoseconds").await;
    unsent(Time::MAX, "nanoseconds").await;
    unsent(Timestamp::MAX, "nanoseconds").await;
    unsent(SignedDuration::from_nanos(1_001), "nanoseconds").await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for mixed in ["1 month -1 day", "-1 day 00:00:01", "240000 months", "200000000 hours"] {
            let sql = format!("select '{mixed}'::interval");
            let error = c.query(&sql).one::<(Span,)>().await.unwrap_err();
            assert!(crate::common::value_error(&error).is_out_of_range(), "{error}");
        }
        let error = c.query("select $1").bind(1.nanosecond()).execute().await.unwrap_err();
        assert!(error.to_string().contains("nanoseconds"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn ranges_hold_values_of_jiff() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let days = Range::new(civil::date(2024, 2, 28)..civil::date(2024, 3, 1));
        let points = Range::new("2024-02-29T12:00:00.000001Z".parse::<Timestamp>().unwrap()..);
        let sql = "select $1, upper($1) - lower($1), $2, '2024-02-29 12:00:00.000001Z'::timestamptz <@ $2";
        let found: (Range<Date>, i32, Range<Timestamp>, bool) =
            c.query(sql).bind_all((days, points)).one().await.unwrap();
        assert_eq!(found, (days, 2, points, true));
    })
    .await;
}

#[test]
fn any_value_of_jiff_is_the_same_for_the_server() {
    // From the year 1 to 9998, whose dates everybody writes with four digits.
    let micros = -62_135_596_800_000_000..253_370_764_800_000_000_i64;
    let signs = proptest::sample::select(vec![1, -1]);
    for_many((micros, 0..200_000_i32, 0..7_000_000_i32, signs), async |c: &mut Connection, drawn| {
        let (micros, months, days, sign) = *drawn;
        let point = Timestamp::from_microsecond(micros).unwrap();
        let timestamp = ::jiff::tz::Offset::UTC.to_datetime(point);
        same(c, "timestamp", &timestamp.to_string(), &timestamp).await?;
        same(c, "date", &timestamp.date().to_string(), &timestamp.date()).await?;
        same(c, "time", &timestamp.time().to_string(), &timestamp.time()).await?;
        same(c, "timestamptz", &point.to_string(), &point).await?;
        let expected =
            Interval { months: months * sign, days: days * sign, micros: micros.abs() * i64::from(sign) };
        let span = Span::new().months(months).days(days).microseconds(micros.abs()) * i64::from(sign);
        let found = c.query("select $1::interval, $1::interval").bind(span).one::<(Interval, Span)>().await;
        let (read, back) = found.map_err(|error| error.to_string())?;
        let is_same = read == expected && back.fieldwise() == span;
        if is_same { Ok(()) } else { Err(format!("{span:?} is {read:?}, {back:?}")) }
    });
}
