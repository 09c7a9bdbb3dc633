//! What each operation costs: how often the driver writes and waits.
//!
//! A proxy counts what it reads from the driver. One command is one write, so each round trip is one burst.

mod common;

use common::{FORGET_UNSEEN, connect_to, on_each_server, plain_config};
use molt_db::config::{ResetPolicy, SslMode};
use molt_db::{AuthMethod, Config, Connection, OwnedRow, Pool, TransactionStatus};
use molt_db_testkit::proxy::{Direction, Proxy};
use molt_db_testkit::{Server, User};

/// A connection through a proxy that counts.
struct Counted {
    proxy: Proxy,
    connection: Connection,
    seen: u64,
}

impl Counted {
    async fn new(server: &Server, adjust: impl FnOnce(Config) -> Config) -> Self {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = adjust(plain_config(server, "test").port(proxy.port()));
        let connection = Connection::connect(&config).await.unwrap();
        let seen = proxy.client_bursts();
        Self { proxy, connection, seen }
    }

    /// Returns the bursts since the last call.
    fn cost(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.seen, self.proxy.client_bursts());
        self.seen - before
    }

    async fn execute(&mut self, sql: &str) -> u64 {
        self.connection.execute(sql, ()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        self.cost()
    }

    async fn script(&mut self, sql: &str) -> u64 {
        self.connection.script(sql).await.unwrap();
        self.cost()
    }

    async fn all(&mut self, sql: &str) -> u64 {
        self.connection.query(sql).all::<OwnedRow>().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        self.cost()
    }

    async fn arrow(&mut self, sql: &str) -> u64 {
        let mut batches = self.connection.query(sql).arrow().await.unwrap();
        while batches.next().await.unwrap().is_some() {}
        self.cost()
    }

    async fn rows(&mut self, sql: &str) -> u64 {
        self.connection.query(sql).rows().await.unwrap().finish().await.unwrap();
        self.cost()
    }

    async fn prepare(&mut self, sql: &str) -> u64 {
        self.connection.prepare(sql).await.unwrap();
        self.cost()
    }
}

async fn counted(server: &Server) -> Counted {
    Counted::new(server, |config| config).await
}

#[tokio::test]
async fn outside_of_a_transaction_everything_is_one_round_trip_cold_and_warm() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        for turn in ["cold", "warm", "warm"] {
            assert_eq!(c.all("select 1, 'all'").await, 1, "{turn}");
            assert_eq!(c.execute("select 1, 'execute'").await, 1, "{turn}");
            // Its types are to be known before the first row.
            let described = u64::from(turn == "cold");
            assert_eq!(c.arrow("select 1, 'arrow'").await, 1 + described, "{turn}");
            assert_eq!(c.rows("select 1, 'rows'").await, 1 + described, "{turn}");
            assert_eq!(c.script("select 1; select 2").await, 1, "{turn}");
            c.connection.query("select $1::int4").bind(7_i32).one::<(i32,)>().await.unwrap();
            assert_eq!(c.cost(), 1, "{turn}");
            c.connection.query("select generate_series(1, 10000)").optional::<(i32,)>().await.unwrap_err();
            assert_eq!(c.cost(), 1, "{turn}");
            c.connection.execute("select 1 / 0", ()).await.unwrap_err();
            assert_eq!(c.cost(), 1, "{turn}");
        }
    })
    .await;
}

#[tokio::test]
async fn inside_of_a_transaction_a_cold_query_is_two_round_trips_and_a_warm_one_is_one() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        c.execute("begin").await;
        for expected in [2, 1, 1] {
            assert_eq!(c.all("select 1, 'all'").await, expected);
            assert_eq!(c.arrow("select 1, 'arrow'").await, expected);
            assert_eq!(c.script("select 1; select 2").await, 1);
        }
        c.execute("rollback").await;
        assert_eq!(c.execute("begin").await, 1);
        assert_eq!(c.all("select 1, 'all'").await, 1);
        assert_eq!(c.execute("rollback").await, 1);
        assert_eq!(c.execute("begin").await, 1);
    })
    .await;
}

#[tokio::test]
async fn preparing_is_one_round_trip_and_what_was_prepared_runs_in_one() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        for (turn, before) in ["select 1", "begin"].into_iter().enumerate() {
            c.execute(before).await;
            let statement = c.connection.prepare(&format!("select $1::int4, {turn}")).await.unwrap();
            assert_eq!(c.cost(), 1, "{before}");
            for _ in 0..2 {
                c.connection.query(&statement).bind(1_i32).one::<(i32, i32)>().await.unwrap();
                assert_eq!(c.cost(), 1, "{before}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn preparing_what_is_prepared_costs_nothing() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        assert_eq!((c.prepare("select 1").await, c.prepare("select 1").await), (1, 0));
        assert_eq!((c.prepare("select $1::int4").await, c.prepare("select $1::int4").await), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_statement_of_another_connection_costs_no_more_than_a_text() {
    on_each_server(async |server| {
        let statement = connect_to(server, "test").await.prepare("select $1::int4").await.unwrap();
        let mut c = counted(server).await;
        for _ in 0..2 {
            c.connection.query(&statement).bind(1_i32).one::<(i32,)>().await.unwrap();
            assert_eq!(c.cost(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_cache_every_run_is_a_cold_one() {
    on_each_server(async |server| {
        let mut c = Counted::new(server, |config| config.statement_cache_size(0)).await;
        for _ in 0..3 {
            assert_eq!(c.all("select 1").await, 1);
        }
        c.execute("begin").await;
        for _ in 0..3 {
            assert_eq!(c.all("select 1").await, 1, "what its result is like is known");
            assert_eq!(c.all("select 2").await, 2);
            c.execute("rollback").await;
            c.execute("begin").await;
            assert_eq!(c.all("select 2").await, 1);
            c = Counted::new(server, |config| config.statement_cache_size(0)).await;
            assert_eq!(c.all("select 1").await, 1);
            c.execute("begin").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_gives_way_is_closed_at_no_extra_cost() {
    on_each_server(async |server| {
        let mut c = Counted::new(server, |config| config.statement_cache_size(1)).await;
        for number in 0..10 {
            assert_eq!(c.all(&format!("select {number}")).await, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stale_statement_is_healed_in_two_round_trips() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        c.script("create temp table t (a int)").await;
        c.all("select * from t").await;
        c.script("alter table t add column b int").await;
        assert_eq!(c.all("select * from t").await, 2);
        assert_eq!(c.all("select * from t").await, 1);
        c.script(FORGET_UNSEEN).await;
        assert_eq!(c.all("select * from t").await, 2);
        assert_eq!(c.all("select * from t").await, 1);
        c.script("deallocate all").await;
        assert_eq!(c.all("select * from t").await, 1);
    })
    .await;
}

#[tokio::test]
async fn text_in_the_place_of_a_missing_binary_form_costs_a_second_round_trip_once() {
    on_each_server(async |server| {
        let mut c = counted(server).await;
        for sql in [
            "select relacl[1] from pg_class where relacl is not null",
            "select relacl from pg_class where relacl is not null",
        ] {
            assert_eq!(c.all(sql).await, 2, "{sql}");
            assert_eq!(c.all(sql).await, 1, "{sql}");
            c.script("begin").await;
            assert_eq!(c.all(sql).await, 1, "{sql}");
            assert_eq!(c.all(&format!("{sql} limit 1")).await, 2, "{sql}");
            c.script("rollback").await;
        }
    })
    .await;
}

#[tokio::test]
async fn taking_and_returning_an_idle_connection_costs_nothing() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let pool =
            Pool::builder(plain_config(server, "test").port(proxy.port())).max_conns(1).build().unwrap();
        let mut session = pool.acquire().await.unwrap();
        let (first,): (i32,) = session.query("select pg_backend_pid()").one().await.unwrap();
        drop(session);
        let bursts = proxy.client_bursts();
        for turn in 1..=5 {
            let mut session = pool.acquire().await.unwrap();
            let (pid,): (i32,) = session.query("select pg_backend_pid()").one().await.unwrap();
            assert_eq!(pid, first);
            drop(session);
            assert_eq!(proxy.client_bursts(), bursts + turn);
        }
        drop(pool.acquire().await.unwrap());
        assert_eq!((proxy.client_bursts(), proxy.connections()), (bursts + 5, 1));
    })
    .await;
}

#[tokio::test]
async fn returning_a_session_costs_a_round_trip_where_it_is_reset() {
    const CHANGE: &str = "set work_mem = '1234kB'";
    on_each_server(async |server| {
        for (policy, script, expected) in [
            (ResetPolicy::None, CHANGE, 0),
            (ResetPolicy::None, "select 1", 0),
            (ResetPolicy::Cheap, CHANGE, 1),
            (ResetPolicy::Cheap, "select 1", 0),
            (ResetPolicy::Cheap, "begin; create temp table t (id int) on commit drop; commit", 1),
            (ResetPolicy::Cheap, "begin; insert into pg_temp.kept values (1); rollback", 0),
            (ResetPolicy::Full, CHANGE, 1),
            (ResetPolicy::Full, "select 1", 1),
            (ResetPolicy::Full, "prepare p as select 1", 1),
        ] {
            let proxy = Proxy::start(server.port()).unwrap();
            let config = plain_config(server, "test").port(proxy.port());
            let pool = Pool::builder(config).max_conns(1).reset(policy).build().unwrap();
            for _ in 0..2 {
                let mut session = pool.acquire().await.unwrap();
                // Whether it succeeds is of no importance.
                let _ = session.script(script).await;
                let open = session.transaction_status() != TransactionStatus::Idle;
                let bursts = proxy.client_bursts();
                drop(session);
                drop(pool.acquire().await.unwrap());
                let expected = bursts + expected + u64::from(open);
                assert_eq!(proxy.client_bursts(), expected, "{policy} {script}");
            }
            assert_eq!(proxy.connections(), 1);
        }
    })
    .await;
}

async fn connecting(server: &Server, user: User, mode: SslMode) -> (Proxy, Connection) {
    let proxy = Proxy::start(server.port()).unwrap();
    let config: Config = server.url(user, "test").parse().unwrap();
    let connection = Connection::connect(&config.port(proxy.port()).ssl_mode(mode)).await.unwrap();
    (proxy, connection)
}

/// Returns the size of the start-up message: its length and its version, four parameters of which two vary, an end.
fn size_of_startup(user: User) -> usize {
    8 + "user  client_encoding UTF8 database test  ".len() + user.name().len()
}

/// Returns the size of a message: its tag, its length and its body.
fn size_of(body: usize) -> usize {
    5 + body
}

#[tokio::test]
async fn connecting_takes_what_the_authentication_takes_and_no_more() {
    const CLEAR: usize = "clear-secret ".len();
    const MD5: usize = "md5".len() + 32 + 1;
    // The mechanism, a length, and `n,,n=,r=` with 18 bytes in base64.
    const SCRAM_FIRST: usize = "SCRAM-SHA-256 ".len() + 4 + "n,,n=,r=".len() + 24;
    // Both nonces, and a proof of 32 bytes in base64.
    const SCRAM_FINAL: usize = "c=biws,r=,p=".len() + 24 + 24 + 44;
    on_each_server(async |server| {
        for (user, expected, method, answers) in [
            (User::Trust, 1, AuthMethod::Trust, &[][..]),
            (User::Clear, 2, AuthMethod::Cleartext, &[CLEAR]),
            (User::Md5, 2, AuthMethod::Md5, &[MD5]),
            (User::Scram, 3, AuthMethod::ScramSha256, &[SCRAM_FIRST, SCRAM_FINAL]),
        ] {
            let (proxy, connection) = connecting(server, user, SslMode::Disable).await;
            assert_eq!((proxy.client_bursts(), connection.auth_method()), (expected, method), "{user:?}");
            let sent: usize = size_of_startup(user) + answers.iter().copied().map(size_of).sum::<usize>();
            assert_eq!(proxy.bytes(Direction::ToServer), sent as u64, "{user:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn tls_adds_its_request_and_its_handshake() {
    on_each_server(async |server| {
        for (user, plain) in [(User::Trust, 1), (User::Scram, 3)] {
            let (proxy, connection) = connecting(server, user, SslMode::Require).await;
            let bursts = proxy.client_bursts();
            assert!(connection.encryption().is_some_and(|tls| tls.starts_with("TLSv1.3")));
            // SSLRequest and ClientHello; the client's Finished goes right before the start-up message, and the
            // proxy may read both at once.
            let added = bursts - plain;
            assert!((2..=3).contains(&added), "{user:?}: {bursts}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_command_is_one_write_under_tls_too() {
    on_each_server(async |server| {
        let mut c = Counted::new(server, |config| config.ssl_mode(SslMode::Require)).await;
        assert!(c.connection.encryption().is_some());
        assert_eq!(c.all("select 1").await, 1);
        assert_eq!(c.all("select 1").await, 1);
        assert_eq!(c.script("begin").await, 1);
        assert_eq!(c.all("select 2").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_one_round_trip_to_begin_and_one_to_end() {
    on_each_server(async |server| {
        let mut c = Counted::new(server, |config| config).await;
        c.script("create temporary table t (id int4)").await;
        for described in [1, 0] {
            let mut copy = c.connection.copy_in("copy t from stdin").await.unwrap();
            for _ in 0..100 {
                copy.send("1\n").await.unwrap();
            }
            copy.finish().await.unwrap();
            assert_eq!(c.cost(), 2);
            let mut rows = c.connection.copy_in_rows("t", &[]).await.unwrap();
            for id in 0..100_i32 {
                rows.send((id,)).await.unwrap();
            }
            rows.finish().await.unwrap();
            assert_eq!(c.cost(), 2 + described);
            c.connection.copy_out("copy t to stdout").await.unwrap().finish().await.unwrap();
            assert_eq!(c.cost(), 1);
            let mut rows = c.connection.copy_out_rows::<(i32,)>("select id from t").await.unwrap();
            while rows.next().await.unwrap().is_some() {}
            assert_eq!(c.cost(), 1 + described);
        }
    })
    .await;
}
