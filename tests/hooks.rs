//! Who is told of notices and of slow statements, and of what in them.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{assert_usable, code, connect, on_each_server, plain_config, within};
use molt_db::{Config, Connection, ScriptItem};
use molt_db_testkit::Server;

/// What a hook was told, in order.
type Told<T> = Arc<Mutex<Vec<T>>>;

fn take<T>(told: &Told<T>) -> Vec<T> {
    std::mem::take(&mut told.lock().unwrap())
}

fn telling_notices(config: Config) -> (Config, Told<String>) {
    let told = Told::default();
    let list = Arc::clone(&told);
    let config = config.on_notice(move |notice| {
        list.lock().unwrap().push(format!("{} {}", notice.severity(), notice.message()));
    });
    (config, told)
}

fn raise(level: &str, text: &str) -> String {
    format!("do $$ begin raise {level} '{text}'; end $$")
}

#[tokio::test]
async fn notices_are_told_in_their_order_and_none_is_kept() {
    on_each_server(async |server| {
        let (config, told) = telling_notices(plain_config(server, "test"));
        let mut c = Connection::connect(&config).await.unwrap();
        c.execute(&raise("notice", "by a query"), ()).await.unwrap();
        c.script(&format!("{}; {}", raise("warning", "by a script"), raise("info", "and more")))
            .await
            .unwrap();
        let mut batch = c.batch();
        let texts = [raise("notice", "in a batch"), raise("notice", "and behind")];
        batch.add(&texts[0], ()).barrier().add(&texts[1], ());
        batch.run().await.unwrap();
        let failing = "do $$ begin raise notice 'before'; raise exception 'an error'; end $$";
        assert_eq!(code(&c.script(failing).await.unwrap_err()), "P0001");
        let expected = [
            "NOTICE by a query",
            "WARNING by a script",
            "INFO and more",
            "NOTICE in a batch",
            "NOTICE and behind",
            "NOTICE before",
        ];
        assert_eq!(take(&told), expected);
        assert_eq!(c.take_notices().count(), 0);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn notices_of_the_handshake_are_told_and_kept_too() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let alter = format!("alter database {database} set default_text_search_config = 'nowhere'");
        server.sql(&alter).unwrap();
        let (config, told) = telling_notices(plain_config(server, &database));
        Connection::connect(&config).await.unwrap();
        let told = take(&told);
        assert!(told.len() == 1 && told[0].contains("default_text_search_config"), "{told:?}");
        let mut c = Connection::connect(&plain_config(server, &database)).await.unwrap();
        let kept: Vec<_> = c.take_notices().map(|notice| notice.message().into_owned()).collect();
        assert!(kept.len() == 1 && told[0].ends_with(&kept[0]), "{kept:?}");
    })
    .await;
}

/// As many as nobody would want in memory at once.
const FLOOD: &str =
    "do $$ begin for i in 1..100000 loop raise notice '% %', i, repeat('x', 100); end loop; end $$";

#[tokio::test]
async fn a_flood_of_notices_is_told_one_by_one_and_of_the_kept_there_are_64() {
    on_each_server(async |server| {
        let (count, latest) = (Arc::new(AtomicUsize::new(0)), Told::default());
        let (counter, list) = (Arc::clone(&count), Arc::clone(&latest));
        let config = plain_config(server, "test").on_notice(move |notice| {
            counter.fetch_add(1, Ordering::Relaxed);
            *list.lock().unwrap() = vec![notice.message().into_owned()];
        });
        let mut c = Connection::connect(&config).await.unwrap();
        c.script(FLOOD).await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 100_000);
        assert!(take(&latest)[0].starts_with("100000 x"));
        assert_eq!(c.take_notices().count(), 0);

        let mut c = connect(server).await;
        c.execute(FLOOD, ()).await.unwrap();
        let kept: Vec<_> = c.take_notices().map(|notice| notice.message().into_owned()).collect();
        assert_eq!(kept.len(), 64);
        assert!(kept[0].starts_with("99937 x") && kept[63].starts_with("100000 x"));
        assert_usable(&mut c).await;
    })
    .await;
}

/// Of a slow statement: its text, and its rows.
type Slow = (String, Option<u64>);

async fn telling_slow(
    server: &Server,
    bound: Duration,
    adjust: impl Fn(Config) -> Config,
) -> (Connection, Told<Slow>) {
    let told = Told::default();
    let list = Arc::clone(&told);
    let config = adjust(plain_config(server, "test")).on_slow_statement(bound, move |slow| {
        assert!(slow.elapsed > Duration::ZERO);
        assert!(!format!("{slow:?}").contains("secret"));
        list.lock().unwrap().push((slow.sql.to_owned(), slow.rows));
    });
    (Connection::connect(&config).await.unwrap(), told)
}

fn slow(sql: &str, rows: impl Into<Option<u64>>) -> Slow {
    (sql.to_owned(), rows.into())
}

/// Runs a command of every kind.
async fn run_everything(c: &mut Connection) {
    c.execute("select $1::text", ("secret",)).await.unwrap();
    c.execute("select 1 / $1::int4", (0_i32,)).await.unwrap_err();
    c.query("select generate_series(1, 3)").all::<(i32,)>().await.unwrap();
    let mut rows = c.query("select generate_series(1, 4)").rows().await.unwrap();
    while rows.next().await.unwrap().is_some() {}
    let mut batches = c.query("select generate_series(1, 5)").arrow().await.unwrap();
    while batches.next().await.unwrap().is_some() {}
    c.script("select 1; select generate_series(1, 6)").await.unwrap();
    let mut results = c.script_results("select 7; select 8").await.unwrap();
    let mut rows = 0;
    while let Some(item) = results.next().await.unwrap() {
        rows += usize::from(matches!(item, ScriptItem::Row(_)));
    }
    assert_eq!(rows, 2);
    c.prepare("select $1::int8").await.unwrap();
}

#[tokio::test]
async fn statements_over_the_bound_are_told_by_their_text_and_their_rows() {
    on_each_server(async |server| {
        let (mut c, told) = telling_slow(server, Duration::ZERO, |config| config).await;
        run_everything(&mut c).await;
        let expected = [
            slow("select $1::text", 1),
            slow("select 1 / $1::int4", None),
            slow("select generate_series(1, 3)", 3),
            slow("select generate_series(1, 4)", 4),
            slow("select generate_series(1, 5)", 5),
            slow("select 1; select generate_series(1, 6)", 6),
            slow("select 7; select 8", 1),
            slow("select $1::int8", 0),
        ];
        assert_eq!(take(&told), expected);
    })
    .await;
}

#[tokio::test]
async fn statements_under_the_bound_are_not() {
    on_each_server(async |server| {
        let (mut c, told) = telling_slow(server, Duration::MAX, |config| config).await;
        run_everything(&mut c).await;
        assert_eq!(take(&told), []);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_told_once_by_its_first_statement_and_to_its_end() {
    on_each_server(async |server| {
        // The first group takes no such time, and the second does.
        let (mut c, told) = telling_slow(server, Duration::from_millis(400), |config| config).await;
        let mut batch = c.batch();
        batch.add("select $1::text", ("secret",)).barrier();
        batch.add("select pg_sleep(0.5)", ()).add("select generate_series(1, 3)", ());
        batch.run().await.unwrap();
        assert_eq!(take(&told), [slow("select $1::text", 3)]);

        let (mut c, told) = telling_slow(server, Duration::ZERO, |config| config).await;
        let mut batch = c.batch();
        batch.add("select 1", ()).barrier().add("select 1 / 0", ()).barrier().add("select 2", ());
        batch.run_all().await.unwrap();
        assert_eq!(take(&told), [slow("select 1", None)], "some of it has failed");
        c.batch().run().await.unwrap();
        assert_eq!(take(&told), [], "nothing was run");
    })
    .await;
}

#[tokio::test]
async fn the_parts_of_a_transaction_are_told_each() {
    on_each_server(async |server| {
        let (mut c, told) = telling_slow(server, Duration::ZERO, |config| config).await;
        let mut tx = c.begin().await.unwrap();
        let mut portal = tx.query("select generate_series(1, 3)").portal(2).await.unwrap();
        while portal.fetch(&mut tx).await.unwrap().is_some() {}
        tx.commit().await.unwrap();
        let texts: Vec<_> = take(&told).into_iter().map(|(sql, _)| sql).collect();
        let expected = [
            "select generate_series(1, 3)",
            "more rows of a portal",
            "the end of a transaction or of a savepoint",
        ];
        assert_eq!(texts, expected);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_ran_out_of_time_is_told() {
    on_each_server(async |server| {
        let limited = |config: Config| config.query_timeout(Duration::from_millis(100));
        let (mut c, told) = telling_slow(server, Duration::ZERO, limited).await;
        let error = within(c.execute("select pg_sleep(30)", ())).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(take(&told), [slow("select pg_sleep(30)", None)]);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_was_walked_away_from_is_not_told_of_another() {
    on_each_server(async |server| {
        let (mut c, told) = telling_slow(server, Duration::ZERO, |config| config).await;
        let sleeping = c.execute("select pg_sleep(30)", ());
        assert!(tokio::time::timeout(Duration::from_millis(30), sleeping).await.is_err());
        within(c.settle()).await.unwrap();
        c.execute("select 1", ()).await.unwrap();
        assert_eq!(take(&told).last(), Some(&slow("select 1", 1)));
    })
    .await;
}
