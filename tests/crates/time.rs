use ::time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use molt_db::Connection;
use molt_db::types::Range;
use proptest::prelude::*;

use crate::check::{all, for_many, same, unread, unsent};
use crate::common::{connect, on_each_server};

fn day(year: i32, month: u8, day: u8) -> Date {
    Date::from_calendar_date(year, month.try_into().unwrap(), day).unwrap()
}

fn at(date: Date, hour: u8, minute: u8, second: u8, micro: u32) -> PrimitiveDateTime {
    date.with_hms_micro(hour, minute, second, micro).unwrap()
}

#[tokio::test]
async fn values_of_time_are_the_same_for_the_server() {
    let dates = [
        ("2000-01-01", day(2000, 1, 1)),
        ("2024-02-29", day(2024, 2, 29)),
        ("0001-12-31 BC", day(0, 12, 31)),
        ("4714-11-24 BC", day(-4713, 11, 24)),
        ("9999-12-31", day(9_999, 12, 31)),
    ];
    all("date", &dates).await;
    let times = [
        ("00:00:00", Time::MIDNIGHT),
        ("12:34:56.789", Time::from_hms_milli(12, 34, 56, 789).unwrap()),
        ("23:59:59.999999", Time::from_hms_micro(23, 59, 59, 999_999).unwrap()),
    ];
    all("time", &times).await;
    let timestamps = [
        ("2024-02-29 12:00:00.000001", at(day(2024, 2, 29), 12, 0, 0, 1)),
        ("1969-12-31 23:59:59.999999", at(day(1969, 12, 31), 23, 59, 59, 999_999)),
        ("4714-11-24 00:00:00 BC", at(day(-4713, 11, 24), 0, 0, 0, 0)),
        ("9999-12-31 23:59:59.999999", at(day(9_999, 12, 31), 23, 59, 59, 999_999)),
    ];
    all("timestamp", &timestamps).await;
    let east = UtcOffset::from_hms(5, 45, 0).unwrap();
    let points = [
        ("2024-02-29 17:30:00.000001+05:30", timestamps[0].1.assume_utc()),
        ("1969-12-31 23:59:59.999999Z", timestamps[1].1.assume_utc().to_offset(east)),
        ("4714-11-24 00:00:00+00 BC", timestamps[2].1.assume_utc()),
        ("9999-12-31 23:59:59.999999+00", timestamps[3].1.assume_utc()),
    ];
    all("timestamptz", &points).await;
}

#[tokio::test]
async fn what_time_or_the_server_lacks_is_an_error() {
    unread::<Date>(&[
        ("'infinity'::date", "infinite"),
        ("'-infinity'::date", "infinite"),
        ("'1000000-01-01'::date", "year"),
        ("'5874897-12-31'::date", "year"),
    ])
    .await;
    unread::<Time>(&[("'24:00:00'::time", "24:00:00")]).await;
    unread::<PrimitiveDateTime>(&[("'infinity'::timestamp", "infinite")]).await;
    unread::<OffsetDateTime>(&[("'-infinity'::timestamptz", "infinite")]).await;
    unsent(day(-4713, 11, 23), "4714").await;
    unsent(at(day(-4713, 11, 23), 23, 59, 59, 999_999), "4714").await;
    unsent(Date::MIN.midnight().assume_utc(), "4714").await;
    let finer = at(day(2024, 2, 29), 23, 59, 59, 0) + Duration::nanoseconds(1);
    unsent(finer, "nanoseconds").await;
    unsent(finer.time(), "nanoseconds").await;
    unsent(finer.assume_utc(), "nanoseconds").await;
}

#[tokio::test]
async fn ranges_hold_values_of_time() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let days = Range::new(day(2024, 2, 28)..day(2024, 3, 1));
        let points = Range::new(at(day(2024, 2, 29), 12, 0, 0, 1).assume_utc()..);
        let sql = "select $1, upper($1) - lower($1), $2, '2024-02-29 12:00:00.000001Z'::timestamptz <@ $2";
        let found: (Range<Date>, i32, Range<OffsetDateTime>, bool) =
            c.query(sql).bind_all((days, points)).one().await.unwrap();
        assert_eq!(found, (days, 2, points, true));
    })
    .await;
}

/// From the year 1 to 9998, whose dates everybody writes with four digits.
fn any_point() -> impl Strategy<Value = OffsetDateTime> {
    let micros = -62_135_596_800_000_000..253_370_764_800_000_000_i128;
    micros.prop_map(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros * 1_000).unwrap())
}

#[test]
fn any_value_of_time_is_the_same_for_the_server() {
    for_many((any_point(), -14_i8..=14, 0_i8..60), async |c: &mut Connection, (point, hours, minutes)| {
        let timestamp = PrimitiveDateTime::new(point.date(), point.time());
        same(c, "timestamp", &timestamp.to_string(), &timestamp).await?;
        same(c, "date", &point.date().to_string(), &point.date()).await?;
        same(c, "time", &point.time().to_string(), &point.time()).await?;
        same(c, "timestamptz", &point.to_string(), point).await?;
        let offset = UtcOffset::from_hms(*hours, minutes * hours.signum(), 0).unwrap();
        same(c, "timestamptz", &point.to_string(), &point.checked_to_offset(offset).unwrap_or(*point)).await
    });
}
