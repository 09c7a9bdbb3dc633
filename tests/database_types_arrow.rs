//! Types of a database in Arrow.

mod common;

use std::sync::Arc;

use arrow_cast::display::array_value_to_string;
use common::{assert_usable, connect_to, on_each_server, plain_config};
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::Int32Type;
use molt_db::arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch, UInt32Array};
use molt_db::arrow::schema::{DataType, Field};
use molt_db::arrow::{ArrowOptions, ArrowType, BatchLimits, Policies, Profile, RowLimit, Unfit};
use molt_db::decode::ValueError;
use molt_db::{Connection, TypeName};
use molt_db_testkit::Server;

const SCHEMA: &str = "\
    create type mood as enum ('sad', 'ok', 'so-so 😐'); \
    create domain positive as int4 check (value > 0); \
    create domain day as date; \
    create type item as (name varchar(50), count positive, mood mood, tags text[], price numeric(8,2)); \
    create type entry as (no int8, item item, days day[]); \
    create type dayrange as range (subtype = day); \
    create type empty as ()";

async fn prepared(server: &Server) -> Connection {
    let database = server.create_database().unwrap();
    let extensions = "grant all on schema public to public; create extension hstore; create extension ltree; \
                      create extension citext; create extension cube; create extension seg";
    server.sql_in(&database, extensions).expect("PostgreSQL's contrib modules are installed with the server");
    let mut c = connect_to(server, &database).await;
    c.script(SCHEMA).await.unwrap();
    c
}

async fn batch(c: &mut Connection, sql: &str, options: &ArrowOptions) -> RecordBatch {
    let query = c.query(sql);
    let mut batches = query
        .arrow_with(options, BatchLimits::default())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batch = batches.next().await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap();
    assert!(batches.next().await.unwrap().is_none());
    for column in batch.columns() {
        column.to_data().validate_full().unwrap();
    }
    batch
}

/// Shows the rows of the only column.
fn shown(batch: &RecordBatch) -> Vec<String> {
    (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap()).collect()
}

fn type_of(field: &Field) -> (&str, &str) {
    let of = |key| field.metadata().get(key).map_or("", String::as_str);
    (of("POSTGRESQL:schema"), of("POSTGRESQL:type"))
}

#[tokio::test]
async fn enums_are_dictionaries_of_their_labels() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let sql = "select m from unnest('{ok,sad,NULL,so-so 😐,ok}'::mood[]) m";
        let found = batch(&mut c, sql, &ArrowOptions::default()).await;
        let labels = found.column(0).as_dictionary::<Int32Type>();
        assert_eq!(
            labels.values().as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
            ["sad", "ok", "so-so 😐"]
        );
        assert_eq!(labels.keys().iter().collect::<Vec<_>>(), [Some(1), Some(0), None, Some(2), Some(1)]);
        assert_eq!(type_of(found.schema().field(0)), ("public", "mood"));
        // A label that came after the type was looked up.
        c.script("do $$ begin execute $x$alter type mood add value 'new' before 'ok'$x$; end $$")
            .await
            .unwrap();
        let found = batch(&mut c, "select unnest('{new,sad}'::mood[])", &ArrowOptions::default()).await;
        assert_eq!(shown(&found), ["new", "sad"]);
        let found = batch(&mut c, "select '{ok,NULL}'::mood[]", &ArrowOptions::default()).await;
        assert_eq!(shown(&found), ["[ok, ]"]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn composite_types_are_structs_of_their_attributes() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let sql = "select x from unnest(array[
                       row(1, row('a', 2, 'ok', '{x,NULL}', 1.5), '{2000-01-01,NULL}'), null, row(null, null, null)
                   ]::entry[]) with ordinality u(no, item, days, at) cross join lateral (
                       select case at when 2 then null else row(no, item, days)::entry end) s(x) order by at";
        let found = batch(&mut c, sql, &ArrowOptions::default()).await;
        let array = found.column(0).as_struct();
        assert_eq!(array.nulls().map(|nulls| nulls.iter().collect::<Vec<_>>()), Some(vec![true, false, true]));
        let DataType::Struct(fields) = found.schema().field(0).data_type().clone() else { panic!() };
        let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["no", "item", "days"]);
        assert_eq!(type_of(found.schema().field(0)), ("public", "entry"));
        let DataType::Struct(of_item) = fields[1].data_type() else { panic!("{:?}", fields[1]) };
        let types: Vec<_> = of_item.iter().map(|field| (type_of(field).1, field.data_type().to_string())).collect();
        let expected = [
            ("varchar", "Utf8"),
            ("positive", "Int32"),
            ("mood", "Dictionary(Int32, Utf8)"),
            ("_text", "List(Utf8)"),
            ("numeric", "Decimal128(8, 2)"),
        ];
        for ((name, found), (expected, starts)) in types.iter().zip(expected) {
            assert!(*name == expected && found.starts_with(&starts[..4]), "{name} {found}");
        }
        assert_eq!(
            shown(&found),
            [
                "{no: 1, item: {name: a, count: 2, mood: ok, tags: [x, ], price: 1.50}, days: [2000-01-01, ]}",
                "",
                "{no: , item: , days: }",
            ]
        );
        // Nothing is lost of what does not fit in its depth, and an error says where it is.
        let sql = "select row(1, null, '{infinity}')::entry";
        let error = c.query(sql).arrow().await.unwrap().next().await.unwrap_err();
        assert!(error.is_conversion() && error.to_string().contains("infin"), "{error}");
        let null = ArrowOptions { unfit: Policies::from(Unfit::Null), ..ArrowOptions::default() };
        assert_eq!(shown(&batch(&mut c, sql, &null).await), ["{no: 1, item: , days: []}"]);
        let text = ArrowOptions { unfit: Policies::from(Unfit::Text), ..ArrowOptions::default() };
        assert!(shown(&batch(&mut c, sql, &text).await)[0].contains("infinity"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn domains_ranges_and_rows_of_tables_are_what_they_are_made_of() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let options = ArrowOptions::default();
        let found = batch(&mut c, "select '[2000-01-01,2000-01-03)'::dayrange", &options).await;
        assert_eq!(
            shown(&found),
            ["{lower: 2000-01-01, upper: 2000-01-03, lower_inc: true, upper_inc: false, empty: false}"]
        );
        let molt = ArrowOptions { profile: Profile::Molt, ..options };
        let found = batch(&mut c, "select '{ok,sad}'::mood[]", &molt).await;
        assert_eq!(shown(&found), ["{lower_bounds: [1], values: [ok, sad]}"]);
        let found = batch(&mut c, "select '{1,2}'::positive[]", &options).await;
        assert_eq!(shown(&found), ["[1, 2]"]);
        c.script("create table t (gone int, a int, b mood); alter table t drop column gone; insert into t values (1, 'ok')")
            .await
            .unwrap();
        assert_eq!(shown(&batch(&mut c, "select t from t", &options).await), ["{a: 1, b: ok}"]);
        let found = batch(&mut c, "select row()::empty", &options).await;
        assert_eq!((found.schema().field(0).data_type(), type_of(found.schema().field(0)).1), (&DataType::Binary, "empty"));
        if server.version().0 >= 14 {
            let found = batch(&mut c, "select '{[2000-01-01,2000-01-02)}'::daymultirange", &options).await;
            assert!(shown(&found)[0].starts_with("[{lower: 2000-01-01"), "{found:?}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn values_of_extensions_are_maps_and_texts_and_else_bytes_with_their_name() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let options = ArrowOptions::default();
        let found =
            batch(&mut c, "select unnest(array['a=>1, b=>NULL', '', null]::hstore[])", &options).await;
        assert!(matches!(found.schema().field(0).data_type(), DataType::Map(_, false)));
        assert_eq!(shown(&found), ["{a: 1, b: }", "{}", ""]);
        for (sql, text, name) in [
            ("select 'Top.Science'::ltree", "Top.Science", "ltree"),
            ("select '*.x'::lquery", "*.x", "lquery"),
            ("select 'x & y'::ltxtquery", "x & y", "ltxtquery"),
            ("select 'aBc'::citext", "aBc", "citext"),
            ("select '(1, 2),(3, 4)'::cube", "(1, 2),(3, 4)", "cube"),
        ] {
            let found = batch(&mut c, sql, &options).await;
            assert_eq!(found.schema().field(0).data_type(), &DataType::Utf8, "{sql}");
            assert_eq!((shown(&found)[0].as_str(), type_of(found.schema().field(0)).1), (text, name));
        }
        // It has no binary form.
        let found = batch(&mut c, "select '1.5 .. 2'::seg", &options).await;
        assert_eq!((shown(&found)[0].as_str(), type_of(found.schema().field(0)).1), ("1.5 .. 2", "seg"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_composite_type_that_is_changed_is_an_error_once_and_batches_of_any_size_agree() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let options = ArrowOptions::default();
        let sql = "select row(g, row('n' || g, 1 + g % 9, 'ok', array['t', null], g)::item, null)::entry
                   from generate_series(1, 3000) g";
        let whole = batch(&mut c, sql, &options).await;
        let limits = BatchLimits { rows: RowLimit::new(7), ..BatchLimits::default() };
        let mut batches = c.query(sql).arrow_with(&options, limits).await.unwrap();
        let mut rows = Vec::new();
        while let Some(part) = batches.next().await.unwrap() {
            rows.extend(shown(&part));
        }
        assert_eq!(rows, shown(&whole));
        c.script("do $$ begin execute 'alter type entry add attribute more int4'; end $$").await.unwrap();
        let sql = "select row(1, null, null, 4)::entry";
        let error = c.query(sql).arrow().await.unwrap().next().await.unwrap_err();
        assert!(error.to_string().contains("another than it was"), "{error}");
        assert_eq!(shown(&batch(&mut c, sql, &options).await), ["{no: 1, item: , days: , more: 4}"]);
        assert_usable(&mut c).await;
    })
    .await;
}

/// The number of dimensions of a cube, unless there are nine.
#[derive(Debug)]
struct DimensionsOf;

impl ArrowType for DimensionsOf {
    fn data_type(&self, _typmod: i32) -> DataType {
        DataType::UInt32
    }

    fn convert(&self, values: &BinaryArray, _typmod: i32) -> Result<ArrayRef, (usize, ValueError)> {
        let one = |(row, value): (usize, Option<&[u8]>)| match value.and_then(|value| value.first_chunk()) {
            Some(head) => match u32::from_be_bytes(*head) & 0xff {
                9 => Err((row, ValueError::out_of_range("it has nine dimensions"))),
                count => Ok(Some(count)),
            },
            None => Ok(None),
        };
        let counts = values.iter().enumerate().map(one).collect::<Result<UInt32Array, _>>()?;
        Ok(Arc::new(counts))
    }
}

/// Says that it makes one thing, and makes another.
#[derive(Debug)]
struct Liar;

impl ArrowType for Liar {
    fn data_type(&self, _typmod: i32) -> DataType {
        DataType::Boolean
    }

    fn convert(&self, values: &BinaryArray, _typmod: i32) -> Result<ArrayRef, (usize, ValueError)> {
        Ok(Arc::new(values.clone()))
    }
}

#[tokio::test]
async fn a_type_that_somebody_else_makes_arrow_of_is_what_they_make() {
    on_each_server(async |server| {
        if server.version().0 < 14 {
            // The cube of 13 has no binary form.
            return;
        }
        let database = server.create_database().unwrap();
        server
            .sql_in(
                &database,
                "create extension cube; create domain point_of as cube; create type liar as enum ('x')",
            )
            .expect("PostgreSQL's contrib modules are installed with the server");
        let config = plain_config(server, &database)
            .arrow_type(TypeName::new("cube"), DimensionsOf)
            .arrow_type(TypeName::new("public.liar"), Liar);
        let mut c = Connection::connect(&config).await.unwrap();
        let options = ArrowOptions::default();
        let found =
            batch(&mut c, "select unnest(array['(1,2)', null, '(1),(2)', '()']::cube[])", &options).await;
        assert_eq!(shown(&found), ["2", "", "1", "0"]);
        assert_eq!(type_of(found.schema().field(0)), ("public", "cube"));
        let found =
            batch(&mut c, "select array['(1,2)', null]::point_of[], row('(1)'::cube)", &options).await;
        assert_eq!(shown(&found), ["[2, ]"]);
        let sql = "select c from unnest(array['(1)', '(1,2,3,4,5,6,7,8,9)']::cube[]) c";
        let error = c.query(sql).arrow().await.unwrap().next().await.unwrap_err();
        assert!(
            error.to_string().contains("row 1: column \"c\"") && error.to_string().contains("nine"),
            "{error}"
        );
        let error = c.query("select 'x'::liar").arrow().await.unwrap().next().await.unwrap_err();
        assert!(error.to_string().contains("another type or length"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}
