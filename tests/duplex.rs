//! Much that goes out while much comes in: neither side waits for the other to read first.

mod common;

use common::{assert_usable, narrow, on_each_server};
use molt_db_testkit::proxy::Direction;

#[tokio::test]
async fn a_batch_of_large_statements_with_larger_answers_comes_to_its_end() {
    const STATEMENTS: usize = 2000;
    on_each_server(async |server| {
        for (proxy, mut c) in narrow(server, "test").await {
            let text = "0123456789abcdef".repeat(1 << 10);
            let mut batch = c.batch();
            for _ in 0..STATEMENTS {
                batch.add("select repeat($1, 4)", (&text,));
            }
            let results = batch.run().await.unwrap();
            let answer = text.repeat(4);
            for statement in 0..STATEMENTS {
                assert!(results.one::<(&str,)>(statement).unwrap().0 == answer, "{statement}");
            }
            // More than what the proxy and all sockets hold between them.
            assert!(proxy.bytes(Direction::ToServer) > 31 << 20);
            assert!(proxy.bytes(Direction::ToClient) > 125 << 20);
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_with_60000_parameters_of_a_kibibyte_comes_to_its_end() {
    const PARAMETERS: usize = 60_000;
    on_each_server(async |server| {
        let places: Vec<_> = (1..=PARAMETERS).map(|number| format!("(${number})")).collect();
        let sql = format!("select v from (values {}) as v (v)", places.join(","));
        let values: Vec<_> = (0..PARAMETERS).map(|number| format!("{number:01024}")).collect();
        for (_proxy, mut c) in narrow(server, "test").await {
            let mut batch = c.batch();
            batch.add(&sql, &values).add("select 7", ());
            let results = batch.run().await.unwrap();
            assert_eq!(results.all::<(&str,)>(0).unwrap().len(), PARAMETERS);
            assert!(results.rows(0).unwrap().iter().map(|row| row.get::<&str>(0).unwrap()).eq(&values));
            assert_eq!(results.one::<(i32,)>(1).unwrap(), (7,));
            let found: Vec<(String,)> = c.query(&sql).bind_all(&values).all().await.unwrap();
            assert!(found.into_iter().map(|(value,)| value).eq(values.iter().cloned()));
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_small_statements_are_one_batch() {
    on_each_server(async |server| {
        for (_proxy, mut c) in narrow(server, "test").await {
            c.script("create temporary table t (id int)").await.unwrap();
            let mut batch = c.batch();
            for id in 0..5000 {
                batch.add("insert into t values ($1)", (id,)).add("select max(id) from t", ());
            }
            let results = batch.run().await.unwrap();
            for id in 0..5000_i32 {
                let statement = usize::try_from(2 * id).unwrap();
                assert_eq!(results.rows_affected(statement), 1);
                assert_eq!(results.one::<(i32,)>(statement + 1).unwrap(), (id,));
            }
            assert_usable(&mut c).await;
        }
    })
    .await;
}
