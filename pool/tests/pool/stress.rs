//! Everything at once, on several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use molt_db_pool::{AcquireError, Pool};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::fake::{AT_ONCE, Ending, Fake, Fate, Plan, assert_at_rest, millis, planned};

const MAX: usize = 4;

/// A small generator per worker.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }
}

/// Acquires once, impatiently, and treats the connection badly.
async fn once(pool: &Pool<Fake>, dice: &mut Dice, users: &AtomicUsize) {
    let patience = Duration::from_micros(dice.roll(3000));
    let Ok(acquired) = timeout(patience, pool.acquire()).await else { return };
    let mut guard = match acquired {
        Ok(guard) => guard,
        Err(AcquireError::Connect(_) | AcquireError::ConnectPanicked | AcquireError::Exhausted(_)) => return,
        Err(error) => panic!("{error}"),
    };
    assert!(users.fetch_add(1, SeqCst) < MAX);
    match dice.roll(20) {
        0 => guard.fate = Fate::Unfit,
        1 => guard.fate = Fate::Dead,
        2 => guard.fate = Fate::Unfinished(Ending::Rest(millis(1))),
        3 => guard.fate = Fate::Unfinished(Ending::GiveUp(Duration::ZERO)),
        4..10 => yield_now().await,
        _ => {}
    }
    users.fetch_sub(1, SeqCst);
    match dice.roll(20) {
        0 => std::thread::spawn(|| drop(guard)).join().unwrap(),
        _ => drop(guard),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn invariants_hold_under_stress() {
    let plan = |n| match n % 10 {
        0 => Plan::Refuse(Duration::ZERO),
        1 => Plan::OpenDead,
        2 => Plan::Open(millis(2)),
        _ => AT_ONCE,
    };
    let pool = planned(plan).max_conns(MAX).max_wait(millis(500)).build().unwrap();
    let users = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for seed in 0..64 {
        let (pool, users, stop) = (pool.clone(), users.clone(), stop.clone());
        tasks.spawn(async move {
            let mut dice = Dice(seed);
            while !stop.load(SeqCst) {
                once(&pool, &mut dice, &users).await;
            }
        });
    }
    let end = Instant::now() + millis(1500);
    while Instant::now() < end {
        let status = pool.status();
        assert!(status.total <= MAX);
        assert_eq!(status.total, status.idle + status.in_use + status.settling + status.connecting);
        tokio::time::sleep(millis(1)).await;
    }
    stop.store(true, SeqCst);
    tasks.join_all().await;

    while pool.status().connecting + pool.status().settling > 0 {
        tokio::time::sleep(millis(1)).await;
    }
    assert_at_rest(&pool);
    let metrics = pool.metrics();
    assert!(metrics.acquired > 0 && metrics.settles > 0 && metrics.settles_failed > 0);
    pool.close().await;
    assert_at_rest(&pool);
    assert_eq!(pool.status().total, 0);
}
