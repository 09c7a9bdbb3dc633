use std::collections::VecDeque;
use std::sync::Arc;
use std::{fmt, mem};

use super::holdings::{Execution, Holdings};
use super::task::{Origin, Running, Script, Task};
use super::{Portal, Quota, Request, RequestError, Segment, SendError, Session, Statement, refusal};
use crate::client::Received;
use crate::message::{
    BackendMessage, BindMessage, CancelKey, CommandTag, CopyResponse, Execute, Formats, FrontendMessage,
    Oids, ParameterStatus, ParseMessage, ServerError, Severity, SqlState, Target, TransactionStatus,
    WireFormat,
};
use crate::wire::Tag;

/// A session that keeps the statements and portals of its client, and answers by itself what follows from them.
///
/// Whoever embeds it understands texts and runs commands: [`Request`] says what is wanted. The requests come one at a
/// time, each when the one before it is answered, and with them come ReadyForQuery, row and parameter descriptions, and
/// the errors of a client that asks for what is not there. `S` is what is kept of a statement, `C` what is kept of a
/// result that is read in several goes.
///
/// [`Backend::receive`] and the answers take turns. Whenever it waits for input, what is in the output has to be sent.
///
/// Flush is nothing to it, as all output is there at once. FunctionCall is refused with 0A000, copies of both directions
/// (replication) are not for it: a [`Session`] alone does both.
// PG docs: protocol-flow, "Simple Query", "Extended Query" and "Pipelining"
pub struct Backend<S, C = ()> {
    session: Session,
    holdings: Holdings<S, C>,
    status: TransactionStatus,
    segment: Segment,
    task: Task<S>,
}

impl<S, C> Backend<S, C> {
    /// Opens a session that has sent nothing yet: appends these settings, the key that cancels, and ReadyForQuery.
    ///
    /// # Errors
    ///
    /// The session is open already, a setting holds a NUL, or the client speaks protocol 3.0 and the secret of its key
    /// has more than four bytes. Nothing is written then.
    // PG docs: protocol-flow, "Start-up"
    pub fn open(
        mut session: Session,
        parameters: &[ParameterStatus<'_>],
        key: Option<CancelKey>,
        out: &mut Vec<u8>,
    ) -> Result<Self, SendError> {
        let (start, status) = (out.len(), TransactionStatus::Idle);
        let parameters = parameters.iter().copied().map(BackendMessage::ParameterStatus);
        let messages = parameters.chain(key.map(BackendMessage::BackendKeyData));
        let mut messages = messages.chain([BackendMessage::ReadyForQuery(status)]);
        let opened = messages.try_for_each(|message| session.send(&message, out));
        if let Err(error) = opened {
            out.truncate(start);
            return Err(error);
        }
        let holdings = Holdings::new(Quota::default());
        Ok(Self { session, holdings, status, segment: Segment::Whole, task: Task::Idle })
    }

    /// Replaces what its client may hold. What it holds already is not touched.
    #[must_use]
    pub fn with_quota(mut self, quota: Quota) -> Self {
        self.holdings.set_quota(quota);
        self
    }

    /// Tells whether the client has said goodbye, or was told to go.
    pub fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// Tells whether the Execute has all the rows that it asked for: [`Backend::suspend`] is next.
    pub fn is_full(&self) -> bool {
        self.task.is_full()
    }

    /// Returns how many rows the command that runs has returned: for its tag. Those before it was suspended do not
    /// count.
    pub fn rows(&self) -> u64 {
        self.task.rows()
    }

    /// Returns where the transaction stands.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// Says where the transaction stands, as the next ReadyForQuery will. It begins with `Idle`; an error in a block
    /// makes it `Failed` by itself. Then nothing that returns rows can be bound or described, and the rest is to be
    /// refused by whoever knows what ends a transaction. The end of a block takes all portals with it.
    pub fn set_status(&mut self, status: TransactionStatus) {
        if self.status != TransactionStatus::Idle && status == TransactionStatus::Idle {
            self.holdings.close_portals();
        }
        self.status = status;
    }

    /// Consumes whole messages from the start of `input`, and answers them, until one is a request to act on.
    ///
    /// # Errors
    ///
    /// The client broke the protocol, or the request before is not answered.
    pub fn receive<'b>(
        &mut self,
        input: &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<Request<'b, S, C>>, RequestError> {
        let mut done: usize = 0;
        loop {
            if let Some(event) = self.go_on(out)? {
                return Ok(Received::Event { consumed: done, event });
            }
            let rest = input.get(done..).unwrap_or_default();
            let message = match self.session.receive(rest)? {
                Received::Partial { consumed, needed } => {
                    return Ok(Received::Partial { consumed: done.saturating_add(consumed), needed });
                }
                Received::Event { consumed, event } => {
                    done = done.saturating_add(consumed);
                    event
                }
            };
            if let Some(event) = self.act(message, out)? {
                return Ok(Received::Event { consumed: done, event });
            }
        }
    }

    /// Answers [`Request::Prepare`]: this is what the text holds. A text without a statement is legal.
    ///
    /// More than one in a Parse, and parameters in a Query, are the client's mistake, which it is told.
    ///
    /// # Errors
    ///
    /// No text is to be understood, or the protocol cannot carry a description. Nothing has changed then.
    pub fn prepared(
        &mut self,
        statements: impl IntoIterator<Item = Statement<S>>,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let mut statements: VecDeque<_> = statements.into_iter().map(Arc::new).collect();
        statements.iter().try_for_each(|statement| statement.check())?;
        match &mut self.task {
            Task::Parse(_) if statements.len() > 1 => self.refuse(refusal::several_statements(), out),
            Task::Parse(name) => {
                let name = mem::take(name);
                self.task = Task::Idle;
                self.holdings.keep_statement(name, statements.pop_front());
                self.session.send(&BackendMessage::ParseComplete, out)
            }
            Task::Query if statements.is_empty() => {
                self.task = Task::Script(statements);
                self.session.send(&BackendMessage::EmptyQueryResponse, out)
            }
            Task::Query if statements.iter().any(|statement| !statement.parameters.is_empty()) => {
                self.refuse(refusal::simple_parameter(), out)
            }
            Task::Query => {
                self.task = Task::Script(statements);
                Ok(())
            }
            _ => Err(SendError::Unexpected { tag: Tag::ParseComplete, state: "no text is to be understood" }),
        }
    }

    /// Appends a row of the command that runs; `None` is NULL.
    ///
    /// # Errors
    ///
    /// No rows are due, or not of so many columns; the Execute has all that it asked for; a message above 2 GiB.
    /// Nothing is written and nothing has changed then.
    pub fn row(&mut self, values: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.task.check_row(values.len())?;
        self.session.row(values, out)?;
        self.task.count_row();
        Ok(())
    }

    /// Ends the command that runs: appends CommandComplete with this tag.
    ///
    /// # Errors
    ///
    /// As [`Backend::send`].
    pub fn complete(&mut self, tag: &str, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.send(&BackendMessage::CommandComplete(CommandTag::new(tag)), out)
    }

    /// Ends what the client has asked for with an error.
    ///
    /// # Errors
    ///
    /// As [`Backend::send`].
    pub fn fail(&mut self, error: ServerError, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.send(&BackendMessage::ErrorResponse(error), out)
    }

    /// Remarks on something: appends a NoticeResponse of severity NOTICE, with the code of success.
    ///
    /// # Errors
    ///
    /// The session is over.
    pub fn notice(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), SendError> {
        let notice = ServerError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, text);
        self.send(&BackendMessage::NoticeResponse(notice), out)
    }

    /// Leaves the command that runs as soon as [`Backend::is_full`] says so. The client may have it go on: `cursor`
    /// then comes back with [`Request::Run`].
    ///
    /// # Errors
    ///
    /// The Execute has not all the rows that it asked for. Nothing is written and nothing has changed then.
    pub fn suspend(&mut self, cursor: C, out: &mut Vec<u8>) -> Result<(), SendError> {
        match &self.task {
            Task::Run(Running { origin: Origin::Portal(name), .. }) if self.is_full() => {
                self.session.send(&BackendMessage::PortalSuspended, out)?;
                self.holdings.suspend(name, cursor);
                self.task = Task::Idle;
                Ok(())
            }
            _ => Err(SendError::Unexpected { tag: Tag::PortalSuspended, state: "rows are due" }),
        }
    }

    /// Begins a copy from the client: so many columns, all in this format. The copy comes as [`Request::CopyData`].
    ///
    /// # Errors
    ///
    /// As [`Backend::send`].
    pub fn copy_in(&mut self, format: WireFormat, columns: u16, out: &mut Vec<u8>) -> Result<(), SendError> {
        let codes = codes(format, columns);
        let columns = Formats::new(&codes).unwrap_or_default();
        self.send(&BackendMessage::CopyInResponse(CopyResponse { format, columns }), out)
    }

    /// Begins a copy to the client: so many columns, all in this format. CopyData and CopyDone go into
    /// [`Backend::send`].
    ///
    /// # Errors
    ///
    /// As [`Backend::send`].
    pub fn copy_out(&mut self, format: WireFormat, columns: u16, out: &mut Vec<u8>) -> Result<(), SendError> {
        let codes = codes(format, columns);
        let columns = Formats::new(&codes).unwrap_or_default();
        self.send(&BackendMessage::CopyOutResponse(CopyResponse { format, columns }), out)
    }

    /// Appends a message, if it may come here: those of a copy, what may come at any time, and all that the other
    /// methods append.
    ///
    /// # Errors
    ///
    /// Nobody waits for it, it comes by itself, or the protocol cannot carry it. Nothing is written and nothing has
    /// changed then.
    pub fn send(&mut self, message: &BackendMessage<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.task.check(message)?;
        self.session.send(message, out)?;
        match message {
            BackendMessage::DataRow(_) => self.task.count_row(),
            BackendMessage::CommandComplete(tag) => self.completed(tag),
            BackendMessage::ErrorResponse(_) => self.failed(),
            _ => {}
        }
        Ok(())
    }

    fn completed(&mut self, tag: &CommandTag) {
        if let Task::Run(run) = self.take_task() {
            match run.origin {
                Origin::Portal(name) => self.holdings.complete(&name, tag),
                Origin::Script(rest) => self.task = Task::Script(rest),
            }
        }
    }

    /// The rest of the segment is dropped: of an extended one the session sees to that.
    fn failed(&mut self) {
        self.segment = Segment::Failed;
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
        self.task = self.take_task().failed();
    }

    fn take_task(&mut self) -> Task<S> {
        mem::replace(&mut self.task, Task::Idle)
    }

    /// Does what is due without a message of the client.
    fn go_on<'b>(&mut self, out: &mut Vec<u8>) -> Result<Option<Request<'b, S, C>>, RequestError> {
        if self.session.is_over() {
            return Ok(None);
        }
        match self.take_task() {
            Task::Idle => Ok(None),
            Task::Script(rest) => Ok(Some(self.run_next(rest, out)?)),
            Task::End => {
                self.ready(out)?;
                Ok(None)
            }
            busy => {
                self.task = busy;
                if self.session.takes_copy() { Ok(None) } else { Err(RequestError::Unanswered) }
            }
        }
    }

    fn run_next<'b>(
        &mut self,
        mut rest: Script<S>,
        out: &mut Vec<u8>,
    ) -> Result<Request<'b, S, C>, SendError> {
        let Some(statement) = rest.pop_front() else { return Ok(self.end()) };
        let portal = Arc::new(Portal::simple(statement));
        if let Some(columns) = portal.columns() {
            self.session.send(&BackendMessage::RowDescription(columns), out)?;
        }
        self.task = Task::run(Arc::clone(&portal), Origin::Script(rest), None);
        Ok(Request::Run { portal, cursor: None })
    }

    fn end<'b>(&mut self) -> Request<'b, S, C> {
        self.task = Task::End;
        Request::End(self.segment)
    }

    // PG docs: protocol-flow, "Extended Query": a portal lasts to the end of the transaction at most.
    fn ready(&mut self, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.session.send(&BackendMessage::ReadyForQuery(self.status), out)?;
        self.segment = Segment::Whole;
        if self.status == TransactionStatus::Idle {
            self.holdings.close_portals();
        }
        Ok(())
    }

    fn act<'b>(
        &mut self,
        message: FrontendMessage<'b>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Request<'b, S, C>>, SendError> {
        match message {
            FrontendMessage::Parse(parse) => return self.parse(&parse, out),
            FrontendMessage::Execute(execute) => return self.execute(&execute, out),
            FrontendMessage::Query(sql) => return Ok(Some(self.query(sql))),
            FrontendMessage::Sync => return Ok(Some(self.end())),
            FrontendMessage::CopyData(data) => return Ok(Some(Request::CopyData(data))),
            FrontendMessage::CopyDone => return Ok(Some(Request::CopyDone)),
            FrontendMessage::CopyFail(reason) => return Ok(Some(Request::CopyFail(reason))),
            FrontendMessage::Terminate => return Ok(Some(Request::Terminate)),
            FrontendMessage::Bind(bind) => self.bind(&bind, out)?,
            FrontendMessage::Describe(target) => self.describe(target, out)?,
            FrontendMessage::Close(target) => self.close(target, out)?,
            FrontendMessage::FunctionCall(_) => self.call(out)?,
            // A session hands a password out to nobody.
            FrontendMessage::Flush | FrontendMessage::Password(_) => {}
        }
        Ok(None)
    }

    fn query<'b>(&mut self, sql: &'b [u8]) -> Request<'b, S, C> {
        self.holdings.close(Target::Statement(""));
        self.holdings.close(Target::Portal(""));
        self.task = Task::Query;
        Request::Prepare { sql, types: Oids::default() }
    }

    fn parse<'b>(
        &mut self,
        parse: &ParseMessage<'b>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Request<'b, S, C>>, SendError> {
        if let Err(refusal) = self.holdings.expect_statement(parse.name) {
            return self.refuse(refusal, out).map(|()| None);
        }
        self.task = Task::Parse(parse.name.to_owned());
        Ok(Some(Request::Prepare { sql: parse.sql, types: parse.types }))
    }

    fn bind(&mut self, bind: &BindMessage<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        match self.holdings.bind(bind, self.status) {
            Ok(()) => self.session.send(&BackendMessage::BindComplete, out),
            Err(refusal) => self.refuse(refusal, out),
        }
    }

    fn describe(&mut self, target: Target<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        match self.holdings.describe(target, self.status) {
            Ok(messages) => messages.iter().try_for_each(|message| self.session.send(message, out)),
            Err(refusal) => self.refuse(refusal, out),
        }
    }

    fn execute<'b>(
        &mut self,
        execute: &Execute<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Request<'b, S, C>>, SendError> {
        match self.holdings.execute(execute.portal) {
            Ok(Execution::Run(portal, cursor)) => {
                let most = u64::try_from(execute.max_rows).ok().filter(|most| *most > 0);
                let origin = Origin::Portal(execute.portal.to_owned());
                self.task = Task::run(Arc::clone(&portal), origin, most);
                return Ok(Some(Request::Run { portal, cursor }));
            }
            Ok(Execution::Empty) => self.session.send(&BackendMessage::EmptyQueryResponse, out)?,
            Ok(Execution::Exhausted(tag)) => {
                self.session.send(&BackendMessage::CommandComplete(tag), out)?;
            }
            Err(refusal) => self.refuse(refusal, out)?,
        }
        Ok(None)
    }

    fn close(&mut self, target: Target<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.holdings.close(target);
        self.session.send(&BackendMessage::CloseComplete, out)
    }

    /// A FunctionCall ends like a simple query.
    fn call(&mut self, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.task = Task::Query;
        self.refuse(refusal::no_functions(), out)
    }

    fn refuse(&mut self, error: ServerError, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.session.send(&BackendMessage::ErrorResponse(error), out)?;
        self.failed();
        Ok(())
    }
}

fn codes(format: WireFormat, columns: u16) -> Vec<u8> {
    format.code().to_be_bytes().repeat(columns.into())
}

impl<S, C> fmt::Debug for Backend<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("session", &self.session)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
