//! Large and odd things that a server takes or refuses: texts, rows, names.

mod common;

use common::{assert_usable, code, connect, on_each_server};

#[tokio::test]
async fn a_text_of_100_mb_is_run_and_not_kept() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = format!("select 7 /* {} */", "x".repeat(100 << 20));
        assert_eq!(c.query(&sql).one::<(i32,)>().await.unwrap(), (7,));
        let mut batch = c.batch();
        batch.add(&sql, ()).add("select 8", ());
        let results = batch.run().await.unwrap();
        assert_eq!((results.one::<(i32,)>(0).unwrap(), results.one::<(i32,)>(1).unwrap()), ((7,), (8,)));
        let kept = "select coalesce(max(length(statement)), 0) from pg_prepared_statements";
        assert!(c.query(kept).one::<(i32,)>().await.unwrap().0 < 1000);
    })
    .await;
}

#[tokio::test]
async fn a_row_of_128_mb_comes_whole_and_one_of_a_gigabyte_is_the_servers_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let large = vec![7_u8; 128 << 20];
        let (found,): (Vec<u8>,) = c.query("select $1::bytea").bind(&large).one().await.unwrap();
        assert!(found == large);
        for sql in ["select repeat('x', 1 << 30)", "select repeat('x', 1 << 29), repeat('y', 1 << 29)"] {
            let error = c.execute(sql, ()).await.unwrap_err();
            assert!(["54000", "XX000"].contains(&code(&error).as_str()), "{error:?}");
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_nul_is_refused_wherever_text_is_taken() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1\0; drop table nothing";
        assert!(c.query(sql).one::<(i32,)>().await.unwrap_err().is_unsent());
        assert!(c.execute("select $1::text", ("a\0b",)).await.unwrap_err().is_unsent());
        assert!(c.script(sql).await.unwrap_err().is_unsent());
        assert!(c.prepare(sql).await.unwrap_err().is_unsent());
        assert!(c.script_results(sql).await.unwrap_err().is_unsent());
        let mut batch = c.batch();
        batch.add(sql, ());
        assert!(batch.run().await.unwrap_err().is_unsent());
        assert_usable(&mut c).await;
        let mut tx = c.begin().await.unwrap();
        assert!(tx.query(sql).portal(1).await.unwrap_err().is_unsent());
        assert_usable(&mut tx).await;
    })
    .await;
}

#[tokio::test]
async fn names_are_cut_by_the_server_at_63_bytes() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for length in [62, 63, 64, 200] {
            let name = "n".repeat(length);
            let statement = c.prepare(&format!("select 1 as \"{name}\"")).await.unwrap();
            assert_eq!(statement.columns()[0].name(), &name[..length.min(63)]);
            let row: molt_db::OwnedRow = c.query(&statement).one().await.unwrap();
            assert_eq!(row.get::<i32>(&name[..length.min(63)]).unwrap(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_million_rows_without_columns_are_counted() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select from generate_series(1, 1000000)";
        assert_eq!(c.execute(sql, ()).await.unwrap(), 1_000_000);
        let mut batch = c.batch();
        batch.add(sql, ());
        let results = batch.run().await.unwrap();
        assert_eq!(results.rows(0).unwrap().len(), 1_000_000);
        let mut batches = c.query(sql).arrow().await.unwrap();
        let mut rows = 0;
        while let Some(batch) = batches.next().await.unwrap() {
            rows += batch.num_rows();
        }
        assert_eq!(rows, 1_000_000);
    })
    .await;
}
