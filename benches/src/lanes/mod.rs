//! The ways to do a job.

mod floor;
mod hash;
#[cfg(feature = "peers")]
mod login;
mod ours;
#[cfg(feature = "peers")]
mod sqlx;
#[cfg(feature = "peers")]
mod tokio_postgres;

use molt_db::{Config, Connection};

use crate::failure::Failure;
use crate::job::{Connects, Job, Scan, ScanQuery, Way};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// A way to do a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Ours,
    Floor,
    Hash,
    #[cfg(feature = "peers")]
    TokioPostgres,
    #[cfg(feature = "peers")]
    Sqlx,
}

/// Whether to read everything once more for a hash of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Skip,
    Hash,
}

impl Lane {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Ours,
        Self::Floor,
        Self::Hash,
        #[cfg(feature = "peers")]
        Self::TokioPostgres,
        #[cfg(feature = "peers")]
        Self::Sqlx,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
            Self::Hash => "hash",
            #[cfg(feature = "peers")]
            Self::TokioPostgres => "tokio-postgres",
            #[cfg(feature = "peers")]
            Self::Sqlx => "sqlx",
        }
    }

    /// Returns what the lane does and what it leaves out.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Ours => ours::SUMMARY,
            Self::Floor => floor::SUMMARY,
            Self::Hash => hash::SUMMARY,
            #[cfg(feature = "peers")]
            Self::TokioPostgres => tokio_postgres::SUMMARY,
            #[cfg(feature = "peers")]
            Self::Sqlx => sqlx::SUMMARY,
        }
    }

    pub(crate) fn does(self, job: &Job) -> bool {
        match self {
            Self::Ours => true,
            Self::Floor => !matches!(job, Job::Connect(_)),
            Self::Hash => matches!(job, Job::Connect(Connects { way: Way::Scram, .. })),
            #[cfg(feature = "peers")]
            Self::TokioPostgres | Self::Sqlx => matches!(job, Job::Connect(_)),
        }
    }

    /// Connects, warms up, measures the job, and checks it where that is asked for.
    pub(crate) async fn run(self, config: Config, job: &Job, check: Check) -> Result<Measured, Failure> {
        match (self, job) {
            (Self::Ours | Self::Floor, Job::Arrow(scan) | Job::Rows(scan)) => {
                self.scan(first_rows_first(config), job, scan, check).await
            }
            (Self::Ours, Job::Qps(selects)) => ours::qps::run(config, selects, check).await,
            (Self::Floor, Job::Qps(selects)) => floor::qps::run(config, selects).await,
            (Self::Ours, Job::Connect(connects)) => ours::connect::run(&config, connects).await,
            (Self::Hash, Job::Connect(connects)) => hash::connect::run(connects).await,
            #[cfg(feature = "peers")]
            (Self::TokioPostgres, Job::Connect(connects)) => {
                tokio_postgres::connect::run(&config, connects).await
            }
            #[cfg(feature = "peers")]
            (Self::Sqlx, Job::Connect(connects)) => sqlx::connect::run(&config, connects).await,
            _ => Err(format!("the lane {} does not do the job {}", self.name(), job.name()).into()),
        }
    }

    async fn scan(self, config: Config, job: &Job, scan: &Scan, check: Check) -> Result<Measured, Failure> {
        let mut connection = Connection::connect(&config).await?;
        let query = scan.query(&mut connection).await?;
        connection.close().await?;
        let measured = match (self, job) {
            (Self::Floor, _) => floor::scan::run(&config, &query).await?,
            (_, Job::Rows(_)) => ours::rows::run(&config, &query, check).await?,
            _ => ours::arrow::run(&config, &query, check).await?,
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

/// Warms up, and measures what opens and closes one connection.
async fn connect_repeatedly(
    connects: &Connects,
    connect: impl AsyncFn() -> Result<(), Failure>,
) -> Result<Measured, Failure> {
    for _ in 0..Connects::WARM_UP {
        connect().await?;
    }
    let meter = Meter::start()?;
    for _ in 0..connects.count {
        connect().await?;
    }
    let tally = Tally { rows: connects.count, nbytes: 0 };
    Ok(Measured { tally, cost: meter.stop()?, hash: None })
}

/// Has the server begin a scan at the start of the table, and not where another scan happens to be.
// PG docs: runtime-config-compatible, synchronize_seqscans
fn first_rows_first(config: Config) -> Config {
    let given = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
    config.options(format!("{given}-c synchronize_seqscans=off"))
}
