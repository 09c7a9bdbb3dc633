use std::fmt;
use std::sync::Arc;

use super::leads::{Lead, Leading};
use super::pipeline::Pipeline;
use super::query::Stage;
use super::settle::Settling;
use super::simple::{ScriptReports, Simple};
use super::statements::Statements;
use super::traces::Traces;
use super::{AuthMethod, Description, Event, Hints, Parameters, Received, RowRun, Session, SessionError};
use crate::message::{CancelKey, TransactionStatus};
use crate::wire::{Framed, Limits, Phase, Tag, frame};

/// A driver's side of a session with a server that is ready for commands.
///
/// # One command at a time
///
/// [`Client::query`], [`Client::prepare`], [`Client::script`] and [`Client::copy`] append the bytes that begin a command;
/// [`Client::receive`] takes the server's bytes until [`Event::Finished`] says that it is over. Between the two,
/// `receive` may append more to send: the caller writes whatever `out` holds, whenever it can.
///
/// # Many at once
///
/// [`Client::queue`] sends a query without waiting for those before it, and [`Client::sync`] ends a *segment*: what was
/// queued since the last one, which is one implicit transaction. Each segment has its own [`Event::Finished`].
///
/// # Statements
///
/// They are prepared once and found again by their text and declared types. A segment in which a plan turns out to be
/// stale is sent anew, once, and only where that cannot do anything twice: outside of a transaction, with nothing
/// behind it, when all of it was undone by the error.
///
/// # What leads a query
///
/// [`Client::lead`] has BEGIN, SAVEPOINT or ROLLBACK TO travel in front of the next query, in the same write and in its
/// segment. Where the query has to be sent anew and BEGIN led it, both are, behind a ROLLBACK.
///
/// # Walking away
///
/// When nobody waits for a command any more, [`Client::abandon`] and [`Client::poll_settle`] bring the session to rest.
///
/// ```
/// use std::time::Instant;
///
/// use molt_db_protocol::client::{Arguments, Client, Event, Received, Sending, Settle, SettlePolicy};
///
/// # fn example(mut client: Box<Client>, answer: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let mut out = Vec::new();
/// client.query("select 1", &Arguments::default(), &mut out)?;
/// // `out` goes to the server, and `answer` comes back:
/// let mut rest = answer;
/// while let Received::Event { consumed, event } = client.receive(rest, &mut out)? {
///     rest = &rest[consumed..];
///     match event {
///         Event::Row(row) => println!("a row of {} bytes", row.len()),
///         Event::Finished(outcome) => println!("{}", outcome.is_ok()),
///         _ => {}
///     }
/// }
/// // Whoever asked for the next one goes away before it ends:
/// client.script("select pg_sleep(60)", &mut out)?;
/// client.abandon(SettlePolicy::default(), Instant::now(), &mut out);
/// match client.poll_settle(Sending::Finished, Instant::now(), &mut out) {
///     Settle::Wait(until) => println!("reads, writes, and asks again at {until:?}"),
///     Settle::Cancel => println!("sends a CancelRequest"),
///     Settle::Close(reason) => println!("closes: {reason:?}"),
///     Settle::Settled => println!("takes the next command"),
/// }
/// # Ok(()) }
/// ```
#[cfg_attr(test, derive(Clone))]
pub struct Client {
    pub(super) session: Session,
    pub(super) key: Option<CancelKey>,
    method: AuthMethod,
    pub(super) parameters: Parameters,
    pub(super) status: TransactionStatus,
    pub(super) statements: Statements,
    pub(super) pipeline: Pipeline,
    /// What is to lead the next query.
    pub(super) leads: Vec<Lead>,
    pub(super) last_lead: Leading,
    pub(super) simple: Option<Simple>,
    pub(super) described: Option<Arc<Description>>,
    pub(super) hints: Option<Arc<Hints>>,
    pub(super) settling: Option<Settling>,
    pub(super) traces: Traces,
}

impl Client {
    pub(super) fn new(
        limits: Limits,
        method: AuthMethod,
        capacity: usize,
        hints: Option<Arc<Hints>>,
    ) -> Self {
        Self {
            session: Session::new(limits),
            key: None,
            method,
            parameters: Parameters::default(),
            status: TransactionStatus::Idle,
            statements: Statements::new(capacity),
            pipeline: Pipeline::default(),
            leads: Vec::new(),
            last_lead: Leading::default(),
            simple: None,
            described: None,
            hints,
            settling: None,
            traces: Traces::None,
        }
    }

    pub(super) fn learn_key(&mut self, key: CancelKey) {
        self.statements.learn_process(key.process());
        self.key = Some(key);
    }

    pub(super) fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    pub(super) fn ready(&mut self, status: TransactionStatus) {
        self.status = status;
    }

    /// Returns what a CancelRequest for this session needs, if the server gave it.
    pub fn cancel_key(&self) -> Option<&CancelKey> {
        self.key.as_ref()
    }

    /// Returns how we proved who we are.
    pub fn auth_method(&self) -> AuthMethod {
        self.method
    }

    /// Returns the settings that the server has reported.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns where the session stood at the last ReadyForQuery.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// Returns what the commands since [`Client::forget_traces`] may have left behind.
    pub fn traces(&self) -> Traces {
        self.traces
    }

    /// Notes that the session is as new.
    pub fn forget_traces(&mut self) {
        self.traces = Traces::None;
    }

    /// Tells whether nothing is under way: any command may begin.
    pub fn is_settled(&self) -> bool {
        self.is_at_rest() && self.settling.is_none()
    }

    /// Tells whether the server has answered everything.
    pub(super) fn is_at_rest(&self) -> bool {
        self.pipeline.is_empty() && self.simple.is_none() && self.session.is_settled()
    }

    /// Returns what the statement that is being answered takes and returns, from [`Event::Columns`] on; when nothing is
    /// under way, that of the latest statement, until the next command begins.
    pub fn description(&self) -> Option<&Arc<Description>> {
        if let Some(simple) = &self.simple {
            return simple.description.as_ref();
        }
        match self.pipeline.answering().or_else(|| self.pipeline.latest()) {
            Some(query) => query.plan.description.as_ref(),
            None => self.described.as_ref(),
        }
    }

    /// Gives up the bookkeeping of a driver and goes on message by message.
    ///
    /// # Errors
    ///
    /// Gives the client back if something is under way, or is to lead the next query.
    pub fn into_session(self) -> Result<Session, Box<Self>> {
        if self.is_settled() && self.leads.is_empty() { Ok(self.session) } else { Err(Box::new(self)) }
    }

    /// Consumes whole messages from the start of `input` until one is worth an event.
    ///
    /// # Errors
    ///
    /// The session is over: the server ended it, or broke the protocol. The connection is to be closed.
    pub fn receive<'b>(
        &mut self,
        input: &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<Event<'b>>, SessionError> {
        let mut consumed: usize = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let frame = match frame(rest, &self.session.limits, Phase::Session)? {
                Framed::Partial(needed) => return Ok(Received::Partial { consumed, needed }),
                Framed::Whole(frame) => frame,
            };
            if self.announces(frame.tag) {
                return Ok(Received::Event { consumed, event: Event::Columns });
            }
            consumed = consumed.saturating_add(frame.size());
            if let Some(event) = self.take(frame, out)? {
                return Ok(Received::Event { consumed, event });
            }
        }
    }

    /// Walks the rows at the start of `input` without leaving the state that they come in.
    ///
    /// For bulk results, from [`Event::Columns`] on: take rows from the run as long as there are, consume what it
    /// says, and go on with [`Client::receive`].
    pub fn rows<'b>(&self, input: &'b [u8]) -> RowRun<'b> {
        let takes = self.streams() && self.session.exchange.takes_rows();
        RowRun::new(Tag::DataRow, if takes { input } else { &[] }, self.session.limits)
    }

    /// Walks the pieces of a copy at the start of `input`, as [`Client::rows`] does rows: from [`Event::Copy`] on.
    pub fn copied<'b>(&self, input: &'b [u8]) -> RowRun<'b> {
        let takes = self.settling.is_none() && self.is_copying() && self.session.exchange.takes_copied();
        RowRun::new(Tag::CopyData, if takes { input } else { &[] }, self.session.limits)
    }

    /// Tells whether rows are the caller's.
    #[inline]
    pub(super) fn streams(&self) -> bool {
        match &self.simple {
            Some(simple) => simple.reports == ScriptReports::Results,
            None => self.pipeline.answering().is_some_and(|query| query.stage == Stage::Streaming),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("key", &self.key)
            .field("status", &self.status)
            .field("settled", &self.is_settled())
            .finish_non_exhaustive()
    }
}
