//! Types without a binary form come as text, and types that are not known as their bytes.

mod common;

use common::{assert_usable, connect, connect_to_new, on_each_server, plain_config};
use molt_db::config::TypeLookup;
use molt_db::{Connection, OwnedRow};

/// Texts of an access list, alone and as an array; neither type has a binary form.
const ACCESS: [&str; 2] = [
    "select relname, relacl[1] from pg_class where relacl is not null limit 5",
    "select relname, relacl from pg_class where relacl is not null limit 5",
];

async fn assert_access(c: &mut Connection, sql: &str) {
    for _ in 0..2 {
        let rows: Vec<(String, String)> =
            c.query(sql).all().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|(_, access)| access.contains('=')), "{rows:?}");
    }
}

#[tokio::test]
async fn types_without_a_binary_form_come_as_text() {
    on_each_server(async |server| {
        for sql in ACCESS {
            let mut c = connect(server).await;
            c.execute("begin", ()).await.unwrap();
            assert_access(&mut c, sql).await;
            c.execute("rollback", ()).await.unwrap();
            assert_access(&mut c, sql).await;
        }
        for sql in ACCESS {
            let mut c = connect(server).await;
            assert_access(&mut c, sql).await;
            c.execute("begin", ()).await.unwrap();
            assert_access(&mut c, sql).await;
            c.execute("rollback", ()).await.unwrap();
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_type_without_a_binary_form_reads_as_text_with_no_rows_too() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select relacl[1] from pg_class where relacl is not null and relname = $1";
        let none: Vec<(String,)> = c.query(sql).bind("no such table").all().await.unwrap();
        assert!(none.is_empty());
        let one: Vec<(String,)> = c.query(sql).bind("pg_class").all().await.unwrap();
        assert_eq!(one.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_first_returned_no_rows_comes_as_text_in_a_transaction_too() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select relacl[1] from pg_class where relacl is not null and relname = $1";
        assert!(c.query(sql).bind("no such table").all::<OwnedRow>().await.unwrap().is_empty());
        c.execute("begin", ()).await.unwrap();
        let (access,): (String,) = c.query(sql).bind("pg_class").one().await.unwrap();
        assert!(access.contains('='), "{access}");
        c.execute("rollback", ()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_type_of_the_server_can_be_returned() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let types: Vec<(String,)> = c
            .query(
                "select format('null::%s', format_type(oid, null)) from pg_type
                    where typtype <> 'p' and typnamespace = 'pg_catalog'::regnamespace order by oid",
            )
            .all()
            .await
            .unwrap();
        let list: Vec<_> = types.into_iter().map(|(cast,)| cast).collect();
        assert!(list.len() > 200, "{}", list.len());
        for part in list.chunks(400) {
            let sql = format!("select {}", part.join(", "));
            for _ in 0..2 {
                let row: OwnedRow = c.query(&sql).one().await.unwrap();
                assert!((0..part.len()).all(|position| row.raw(position) == Some(None)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_composite_with_a_field_without_binary_form_comes_as_text() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create type owned as (name text, acl aclitem[])", ()).await.unwrap();
        for sql in [
            "select row(relname::text, relacl)::owned from pg_class where relname = 'pg_class'",
            "select p from pg_class p where relname = 'pg_class'",
            "select row(relname, relacl) from pg_class where relname = 'pg_class'",
        ] {
            for _ in 0..2 {
                let (text,): (String,) =
                    c.query(sql).one().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
                assert!(text.contains("pg_class"), "{sql}: {text}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn types_that_are_not_known_are_their_bytes() {
    on_each_server(async |server| {
        let config = plain_config(server, &server.create_database().unwrap());
        let mut c = Connection::connect(&config.type_lookup(TypeLookup::Never)).await.unwrap();
        c.script("create type mood as enum ('sad', 'happy'); create type pair as (a int4, b text)")
            .await
            .unwrap();
        let sql = "select 'happy'::mood, row(7, 'x')::pair, row(1, 2), point '(1,2)', '{sad,happy}'::mood[],
                          int4range(1, 2), interval '1 day', null::mood, inet '::1'";
        for _ in 0..2 {
            let row: OwnedRow = c.query(sql).one().await.unwrap();
            assert_eq!(row.raw(0), Some(Some(&b"happy"[..])));
            let point = [1_f64.to_be_bytes(), 2_f64.to_be_bytes()].concat();
            assert_eq!(row.raw(3), Some(Some(&point[..])));
            assert_eq!(row.raw(7), Some(None));
            assert!((0..9).all(|position| position == 7 || matches!(row.raw(position), Some(Some([_, ..])))));
            assert!(row.get::<&str>(0).unwrap_err().is_type_mismatch());
            assert!(row.get::<i32>(1).unwrap_err().is_type_mismatch());
            assert!(row.get::<f64>(3).unwrap_err().is_type_mismatch());
        }
        let (same,): (bool,) = c.query("select $1 = 'happy'::mood").bind("happy").one().await.unwrap();
        assert!(same);
        assert_usable(&mut c).await;
    })
    .await;
}
