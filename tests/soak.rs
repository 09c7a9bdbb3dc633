//! A thousand tasks on eight connections, for a while: callers that give up, sessions that are ended, a server that is started
//! anew. `MOLT_DB_SOAK_SECONDS` says how long; 20 unless given.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{assert_usable, plain_config, within};
use molt_db::{Error, Pool, Scope, Session};
use molt_db_testkit::{Server, ServerOptions, servers_under_test};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const TASKS: u64 = 1000;
const CONNECTIONS: u32 = 8;
const OURS: &str = "application_name = 'soak' and backend_type = 'client backend'";

/// What the tasks have seen.
#[derive(Debug, Default)]
struct Tally {
    answers: AtomicU64,
    errors: AtomicU64,
    given_up: AtomicU64,
    /// Rows whose commit was answered.
    stored: AtomicU64,
    /// Rows of which nobody knows.
    perhaps: AtomicU64,
}

impl Tally {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_comes_through_whatever_happens_around_it() {
    let seconds = std::env::var("MOLT_DB_SOAK_SECONDS").map_or(20, |given| given.parse().unwrap());
    for wanted in servers_under_test() {
        let server = Arc::new(Server::start(ServerOptions::default().wanted(wanted)).unwrap());
        server.sql("create table soak (n int8)").unwrap();
        server.sql("grant all on soak to public").unwrap();
        let config = plain_config(&server, "test").application_name("soak");
        let pool = Pool::builder(config.connect_timeout(Duration::from_secs(5)))
            .max_conns(CONNECTIONS)
            .max_wait(Duration::from_secs(10))
            .build()
            .unwrap();
        let tally = Arc::new(Tally::default());
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut tasks = JoinSet::new();
        for number in 1..=TASKS {
            tasks.spawn(work(pool.clone(), Arc::clone(&tally), number, end));
        }
        trouble(&pool, &server, end).await;
        within(tasks.join_all()).await;
        println!("{tally:?} {:?}", pool.metrics());
        assert_all_is_back(&pool, &server, &tally).await;
    }
}

/// Ends sessions, and starts the server anew now and then. It never has more sessions than it may have.
async fn trouble(pool: &Pool, server: &Arc<Server>, end: Instant) {
    let mut dice = Dice(7);
    let mut round = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(150) + dice.millis(200)).await;
        round += 1;
        let is_restart = round % 32 == 0;
        let server = Arc::clone(server);
        tokio::task::spawn_blocking(move || {
            if is_restart {
                server.restart().unwrap();
            } else {
                let one = format!(
                    "select pg_terminate_backend(pid) from pg_stat_activity where {OURS} order by random() limit 1"
                );
                server.sql(&one).unwrap();
                // One that is being ended may be there beside the one that takes its place.
                let count = count(&server, &format!("pg_stat_activity where {OURS}"));
                assert!(count <= u64::from(CONNECTIONS) + 2, "{count} sessions");
            }
        })
        .await
        .unwrap();
        let status = pool.status();
        assert!(status.total <= status.max, "{status:?}");
    }
}

async fn work(pool: Pool, tally: Arc<Tally>, number: u64, end: Instant) {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    while Instant::now() < end {
        let patience = dice.millis(400);
        let scope = if dice.below(2) == 0 { Scope::within(dice.millis(400)) } else { Scope::default() };
        match timeout(patience, once(&pool, &tally, &mut dice, scope)).await {
            Ok(Ok(())) => Tally::count(&tally.answers),
            Ok(Err(error)) => {
                // 57P01 to 57P03: the session was ended, or the server is on its way down or up.
                let is_outage = error.code().is_none_or(|code| code.as_str().starts_with("57P"));
                assert!(is_outage && !error.is_protocol_violation() && !error.is_conversion(), "{error:?}");
                Tally::count(&tally.errors);
            }
            Err(_) => Tally::count(&tally.given_up),
        }
    }
}

async fn once(pool: &Pool, tally: &Tally, dice: &mut Dice, scope: Scope) -> Result<(), Error> {
    let mut session = pool.session(scope).await?;
    let number = i64::try_from(dice.below(1 << 40)).unwrap();
    match dice.below(5) {
        0 => {
            let sleep = format!("select $1::int8 from pg_sleep(0.0{:02})", dice.below(30));
            assert_eq!(session.query(&sleep).bind(number).one::<(i64,)>().await?, (number,));
        }
        1 => {
            let mut rows = session
                .query("select $1::int8 + g from generate_series(0, 500) g")
                .bind(number)
                .rows()
                .await?;
            for expected in number..number + i64::try_from(dice.below(500)).unwrap() {
                assert_eq!(rows.next().await?.unwrap().get::<i64>(0)?, expected);
            }
        }
        2 => store(&mut session, tally, number).await?,
        3 => {
            let mut tx = session.begin().await?;
            tx.execute("insert into soak values (-1)", ()).await?;
            if dice.below(2) == 0 {
                tx.rollback().await?;
            }
        }
        _ => {
            let mut batch = session.batch();
            batch.add("select $1::int8", (number,)).add("select 7", ());
            let results = batch.run().await?;
            assert_eq!(results.rows(0)?.one::<(i64,)>()?, (number,));
        }
    }
    Ok(())
}

/// Stores a row. What was begun and not answered may be there or not.
async fn store(session: &mut Session, tally: &Tally, number: i64) -> Result<(), Error> {
    let mut tx = session.begin().await?;
    tx.execute("insert into soak values ($1)", (number,)).await?;
    Tally::count(&tally.perhaps);
    tx.commit().await?;
    Tally::count(&tally.stored);
    Ok(())
}

async fn assert_all_is_back(pool: &Pool, server: &Server, tally: &Tally) {
    let at_rest = || {
        let status = pool.status();
        status.in_use + status.settling + status.connecting + status.waiting == 0
    };
    within(async {
        while !at_rest() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(within(pool.acquire()).await.unwrap());
    }
    for session in &mut all {
        assert_usable(session).await;
    }
    let sessions = format!("pg_stat_activity where {OURS}");
    assert_eq!(count(server, &sessions), u64::from(CONNECTIONS));
    drop(all);
    let rows = count(server, "soak where n >= 0");
    assert_eq!(count(server, "soak where n < 0"), 0, "what was not committed is not there");
    let (stored, perhaps) = (Tally::get(&tally.stored), Tally::get(&tally.perhaps));
    assert!((stored..=perhaps).contains(&rows), "{rows} rows of {stored} to {perhaps}");
    assert!(stored > 10 && Tally::get(&tally.answers) > 100 && Tally::get(&tally.given_up) > 0, "{tally:?}");
    within(pool.close()).await;
    within(async {
        while count(server, &sessions) > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Counts rows, by the kit's own connection.
fn count(server: &Server, rows: &str) -> u64 {
    let found = server.sql(&format!("select count(*) from {rows}")).unwrap();
    found[0][0].as_ref().unwrap().parse().unwrap()
}
