//! molt-db in front of pgbouncer in front of a server.

mod bouncer;

use std::time::Duration;

use bouncer::{Bouncer, within};
use molt_db::config::{ProtocolVersion, TargetSessionAttrs};
use molt_db::{Connection, Error, Pool, ScriptItem};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Settings, Target};
use molt_db_testkit::{Server, ServerOptions, shared_servers};

async fn assert_usable(connection: &mut Connection) {
    assert!(connection.is_usable());
    for number in [7_i32, 8] {
        let (found,): (i32,) = within(connection.query("select $1::int4").bind(number).one()).await.unwrap();
        assert_eq!(found, number);
    }
}

fn code(error: &Error) -> String {
    error.code().unwrap_or_else(|| panic!("not the server's: {error:?}")).to_string()
}

#[tokio::test]
async fn a_session_through_a_pooler_is_like_any_other() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = session");
        let config = bouncer.config().application_name("behind a pooler");
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        assert_usable(&mut connection).await;
        let (name,): (String,) = connection.query("show application_name").one().await.unwrap();
        assert_eq!(name, "behind a pooler");
        assert_eq!(connection.parameter("client_encoding"), Some("UTF8"));

        let sql = "select g, repeat('x', 1000) from generate_series(1, 20000) g";
        let rows: Vec<(i32, String)> = within(connection.query(sql).all()).await.unwrap();
        assert_eq!(rows.len(), 20_000);
        assert!(
            rows.iter().zip(1..).all(|((number, text), expected)| *number == expected && text.len() == 1000)
        );

        let statement = connection.prepare("select $1::int8 + 1").await.unwrap();
        let (sum,): (i64,) = connection.query(&statement).bind(41_i64).one().await.unwrap();
        assert_eq!(sum, 42);
        within(connection.close()).await.unwrap();
    }
}

#[tokio::test]
async fn errors_come_through_a_pooler_and_the_session_goes_on() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = session");
        let mut connection = bouncer.connect().await;
        for (sql, expected) in
            [("select 1/0", "22012"), ("selec", "42601"), ("select * from nothing", "42P01")]
        {
            let error = within(connection.execute(sql, ())).await.unwrap_err();
            assert_eq!(code(&error), expected);
            let error = within(connection.script(sql)).await.unwrap_err();
            assert_eq!(code(&error), expected);
            assert_usable(&mut connection).await;
        }
        let error =
            within(Connection::connect(&bouncer.config().dbname("no_such_database"))).await.unwrap_err();
        assert!(error.is_connect() && error.server().is_some(), "{error:?}");
        let error = within(Connection::connect(&bouncer.config().user("stranger"))).await.unwrap_err();
        assert!(error.is_connect() && error.server().is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn a_query_is_cancelled_through_a_pooler() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = session");
        let mut connection = bouncer.connect().await;
        for _ in 0..3 {
            // The process that a pooler names is not the server's.
            let (backend,): (i32,) = connection.query("select pg_backend_pid()").one().await.unwrap();
            let canceller = connection.canceller().unwrap();
            let cancelling = tokio::spawn(async move {
                until_asleep(server, backend).await;
                canceller.cancel().await
            });
            let error = within(connection.execute("select pg_sleep(30)", ())).await.unwrap_err();
            assert!(error.is_cancelled(), "{error:?}");
            within(cancelling).await.unwrap().unwrap();
            assert_usable(&mut connection).await;
        }
    }
}

async fn until_asleep(server: &Server, backend: i32) {
    let sql = format!("select 1 from pg_stat_activity where pid = {backend} and wait_event = 'PgSleep'");
    within(async {
        while server.sql(&sql).unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_pool_works_over_a_pooler() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = session\ndefault_pool_size = 4");
        let pool = Pool::builder(bouncer.config()).max_conns(4).build().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20_i32 {
            let pool = pool.clone();
            tasks.spawn(async move {
                let mut session = within(pool.acquire()).await.unwrap();
                let (found,): (i32,) = session.query("select $1::int4").bind(number).one().await.unwrap();
                assert_eq!(found, number);
            });
        }
        within(tasks.join_all()).await;
        assert!(pool.status().total <= 4);
    }
}

#[tokio::test]
async fn options_that_a_pooler_does_not_take_are_its_to_refuse() {
    let bouncer = Bouncer::start(Server::shared(), "pool_mode = session");
    let config = bouncer.config().options("-c statement_timeout=1000");
    let error = within(Connection::connect(&config)).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("options"), "{error}");
}

/// 1.18 answers a question for 3.2 with FATAL 08P01.
#[tokio::test]
async fn a_pooler_that_does_not_know_the_latest_version_is_asked_for_an_older_one() {
    let bouncer = Bouncer::start(Server::shared(), "pool_mode = session");
    let config = bouncer.config().max_protocol_version(ProtocolVersion::LATEST);
    let mut connection = within(Connection::connect(&config)).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_0);
    assert_usable(&mut connection).await;
}

/// Poolers do not report whether the server behind them is a standby.
#[tokio::test]
async fn the_server_behind_a_pooler_is_asked_what_it_is() {
    for server in shared_servers() {
        for mode in ["session", "transaction"] {
            let bouncer = Bouncer::start(server, &format!("pool_mode = {mode}"));
            let config = bouncer.config().statement_cache_size(0);
            for (wanted, fits) in [
                (TargetSessionAttrs::ReadWrite, true),
                (TargetSessionAttrs::Primary, true),
                (TargetSessionAttrs::PreferStandby, true),
                (TargetSessionAttrs::ReadOnly, false),
                (TargetSessionAttrs::Standby, false),
            ] {
                let config = config.clone().target_session_attrs(wanted);
                match within(Connection::connect(&config)).await {
                    Ok(mut connection) => {
                        assert!(fits, "{mode} {wanted}");
                        assert_usable(&mut connection).await;
                    }
                    Err(error) => assert!(!fits && error.attempts()[0].is_wrong_role(), "{mode} {error}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_pooler_that_ends_is_a_lost_connection() {
    let bouncer = Bouncer::start(Server::shared(), "pool_mode = session");
    let mut connection = bouncer.connect().await;
    assert_usable(&mut connection).await;
    drop(bouncer);
    let error = within(connection.execute("select 1", ())).await.unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
    assert!(!connection.is_usable());
}

/// Two clients share one connection to the server, a transaction at a time.
#[tokio::test]
async fn without_kept_statements_clients_share_a_server_connection_by_transactions() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = transaction\ndefault_pool_size = 1");
        let config = bouncer.config().statement_cache_size(0);
        let mut first = within(Connection::connect(&config)).await.unwrap();
        let mut second = within(Connection::connect(&config)).await.unwrap();
        let backend = "select pg_backend_pid()";
        let (one,): (i32,) = within(first.query(backend).one()).await.unwrap();
        let (other,): (i32,) = within(second.query(backend).one()).await.unwrap();
        assert_eq!(one, other);
        for round in 0..20_i32 {
            for (connection, offset) in [(&mut first, 0), (&mut second, 1000)] {
                let number = round + offset;
                let sql = "select $1::int4, $2::text";
                let query = connection.query(sql).bind(number).bind("text");
                let (found, text): (i32, String) = within(query.one()).await.unwrap();
                assert_eq!((found, text.as_str()), (number, "text"));
                within(connection.script("begin")).await.unwrap();
                let (found,): (i32,) =
                    within(connection.query("select $1::int4 + 1").bind(number).one()).await.unwrap();
                assert_eq!(found, number + 1);
                within(connection.script("commit")).await.unwrap();
                assert_eq!(
                    within(connection.execute("select 1/0", ())).await.map_err(|e| code(&e)),
                    Err("22012".into())
                );
            }
        }
    }
}

/// Runs one of everything that belongs to a transaction, and sees that it is of this client.
async fn run_everything(c: &mut Connection, number: i32) {
    let (found,): (i32,) = c.query("select $1::int4").bind(number).one().await.unwrap();
    assert_eq!(found, number);
    let statement = c.prepare("select $1::int4 + 1, 'prepared'").await.unwrap();
    let (next, word): (i32, String) = c.query(&statement).bind(number).one().await.unwrap();
    assert_eq!((next, word.as_str()), (number + 1, "prepared"));

    let mut batch = c.batch();
    batch.add("select $1::int4 + 2", (number,)).add(&statement, (number,)).barrier();
    batch.add("select 1 / 0", ()).barrier().add("select $1::text", ("last",));
    let results = batch.run_all().await.unwrap();
    assert_eq!(results.one::<(i32,)>(0).unwrap(), (number + 2,));
    assert_eq!(results.one::<(i32, &str)>(1).unwrap(), (number + 1, "prepared"));
    assert_eq!((code(&results.errors()[0]).as_str(), results.errors()[0].statement()), ("22012", Some(2)));
    assert_eq!(results.one::<(&str,)>(3).unwrap(), ("last",));

    let mut results = c.script_results("select 1; select 2").await.unwrap();
    let mut rows = 0;
    while let Some(item) = results.next().await.unwrap() {
        rows += usize::from(matches!(item, ScriptItem::Row(_)));
    }
    assert_eq!(rows, 2);
}

/// Runs a transaction with all that there is in one, beside whatever others do.
async fn run_a_transaction(c: &mut Connection, number: i32) {
    let mut tx = c.begin().await.unwrap();
    let mut portal =
        tx.query("select g from generate_series(1, $1::int4) g").bind(number).portal(2).await.unwrap();
    let mut savepoint = tx.savepoint().unwrap();
    savepoint.execute("insert into pooled values ($1)", (number,)).await.unwrap();
    savepoint.commit().await.unwrap();
    let mut savepoint = tx.savepoint().unwrap();
    savepoint.execute("insert into pooled values ($1 / 0)", (number,)).await.unwrap_err();
    savepoint.rollback().await.unwrap();
    let mut fetched = 0;
    while let Some(rows) = portal.fetch(&mut tx).await.unwrap() {
        fetched += rows.len();
        let (mine,): (i64,) =
            tx.query("select count(*) from pooled where id = $1").bind(number).one().await.unwrap();
        assert_eq!(mine, 1);
    }
    assert_eq!(fetched, usize::try_from(number).unwrap());
    let mut batch = tx.batch();
    batch.add("insert into pooled values ($1)", (-number,)).add("select $1::int4", (number,));
    let results = batch.run().await.unwrap();
    assert_eq!(results.one::<(i32,)>(1).unwrap(), (number,));
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn without_kept_statements_everything_runs_in_transaction_mode() {
    for server in shared_servers() {
        let database = server.create_database().unwrap();
        server
            .sql_in(&database, "create table pooled (id int primary key); grant all on pooled to public")
            .unwrap();
        let bouncer = Bouncer::start(server, "pool_mode = transaction\ndefault_pool_size = 1");
        let config = bouncer.config().dbname(&database).statement_cache_size(0);
        let mut clients = tokio::task::JoinSet::new();
        for client in 1..=3_i32 {
            let mut c = within(Connection::connect(&config)).await.unwrap();
            clients.spawn(within(async move {
                for round in 0..5 {
                    run_everything(&mut c, client).await;
                    let number = client * 10 + round;
                    run_a_transaction(&mut c, number).await;
                    let error = run_and_fail(&mut c, 100 + number).await;
                    assert!(error.is_aborted(), "{error:?}");
                }
            }));
        }
        clients.join_all().await;
        let committed = server.sql_in(&database, "select count(*), sum(id), max(id) from pooled").unwrap();
        let expected = ["30", "0", "34"].map(|text| Some(text.to_owned()));
        assert_eq!(committed, [expected]);
    }
}

/// Runs a transaction that has an error in its last batch, and returns that of its commit.
async fn run_and_fail(c: &mut Connection, number: i32) -> Error {
    let mut tx = c.begin().await.unwrap();
    tx.execute("insert into pooled values ($1)", (number,)).await.unwrap();
    tx.execute("select 1 / 0", ()).await.unwrap_err();
    tx.commit().await.unwrap_err()
}

/// One that knows of no statement of ours reads none of another's: names are not shared between clients.
#[tokio::test]
async fn kept_statements_in_transaction_mode_heal_or_fail_and_are_never_anothers() {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, "pool_mode = transaction\ndefault_pool_size = 2");
        let mut a = bouncer.connect().await;
        let mut b = bouncer.connect().await;
        for _ in 0..5 {
            // Each prepares on a connection to the server of its own, and is given that of the other later.
            let mut tx = a.begin().await.unwrap();
            assert_is_its_own(&mut tx, "a").await;
            assert_is_its_own(&mut b, "b").await;
            drop(tx.commit().await);
            for _ in 0..3 {
                assert_is_its_own(&mut b, "b").await;
                assert_is_its_own(&mut a, "a").await;
                let mut tx = b.begin().await.unwrap();
                assert_is_its_own(&mut tx, "b").await;
                assert_is_its_own(&mut a, "a").await;
                drop(tx.commit().await);
            }
        }
        assert_usable(&mut a).await;
        assert_usable(&mut b).await;
    }
}

/// The answers have the same types, so that nothing but the value tells whose they are.
async fn assert_is_its_own(c: &mut Connection, name: &str) {
    match within(c.query(&format!("select '{name}'")).one::<(String,)>()).await {
        Ok((found,)) => assert_eq!(found, name),
        Err(error) => assert!(["26000", "42P05"].contains(&code(&error).as_str()), "{error:?}"),
    }
}

#[tokio::test]
async fn batches_and_transactions_run_in_session_mode_with_kept_statements() {
    for server in shared_servers() {
        let database = server.create_database().unwrap();
        server
            .sql_in(&database, "create table pooled (id int primary key); grant all on pooled to public")
            .unwrap();
        let bouncer = Bouncer::start(server, "pool_mode = session");
        let mut c = within(Connection::connect(&bouncer.config().dbname(&database))).await.unwrap();
        for number in 1..=5 {
            within(run_everything(&mut c, number)).await;
            within(run_a_transaction(&mut c, number)).await;
            assert!(within(run_and_fail(&mut c, 100 + number)).await.is_aborted());
        }
        assert_usable(&mut c).await;
    }
}

/// The file says what it does otherwise than PostgreSQL, case by case, and this that the file is true.
#[tokio::test]
async fn pgspec_finds_what_is_known_of_pgbouncer_and_nothing_else() {
    let server = Server::start(ServerOptions::default().version("18".parse().unwrap())).unwrap();
    server.sql_in("postgres", "create database trust").unwrap();
    let bouncer = Bouncer::start(&server, "pool_mode = session");
    let known = ExpectedFailures::parse(include_str!("../../../spec/known/pgbouncer-1.18.txt"));
    let target: Target = format!("postgresql://trust@127.0.0.1:{}/test", bouncer.port).parse().unwrap();
    let settings = Settings { timeout: Duration::from_secs(5), ..Settings::default() };
    let report = molt_db_spec::run(&target, molt_db_spec::server::cases(), &settings, |_| {}).await.unwrap();
    assert!(known.conforms(&report), "{}", human(&report, &known, Style::Plain));
}
