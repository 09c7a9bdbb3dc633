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
    threads: Threads,
    begin: Instant,
}

/// What a meter has measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    /// How often a thread gave up its CPU to wait.
    pub(crate) sleeps: u64,
    /// The most memory that the process ever had resident.
    pub(crate) peak_mib: f64,
}

impl Meter {
    pub(crate) fn start() -> Result<Self, Failure> {
        let threads = Threads::read()?;
        Ok(Self { threads, begin: Instant::now() })
    }

    pub(crate) fn stop(self) -> Result<Cost, Failure> {
        let wall = self.begin.elapsed();
        let Account { cpu, sleeps } = Threads::read()?.since(&self.threads);
        Ok(Cost { wall, cpu: Duration::from_nanos(cpu), sleeps, peak_mib: peak_mib()? })
    }
}

/// What each thread of this process has had, by its number.
///
/// A thread that ends between two readings is not counted: the runtimes' workers live on, and so do the threads that
/// hash passwords while connecting, for a while.
#[derive(Debug, Default)]
struct Threads(BTreeMap<u32, Account>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Account {
    /// Nanoseconds.
    cpu: u64,
    sleeps: u64,
}

impl Threads {
    fn read() -> Result<Self, Failure> {
        // The kernel brings a running thread's account up to date when it is scheduled.
        thread::yield_now();
        let unsupported = |error| format!("CPU time cannot be read (it takes Linux): {TASKS}: {error}");
        let tasks = fs::read_dir(TASKS).map_err(unsupported)?;
        let mut times = BTreeMap::new();
        for task in tasks {
            let task = task.map_err(unsupported)?;
            let texts = fs::read_to_string(task.path().join("schedstat"))
                .and_then(|schedstat| Ok((schedstat, fs::read_to_string(task.path().join("status"))?)));
            match texts {
                Ok((schedstat, status)) => {
                    times.extend(entry(&task.file_name().to_string_lossy(), &schedstat, &status));
                }
                Err(error) if is_over(&error) => {}
                Err(error) => return Err(unsupported(error).into()),
            }
        }
        Ok(Self(times))
    }

    fn since(&self, earlier: &Self) -> Account {
        let mut all = Account::default();
        for (thread, account) in &self.0 {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            all.cpu += account.cpu.saturating_sub(before.cpu);
            all.sleeps += account.sleeps.saturating_sub(before.sleeps);
        }
        all
    }
}

/// Tells whether the thread has ended: before its file was opened, or between opening and reading.
fn is_over(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// Reads the first field of `schedstat`, the time on a CPU, and the switches of `status` that the thread asked for.
// Linux: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat"; proc_pid_status(5)
fn entry(thread: &str, schedstat: &str, status: &str) -> Option<(u32, Account)> {
    let cpu = schedstat.split_whitespace().next()?.parse().ok()?;
    let sleeps = line(status, "voluntary_ctxt_switches:")?.parse().ok()?;
    Some((thread.parse().ok()?, Account { cpu, sleeps }))
}

fn peak_mib() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(peak_kib(&status).ok_or("/proc/self/status has no VmHWM")? / 1024.0)
}

// Linux: proc_pid_status(5): VmHWM is the peak of the resident set, in KiB.
fn peak_kib(status: &str) -> Option<f64> {
    line(status, "VmHWM:")?.strip_suffix("kB")?.trim().parse().ok()
}

fn line<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
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
        assert!(cost.peak_mib > 0.0);
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
                Threads::read().unwrap();
            }
        });
    }

    #[test]
    fn threads_that_came_later_count_from_zero_and_those_gone_count_nothing() {
        let account = |cpu| Account { cpu, sleeps: cpu / 5 };
        let earlier = Threads([(1, account(100)), (2, account(5))].into());
        let later = Threads([(1, account(150)), (3, account(7))].into());
        assert_eq!(later.since(&earlier), Account { cpu: 57, sleeps: 11 });
    }

    #[test]
    fn the_kernels_lines_are_read() {
        let status = "Threads:\t1\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(entry("17", "1234 5 6\n", status), Some((17, Account { cpu: 1234, sleeps: 7 })));
        assert_eq!(entry("17", "", status), None);
        assert_eq!(entry("17", "1234 5 6\n", ""), None);
        assert_eq!(peak_kib("VmPeak:\t  9 kB\nVmHWM:\t    2000 kB\n"), Some(2000.0));
        assert_eq!(peak_kib("VmPeak:\t  9 kB\n"), None);
    }
}
