//! What is under way is dropped on a plain thread, in a panic, when its runtime has gone, and when only another runtime
//! of the same pool is left: nothing panics, no slot is lost, and the server is rid of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use molt_db::{Connection, Pool, Session};
use molt_db_testkit::{Server, shared_servers};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::common::{assert_usable, plain_config, within};

/// What a session is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holding {
    Nothing,
    Query,
    Rows,
    TypedRows,
    Arrow,
    Script,
    Batch,
    Transaction,
    QueryInTransaction,
    Savepoint,
    Portal,
}

impl Holding {
    const ALL: [Self; 11] = [
        Self::Nothing,
        Self::Query,
        Self::Rows,
        Self::TypedRows,
        Self::Arrow,
        Self::Script,
        Self::Batch,
        Self::Transaction,
        Self::QueryInTransaction,
        Self::Savepoint,
        Self::Portal,
    ];

    /// Gets to the middle of it, says so, and stays there.
    async fn hold(self, mut session: Session, stay: Stay) {
        let c: &mut Connection = &mut session;
        match self {
            Self::Nothing => stay.here().await,
            Self::Query => drop(tokio::join!(c.execute(NAP, ()), stay.here())),
            Self::Rows => {
                let mut rows = c.query(ENDLESS).rows().await.unwrap();
                rows.next().await.unwrap();
                stay.here().await;
            }
            Self::TypedRows => {
                let mut rows = c.query(ENDLESS).rows_as::<(i64,)>().await.unwrap();
                rows.next().await.unwrap();
                stay.here().await;
            }
            Self::Arrow => {
                let mut batches = c.query(ENDLESS).arrow().await.unwrap();
                batches.next().await.unwrap();
                stay.here().await;
            }
            Self::Script => {
                let mut results = c.script_results(ENDLESS).await.unwrap();
                results.next().await.unwrap();
                stay.here().await;
            }
            Self::Batch => {
                let mut batch = c.batch();
                batch.add("select 1", ()).barrier().add(NAP, ());
                drop(tokio::join!(batch.run(), stay.here()));
            }
            _ => self.hold_in_transaction(c, stay).await,
        }
    }

    async fn hold_in_transaction(self, c: &mut Connection, stay: Stay) {
        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        match self {
            Self::QueryInTransaction => drop(tokio::join!(tx.execute(NAP, ()), stay.here())),
            Self::Savepoint => {
                let mut savepoint = tx.savepoint().unwrap();
                savepoint.execute("select 1", ()).await.unwrap();
                stay.here().await;
            }
            Self::Portal => {
                let mut portal = tx.query("select generate_series(1, 100)").portal(10).await.unwrap();
                portal.fetch(&mut tx).await.unwrap();
                stay.here().await;
            }
            _ => stay.here().await,
        }
    }

    /// Tells whether a session that is dropped so, where there is nobody to settle, is good for another user.
    fn is_at_rest(self) -> bool {
        self == Self::Nothing
    }
}

/// Says that it is reached, and stays there.
struct Stay {
    is_held: Arc<AtomicBool>,
}

impl Stay {
    async fn here(&self) {
        self.is_held.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
}

/// Short, because a server notices only at its end that nobody is there.
const NAP: &str = "select pg_sleep(1)";
const ENDLESS: &str = "select generate_series(1, 9000000000)";

/// A session of a pool that is in the middle of something.
struct Held {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_held: Arc<AtomicBool>,
}

impl Held {
    /// Polls it until it is there.
    async fn new(pool: &Pool, holding: Holding) -> Self {
        let session = within(pool.acquire()).await.unwrap();
        let is_held = Arc::new(AtomicBool::new(false));
        let stay = Stay { is_held: Arc::clone(&is_held) };
        let future = Box::pin(holding.hold(session, stay));
        let mut held = Self { future, is_held };
        within(async {
            while !held.is_held.load(Ordering::SeqCst) {
                tokio::select! {
                    biased;
                    () = held.future.as_mut() => {}
                    () = sleep(Duration::from_millis(1)) => {}
                }
            }
        })
        .await;
        held
    }
}

fn pool(server: &Server, name: &str) -> Pool {
    let config = plain_config(server, "test").application_name(name);
    Pool::builder(config).max_conns(1).max_wait(Duration::from_secs(19)).build().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn backends(server: &Server, name: &str) -> usize {
    let sql = format!("select pid from pg_stat_activity where application_name = '{name}'");
    server.sql(&sql).unwrap().len()
}

async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Asserts that the one connection that there was serves the next caller.
async fn assert_served_by_the_same(pool: &Pool, case: &str) {
    assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
    let (status, metrics) = (pool.status(), pool.metrics());
    assert_eq!((status.total, status.idle, status.settling, status.waiting), (1, 1, 0, 0), "{case}");
    assert_eq!((metrics.connects, metrics.discarded), (1, 0), "{case}");
}

#[tokio::test]
async fn what_is_dropped_on_a_plain_thread_is_settled() {
    for server in shared_servers() {
        for holding in Holding::ALL {
            let pool = pool(server, "on a thread");
            let held = Held::new(&pool, holding).await;
            thread::spawn(move || drop(held)).join().unwrap();
            assert_served_by_the_same(&pool, &format!("{holding:?}")).await;
        }
    }
}

#[tokio::test]
async fn what_is_dropped_in_a_panic_is_settled() {
    for server in shared_servers() {
        for holding in Holding::ALL {
            let pool = pool(server, "in a panic");
            let held = Held::new(&pool, holding).await;
            let panicking = tokio::spawn(async move {
                let _held = held;
                panic!("the holder's own fault");
            });
            assert!(within(panicking).await.unwrap_err().is_panic());
            assert_served_by_the_same(&pool, &format!("{holding:?}")).await;
        }
    }
}

#[test]
fn what_outlives_its_runtime_is_closed() {
    for server in shared_servers() {
        for holding in Holding::ALL {
            let pool = pool(server, "without a runtime");
            let first = runtime();
            let held = first.block_on(Held::new(&pool, holding));
            drop(first);
            thread::spawn(move || drop(held)).join().unwrap();
            let total = usize::from(holding.is_at_rest());
            assert_eq!((pool.status().total, pool.status().in_use), (total, 0), "{holding:?}");
            runtime().block_on(async {
                if !holding.is_at_rest() {
                    until(|| backends(server, "without a runtime") == 0).await;
                }
                assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
                within(pool.close()).await;
                until(|| backends(server, "without a runtime") == 0).await;
            });
        }
    }
}

#[test]
fn what_outlives_its_runtime_is_given_up_by_another_of_the_pool() {
    for server in shared_servers() {
        for holding in Holding::ALL {
            let pool = pool(server, "two runtimes");
            let (first, second) = (runtime(), runtime());
            let held = first.block_on(Held::new(&pool, holding));
            second.block_on(async {
                let waiting = pool.acquire();
                let dropping = async {
                    until(|| pool.status().waiting == 1).await;
                    thread::spawn(move || drop((first, held))).join().unwrap();
                };
                let (next, ()) = within(async { tokio::join!(waiting, dropping) }).await;
                assert_usable(&mut next.unwrap()).await;
                until(|| pool.status().settling == 0 && pool.status().total == 1).await;
                within(pool.close()).await;
                until(|| backends(server, "two runtimes") == 0).await;
            });
            assert_eq!(pool.status().total, 0, "{holding:?}");
        }
    }
}
