//! Transactions: what they cost, how they end, and what becomes of them when nobody ends them.

mod common;

use std::time::Duration;

use common::{
    FORGET_UNSEEN, assert_usable, code, connect, connect_to, connect_to_new, on_each_server, plain_config,
    within,
};
use molt_db::{Connection, Error, IsolationLevel, Pool, TransactionStatus};
use molt_db_testkit::proxy::Proxy;
use molt_db_testkit::{Server, ServerOptions};

async fn count(connection: &mut Connection, table: &str) -> i64 {
    let (count,): (i64,) = connection.query(&format!("select count(*) from {table}")).one().await.unwrap();
    count
}

async fn with_table(server: &Server) -> Connection {
    let mut connection = connect(server).await;
    connection.script("create temporary table t (id int primary key)").await.unwrap();
    connection
}

const INSERT: &str = "insert into t values ($1)";

#[tokio::test]
async fn what_runs_in_a_transaction_is_committed_together() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        tx.execute(INSERT, (2_i32,)).await.unwrap();
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        tx.commit().await.unwrap();
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        assert_eq!(count(&mut c, "t").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_undoes_all_of_it() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        assert_eq!(count(&mut c, "t").await, 0);
    })
    .await;
}

#[tokio::test]
async fn begin_rides_with_the_first_statement() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let mut c = Connection::connect(&plain_config(server, "test").port(proxy.port())).await.unwrap();
        let mut seen = proxy.client_bursts();
        let mut cost = || {
            let now = proxy.client_bursts();
            now - std::mem::replace(&mut seen, now)
        };
        for turn in ["cold", "warm"] {
            let mut tx = c.begin().await.unwrap();
            assert_eq!(cost(), 0, "{turn}");
            tx.execute("select 1, $1::int4", (1_i32,)).await.unwrap();
            assert_eq!(cost(), 1, "{turn}");
            let mut savepoint = tx.savepoint().unwrap();
            savepoint.execute("select 1, $1::int4", (1_i32,)).await.unwrap();
            assert_eq!(cost(), 1, "{turn}");
            savepoint.commit().await.unwrap();
            assert_eq!(cost(), 0, "{turn}: RELEASE rides too");
            tx.commit().await.unwrap();
            assert_eq!(cost(), 1, "{turn}");

            let mut tx = c.begin().await.unwrap();
            tx.savepoint().unwrap().commit().await.unwrap();
            tx.commit().await.unwrap();
            c.begin().await.unwrap().rollback().await.unwrap();
            drop(c.begin().await.unwrap());
            assert_eq!(cost(), 0, "{turn}: nothing was run");

            let mut tx = c.begin().await.unwrap();
            tx.execute("select 1, $1::int4", (1_i32,)).await.unwrap();
            drop(tx);
            assert_eq!(cost(), 1, "{turn}");
            c.execute("select 1, $1::int4", (1_i32,)).await.unwrap();
            assert_eq!(cost(), 1, "{turn}: ROLLBACK rides with the next statement");
            let mut tx = c.begin().await.unwrap();
            tx.script("select 1").await.unwrap();
            assert_eq!(cost(), 2, "{turn}: a script is led by nothing");
            tx.rollback().await.unwrap();
            assert_eq!(cost(), 1, "{turn}");
        }
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
    })
    .await;
}

#[tokio::test]
async fn the_kind_of_a_transaction_is_what_was_asked_for() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (level, name) in [
            (IsolationLevel::ReadCommitted, "read committed"),
            (IsolationLevel::RepeatableRead, "repeatable read"),
            (IsolationLevel::Serializable, "serializable"),
        ] {
            let mut tx = c.begin().isolation(level).read_only().deferrable().await.unwrap();
            for (setting, expected) in [
                ("transaction_isolation", name),
                ("transaction_read_only", "on"),
                ("transaction_deferrable", "on"),
            ] {
                let (found,): (String,) =
                    tx.query("select current_setting($1)").bind(setting).one().await.unwrap();
                assert_eq!(found, expected);
            }
            let error = tx.execute("create table no (id int)", ()).await.unwrap_err();
            assert_eq!(code(&error), "25006");
            tx.rollback().await.unwrap();
        }
        c.script("set default_transaction_read_only = on").await.unwrap();
        let mut tx = c.begin().read_write().await.unwrap();
        tx.execute("create temporary table yes (id int)", ()).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_commit_of_a_transaction_that_has_failed_is_an_error() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        for failing in ["select 1 / 0", "insert into t values (7), (7)"] {
            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            tx.execute(failing, ()).await.unwrap_err();
            let refused = tx.execute(INSERT, (2_i32,)).await.unwrap_err();
            assert_eq!(code(&refused), "25P02");
            let error = tx.commit().await.unwrap_err();
            assert!(error.is_aborted() && !error.is_retryable() && !error.is_unsent(), "{error}");
            assert_eq!(count(&mut c, "t").await, 0);
        }
        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1 / 0", ()).await.unwrap_err();
        assert!(tx.commit().await.unwrap_err().is_aborted(), "its first statement had failed");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_deferred_constraint_that_fails_at_the_commit_is_its_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table d (id int unique deferrable initially deferred)").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.execute("insert into d values (1), (1)", ()).await.unwrap();
        assert_eq!(code(&tx.commit().await.unwrap_err()), "23505");
        assert_eq!(count(&mut c, "d").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_before_anything_else_runs() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        for fails in [false, true] {
            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            if fails {
                tx.execute("select 1 / 0", ()).await.unwrap_err();
            }
            drop(tx);
            assert_eq!(count(&mut c, "t").await, 0);
            assert_eq!(c.transaction_status(), TransactionStatus::Idle);

            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            drop(tx);
            let mut tx = c.begin().await.unwrap();
            assert_eq!(count(&mut tx, "t").await, 0, "the next one begins behind it");
            tx.commit().await.unwrap();

            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            drop(tx);
            c.script("insert into t values (9)").await.unwrap();
            assert_eq!(count(&mut c, "t").await, 1, "a script runs behind it too");
            c.script("truncate t").await.unwrap();
        }
        assert_eq!(c.take_notices().count(), 0, "nothing is rolled back twice");
    })
    .await;
}

/// What a statement was to do that was walked away from would be missing.
#[tokio::test]
async fn a_transaction_in_which_a_statement_was_walked_away_from_cannot_be_committed() {
    on_each_server(async |server| {
        for sql in ["select pg_sleep(30)", "insert into t values (2)"] {
            let mut c = with_table(server).await;
            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            walk_away(&mut tx, sql).await;
            let refused = tx.execute(INSERT, (3_i32,)).await.unwrap_err();
            assert!(refused.is_unsettled(), "{refused}");
            let error = within(tx.commit()).await.unwrap_err();
            assert!(error.is_aborted(), "{sql}: {error}");
            assert_eq!(count(&mut c, "t").await, 0);

            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            walk_away(&mut tx, sql).await;
            tx.settle().await.unwrap();
            let refused = tx.execute(INSERT, (3_i32,)).await.unwrap_err();
            assert_eq!(code(&refused), "25P02");
            assert!(tx.commit().await.unwrap_err().is_aborted(), "{sql}");
            assert_eq!(count(&mut c, "t").await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_in_which_a_statement_ran_out_of_time_cannot_be_committed() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").query_timeout(Duration::from_millis(300));
        let mut c = Connection::connect(&config).await.unwrap();
        c.script("create temporary table t (id int primary key)").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        let error = tx.execute("select pg_sleep(30)", ()).await.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
        assert!(tx.execute(INSERT, (2_i32,)).await.unwrap_err().is_unsettled());
        assert!(within(tx.commit()).await.unwrap_err().is_aborted());
        assert_eq!(count(&mut c, "t").await, 0);

        let result: Result<(), Error> = c
            .begin()
            .run(async |tx| {
                tx.execute(INSERT, (1_i32,)).await?;
                tx.execute("select pg_sleep(30)", ()).await.map(|_| ())
            })
            .await;
        assert!(result.unwrap_err().is_timeout());
        assert_eq!(count(&mut c, "t").await, 0);
    })
    .await;
}

/// Sleeps at the commit.
const SLEEPY: &str = "create function sleepy() returns trigger language plpgsql as \
    $$ begin perform pg_sleep(30); return null; end $$; \
    create table s (id int); \
    create constraint trigger sleepy after insert on s deferrable initially deferred \
    for each row execute function sleepy()";

#[tokio::test]
async fn a_commit_that_runs_out_of_time_leaves_nothing_open() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let config = plain_config(server, &database).query_timeout(Duration::from_millis(300));
        let mut c = Connection::connect(&config).await.unwrap();
        c.script(SLEEPY).await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.execute("insert into s values (1)", ()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
        within(c.settle()).await.unwrap();
        assert_usable(&mut c).await;
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        assert_eq!(count(&mut c, "s").await, 0);

        let mut tx = c.begin().await.unwrap();
        tx.execute("insert into s values (1)", ()).await.unwrap();
        let result = tokio::time::timeout(Duration::from_millis(50), tx.commit()).await;
        assert!(result.is_err(), "it sleeps");
        within(c.settle()).await.unwrap();
        assert_eq!(count(&mut c, "s").await, 0);
    })
    .await;
}

#[tokio::test]
async fn nor_can_one_that_was_begun_as_sql() {
    on_each_server(async |server| {
        for sql in ["select pg_sleep(30)", "insert into t values (2)"] {
            let mut c = with_table(server).await;
            c.script("begin").await.unwrap();
            c.execute(INSERT, (1_i32,)).await.unwrap();
            walk_away(&mut c, sql).await;
            c.settle().await.unwrap();
            c.execute(INSERT, (3_i32,)).await.unwrap_err();
            let tag = c.script("commit").await.unwrap();
            assert_eq!(tag.as_str(), "ROLLBACK");
            assert_eq!(count(&mut c, "t").await, 0);
        }
    })
    .await;
}

/// Begins a statement and drops it before its answer is read.
async fn walk_away(connection: &mut Connection, sql: &str) {
    let mut statement = std::pin::pin!(connection.execute(sql, ()));
    let polled = poll_once(statement.as_mut()).await;
    assert!(polled.is_none(), "it was not to end at once");
}

async fn poll_once<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_transaction_with_an_unfinished_statement_can_be_rolled_back() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        walk_away(&mut tx, "select pg_sleep(30)").await;
        within(tx.rollback()).await.unwrap();
        assert_usable(&mut c).await;
        assert_eq!(count(&mut c, "t").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_sql_has_ended_takes_nothing_more() {
    on_each_server(async |server| {
        for end in ["commit", "rollback"] {
            let mut c = with_table(server).await;
            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            tx.script(end).await.unwrap();
            let error = tx.execute(INSERT, (2_i32,)).await.unwrap_err();
            assert!(error.is_transaction_state() && error.is_unsent(), "{error}");
            let error = tx.commit().await.unwrap_err();
            assert!(error.is_transaction_state(), "{error}");
            assert_eq!(count(&mut c, "t").await, i64::from(end == "commit"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_does_not_begin_inside_of_another() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        for _ in 0..2 {
            let error = tx.begin().await.unwrap_err();
            assert!(error.is_transaction_state() && error.is_unsent(), "{error}");
            tx.execute("select 1", ()).await.unwrap();
        }
        tx.rollback().await.unwrap();
        c.script("begin").await.unwrap();
        assert!(c.begin().await.unwrap_err().is_transaction_state());
        c.script("rollback").await.unwrap();
        c.begin().await.unwrap().commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_takes_its_transaction_with_it() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let mut admin = connect_to(server, &database).await;
        admin.script("create table t (id int)").await.unwrap();
        let mut c = connect_to(server, &database).await;
        c.script("set idle_in_transaction_session_timeout = 50").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..2 {
            let error = tx.execute(INSERT, (2_i32,)).await.unwrap_err();
            assert!(error.is_connection_lost(), "{error}");
        }
        assert!(tx.commit().await.unwrap_err().is_connection_lost());
        assert!(c.execute("select 1", ()).await.unwrap_err().is_connection_lost());
        assert_eq!(count(&mut admin, "t").await, 0);
    })
    .await;
}

#[tokio::test]
async fn savepoints_are_rolled_back_by_themselves() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();

        let mut kept = tx.savepoint().unwrap();
        kept.execute(INSERT, (2_i32,)).await.unwrap();
        let mut inner = kept.savepoint().unwrap();
        inner.execute(INSERT, (3_i32,)).await.unwrap();
        inner.execute(INSERT, (3_i32,)).await.unwrap_err();
        assert!(inner.commit().await.unwrap_err().is_aborted());
        kept.execute(INSERT, (4_i32,)).await.unwrap();
        let mut inner = kept.savepoint().unwrap();
        inner.execute(INSERT, (5_i32,)).await.unwrap();
        inner.rollback().await.unwrap();
        assert_eq!(kept.transaction_status(), TransactionStatus::InTransaction);
        let mut inner = kept.savepoint().unwrap();
        inner.execute("select 1 / 0", ()).await.unwrap_err();
        drop(inner);
        kept.commit().await.unwrap();

        let mut dropped = tx.savepoint().unwrap();
        dropped.execute(INSERT, (6_i32,)).await.unwrap();
        drop(dropped);
        let mut dropped = tx.savepoint().unwrap();
        dropped.execute(INSERT, (1_i32,)).await.unwrap_err();
        drop(dropped);
        tx.commit().await.unwrap();

        let ids: Vec<(i32,)> = c.query("select id from t order by id").all().await.unwrap();
        assert_eq!(ids, [(1,), (2,), (4,)]);
    })
    .await;
}

#[tokio::test]
async fn what_was_walked_away_from_in_a_savepoint_costs_the_savepoint_only() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        let mut savepoint = tx.savepoint().unwrap();
        savepoint.execute(INSERT, (2_i32,)).await.unwrap();
        walk_away(&mut savepoint, "select pg_sleep(30)").await;
        within(savepoint.rollback()).await.unwrap();
        let mut savepoint = tx.savepoint().unwrap();
        savepoint.execute(INSERT, (3_i32,)).await.unwrap();
        walk_away(&mut savepoint, "select pg_sleep(30)").await;
        drop(savepoint);
        within(tx.commit()).await.unwrap();
        let ids: Vec<(i32,)> = c.query("select id from t order by id").all().await.unwrap();
        assert_eq!(ids, [(1,)]);
    })
    .await;
}

#[tokio::test]
async fn a_stale_plan_of_the_first_statement_heals_and_of_a_later_one_is_an_error() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table s (a int); insert into s values (1)").await.unwrap();
        for later in [false, true] {
            c.execute("select * from s", ()).await.unwrap();
            c.script("alter table s add column b int").await.unwrap();
            let mut tx = c.begin().await.unwrap();
            if later {
                tx.execute("select 1", ()).await.unwrap();
            }
            let result = tx.execute("select * from s", ()).await;
            assert_eq!(result.is_err(), later, "{result:?}");
            assert_eq!(tx.commit().await.is_err(), later);
            c.script("alter table s drop column b").await.unwrap();
        }
        for forget in [FORGET_UNSEEN, "deallocate all", "discard all"] {
            c.execute("select * from s", ()).await.unwrap();
            c.script(forget).await.unwrap();
            let mut tx = c.begin().await.unwrap();
            tx.execute("select * from s", ()).await.unwrap();
            tx.commit().await.unwrap();
        }
    })
    .await;
}

/// A serializable transaction cannot begin on a hot standby.
#[tokio::test]
async fn a_begin_that_fails_is_the_error_of_the_first_statement_which_does_not_run() {
    let primary = Server::start(ServerOptions::default()).unwrap();
    let standby = primary.start_standby().unwrap();
    let mut c = connect(&standby).await;
    for warm in [false, true] {
        let mut tx = c.begin().isolation(IsolationLevel::Serializable).await.unwrap();
        for refused in 0..3 {
            // It would tell that it has run.
            let error = tx.execute("select pg_advisory_lock(7)", ()).await.unwrap_err();
            let expected = if refused == 0 { Some("0A000".to_owned()) } else { None };
            assert_eq!(error.code().map(|code| code.to_string()), expected, "{warm} {error:?}");
            assert_eq!(error.is_transaction_state(), refused > 0, "{error:?}");
        }
        let mut batch = tx.batch();
        batch.add("select pg_advisory_lock(7)", ());
        assert!(batch.run().await.unwrap_err().is_transaction_state());
        assert!(tx.commit().await.unwrap_err().is_transaction_state());
        assert_eq!(count(&mut c, "pg_locks where locktype = 'advisory'").await, 0);

        let mut tx = c.begin().isolation(IsolationLevel::Serializable).await.unwrap();
        let mut batch = tx.batch();
        batch.add("select pg_advisory_lock(7)", ()).add("select 1", ());
        let error = batch.run().await.unwrap_err();
        assert_eq!((code(&error).as_str(), error.statement()), ("0A000", Some(0)));
        drop(tx);
        assert_eq!(count(&mut c, "pg_locks where locktype = 'advisory'").await, 0);
        c.execute("select pg_advisory_lock(7)", ()).await.unwrap();
        c.execute("select pg_advisory_unlock(7)", ()).await.unwrap();
    }
    let mut tx = c.begin().isolation(IsolationLevel::RepeatableRead).await.unwrap();
    assert_usable(&mut tx).await;
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn only_what_was_never_sent_may_be_sent_again_on_another_connection() {
    on_each_server(async |server| {
        let mut admin = connect(server).await;
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute(INSERT, (1_i32,)).await.unwrap();
        let pid = tx.backend_pid().unwrap();
        admin.execute("select pg_terminate_backend($1)", (pid,)).await.unwrap();
        let lost = within(tx.commit()).await.unwrap_err();
        assert!(lost.is_connection_lost() && !lost.is_retryable() && !lost.is_unsent(), "{lost:?}");
        for error in [c.execute(INSERT, (2_i32,)).await.unwrap_err(), c.begin().await.unwrap_err()] {
            assert!(error.is_connection_lost() && error.is_retryable() && error.is_unsent(), "{error:?}");
        }
    })
    .await;
}

/// A counter that two sessions read and then write.
async fn contend(server: &Server) -> (Connection, Connection) {
    let database = server.create_database().unwrap();
    let mut one = connect_to(server, &database).await;
    one.script("create table n (value int); insert into n values (0)").await.unwrap();
    (one, connect_to(server, &database).await)
}

async fn interfere(other: &mut Connection) {
    other.script("update n set value = value + 100").await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_fails_because_of_others_is_run_again() {
    on_each_server(async |server| {
        let (mut c, mut other) = contend(server).await;
        let mut runs = 0;
        let value: i32 = c
            .begin()
            .isolation(IsolationLevel::RepeatableRead)
            .run(async |tx| {
                let (value,): (i32,) = tx.query("select value from n").one().await?;
                runs += 1;
                if runs < 3 {
                    interfere(&mut other).await;
                }
                tx.execute("update n set value = $1", (value + 1,)).await?;
                Ok::<_, Error>(value + 1)
            })
            .await
            .unwrap();
        assert_eq!((runs, value), (3, 201));
        assert_eq!(count(&mut c, "n where value = 201").await, 1);
    })
    .await;
}

#[tokio::test]
async fn it_is_run_a_bounded_number_of_times() {
    on_each_server(async |server| {
        let (mut c, mut other) = contend(server).await;
        for (attempts, expected) in [(0, 1), (1, 1), (3, 3)] {
            let mut runs = 0;
            let begin = c.begin().isolation(IsolationLevel::RepeatableRead).attempts(attempts);
            let result: Result<(), Error> = begin
                .run(async |tx| {
                    runs += 1;
                    tx.execute("select value from n", ()).await?;
                    interfere(&mut other).await;
                    tx.execute("update n set value = 7", ()).await?;
                    Ok(())
                })
                .await;
            let error = result.unwrap_err();
            assert!(error.is_retryable() && code(&error) == "40001", "{error}");
            assert_eq!(runs, expected);
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_its_own_rolls_it_back_and_is_not_repeated() {
    #[derive(Debug)]
    enum Mine {
        TooLate,
        Db(#[expect(dead_code, reason = "it is printed where the test fails")] Error),
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Self {
            Self::Db(error)
        }
    }
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut runs = 0;
        let result: Result<(), Mine> = c
            .begin()
            .run(async |tx| {
                runs += 1;
                tx.execute(INSERT, (1_i32,)).await?;
                Err(Mine::TooLate)
            })
            .await;
        assert!(matches!(result, Err(Mine::TooLate)), "{result:?}");
        assert_eq!((runs, count(&mut c, "t").await), (1, 0));
    })
    .await;
}

/// The closure may have dropped the error that tells of it.
#[tokio::test]
async fn a_closure_that_hides_the_error_is_run_again_too() {
    on_each_server(async |server| {
        let (mut c, mut other) = contend(server).await;
        let mut runs = 0;
        let result: Result<(), Error> = c
            .begin()
            .isolation(IsolationLevel::RepeatableRead)
            .run(async |tx| {
                runs += 1;
                tx.execute("select value from n", ()).await?;
                if runs == 1 {
                    interfere(&mut other).await;
                }
                let _ = tx.execute("update n set value = 7", ()).await;
                // Fails with 25P02 then, which is not the cause.
                tx.execute("select value from n", ()).await.map(|_| ())
            })
            .await;
        result.unwrap();
        assert_eq!(runs, 2);
    })
    .await;
}

#[tokio::test]
async fn a_deadlock_is_retryable_and_a_lock_that_was_not_waited_for_is_not() {
    on_each_server(async |server| {
        let (mut c, mut other) = contend(server).await;
        let mut holder = other.begin().await.unwrap();
        holder.execute("select value from n for update", ()).await.unwrap();
        let mut tx = c.begin().await.unwrap();
        let error = tx.execute("select value from n for update nowait", ()).await.unwrap_err();
        assert!(code(&error) == "55P03" && !error.is_retryable(), "{error}");
        tx.rollback().await.unwrap();
        let deadlock = "do $$ begin raise exception 'x' using errcode = '40P01'; end $$";
        assert!(c.script(deadlock).await.unwrap_err().is_retryable());
        holder.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn transactions_run_in_tasks() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let task = tokio::spawn(async move {
            let mut tx = c.begin().await.unwrap();
            tx.execute(INSERT, (1_i32,)).await.unwrap();
            let mut savepoint = tx.savepoint().unwrap();
            savepoint.execute(INSERT, (2_i32,)).await.unwrap();
            savepoint.commit().await.unwrap();
            tx.commit().await.unwrap();
            let run = c.begin().run(async |tx: &mut molt_db::Transaction<'_>| {
                tx.execute(INSERT, (3_i32,)).await?;
                Ok::<_, Error>(())
            });
            run.await.unwrap();
            count(&mut c, "t").await
        });
        assert_eq!(task.await.unwrap(), 3);
    })
    .await;
}

/// How a transaction is left.
#[derive(Debug, Clone, Copy)]
enum Left {
    Unsent,
    Open,
    Failed,
    InASavepoint,
    InMidQuery,
    Forgotten,
}

#[tokio::test]
async fn whoever_comes_next_finds_nothing_of_a_transaction_that_was_left() {
    use Left::{Failed, Forgotten, InASavepoint, InMidQuery, Open, Unsent};
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        connect_to(server, &database).await.script("create table t (id int)").await.unwrap();
        let pool = Pool::builder(plain_config(server, &database)).max_conns(1).build().unwrap();
        let mut pid = None;
        for left in [Unsent, Open, Failed, InASavepoint, InMidQuery, Forgotten, Unsent] {
            let mut session = pool.acquire().await.unwrap();
            let ours = session.backend_pid();
            assert_eq!(*pid.get_or_insert(ours), ours, "{left:?}");
            assert_eq!(session.transaction_status(), TransactionStatus::Idle, "{left:?}");
            assert_eq!(count(&mut session, "t").await, 0, "{left:?}");
            let mut tx = session.begin().await.unwrap();
            if !matches!(left, Unsent) {
                tx.execute(INSERT, (1_i32,)).await.unwrap();
            }
            match left {
                Unsent | Open => {}
                Failed => assert!(tx.execute("select 1 / 0", ()).await.is_err()),
                InASavepoint => {
                    let mut savepoint = tx.savepoint().unwrap();
                    savepoint.execute(INSERT, (2_i32,)).await.unwrap();
                    drop(savepoint);
                }
                InMidQuery => walk_away(&mut tx, "select pg_sleep(30)").await,
                Forgotten => {
                    std::mem::forget(tx);
                    continue;
                }
            }
        }
        assert_eq!(pool.metrics().connects, 1);
    })
    .await;
}

/// A transaction with a bit of everything in it.
async fn work(c: &mut Connection) -> Result<(), Error> {
    let mut tx = c.begin().await?;
    tx.execute(INSERT, (1_i32,)).await?;
    let mut savepoint = tx.savepoint()?;
    savepoint.execute(INSERT, (2_i32,)).await?;
    savepoint.commit().await?;
    let mut savepoint = tx.savepoint()?;
    savepoint.execute(INSERT, (99_i32,)).await?;
    savepoint.rollback().await?;
    let mut batch = tx.batch();
    batch.add(INSERT, (3_i32,));
    batch.add("select id from t", ());
    batch.run().await?;
    let mut portal = tx.query("select id from t").portal(2).await?;
    while portal.fetch(&mut tx).await?.is_some() {}
    tx.commit().await
}

#[tokio::test]
async fn a_transaction_that_is_dropped_at_any_poll_has_happened_or_not() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let (mut points, mut committed) = (0, 0);
        for polls in 0.. {
            let ended = {
                let mut work = std::pin::pin!(work(&mut c));
                let mut ended = false;
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                    if let Some(result) = poll_once(work.as_mut()).await {
                        result.unwrap();
                        ended = true;
                        break;
                    }
                }
                ended
            };
            within(c.settle()).await.unwrap();
            let ids: Vec<(i32,)> = c.query("select id from t order by id").all().await.unwrap();
            assert!(ids.is_empty() || ids == [(1,), (2,), (3,)], "after {polls} polls: {ids:?}");
            assert!(!ended || !ids.is_empty());
            points += 1;
            committed += usize::from(!ids.is_empty());
            c.script("truncate t").await.unwrap();
            assert_eq!(c.transaction_status(), TransactionStatus::Idle);
            if ended {
                break;
            }
        }
        assert!(points > 6 && committed > 0, "{points} points");
    })
    .await;
}
