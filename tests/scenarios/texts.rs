use molt_db::arrow::array::cast::AsArray;
use molt_db::types::{Hstore, Json};
use molt_db::{Config, Connection, ToSql};
use molt_db_testkit::Server;

use crate::arrow;
use crate::common::{assert_usable, code, connect, connect_to, on_each_server, plain_config};

/// Scenario 30: a NUL in a parameter. The server could store it in no type of text.
#[tokio::test]
async fn a_nul_in_a_text_is_refused_before_anything_is_sent() {
    #[derive(Debug, ToSql)]
    #[molt(name = "pg_temp.named")]
    struct Named {
        name: &'static str,
    }
    const TEXT: &str = "a\0'; drop table t; --";
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temp table t (a text); create type pg_temp.named as (name text)").await.unwrap();
        let store = Hstore([("a\0".to_owned(), None)].into());
        let values: [&(dyn ToSql + Sync); 7] = [
            &TEXT,
            &TEXT.to_owned(),
            &Json(TEXT),
            &["fine", TEXT],
            &Some(TEXT),
            &Named { name: TEXT },
            &store,
        ];
        for (at, value) in values.into_iter().enumerate() {
            let error = c.query("select $1").bind(value).execute().await.unwrap_err();
            assert!(error.is_conversion() && error.server().is_none(), "{at}: {error}");
            assert_usable(&mut c).await;
        }
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        let error = rows.send((TEXT,)).await.unwrap_err();
        assert!(error.is_conversion() && error.is_unsent(), "{error}");
        rows.send(("whole",)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        let all: Vec<(String,)> = c.query("select a from t").all().await.unwrap();
        assert_eq!(all, [("whole".to_owned(),)]);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 30: a NUL in the text of a statement would end it there for the server.
#[tokio::test]
async fn a_nul_in_a_statement_is_refused_before_anything_is_sent() {
    const TEXT: &str = "select 1\0, 2";
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for way in 0..7 {
            let error = match way {
                0 => c.query(TEXT).one::<(i32,)>().await.unwrap_err(),
                1 => c.execute(TEXT, ()).await.unwrap_err(),
                2 => c.script(TEXT).await.unwrap_err(),
                3 => c.prepare(TEXT).await.unwrap_err(),
                4 => c.query(TEXT).arrow().await.map(drop).unwrap_err(),
                5 => c.copy_out(TEXT).await.map(drop).unwrap_err(),
                _ => {
                    let mut batch = c.batch();
                    batch.add(TEXT, ());
                    batch.run().await.map(drop).unwrap_err()
                }
            };
            assert!(error.server().is_none(), "way {way}: {error}");
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Scenario 30: what follows the NUL would be a start-up parameter of its own: another user, another role.
#[tokio::test]
async fn a_nul_in_a_start_up_parameter_reaches_no_server() {
    const VALUE: &str = "x\0user\0postgres";
    on_each_server(async |server| {
        let config = || plain_config(server, "test");
        let configs: [Config; 5] = [
            config().application_name(VALUE),
            config().fallback_application_name(VALUE),
            config().user(VALUE),
            config().dbname(VALUE),
            config().options(VALUE),
        ];
        for config in configs {
            let error = Connection::connect(&config).await.unwrap_err();
            assert!(error.is_config(), "{error:?}");
        }
        let url = server.url_for("trust");
        let separator = if url.contains('?') { '&' } else { '?' };
        for name in ["application_name", "options", "user", "dbname", "fallback_application_name"] {
            let text = format!("{url}{separator}{name}=x%00user%00postgres");
            assert!(text.parse::<Config>().is_err(), "{name}");
            let text = format!("host=127.0.0.1 {name}='{VALUE}'");
            let refused = match text.parse::<Config>() {
                Ok(config) => Connection::connect(&config).await.is_err_and(|error| error.is_config()),
                Err(_) => true,
            };
            assert!(refused, "{name}");
        }
        let sessions = server.sql("select 1 from pg_stat_activity where application_name like 'x%'").unwrap();
        assert!(sessions.is_empty());
    })
    .await;
}

/// Scenario 30: JSON may speak of a NUL; `jsonb` may not.
#[tokio::test]
async fn an_escaped_nul_is_json_and_no_jsonb() {
    const TEXT: &str = r#"{"a": "b\u0000c"}"#;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let (back,): (Json<String>,) = c.query("select $1::json").bind(Json(TEXT)).one().await.unwrap();
        assert_eq!(back.0, TEXT);
        let batch = arrow(&mut c, &format!("select '{TEXT}'::json")).await;
        assert_eq!(batch.column(0).as_string::<i32>().value(0), TEXT);
        for sql in ["select $1::jsonb", "select array[$1]::jsonb[]", "select $1::json::jsonb"] {
            let error = c.query(sql).bind(Json(TEXT)).execute().await.unwrap_err();
            assert_eq!(code(&error), "22P05", "{sql}: {error}");
            assert_usable(&mut c).await;
        }
        let (name,): (String,) =
            c.query("select $1::jsonb ->> 'a'").bind(Json(r#"{"a": "b\\u0000c"}"#)).one().await.unwrap();
        assert_eq!(name, r"b\u0000c");
        assert_usable(&mut c).await;
    })
    .await;
}

async fn connect_to_latin1(server: &Server) -> Connection {
    let name = format!("latin_{}", server.create_database().unwrap());
    let create =
        format!("create database {name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0");
    server.sql(&create).unwrap();
    server.sql_in(&name, "grant all on schema public to public").unwrap();
    connect_to(server, &name).await
}

/// Scenario 30: the server converts both ways, names included.
#[tokio::test]
async fn a_latin1_database_is_utf8_to_its_clients() {
    on_each_server(async |server| {
        let mut c = connect_to_latin1(server).await;
        c.script("create type \"Gemüt\" as enum ('fröhlich'); create table \"Öl\" (\"Größe\" text, m \"Gemüt\")")
            .await
            .unwrap();
        let all: String = (0x20..=0xff_u8).filter(|byte| !(0x7f..0xa0).contains(byte)).map(char::from).collect();
        let stored = c.execute("insert into \"Öl\" values ($1, 'fröhlich')", (&all,)).await.unwrap();
        assert_eq!(stored, 1);
        let sql = "select \"Größe\", octet_length(\"Größe\"), m, array[\"Größe\", 'ß'] from \"Öl\" where m::text = $1";
        type Row = (String, i32, String, Vec<String>);
        let row: Row = c.query(sql).bind("fröhlich").one().await.unwrap();
        let bytes = i32::try_from(all.chars().count()).unwrap();
        assert_eq!(row, (all.clone(), bytes, "fröhlich".to_owned(), vec![all.clone(), "ß".to_owned()]));
        let mut rows = c.copy_in_rows("Öl", &["Größe"]).await.unwrap();
        rows.send(("ä",)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        let batch = arrow(&mut c, "select \"Größe\", upper('x') as \"µ\" from \"Öl\"").await;
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["Größe", "µ"]);
        let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some(&*all), Some("ä")]);
        // What the database has no character for.
        for sql in ["select $1::text", "select array[$1]::text[]"] {
            let error = c.query(sql).bind("€").execute().await.unwrap_err();
            assert_eq!(code(&error), "22P05");
            assert_usable(&mut c).await;
        }
        let error = c.script("select '€'").await.unwrap_err();
        assert_eq!(code(&error), "22P05");
        assert_usable(&mut c).await;
    })
    .await;
}
