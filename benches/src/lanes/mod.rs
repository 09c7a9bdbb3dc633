//! The ways to do a job.

mod answers;
mod batches;
mod copied;
mod fixed;
mod floor;
mod hash;
#[cfg(feature = "peers")]
mod login;
mod notify;
mod ours;
#[cfg(feature = "peers")]
mod sqlx;
mod tls;
#[cfg(feature = "peers")]
mod tokio_postgres;

use std::pin::Pin;
use std::time::Duration;

use molt_db::{Config, Connection};
use tokio::time::timeout;

use self::ours::Ways;
#[cfg(feature = "peers")]
use self::{sqlx::TestBeforeAcquire, tokio_postgres::RecyclingMethod};
use crate::failure::Failure;
use crate::job::{Cancels, Connects, Job, Scan, ScanQuery, Way};
use crate::measure::Meter;
use crate::report::{Measured, Tally, Times};

/// What the pools of other drivers are made of.
#[cfg(feature = "peers")]
pub(crate) mod peers {
    pub(crate) use super::sqlx::sqlx_of;
    pub(crate) use super::tokio_postgres::{deadpool_of, manager};
}

/// A way to do a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Ours,
    OursViews,
    OursByRequest,
    Floor,
    Hash,
    #[cfg(feature = "peers")]
    TokioPostgres,
    #[cfg(feature = "peers")]
    DeadpoolVerified,
    #[cfg(feature = "peers")]
    Sqlx,
    #[cfg(feature = "peers")]
    SqlxUntested,
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
        Self::OursViews,
        Self::OursByRequest,
        Self::Floor,
        Self::Hash,
        #[cfg(feature = "peers")]
        Self::TokioPostgres,
        #[cfg(feature = "peers")]
        Self::DeadpoolVerified,
        #[cfg(feature = "peers")]
        Self::Sqlx,
        #[cfg(feature = "peers")]
        Self::SqlxUntested,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursViews => "ours-views",
            Self::OursByRequest => "ours-by-request",
            Self::Floor => "floor",
            Self::Hash => "hash",
            #[cfg(feature = "peers")]
            Self::TokioPostgres => "tokio-postgres",
            #[cfg(feature = "peers")]
            Self::DeadpoolVerified => "deadpool-verified",
            #[cfg(feature = "peers")]
            Self::Sqlx => "sqlx",
            #[cfg(feature = "peers")]
            Self::SqlxUntested => "sqlx-untested",
        }
    }

    /// Returns what the lane does and what it leaves out.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Ours => ours::SUMMARY,
            Self::OursViews => ours::VIEWS,
            Self::OursByRequest => ours::BY_REQUEST,
            Self::Floor => floor::SUMMARY,
            Self::Hash => hash::SUMMARY,
            #[cfg(feature = "peers")]
            Self::TokioPostgres => tokio_postgres::SUMMARY,
            #[cfg(feature = "peers")]
            Self::DeadpoolVerified => tokio_postgres::VERIFIED,
            #[cfg(feature = "peers")]
            Self::Sqlx => sqlx::SUMMARY,
            #[cfg(feature = "peers")]
            Self::SqlxUntested => sqlx::UNTESTED,
        }
    }

    pub(crate) fn does(self, job: &Job) -> bool {
        match self {
            Self::Ours => true,
            Self::OursViews => matches!(job, Job::Arrow(_)),
            Self::OursByRequest => matches!(job, Job::Cancel(_)),
            Self::Floor => matches!(
                job,
                Job::Arrow(_) | Job::Rows(_) | Job::CopyOut(_) | Job::CopyIn(_) | Job::Qps(_) | Job::Batch(_)
            ),
            Self::Hash => matches!(job, Job::Connect(Connects { way: Way::Scram, .. })),
            #[cfg(feature = "peers")]
            Self::TokioPostgres => !matches!(job, Job::Replication(_) | Job::Lag(_)),
            #[cfg(feature = "peers")]
            Self::Sqlx => {
                matches!(job, Job::Rows(_) | Job::Qps(_) | Job::Acquire(_) | Job::Connect(_))
            }
            #[cfg(feature = "peers")]
            Self::DeadpoolVerified | Self::SqlxUntested => matches!(job, Job::Qps(_) | Job::Acquire(_)),
        }
    }

    /// Connects, warms up, measures the job, and checks it where that is asked for.
    pub(crate) async fn run(self, config: &Config, job: &Job, check: Check) -> Result<Measured, Failure> {
        match self {
            Self::Ours => ours::run(config, job, Ways::default(), check).await,
            Self::OursViews => ours::run(config, job, Ways::VIEWS, check).await,
            Self::OursByRequest => ours::run(config, job, Ways::BY_REQUEST, check).await,
            Self::Floor => floor::run(config, job).await,
            Self::Hash => hash::run(job).await,
            #[cfg(feature = "peers")]
            Self::TokioPostgres => tokio_postgres::run(config, job, RecyclingMethod::Fast, check).await,
            #[cfg(feature = "peers")]
            Self::DeadpoolVerified => {
                tokio_postgres::run(config, job, RecyclingMethod::Verified, check).await
            }
            #[cfg(feature = "peers")]
            Self::Sqlx => sqlx::run(config, job, TestBeforeAcquire::On, check).await,
            #[cfg(feature = "peers")]
            Self::SqlxUntested => sqlx::run(config, job, TestBeforeAcquire::Off, check).await,
        }
    }
}

/// Says that a lane does not do the job.
fn undone(job: &Job) -> Failure {
    format!("this lane does not do the job {}", job.name()).into()
}

/// Writes the query of a scan, has it run, and sees to it that all rows came.
async fn scan_with(
    config: &Config,
    scan: &Scan,
    run: impl AsyncFnOnce(&Config, &ScanQuery) -> Result<Measured, Failure>,
) -> Result<Measured, Failure> {
    let config = first_rows_first(config.clone());
    let mut connection = Connection::connect(&config).await?;
    let query = scan.query(&mut connection).await?;
    connection.close().await?;
    let measured = run(&config, &query).await?;
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
    Ok(Measured { tally, cost: meter.stop()?, hash: None, times: None })
}

/// Warms up, and measures what gives a query up and returns how long that took.
async fn cancel_repeatedly(
    cancels: &Cancels,
    mut cancel: impl AsyncFnMut() -> Result<Duration, Failure>,
) -> Result<Measured, Failure> {
    for _ in 0..Cancels::WARM_UP {
        cancel().await?;
    }
    let (meter, mut all) = (Meter::start()?, Vec::new());
    for _ in 0..cancels.count {
        all.push(cancel().await?);
    }
    let tally = Tally { rows: cancels.count, nbytes: 0 };
    Ok(Measured { tally, cost: meter.stop()?, hash: None, times: Times::of(all) })
}

/// Has a query cancelled until it has ended: a request that comes before the server has begun with it stops nothing.
async fn cancel_until_over<T>(
    mut query: Pin<&mut impl Future<Output = T>>,
    cancel: impl AsyncFn() -> Result<(), Failure>,
) -> Result<T, Failure> {
    loop {
        let (over, cancelled) = tokio::join!(timeout(Cancels::PATIENCE, query.as_mut()), cancel());
        cancelled?;
        if let Ok(outcome) = over {
            return Ok(outcome);
        }
    }
}

/// Has the server begin a scan at the start of the table, and not where another scan happens to be.
// PG docs: runtime-config-compatible, synchronize_seqscans
fn first_rows_first(config: Config) -> Config {
    let given = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
    config.options(format!("{given}-c synchronize_seqscans=off"))
}
