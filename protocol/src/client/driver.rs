use std::fmt;
use std::sync::Arc;

use super::description::preferred_format;
use super::operation::{
    CopyDirection, Goal, Healing, Kept, Operation, Origin, Outcome, Query, Remedy, Stage, with_formats,
};
use super::statements::{Inferred, Statements};
use super::{
    Arguments, AuthMethod, CommandError, Description, Event, Parameters, Received, RowRun, SessionError,
};
use crate::exchange::{Exchange, Owed};
use crate::message::{
    self, Bind, CancelKey, CommandTag, Notification, ParameterStatus, ServerError, Target, TransactionStatus,
    WireFormat,
};
use crate::wire::{Frame, Framed, Limits, Phase, Tag, frame};
use crate::{EncodeError, Malformed, ProtocolError};

/// A session with a server that is ready for commands.
///
/// One command is under way at a time. [`Client::query`], [`Client::prepare`] and [`Client::script`] append the bytes
/// that begin it; [`Client::receive`] takes the server's bytes until [`Event::Finished`] says that it is over. Between
/// the two, `receive` may append more to send: the caller writes whatever `out` holds, whenever it can.
///
/// Statements are prepared once and found again by their text and declared types. A plan that has gone stale is
/// parsed anew and the command repeated, once, and only where that cannot be noticed: outside of a transaction, before
/// anything of a result was handed out.
pub struct Client {
    limits: Limits,
    key: Option<CancelKey>,
    method: AuthMethod,
    parameters: Parameters,
    status: TransactionStatus,
    exchange: Exchange,
    statements: Statements,
    operation: Option<Operation>,
    described: Option<Arc<Description>>,
    kept: Kept,
}

impl Client {
    pub(super) fn new(limits: Limits, method: AuthMethod, capacity: usize) -> Self {
        Self {
            limits,
            key: None,
            method,
            parameters: Parameters::default(),
            status: TransactionStatus::Idle,
            exchange: Exchange::default(),
            statements: Statements::new(capacity),
            operation: None,
            described: None,
            kept: Kept::default(),
        }
    }

    pub(super) fn learn_key(&mut self, key: CancelKey) {
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

    /// Tells whether nothing is under way: a command may begin.
    pub fn is_settled(&self) -> bool {
        self.operation.is_none() && self.exchange.is_settled()
    }

    /// Returns what the latest statement takes and returns, from [`Event::Columns`] until the next command begins; of a
    /// statement that was only prepared, from [`Event::Finished`] on.
    pub fn description(&self) -> Option<&Arc<Description>> {
        match &self.operation {
            Some(Operation::Query(query)) => query.description.as_ref(),
            Some(Operation::Script(_)) => None,
            None => self.described.as_ref(),
        }
    }

    /// Begins a statement of the extended protocol.
    ///
    /// The first time it costs one round trip outside of a transaction, two inside of one; from then on, one.
    ///
    /// # Errors
    ///
    /// Another command is under way; the number of arguments is known to be wrong; the protocol cannot carry it.
    /// Nothing is written then.
    pub fn query(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.begin(sql, arguments, Goal::Run, out)
    }

    /// Begins to prepare a statement, or returns its description at once if it is prepared.
    ///
    /// Types that are not given, or 0, are inferred by the server. To run what was prepared, give [`Client::query`]
    /// the same text and the types of the description.
    ///
    /// # Errors
    ///
    /// As [`Client::query`].
    pub fn prepare(
        &mut self,
        sql: &str,
        types: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<Option<Arc<Description>>, CommandError> {
        if !self.is_settled() {
            return Err(CommandError::Busy);
        }
        if let Some(statement) = self.statements.find_prepared(sql, types) {
            return Ok(Some(Arc::clone(&statement.description)));
        }
        let arguments = Arguments { types, ..Arguments::default() };
        self.begin(sql, &arguments, Goal::Describe, out)?;
        Ok(None)
    }

    /// Begins a script: any number of statements as text, without parameters, in one implicit transaction unless they
    /// say otherwise. Rows that it returns are dropped.
    ///
    /// # Errors
    ///
    /// As [`Client::query`].
    pub fn script(&mut self, sql: &str, out: &mut Vec<u8>) -> Result<(), CommandError> {
        if !self.is_settled() {
            return Err(CommandError::Busy);
        }
        message::query(sql, out)?;
        self.exchange.owe(Owed::Script);
        self.operation = Some(Operation::Script(Outcome::default()));
        Ok(())
    }

    /// Appends the message that ends the session. The server rolls back what is open and closes.
    pub fn terminate(&self, out: &mut Vec<u8>) {
        message::terminate(out);
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
            let frame = match frame(rest, &self.limits, Phase::Session)? {
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
        let rows = match &self.operation {
            Some(Operation::Query(query)) if query.stage == Stage::Streaming => input,
            Some(_) | None => &[],
        };
        RowRun::new(&self.exchange, rows, self.limits)
    }

    fn begin(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        if !self.is_settled() {
            return Err(CommandError::Busy);
        }
        self.described = None;
        let query = self.plan(sql, arguments, goal)?;
        self.kept.keep(arguments);
        self.send(&query, out)?;
        self.operation = Some(Operation::Query(query));
        Ok(())
    }

    /// Decides how a statement is to be run.
    fn plan(&mut self, sql: &str, arguments: &Arguments<'_>, goal: Goal) -> Result<Query, CommandError> {
        let idle = self.status == TransactionStatus::Idle;
        let healing = match self.status {
            TransactionStatus::Idle | TransactionStatus::Failed => Healing::Allowed,
            TransactionStatus::InTransaction => Healing::Refused,
        };
        if let Some(statement) = self.statements.find(sql, arguments.types) {
            let (expected, given) = (statement.description.parameters().len(), arguments.formats.len());
            if expected != given && goal == Goal::Run {
                return Err(CommandError::ParameterCount { expected, given });
            }
            return Ok(Query {
                goal,
                origin: Origin::Cache,
                stage: Stage::Binding,
                healing,
                name: Arc::clone(&statement.name),
                sql: Arc::clone(&statement.sql),
                parameters: Box::default(),
                description: Some(Arc::clone(&statement.description)),
                outcome: Outcome::default(),
            });
        }
        Ok(Query {
            goal,
            origin: Origin::Parse,
            stage: if idle || goal == Goal::Describe { Stage::Parsing } else { Stage::Describing },
            healing,
            name: self.statements.name(sql),
            sql: sql.into(),
            parameters: Box::default(),
            description: None,
            outcome: Outcome::default(),
        })
    }

    /// Appends what begins the query, all of it or nothing.
    fn send(&mut self, query: &Query, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let written = self.write(query, out);
        if written.is_err() {
            out.truncate(start);
            return written;
        }
        self.statements.closing().iter().for_each(|_| self.exchange.owe(Owed::Close));
        if query.origin == Origin::Parse {
            self.exchange.owe_all([Owed::Parse, Owed::Parameters, Owed::Columns]);
        }
        match (query.goal, query.stage) {
            (Goal::Run, Stage::Describing) => {}
            (Goal::Run, _) => self.owe_run(),
            (Goal::Describe, _) => self.exchange.owe(Owed::Sync),
        }
        Ok(())
    }

    fn write(&self, query: &Query, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        for name in self.statements.closing() {
            message::close(Target::Statement(name), out)?;
        }
        if query.origin == Origin::Parse {
            message::parse(&query.name, &query.sql, self.kept.arguments().types, out)?;
            message::describe(Target::Statement(&query.name), out)?;
        }
        match (query.goal, query.stage) {
            (Goal::Run, Stage::Describing) => message::flush(out),
            (Goal::Run, _) => self.write_run(query, out)?,
            (Goal::Describe, _) => message::sync(out),
        }
        Ok(())
    }

    fn write_run(&self, query: &Query, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let formats = query.description.as_ref().map(|description| description.formats());
        let arguments = self.kept.arguments();
        let bind = Bind {
            portal: "",
            statement: &query.name,
            formats: arguments.formats,
            values: arguments.values,
            results: formats.unwrap_or(&[WireFormat::Binary]),
        };
        message::bind(&bind, out)?;
        message::execute("", 0, out)?;
        message::sync(out);
        Ok(())
    }

    fn owe_run(&mut self) {
        self.exchange.owe_all([Owed::Bind, Owed::Rows, Owed::Sync]);
    }

    /// Tells, once, that the result begins with the message of this type.
    fn announces(&mut self, tag: Tag) -> bool {
        let begins = matches!(tag, Tag::DataRow | Tag::CommandComplete | Tag::EmptyQueryResponse);
        let Some(Operation::Query(query)) = &mut self.operation else { return false };
        if !begins || query.stage != Stage::Running || !self.exchange.takes_rows() {
            return false;
        }
        query.stage = Stage::Streaming;
        true
    }

    fn take<'b>(&mut self, frame: Frame<'b>, out: &mut Vec<u8>) -> Result<Option<Event<'b>>, SessionError> {
        let Frame { tag, body } = frame;
        let malformed = |problem| ProtocolError::Malformed { tag, problem };
        match tag {
            Tag::DataRow => {
                self.exchange.accept(tag)?;
                return Ok(self.is_query().then_some(Event::Row(body)));
            }
            Tag::NoticeResponse => {
                return Ok(Some(Event::Notice(ServerError::parse(body).map_err(malformed)?)));
            }
            Tag::NotificationResponse => {
                return Ok(Some(Event::Notification(Notification::parse(body).map_err(malformed)?)));
            }
            Tag::ParameterStatus => {
                let status = ParameterStatus::parse(body).map_err(malformed)?;
                self.parameters.report(status);
                return Ok(Some(Event::Parameter(status)));
            }
            Tag::CopyBothResponse => {
                return Err(
                    ProtocolError::Unexpected { tag, state: "nothing was asked to be replicated" }.into()
                );
            }
            Tag::ErrorResponse => {
                self.fail(ServerError::parse(body).map_err(malformed)?, out)?;
                return Ok(None);
            }
            _ => {}
        }
        let owed = self.exchange.accept(tag)?;
        if tag == Tag::ReadyForQuery {
            return self.finish(message::ready_for_query(body).map_err(malformed)?, out);
        }
        self.learn(tag, owed, body, out).map_err(malformed)?;
        Ok(None)
    }

    /// Takes in what an accepted message says.
    fn learn(&mut self, tag: Tag, owed: Owed, body: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        match tag {
            Tag::CloseComplete => self.statements.closed(),
            Tag::ParameterDescription => {
                let parameters = message::parameter_description(body)?;
                if let Some(Operation::Query(query)) = &mut self.operation {
                    query.parameters = parameters;
                }
            }
            Tag::RowDescription if owed == Owed::Columns => {
                let columns = message::row_description(body)?;
                self.described(columns, out);
            }
            Tag::NoData => self.described(Vec::new(), out),
            Tag::CommandComplete => {
                let tag = CommandTag::parse(body)?;
                self.with_outcome(|outcome| outcome.complete(tag));
            }
            Tag::CopyInResponse => {
                self.with_outcome(|outcome| outcome.copies(CopyDirection::In));
                self.exchange.end_copy();
                self.refuse_copy(owed, out);
            }
            Tag::CopyOutResponse => self.with_outcome(|outcome| outcome.copies(CopyDirection::Out)),
            Tag::BindComplete => {
                if let Some(Operation::Query(query)) = &mut self.operation {
                    query.stage = Stage::Running;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps a statement that the server has parsed and described, and runs it if that was waiting for it.
    fn described(&mut self, columns: Vec<message::FieldDescription>, out: &mut Vec<u8>) {
        let Some(Operation::Query(mut query)) = self.operation.take() else { return };
        let columns = with_formats(columns, preferred_format);
        let description = Arc::new(Description::new(std::mem::take(&mut query.parameters), columns));
        let declared = self.kept.arguments().types;
        let types = match query.goal {
            Goal::Run => declared,
            // What was left to be inferred is declared from here on, so that it cannot be inferred otherwise later.
            Goal::Describe => description.parameters(),
        };
        let inferred = if types == declared { Inferred::No } else { Inferred::Yes };
        let (name, sql) = (Arc::clone(&query.name), Arc::clone(&query.sql));
        self.statements.keep(name, sql, (types, inferred), Arc::clone(&description));
        query.description = Some(description);
        if query.stage == Stage::Describing {
            self.run_described(&mut query, out);
        }
        query.stage = Stage::Binding;
        self.operation = Some(Operation::Query(query));
    }

    fn run_described(&mut self, query: &mut Query, out: &mut Vec<u8>) {
        let start = out.len();
        match self.write_run(query, out) {
            Ok(()) => self.owe_run(),
            Err(_) => {
                // The parameters fit into a Parse and not into a Bind: what is under way ends with its Sync.
                out.truncate(start);
                message::sync(out);
                self.exchange.owe(Owed::Sync);
            }
        }
    }

    /// Ends a copy into the server that nobody asked for.
    // PG docs: protocol-flow, "COPY Operations": a Sync sent before the server says that it waits for data is
    // swallowed, so the extended protocol needs another one behind CopyFail.
    fn refuse_copy(&self, owed: Owed, out: &mut Vec<u8>) {
        const REASON: &str = "COPY FROM STDIN cannot run as a query";
        if message::copy_fail(REASON, out).is_ok() && owed == Owed::Rows {
            message::sync(out);
        }
    }

    fn fail(&mut self, error: ServerError, out: &mut Vec<u8>) -> Result<(), SessionError> {
        if error.is_fatal() {
            return Err(SessionError::Fatal(error));
        }
        let owed = self.exchange.accept(Tag::ErrorResponse)?;
        if self.exchange.needs_sync() {
            message::sync(out);
            self.exchange.owe(Owed::Sync);
        }
        if let Some(Operation::Query(query)) = &self.operation
            && matches!(owed, Owed::Parameters | Owed::Columns)
        {
            self.statements.abandon(&query.name);
        }
        self.with_outcome(|outcome| outcome.fail(error));
        Ok(())
    }

    /// Ends the command that is under way, or sends it once more where that helps and cannot be noticed.
    fn finish<'b>(
        &mut self,
        status: TransactionStatus,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, SessionError> {
        self.status = status;
        let Some(operation) = self.operation.take() else { return Ok(None) };
        let outcome = match operation {
            Operation::Script(outcome) => outcome,
            Operation::Query(query) => {
                if query.is_stale() {
                    self.statements.forget(&query.name, &query.sql);
                }
                let Some(query) = self.heal(query, out) else { return Ok(None) };
                self.described = query.description;
                query.outcome
            }
        };
        Ok(Some(Event::Finished(outcome.into_result())))
    }

    /// Sends the query once more, or gives it back.
    fn heal(&mut self, mut query: Query, out: &mut Vec<u8>) -> Option<Query> {
        let remedy = query.remedy().filter(|_| self.status != TransactionStatus::InTransaction);
        match remedy {
            None => return Some(query),
            Some(Remedy::Parse) => {
                query.origin = Origin::Parse;
                query.stage = Stage::Parsing;
                query.name = self.statements.name(&query.sql);
                query.description = None;
            }
            Some(Remedy::Text) => {
                let Some(description) = query.described_safely() else { return Some(query) };
                self.statements.redescribe(&query.name, &query.sql, &description);
                query.origin = Origin::Cache;
                query.stage = Stage::Binding;
                query.description = Some(description);
            }
        }
        query.healing = Healing::Refused;
        if self.send(&query, out).is_err() {
            return Some(query);
        }
        query.outcome = Outcome::default();
        self.operation = Some(Operation::Query(query));
        None
    }

    fn is_query(&self) -> bool {
        matches!(self.operation, Some(Operation::Query(_)))
    }

    fn with_outcome(&mut self, note: impl FnOnce(&mut Outcome)) {
        if let Some(operation) = &mut self.operation {
            note(operation.outcome());
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
