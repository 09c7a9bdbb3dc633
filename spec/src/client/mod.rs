//! The cases for clients: a server that is honest but for one thing, and a program that talks to it.
//!
//! Whatever text a client sends, the server answers one row of one text, `42`. The program connects, asks, and ends well if
//! that is what it got. A case demands that it does so nevertheless, or that it fails.

mod cases;
mod change;
mod serve;

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::case::Level;
use crate::log::Log;
use crate::outcome::{Difference, Outcome, Report, Verdict};

pub use cases::cases;
pub use serve::listen;

/// One rule for clients, and a server that tests whether one keeps it.
#[derive(Debug, Clone, Copy)]
pub struct ClientCase {
    /// `client-` and a group, and a name: `client-scram.wrong-signature`. It is never given to another rule.
    pub id: &'static str,
    /// What has to hold.
    pub requirement: &'static str,
    /// The page and section of PostgreSQL's documentation, or an RFC.
    pub source: &'static str,
    /// What makes it binding.
    pub level: Level,
    /// What the program has to do.
    pub demand: Demand,
    /// Options of the URL: `sslmode=require`.
    pub options: &'static str,
    pub(crate) script: Script,
}

/// What a program has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Get its row.
    Succeed,
    /// Notice that something is wrong.
    Fail,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It got its row.
    Succeeded,
    /// It noticed something, and says what.
    Failed(String),
    /// It was killed by a signal or a panic.
    Died(String),
}

/// What the server does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// The answer to an SSLRequest.
    pub(crate) ssl: &'static [u8],
    pub(crate) asks: Asks,
    /// What becomes of each message: bytes, none to leave it out.
    pub(crate) change: fn(&mut Memory, u8, &[u8]) -> Vec<u8>,
    pub(crate) delivery: Delivery,
}

/// What the server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Scram,
    /// An answer to this, whatever it is.
    Request(molt_db_protocol::message::Authentication<'static>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As much as there is in one write.
    Whole,
    /// Byte by byte.
    Bytes,
}

/// What a script remembers of the messages before.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) last: u8,
    pub(crate) rows: u32,
    /// The connection is to be closed.
    pub(crate) is_over: bool,
}

impl ClientCase {
    /// Returns the URL that leads to the case.
    pub fn url(&self, port: u16) -> String {
        let question = if self.options.is_empty() { "" } else { "?" };
        format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{}{question}{}", self.id, self.options)
    }
}

/// Runs the program once for each case, with the URL that it is to connect to, and tells what came of it.
///
/// # Panics
///
/// When no port can be had, or outside of a tokio runtime.
pub async fn run_client<F: Future<Output = Exit>>(
    name: &str,
    cases: Vec<ClientCase>,
    patience: Duration,
    program: impl Fn(String) -> F,
    mut progress: impl FnMut(&Outcome),
) -> Report {
    let mut outcomes = Vec::new();
    for case in cases {
        let begin = std::time::Instant::now();
        let verdict = judge(&case, patience, &program).await;
        let outcome = Outcome {
            id: case.id.to_owned(),
            requirement: case.requirement.to_owned(),
            source: case.source.to_owned(),
            level: case.level,
            verdict,
            duration: begin.elapsed(),
        };
        progress(&outcome);
        outcomes.push(outcome);
    }
    Report { target: name.to_owned(), version: "client".to_owned(), outcomes }
}

async fn judge<F: Future<Output = Exit>>(
    case: &ClientCase,
    patience: Duration,
    program: &impl Fn(String) -> F,
) -> Verdict {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("a listener has an address").port();
    let mut log = Log::default();
    let serving = serve::serve(listener, case, &mut log);
    let ended = tokio::select! {
        never = serving => match never {},
        ended = timeout(patience, program(case.url(port))) => ended.ok(),
    };
    let difference = |actual: &str| Difference {
        expected: case.demand.to_string(),
        actual: actual.to_owned(),
        bytes: log.dump(),
    };
    match (case.demand, ended) {
        (_, None) => Verdict::Hang(difference("it does not end")),
        (_, Some(Exit::Died(how))) => Verdict::Crash(difference(&how)),
        (Demand::Succeed, Some(Exit::Succeeded)) | (Demand::Fail, Some(Exit::Failed(_))) => Verdict::Pass,
        (Demand::Succeed, Some(Exit::Failed(why))) => Verdict::Fail(difference(&why)),
        (Demand::Fail, Some(Exit::Succeeded)) => Verdict::Fail(difference("it notices nothing")),
    }
}

impl std::fmt::Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Succeed => "the row, and a good end",
            Self::Fail => "an error",
        })
    }
}

const USER: &str = "pgspec";
const PASSWORD: &str = "pgspec";
