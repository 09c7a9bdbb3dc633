//! The ways to do a job.

mod floor;
mod ours;

use molt_db::{Config, Connection};

use crate::failure::Failure;
use crate::job::{Job, Scan, ScanQuery};
use crate::report::Measured;

/// A way to do a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Ours,
    Floor,
}

/// Whether to read everything once more for a hash of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Skip,
    Hash,
}

impl Lane {
    pub(crate) const ALL: [Self; 2] = [Self::Ours, Self::Floor];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
        }
    }

    /// Returns what the lane does and what it leaves out.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Ours => ours::SUMMARY,
            Self::Floor => floor::SUMMARY,
        }
    }

    /// Connects, warms up, measures the job, and checks it where that is asked for.
    pub(crate) async fn run(self, config: Config, job: &Job, check: Check) -> Result<Measured, Failure> {
        match (self, job) {
            (_, Job::Arrow(scan) | Job::Rows(scan)) => {
                self.scan(first_rows_first(config), job, scan, check).await
            }
            (Self::Ours, Job::Qps(selects)) => ours::qps::run(config, selects, check).await,
            (Self::Floor, Job::Qps(selects)) => floor::qps::run(config, selects).await,
        }
    }

    async fn scan(self, config: Config, job: &Job, scan: &Scan, check: Check) -> Result<Measured, Failure> {
        let mut connection = Connection::connect(&config).await?;
        let query = scan.query(&mut connection).await?;
        connection.close().await?;
        let measured = match (self, job) {
            (Self::Floor, _) => floor::scan::run(&config, &query).await?,
            (Self::Ours, Job::Rows(_)) => ours::rows::run(&config, &query, check).await?,
            (Self::Ours, _) => ours::arrow::run(&config, &query, check).await?,
        };
        complete(&query, measured)
    }
}

fn complete(query: &ScanQuery, measured: Measured) -> Result<Measured, Failure> {
    if measured.tally.rows == query.rows {
        return Ok(measured);
    }
    Err(format!("{} rows came instead of {}", measured.tally.rows, query.rows).into())
}

/// Has the server begin a scan at the start of the table, and not where another scan happens to be.
// PG docs: runtime-config-compatible, synchronize_seqscans
fn first_rows_first(config: Config) -> Config {
    let given = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
    config.options(format!("{given}-c synchronize_seqscans=off"))
}
