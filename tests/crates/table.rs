use std::collections::BTreeMap;

use molt_db::ToSql;
use molt_db::decode::Format;

/// For each type the OID and the format.
type Table = BTreeMap<String, (u32, String)>;

#[test]
fn every_type_is_sent_as_the_table_of_crates_says() {
    let mut sent = Table::new();
    note::<chrono::NaiveDate>(&mut sent, "chrono::NaiveDate");
    note::<chrono::NaiveTime>(&mut sent, "chrono::NaiveTime");
    note::<chrono::NaiveDateTime>(&mut sent, "chrono::NaiveDateTime");
    note::<chrono::DateTime<chrono::Utc>>(&mut sent, "chrono::DateTime<chrono::Utc>");
    note::<chrono::DateTime<chrono::FixedOffset>>(&mut sent, "chrono::DateTime<chrono::FixedOffset>");
    note::<ipnet::IpNet>(&mut sent, "ipnet::IpNet");
    note::<ipnet::Ipv4Net>(&mut sent, "ipnet::Ipv4Net");
    note::<ipnet::Ipv6Net>(&mut sent, "ipnet::Ipv6Net");
    note::<jiff::civil::Date>(&mut sent, "jiff::civil::Date");
    note::<jiff::civil::Time>(&mut sent, "jiff::civil::Time");
    note::<jiff::civil::DateTime>(&mut sent, "jiff::civil::DateTime");
    note::<jiff::Timestamp>(&mut sent, "jiff::Timestamp");
    note::<jiff::Span>(&mut sent, "jiff::Span");
    note::<jiff::SignedDuration>(&mut sent, "jiff::SignedDuration");
    note::<rust_decimal::Decimal>(&mut sent, "rust_decimal::Decimal");
    note::<serde_json::Value>(&mut sent, "serde_json::Value");
    note::<time::Date>(&mut sent, "time::Date");
    note::<time::Time>(&mut sent, "time::Time");
    note::<time::PrimitiveDateTime>(&mut sent, "time::PrimitiveDateTime");
    note::<time::OffsetDateTime>(&mut sent, "time::OffsetDateTime");
    note::<uuid::Uuid>(&mut sent, "uuid::Uuid");
    assert_eq!(sent, table());
}

/// Notes what a type declares. The format of those that declare none is text.
fn note<T: ToSql>(sent: &mut Table, name: &str) {
    let oid = T::type_oid().0;
    let format = if oid == 0 { Format::Text } else { Format::Binary };
    sent.insert(name.to_owned(), (oid, format!("{format:?}").to_lowercase()));
}

fn table() -> Table {
    let rows = include_str!("../../spec/crates.md").lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<_> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [name, _, oid, format, _, _, _] = cells[..] else { panic!("{line}") };
        (name.to_owned(), (oid.parse().unwrap(), format.to_owned()))
    })
    .collect()
}
