use ::chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use molt_db::Connection;
use molt_db::types::Range;
use proptest::prelude::*;

use crate::check::{all, for_many, same, unread, unsent};
use crate::common::{connect, on_each_server};

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn at(date: NaiveDate, hour: u32, minute: u32, second: u32, micro: u32) -> NaiveDateTime {
    date.and_hms_micro_opt(hour, minute, second, micro).unwrap()
}

#[tokio::test]
async fn values_of_chrono_are_the_same_for_the_server() {
    let dates = [
        ("2000-01-01", day(2000, 1, 1)),
        ("2024-02-29", day(2024, 2, 29)),
        ("0001-12-31 BC", day(0, 12, 31)),
        ("4714-11-24 BC", day(-4713, 11, 24)),
        ("262142-12-31", NaiveDate::MAX),
    ];
    all("date", &dates).await;
    let times = [
        ("00:00:00", NaiveTime::MIN),
        ("12:34:56.789", NaiveTime::from_hms_milli_opt(12, 34, 56, 789).unwrap()),
        ("23:59:59.999999", NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap()),
    ];
    all("time", &times).await;
    let timestamps = [
        ("2024-02-29 12:00:00.000001", at(day(2024, 2, 29), 12, 0, 0, 1)),
        ("1969-12-31 23:59:59.999999", at(day(1969, 12, 31), 23, 59, 59, 999_999)),
        ("4714-11-24 00:00:00 BC", at(day(-4713, 11, 24), 0, 0, 0, 0)),
        ("262142-12-31 23:59:59.999999", at(NaiveDate::MAX, 23, 59, 59, 999_999)),
    ];
    all("timestamp", &timestamps).await;
    let points = timestamps.map(|(_, timestamp)| timestamp.and_utc());
    let literals = [
        "2024-02-29 17:30:00.000001+05:30",
        "1969-12-31 23:59:59.999999Z",
        "4714-11-24 00:00:00+00 BC",
        "262142-12-31 23:59:59.999999+00",
    ];
    let cases: Vec<_> = literals.into_iter().zip(points).collect();
    all("timestamptz", &cases).await;
    let east = FixedOffset::east_opt(20_700).unwrap();
    let cases: Vec<_> =
        cases[..2].iter().map(|(literal, point)| (*literal, point.with_timezone(&east))).collect();
    all("timestamptz", &cases).await;
}

#[tokio::test]
async fn what_chrono_or_the_server_lacks_is_an_error() {
    unread::<NaiveDate>(&[
        ("'infinity'::date", "infinite"),
        ("'-infinity'::date", "infinite"),
        ("'262143-01-01'::date", "year"),
        ("'5874897-12-31'::date", "year"),
    ])
    .await;
    unread::<NaiveTime>(&[("'24:00:00'::time", "24:00:00")]).await;
    unread::<NaiveDateTime>(&[
        ("'infinity'::timestamp", "infinite"),
        ("'262143-01-01'::timestamp", "year"),
        ("'294276-12-31 23:59:59.999999'::timestamp", "year"),
    ])
    .await;
    let points = [("'-infinity'::timestamptz", "infinite"), ("'262143-01-02'::timestamptz", "year")];
    unread::<DateTime<Utc>>(&points).await;
    unread::<DateTime<FixedOffset>>(&points).await;
    unsent(day(-4713, 11, 23), "4714").await;
    unsent(DateTime::<Utc>::MIN_UTC, "4714").await;
    let midnight = at(day(2024, 2, 29), 23, 59, 59, 0);
    unsent(midnight.time() + ::chrono::TimeDelta::nanoseconds(1), "nanoseconds").await;
    unsent(midnight.and_utc() + ::chrono::TimeDelta::nanoseconds(1), "nanoseconds").await;
    unsent(day(2016, 12, 31).and_hms_nano_opt(23, 59, 59, 1_000_000_000).unwrap(), "leap second").await;
    unsent(NaiveTime::from_hms_nano_opt(23, 59, 59, 1_999_999_999).unwrap(), "leap second").await;
}

#[tokio::test]
async fn ranges_hold_values_of_chrono() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let days = Range::new(day(2024, 2, 28)..day(2024, 3, 1));
        let points = Range::new(at(day(2024, 2, 29), 12, 0, 0, 1).and_utc()..);
        let sql = "select $1, upper($1) - lower($1), $2, '2024-02-29 12:00:00.000001Z'::timestamptz <@ $2";
        let found: (Range<NaiveDate>, i32, Range<DateTime<Utc>>, bool) =
            c.query(sql).bind_all((days, points)).one().await.unwrap();
        assert_eq!(found, (days, 2, points, true));
    })
    .await;
}

/// From the year 1 to 9998, whose dates everybody writes with four digits.
fn any_timestamp() -> impl Strategy<Value = NaiveDateTime> {
    let micros = -62_135_596_800_000_000..253_370_764_800_000_000_i64;
    micros.prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap().naive_utc())
}

#[test]
fn any_value_of_chrono_is_the_same_for_the_server() {
    for_many((any_timestamp(), -840..=840), async |c: &mut Connection, (timestamp, minutes)| {
        same(c, "timestamp", &timestamp.to_string(), timestamp).await?;
        same(c, "date", &timestamp.date().to_string(), &timestamp.date()).await?;
        same(c, "time", &timestamp.time().to_string(), &timestamp.time()).await?;
        same(c, "timestamptz", &timestamp.and_utc().to_string(), &timestamp.and_utc()).await?;
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        let point = timestamp.and_utc().with_timezone(&offset);
        // As an instant: the year may be none of four digits there.
        same(c, "timestamptz", &timestamp.and_utc().to_string(), &point).await
    });
}
