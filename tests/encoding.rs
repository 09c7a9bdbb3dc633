//! Text that is not UTF-8, or travels as something else: it is an error, and never misread or replaced.

mod common;

use common::{assert_usable, code, connect, connect_to, on_each_server};
use molt_db::{Connection, OwnedRow};
use molt_db_testkit::Server;

#[tokio::test]
async fn under_another_client_encoding_reading_is_an_error_until_it_is_utf8_again() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let read = "select chr(228) || U&'\\00e4'";
        for _ in 0..2 {
            c.execute("set client_encoding to 'LATIN1'", ()).await.unwrap();
            for sql in [read, "select 'ascii'"] {
                let error = c.query(sql).one::<(String,)>().await.unwrap_err();
                assert!(error.server().is_none() && error.to_string().contains("LATIN1"), "{error}");
                assert!(c.is_usable(), "nobody could set client_encoding back to UTF8");
            }
            let error = c.query(read).arrow().await.unwrap_err();
            assert!(error.to_string().contains("LATIN1"), "{error}");
            c.execute("set client_encoding to 'UTF8'", ()).await.unwrap();
            let (text,): (String,) = c.query(read).one().await.unwrap();
            assert_eq!(text, "ää");
        }
    })
    .await;
}

#[tokio::test]
async fn under_another_client_encoding_no_text_is_stored_wrongly() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.execute("create temp table t (a text)", ()).await.unwrap();
        c.execute("set client_encoding to 'LATIN1'", ()).await.unwrap();
        let bound = c.execute("insert into t values ($1)", ("ä",)).await;
        let literal = c.execute("insert into t values ('ä')", ()).await;
        let listed =
            c.execute("insert into t select unnest($1)", (["a", "ä"].as_slice(),)).await.unwrap_err();
        assert!(listed.server().is_none() && listed.to_string().contains("LATIN1"), "{listed}");
        let script = c.script("insert into t values ('ä')").await;
        c.execute("set client_encoding to 'UTF8'", ()).await.unwrap();
        let stored: Vec<(String,)> = c.query("select a from t").all().await.unwrap();
        assert!(stored.iter().all(|(text,)| text == "ä"), "{stored:?} {bound:?} {literal:?} {script:?}");
    })
    .await;
}

/// A database without an encoding stores and sends any bytes.
async fn connect_to_sql_ascii(server: &Server) -> Connection {
    let name = format!("ascii_{}", server.create_database().unwrap());
    let create =
        format!("create database {name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0");
    server.sql(&create).unwrap();
    connect_to(server, &name).await
}

/// Scenario 30: a database without an encoding.
#[tokio::test]
async fn text_that_is_not_utf8_is_refused_by_the_server_and_never_replaced() {
    on_each_server(async |server| {
        let mut c = connect_to_sql_ascii(server).await;
        // The server checks what it sends under client_encoding UTF8, whatever its database holds.
        for sql in [
            r"select E'\xff\xfe' as broken",
            r"select convert_from('\xff'::bytea, 'SQL_ASCII') as broken",
            r"select g, case when g = 500 then E'\xff' else 'fine' end from generate_series(1, 1000) g",
        ] {
            for _ in 0..2 {
                assert_eq!(code(&c.query(sql).all::<OwnedRow>().await.unwrap_err()), "22021");
                assert_usable(&mut c).await;
            }
        }
        let (text,): (String,) = c.query("select $1::text").bind("ä").one().await.unwrap();
        assert_eq!(text, "ä");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 30: the same without the server's check.
#[tokio::test]
async fn bytes_that_are_no_text_are_an_error_once_the_server_no_longer_checks_them() {
    on_each_server(async |server| {
        let mut c = connect_to_sql_ascii(server).await;
        c.execute("set client_encoding to 'SQL_ASCII'", ()).await.unwrap();
        let error = c.query(r"select E'\xff'").one::<(String,)>().await.unwrap_err();
        assert!(error.server().is_none() && error.to_string().contains("SQL_ASCII"), "{error}");
        c.execute("set client_encoding to 'UTF8'", ()).await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_result_that_changes_the_encoding_under_itself_is_not_misread() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        // In LATIN1 these two characters are the bytes that are one character in UTF-8.
        let sql = "select set_config('client_encoding', 'LATIN1', false), chr(195) || chr(164)";
        if let Ok((_, text)) = c.query(sql).one::<(String, String)>().await {
            assert_eq!(text, "\u{c3}\u{a4}");
        }
    })
    .await;
}

/// Scenario 30: names that are no text.
#[tokio::test]
async fn names_that_are_not_utf8_are_an_error_and_never_replaced() {
    on_each_server(async |server| {
        let mut c = connect_to_sql_ascii(server).await;
        c.script(r#"do $$ begin execute E'create temp table t ("a\xff" int)'; end $$"#).await.unwrap();
        for _ in 0..2 {
            assert_eq!(code(&c.query("select * from t").all::<OwnedRow>().await.unwrap_err()), "22021");
            assert_eq!(code(&c.prepare("select * from t limit 1").await.unwrap_err()), "22021");
        }
        assert_usable(&mut c).await;
    })
    .await;
}
