use tokio::task::JoinSet;

use super::Check;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, RowHash};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// What point selects returned.
#[derive(Debug, Default)]
pub(super) struct Answers {
    tally: Tally,
    hash: Fingerprint,
}

impl Answers {
    /// Takes a row of `kv`.
    pub(super) fn take(&mut self, (v, t): (i32, String), check: Check) {
        self.tally.merge(Tally { rows: 1, nbytes: INT4_SIZE + t.len() as u64 });
        if check == Check::Hash {
            let mut row = RowHash::new();
            row.integer(v);
            row.text(&t);
            self.hash.add(row);
        }
    }

    /// Runs each of the shares as a task, and adds up what they got.
    pub(super) async fn of_tasks<F>(shares: impl IntoIterator<Item = F>) -> Result<Self, Failure>
    where
        F: Future<Output = Result<Self, Failure>> + Send + 'static,
    {
        let mut tasks: JoinSet<_> = shares.into_iter().collect();
        let mut all = Self::default();
        while let Some(answers) = tasks.join_next().await {
            let answers = answers??;
            all.tally.merge(answers.tally);
            all.hash.merge(answers.hash);
        }
        Ok(all)
    }
}

impl From<Tally> for Answers {
    fn from(tally: Tally) -> Self {
        Self { tally, hash: Fingerprint::default() }
    }
}

/// Measures what selects, on clients that are made and warmed up before; for the hash, all of it is done again.
pub(super) async fn measure<C>(
    check: Check,
    open: impl AsyncFn() -> Result<C, Failure>,
    select: impl AsyncFn(C, Check) -> Result<Answers, Failure>,
) -> Result<Measured, Failure> {
    let clients = open().await?;
    let meter = Meter::start()?;
    let tally = select(clients, Check::Skip).await?.tally;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(select(open().await?, check).await?.hash.to_string()),
    };
    Ok(Measured { tally, cost, hash, times: None })
}

const INT4_SIZE: u64 = 4;
