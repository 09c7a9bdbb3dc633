use std::time::Duration;

use molt_db::{Config, Error, Pool};
use tokio::task::JoinSet;

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, RowHash};
use crate::job::{Selects, Share};
use crate::lanes::Check;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Selects single rows by random keys, through a pool.
pub(crate) async fn run(config: Config, selects: &Selects, check: Check) -> Result<Measured, Failure> {
    let pool = Pool::builder(config.query_timeout(QUERY_TIMEOUT))
        .max_conns(selects.connections.try_into()?)
        .max_wait(MAX_WAIT)
        .build()?;
    warm_up(&pool, selects).await?;
    let meter = Meter::start()?;
    let tally = select_all(&pool, selects, Check::Skip).await?.tally;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(select_all(&pool, selects, check).await?.hash.to_string()),
    };
    Ok(Measured { tally, cost, hash })
}

/// Opens all connections, by holding them at the same time.
async fn warm_up(pool: &Pool, selects: &Selects) -> Result<(), Failure> {
    let mut sessions = Vec::new();
    for _ in 0..selects.connections {
        sessions.push(pool.acquire().await?);
    }
    for session in &mut sessions {
        for _ in 0..Selects::WARM_UP {
            session.query(Selects::SQL).bind(1).one::<(i32, String)>().await?;
        }
    }
    Ok(())
}

/// Divides the selects among the tasks, and adds up what they got.
async fn select_all(pool: &Pool, selects: &Selects, check: Check) -> Result<Answers, Failure> {
    let mut tasks = JoinSet::new();
    for share in selects.shares(selects.tasks) {
        tasks.spawn(select_share(pool.clone(), share, check));
    }
    let mut all = Answers::default();
    while let Some(answers) = tasks.join_next().await {
        let answers = answers??;
        all.tally.merge(answers.tally);
        all.hash.merge(answers.hash);
    }
    Ok(all)
}

async fn select_share(pool: Pool, share: Share, check: Check) -> Result<Answers, Error> {
    let mut answers = Answers::default();
    for key in share.keys() {
        let mut session = pool.acquire().await?;
        let row = session.query(Selects::SQL).bind(key).one().await?;
        drop(session);
        answers.take(row, check);
    }
    Ok(answers)
}

/// What the selects returned.
#[derive(Debug, Default)]
struct Answers {
    tally: Tally,
    hash: Fingerprint,
}

impl Answers {
    fn take(&mut self, (v, t): (i32, String), check: Check) {
        self.tally.merge(Tally { rows: 1, nbytes: INT4_SIZE + t.len() as u64 });
        if check == Check::Hash {
            let mut row = RowHash::new();
            row.integer(v);
            row.text(&t);
            self.hash.add(row);
        }
    }
}

const INT4_SIZE: u64 = 4;

/// Tasks that share connections wait for each other; the job is not about the limit.
const MAX_WAIT: Duration = Duration::from_secs(60);
