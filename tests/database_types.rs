//! Types of a database: enums, composite types, domains, ranges and the types of extensions, read and sent as Rust types.

mod common;

use std::ops::Bound;

use common::{assert_usable, connect_to, on_each_server, plain_config, poll_times};
use molt_db::config::TypeLookup;
use molt_db::decode::{Column, TypeKind};
use molt_db::types::{Array, Cube, Dimension, Hstore, Json, Multirange, Range};
use molt_db::{Connection, Connector, FromRow, FromSql, Oid, ToSql};
use molt_db_testkit::Server;
use molt_db_testkit::proxy::Proxy;

#[derive(Debug, Clone, Copy, PartialEq, FromSql, ToSql)]
#[molt(rename_all = "snake_case")]
enum Mood {
    Sad,
    #[molt(rename = "so-so 😐")]
    SoSo,
    #[molt(rename = "it's \"fine\"")]
    Fine,
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
struct Item {
    name: String,
    count: Positive,
    mood: Option<Mood>,
    tags: Vec<Option<String>>,
    details: Json<String>,
    moods: Vec<Mood>,
}

#[derive(Debug, Clone, Copy, PartialEq, FromSql, ToSql)]
struct Positive(i32);

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "shop.\"Order Line\"")]
struct Line {
    #[molt(rename = "No.")]
    number: i64,
    item: Option<Item>,
    others: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "floatrange")]
struct FloatRange(Range<f64>);

const SCHEMA: &str = "\
    create type mood as enum ('sad', 'so-so 😐', 'it''s \"fine\"'); \
    create domain positive as int4 check (value > 0); \
    create type item as (name varchar(50), count positive, mood mood, tags text[], details jsonb, moods mood[]); \
    create type shop.\"Order Line\" as (\"No.\" int8, item item, others item[]); \
    create type floatrange as range (subtype = float8)";

/// Connects to a new database that has the types.
async fn prepared(server: &Server) -> Connection {
    let database = server.create_database().unwrap();
    server.sql_in(&database, "create schema shop; grant all on schema shop, public to public").unwrap();
    let mut c = connect_to(server, &database).await;
    c.script(SCHEMA).await.unwrap();
    c
}

fn item(name: &str) -> Item {
    Item {
        name: name.to_owned(),
        count: Positive(3),
        mood: Some(Mood::SoSo),
        tags: vec![Some("a".to_owned()), None],
        details: Json(r#"{"a": [1, null]}"#.to_owned()),
        moods: vec![Mood::Fine, Mood::Sad],
    }
}

/// Scenario 37: labels with quotes and emoji.
#[tokio::test]
async fn enums_are_read_and_sent_by_their_labels() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        for mood in [Mood::Sad, Mood::SoSo, Mood::Fine] {
            let (back, text): (Mood, String) =
                c.query("select $1::mood, $1::mood::text").bind(mood).one().await.unwrap();
            assert_eq!(back, mood);
            let (again,): (String,) = c.query("select $1::mood").bind(text).one().await.unwrap();
            assert!(again.len() >= 3);
        }
        let list = vec![Some(Mood::Fine), None, Some(Mood::Sad)];
        let (back, count): (Vec<Option<Mood>>, i32) =
            c.query("select $1::mood[], cardinality($1::mood[])").bind(&list).one().await.unwrap();
        assert_eq!((back, count), (list, 3));
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenarios 35 and 36: composites in each other, arrays of composites with arrays, quoting.
#[tokio::test]
async fn composite_types_are_read_and_sent_as_structs() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let line = Line { number: 7, item: Some(item("one")), others: vec![item("two"), item("thr\"ee, (")] };
        let (back, text): (Line, String) =
            c.query("select $1::shop.\"Order Line\", $1::text").bind(&line).one().await.unwrap();
        assert_eq!(back, line);
        let (parsed, same): (Line, bool) = c
            .query("select $1::shop.\"Order Line\", $1::shop.\"Order Line\" = $2")
            .bind(text)
            .bind(&line)
            .one()
            .await
            .unwrap();
        assert_eq!((parsed, same), (line, true));
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 38: a type that was made by this session.
#[tokio::test]
async fn every_way_of_reading_knows_the_types_the_first_time() {
    on_each_server(async |server| {
        let sql = "select 'sad'::mood as mood, row('a', 1, null, '{}', null, '{sad}')::item as item, 1::positive as p";
        let expected = Item {
            name: "a".to_owned(),
            count: Positive(1),
            mood: None,
            tags: Vec::new(),
            details: Json("null".to_owned()),
            moods: vec![Mood::Sad],
        };
        type Read = (Mood, Option<ItemWithoutDetails>, Positive);
        for way in 0..8 {
            let mut c = prepared(server).await;
            let read: Read = match way {
                0 => c.query(sql).one().await.unwrap(),
                1 => c.query(sql).all().await.unwrap().remove(0),
                2 => {
                    let mut rows = c.query(sql).rows().await.unwrap();
                    let row = rows.next().await.unwrap().unwrap();
                    let read = row.read().unwrap();
                    rows.finish().await.unwrap();
                    read
                }
                3 => {
                    let mut rows = c.query(sql).rows_as::<Read>().await.unwrap();
                    let row = rows.next().await.unwrap().unwrap();
                    rows.finish().await.unwrap();
                    row
                }
                4 => {
                    let mut batch = c.batch();
                    batch.add("select 1", ()).add(sql, ());
                    batch.run().await.unwrap().one(1).unwrap()
                }
                5 => {
                    let mut tx = c.begin().await.unwrap();
                    let mut portal = tx.query(sql).portal(1).await.unwrap();
                    let read = portal.fetch(&mut tx).await.unwrap().unwrap().one().unwrap();
                    tx.commit().await.unwrap();
                    read
                }
                6 => {
                    let statement = c.prepare(sql).await.unwrap();
                    let kind = statement.columns()[1].type_info().unwrap().kind();
                    assert!(matches!(kind, TypeKind::Composite(attributes) if attributes.len() == 6));
                    c.query(&statement).one().await.unwrap()
                }
                _ => {
                    let mut rows = c.copy_out_rows::<Read>(sql).await.unwrap();
                    let row = rows.next().await.unwrap().unwrap();
                    rows.finish().await.unwrap();
                    row
                }
            };
            let (mood, item, positive) = read;
            let item = item.unwrap();
            assert_eq!((mood, positive), (Mood::Sad, Positive(1)), "way {way}");
            assert_eq!((item.name, item.count, item.moods), (expected.name.clone(), expected.count, expected.moods.clone()));
            assert!(item.mood.is_none() && item.details.is_none() && item.tags.is_empty());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// An item whose details may be missing.
#[derive(Debug, Clone, PartialEq, FromSql, ToSql)]
#[molt(name = "item")]
struct ItemWithoutDetails {
    name: String,
    count: Positive,
    mood: Option<Mood>,
    tags: Vec<Option<String>>,
    details: Option<Json<String>>,
    moods: Vec<Mood>,
}

#[tokio::test]
async fn ranges_and_arrays_of_types_of_the_database_keep_what_they_are() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let range = FloatRange(Range::Between(Bound::Excluded(-1.5), Bound::Included(f64::INFINITY)));
        let (back, text): (FloatRange, String) =
            c.query("select $1::floatrange, $1::text").bind(&range).one().await.unwrap();
        assert_eq!((back, text.as_str()), (range.clone(), "(-1.5,Infinity]"));
        let list = vec![Some(range), None];
        let (back,): (Vec<Option<FloatRange>>,) =
            c.query("select $1::floatrange[]").bind(&list).one().await.unwrap();
        assert_eq!(back, list);
        let plane = [Dimension { len: 1, lower: -3 }, Dimension { len: 2, lower: 0 }];
        let plane = Array::new(plane, vec![Mood::Fine, Mood::Sad]).unwrap();
        let (back, text): (Array<Mood>, String) =
            c.query("select $1::mood[], $1::text").bind(&plane).one().await.unwrap();
        assert_eq!(back, plane);
        assert_eq!(text, "[-3:-3][0:1]={{\"it's \\\"fine\\\"\",sad}}");
        if server.version().0 >= 14 {
            let (several,): (Multirange<f64>,) =
                c.query("select '{[1,2),[3,)}'::floatmultirange").one().await.unwrap();
            assert_eq!(several.to_string(), "{[1,2),[3,)}");
        }
        // A range over another type is not what it is read as.
        let error = c.query("select '[1,2]'::floatrange").one::<(Range<i64>,)>().await.unwrap_err();
        assert!(error.is_conversion(), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, PartialEq, FromSql)]
struct Pair {
    f1: i32,
    f2: Option<String>,
}

/// Scenario 36: NULL and a row of NULLs, dropped columns, records, rows of tables.
#[tokio::test]
async fn records_rows_of_tables_and_nulls_are_told_apart() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let (record,): (Pair,) = c.query("select row(7, 'x'::text)").one().await.unwrap();
        assert_eq!(record, Pair { f1: 7, f2: Some("x".to_owned()) });
        for sql in ["select row(7)", "select row('x'::text, 7)", "select row(7, 'x'::text, 8)"] {
            let error = c.query(sql).one::<(Pair,)>().await.unwrap_err();
            assert!(error.is_conversion(), "{sql}: {error}");
        }
        c.script(
            "create table pairs (gone int, f1 int4, f2 text); alter table pairs drop column gone; \
                  insert into pairs values (1, null), (2, 'two')",
        )
        .await
        .unwrap();
        let rows: Vec<(Pair,)> = c.query("select p from pairs p order by f1").all().await.unwrap();
        assert_eq!(rows, [(Pair { f1: 1, f2: None },), (Pair { f1: 2, f2: Some("two".to_owned()) },)]);
        // A row of NULLs is no NULL.
        let (all, none): (AllNull, Option<AllNull>) =
            c.query("select row(null, null)::pairs, null::pairs").one().await.unwrap();
        assert_eq!((all, none), (AllNull { f1: None, f2: None }, None));
        let (list,): (Vec<Option<AllNull>>,) =
            c.query("select array[null, row(null, null)]::pairs[]").one().await.unwrap();
        assert_eq!(list, [None, Some(AllNull { f1: None, f2: None })]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, PartialEq, FromSql, ToSql)]
#[molt(name = "pairs")]
struct AllNull {
    f1: Option<i32>,
    f2: Option<String>,
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_says_why() {
    #[derive(Debug, FromSql, ToSql)]
    #[molt(name = "item")]
    struct Other {
        name: i64,
    }
    #[derive(Debug, FromSql, ToSql)]
    #[molt(name = "mood", rename_all = "snake_case")]
    enum Fewer {
        Sad,
    }
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let error = c.query("select $1::item").bind(Other { name: 1 }).one::<(Item,)>().await.unwrap_err();
        assert!(error.to_string().contains("public.item has 6 attributes, and the value 1"), "{error}");
        let error =
            c.query("select row('a', 1, null, '{}', null, '{}')::item").one::<(Other,)>().await.unwrap_err();
        assert!(error.is_conversion(), "{error}");
        let error = c.query("select 'so-so 😐'::mood").one::<(Fewer,)>().await.unwrap_err();
        assert!(error.to_string().contains("none that the Rust type has"), "{error}");
        let error = c.query("select 'sad'::mood").one::<(i32,)>().await.unwrap_err();
        assert!(error.to_string().contains("type mood"), "{error}");
        let error = c.query("select $1").bind(Missing { a: 1 }).execute().await.unwrap_err();
        assert!(error.to_string().contains("the database has no type no_such_type"), "{error}");
        let error = c.query("select $1").bind(Range::new(1.0..2.0)).execute().await.unwrap_err();
        assert!(error.to_string().contains("no built-in type"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(Debug, ToSql)]
#[molt(name = "no_such_type")]
struct Missing {
    a: i32,
}

/// Scenario 38: a type that is changed while it is known.
#[tokio::test]
async fn a_type_that_is_changed_is_an_error_once_and_then_what_it_is() {
    #[derive(Debug, PartialEq, FromSql, ToSql)]
    #[molt(name = "pair")]
    struct One {
        a: i32,
    }
    #[derive(Debug, PartialEq, FromSql, ToSql)]
    #[molt(name = "pair")]
    struct Two {
        a: i32,
        b: Option<String>,
    }
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        c.script("create type pair as (a int4)").await.unwrap();
        let sql = "select $1::pair";
        let (one,): (One,) = c.query(sql).bind(One { a: 7 }).one().await.unwrap();
        assert_eq!(one, One { a: 7 });
        // By somebody else, unseen.
        c.script("do $$ begin execute 'alter type pair add attribute b text'; end $$").await.unwrap();
        let error = c.query("select row(1, 'x')::pair").one::<(One,)>().await.unwrap_err();
        assert!(error.to_string().contains("another than it was"), "{error}");
        let (two,): (Two,) = c.query("select row(1, 'x')::pair").one().await.unwrap();
        assert_eq!(two, Two { a: 1, b: Some("x".to_owned()) });
        // By this session.
        c.execute("alter type pair drop attribute b", ()).await.unwrap();
        let (one,): (One,) = c.query("select row(1)::pair").one().await.unwrap();
        assert_eq!(one, One { a: 1 });
        // Another type of the same name.
        c.script("drop type pair; create type pair as (a int4, b text)").await.unwrap();
        let two = Two { a: 2, b: None };
        let (back,): (Two,) = c.query("select $1::pair").bind(&two).one().await.unwrap();
        assert_eq!(back, two);
        c.script(
            "do $$ begin execute 'drop type pair'; execute 'create type pair as (a int4, b text)'; end $$",
        )
        .await
        .unwrap();
        let error = c.query("select $1::pair").bind(&two).one::<(Two,)>().await.unwrap_err();
        assert!(error.server().is_some(), "{error}");
        let (back,): (Two,) = c.query("select $1::pair").bind(&two).one().await.unwrap();
        assert_eq!(back, two);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 38: another schema's type of the same name.
#[tokio::test]
async fn types_of_equal_names_are_what_their_schema_says() {
    #[derive(Debug, PartialEq, FromSql, ToSql)]
    #[molt(name = "shop.mood", rename_all = "lowercase")]
    enum ShopMood {
        Red,
    }
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        c.script("create type shop.mood as enum ('red')").await.unwrap();
        let (red, sad): (Vec<ShopMood>, Vec<Mood>) =
            c.query("select $1, $2").bind(vec![ShopMood::Red]).bind(vec![Mood::Sad]).one().await.unwrap();
        assert_eq!((red, sad), (vec![ShopMood::Red], vec![Mood::Sad]));
        let (red, sad): (String, String) =
            c.query("select 'red'::shop.mood, 'sad'::mood").one().await.unwrap();
        assert_eq!((red.as_str(), sad.as_str()), ("red", "sad"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_are_copied_in_and_out() {
    #[derive(Debug, PartialEq, FromRow)]
    struct Row {
        id: i64,
        mood: Option<Mood>,
        line: Option<Line>,
        moods: Vec<Mood>,
    }
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        c.script("create table lines (id int8, mood mood, line shop.\"Order Line\", moods mood[])")
            .await
            .unwrap();
        let line = Line { number: 1, item: None, others: vec![item("x")] };
        let mut rows = c.copy_in_rows("lines", &[]).await.unwrap();
        rows.send((1_i64, Mood::Fine, Some(&line), vec![Mood::Sad])).await.unwrap();
        rows.send((2_i64, None::<Mood>, None::<Line>, Vec::<Mood>::new())).await.unwrap();
        let error = rows.send((3_i64, Mood::Sad, item("no line"), vec![Mood::Sad])).await.unwrap_err();
        assert!(error.is_conversion(), "{error}");
        assert_eq!(rows.finish().await.unwrap(), 2);
        let mut rows = c.copy_out_rows::<Row>("select * from lines order by id").await.unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            found.push(row);
        }
        let expected = [
            Row { id: 1, mood: Some(Mood::Fine), line: Some(line), moods: vec![Mood::Sad] },
            Row { id: 2, mood: None, line: None, moods: Vec::new() },
        ];
        assert_eq!(found, expected);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 38.
#[tokio::test]
async fn what_no_catalog_has_is_read_by_nothing_and_harms_nothing() {
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        let (acl, class): (Option<String>, Oid) = c
            .query("select (select relacl[1] from pg_class where relacl is not null limit 1), 'pg_class'::regclass")
            .one()
            .await
            .unwrap();
        assert!(class == Oid(1259) && acl.is_none_or(|acl| acl.contains('=')));
        let statement = c.prepare("select c from pg_class c limit 1").await.unwrap();
        let names = |column: &Column| match column.type_info().unwrap().kind() {
            TypeKind::Composite(attributes) => attributes.iter().map(|a| a.name().to_owned()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert!(names(&statement.columns()[0]).contains(&"relname".to_owned()));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn types_are_looked_up_once_for_a_pool() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        server.sql_in(&database, "create schema shop; grant all on schema shop, public to public").unwrap();
        let proxy = Proxy::start(server.port()).unwrap();
        let connector = Connector::new(&plain_config(server, &database).port(proxy.port())).unwrap();
        let mut first = connector.connect().await.unwrap();
        first.script(SCHEMA).await.unwrap();
        let mut second = connector.connect().await.unwrap();
        let sql = "select $1::item, 'sad'::mood";
        let item = item("a");
        let cost = async |c: &mut Connection, text: &str| {
            let before = proxy.client_bursts();
            let (back, _): (Item, Mood) = c.query(text).bind(&item).one().await.unwrap();
            assert_eq!(back, item);
            proxy.client_bursts() - before
        };
        // The type that the parameter names, with all that it is made of, and the query.
        assert_eq!(cost(&mut first, sql).await, 2);
        assert_eq!(cost(&mut second, sql).await, 1);
        let streamed = async |c: &mut Connection, text: &str| {
            let before = proxy.client_bursts();
            let mut rows = c.query(text).rows_as::<(FloatRange, i32)>().await.unwrap();
            while rows.next().await.unwrap().is_some() {}
            proxy.client_bursts() - before
        };
        // Its description, the type, the query.
        assert_eq!(streamed(&mut first, "select '[1,2]'::floatrange, 1").await, 3);
        assert_eq!(streamed(&mut second, "select '[1,2]'::floatrange, 1").await, 1);
        assert_eq!(streamed(&mut second, "select '[1,3]'::floatrange, 1").await, 2);
        assert_eq!(streamed(&mut first, "select '[1,3]'::floatrange, 1").await, 1);
    })
    .await;
}

/// Scenario 37: hstore, ltree, cube, citext.
#[tokio::test]
async fn values_of_extensions_are_read_and_sent() {
    #[derive(Debug, PartialEq, FromSql, ToSql)]
    #[molt(name = "ltree")]
    struct Tree(String);
    #[derive(Debug, PartialEq, FromSql, ToSql)]
    #[molt(name = "citext")]
    struct NoCase(String);
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let extensions =
            "create extension hstore; create extension ltree; create extension citext; create extension cube";
        server
            .sql_in(&database, extensions)
            .expect("PostgreSQL's contrib modules are installed with the server");
        let mut c = connect_to(server, &database).await;
        let store = Hstore(
            [
                ("a".to_owned(), Some("x \"y\"".to_owned())),
                ("b".to_owned(), None),
                (String::new(), Some(String::new())),
            ]
            .into(),
        );
        let sql = "select $1::hstore, $1 -> 'a', $2::ltree, nlevel($2), $3::citext, $3 = 'ABC'";
        let (back, a, tree, level, no_case, same): (Hstore, String, Tree, i32, NoCase, bool) = c
            .query(sql)
            .bind(&store)
            .bind(Tree("Top.Science".to_owned()))
            .bind(NoCase("aBc".to_owned()))
            .one()
            .await
            .unwrap();
        assert_eq!((back, a.as_str(), level, same), (store.clone(), "x \"y\"", 2, true));
        assert_eq!((tree, no_case), (Tree("Top.Science".to_owned()), NoCase("aBc".to_owned())));
        let (text, trees, stores): (String, Vec<Tree>, Vec<Option<Hstore>>) = c
            .query("select 'Top.*'::lquery, $1::ltree[], $2::hstore[]")
            .bind(vec![Tree("a.b".to_owned()), Tree(String::new())])
            .bind(vec![Some(store.clone()), None])
            .one()
            .await
            .unwrap();
        assert_eq!(text, "Top.*");
        assert_eq!(
            (trees, stores),
            (vec![Tree("a.b".to_owned()), Tree(String::new())], vec![Some(store), None])
        );
        // Before 14 there is no binary form of it.
        if server.version().0 >= 14 {
            for cube in [
                Cube::Point(vec![1.5, -2.0]),
                Cube::Box(vec![(1.0, 2.0), (3.0, 0.5)]),
                Cube::Point(Vec::new()),
            ] {
                let (back, text): (Cube, String) =
                    c.query("select $1::cube, $1::text").bind(&cube).one().await.unwrap();
                assert_eq!((text, &back), (cube.to_string(), &cube));
            }
        } else {
            let (text,): (String,) = c.query("select cube(1.5)").one().await.unwrap();
            assert_eq!(text, "(1.5)");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_look_up_that_is_dropped_anywhere_leaves_the_connection_to_be_settled() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        server.sql_in(&database, "create schema shop; grant all on schema shop, public to public").unwrap();
        let config = plain_config(server, &database);
        let mut c = Connection::connect(&config).await.unwrap();
        c.script(SCHEMA).await.unwrap();
        c.script("create table moods (m mood)").await.unwrap();
        for way in 0..4 {
            for polls in 1.. {
                // A connector of its own knows nothing.
                let mut c = Connection::connect(&config).await.unwrap();
                let has_ended = match way {
                    0 => {
                        let query = c.query("select $1::item, 'sad'::mood").bind(item("a"));
                        poll_times(async { drop(query.one::<(Item, Mood)>().await.unwrap()) }, polls).await
                    }
                    1 => {
                        let query = c.query("select '[1,2]'::floatrange");
                        poll_times(async { drop(query.rows_as::<(FloatRange,)>().await.unwrap()) }, polls)
                            .await
                    }
                    2 => {
                        let query = c.query("select 'sad'::mood");
                        poll_times(async { drop(query.arrow().await.unwrap()) }, polls).await
                    }
                    _ => {
                        let begun = async { drop(c.copy_in_rows("moods", &[]).await.unwrap()) };
                        poll_times(begun, polls).await
                    }
                };
                c.settle().await.unwrap();
                let (back, mood): (Item, Mood) =
                    c.query("select $1::item, 'sad'::mood").bind(item("b")).one().await.unwrap();
                assert_eq!((back, mood), (item("b"), Mood::Sad));
                if has_ended {
                    assert!(polls > 2, "way {way} waits for the server");
                    break;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn without_look_up_names_are_refused() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").type_lookup(TypeLookup::Never);
        let mut c = Connection::connect(&config).await.unwrap();
        let error = c.query("select $1").bind(item("a")).execute().await.unwrap_err();
        assert!(error.is_unsent() && error.to_string().contains("switched off"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_made_of_a_type_that_is_changed_is_looked_up_anew_too() {
    #[derive(Debug, PartialEq, FromSql)]
    struct Inner {
        a: i32,
        b: Option<i32>,
    }
    #[derive(Debug, PartialEq, FromSql)]
    struct Outer {
        part: Inner,
    }
    on_each_server(async |server| {
        let mut c = prepared(server).await;
        c.script("create type inner_one as (a int4); create type outer_one as (part inner_one)")
            .await
            .unwrap();
        c.prepare("select null::outer_one").await.unwrap();
        c.script("do $$ begin execute 'alter type inner_one add attribute b int4'; end $$").await.unwrap();
        let sql = "select row(row(1, 2)::inner_one)::outer_one";
        // What is known of the outer type says that the inner one has an attribute less.
        c.query(sql).one::<(Outer,)>().await.unwrap_err();
        let (found,): (Outer,) = match c.query(sql).one().await {
            Ok(found) => found,
            Err(_) => c.query(sql).one().await.unwrap(),
        };
        assert_eq!(found, Outer { part: Inner { a: 1, b: Some(2) } });
        let mut rows = c.query("select null::outer_one, 1").rows_as::<(Option<Outer>, i32)>().await.unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((None, 1)));
        rows.finish().await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}
