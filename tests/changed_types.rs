//! Types that change under statements that are kept, and that differ between the sessions of one pool.

mod common;

use common::{assert_usable, connect_to, on_each_server, plain_config, within};
use molt_db::{Connection, Oid, OwnedRow, Pool};

async fn oid(c: &mut Connection, sql: &str) -> Oid {
    let row: OwnedRow = c.query(sql).one().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    row.columns()[0].oid()
}

#[tokio::test]
async fn a_type_that_was_dropped_and_created_again_is_the_new_one() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let mut c = connect_to(server, &database).await;
        let mut ddl = connect_to(server, &database).await;
        let mut seen = Vec::new();
        for labels in ["'sad', 'happy'", "'happy', 'glad', 'sad'", "'happy'"] {
            let create = format!("drop type if exists mood cascade; create type mood as enum ({labels})");
            ddl.script(&create).await.unwrap();
            ddl.script("drop table if exists people; create table people (mood mood)").await.unwrap();
            for _ in 0..2 {
                let found = oid(&mut c, "select 'happy'::mood").await;
                assert!(!seen.contains(&found), "{found:?}");
                c.execute("insert into people values ($1)", ("happy",)).await.unwrap();
                let texts: Vec<(String,)> = c.query("select mood::text from people").all().await.unwrap();
                assert!(texts.iter().all(|(text,)| text == "happy"));
                assert_eq!(oid(&mut c, "select mood from people limit 1").await, found);
            }
            seen.push(oid(&mut c, "select 'happy'::mood").await);
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_that_an_enum_gains_and_an_attribute_that_a_row_gains_are_there_at_once() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let mut c = connect_to(server, &database).await;
        c.script(
            "create type mood as enum ('sad'); create type pair as (a int); create table t (m mood, p pair)",
        )
        .await
        .unwrap();
        let sql = "insert into t values ($1, $2)";
        c.execute(sql, ("sad", "(1)")).await.unwrap();
        let reading = "select m::text, p::text from t order by t.m";
        c.query(reading).all::<(String, String)>().await.unwrap();
        c.script("alter type mood add value 'glad'").await.unwrap();
        c.script("alter type pair add attribute b text").await.unwrap();
        c.execute(sql, ("glad", "(2,two)")).await.unwrap();
        let rows: Vec<(String, String)> = c.query(reading).all().await.unwrap();
        let expected = [("sad", "(1,)"), ("glad", "(2,two)")];
        assert!(rows.iter().map(|(m, p)| (m.as_str(), p.as_str())).eq(expected), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_changed_table_is_seen_by_all_sessions_of_a_pool() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let pool = Pool::builder(plain_config(server, &database)).max_conns(3).build().unwrap();
        let mut first = within(pool.acquire()).await.unwrap();
        first.script("create table t (a int); insert into t values (1)").await.unwrap();
        let mut sessions =
            [first, within(pool.acquire()).await.unwrap(), within(pool.acquire()).await.unwrap()];
        for (change, columns) in [
            ("select 1", 1),
            ("alter table t add column b text default 'two'", 2),
            ("alter table t alter column a type text", 2),
            ("alter table t drop column b", 1),
        ] {
            sessions[0].script(change).await.unwrap();
            for session in &mut sessions {
                for _ in 0..2 {
                    let row: OwnedRow = session.query("select * from t").one().await.unwrap();
                    assert_eq!(row.columns().len(), columns, "{change}");
                    let mut batch = session.batch();
                    batch.add("select * from t", ()).add("select a from t", ());
                    let results = batch.run().await.unwrap();
                    assert_eq!(results.rows(0).unwrap().columns().len(), columns, "{change}");
                }
            }
        }
    })
    .await;
}

/// What one session has learnt of a text is a hint for the others, and never what their bytes are read by.
#[tokio::test]
async fn tenants_of_a_pool_get_their_own_types_for_the_same_text() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let one = 1.0_f64.to_bits();
        let setup = format!(
            "create schema whole; create table whole.t as select {one}::int8 as v;
             create schema broken; create table broken.t as select 1::float8 as v;
             create schema named; create table named.t as select 'a name' as v;
             grant usage on schema whole, broken, named to public;
             grant select on whole.t, broken.t, named.t to public"
        );
        server.sql_in(&database, &setup).unwrap();
        let pool = Pool::builder(plain_config(server, &database)).max_conns(3).build().unwrap();
        let mut sessions = Vec::new();
        for path in ["whole", "broken", "named"] {
            let mut session = within(pool.acquire()).await.unwrap();
            session.script(&format!("set search_path to {path}")).await.unwrap();
            sessions.push(session);
        }
        for round in 0..6 {
            // Whoever comes first in a round teaches the others.
            sessions.rotate_left(round % 2 + 1);
            for session in &mut sessions {
                let (path,): (String,) = session.query("show search_path").one().await.unwrap();
                if round == 2 {
                    session.script("deallocate all").await.unwrap();
                }
                let mut tx = session.begin().await.unwrap();
                if round % 2 == 1 {
                    tx.execute("select 1", ()).await.unwrap();
                }
                assert_is_of(&mut tx, &path, i64::try_from(one).unwrap()).await;
                tx.commit().await.unwrap();
                assert_is_of(session, &path, i64::try_from(one).unwrap()).await;
            }
        }
        let mut session = sessions.remove(0);
        let (path,): (String,) = session.query("show search_path").one().await.unwrap();
        session
            .script("create temporary table t as select 'a temporary one' as v; deallocate all")
            .await
            .unwrap();
        let (found,): (String,) = session.query("select v from t").one().await.unwrap();
        assert_eq!(found, "a temporary one", "it hides that of {path}");
        session.script("drop table pg_temp.t; deallocate all").await.unwrap();
        assert_is_of(&mut session, &path, i64::try_from(one).unwrap()).await;
    })
    .await;
}

/// Sees that the table of this schema was read, alone and in a batch. The bytes of the first two are the same.
async fn assert_is_of(c: &mut Connection, schema: &str, whole: i64) {
    let row: OwnedRow = c.query("select v from t").one().await.unwrap();
    let mut batch = c.batch();
    batch.add("select v from t", ());
    let results = batch.run().await.unwrap();
    match schema {
        "whole" => {
            assert_eq!(row.get::<i64>(0).unwrap(), whole);
            assert_eq!(results.one::<(i64,)>(0).unwrap(), (whole,));
        }
        "broken" => {
            assert_eq!(row.get::<f64>(0).unwrap().to_bits(), 1.0_f64.to_bits());
            assert_eq!(results.one::<(f64,)>(0).unwrap().0.to_bits(), 1.0_f64.to_bits());
        }
        _ => {
            assert_eq!(row.get::<String>(0).unwrap(), "a name");
            assert_eq!(results.one::<(&str,)>(0).unwrap(), ("a name",));
        }
    }
}
