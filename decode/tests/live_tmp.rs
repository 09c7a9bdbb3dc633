use molt_db_decode::*;
use molt_db_decode::arrow::{*, array::{Array, cast::AsArray, types::*}};
#[test]
fn live() {
    let data = std::fs::read("/tmp/r.bin").unwrap();
    let d = |p: i32, s: i32| ((p << 16) | s) + 4;
    let t = Oid::TEXT;
    let types = [(Oid::NUMERIC,-1),(t,-1),(Oid::NUMERIC,-1),(t,-1),(Oid::NUMERIC,d(15,2)),(t,-1),(Oid::NUMERIC,d(38,10)),(t,-1),(Oid::DATE,-1),(t,-1),(Oid::TIMESTAMP,-1),(t,-1),(Oid::TIMESTAMPTZ,-1),(t,-1),(Oid::UUID,-1),(t,-1),(Oid::JSONB,-1),(t,-1),(Oid::TIME,-1),(t,-1),(Oid::INT8,-1),(t,-1)];
    let columns = Columns::new(types.map(|(o,m)| Column::new("c", o, m, Format::Binary)));
    let plan = ArrowPlan::compile(&columns, &ArrowOptions::default());
    let mut b = BatchBuilder::new(&plan, BatchLimits::default());
    let mut layout = RowLayout::default();
    let mut rest = &data[19..];
    let mut n = 0;
    while rest[..2] != [0xff, 0xff] {
        let mut end = 2;
        for _ in 0..columns.len() { let l = i32::from_be_bytes(rest[end..end+4].try_into().unwrap()); end += 4 + l.max(0) as usize; }
        let body = &rest[..end]; rest = &rest[end..]; n += 1;
        let row = layout.row(body, &columns).unwrap();
        for c in [0,2,4,6] { let v: Numeric = row.get(c).unwrap(); let s: &str = row.get(c+1).unwrap(); assert_eq!(v.to_string(), s); let p: Numeric = s.parse().unwrap(); let mut out = vec![]; let _ = p.to_sql(&mut out).unwrap(); assert_eq!(Some(Some(&out[..])), row.raw(c)); }
        macro_rules! eq { ($c:literal, $t:ty) => { assert_eq!(row.get::<$t>($c).unwrap().to_string(), row.get::<&str>($c+1).unwrap()); } }
        eq!(8, Date); eq!(10, Timestamp); eq!(12, TimestampTz); eq!(14, Uuid); eq!(16, String); eq!(18, Time); eq!(20, i64);
        let _ = b.push(body).unwrap();
    }
    let batch = b.finish().unwrap().unwrap();
    for c in batch.columns() { c.to_data().validate_full().unwrap(); }
    for i in 0..batch.num_rows() {
        let s = |c: usize| batch.column(c).as_string::<i32>().value(i).to_owned();
        assert_eq!(s(0), s(1)); assert_eq!(s(2), s(3)); assert_eq!(s(16), s(17));
        assert_eq!(batch.column(4).as_primitive::<Decimal128Type>().value_as_string(i), s(5));
        assert_eq!(batch.column(6).as_primitive::<Decimal128Type>().value_as_string(i), s(7));
    }
    println!("rows {n}");
}
