use ::rust_decimal::Decimal;
use molt_db::Connection;
use molt_db::types::Range;
use proptest::prelude::*;

use crate::check::{all, for_many, same, unread};
use crate::common::{connect, on_each_server};

#[tokio::test]
async fn values_of_rust_decimal_are_the_same_for_the_server() {
    let cases = [
        "0",
        "0.00",
        "1.0",
        "1.00",
        "-12.50",
        "10000",
        "0.0001",
        "0.00001",
        "-9999.9999",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "7.9228162514264337593543950335",
        "0.0000000000000000000000000001",
    ]
    .map(|text| (text, text.parse::<Decimal>().unwrap()));
    all("numeric", &cases).await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (text, value) in cases {
            let sql = "select $1::numeric, scale($1)";
            let (back, scale): (Decimal, i32) = c.query(sql).bind(value).one().await.unwrap();
            assert_eq!((back.to_string(), u32::try_from(scale)), (text.to_owned(), Ok(value.scale())));
        }
        let range = Range::new(Decimal::new(150, 2)..);
        let (back, is_in): (Range<Decimal>, bool) =
            c.query("select $1, 1.5 <@ $1").bind(range).one().await.unwrap();
        assert_eq!((back, is_in), (range, true));
        let negative = -Decimal::new(0, 1);
        let (zero,): (String,) = c.query("select $1::numeric::text").bind(negative).one().await.unwrap();
        assert_eq!(zero, "0.0");
    })
    .await;
}

#[tokio::test]
async fn what_a_decimal_cannot_hold_is_an_error() {
    unread::<Decimal>(&[
        ("'NaN'::numeric", "not a number"),
        ("79228162514264337593543950336", "digits"),
        ("-79228162514264337593543950336", "digits"),
        ("0.00000000000000000000000000001", "digits"),
        ("1.00000000000000000000000000000", "digits"),
        ("1e40::numeric", "digits"),
        ("1e131071::numeric", "digits"),
    ])
    .await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        if server.version().0 >= 14 {
            let error = c.query("select 'Infinity'::numeric").one::<(Decimal,)>().await.unwrap_err();
            assert!(crate::common::value_error(&error).is_out_of_range(), "{error}");
        }
    })
    .await;
}

#[test]
fn any_value_of_rust_decimal_is_the_same_for_the_server() {
    let parts = (any::<(u32, u32, u32, bool)>(), 0_u32..=28, any::<bool>());
    for_many(parts, async |c: &mut Connection, ((lo, mid, hi, negative), scale, short)| {
        let hi = if *short { 0 } else { *hi };
        let value = Decimal::from_parts(*lo, *mid, hi, *negative, *scale);
        same(c, "numeric", &value.to_string(), &value).await?;
        let found = c.query("select $1::numeric").bind(value).one::<(Decimal,)>().await;
        let (back,) = found.map_err(|error| error.to_string())?;
        if back.scale() == *scale { Ok(()) } else { Err(format!("{value} came back as {back}")) }
    });
}
