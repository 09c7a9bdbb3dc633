//! Running cases against a target.

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::case::Case;
use crate::fault::Fault;
use crate::log::Log;
use crate::login::login_as;
use crate::outcome::{Difference, Outcome, Report, Verdict};
use crate::pattern::Pattern;
use crate::say;
use crate::step::Stage;
use crate::survey::Survey;
use crate::target::{Account, Target};

/// How cases are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for each answer; a case as a whole may take ten times that. 5 seconds by default.
    pub timeout: Duration,
    /// How many cases run at a time. 4 by default.
    pub jobs: NonZeroUsize,
    /// Further accounts, for the cases about the ways to log in.
    pub accounts: Vec<Account>,
    /// What the shell is told when no session can be had any more after a case; it has to bring the target back. Nothing
    /// by default: the target has ten seconds to come back by itself. With more than one case at a time it suffers too.
    pub restart: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let jobs = NonZeroUsize::MIN.saturating_add(3);
        Self { timeout: Duration::from_secs(5), jobs, accounts: Vec::new(), restart: None }
    }
}

/// Why no case was run: nobody listens, or nobody can log in.
#[derive(Debug)]
pub struct Unreachable(String);

/// Runs the cases and tells what came of each, in their order. `progress` hears of each as it ends.
///
/// # Errors
///
/// When the target cannot be logged in to. What happens after that is an outcome.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn run(
    target: &Target,
    cases: Vec<Case>,
    settings: &Settings,
    mut progress: impl FnMut(&Outcome),
) -> Result<Report, Unreachable> {
    let survey = Survey::of(target, &cases, &settings.accounts, settings.timeout).await;
    let survey = survey.map_err(Unreachable::from)?;
    let version = survey.version.clone();
    let run = Arc::new(Run {
        survey,
        cases,
        patience: settings.timeout,
        restart: settings.restart.clone(),
        word: word(),
        is_gone: AtomicBool::new(false),
    });
    let mut outcomes = run.all(settings.jobs, &mut progress).await;
    // Whoever ran beside the one that broke the target suffered from it: each of them gets a chance of its own.
    if settings.jobs.get() > 1 && outcomes.iter().any(|outcome| blames_the_target(&outcome.verdict)) {
        for (index, outcome) in outcomes.iter_mut().enumerate() {
            if outcome.verdict.difference().is_some() {
                *outcome = run.one(index).await;
            }
        }
    }
    Ok(Report { target: target.to_string(), version, outcomes })
}

fn word() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("pgspec_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

struct Run {
    survey: Survey,
    cases: Vec<Case>,
    patience: Duration,
    restart: Option<String>,
    /// A word that no other run uses, of this process or another.
    word: String,
    /// Set when the target did not come back: nobody waits for it again.
    is_gone: AtomicBool,
}

impl Run {
    async fn all(self: &Arc<Self>, jobs: NonZeroUsize, progress: &mut impl FnMut(&Outcome)) -> Vec<Outcome> {
        let mut running = JoinSet::new();
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        outcomes.resize_with(self.cases.len(), || None);
        let mut waiting = 0..self.cases.len();
        loop {
            while running.len() < jobs.get() {
                let Some(index) = waiting.next() else { break };
                let run = Arc::clone(self);
                running.spawn(async move { (index, run.one(index).await) });
            }
            let Some(ended) = running.join_next().await else { break };
            let (index, outcome) = ended.expect("a case does not panic");
            progress(&outcome);
            outcomes[index] = Some(outcome);
        }
        outcomes.into_iter().flatten().collect()
    }

    async fn one(&self, index: usize) -> Outcome {
        let case = &self.cases[index];
        let begin = Instant::now();
        let verdict = match self.survey.reason_to_skip(case) {
            Some(reason) => Verdict::Skip(reason),
            None => self.judge(case, index).await,
        };
        Outcome {
            id: case.id.clone(),
            requirement: case.requirement.to_owned(),
            source: case.source.to_owned(),
            level: case.level,
            verdict,
            duration: begin.elapsed(),
        }
    }

    async fn judge(&self, case: &Case, index: usize) -> Verdict {
        let unique = format!("{}_{index}", self.word);
        let account = case.begin.account.and_then(|method| self.survey.account(method));
        let stage = Stage {
            target: &self.survey.target,
            account: account.unwrap_or(&self.survey.target.account),
            major: self.survey.major,
            patience: self.patience,
            unique: &unique,
        };
        let mut log = Log::default();
        let performed = timeout(self.patience * 10, stage.perform(case, &mut log)).await;
        let late = || Fault::Silence { expected: "an end of the case".to_owned(), actual: "none".to_owned() };
        let performed = performed.unwrap_or_else(|_| Err(late()));
        let bytes = log.dump();
        match self.is_alive().await {
            Ok(()) => performed.map_or_else(|fault| verdict(fault, bytes), |()| Verdict::Pass),
            Err(fault) => {
                self.wait_for_the_target().await;
                broken(fault, bytes)
            }
        }
    }

    /// Whether a new session works.
    async fn is_alive(&self) -> Result<(), Fault> {
        let target = &self.survey.target;
        let mut wire = login_as(target, &target.account, say::V3_0, &[], self.patience).await?;
        wire.send(&say::query("")).await;
        wire.expect(&Pattern::new("EmptyQuery Ready(I)")).await?;
        wire.send(&say::terminate()).await;
        Ok(())
    }

    /// A server that crashed may come back, and the other cases go on then.
    async fn wait_for_the_target(&self) {
        if self.is_gone.load(Ordering::Relaxed) {
            return;
        }
        if let Some(command) = &self.restart {
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null());
            let _ = timeout(LONGEST_RESTART, shell.status()).await;
        }
        let begin = Instant::now();
        while self.is_alive().await.is_err() {
            if begin.elapsed() > RECOVERY {
                self.is_gone.store(true, Ordering::Relaxed);
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn verdict(fault: Fault, bytes: String) -> Verdict {
    match fault {
        Fault::Mismatch { expected, actual } => Verdict::Fail(Difference { expected, actual, bytes }),
        Fault::Silence { expected, actual } => {
            Verdict::Hang(Difference { expected, actual: format!("{actual}, and then nothing"), bytes })
        }
        Fault::Unreachable(actual) => crash("a connection", actual, bytes),
    }
}

/// What it means that a new session does not work.
fn broken(fault: Fault, bytes: String) -> Verdict {
    let expected = "a new session after the case";
    match fault {
        Fault::Silence { actual, .. } => {
            Verdict::Hang(Difference { expected: expected.to_owned(), actual, bytes })
        }
        Fault::Mismatch { actual, .. } | Fault::Unreachable(actual) => crash(expected, actual, bytes),
    }
}

fn crash(expected: &str, actual: String, bytes: String) -> Verdict {
    Verdict::Crash(Difference { expected: expected.to_owned(), actual, bytes })
}

fn blames_the_target(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Hang(_) | Verdict::Crash(_))
}

impl From<Fault> for Unreachable {
    fn from(fault: Fault) -> Self {
        Self(match fault {
            Fault::Unreachable(reason) => reason,
            Fault::Mismatch { expected, actual } => format!("no login: {actual} instead of {expected}"),
            Fault::Silence { expected, .. } => format!("no login: it says nothing instead of {expected}"),
        })
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unreachable {}

const RECOVERY: Duration = Duration::from_secs(10);
const LONGEST_RESTART: Duration = Duration::from_secs(120);
