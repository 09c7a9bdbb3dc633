//! How pools treat those who wait: the command `fair`.
//!
//! One process, one table, a line per pool. It is about who is served when, and not about what that costs.

mod contenders;
mod figures;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use molt_db::Config;
use molt_db::config::SslMode;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::contenders::{CONTENDERS, Contender, Opened};
use self::figures::{jain, out_of_order};
use crate::delay::Delay;
use crate::failure::Failure;
use crate::job::{Acquires, Job};
use crate::server::Site;

/// Lets every pool do the jobs, and returns the table.
pub(crate) fn run(url: Option<&str>) -> Result<String, Failure> {
    let job = Job::Acquire(Acquires { count: 1, connections: CONNECTIONS, tasks: 1 });
    let site = Site::find(url, &job)?;
    let config = site.url(&job).parse::<Config>()?.ssl_mode(SslMode::Disable);
    let delay = Delay::start(&config, CONNECT_MS / 2)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut table = format!("{HEAD}\n");
    for contender in CONTENDERS {
        table += &runtime.block_on(line(contender, &config, &delay.redirect(config.clone())))?;
    }
    Ok(table + NOTES)
}

async fn line(contender: &Contender, near: &Config, far: &Config) -> Result<String, Failure> {
    let queue = queue((contender.open)(near, 0, CONNECTIONS).await?).await?;
    let shares = lanes((contender.open)(near, 0, CONNECTIONS).await?).await?;
    let spike = spike((contender.open)(far, MIN_CONNS, MAX_CONNS).await?).await?;
    let Queue { misplaced, max_wait } = queue;
    let Shares { grants, seconds } = shares;
    let name = contender.name;
    Ok(format!("{name:<12}{misplaced:>10}{max_wait:>10.3}{grants:>10.3}{seconds:>10.3}{spike:>8}\n"))
}

/// What came of many who wait in one queue.
struct Queue {
    /// How many were served after one who had come later.
    misplaced: usize,
    /// The longest wait, against what it would have been had no connection lain unused.
    max_wait: f64,
}

async fn queue(opened: Opened) -> Result<Queue, Failure> {
    let mut first = Vec::new();
    for _ in 0..CONNECTIONS {
        first.push((opened.acquire)("").await?);
    }
    let (sender, mut served) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for number in 0..WAITERS {
        let (acquire, sender) = (opened.acquire.clone(), sender.clone());
        tasks.spawn(async move {
            let connection = acquire("").await?;
            let granted = Instant::now();
            sender.send(number)?;
            sleep(HOLD).await;
            drop(connection);
            Ok::<_, Failure>((granted - begun, granted.elapsed()))
        });
    }
    // All of them are polled, in this order, before anyone is served.
    tokio::task::yield_now().await;
    drop(first);
    drop(sender);
    let (mut longest, mut held) = (Duration::ZERO, Duration::ZERO);
    while let Some(task) = tasks.join_next().await {
        let (wait, hold) = task??;
        (longest, held) = (longest.max(wait), held + hold);
    }
    let mut order = Vec::new();
    while let Ok(number) = served.try_recv() {
        order.push(number);
    }
    let ideal = held.as_secs_f64() * (WAITERS - CONNECTIONS) as f64 / (WAITERS * CONNECTIONS) as f64;
    Ok(Queue { misplaced: out_of_order(&order), max_wait: longest.as_secs_f64() / ideal })
}

/// How evenly lanes were served.
struct Shares {
    /// Jain's index over the connections that those were given who hold them equally long.
    grants: f64,
    /// Jain's index over the time that all had connections.
    seconds: f64,
}

async fn lanes(opened: Opened) -> Result<Shares, Failure> {
    let end = Instant::now() + LANES_FOR;
    let mut groups = Vec::new();
    for (lane, tasks, hold) in LANES {
        let grants = Arc::new(AtomicUsize::new(0));
        let micros = Arc::new(AtomicUsize::new(0));
        let mut set = JoinSet::new();
        for _ in 0..tasks {
            let (acquire, grants, micros) = (opened.acquire.clone(), grants.clone(), micros.clone());
            set.spawn(async move {
                while Instant::now() < end {
                    let connection = acquire(lane).await?;
                    let granted = Instant::now();
                    sleep(hold).await;
                    drop(connection);
                    grants.fetch_add(1, SeqCst);
                    micros.fetch_add(usize::try_from(granted.elapsed().as_micros())?, SeqCst);
                }
                Ok::<_, Failure>(())
            });
        }
        groups.push((set, grants, micros));
    }
    let (mut grants, mut seconds) = (Vec::new(), Vec::new());
    for ((mut set, granted, micros), (_, _, hold)) in groups.into_iter().zip(LANES) {
        while let Some(task) = set.join_next().await {
            task??;
        }
        if hold == SHORT {
            grants.push(granted.load(SeqCst) as f64);
        }
        seconds.push(micros.load(SeqCst) as f64);
    }
    Ok(Shares { grants: jain(&grants), seconds: jain(&seconds) })
}

/// Returns how many connections there are after a burst that is over sooner than a connect.
async fn spike(opened: Opened) -> Result<usize, Failure> {
    let mut warm = Vec::new();
    for _ in 0..MIN_CONNS {
        warm.push((opened.acquire)("").await?);
    }
    drop(warm);
    sleep(Duration::from_secs(1)).await;
    let mut tasks = JoinSet::new();
    for _ in 0..REQUESTS {
        let acquire = opened.acquire.clone();
        tasks.spawn(async move {
            let connection = acquire("").await?;
            sleep(SHORT).await;
            drop(connection);
            Ok::<_, Failure>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    sleep(Duration::from_secs(1)).await;
    Ok((opened.size)())
}

const CONNECTIONS: usize = 8;
const WAITERS: usize = 1000;
const HOLD: Duration = Duration::from_millis(1);
const SHORT: Duration = Duration::from_millis(2);
const LANES_FOR: Duration = Duration::from_secs(5);
/// A lane, how many tasks there are in it, and how long each holds a connection.
const LANES: [(&str, usize, Duration); 4] =
    [("a", 8, SHORT), ("b", 8, SHORT), ("flood", 400, SHORT), ("long", 20, Duration::from_millis(20))];
const CONNECT_MS: u64 = 150;
const MIN_CONNS: usize = 5;
const MAX_CONNS: usize = 10;
const REQUESTS: usize = 50;

const HEAD: &str = "pool         misplaced  max wait  J grants J seconds   spike";
const NOTES: &str = "
misplaced   of 1000 who wait for 8 connections, held 1 ms each: how many were served after one who came later
max wait    the longest of their waits, over what the holds as measured allow
J grants    Jain's index over the grants of three lanes that hold 2 ms, one of which floods; a fourth holds 20 ms
J seconds   Jain's index over the time that the four lanes had connections; pools without lanes have one queue
spike       connections after 50 requests of 2 ms at once, where a connect takes 150 ms, at least 5 are kept and 10 allowed
";
