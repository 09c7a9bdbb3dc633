//! Results of many megabytes: the driver asks to be woken less often for them, and nothing of them is held back.

mod common;

use common::{assert_usable, connect, on_each_server, open, plain_config, within};
use molt_db::Connection;
use molt_db::arrow::{ArrowOptions, BatchLimits, ByteLimit, RowLimit};
use molt_db::config::SslMode;
use molt_db_testkit::peer::{Peer, messages};
use tokio::sync::mpsc;

/// A row of 1 KiB.
fn row() -> Vec<u8> {
    messages::data_row(&[Some(&[b'x'; 1013])])
}

/// So many rows are surely enough for fewer wake-ups.
const MANY: usize = 20 << 10;
const TEXT: u32 = 25;

fn opening() -> Vec<u8> {
    let described = messages::row_description(&[("t", TEXT, 0)]);
    [messages::parse_complete(), messages::parameter_description(&[]), described, messages::bind_complete()]
        .concat()
}

fn ending() -> Vec<u8> {
    [messages::command_complete("SELECT 1"), messages::ready(b'I')].concat()
}

async fn connect_to(peer: &Peer) -> Connection {
    open(&format!("host=127.0.0.1 port={} user=u sslmode=disable type_lookup=never", peer.port()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_few_rows_behind_many_are_not_held_back() {
    let (seen, mut told) = mpsc::unbounded_channel::<usize>();
    let peer = Peer::script(move |mut p| async move {
        p.login().await?;
        p.expect_all(b"PDBES").await?;
        let mut sent = MANY;
        p.send(&[opening(), row().repeat(MANY)].concat()).await?;
        // The next row is sent when all before it have been seen, so one that is held back holds up everything.
        for _ in 0..5 {
            while told.recv().await.is_some_and(|seen| seen < sent) {}
            p.send(&row()).await?;
            sent += 1;
        }
        p.send(&ending()).await?;
        p.hang().await;
        Ok(())
    });
    let peer = peer.unwrap();
    let mut connection = connect_to(&peer).await;
    within(async {
        let mut rows = connection.query("select t from t").rows().await.unwrap();
        let mut count = 0;
        while rows.next().await.unwrap().is_some() {
            count += 1;
            let _ = seen.send(count);
        }
        assert_eq!(count, MANY + 5);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_goes_away_behind_many_rows_is_noticed() {
    let peer = Peer::script(move |mut p| async move {
        p.login().await?;
        p.expect_all(b"PDBES").await?;
        p.send(&[opening(), row().repeat(MANY)].concat()).await?;
        p.close().await
    });
    let peer = peer.unwrap();
    let mut connection = connect_to(&peer).await;
    let error = within(connection.query("select t from t").execute()).await.unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
}

/// Reads the query's rows as batches of 100 and returns how many there were.
async fn count(connection: &mut Connection, sql: &str) -> usize {
    let limits = BatchLimits { rows: RowLimit::new(100), bytes: ByteLimit::default() };
    let mut batches = connection.query(sql).arrow_with(&ArrowOptions::default(), limits).await.unwrap();
    let mut count = 0;
    while let Some(batch) = batches.next().await.unwrap() {
        count += batch.num_rows();
    }
    count
}

/// 30 MiB, with a row now and then that takes its time.
const SLOW: &str = "select case when n % 10000 = 0 then pg_sleep(0.02)::text else repeat('x', 1000) end \
                    from generate_series(1, 30000) n";

#[tokio::test]
async fn many_rows_arrive_whole_and_queries_behind_them_too() {
    on_each_server(async |server| {
        let mut plain = connect(server).await;
        let mut encrypted =
            Connection::connect(&plain_config(server, "test").ssl_mode(SslMode::Require)).await.unwrap();
        for connection in [&mut plain, &mut encrypted] {
            for _ in 0..2 {
                assert_eq!(within(count(connection, SLOW)).await, 30_000);
                for _ in 0..100 {
                    within(assert_usable(connection)).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_result_that_is_given_up_in_the_middle_leaves_the_connection_usable() {
    on_each_server(async |server| {
        let mut connection = connect(server).await;
        for taken in [1, 9_000, 25_000] {
            let mut rows = connection.query(SLOW).rows().await.unwrap();
            for _ in 0..taken {
                within(rows.next()).await.unwrap().unwrap();
            }
            drop(rows);
            within(connection.settle()).await.unwrap();
            within(assert_usable(&mut connection)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_full_comes_before_the_violation_behind_it() {
    // A row of a length that cannot be.
    let broken = [b'D', 0, 0, 0, 2];
    let peer = Peer::script(move |mut p| async move {
        p.login().await?;
        p.expect_all(b"PDBES").await?;
        p.send(&[opening(), row().repeat(20), broken.to_vec()].concat()).await?;
        p.hang().await;
        Ok(())
    });
    let peer = peer.unwrap();
    let mut connection = connect_to(&peer).await;
    // The first row comes alone, so the others fill the batch together.
    let limits = BatchLimits { rows: RowLimit::new(20), bytes: ByteLimit::default() };
    let mut batches =
        within(connection.query("select t from t").arrow_with(&ArrowOptions::default(), limits))
            .await
            .unwrap();
    let batch = within(batches.next()).await.unwrap().unwrap();
    assert_eq!(batch.num_rows(), 20);
    let error = within(batches.next()).await.unwrap_err();
    assert!(error.is_protocol_violation(), "{error:?}");
}
