//! The CPU time of the server's side.

use std::fs;
use std::path::PathBuf;

use molt_db_testkit::Server;

use crate::failure::Failure;

/// Reads the CPU time that a server's postmaster has had, with that of all its sessions that have ended.
#[derive(Debug)]
pub(crate) struct ServerCpu {
    stat: PathBuf,
}

impl ServerCpu {
    pub(crate) fn of(server: &Server) -> Result<Self, Failure> {
        let lock = server.sql("select pg_read_file('postmaster.pid')")?;
        // PG docs: storage-file-layout, "postmaster.pid": the number of the process is in the first line.
        let postmaster = lock.first().and_then(|row| row.first()?.as_deref()?.lines().next());
        let postmaster = postmaster.ok_or("the server has no lock file")?;
        Ok(Self { stat: ["/proc", postmaster.trim(), "stat"].iter().collect() })
    }

    /// Returns seconds, to the hundredth.
    pub(crate) fn read(&self) -> Result<f64, Failure> {
        let stat = fs::read_to_string(&self.stat)?;
        let ticks = ticks(&stat).ok_or_else(|| format!("{} cannot be read", self.stat.display()))?;
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }
}

/// Adds user and system time of the process and of its children that have ended.
// Linux: proc_pid_stat(5): fields 14 to 17. The second one, the name in parentheses, may hold blanks.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        fields.split_whitespace().skip(11).take(4).map(str::parse).collect::<Result<_, _>>().ok()?;
    (times.len() == 4).then(|| times.iter().sum())
}

// Linux: USER_HZ
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_and_that_of_children_are_added() {
        let stat = "7 (post (gres) 1) S 1 7 7 0 -1 4194560 2 3 4 5 10 20 300 4000 20 0 1 0 8 9";
        assert_eq!(ticks(stat), Some(4330));
        assert_eq!(ticks("7 (postgres) S 1"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn a_server_takes_time() {
        let server = Server::shared();
        let cpu = ServerCpu::of(server).unwrap();
        assert!(cpu.read().unwrap() > 0.0);
    }
}
