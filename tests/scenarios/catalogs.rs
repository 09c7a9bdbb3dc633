use molt_db::arrow::schema::DataType;
use molt_db::config::TypeLookup;
use molt_db::decode::{Catalog, Column, Columns, Definition, Format, Params, RowLayout, TypeKind, TypeRow};
use molt_db::{Config, Connection, Error, FromSql, Oid, ToSql};
use molt_db_testkit::Server;

use crate::arrow;
use crate::common::{assert_usable, code, connect_to, on_each_server, plain_config, value_error};

#[derive(Debug, Clone, Copy, PartialEq, FromSql, ToSql)]
#[molt(rename_all = "lowercase")]
enum Mood {
    Sad,
    Ok,
    #[molt(rename = "it's \"new\" 😀")]
    New,
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
struct Late {
    a: i32,
    m: Vec<Option<Mood>>,
}

async fn fresh(server: &Server) -> (String, Connection) {
    let database = server.create_database().unwrap();
    server.sql_in(&database, "grant all on schema public to public").unwrap();
    let c = connect_to(server, &database).await;
    (database, c)
}

/// Scenario 37: a label that the type did not have when it was looked up.
#[tokio::test]
async fn a_label_that_is_added_later_is_read_and_sent() {
    on_each_server(async |server| {
        let (database, mut c) = fresh(server).await;
        server
            .sql_in(&database, "create type mood as enum ('sad', 'ok'); alter type mood owner to trust")
            .unwrap();
        let (ok,): (Mood,) = c.query("select $1::mood").bind(Mood::Ok).one().await.unwrap();
        assert_eq!(ok, Mood::Ok);
        assert_eq!(arrow(&mut c, "select 'ok'::mood").await.num_rows(), 1);
        // By somebody else, unseen.
        server.sql_in(&database, "alter type mood add value 'it''s \"new\" 😀' before 'sad'").unwrap();
        let sql = "select $1::mood, $1::mood::text, enum_range($1::mood)";
        let (new, text, all): (Mood, String, Vec<Mood>) = c.query(sql).bind(Mood::New).one().await.unwrap();
        assert_eq!(
            (new, text.as_str(), all),
            (Mood::New, "it's \"new\" 😀", vec![Mood::New, Mood::Sad, Mood::Ok])
        );
        let (text,): (String,) = c.query("select 'it''s \"new\" 😀'::mood").one().await.unwrap();
        assert_eq!(text, "it's \"new\" 😀");
        // In Arrow, at the latest the second time.
        let sql = "select 'it''s \"new\" 😀'::mood";
        let mut batches = c.query(sql).arrow().await.unwrap();
        let first = batches.next().await.map(drop);
        drop(batches);
        c.settle().await.unwrap();
        if let Err(error) = &first {
            assert!(error.is_conversion(), "{error}");
        }
        assert_eq!(arrow(&mut c, sql).await.num_rows(), 1);
        // By this session.
        c.execute("alter type mood add value 'fourth'", ()).await.unwrap();
        let (text,): (String,) = c.query("select 'fourth'::mood").one().await.unwrap();
        assert_eq!(text, "fourth");
        let error = c.query("select 'fourth'::mood").one::<(Mood,)>().await.unwrap_err();
        assert!(value_error(&error).to_string().contains("none that the Rust type has"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 38: a type that is made after the first queries, in a transaction that is still open, and again after that was
/// rolled back.
#[tokio::test]
async fn a_type_that_is_made_after_the_connection_is_known_when_it_is_needed() {
    on_each_server(async |server| {
        let (database, mut c) = fresh(server).await;
        let value = Late { a: 7, m: vec![Some(Mood::Ok), None] };
        // Not there yet, which is not remembered.
        for _ in 0..2 {
            let error = c.query("select $1").bind(&value).execute().await.unwrap_err();
            assert!(error.to_string().contains("the database has no type late"), "{error}");
        }
        // What is rolled back is forgotten.
        let (back, _) = make_late(&mut c, &value).await.unwrap();
        assert_eq!(back, value);
        c.script("rollback").await.unwrap();
        let error = c.query("select $1").bind(&value).execute().await.unwrap_err();
        assert!(error.to_string().contains("the database has no type late"), "{error}");
        // Statements of the transaction that was rolled back are made of types that are gone.
        let mut made = make_late(&mut c, &value).await;
        if let Err(error) = &made {
            assert_eq!(code(error), "XX000");
            c.script("rollback").await.unwrap();
            made = make_late(&mut c, &value).await;
        }
        assert_eq!(made.unwrap(), (value.clone(), (value.clone(), Mood::Sad)));
        c.script("commit").await.unwrap();
        let (back,): (Late,) = c.query("select $1").bind(&value).one().await.unwrap();
        assert_eq!(back, value);
        // By somebody else, with an array of it that this session has not seen.
        server.sql_in(&database, "create type other as (late late, lates late[])").unwrap();
        let sql = "select row(row(7, '{ok,NULL}')::late, array[null, row(7, '{ok,NULL}')::late])::other";
        let (other,): (Other,) = c.query(sql).one().await.unwrap();
        assert_eq!(other, Other { late: value.clone(), lates: vec![None, Some(value)] });
        assert_usable(&mut c).await;
    })
    .await;
}

/// Makes the types in a transaction that it leaves open, and reads them there.
async fn make_late(c: &mut Connection, value: &Late) -> Result<(Late, (Late, Mood)), Error> {
    c.script("begin; create type mood as enum ('sad', 'ok'); create type late as (a int4, m mood[])").await?;
    let (back,): (Late,) = c.query("select $1::late").bind(value).one().await?;
    let row = c.query("select row(7, '{ok,NULL}')::late, 'sad'::mood").one().await?;
    Ok((back, row))
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
struct Other {
    late: Late,
    lates: Vec<Option<Late>>,
}

/// A base type that no driver has heard of, with a binary form and without one.
const ODD: &str = "\
    create type odd; create type dull; \
    create function odd_in(cstring) returns odd language internal immutable strict as 'int4in'; \
    create function odd_out(odd) returns cstring language internal immutable strict as 'int4out'; \
    create function odd_recv(internal) returns odd language internal immutable strict as 'int4recv'; \
    create function odd_send(odd) returns bytea language internal immutable strict as 'int4send'; \
    create function dull_in(cstring) returns dull language internal immutable strict as 'int4in'; \
    create function dull_out(dull) returns cstring language internal immutable strict as 'int4out'; \
    create type odd (input = odd_in, output = odd_out, receive = odd_recv, send = odd_send, \
                     internallength = 4, passedbyvalue, alignment = int4); \
    create type dull (input = dull_in, output = dull_out, internallength = 4, passedbyvalue, alignment = int4); \
    create type holder as (o odd, os odd[], n int4)";

#[derive(Debug, PartialEq, FromSql)]
#[molt(name = "holder")]
struct Holder {
    o: Vec<u8>,
    os: Vec<Option<Vec<u8>>>,
    n: i32,
}

#[derive(Debug, PartialEq, FromSql)]
struct Record {
    f1: Vec<u8>,
    f2: Vec<u8>,
    f3: i32,
}

/// Scenario 38: a type without a reader is its bytes, with its name, wherever it is; and no error.
#[tokio::test]
async fn a_type_that_nobody_knows_is_bytes_with_a_name() {
    on_each_server(async |server| {
        let (database, mut c) = fresh(server).await;
        server.sql_in(&database, ODD).unwrap();
        let bytes = vec![0, 0, 0, 7];
        let sql = "select '7'::odd, array['7', null]::odd[], 1";
        let row: (Vec<u8>, Vec<Option<Vec<u8>>>, i32) = c.query(sql).one().await.unwrap();
        assert_eq!(row, (bytes.clone(), vec![Some(bytes.clone()), None], 1));
        let (text, number): (String, i32) = c.query("select '7'::dull, 1").one().await.unwrap();
        assert_eq!((text.as_str(), number), ("7", 1));
        let (holder,): (Holder,) = c.query("select row('7', '{NULL,7}', 3)::holder").one().await.unwrap();
        assert_eq!(holder, Holder { o: bytes.clone(), os: vec![None, Some(bytes.clone())], n: 3 });
        // In a record of no declared type nobody knows them either.
        c.script("create type mood as enum ('sad', 'ok')").await.unwrap();
        let (record,): (Record,) = c.query("select row('7'::odd, 'sad'::mood, 3)").one().await.unwrap();
        assert_eq!(record, Record { f1: bytes, f2: b"sad".to_vec(), f3: 3 });
        let error = c.query("select '7'::odd").one::<(i32,)>().await.unwrap_err();
        let found = value_error(&error);
        assert!(found.is_type_mismatch() && found.to_string().contains("type odd"), "{found}");
        let batch = arrow(&mut c, "select '7'::odd").await;
        let schema = batch.schema();
        assert_eq!(schema.field(0).data_type(), &DataType::Binary);
        assert_eq!(schema.field(0).metadata()["POSTGRESQL:type"], "odd");
        let batch = arrow(&mut c, "select '7'::dull").await;
        assert_eq!(batch.schema().field(0).data_type(), &DataType::Utf8);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 38: the same where nothing is looked up.
#[tokio::test]
async fn without_look_up_every_type_of_the_database_is_bytes() {
    on_each_server(async |server| {
        let (database, mut c) = fresh(server).await;
        c.script("create type mood as enum ('sad', 'ok'); create type late as (a int4, m mood[])")
            .await
            .unwrap();
        let config: Config = plain_config(server, &database).type_lookup(TypeLookup::Never);
        let mut c = Connection::connect(&config).await.unwrap();
        let sql = "select 'sad'::mood as m, row(1, '{}')::late as l, '{ok}'::mood[] as many";
        let (mood, late, many): (Vec<u8>, Vec<u8>, Vec<u8>) = c.query(sql).one().await.unwrap();
        assert_eq!((mood.as_slice(), late[..4].to_vec()), (&b"sad"[..], vec![0, 0, 0, 2]));
        assert!(many.ends_with(b"ok"));
        let error = c.query(sql).one::<(Mood, Vec<u8>, Vec<u8>)>().await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch(), "{error}");
        let batch = arrow(&mut c, sql).await;
        assert!(batch.schema().fields().iter().all(|field| field.data_type() == &DataType::Binary));
        let late = Late { a: 1, m: vec![] };
        let error = c.query("select $1").bind(&late).execute().await.unwrap_err();
        assert!(error.is_conversion() && error.to_string().contains("switched off"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 37: numbers of types are unsigned. A server makes none of these before it has made two thousand million
/// others.
#[test]
fn numbers_of_types_above_two_thousand_million_are_numbers_of_types() {
    const MOOD: Oid = Oid(4_294_967_295);
    const MOODS: Oid = Oid(4_294_967_294);
    const LATE: Oid = Oid(2_147_483_648);
    let row =
        |oid, name: &str, definition| TypeRow { oid, schema: "public".into(), name: name.into(), definition };
    let mut catalog = Catalog::default();
    let asked = Columns::new([LATE, MOODS].map(|oid| Column::new("c", oid, -1, Format::Binary)));
    assert_eq!(catalog.missing(&asked), [LATE, MOODS]);
    catalog.extend([
        row(LATE, "late", Definition::Composite(vec![("a".into(), Oid::INT4, -1), ("m".into(), MOODS, -1)])),
        row(MOODS, "_mood", Definition::Array(MOOD)),
        row(MOOD, "mood", Definition::Enum(vec!["sad".into(), "ok".into()])),
    ]);
    let columns = catalog.describe(&asked);
    assert!(catalog.missing(&columns).is_empty());
    assert!(matches!(columns[1].type_info().unwrap().kind(), TypeKind::Array(_)));
    let (late, moods) = (Late { a: -1, m: vec![Some(Mood::Ok), None] }, vec![Mood::Sad, Mood::Ok]);
    let mut params = Params::default();
    params.push(&late).unwrap();
    params.push(&moods).unwrap();
    for name in params.type_names().collect::<Vec<_>>() {
        let oid = match name.to_string().as_str() {
            "late" => LATE,
            "mood" => MOOD,
            _ => MOODS,
        };
        catalog.name(name, oid);
    }
    params.resolve(&catalog).unwrap();
    assert_eq!(params.oids(), [LATE, MOODS]);
    let body = [&[0, 2], params.values()].concat();
    let mut layout = RowLayout::default();
    let row = layout.row(&body, &columns).unwrap();
    assert_eq!((row.get::<Late>(0).unwrap(), row.get::<Vec<Mood>>(1).unwrap()), (late, moods));
}

/// Many tables and types: a hundred thousand attributes.
const CROWD: &str = "\
    do $$ declare columns text; begin \
    select string_agg(format('c%s int4', n), ', ') into columns from generate_series(1, 1000) n; \
    for n in 1..100 loop execute format('create table crowd%s (%s)', n, columns); end loop; \
    for n in 1..500 loop \
        execute format('create type kind%s as enum (''a'', ''b'')', n); \
        execute format('create type pair%s as (a kind%s, b kind%s[])', n, n, n); \
    end loop; end $$";

const LARGE: [&str; 4] = [" on pg_type ", " on pg_attribute ", " on pg_enum ", " on pg_proc "];

/// The pages that a look-up of types touches, and what it scans from end to end.
async fn cost(c: &mut Connection, mode: &str) -> (i64, Vec<String>) {
    let settings = format!("set jit to on; set jit_above_cost to 0; set plan_cache_mode to '{mode}'");
    c.script(&settings).await.unwrap();
    // The driver's own statement, as it lies in its cache.
    let sql = "select name, 'late'::regtype::oid from pg_prepared_statements where statement like '%pg_catalog.pg_attribute%' \
               and statement not like '%pg_prepared_statements%'";
    let (name, oid): (String, Oid) = c.query(sql).one().await.unwrap();
    let explain = format!(
        "explain (analyze, buffers, timing off, summary off) execute \"{name}\" (array[{}]::oid[], array['late', 'mood[]'])",
        oid.0
    );
    let mut plan = Vec::new();
    for _ in 0..2 {
        plan = c.query(&explain).all::<(String,)>().await.unwrap();
    }
    let scans =
        plan.iter().filter(|(line,)| line.contains("Seq Scan on")).map(|(line,)| line.clone()).collect();
    let touched = plan.iter().find_map(|(line,)| line.trim().strip_prefix("Buffers: shared hit=")).unwrap();
    let touched = touched.split(' ').next().unwrap().parse().unwrap();
    (touched, scans)
}

/// Scenario 38: types are found by index, however many there are, whatever is compiled, and before any statistics.
#[tokio::test]
async fn the_look_up_of_types_does_not_grow_with_the_catalogs() {
    on_each_server(async |server| {
        let (database, mut c) = fresh(server).await;
        c.script("create type mood as enum ('sad', 'ok'); create type late as (a int4, m mood[])")
            .await
            .unwrap();
        let (late,): (Late,) = c.query("select row(1, '{ok}')::late").one().await.unwrap();
        assert_eq!(late.a, 1);
        let few = cost(&mut c, "force_custom_plan").await;
        c.execute(CROWD, ()).await.unwrap();
        for analyzed in [false, true] {
            if analyzed {
                server.sql_in(&database, "analyze pg_type; analyze pg_attribute; analyze pg_enum").unwrap();
            }
            let mut c = connect_to(server, &database).await;
            let (late,): (Late,) = c.query("select row(1, '{ok}')::late").one().await.unwrap();
            assert_eq!(late.a, 1);
            for mode in ["force_custom_plan", "force_generic_plan"] {
                let many = cost(&mut c, mode).await;
                let large: Vec<_> =
                    many.1.iter().filter(|scan| LARGE.iter().any(|table| scan.contains(table))).collect();
                assert!(large.is_empty(), "{server:?}, {mode}, analyzed {analyzed}: {large:?}");
                // A level more of an index is a page more.
                assert!(
                    many.0 <= few.0 * 2,
                    "{server:?}, {mode}, analyzed {analyzed}: {} pages, {} before",
                    many.0,
                    few.0
                );
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}
