//! Types of a database: enums, composite types, domains, ranges and the types of extensions, read and sent as Rust types.

mod common;

use common::{assert_usable, connect_to, on_each_server};
use molt_db::types::{Json, Range};
use molt_db::{Connection, FromSql, ToSql};

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
async fn prepared(server: &molt_db_testkit::Server) -> Connection {
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
