//! A case: one rule of the protocol, and a conversation that shows whether a server keeps it.

use std::fmt;
use std::ops::RangeInclusive;

use crate::need::Need;
use crate::pattern::Pattern;
use crate::say::V3_0;
use crate::step::{Begin, Entry, Say, Step, StepKind};
use crate::target::Account;

/// One rule of the protocol, and a conversation that shows whether a server keeps it.
#[derive(Debug, Clone)]
pub struct Case {
    /// A group and a name: `simple.empty`. It is never given to another rule.
    pub id: String,
    /// What has to hold, in a sentence or two.
    pub requirement: &'static str,
    /// The page and section of PostgreSQL's documentation: `protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY`.
    pub source: &'static str,
    /// What makes it binding.
    pub level: Level,
    /// The major versions that it is about.
    pub versions: RangeInclusive<u32>,
    pub(crate) needs: Vec<Need>,
    pub(crate) begin: Begin,
    pub(crate) steps: Vec<Step>,
}

/// What makes a rule binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// PostgreSQL does so, but its documentation leaves it open or says otherwise. A difference is told, and no failure.
    Info,
    /// PostgreSQL does so, and nobody wrote it down. Clients depend on it.
    Reference,
    /// PostgreSQL's documentation or an RFC demands it.
    Must,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "INFO",
            Self::Reference => "REFERENCE",
            Self::Must => "MUST",
        })
    }
}

/// Cases of one topic and one place in the documentation.
///
/// ```
/// use molt_db_spec::{Group, say};
///
/// let mut group = Group::new("mine", "protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY");
/// group
///     .must("one", "A query is answered by its rows.")
///     .send([say::query("select 1 as a")])
///     .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
/// assert_eq!(group.into_cases()[0].id, "mine.one");
/// ```
#[derive(Debug)]
pub struct Group {
    topic: &'static str,
    source: &'static str,
    cases: Vec<Case>,
}

impl Group {
    /// Begins a group without cases.
    pub fn new(topic: &'static str, source: &'static str) -> Self {
        Self { topic, source, cases: Vec::new() }
    }

    /// Changes the place in the documentation for the cases to come.
    pub fn source(&mut self, source: &'static str) {
        self.source = source;
    }

    /// Adds a case that the documentation demands.
    pub fn must(&mut self, name: &str, requirement: &'static str) -> &mut Case {
        self.add(name, requirement, Level::Must)
    }

    /// Adds a case that PostgreSQL's own behaviour demands.
    pub fn reference(&mut self, name: &str, requirement: &'static str) -> &mut Case {
        self.add(name, requirement, Level::Reference)
    }

    /// Adds a case that demands nothing.
    pub fn info(&mut self, name: &str, requirement: &'static str) -> &mut Case {
        self.add(name, requirement, Level::Info)
    }

    /// Returns the cases, in order.
    pub fn into_cases(self) -> Vec<Case> {
        self.cases
    }

    fn add(&mut self, name: &str, requirement: &'static str, level: Level) -> &mut Case {
        self.cases.push(Case {
            id: format!("{}.{name}", self.topic),
            requirement,
            source: self.source,
            level,
            versions: EVERY_VERSION,
            needs: Vec::new(),
            begin: Begin { entry: Entry::LoggedIn { version: V3_0, replication: None }, account: None },
            steps: Vec::new(),
        });
        self.cases.last_mut().expect("it was pushed")
    }
}

impl Case {
    /// Returns the group: what stands before the point of the id.
    pub fn group(&self) -> &str {
        self.id.split_once('.').map_or(&*self.id, |(group, _)| group)
    }

    /// Limits the case to these major versions; by default it is about all.
    pub fn versions(&mut self, versions: RangeInclusive<u32>) -> &mut Self {
        self.versions = versions;
        self
    }

    /// Skips the case where the target lacks this.
    pub fn needs(&mut self, need: Need) -> &mut Self {
        self.needs.push(need);
        self
    }

    /// Begins with a connection on which nothing was said, in the clear.
    pub fn unspoken(&mut self) -> &mut Self {
        self.begin.entry = Entry::Unspoken;
        self
    }

    /// Begins with a connection that is encrypted if the target says so, and on which nothing else was said.
    pub fn opened(&mut self) -> &mut Self {
        self.begin.entry = Entry::Opened;
        self
    }

    /// Begins with a session of this protocol version; by default 3.0.
    pub fn speaking(&mut self, version: u32) -> &mut Self {
        self.begin.entry = Entry::LoggedIn { version, replication: None };
        self
    }

    /// Begins with a session for replication: `true` or `database`.
    pub fn replicating(&mut self, kind: &'static str) -> &mut Self {
        self.begin.entry = Entry::LoggedIn { version: V3_0, replication: Some(kind) };
        self.needs(Need::Replication)
    }

    /// Begins as [`Case::opened`], as an account that has to log in by this method.
    pub fn asked_for(&mut self, method: crate::need::Method) -> &mut Self {
        self.begin = Begin { entry: Entry::Opened, account: Some(method) };
        self.needs(Need::Account(method))
    }

    /// Sends messages, in one write.
    pub fn send(&mut self, messages: impl IntoIterator<Item = Vec<u8>>) -> &mut Self {
        let bytes: Vec<u8> = messages.into_iter().flatten().collect();
        self.step(StepKind::Send(Say::Bytes(bytes)))
    }

    /// Sends what depends on the account.
    pub fn send_as(&mut self, message: fn(&Account) -> Vec<u8>) -> &mut Self {
        self.step(StepKind::Send(Say::As(message)))
    }

    /// Sends what depends on a word that no other run and no other case uses.
    pub fn send_unique(&mut self, message: fn(&str) -> Vec<u8>) -> &mut Self {
        self.step(StepKind::Send(Say::Unique(message)))
    }

    /// Expects messages.
    ///
    /// # Panics
    ///
    /// When the [pattern](Pattern::new) is malformed.
    pub fn expect(&mut self, pattern: &str) -> &mut Self {
        self.step(StepKind::Expect(Pattern::new(pattern)))
    }

    /// Expects one thing up to a major version and another from the next one on.
    ///
    /// # Panics
    ///
    /// As [`Case::expect`].
    pub fn expect_until(&mut self, last: u32, pattern: &str, from_then_on: &str) -> &mut Self {
        self.step(StepKind::Expect(Pattern::new(pattern))).on(0..=last);
        self.step(StepKind::Expect(Pattern::new(from_then_on))).on(last + 1..=u32::MAX)
    }

    /// Logs in by whatever method the server asks for, up to AuthenticationOk, which is to be expected.
    pub fn authenticate(&mut self) -> &mut Self {
        self.step(StepKind::Authenticate)
    }

    /// Ends our side of the connection.
    pub fn finish(&mut self) -> &mut Self {
        self.step(StepKind::Finish)
    }

    /// Adds a step.
    pub(crate) fn step(&mut self, kind: StepKind) -> &mut Self {
        self.steps.push(Step { kind, versions: EVERY_VERSION });
        self
    }

    /// Limits the last step to these versions.
    pub(crate) fn on(&mut self, versions: RangeInclusive<u32>) -> &mut Self {
        if let Some(step) = self.steps.last_mut() {
            step.versions = versions;
        }
        self
    }
}

const EVERY_VERSION: RangeInclusive<u32> = 0..=u32::MAX;
