use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{Float32Type, Float64Type};
use molt_db::types::Numeric;

use crate::arrow;
use crate::common::{assert_usable, code, connect, on_each_server};

/// Scenario 31: scales from -1000 to 1000, from 15 on.
#[tokio::test]
async fn numerics_of_every_scale_keep_their_digits() {
    let tiny = format!("0.{}1", "0".repeat(999));
    let huge = format!("7{}", "0".repeat(1000));
    let cases = [
        ("1e-1000", "numeric(1000,1000)", tiny.as_str()),
        ("-1e-1000", "numeric(1,1000)", &format!("-{tiny}")),
        ("7e1000", "numeric(1,-1000)", &huge),
        ("-7e1000", "numeric(1000,-1000)", &format!("-{huge}")),
        ("0", "numeric(5,1000)", &format!("0.{}", "0".repeat(1000))),
        ("0", "numeric(5,-1000)", "0"),
        ("12345.5", "numeric(5,-3)", "12000"),
        ("0.0000012345", "numeric(3,8)", "0.00000123"),
        ("-0.0", "numeric(10,3)", "0.000"),
        ("1.50", "numeric(10,3)", "1.500"),
    ];
    on_each_server(async |server| {
        let mut c = connect(server).await;
        if server.version().0 < 15 {
            let error = c.query("select 1::numeric(5,-3)").one::<(Numeric,)>().await.unwrap_err();
            assert_eq!(code(&error), "22023");
            return assert_usable(&mut c).await;
        }
        for (literal, name, shown) in cases {
            let sql =
                format!("select '{literal}'::{name}, '{literal}'::{name}::text, array['{literal}'::{name}]");
            let (value, text, list): (Numeric, String, Vec<Numeric>) = c.query(&sql).one().await.unwrap();
            assert_eq!((value.to_string().as_str(), text.as_str()), (shown, shown), "{literal} {name}");
            assert_eq!(list, std::slice::from_ref(&value));
            let (back, same): (Numeric, bool) = c
                .query(&format!("select $1::{name}, $1::text = '{literal}'::{name}::text"))
                .bind(&value)
                .one()
                .await
                .unwrap();
            assert_eq!((back, same), (value, true), "{literal} {name}");
            assert_eq!(decimal(&mut c, &sql).await, shown, "{literal} {name}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// The first column as its text: decimals keep the digits of their scale, which is never below 0.
async fn decimal(c: &mut molt_db::Connection, sql: &str) -> String {
    let batch = arrow(c, sql).await;
    let column = batch.column(0);
    if let Some(decimals) = column.as_primitive_opt::<molt_db::arrow::array::types::Decimal128Type>() {
        return decimals.value_as_string(0);
    }
    column.as_string::<i32>().value(0).to_owned()
}

/// Scenario 32: the payload and the sign of a NaN.
#[tokio::test]
async fn no_bit_of_a_nan_is_lost() {
    let doubles = [
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0000,
        0x7ff8_0000_0000_0001,
        0xfff8_dead_beef_0001,
        0x7ff0_0000_0000_0001,
        0x7fff_ffff_ffff_ffff_u64,
        0x8000_0000_0000_0000,
        1,
    ];
    let singles = [0x7fc0_0000_u32, 0xffc0_0000, 0x7fc0_0001, 0xffff_ffff, 0x7f80_0001, 0x8000_0000, 1];
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temp table t (a float8, b float4, c float8[])").await.unwrap();
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        for (at, bits) in doubles.into_iter().enumerate() {
            let single = f32::from_bits(singles[at % singles.len()]);
            rows.send((f64::from_bits(bits), single, [f64::from_bits(bits)])).await.unwrap();
        }
        rows.finish().await.unwrap();
        let rows: Vec<(f64, f32, Vec<f64>)> = c.query("select * from t order by ctid").all().await.unwrap();
        let batch = arrow(&mut c, "select a, b, c from t order by ctid").await;
        let (all, narrow) =
            (batch.column(0).as_primitive::<Float64Type>(), batch.column(1).as_primitive::<Float32Type>());
        for (at, bits) in doubles.into_iter().enumerate() {
            let single = singles[at % singles.len()];
            let (a, b, list) = &rows[at];
            assert_eq!((a.to_bits(), b.to_bits(), list[0].to_bits()), (bits, single, bits), "{bits:x}");
            assert_eq!((all.value(at).to_bits(), narrow.value(at).to_bits()), (bits, single), "{bits:x}");
            let (a, b): (f64, f32) = c
                .query("select $1, $2")
                .bind(f64::from_bits(bits))
                .bind(f32::from_bits(single))
                .one()
                .await
                .unwrap();
            assert_eq!((a.to_bits(), b.to_bits()), (bits, single), "{bits:x}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}
