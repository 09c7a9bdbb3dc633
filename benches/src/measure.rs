//! What a job costs: wall clock, CPU and memory of this process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Measures from its start to its stop.
#[derive(Debug)]
pub(crate) struct Meter {
    cpu: ThreadTimes,
    begin: Instant,
}

/// What a meter has measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    /// The most memory that the process ever had resident, in units of 1,000,000 bytes.
    pub(crate) peak_mb: f64,
}

impl Meter {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cpu = ThreadTimes::read()?;
        Ok(Self { cpu, begin: Instant::now() })
    }

    pub(crate) fn stop(self) -> Result<Cost, Failure> {
        let wall = self.begin.elapsed();
        let cpu = ThreadTimes::read()?.since(&self.cpu);
        Ok(Cost { wall, cpu, peak_mb: peak_mb()? })
    }
}

/// The CPU time that each thread of this process has had, in nanoseconds, by its number.
///
/// A thread that ends between two readings is not counted: the runtimes' workers live on, and so do the threads that
/// hash passwords while connecting, for a while.
#[derive(Debug, Default)]
struct ThreadTimes(BTreeMap<u32, u64>);

impl ThreadTimes {
    fn read() -> Result<Self, Failure> {
        // The kernel brings a running thread's account up to date when it is scheduled.
        thread::yield_now();
        let unsupported = |error| format!("CPU time cannot be read (it takes Linux): {TASKS}: {error}");
        let tasks = fs::read_dir(TASKS).map_err(unsupported)?;
        let mut times = BTreeMap::new();
        for task in tasks {
            let task = task.map_err(unsupported)?;
            match fs::read_to_string(task.path().join("schedstat")) {
                Ok(text) => times.extend(entry(&task.file_name().to_string_lossy(), &text)),
                Err(error) if is_over(&error) => {}
                Err(error) => return Err(unsupported(error).into()),
            }
        }
        Ok(Self(times))
    }

    fn since(&self, earlier: &Self) -> Duration {
        let spent = |(thread, time): (&u32, &u64)| {
            time.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())
        };
        Duration::from_nanos(self.0.iter().map(spent).sum())
    }
}

/// Tells whether the thread has ended: before its file was opened, or between opening and reading.
fn is_over(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// Reads the first field of `schedstat`, the time on a CPU.
// Linux: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat"
fn entry(thread: &str, schedstat: &str) -> Option<(u32, u64)> {
    Some((thread.parse().ok()?, schedstat.split_whitespace().next()?.parse().ok()?))
}

fn peak_mb() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(peak_kib(&status).ok_or("/proc/self/status has no VmHWM")? * 1024.0 / 1e6)
}

// Linux: proc_pid_status(5): VmHWM is the peak of the resident set, in KiB.
fn peak_kib(status: &str) -> Option<f64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
}

const TASKS: &str = "/proc/self/task";

/// Linux: errno(3), "No such process".
const ESRCH: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_every_thread_is_counted() {
        let meter = Meter::start().unwrap();
        let alive = std::sync::Barrier::new(2);
        let cost = thread::scope(|scope| {
            scope.spawn(|| {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_millis(50) {
                    std::hint::spin_loop();
                }
                alive.wait();
                alive.wait();
            });
            alive.wait();
            let cost = meter.stop().unwrap();
            alive.wait();
            cost
        });
        assert!(cost.cpu > Duration::ZERO && cost.wall >= Duration::from_millis(50));
        assert!(cost.peak_mb > 0.0);
    }

    #[test]
    fn threads_that_end_during_a_reading_are_left_out() {
        thread::scope(|scope| {
            let spawner = scope.spawn(|| {
                for _ in 0..2000 {
                    thread::spawn(|| {}).join().unwrap();
                }
            });
            while !spawner.is_finished() {
                ThreadTimes::read().unwrap();
            }
        });
    }

    #[test]
    fn threads_that_came_later_count_from_zero_and_those_gone_count_nothing() {
        let earlier = ThreadTimes([(1, 100), (2, 5)].into());
        let later = ThreadTimes([(1, 150), (3, 7)].into());
        assert_eq!(later.since(&earlier), Duration::from_nanos(57));
    }

    #[test]
    fn the_kernels_lines_are_read() {
        assert_eq!(entry("17", "1234 5 6\n"), Some((17, 1234)));
        assert_eq!(entry("17", ""), None);
        assert_eq!(peak_kib("VmPeak:\t  9 kB\nVmHWM:\t    2000 kB\n"), Some(2000.0));
        assert_eq!(peak_kib("VmPeak:\t  9 kB\n"), None);
    }
}
