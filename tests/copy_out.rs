//! COPY from a server, as bytes, as typed rows and as Arrow batches.

mod common;

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use common::{
    assert_usable, code, connect, connect_by_proxy, connect_to_new, on_each_server, open, plain_config,
    poll_times, value_error, within,
};
use futures_core::Stream;
use molt_db::arrow::array::{Array, Int64Array};
use molt_db::arrow::{ArrowOptions, BatchLimits};
use molt_db::decode::Format;
use molt_db::decode::copy::read_text_row;
use molt_db::{
    CancellationToken, Column, Columns, Connection, CopyOut, Error, FromRow, Oid, OwnedRow, Scope,
    TransactionStatus,
};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::proxy::{Direction, Flow};
use molt_db_testkit::{Server, User};

/// In the target list it is made up as it is read; in FROM the server would write all of it to disk first.
const ENDLESS: &str = "copy (select generate_series(1, 9000000000)::int8, repeat('x', 100)) to stdout";

async fn all(mut copy: CopyOut<'_>) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(piece) = copy.next().await.unwrap() {
        data.extend_from_slice(piece);
    }
    data
}

fn columns(oids: &[Oid]) -> Columns {
    oids.iter().map(|oid| Column::new("c", *oid, -1, Format::Binary)).collect()
}

#[tokio::test]
async fn text_csv_and_binary_come_out_as_bytes() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let rows = "(values (1, 'o,ne'), (2, null)) t (id, name)";
        let mut copy = c.copy_out(&format!("copy (select * from {rows}) to stdout")).await.unwrap();
        assert_eq!((copy.format(), copy.columns()), (Format::Text, 2));
        assert_eq!(copy.next().await.unwrap().unwrap(), b"1\to,ne\n");
        assert_eq!(copy.next().await.unwrap().unwrap(), b"2\t\\N\n");
        assert!(copy.next().await.unwrap().is_none() && copy.next().await.unwrap().is_none());
        assert_eq!(copy.tag().unwrap().rows(), 2);
        let csv = format!("copy (select * from {rows}) to stdout (format csv, header)");
        assert_eq!(all(c.copy_out(&csv).await.unwrap()).await, b"id,name\n1,\"o,ne\"\n2,\n");
        let copy = c.copy_out("copy (select 7::int4) to stdout (format binary)").await.unwrap();
        assert_eq!(copy.format(), Format::Binary);
        assert_eq!(all(copy).await, b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0\x07\xff\xff");
        let copy = c.copy_out(&format!("copy (select * from {rows}) to stdout")).await.unwrap();
        assert_eq!(copy.finish().await.unwrap().rows(), 2);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn chunks_are_the_data_whatever_they_are_cut_to() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            let sql = "copy (select generate_series(1, 20000), repeat('x', 50)) to stdout";
            let expected = all(c.copy_out(sql).await.unwrap()).await;
            for flow in [Flow::Whole, Flow::Pieces(1000)] {
                proxy.set_flow(Direction::ToClient, flow);
                let mut chunks = c.copy_out(sql).await.unwrap().chunks();
                let (mut found, mut count) = (Vec::new(), 0);
                while let Some(chunk) = poll_fn(|cx| Pin::new(&mut chunks).poll_next(cx)).await {
                    found.extend_from_slice(&chunk.unwrap());
                    count += 1;
                }
                assert!(found == expected);
                assert!(count < 5000, "{count} chunks for 20,000 rows");
            }
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_wait_for_a_piece_that_is_dropped_loses_none() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            proxy.set_flow(Direction::ToClient, Flow::Pieces(7));
            let mut copy =
                within(c.copy_out("copy (select generate_series(1, 300)) to stdout")).await.unwrap();
            let mut found = Vec::new();
            let mut over = false;
            while !over {
                let once = async {
                    match copy.next().await.unwrap() {
                        Some(piece) => found.extend_from_slice(piece),
                        None => over = true,
                    }
                };
                if !poll_times(once, 1).await {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            }
            let expected: String = (1..=300).map(|id| format!("{id}\n")).collect();
            assert!(found == expected.as_bytes());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Scenario 29: every byte that a text can have, through escapes.
#[tokio::test]
async fn all_characters_come_through_the_text_format() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "copy (select chr(generate_series(1, 767)), null, '\\N', '\\.') to stdout";
        let mut copy = c.copy_out(sql).await.unwrap();
        for code in 1..=767 {
            let text = char::from_u32(code).unwrap().to_string();
            let fields = read_text_row(copy.next().await.unwrap().unwrap()).unwrap();
            let expected = [Some(text.into_bytes()), None, Some(b"\\N".to_vec()), Some(b"\\.".to_vec())];
            assert_eq!(fields, expected);
        }
        assert!(copy.next().await.unwrap().is_none());
        assert_usable(&mut c).await;
    })
    .await;
}

#[derive(FromRow, Debug, PartialEq)]
struct Item {
    id: i64,
    name: Option<String>,
}

#[tokio::test]
async fn rows_of_a_query_come_as_a_type() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let query =
            "select name, id from (values (1::int8, 'one'), (2, null)) t (id, name) -- the last line;";
        let mut rows = c.copy_out_rows::<Item>(query).await.unwrap();
        assert_eq!(rows.columns().len(), 2);
        assert_eq!(rows.next().await.unwrap(), Some(Item { id: 1, name: Some("one".to_owned()) }));
        assert_eq!(rows.next().await.unwrap(), Some(Item { id: 2, name: None }));
        assert_eq!(rows.next().await.unwrap(), None);
        assert_eq!(rows.next().await.unwrap(), None);
        assert_eq!(rows.tag().unwrap().rows(), 2);
        let mut rows =
            c.copy_out_rows::<(i32, String)>("select generate_series(1, 5000), 'x'").await.unwrap();
        for id in 1..=5000 {
            let row = poll_fn(|cx| Pin::new(&mut rows).poll_next(cx)).await.unwrap().unwrap();
            assert_eq!(row, (id, "x".to_owned()));
        }
        assert!(poll_fn(|cx| Pin::new(&mut rows).poll_next(cx)).await.is_none());
        let mut none = c.copy_out_rows::<(i32,)>("select 1 limit 0").await.unwrap();
        assert!(none.next().await.unwrap().is_none());
        let mut bare = c.copy_out_rows::<OwnedRow>("select from generate_series(1, 3)").await.unwrap();
        assert!(bare.next().await.unwrap().unwrap().is_empty());
        assert_eq!(bare.finish().await.unwrap().rows(), 3);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn every_type_comes_as_it_does_from_a_query() {
    const QUERY: &str = "select true, 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12.340::numeric, 'text', \
         'v'::varchar(5), 'c'::char(5), '\\x01ff'::bytea, date '2020-02-29', time '12:00:01', \
         timestamp '2020-01-01 00:00', timestamptz '2020-01-01 00:00Z', '{\"a\": 1}'::json, '{\"a\": 1}'::jsonb, \
         '00112233-4455-6677-8899-aabbccddeeff'::uuid, null::int4, null::text, array[1, 2]";
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let queried: Vec<OwnedRow> = c.query(QUERY).all().await.unwrap();
        let mut copied = c.copy_out_rows::<OwnedRow>(QUERY).await.unwrap();
        let row = copied.next().await.unwrap().unwrap();
        assert_eq!(row.columns(), queried[0].columns());
        assert!((0..row.len()).all(|at| row.raw(at) == queried[0].raw(at)));
        assert!(copied.next().await.unwrap().is_none());
        let mut batches = c.query(QUERY).arrow().await.unwrap();
        let expected = batches.next().await.unwrap();
        assert!(batches.next().await.unwrap().is_none());
        let mut batches = c.copy_out_arrow(QUERY).await.unwrap();
        assert_eq!(batches.next().await.unwrap(), expected);
        assert!(batches.next().await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn arrow_batches_come_out_of_a_copy_and_are_bounded() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut batches = c.copy_out_arrow("select generate_series(1, 150000)::int8 as id").await.unwrap();
        assert_eq!(batches.schema().field(0).name(), "id");
        let mut next = 1;
        while let Some(batch) = batches.next().await.unwrap() {
            assert!(batch.num_rows() <= 65_536);
            for id in batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values() {
                assert_eq!(*id, next);
                next += 1;
            }
        }
        assert_eq!(next, 150_001);
        let mut empty = c.copy_out_arrow("select 1 limit 0").await.unwrap();
        assert_eq!(empty.schema().fields().len(), 1);
        assert!(empty.next().await.unwrap().is_none());
        let copy = c.copy_out("copy (select 'a'::text, null) to stdout (format binary)").await.unwrap();
        let (options, limits) = (ArrowOptions::default(), BatchLimits::default());
        let mut declared =
            copy.arrow_with(&columns(&[Oid::TEXT, Oid::INT4]), &options, limits).await.unwrap();
        let batch = declared.next().await.unwrap().unwrap();
        assert_eq!((batch.num_rows(), batch.column(1).null_count()), (1, 1));
        assert!(declared.next().await.unwrap().is_none());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_skips_its_row_and_a_type_is_refused_before_any() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let query = "select nullif(generate_series(1, 3), 2)";
        let mut rows = c.copy_out_rows::<(i32,)>(query).await.unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((1,)));
        assert!(value_error(&rows.next().await.unwrap_err()).is_null());
        assert_eq!(rows.next().await.unwrap(), Some((3,)));
        assert_eq!(rows.next().await.unwrap(), None);
        let error = c.copy_out_rows::<(String,)>(query).await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch());
        assert_usable(&mut c).await;
        let mut batches = c.copy_out_arrow("select 'infinity'::numeric(9, 2)").await;
        if let Ok(batches) = &mut batches {
            assert!(batches.next().await.is_err_and(|error| error.is_conversion()));
        }
        drop(batches);
        within(c.settle()).await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn declared_columns_have_to_be_as_many_as_are_copied_in_binary() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let cases: [(&str, &[Oid], &str); 3] = [
            ("copy (select 1) to stdout", &[Oid::INT4], "format binary"),
            ("copy (select 1) to stdout (format binary)", &[Oid::INT4, Oid::INT4], "1 columns"),
            ("copy (select 1) to stdout (format binary)", &[], "0 were given"),
        ];
        for (sql, oids, said) in cases {
            let copy = c.copy_out(sql).await.unwrap();
            let error = copy.rows_as::<OwnedRow>(&columns(oids)).await.unwrap_err();
            assert!(error.is_copy() && error.to_string().contains(said), "{error}");
            assert_usable(&mut c).await;
        }
        let copy = c.copy_out("copy (select 5::int4) to stdout (format binary)").await.unwrap();
        let mut rows = copy.rows_as::<(i32,)>(&columns(&[Oid::INT4])).await.unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((5,)));
        assert_eq!(rows.next().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn only_what_reads_is_copied_out_as_rows() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table t (id int)").await.unwrap();
        for query in ["insert into t values (1) returning id", "select 1; select 2", "select 1) to stdout --"]
        {
            let error = c.copy_out_rows::<OwnedRow>(query).await.unwrap_err();
            assert_eq!(code(&error), "42601", "{query}");
            assert_eq!(error.sql(), Some(query));
            assert_usable(&mut c).await;
        }
        let writing = "with w as (insert into t values (1) returning id) select id from w";
        assert_eq!(code(&c.copy_out_rows::<OwnedRow>(writing).await.unwrap_err()), "0A000");
        assert_eq!(c.query("select count(*) from t").one::<(i64,)>().await.unwrap().0, 0);
    })
    .await;
}

#[tokio::test]
async fn an_error_behind_rows_is_an_error_of_the_copy() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let query = "select 10 / (3 - generate_series(1, 5))";
        let mut rows = c.copy_out_rows::<(i32,)>(query).await.unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((5,)));
        assert_eq!(rows.next().await.unwrap(), Some((10,)));
        assert_eq!(code(&rows.next().await.unwrap_err()), "22012");
        assert_eq!(rows.next().await.unwrap(), None);
        let mut copy = c.copy_out(&format!("copy ({query}) to stdout")).await.unwrap();
        let error = async {
            loop {
                if let Err(error) = copy.next().await {
                    break error;
                }
            }
        };
        assert_eq!(code(&error.await), "22012");
        assert!(copy.next().await.unwrap().is_none());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_in_a_transaction_whose_begin_was_not_sent_yet_is_part_of_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut tx = c.begin().read_only().await.unwrap();
        let mut rows = tx
            .copy_out_rows::<(bool,)>("select current_setting('transaction_read_only')::bool")
            .await
            .unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((true,)));
        assert_eq!(rows.next().await.unwrap(), None);
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        assert!(all(tx.copy_out("copy (select 1) to stdout").await.unwrap()).await == b"1\n");
        tx.commit().await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 28.
#[tokio::test]
async fn a_script_may_have_a_copy_in_it_and_what_is_none_is_an_error() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        let script =
            "create table t (id int); insert into t values (1), (2); copy t to stdout; select * from t";
        assert_eq!(all(c.copy_out(script).await.unwrap()).await, b"1\n2\n");
        let mut two = c.copy_out("copy t to stdout; copy t to stdout").await.unwrap();
        for line in [b"1\n", b"2\n"] {
            assert_eq!(two.next().await.unwrap().unwrap(), line);
        }
        assert!(two.next().await.unwrap_err().is_copy());
        for (sql, said) in [("select 1", "no COPY"), ("copy t from stdin", "`copy_in`"), ("", "no COPY")] {
            let error = c.copy_out(sql).await.unwrap_err();
            assert!(error.is_copy() && error.to_string().contains(said), "{error}");
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Scenario 26: far more than anybody could read.
#[tokio::test]
async fn a_copy_that_is_dropped_half_way_is_not_read_to_its_end() {
    on_each_server(async |server| {
        for url in [server.url(User::Scram, "test") + "?sslmode=disable", server.tls_url(User::Scram, "test")]
        {
            let mut c = open(&url).await.unwrap();
            let mut copy = c.copy_out(ENDLESS).await.unwrap();
            assert!(copy.next().await.unwrap().is_some());
            drop(copy);
            assert!(!c.is_usable());
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
            let endless = "select generate_series(1, 9000000000)";
            let mut rows = c.copy_out_rows::<(i64,)>(endless).await.unwrap();
            assert_eq!(rows.next().await.unwrap(), Some((1,)));
            drop(rows);
            within(c.settle()).await.unwrap();
            let mut batches = c.copy_out_arrow(endless).await.unwrap();
            assert!(batches.next().await.unwrap().is_some());
            drop(batches);
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_out_that_is_dropped_at_any_poll_can_be_settled() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for polls in 0.. {
            let work = async {
                let copy = c
                    .copy_out("copy (select generate_series(1, 20000), repeat('x', 100)) to stdout")
                    .await
                    .unwrap();
                copy.finish().await.unwrap();
                let mut rows = c.copy_out_rows::<(i32,)>("select generate_series(1, 20000)").await.unwrap();
                while rows.next().await.unwrap().is_some() {}
            };
            let ended = poll_times(work, polls).await;
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
            if ended {
                assert!(polls > 2);
                return;
            }
        }
    })
    .await;
}

/// Scenario 26.
#[tokio::test]
async fn a_copy_is_cancelled_half_way_and_the_connection_goes_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let canceller = c.canceller().unwrap();
        let mut copy = c.copy_out(ENDLESS).await.unwrap();
        assert!(copy.next().await.unwrap().is_some());
        canceller.cancel().await.unwrap();
        let error = within(async {
            loop {
                if let Err(error) = copy.next().await {
                    break error;
                }
            }
        })
        .await;
        assert!(error.is_cancelled());
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 27.
#[tokio::test]
async fn a_session_that_is_terminated_in_a_copy_is_lost_and_never_a_short_result() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let pid = c.backend_pid().unwrap();
        let mut copy = c.copy_out(ENDLESS).await.unwrap();
        assert!(copy.next().await.unwrap().is_some());
        server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
        let error = within(async {
            loop {
                match copy.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a short result"),
                    Err(error) => break error,
                }
            }
        })
        .await;
        assert!(error.is_connection_lost(), "{error:?}");
        assert!(!c.is_usable());
    })
    .await;
}

#[tokio::test]
async fn silence_and_scopes_end_a_copy() {
    on_each_server(async |server| {
        // A server sends what it has in buffers of 8 KiB.
        let quiet = "copy (select repeat('x', 100), case when g = 500 then pg_sleep(30) end \
                     from (select generate_series(1, 500) g) s) to stdout";
        let until_error = async |copy: &mut CopyOut<'_>| loop {
            if let Err(error) = within(copy.next()).await {
                break error;
            }
        };
        let config = plain_config(server, "test").query_timeout(Duration::from_millis(500));
        let mut c = Connection::connect(&config).await.unwrap();
        let mut copy = c.copy_out(quiet).await.unwrap();
        assert!(until_error(&mut copy).await.is_timeout());
        drop(copy);
        within(c.settle()).await.unwrap();
        let mut c = connect(server).await;
        let token = CancellationToken::new();
        c.set_scope(Scope::default().cancelled_by(token.clone()));
        let mut copy = c.copy_out(quiet).await.unwrap();
        token.cancel();
        assert!(until_error(&mut copy).await.is_cancelled());
        drop(copy);
        within(c.settle()).await.unwrap();
        assert!(c.copy_out(quiet).await.unwrap_err().is_cancelled(), "nothing is sent any more");
        assert!(c.is_usable());
    })
    .await;
}

fn copy_response(format: u8, columns: u16) -> Vec<u8> {
    let mut body = vec![format];
    body.extend(columns.to_be_bytes());
    body.extend((0..columns).flat_map(|_| u16::from(format).to_be_bytes()));
    messages::message(b'H', &body)
}

/// What a server says to `copy_out_rows`: one column of int4, then these pieces, and the end.
fn answer(pieces: &[&[u8]]) -> Vec<u8> {
    let mut answer = messages::row_description(&[("id", 23, 0)]);
    answer.extend(messages::command_complete("SELECT 0"));
    answer.extend(copy_response(1, 1));
    pieces.iter().for_each(|piece| answer.extend(messages::message(b'd', piece)));
    answer.extend(messages::message(b'c', b""));
    answer.extend(messages::command_complete("COPY 2"));
    answer.extend(messages::ready(b'I'));
    answer
}

/// Takes rows from a server that sends these pieces: those that came, and the error behind them.
async fn from_peer(pieces: &[&[u8]]) -> (Vec<i32>, Option<Error>) {
    let answer = answer(pieces);
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.expect(b'Q').await?;
        p.send(&answer).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let url = format!("host=127.0.0.1 port={} user=u sslmode=disable type_lookup=never", peer.port());
    let mut c = open(&url).await.unwrap();
    let mut rows = within(c.copy_out_rows::<(i32,)>("select id from t")).await.unwrap();
    let mut found = Vec::new();
    loop {
        match within(rows.next()).await {
            Ok(Some((id,))) => found.push(id),
            Ok(None) => {
                assert!(c.is_usable());
                return (found, None);
            }
            Err(error) => {
                assert!(rows.next().await.unwrap().is_none(), "it is over");
                assert!(!c.is_usable());
                return (found, Some(error));
            }
        }
    }
}

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const ONE: &[u8] = b"\0\x01\0\0\0\x04\0\0\0\x01";
const TWO: &[u8] = b"\0\x01\0\0\0\x04\0\0\0\x02";
const TRAILER: &[u8] = b"\xff\xff";

#[tokio::test]
async fn rows_are_read_whatever_pieces_a_server_cuts_them_to() {
    let whole = [HEADER, ONE, TWO, TRAILER].concat();
    let cuts: [&[&[u8]]; 4] = [
        &[HEADER, ONE, TWO, TRAILER],
        &[&whole],
        &[&[HEADER, &ONE[..3]].concat(), &[&ONE[3..], &TWO[..9]].concat(), &[&TWO[9..], TRAILER].concat()],
        &[b"", HEADER, b"", ONE, &TWO[..1], b"", &TWO[1..], &TRAILER[..1], &TRAILER[1..], b""],
    ];
    for pieces in cuts {
        let (found, error) = from_peer(pieces).await;
        assert_eq!(found, [1, 2]);
        assert!(error.is_none(), "{error:?}");
    }
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(from_peer(&single).await.0, [1, 2]);
}

/// Scenario 29: a partial row, no trailer, and whatever else is not what a server is to send.
#[tokio::test]
async fn data_that_are_no_binary_copy_end_the_connection_behind_the_rows_that_were_whole() {
    let cases: [(&[&[u8]], &str); 8] = [
        (&[&[HEADER, ONE].concat()], "without their trailer"),
        (&[&[HEADER, ONE].concat(), &TWO[..7]], "without their trailer"),
        (&[&[HEADER, ONE].concat(), TRAILER, b"x"], "follow the trailer"),
        (&[&[HEADER, ONE].concat(), b"\0\x02\0\0\0\0\0\0\0\0"], "2 fields"),
        (&[&[HEADER, ONE].concat(), b"\0\x01\xff\xff\xff\xf0"], "does not fit"),
        (&[&[HEADER, ONE].concat(), b"\0\x01\0\0\0\x04\0\0\0\x02\0"], "without their trailer"),
        (&[b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"], "signature"),
        (&[b"PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0"], "flags"),
    ];
    for (at, (pieces, said)) in cases.into_iter().enumerate() {
        let (found, error) = from_peer(pieces).await;
        let error = error.unwrap();
        assert!(error.is_protocol_violation() && error.to_string().contains(said), "{at}: {error}");
        assert_eq!(found.first(), (at < 6).then_some(&1), "{at}");
    }
}

#[tokio::test]
async fn a_copy_that_a_server_gives_to_a_query_of_nothing_of_the_kind_is_refused() {
    for response in [b'G', b'H', b'W'] {
        let peer = Peer::script(move |mut p| async move {
            p.login().await?;
            p.expect(b'Q').await?;
            p.send(&messages::message(response, &[0, 0, 0])).await?;
            match response {
                b'G' => drop(p.expect(b'f').await?),
                b'W' => drop(p.expect(b'c').await?),
                _ => {}
            }
            let end = match response {
                b'G' => messages::error("ERROR", "57014", "no"),
                _ => [messages::message(b'c', b""), messages::command_complete("COPY 0")].concat(),
            };
            p.send(&[end, messages::ready(b'I')].concat()).await?;
            p.expect(b'Q').await?;
            p.send(&[messages::command_complete("SET"), messages::ready(b'I')].concat()).await?;
            p.hang().await;
            Ok(())
        })
        .unwrap();
        let mut c =
            open(&format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port())).await.unwrap();
        let error = match response {
            b'G' => within(c.copy_out("copy t to stdout")).await.map(|_| ()).unwrap_err(),
            _ => within(c.copy_in("copy t from stdin")).await.map(|_| ()).unwrap_err(),
        };
        assert!(error.is_copy(), "{}: {error:?}", char::from(response));
        within(c.script("set a.b = 1")).await.unwrap();
    }
}

#[tokio::test]
async fn pieces_may_be_as_large_as_a_message() {
    on_each_server(async |server: &Server| {
        let mut c = connect(server).await;
        let copy = c.copy_out("copy (select repeat('x', 64 << 20)) to stdout").await.unwrap();
        assert_eq!(all(copy).await.len(), (64 << 20) + 1);
        let mut rows = c.copy_out_rows::<(String,)>("select repeat('x', 64 << 20)").await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().0.len(), 64 << 20);
        assert!(rows.next().await.unwrap().is_none());
        assert_usable(&mut c).await;
    })
    .await;
}
