use tokio::runtime::{Builder, Runtime};

use crate::cli::Run;
use crate::delay::Delay;
use crate::failure::Failure;
use crate::job::{Encryption, Workload};
use crate::report::Report;
use crate::server::Site;

/// Runs one lane of one job in this process.
pub(crate) fn run(run: &Run) -> Result<Report, Failure> {
    let Workload { job, route, threads } = &run.workload;
    let site = Site::find(run.url.as_deref(), job)?;
    let config = site.config(job, route.encryption)?;
    let delay = (route.delay_ms > 0).then(|| Delay::start(&config, route.delay_ms)).transpose()?;
    let config = delay.iter().fold(config, |config, delay| delay.redirect(config));
    let measured = runtime(*threads)?.block_on(run.lane.run(&config, job, run.check))?;
    Ok(Report {
        lane: run.lane.name().to_owned(),
        job: job.name().to_owned(),
        table: job.subject().to_owned(),
        n: measured.tally.rows,
        conc: u64::try_from(job.connections())?,
        tls: route.encryption == Encryption::Tls,
        delay_ms: route.delay_ms,
        wall: measured.cost.wall.as_secs_f64(),
        cpu: measured.cost.cpu.as_secs_f64(),
        rows: measured.tally.rows,
        nbytes: measured.tally.nbytes,
        sleeps: measured.cost.sleeps,
        peak_mib: measured.cost.peak_mib,
        hash: measured.hash,
        times: measured.times,
    })
}

fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}
