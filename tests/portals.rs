//! Portals: results that are fetched in pieces, beside other statements of their transaction.

mod common;

use common::{assert_usable, code, connect, connect_by_proxy, on_each_server, poll_times, within};
use molt_db::{Connection, Error, OwnedRow, Portal, TransactionStatus};

const SERIES: &str = "select g, 'row ' || g as word from generate_series(1, $1::int4) g";

/// Fetches the next piece, as far as it is `(i32, String)`, and returns the numbers in it.
async fn fetch(portal: &mut Portal, connection: &mut Connection) -> Result<Option<Vec<i32>>, Error> {
    let Some(rows) = portal.fetch(connection).await? else { return Ok(None) };
    let rows: Vec<(i32, &str)> = rows.all()?;
    assert!(rows.iter().all(|(number, word)| *word == format!("row {number}")));
    Ok(Some(rows.into_iter().map(|(number, _)| number).collect()))
}

/// Fetches everything that is left, and returns the sizes of the pieces and the numbers in them.
async fn drain(portal: &mut Portal, connection: &mut Connection) -> (Vec<usize>, Vec<i32>) {
    let (mut sizes, mut numbers) = (Vec::new(), Vec::new());
    while let Some(piece) = fetch(portal, connection).await.unwrap() {
        sizes.push(piece.len());
        numbers.extend(piece);
    }
    (sizes, numbers)
}

async fn open_portals(connection: &mut Connection) -> i64 {
    let sql = "select count(*) from pg_cursors where name <> ''";
    connection.query(sql).one::<(i64,)>().await.unwrap().0
}

#[tokio::test]
async fn rows_come_in_pieces_of_the_size_that_was_asked_for() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (rows, size, expected) in [
            (0, 1, vec![]),
            (1, 1, vec![1]),
            (3, 1, vec![1, 1, 1]),
            (3, 0, vec![1, 1, 1]),
            (7, 3, vec![3, 3, 1]),
            (6, 3, vec![3, 3]),
            (3, 3, vec![3]),
            (2, 3, vec![2]),
            (5, u32::MAX, vec![5]),
            (2500, 1000, vec![1000, 1000, 500]),
        ] {
            for _ in ["cold", "warm"] {
                let mut tx = c.begin().await.unwrap();
                let mut portal = tx.query(SERIES).bind(rows).portal(size).await.unwrap();
                let names: Vec<_> = portal.columns().iter().map(|column| column.name()).collect();
                assert_eq!(names, ["g", "word"]);
                let (sizes, numbers) = drain(&mut portal, &mut tx).await;
                assert_eq!(sizes, expected, "{rows} by {size}");
                assert_eq!(numbers, (1..=rows).collect::<Vec<_>>());
                assert!(portal.fetch(&mut tx).await.unwrap().is_none(), "the end stays the end");
                assert_usable(&mut tx).await;
                tx.commit().await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_piece_comes_with_begin_and_every_further_one_is_a_round_trip() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            for _ in ["cold", "warm"] {
                let bursts = proxy.client_bursts();
                let mut tx = c.begin().await.unwrap();
                let mut portal = tx.query(SERIES).bind(5_i32).portal(2).await.unwrap();
                assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
                assert_eq!(proxy.client_bursts() - bursts, 1);
                assert_eq!(fetch(&mut portal, &mut tx).await.unwrap(), Some(vec![1, 2]));
                assert_eq!(proxy.client_bursts() - bursts, 1);
                assert_eq!(fetch(&mut portal, &mut tx).await.unwrap(), Some(vec![3, 4]));
                assert_eq!(fetch(&mut portal, &mut tx).await.unwrap(), Some(vec![5]));
                assert_eq!(proxy.client_bursts() - bursts, 3);
                assert_eq!(fetch(&mut portal, &mut tx).await.unwrap(), None);
                assert_eq!(proxy.client_bursts() - bursts, 3);
                tx.commit().await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn other_statements_and_portals_run_beside_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int)").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.execute("insert into t values (0)", ()).await.unwrap();
        let statement = tx.prepare(SERIES).await.unwrap();
        let mut outer = tx.query(&statement).bind(5_i32).portal(2).await.unwrap();
        let mut inner = tx.query(&statement).bind(4_i32).portal(1).await.unwrap();
        let mut fetched = 0;
        while let Some(rows) = outer.fetch(&mut tx).await.unwrap() {
            for row in rows.iter() {
                let id: i32 = row.get(0).unwrap();
                tx.execute("insert into t values ($1)", (id,)).await.unwrap();
                let mut batch = tx.batch();
                batch.add("select $1::int4", (id,)).add(SERIES, (id,));
                let results = batch.run().await.unwrap();
                assert_eq!(results.rows(1).unwrap().len(), usize::try_from(id).unwrap());
                let all: Vec<OwnedRow> = tx.query(SERIES).bind(id).all().await.unwrap();
                assert_eq!(all.len(), usize::try_from(id).unwrap());
                let mut savepoint = tx.savepoint().unwrap();
                savepoint.execute("select 1 / 0", ()).await.unwrap_err();
                savepoint.rollback().await.unwrap();
            }
            fetched += rows.len();
            tx.script("select 1").await.unwrap();
            fetch(&mut inner, &mut tx).await.unwrap().unwrap();
        }
        assert_eq!(fetched, 5);
        assert_eq!(drain(&mut inner, &mut tx).await.1, [4]);
        let (count,): (i64,) = tx.query("select count(*) from t").one().await.unwrap();
        assert_eq!(count, 6);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_portal_is_as_old_as_its_first_rows() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int); insert into t values (1), (2), (3)").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        let mut portal = tx.query("select id, 'row ' || id from t order by id").portal(1).await.unwrap();
        tx.execute("delete from t where id > 1", ()).await.unwrap();
        assert_eq!(drain(&mut portal, &mut tx).await.1, [1, 2, 3]);
        tx.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn outside_of_a_transaction_it_is_refused_unsent() {
    on_each_server(async |server| {
        let [(proxy, mut c), _] = connect_by_proxy(server).await;
        let bursts = proxy.client_bursts();
        let error = c.query("select 1").portal(1).await.unwrap_err();
        assert!(error.is_transaction_state() && error.is_unsent(), "{error:?}");
        assert_eq!(proxy.client_bursts(), bursts);
        c.script("begin").await.unwrap();
        let mut portal = c.query(SERIES).bind(3_i32).portal(2).await.unwrap();
        assert_eq!(drain(&mut portal, &mut c).await.1, [1, 2, 3]);
        c.script("commit").await.unwrap();
        assert!(c.query("select 1").portal(1).await.unwrap_err().is_transaction_state());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn behind_its_transaction_it_is_gone() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for commits in [true, false] {
            let mut tx = c.begin().await.unwrap();
            let mut portal = tx.query(SERIES).bind(9_i32).portal(2).await.unwrap();
            let mut held = tx.query(SERIES).bind(1_i32).portal(2).await.unwrap();
            if commits {
                tx.commit().await.unwrap();
            } else {
                tx.rollback().await.unwrap();
            }
            assert_eq!(fetch(&mut portal, &mut c).await.unwrap(), Some(vec![1, 2]), "they are here already");
            assert_eq!(code(&fetch(&mut portal, &mut c).await.unwrap_err()), "34000");
            assert_eq!(drain(&mut held, &mut c).await.1, [1]);

            let mut tx = c.begin().await.unwrap();
            let mut next = tx.query(SERIES).bind(3_i32).portal(2).await.unwrap();
            assert_eq!(fetch(&mut next, &mut tx).await.unwrap(), Some(vec![1, 2]));
            let error = fetch(&mut portal, &mut tx).await.unwrap_err();
            assert_eq!(code(&error), "34000", "and is nobody else's");
            tx.rollback().await.unwrap();
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn another_connection_does_not_take_it() {
    on_each_server(async |server| {
        let (mut c, mut other) = (connect(server).await, connect(server).await);
        let (mut tx, mut others) = (c.begin().await.unwrap(), other.begin().await.unwrap());
        let mut portal = tx.query(SERIES).bind(3_i32).portal(2).await.unwrap();
        let mut twin = others.query(SERIES).bind(7_i32).portal(4).await.unwrap();
        let error = portal.fetch(&mut others).await.unwrap_err();
        assert!(error.is_unsent() && error.server().is_none(), "{error:?}");
        assert_eq!(drain(&mut twin, &mut others).await.0, [4, 3]);
        assert_eq!(drain(&mut portal, &mut tx).await.0, [2, 1]);
        portal.close(&mut others);
        assert_eq!((open_portals(&mut tx).await, open_portals(&mut others).await), (1, 1));
        tx.rollback().await.unwrap();
        others.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn closing_frees_it_together_with_the_next_statement() {
    on_each_server(async |server| {
        let [(proxy, mut c), _] = connect_by_proxy(server).await;
        let mut tx = c.begin().await.unwrap();
        let mut kept = tx.query(SERIES).bind(9_i32).portal(2).await.unwrap();
        let half = tx.query(SERIES).bind(9_i32).portal(2).await.unwrap();
        let whole = tx.query(SERIES).bind(1_i32).portal(2).await.unwrap();
        assert_eq!(open_portals(&mut tx).await, 3);
        let bursts = proxy.client_bursts();
        half.close(&mut tx);
        whole.close(&mut tx);
        assert_eq!(proxy.client_bursts(), bursts);
        assert_eq!(open_portals(&mut tx).await, 1);
        assert_eq!(proxy.client_bursts(), bursts + 1);
        assert_eq!(drain(&mut kept, &mut tx).await.0, [2, 2, 2, 2, 1]);

        // What is closed in a failed transaction, or behind it, is gone without a word.
        let another = tx.query(SERIES).bind(9_i32).portal(2).await.unwrap();
        tx.execute("select 1 / 0", ()).await.unwrap_err();
        another.close(&mut tx);
        tx.rollback().await.unwrap();
        kept.close(&mut c);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_in_the_middle_comes_with_its_piece_and_fails_the_transaction() {
    const FAILING: &str = "select 12 / (4 - g) from generate_series(1, 9) g";
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut tx = c.begin().await.unwrap();
        let mut portal = tx.query(FAILING).portal(2).await.unwrap();
        assert_eq!(portal.fetch(&mut tx).await.unwrap().unwrap().all::<(i32,)>().unwrap(), [(4,), (6,)]);
        assert_eq!(code(&portal.fetch(&mut tx).await.unwrap_err()), "22012");
        assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
        assert_eq!(code(&tx.query("select 1").portal(1).await.unwrap_err()), "25P02");
        assert!(portal.fetch(&mut tx).await.is_err());
        assert!(tx.commit().await.unwrap_err().is_aborted());

        let mut tx = c.begin().await.unwrap();
        assert_eq!(code(&tx.query(FAILING).portal(9).await.unwrap_err()), "22012");
        tx.rollback().await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn statements_that_return_no_rows_and_rows_without_columns_are_results_too() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut tx = c.begin().await.unwrap();
        let mut portal = tx.query("create temporary table t (id int)").portal(1).await.unwrap();
        assert!(portal.columns().is_empty());
        assert!(portal.fetch(&mut tx).await.unwrap().is_none());
        let inserting = "insert into t select generate_series(1, 3) returning id";
        let mut portal = tx.query(inserting).portal(2).await.unwrap();
        assert_eq!(portal.fetch(&mut tx).await.unwrap().unwrap().len(), 2);
        assert_eq!(portal.fetch(&mut tx).await.unwrap().unwrap().len(), 1);
        let mut portal = tx.query("select from t").portal(2).await.unwrap();
        let rows = portal.fetch(&mut tx).await.unwrap().unwrap();
        assert!(rows.len() == 2 && rows.iter().all(|row| row.is_empty()));
        let mut portal = tx.query("").portal(2).await.unwrap();
        assert!(portal.fetch(&mut tx).await.unwrap().is_none());
        tx.commit().await.unwrap();
        assert_eq!(c.query("select count(*) from t").one::<(i64,)>().await.unwrap(), (3,));
    })
    .await;
}

#[tokio::test]
async fn a_type_without_a_binary_form_comes_as_text() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select makeaclitem(10, 10, 'SELECT', false) from generate_series(1, 3)";
        for first in [true, false] {
            let mut tx = c.begin().await.unwrap();
            if !first {
                tx.execute("select 1", ()).await.unwrap();
            }
            let mut portal = tx.query(sql).portal(2).await.unwrap();
            while let Some(rows) = portal.fetch(&mut tx).await.unwrap() {
                assert!(rows.all::<(&str,)>().unwrap().iter().all(|(acl,)| acl.contains("=r/")));
            }
            tx.commit().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_is_dropped_at_any_poll_leaves_a_connection_that_can_be_settled() {
    async fn run(tx: &mut Connection) -> Result<(), Error> {
        let mut portal = tx.query(SERIES).bind(3000_i32).portal(1000).await?;
        while portal.fetch(tx).await?.is_some() {}
        Ok(())
    }
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for polls in 0.. {
            let mut tx = c.begin().await.unwrap();
            let ended = poll_times(run(&mut tx), polls).await;
            if !ended && polls > 0 {
                let error = tx.execute("select 1", ()).await.unwrap_err();
                assert!(error.is_unsettled(), "{error:?}");
                within(tx.settle()).await.unwrap();
                assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
            }
            within(tx.rollback()).await.unwrap();
            assert_usable(&mut c).await;
            if ended {
                assert!(polls > 1);
                break;
            }
        }
    })
    .await;
}
