//! The process of one server.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::command;
use crate::error::KitError;
use crate::home::Home;

/// A running server; dropping it shuts it down at once.
pub(crate) struct Postmaster {
    child: Child,
    lock: PathBuf,
    log: PathBuf,
}

/// How a server is told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// Sessions are told, transactions rolled back, everything is written.
    Fast,
    /// At once, as in a crash.
    Immediate,
}

impl Postmaster {
    /// Starts the server of `home` and waits until it takes connections.
    pub(crate) fn start(binaries: &Binaries, home: &Home) -> Result<Self, KitError> {
        let log = home.log();
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.map_err(KitError::path("open", &log))?;
        let other = file.try_clone().map_err(KitError::path("open", &log))?;
        let mut postgres = Account::get()?.command(binaries.folder.join("postgres"));
        postgres.arg("-D").arg(home.data());
        // The terminal's ctrl-C is for the tests; the watchdog stops the server in its own way.
        postgres.stdin(Stdio::null()).stdout(file).stderr(other).process_group(0);
        let child = postgres.spawn().map_err(KitError::io("start postgres"))?;
        let mut postmaster = Self { child, lock: home.data().join("postmaster.pid"), log };
        postmaster.wait_until_ready()?;
        Ok(postmaster)
    }

    /// Stops the server and waits for its end.
    pub(crate) fn stop(mut self, how: Shutdown) -> Result<(), KitError> {
        self.signal(how)?;
        match self.wait_for_end(Instant::now() + LONGEST_WAIT)? {
            Some(_) => Ok(()),
            None => Err(self.failure("the server did not stop")),
        }
    }

    fn wait_until_ready(&mut self) -> Result<(), KitError> {
        let deadline = Instant::now() + LONGEST_WAIT;
        while Instant::now() < deadline {
            if is_ready(&self.lock) {
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                return Err(self.failure(&format!("the server did not start ({status})")));
            }
            thread::sleep(POLL);
        }
        Err(self.failure("the server was not ready in time"))
    }

    fn wait_for_end(&mut self, deadline: Instant) -> Result<Option<ExitStatus>, KitError> {
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            thread::sleep(POLL);
        }
        Ok(None)
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, KitError> {
        self.child.try_wait().map_err(KitError::io("wait for postgres"))
    }

    fn signal(&self, how: Shutdown) -> Result<(), KitError> {
        // PG docs: server-shutdown
        let signal = match how {
            Shutdown::Fast => "-INT",
            Shutdown::Immediate => "-QUIT",
        };
        let script = r#"kill "$1" "$2""#;
        let process = self.child.id().to_string();
        command::output(Command::new("sh").args(["-c", script, "sh", signal, &process])).map(drop)
    }

    fn failure(&self, reason: &str) -> KitError {
        KitError::Server { reason: reason.to_owned(), log: tail(&self.log) }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let stopped =
            self.signal(Shutdown::Immediate).and_then(|()| self.wait_for_end(Instant::now() + PATIENCE));
        if !matches!(stopped, Ok(Some(_))) {
            eprintln!("molt-db kit: a server did not stop when told to, and is killed");
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The eighth line of the lock file tells the state of the server.
fn is_ready(lock: &Path) -> bool {
    fs::read_to_string(lock).is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let start = text.len().saturating_sub(4096);
    String::from_utf8_lossy(text.get(start..).unwrap_or_default()).into_owned()
}

const LONGEST_WAIT: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(3);
