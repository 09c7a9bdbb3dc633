//! Our client, its caller, the wires, the clock, and a server of which anything may be expected.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::backend::{Backend, Move};
use crate::ProtocolError;
use crate::client::{
    Arguments, CancelOutcome, Client, Event, Failure, OpenTransaction, Received, Sending, SessionError,
    Settle, SettlePolicy,
};
use crate::message::{CopyDirection, TransactionStatus};

/// What the caller does first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Query(&'static str),
    Prepare(&'static str),
    Script(&'static str),
    Copy(&'static str, CopyDirection),
    /// For so many rows at most; 0 is for all.
    Queue(&'static str, i32),
    /// What travels in front of the next query.
    Lead(&'static str),
    /// A portal, with so many rows.
    Portal(&'static str, i32),
    /// A script whose results are told.
    Results(&'static str),
    Sync,
    Flush,
}

/// What to explore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Where the session stands before.
    pub(super) status: TransactionStatus,
    /// What the client finds prepared, and how many it keeps.
    pub(super) prepared: &'static [&'static str],
    pub(super) capacity: usize,
    pub(super) commands: &'static [Command],
    /// Whether the server gave a key to cancel with.
    pub(super) key: Key,
    /// Whether requests to cancel have an effect.
    pub(super) heeds: Heeds,
    /// Whether the server may fail where nothing is wrong.
    pub(super) harm: bool,
    /// What becomes of a transaction in which somebody walks away.
    pub(super) transaction: OpenTransaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Known,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heeds {
    Cancels,
    Nothing,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The client's bytes go to the network.
    Send,
    Server(Move),
    /// The client takes the next message.
    Hear,
    /// The caller goes away.
    Abandon,
    /// The caller sends a piece of its copy, ends it, or fails it.
    CopyData,
    CopyDone,
    CopyFail,
    /// The caller wants more rows, or no more.
    Fetch,
    EndSegment,
    /// A CancelRequest is taken by the server, and then its connection closed; or it is not sent, or lost.
    CancelTaken,
    CancelClosed,
    CancelNotSent,
    CancelLost,
    /// It is later.
    Time,
    /// The next caller comes.
    Next,
}

/// Where a CancelRequest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    None,
    OnItsWay,
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The commands of the scenario are under way.
    First,
    /// They are over, or the session is settled.
    Between,
    /// The next caller's command is under way.
    Last,
    /// The next caller has its answer.
    Done,
    Closed,
}

#[derive(Clone)]
pub(super) struct World {
    client: Client,
    server: Backend,
    scenario: Scenario,
    stage: Stage,
    out: Vec<u8>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    cancel: Cancel,
    begin: Instant,
    now: Instant,
    wait: Option<Instant>,
    abandoned: bool,
    caller: Caller,
}

/// What the caller has heard.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Caller {
    /// Statements whose end was heard, of all that were asked for.
    completed: usize,
    segments: usize,
    copies: Option<CopyDirection>,
    sent_data: bool,
    /// It has said that its copy is over.
    ended: bool,
    suspended: bool,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> Self {
        let mut client = super::super::started(scenario.capacity);
        let mut server = Backend::new(TransactionStatus::Idle);
        for sql in scenario.prepared {
            prepare(&mut client, &mut server, sql);
        }
        server.set_status(scenario.status);
        client.status = scenario.status;
        if scenario.key == Key::Unknown {
            client.key = None;
        }
        let begin = begin();
        let mut world = Self {
            client,
            server,
            scenario,
            stage: Stage::First,
            out: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            cancel: Cancel::None,
            begin,
            now: begin,
            wait: None,
            abandoned: false,
            caller: Caller::default(),
        };
        scenario.commands.iter().for_each(|command| world.command(*command));
        world
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Tells whether a copy was under way that somebody walked away from, and the session has come to rest.
    pub(super) fn has_settled_a_copy(&self) -> bool {
        self.stage == Stage::Between && self.abandoned && self.caller.copies.is_some() && !self.caller.ended
    }

    /// Everything that decides what can happen from here on, as a number.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.stage {
            Stage::Done | Stage::Closed => format!("{:?}", self.stage).hash(&mut hasher),
            Stage::First | Stage::Between | Stage::Last => self.describe().hash(&mut hasher),
        }
        hasher.finish()
    }

    fn describe(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            self.client.session,
            self.client.pipeline,
            self.client.simple,
            self.client.settling,
            self.client.status,
            self.client.statements,
            self.server,
            self.stage,
            self.out,
            self.to_server,
            self.to_client,
            self.cancel,
            self.now - self.begin,
            self.wait.map(|wait| wait - self.begin),
            self.abandoned,
            self.caller,
        )
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if matches!(self.stage, Stage::Done | Stage::Closed) {
            return steps;
        }
        if !self.out.is_empty() {
            steps.push(Step::Send);
        }
        let harm = self.scenario.harm && self.stage != Stage::Last;
        steps.extend(self.server.moves(&self.to_server, harm).into_iter().map(Step::Server));
        if !self.to_client.is_empty() {
            steps.push(Step::Hear);
        }
        self.caller_steps(&mut steps);
        match self.cancel {
            Cancel::None => {}
            Cancel::OnItsWay => steps.extend([Step::CancelTaken, Step::CancelNotSent, Step::CancelLost]),
            Cancel::Taken => steps.extend([Step::CancelClosed, Step::CancelLost]),
        }
        if self.wait.is_some() {
            steps.push(Step::Time);
        }
        steps
    }

    fn caller_steps(&self, steps: &mut Vec<Step>) {
        match self.stage {
            Stage::First if !self.abandoned => {
                steps.push(Step::Abandon);
                let copying = self.client.session.exchange.takes_copy() && !self.caller.ended;
                match self.caller.copies {
                    Some(CopyDirection::In) if copying && !self.caller.sent_data => {
                        steps.extend([Step::CopyData, Step::CopyDone, Step::CopyFail]);
                    }
                    Some(CopyDirection::In | CopyDirection::Both) if copying => steps.push(Step::CopyDone),
                    _ => {}
                }
                if self.caller.suspended {
                    steps.extend([Step::Fetch, Step::EndSegment]);
                }
            }
            Stage::Between => steps.push(Step::Next),
            _ => {}
        }
    }

    pub(super) fn make(&mut self, step: Step) {
        let begun = self.abandoned.then_some(self.out.len());
        match step {
            Step::Send => self.to_server.append(&mut self.out),
            Step::Server(step) => {
                let used = self.server.make(step, &self.to_server, &mut self.to_client);
                self.to_server.drain(..used);
            }
            Step::Hear => self.hear(),
            Step::Abandon => {
                self.abandoned = true;
                let policy = SettlePolicy { transaction: self.scenario.transaction, ..POLICY };
                self.client.abandon(policy, self.now, &mut self.out);
            }
            Step::CopyData => {
                self.client.copy_data(b"1\n", &mut self.out).unwrap();
                self.caller.sent_data = true;
            }
            Step::CopyDone => self.end_copy(|client, out| client.copy_done(out)),
            Step::CopyFail => self.end_copy(|client, out| client.copy_fail("no", out)),
            Step::Fetch => {
                self.caller.suspended = false;
                self.client.fetch(0, &mut self.out).unwrap();
                self.client.sync(&mut self.out).unwrap();
            }
            Step::EndSegment => {
                self.caller.suspended = false;
                self.client.sync(&mut self.out).unwrap();
            }
            Step::CancelTaken => {
                self.cancel = Cancel::Taken;
                if self.scenario.heeds == Heeds::Cancels {
                    self.server.cancel();
                }
            }
            Step::CancelClosed => self.cancel_over(CancelOutcome::Delivered),
            Step::CancelNotSent => self.cancel_over(CancelOutcome::NotSent),
            Step::CancelLost => self.cancel_over(CancelOutcome::Lost),
            Step::Time => self.now = self.wait.take().unwrap().max(self.now),
            Step::Next => {
                self.client.query(LAST, &Arguments::default(), &mut self.out).unwrap();
                self.stage = Stage::Last;
                self.caller = Caller::default();
            }
        }
        if self.abandoned && self.stage == Stage::First {
            self.settle();
            let written = begun.and_then(|begun| self.out.get(begun..)).unwrap_or_default();
            assert!(only(b"SfcCQ", written), "what was left is begun anew");
            assert!(only_ends(written), "a command is begun");
        }
    }

    fn end_copy(
        &mut self,
        end: impl FnOnce(&mut Client, &mut Vec<u8>) -> Result<(), crate::client::CommandError>,
    ) {
        end(&mut self.client, &mut self.out).unwrap();
        self.caller.ended = true;
    }

    fn cancel_over(&mut self, outcome: CancelOutcome) {
        self.cancel = Cancel::None;
        self.client.cancel_over(outcome, self.now);
    }

    fn settle(&mut self) {
        let sending = if self.out.is_empty() { Sending::Finished } else { Sending::Unfinished };
        match self.client.poll_settle(sending, self.now, &mut self.out) {
            Settle::Wait(at) => {
                assert!(at > self.now, "it waits for what is over");
                assert!(at - self.begin <= POLICY.bound, "it waits longer than its bound");
                self.wait = Some(at);
            }
            Settle::Cancel => {
                assert_eq!(self.cancel, Cancel::None, "one request at a time");
                assert!(self.out.is_empty(), "a request that overtakes the command stops nothing");
                assert_eq!(self.scenario.key, Key::Known);
                self.cancel = Cancel::OnItsWay;
                self.wait = None;
                self.settle();
            }
            Settle::Close(_) => self.stage = Stage::Closed,
            Settle::Settled => {
                assert_eq!(self.cancel, Cancel::None, "a request may still hit the next command");
                assert!(self.client.is_settled());
                // What ends a session comes unasked, and the next command finds it.
                if !self.server.is_over() {
                    assert!(self.to_client.is_empty(), "answers are left over");
                    assert!(only(b"dcf", &self.to_server), "requests are left over");
                    assert!(self.server.is_idle(), "the server is not at rest: {:?}", self.server);
                    self.check_transaction();
                }
                self.stage = Stage::Between;
                self.wait = None;
            }
        }
    }

    /// What was walked away from leaves no transaction that could be committed.
    fn check_transaction(&self) {
        let (ours, theirs) = (self.client.status, self.server.status());
        assert_eq!(ours, theirs);
        match self.scenario.transaction {
            OpenTransaction::Fails => assert_ne!(ours, TransactionStatus::InTransaction),
            OpenTransaction::IsRolledBack => assert_eq!(ours, TransactionStatus::Idle),
        }
    }

    fn hear(&mut self) {
        let mut input = std::mem::take(&mut self.to_client);
        let (used, event) = match self.client.receive(&input, &mut self.out) {
            Ok(Received::Event { consumed, event }) => (consumed, Some(own(&event))),
            Ok(Received::Partial { consumed, .. }) => (consumed, None),
            // The one error that leaves open where the answers end.
            Err(
                SessionError::Fatal(_)
                | SessionError::Protocol(ProtocolError::Unexpected { state: REFUSING, .. }),
            ) => {
                self.stage = Stage::Closed;
                return;
            }
            Err(error) => panic!("{error}"),
        };
        input.drain(..used);
        self.to_client = input;
        if let Some(event) = event {
            self.told(event);
        }
    }

    fn told(&mut self, event: Told) {
        assert!(!self.abandoned || self.stage == Stage::Last, "nobody waits for {event:?}");
        match event {
            Told::Columns => {}
            Told::Row(value) => assert_eq!(value, self.expected(), "a row of another command"),
            Told::Completed => self.caller.completed += 1,
            Told::Suspended => {
                self.caller.completed += 1;
                self.caller.suspended = self.client.is_suspended();
            }
            Told::Restarted => self.caller.completed = 0,
            Told::Copy(direction) => self.caller.copies = Some(direction),
            Told::CopyData(value) => assert_eq!(value, self.expected(), "data of another command"),
            Told::CopyDone => {}
            Told::Finished(result) => self.finished(result),
        }
    }

    fn finished(&mut self, result: Result<(), Failure>) {
        if self.stage == Stage::Last {
            assert_eq!(result, Ok(()), "the next caller pays for the one before");
            self.stage = Stage::Done;
            return;
        }
        if let Err(Failure::Server(error)) = &result {
            assert_ne!(error.code().as_str(), "57014", "nobody has cancelled");
        }
        let leads = matches!(self.scenario.commands, [Command::Lead("BEGIN"), ..]);
        if leads && result.is_ok() {
            assert_eq!(
                self.server.status(),
                TransactionStatus::InTransaction,
                "it ran outside of its transaction"
            );
        }
        self.caller.segments += 1;
        self.caller.completed = self.queued_up_to(self.caller.segments);
        if self.client.is_settled() {
            self.stage = Stage::Between;
        }
    }

    /// What the statement returns whose answers are due.
    fn expected(&self) -> String {
        if self.stage == Stage::Last {
            return LAST.to_owned();
        }
        let mut texts = self.scenario.commands.iter().filter_map(Command::sql).skip(self.caller.completed);
        // More rows of a portal are those of the statement that was suspended.
        texts
            .next()
            .or_else(|| self.scenario.commands.iter().rev().find_map(Command::sql))
            .unwrap()
            .to_owned()
    }

    /// How many statements there are in so many segments.
    fn queued_up_to(&self, segments: usize) -> usize {
        let mut syncs = 0;
        let queued = self.scenario.commands.iter().take_while(|command| {
            syncs += usize::from(matches!(command, Command::Sync));
            syncs < segments
        });
        queued.filter_map(Command::sql).count()
    }

    fn command(&mut self, command: Command) {
        let none = Arguments::default();
        let (client, out) = (&mut self.client, &mut self.out);
        match command {
            Command::Query(sql) => client.query(sql, &none, out),
            Command::Prepare(sql) => client.prepare(sql, &[], out).map(|known| assert!(known.is_none())),
            Command::Script(sql) => client.script(sql, out),
            Command::Copy(sql, direction) => client.copy(sql, direction, out),
            Command::Queue(sql, max_rows) => client.queue(sql, &none, max_rows, out),
            Command::Lead(sql) => client.lead(sql).map(|_| ()),
            Command::Portal(sql, max_rows) => client.portal(sql, &none, max_rows, out).map(|_| ()),
            Command::Results(sql) => client.script_results(sql, out),
            Command::Sync => client.sync(out),
            Command::Flush => client.flush(out),
        }
        .unwrap();
    }
}

impl Command {
    fn sql(&self) -> Option<&'static str> {
        match self {
            Self::Query(sql) | Self::Prepare(sql) | Self::Script(sql) | Self::Results(sql) => Some(sql),
            Self::Copy(sql, _) | Self::Queue(sql, _) | Self::Portal(sql, _) => Some(sql),
            Self::Sync | Self::Flush | Self::Lead(_) => None,
        }
    }
}

/// An event that is not lent.
#[derive(Debug)]
enum Told {
    Columns,
    Row(String),
    Completed,
    Suspended,
    Restarted,
    Copy(CopyDirection),
    CopyData(String),
    CopyDone,
    Finished(Result<(), Failure>),
}

fn own(event: &Event<'_>) -> Told {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match event {
        Event::Columns => Told::Columns,
        Event::Row(row) => Told::Row(text(&row[6..])),
        Event::Completed(_) => Told::Completed,
        Event::Suspended => Told::Suspended,
        Event::Restarted => Told::Restarted,
        Event::Copy(direction, _) => Told::Copy(*direction),
        Event::CopyData(data) => Told::CopyData(text(data)),
        Event::CopyDone => Told::CopyDone,
        Event::Finished(result) => Told::Finished(result.clone().map(|_| ())),
        other => panic!("the server says nothing unasked: {other:?}"),
    }
}

/// Tells whether all messages are of these types. Pieces of a copy that has failed are ignored by the server.
// PG docs: protocol-flow, "COPY Operations"
fn only(types: &[u8], mut messages: &[u8]) -> bool {
    while let Some((header, rest)) = messages.split_first_chunk::<5>() {
        let [tag, length @ ..] = *header;
        if !types.contains(&tag) {
            return false;
        }
        messages = &rest[u32::from_be_bytes(length) as usize - 4..];
    }
    true
}

/// Tells whether all scripts are ends of a transaction.
fn only_ends(messages: &[u8]) -> bool {
    let scripts = messages.windows(6).filter(|window| window.starts_with(b"Q\0\0\0"));
    let ends =
        messages.windows(13).filter(|window| window.starts_with(b"Q\0\0\0") && window.ends_with(b"ROLLBACK"));
    scripts.count() == ends.count()
}

/// Where the clock of all worlds begins.
fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no other way to make an Instant, and any will do"
    )]
    *BEGIN.get_or_init(Instant::now)
}

/// Prepares a statement on both sides.
fn prepare(client: &mut Client, server: &mut Backend, sql: &str) {
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    client.prepare(sql, &[], &mut asked).unwrap();
    while let Some(step) = server.moves(&asked, false).first().copied() {
        let used = server.make(step, &asked, &mut answered);
        asked.drain(..used);
    }
    let Ok(Received::Event { consumed, event: Event::Finished(Ok(_)) }) =
        client.receive(&answered, &mut asked)
    else {
        panic!("{sql} is not prepared")
    };
    assert_eq!(consumed, answered.len());
}

const POLICY: SettlePolicy = SettlePolicy {
    grace: Duration::from_millis(1),
    cancel_timeout: Duration::from_millis(3),
    retry: Duration::from_millis(2),
    bound: Duration::from_millis(9),
    after_cancel: crate::client::AfterCancel::Reuse,
    transaction: OpenTransaction::Fails,
};

const REFUSING: &str = "the end of a refused copy is due";

/// The statement of the next caller.
const LAST: &str = "select last";
