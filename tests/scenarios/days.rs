use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{Date32Type, TimestampMicrosecondType};
use molt_db::types::{Date, Interval, Time, Timestamp, TimestampTz};

use crate::arrow;
use crate::common::{assert_usable, connect, on_each_server};

/// Scenario 33: 4713 before our era is a leap year, as the year after 4714 is numbered -4712.
#[tokio::test]
async fn the_first_leap_day_is_a_day() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        for literal in ["4713-02-29 BC", "4713-02-28 BC", "4713-03-01 BC", "0001-02-29 BC", "0005-02-29 BC"] {
            let sql = format!(
                "select '{literal}'::date, '{literal}'::timestamp, '{literal}'::timestamptz, \
                 '{literal}'::date - date 'epoch', '{literal}'::date::text, '{literal}'::timestamp::text"
            );
            let (date, stamp, zoned, days, text, long): (Date, Timestamp, TimestampTz, i32, String, String) =
                c.query(&sql).one().await.unwrap();
            assert_eq!((date.to_string(), stamp.to_string()), (text, long));
            assert_eq!(stamp.micros(), zoned.micros());
            let same =
                "select $1 = $4::text::date and $2 = $4::text::timestamp and $3 = $4::text::timestamptz";
            let (same,): (bool,) = c.query(same).bind_all((date, stamp, zoned, literal)).one().await.unwrap();
            assert!(same, "{literal}");
            let batch = arrow(&mut c, &sql).await;
            assert_eq!(batch.column(0).as_primitive::<Date32Type>().value(0), days, "{literal}");
            let micros = batch.column(1).as_primitive::<TimestampMicrosecondType>().value(0);
            assert_eq!(micros, i64::from(days) * 86_400_000_000, "{literal}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 33: zones that differed from UTC by odd seconds, before 1970.
#[tokio::test]
async fn a_session_in_a_zone_of_odd_seconds_reads_the_same_moment() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for zone in ["Africa/Monrovia", "America/St_Johns", "Asia/Kathmandu", "Europe/Dublin", "Asia/Manila"]
        {
            c.script(&format!("set TimeZone to '{zone}'")).await.unwrap();
            for literal in ["1850-01-01 00:00:00", "1900-06-30 12:34:56.789", "1960-12-31 23:59:59.999999"] {
                let sql = format!(
                    "select '{literal}'::timestamptz, '{literal}'::timestamptz::text, \
                     '{literal}'::timestamptz at time zone 'UTC'"
                );
                let (zoned, shown, utc): (TimestampTz, String, Timestamp) =
                    c.query(&sql).one().await.unwrap();
                assert_eq!(zoned.micros(), utc.micros(), "{zone} {shown}");
                let (back, text): (TimestampTz, String) =
                    c.query("select $1::timestamptz, $1::text").bind(zoned).one().await.unwrap();
                assert_eq!((back, &text), (zoned, &shown), "{zone}");
                let (read,): (TimestampTz,) =
                    c.query("select $1::text::timestamptz").bind(&shown).one().await.unwrap();
                assert_eq!(read, zoned, "{zone} {shown}");
                let batch = arrow(&mut c, &sql).await;
                let counts =
                    [0, 2].map(|at| batch.column(at).as_primitive::<TimestampMicrosecondType>().value(0));
                assert_eq!(counts[0], counts[1], "{zone} {shown}");
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 33: halves of a microsecond are the server's to round, in literals and in strings.
#[tokio::test]
async fn fractions_of_a_microsecond_are_rounded_by_the_server_alone() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        for fraction in ["0000005", "0000015", "0000025", "00000049", "9999995", "99999949", "1234565"] {
            for day in ["2000-01-01", "1999-12-31", "0044-03-15"] {
                let (clock, full) = (format!("23:59:59.{fraction}"), format!("{day} 23:59:59.{fraction}"));
                let sql = format!(
                    "select '{clock}'::time, '{clock}'::time::text, '{full}'::timestamp, '{full}'::timestamp::text, \
                     '{full}'::timestamptz, '{clock}'::interval, '{clock}'::interval::text"
                );
                type Row = (Time, String, Timestamp, String, TimestampTz, Interval, String);
                let row: Row = c.query(&sql).one().await.unwrap();
                assert_eq!((row.0.to_string(), row.2.to_string()), (row.1, row.3), "{full}");
                assert_eq!((row.4.micros(), row.5.to_string()), (row.2.micros(), row.6), "{full}");
                let sent: (Time, Timestamp, TimestampTz, Interval) = c
                    .query("select $1::time, $2::timestamp, $2::timestamptz, $1::interval")
                    .bind_all((&clock, &full))
                    .one()
                    .await
                    .unwrap_or_else(|error| panic!("{full}: {error}"));
                assert_eq!(sent, (row.0, row.2, row.4, row.5), "{full}");
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}
