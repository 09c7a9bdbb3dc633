//! COPY into a server: all of it is stored, or nothing.

mod common;

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use common::{
    assert_usable, code, connect_by_proxy, connect_to_new, on_each_server, plain_config, poll_times, within,
};
use futures_sink::Sink;
use molt_db::decode::Format;
use molt_db::decode::copy::write_text_row;
use molt_db::{CancellationToken, Connection, CopyIn, Scope, TransactionStatus};
use molt_db_testkit::proxy::{Direction, Flow, Proxy};
use molt_db_testkit::{Server, User};

async fn table(server: &Server) -> Connection {
    let mut c = connect_to_new(server).await;
    c.script("create table t (id int, name text)").await.unwrap();
    c
}

async fn count(c: &mut Connection) -> i64 {
    c.query("select count(*) from t").one::<(i64,)>().await.unwrap().0
}

async fn begin(c: &mut Connection) -> CopyIn<'_> {
    c.copy_in("copy t from stdin").await.unwrap()
}

#[tokio::test]
async fn text_csv_and_binary_go_in_as_bytes() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        assert_eq!((copy.format(), copy.columns()), (Format::Text, 2));
        copy.send("1\tone\n2\t").await.unwrap();
        copy.send(b"two\n3\t\\N\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 3);
        let mut copy = c.copy_in("copy t (name, id) from stdin (format csv, header)").await.unwrap();
        copy.send("name,id\n\"f,our\",4\n".to_owned()).await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 1);
        let mut copy = c.copy_in("copy t from stdin (format binary)").await.unwrap();
        assert_eq!(copy.format(), Format::Binary);
        let row = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0\x05\0\0\0\x04five\xff\xff";
        for byte in row {
            copy.send([*byte]).await.unwrap();
            copy.flush().await.unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), 1);
        let rows: Vec<(i32, Option<String>)> = c.query("select * from t order by id").all().await.unwrap();
        let names = [Some("one"), Some("two"), None, Some("f,our"), Some("five")];
        assert!(rows.iter().map(|(id, name)| (*id, name.as_deref())).eq((1..).zip(names)));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_a_copy_too() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        assert_eq!(begin(&mut c).await.finish().await.unwrap(), 0);
        let mut copy = begin(&mut c).await;
        copy.send("").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 0);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 25: the source of the data fails.
#[tokio::test]
async fn a_copy_that_is_aborted_stores_nothing_and_the_server_knows_why() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        copy.send("1\tone\n").await.unwrap();
        copy.flush().await.unwrap();
        copy.abort("the file ended\0 too soon").await.unwrap();
        assert_eq!(count(&mut c).await, 0);
        let mut tx = c.begin().await.unwrap();
        begin(&mut tx).await.abort("why").await.unwrap();
        assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
        assert_eq!(code(&tx.execute("select 1", ()).await.unwrap_err()), "25P02");
        tx.rollback().await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 25: a bad row, while the client keeps writing.
#[tokio::test]
async fn an_error_of_the_server_stops_the_writer_and_says_where() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        for size in [1, 10, 100_000] {
            let mut copy = begin(&mut c).await;
            copy.send("1\tone\nx\ttwo\n").await.unwrap();
            let more = "3\tthree\n".repeat(size);
            let error = within(async {
                loop {
                    // A piece is sent at once, so that this is about the answer and not about how much is gathered.
                    if let Err(error) = copy.send(&more).await {
                        break error;
                    }
                    if let Err(error) = copy.flush().await {
                        break error;
                    }
                }
            })
            .await;
            assert_eq!(code(&error), "22P02");
            let context = error.server().unwrap().context().unwrap().into_owned();
            assert!(context.contains("COPY t, line 2, column id: \"x\""), "{context}");
            assert!(!error.is_connection_lost() && !error.is_outcome_unknown());
            let error = copy.send("4\tfour\n").await.unwrap_err();
            assert!(error.server().is_none(), "it is over: {error}");
            assert!(copy.finish().await.is_err());
            assert_usable(&mut c).await;
            assert_eq!(count(&mut c).await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn what_fails_at_the_end_is_an_error_of_finish() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        copy.send("1\tone\nx\n").await.unwrap();
        assert_eq!(code(&copy.finish().await.unwrap_err()), "22P02");
        // A constraint that is looked at behind the CommandComplete.
        c.script("create table d (id int unique deferrable initially deferred)").await.unwrap();
        let mut copy = c.copy_in("copy d from stdin").await.unwrap();
        copy.send("1\n1\n").await.unwrap();
        assert_eq!(code(&copy.finish().await.unwrap_err()), "23505");
        assert_usable(&mut c).await;
        assert_eq!(c.query("select count(*) from d").one::<(i64,)>().await.unwrap().0, 0);
    })
    .await;
}

/// Scenario 25: `finish` is never called.
#[tokio::test]
async fn a_copy_that_is_dropped_stores_nothing_and_leaves_the_connection_unsettled() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        for flushed in [true, false] {
            let mut copy = begin(&mut c).await;
            copy.send("1\tone\n".repeat(20_000)).await.unwrap();
            if flushed {
                copy.flush().await.unwrap();
            }
            drop(copy);
            assert!(!c.is_usable());
            assert!(c.execute("select 1", ()).await.unwrap_err().is_unsettled());
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
            assert_eq!(count(&mut c).await, 0);
        }
        let mut tx = c.begin().await.unwrap();
        tx.execute("insert into t values (1, 'before')", ()).await.unwrap();
        begin(&mut tx).await.send("1\tone\n").await.unwrap();
        assert!(tx.commit().await.unwrap_err().is_aborted());
        assert_eq!(count(&mut c).await, 0);
    })
    .await;
}

/// Scenario 25: a copy that is dropped at any poll stores all or nothing, and nothing in front of its end.
#[tokio::test]
async fn a_copy_that_is_dropped_at_any_poll_stores_all_of_it_or_nothing() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let text = "1\tone\n".repeat(30_000);
        for polls in 0.. {
            let ended = poll_times(
                async {
                    let mut copy = c.copy_in("copy t from stdin").await.unwrap();
                    for _ in 0..30 {
                        copy.send(&text).await.unwrap();
                    }
                    copy.flush().await.unwrap();
                    copy.finish().await.unwrap();
                },
                polls,
            )
            .await;
            within(c.settle()).await.unwrap();
            let stored = count(&mut c).await;
            assert!(stored == 0 || stored == 900_000, "{stored} rows after {polls} polls");
            c.script("truncate t").await.unwrap();
            if ended {
                assert_eq!(stored, 900_000);
                assert!(polls > 2);
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_piece_whose_wait_is_dropped_was_not_taken() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            c.script("create temporary table t (id int, name text)").await.unwrap();
            let piece = format!("1\t{}\n", "x".repeat(1 << 16));
            let mut copy = begin(&mut c).await;
            proxy.set_flow(Direction::ToServer, Flow::Stalled);
            let (mut taken, mut waits): (u64, u32) = (0, 0);
            while waits < 20 {
                match tokio::time::timeout(Duration::from_millis(5), copy.send(&piece)).await {
                    Ok(sent) => {
                        sent.unwrap();
                        (taken, waits) = (taken + 1, 0);
                    }
                    Err(_) => waits += 1,
                }
            }
            proxy.set_flow(Direction::ToServer, Flow::Whole);
            assert_eq!(within(copy.finish()).await.unwrap(), taken);
            assert!(taken > 1);
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_in_a_transaction_is_part_of_it() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        // BEGIN has not been sent when the copy begins.
        let mut tx = c.begin().await.unwrap();
        let mut copy = begin(&mut tx).await;
        copy.send("1\tone\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 1);
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        tx.rollback().await.unwrap();
        assert_eq!(count(&mut c).await, 0);
        let mut tx = c.begin().await.unwrap();
        let mut savepoint = tx.savepoint().unwrap();
        let mut copy = begin(&mut savepoint).await;
        copy.send("x\tone\n").await.unwrap();
        assert_eq!(code(&copy.finish().await.unwrap_err()), "22P02");
        savepoint.rollback().await.unwrap();
        let mut copy = begin(&mut tx).await;
        copy.send("2\ttwo\n").await.unwrap();
        copy.finish().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(&mut c).await, 1);
    })
    .await;
}

/// Scenario 28: COPY among other statements of a simple query.
#[tokio::test]
async fn a_script_may_have_a_copy_in_it() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let script = "insert into t values (1, 'a'); copy t from stdin; select * from t; insert into t values (3, 'c')";
        let mut copy = c.copy_in(script).await.unwrap();
        copy.send("2\tb\n").await.unwrap();
        copy.finish().await.unwrap();
        assert_eq!(count(&mut c).await, 3);
        // The second one is one too many, and nothing of the script is stored.
        let mut copy = c.copy_in("copy t from stdin; copy t from stdin").await.unwrap();
        copy.send("4\td\n").await.unwrap();
        assert!(copy.finish().await.unwrap_err().is_copy());
        assert_usable(&mut c).await;
        assert_eq!(count(&mut c).await, 3);
    })
    .await;
}

/// Scenario 28: what is no COPY from the client.
#[tokio::test]
async fn what_is_no_copy_from_the_client_is_an_error_that_says_so() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        for (sql, said) in [("select 1", "no COPY"), ("copy t to stdout", "`copy_out`"), ("", "no COPY")] {
            let error = c.copy_in(sql).await.unwrap_err();
            assert!(error.is_copy() && error.to_string().contains(said), "{error}");
            assert_usable(&mut c).await;
        }
        assert_eq!(code(&c.copy_in("copy missing from stdin").await.unwrap_err()), "42P01");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 29: every byte that a text can have, through escapes.
#[tokio::test]
async fn all_characters_go_through_the_text_format() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut texts: Vec<String> = (1..=0x2ff).filter_map(char::from_u32).map(String::from).collect();
        texts.extend(["\\.", "\\N", "", "\\", "a\tb\nc\rd\\", "\\x41", "\u{10ffff}"].map(String::from));
        let mut copy = begin(&mut c).await;
        for (id, text) in texts.iter().enumerate() {
            let mut line = Vec::new();
            write_text_row([Some(id.to_string()), Some(text.clone())], &mut line);
            copy.send(&line).await.unwrap();
        }
        copy.send("-1\t\\N\n").await.unwrap();
        copy.finish().await.unwrap();
        let found: Vec<(i32, Option<String>)> =
            c.query("select id, name from t order by id").all().await.unwrap();
        assert_eq!(found[0], (-1, None));
        assert!(
            found[1..].iter().map(|(_, name)| name.as_deref()).eq(texts.iter().map(|text| Some(&**text)))
        );
    })
    .await;
}

/// Scenario 29: `\.` ends the data, and what is behind it is dropped by the server.
#[tokio::test]
async fn the_old_end_of_data_mark_is_the_servers_business() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        copy.send("1\ta\n\\.\n").await.unwrap();
        copy.finish().await.unwrap();
        assert_eq!(count(&mut c).await, 1);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 29: no columns at all.
#[tokio::test]
async fn a_table_without_columns_takes_rows() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table t ()").await.unwrap();
        let mut copy = begin(&mut c).await;
        assert_eq!(copy.columns(), 0);
        copy.send("\n\n\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 3);
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        rows.send(()).await.unwrap();
        assert!(rows.send((1,)).await.unwrap_err().is_conversion());
        assert_eq!(rows.finish().await.unwrap(), 1);
        assert_eq!(count(&mut c).await, 4);
    })
    .await;
}

/// Scenario 29: pieces of a byte, and one of 64 MiB.
#[tokio::test]
async fn pieces_of_any_size_go_in() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        for byte in "1\tone\n".repeat(2000).bytes() {
            copy.send([byte]).await.unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), 2000);
        let mut copy = begin(&mut c).await;
        copy.send(format!("1\t{}\n", "x".repeat((64 << 20) - 3))).await.unwrap();
        copy.send("2\ttwo\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 2);
        let (length,): (i64,) = c.query("select max(length(name))::int8 from t").one().await.unwrap();
        assert_eq!(length, (64 << 20) - 3);
    })
    .await;
}

#[tokio::test]
async fn rows_are_gathered_into_large_pieces() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut c = Connection::connect(&config).await.unwrap();
        c.script("create temporary table t (id int, name text)").await.unwrap();
        let before = proxy.bytes(Direction::ToServer);
        let mut copy = begin(&mut c).await;
        for _ in 0..100_000 {
            copy.send("1\tone\n").await.unwrap();
        }
        copy.finish().await.unwrap();
        // 5 bytes for a message, of which there are about eleven, and those around them.
        let over = proxy.bytes(Direction::ToServer) - before - 600_000;
        assert!(over < 200, "{over} bytes around the data");
    })
    .await;
}

#[tokio::test]
async fn a_sink_of_bytes_is_a_copy() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut copy = begin(&mut c).await;
        let mut sink = Pin::new(&mut copy);
        for _ in 0..10 {
            poll_fn(|cx| sink.as_mut().poll_ready(cx)).await.unwrap();
            sink.as_mut().start_send(Bytes::from_static(b"1\tone\n")).unwrap();
        }
        poll_fn(|cx| sink.as_mut().poll_flush(cx)).await.unwrap();
        poll_fn(|cx| sink.as_mut().poll_close(cx)).await.unwrap();
        assert!(poll_fn(|cx| sink.as_mut().poll_ready(cx)).await.is_err());
        assert_eq!(copy.finish().await.unwrap(), 10);
        assert_eq!(count(&mut c).await, 10);
        assert_usable(&mut c).await;
    })
    .await;
}

/// A flood of notices while we write, over sockets that hold little, in the clear and with TLS.
#[tokio::test]
async fn notices_do_not_block_the_writer_nor_the_writer_notices() {
    on_each_server(async |server| {
        let mut owner = connect_to_new(server).await;
        owner
            .script(
                "create table t (id int, name text);
                 create function shout() returns trigger language plpgsql as $$
                 begin raise notice '%', repeat('x', 2000); return new; end $$;
                 create trigger shout before insert on t for each row execute function shout()",
            )
            .await
            .unwrap();
        let (database,): (String,) = owner.query("select current_database()::text").one().await.unwrap();
        for (_proxy, mut c) in common::narrow(server, &database).await {
            let line = format!("1\t{}\n", "y".repeat(1000));
            let mut copy = begin(&mut c).await;
            for _ in 0..20_000 {
                copy.send(&line).await.unwrap();
            }
            assert_eq!(copy.finish().await.unwrap(), 20_000);
            assert_eq!(c.take_notices().count(), 64);
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Scenario 27.
#[tokio::test]
async fn a_session_that_is_terminated_in_a_copy_is_lost() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let pid = c.backend_pid().unwrap();
        let mut copy = begin(&mut c).await;
        copy.send("1\tone\n").await.unwrap();
        copy.flush().await.unwrap();
        server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
        let error = within(async {
            loop {
                if let Err(error) = copy.send("1\tone\n".repeat(10_000)).await {
                    break error;
                }
            }
        })
        .await;
        assert!(error.is_connection_lost(), "{error:?}");
        assert!(copy.finish().await.is_err());
        assert!(!c.is_usable());
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_nothing_runs_into_query_timeout_and_scopes_end_a_copy() {
    on_each_server(async |server| {
        for limit in ["query_timeout", "deadline", "token"] {
            let proxy = Proxy::start(server.port()).unwrap();
            let mut config = plain_config(server, "test").port(proxy.port());
            if limit == "query_timeout" {
                config = config.query_timeout(Duration::from_millis(200));
            }
            let mut c = Connection::connect(&config).await.unwrap();
            c.script("create temporary table t (id int, name text)").await.unwrap();
            let token = CancellationToken::new();
            match limit {
                "deadline" => c.set_scope(Scope::within(Duration::from_millis(500))),
                "token" => c.set_scope(Scope::default().cancelled_by(token.clone())),
                _ => {}
            }
            let mut copy = begin(&mut c).await;
            copy.send("1\tone\n").await.unwrap();
            // The caller's own time does not count.
            tokio::time::sleep(Duration::from_millis(300)).await;
            copy.send("1\tone\n").await.unwrap();
            proxy.set_flow(Direction::ToServer, Flow::Stalled);
            let piece = "1\tone\n".repeat(10_000);
            let cancel = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                token.cancel();
            };
            let write = async {
                loop {
                    if let Err(error) = copy.send(&piece).await {
                        break error;
                    }
                }
            };
            let (error, ()) = within(async { tokio::join!(write, cancel) }).await;
            assert_eq!(error.is_timeout(), limit != "token", "{limit}: {error:?}");
            assert_eq!(error.is_cancelled(), limit == "token");
            drop(copy);
            assert!(!c.is_usable());
            proxy.set_flow(Direction::ToServer, Flow::Whole);
            within(c.settle()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_scope_is_noticed_by_a_copy_that_need_not_wait() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let token = CancellationToken::new();
        c.set_scope(Scope::default().cancelled_by(token.clone()));
        let mut copy = begin(&mut c).await;
        copy.send("1\tone\n").await.unwrap();
        token.cancel();
        assert!(copy.send("1\tone\n").await.unwrap_err().is_cancelled());
        drop(copy);
        within(c.settle()).await.unwrap();
        c.set_scope(Scope::default());
        assert_eq!(count(&mut c).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_copy_goes_through_tls() {
    on_each_server(async |server| {
        let mut c = common::open(&server.tls_url(User::Scram, "test")).await.unwrap();
        c.script("create temporary table t (id int, name text)").await.unwrap();
        let mut copy = begin(&mut c).await;
        for _ in 0..50_000 {
            copy.send("1\tone\n").await.unwrap();
        }
        assert_eq!(copy.finish().await.unwrap(), 50_000);
        assert_usable(&mut c).await;
    })
    .await;
}
