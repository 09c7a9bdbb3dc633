//! The cases for clients: a server that is honest but for one thing, and a program that talks to it.
//!
//! Whatever text a client sends, the server answers one row of one text, `42`. The program connects, asks, and ends
//! well if that is what it got. A case demands that it does so nevertheless, or that it fails. Some are about more than a
//! question: [`Action`] says what the program is to do.

mod cases;
mod change;
mod hall;
mod long_nonce;
mod plan;
mod serve;
mod stream;
mod token;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::case::Level;
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
    /// What the program is asked to do.
    pub action: Action,
    /// Options of the URL: `sslmode=require`.
    pub options: &'static str,
    pub(crate) script: Script,
    /// Looks at what was seen of the client, once it has ended.
    pub(crate) witness: fn(&hall::Seen) -> Option<Remark>,
}

/// What a program is asked to do, and when that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask anything that returns rows, and get one row of one text, `42`.
    Ask,
    /// Send 1,000 rows by `copy pgspec from stdin`, and hear that it is complete.
    Copy,
    /// Ask `select pg_sleep(60)`, cancel that after a while, and get the error 57014.
    Cancel,
    /// Ask with 65,536 parameters, and get one row.
    Parameters,
    /// Ask with a zero byte in the text, and get one row.
    ZeroByte,
    /// Log in by the token of OAuth `pgspec-token`, and ask.
    Token,
}

/// What a program is to do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where to connect to.
    pub url: String,
    /// What to do there.
    pub action: Action,
}

/// What a witness has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remark {
    /// The case is not about this client.
    Skip(&'static str),
    /// The client did what it may not do.
    Fail(String),
}

/// What a program has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Get what it wants.
    Succeed,
    /// Notice that something is wrong.
    Fail,
    /// Not take it for a success. It may wait: only a limit of its own tells a client that a server is silent.
    NotSucceed,
    /// Come to an end of any kind.
    End,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It got what it wanted.
    Succeeded,
    /// It noticed something, and says what.
    Failed(String),
    /// It was killed by a signal or a panic.
    Died(String),
    /// It cannot do that.
    Unable,
}

/// What the server does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// The answer to an SSLRequest.
    pub(crate) ssl: &'static [u8],
    /// What follows an S: a handshake that knows these protocols, or the end.
    pub(crate) tls: Option<&'static [&'static [u8]]>,
    pub(crate) asks: Asks,
    /// The secret of the key, for clients of protocol 3.2; others get four bytes.
    pub(crate) key: &'static [u8],
    /// What becomes of each message: bytes, none to leave it out.
    pub(crate) change: fn(&mut Memory, u8, &[u8]) -> Vec<u8>,
    pub(crate) delivery: Delivery,
    pub(crate) copying: Copying,
}

/// What becomes of a COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copying {
    Succeed,
    /// Any question is taken for one.
    Unasked,
    /// The first piece of data is an error.
    FailAtOnce,
    /// CopyDone is answered by an error.
    FailAtTheEnd,
}

/// What the server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Scram,
    /// SCRAM with a nonce of more than a thousand bytes.
    ScramWithLongNonce,
    /// SCRAM, and then nothing more, whatever the answer is.
    ScramInVain,
    /// SCRAM that may be bound to the certificate.
    ScramPlus,
    /// A token of OAuth.
    Token(token::Fate),
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
    /// The connection is to be closed below TLS.
    pub(crate) is_cut: bool,
    /// Nothing is to be sent any more.
    pub(crate) is_silent: bool,
}

impl ClientCase {
    /// Returns the URL that leads to the case.
    pub fn url(&self, port: u16) -> String {
        let question = if self.options.is_empty() { "" } else { "?" };
        format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{}{question}{}", self.id, self.options)
    }
}

/// Runs the program once for each case, and tells what came of it.
///
/// # Panics
///
/// When no port can be had, or outside of a tokio runtime.
pub async fn run_client<F: Future<Output = Exit>>(
    name: &str,
    cases: Vec<ClientCase>,
    patience: Duration,
    program: impl Fn(Call) -> F,
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
    program: &impl Fn(Call) -> F,
) -> Verdict {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("a listener has an address").port();
    let hall = Arc::new(hall::Hall::new(Some(*case)));
    let patience = if case.demand == Demand::NotSucceed { patience.min(ENOUGH) } else { patience };
    let call = Call { url: case.url(port), action: case.action };
    let ended = tokio::select! {
        never = serve::serve(listener, Arc::clone(&hall)) => match never {},
        ended = timeout(patience, program(call)) => ended.ok(),
    };
    let difference = |actual: &str| Difference {
        expected: case.demand.to_string(),
        actual: actual.to_owned(),
        bytes: hall.dump(),
    };
    if ended == Some(Exit::Unable) {
        return Verdict::Skip("the client cannot do that".to_owned());
    }
    match (case.witness)(&hall.seen()) {
        Some(Remark::Skip(why)) => return Verdict::Skip(why.to_owned()),
        Some(Remark::Fail(what)) => return Verdict::Fail(difference(&what)),
        None => {}
    }
    match (case.demand, ended) {
        (Demand::NotSucceed, None) => Verdict::Pass,
        (_, None) => Verdict::Hang(difference("it does not end")),
        (_, Some(Exit::Died(how))) => Verdict::Crash(difference(&how)),
        (Demand::Succeed | Demand::End, Some(Exit::Succeeded)) => Verdict::Pass,
        (Demand::Succeed, Some(Exit::Failed(why))) => Verdict::Fail(difference(&why)),
        (_, Some(Exit::Succeeded)) => Verdict::Fail(difference("it notices nothing")),
        (_, Some(_)) => Verdict::Pass,
    }
}

impl std::fmt::Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Succeed => "success",
            Self::Fail => "an error",
            Self::NotSucceed => "anything but success",
            Self::End => "an end",
        })
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ask => "ask",
            Self::Copy => "copy",
            Self::Cancel => "cancel",
            Self::Parameters => "parameters",
            Self::ZeroByte => "zero-byte",
            Self::Token => "token",
        })
    }
}

/// How long a client is watched while the server is silent.
const ENOUGH: Duration = Duration::from_secs(1);
const USER: &str = "pgspec";
const PASSWORD: &str = "pgspec";
const TOKEN: &str = "pgspec-token";
