use std::sync::Arc;

use super::pipeline::{End, Healing, Next, Reports, Segment};
use super::query::{Goal, Origin, Plan, Query, ResultFormats, Stage};
use super::simple::{Copy, Simple};
use super::{Arguments, Client, CommandError, Description};
use crate::EncodeError;
use crate::exchange::{CopyEnd, Owed};
use crate::message::{self, Bind, CopyDirection, Target, TransactionStatus};

/// What a caller may ask for. Each call writes all of its bytes, or none and says why.
impl Client {
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
        self.begin(sql, arguments, Goal::Run { max_rows: 0 }, out)
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
        self.check_settled()?;
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
        self.begin_simple(sql, Copy::None, out)
    }

    /// Begins a COPY in this direction, or with [`CopyDirection::Both`] a replication stream.
    ///
    /// [`Event::Copy`](super::Event::Copy) says that it has begun. From then on the client's data go out with
    /// [`Client::copy_data`] until [`Client::copy_done`] or [`Client::copy_fail`], and the server's come as
    /// [`Event::CopyData`](super::Event::CopyData). A COPY of another direction is ended and is a failure.
    ///
    /// # Errors
    ///
    /// As [`Client::query`].
    // PG docs: protocol-flow, "COPY Operations"
    pub fn copy(
        &mut self,
        sql: &str,
        direction: CopyDirection,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.begin_simple(sql, Copy::Wanted(direction), out)
    }

    /// Appends a piece of a copy. Pieces may end anywhere.
    ///
    /// # Errors
    ///
    /// No copy from the client is under way: it has not begun, has ended, or the server has refused it. More than the
    /// 2 GiB of a message.
    pub fn copy_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_copying()?;
        Ok(message::copy_data(data, out)?)
    }

    /// Says that the client's data are complete.
    ///
    /// # Errors
    ///
    /// As [`Client::copy_data`].
    pub fn copy_done(&mut self, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_copying()?;
        message::copy_done(out);
        self.session.exchange.end_copy(CopyEnd::Done);
        Ok(())
    }

    /// Ends a copy into the server as a failure, for this reason: nothing of it is stored.
    ///
    /// # Errors
    ///
    /// As [`Client::copy_data`]; a NUL in the reason; in a replication stream, which knows no such message.
    pub fn copy_fail(&mut self, reason: &str, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_copying()?;
        if self.session.exchange.is_copy_both() {
            return Err(CommandError::NotCopying);
        }
        message::copy_fail(reason, out)?;
        self.session.exchange.end_copy(CopyEnd::Failed);
        Ok(())
    }

    /// Queues a query behind those that are under way, for so many rows at most; 0 is for all.
    ///
    /// It belongs to the segment that [`Client::sync`] ends. The end of each query is an
    /// [`Event::Completed`](super::Event::Completed), which is not final before the segment is; an error ends the
    /// segment, and the queries behind it are not run. In front of a statement that has to be described first, which
    /// is so inside of a transaction, sending pauses until that is done.
    ///
    /// # Errors
    ///
    /// Another kind of command is under way, and as [`Client::query`].
    // PG docs: protocol-flow, "Pipelining"
    pub fn queue(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        max_rows: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.check_pipelining()?;
        self.open_segment();
        self.enqueue(sql, arguments, Goal::Run { max_rows }, out)
    }

    /// Queues for more rows of the query before it, which its limit left suspended, so many at most; 0 is for all.
    ///
    /// # Errors
    ///
    /// The query that was queued last was not suspended, or its segment is closed.
    // PG docs: protocol-flow, "Extended Query", PortalSuspended
    pub fn fetch(&mut self, max_rows: i32, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_pipelining()?;
        if !self.is_suspended() {
            return Err(CommandError::NotSuspended);
        }
        let Some(query) = self.pipeline.last_of_open() else { return Err(CommandError::NotSuspended) };
        let plan = Plan { origin: Origin::Cache, ..query.plan.clone() };
        self.push(plan, &Arguments::default(), Goal::Fetch { max_rows });
        Ok(self.pump(Closes::Wait, out)?)
    }

    /// Ends the segment of the queries that were queued: they are committed, unless they are part of a transaction.
    /// With nothing queued it is a round trip.
    ///
    /// # Errors
    ///
    /// Another kind of command is under way.
    pub fn sync(&mut self, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_pipelining()?;
        self.open_segment();
        if let Some(segment) = self.pipeline.open() {
            segment.end = End::Closed;
        }
        Ok(self.pump(Closes::Wait, out)?)
    }

    /// Asks for the answers to what was queued, without ending the segment.
    ///
    /// # Errors
    ///
    /// Another kind of command is under way.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_pipelining()?;
        message::flush(out);
        Ok(())
    }

    /// Appends the message that ends the session. The server rolls back what is open and closes.
    pub fn terminate(&self, out: &mut Vec<u8>) {
        message::terminate(out);
    }

    fn check_settled(&self) -> Result<(), CommandError> {
        if self.is_settled() { Ok(()) } else { Err(CommandError::Busy) }
    }

    fn check_pipelining(&self) -> Result<(), CommandError> {
        let pipelines = !self.pipeline.is_empty() || self.session.is_settled();
        let free = pipelines && self.simple.is_none() && self.settling.is_none();
        if free { Ok(()) } else { Err(CommandError::Busy) }
    }

    fn check_copying(&self) -> Result<(), CommandError> {
        let copies = self.simple.is_some() && self.session.exchange.takes_copy() && self.settling.is_none();
        if copies { Ok(()) } else { Err(CommandError::NotCopying) }
    }

    /// Tells whether the query that was queued last has stopped at its limit.
    pub(super) fn is_suspended(&self) -> bool {
        let latest = self.pipeline.latest().filter(|query| query.stage == Stage::Suspended);
        let last = self.pipeline.last_of_open();
        latest.zip(last).is_some_and(|(latest, last)| std::ptr::eq(latest, last))
    }

    fn begin_simple(&mut self, sql: &str, copy: Copy, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_settled()?;
        message::query(sql, out)?;
        self.session.exchange.owe(Owed::Script);
        self.described = None;
        self.simple = Some(Simple::new(copy));
        Ok(())
    }

    /// Begins a query that is a segment by itself.
    fn begin(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.check_settled()?;
        self.described = None;
        self.begin_segment(Reports::End, End::Closed);
        self.enqueue(sql, arguments, goal, out)
    }

    /// Makes sure that a segment is open.
    fn open_segment(&mut self) {
        if self.pipeline.open().is_none() {
            self.begin_segment(Reports::Queries, End::Open);
        }
    }

    fn begin_segment(&mut self, reports: Reports, end: End) {
        // Where the session will stand behind what is under way is not known.
        let healing = match self.status {
            TransactionStatus::Idle | TransactionStatus::Failed if self.pipeline.is_empty() => {
                Healing::Allowed
            }
            _ => Healing::Refused,
        };
        self.pipeline.begin(Segment::new(reports, end, healing));
    }

    /// Adds a query to the last segment and sends what can be sent. A query that is refused takes its place back.
    fn enqueue(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        let plan = self.plan(sql, arguments.types);
        let refused = check(&plan, arguments, goal).err();
        self.push(plan, arguments, goal);
        let refused = refused.or_else(|| self.pump(Closes::Go, out).err().map(CommandError::from));
        match refused {
            Some(error) => {
                self.pipeline.undo();
                Err(error)
            }
            None => Ok(()),
        }
    }

    fn push(&mut self, plan: Plan, arguments: &Arguments<'_>, goal: Goal) {
        let arguments = self.pipeline.kept.keep(arguments);
        let (stage, formats) = (Stage::Waiting, ResultFormats::Preferred);
        self.pipeline.push(Query { goal, stage, plan, arguments, parameters: Box::default(), formats });
    }

    /// Decides how the server is to find a statement: prepared, or parsed with a query of this segment, or to be parsed.
    pub(super) fn plan(&mut self, sql: &str, types: &[u32]) -> Plan {
        if let Some(statement) = self.statements.find(sql, types) {
            return Plan {
                origin: Origin::Cache,
                name: Arc::clone(&statement.name),
                sql: Arc::clone(&statement.sql),
                description: Some(Arc::clone(&statement.description)),
            };
        }
        if let Some(shared) = self.shared_plan(sql, types) {
            return shared;
        }
        Plan { origin: Origin::Parse, name: self.statements.name(sql), sql: sql.into(), description: None }
    }

    fn shared_plan(&self, sql: &str, types: &[u32]) -> Option<Plan> {
        let kept = &self.pipeline.kept;
        let parses = |query: &&Query| {
            query.plan.origin == Origin::Parse
                && !query.plan.name.is_empty()
                && *query.plan.sql == *sql
                && *kept.arguments(&query.arguments).types == *types
        };
        let parsed = self.pipeline.last_segment().find(parses)?;
        Some(Plan { origin: Origin::Shared, ..parsed.plan.clone() })
    }

    /// Sends what can be sent.
    pub(super) fn pump(&mut self, closes: Closes, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        loop {
            match self.pipeline.next() {
                Next::Query(place) => self.send(place, closes, out)?,
                Next::Sync => {
                    message::sync(out);
                    self.session.exchange.owe(Owed::Sync);
                    self.pipeline.sync_sent();
                }
                Next::Wait => return Ok(()),
            }
        }
    }

    /// Appends a query, as far as it can be sent: all of that or nothing.
    fn send(&mut self, place: usize, closes: Closes, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let stage = self.next_stage(place);
        let start = out.len();
        let written = self.write(place, stage, closes, out);
        if written.is_err() {
            out.truncate(start);
            return written;
        }
        if closes == Closes::Go {
            let closing = self.statements.close_sent();
            (0..closing).for_each(|_| self.session.exchange.owe(Owed::Close));
        }
        let Some(query) = self.pipeline.query(place) else { return Ok(()) };
        query.stage = stage;
        if query.plan.origin == Origin::Parse {
            self.session.exchange.owe_all([Owed::Parse, Owed::Parameters, Owed::Columns]);
        }
        match query.goal {
            Goal::Run { .. } if stage == Stage::Describing => return Ok(()),
            Goal::Run { max_rows } => self.session.exchange.owe_all([Owed::Bind, rows_owed(max_rows)]),
            Goal::Fetch { max_rows } => self.session.exchange.owe(rows_owed(max_rows)),
            Goal::Describe => {}
        }
        self.pipeline.query_sent();
        Ok(())
    }

    /// Returns the stage that a query is in once it is sent.
    fn next_stage(&mut self, place: usize) -> Stage {
        // An error costs nothing where there is no transaction, or a failed one.
        let harmless = self.status != TransactionStatus::InTransaction;
        match self.pipeline.query(place) {
            Some(Query { goal: Goal::Fetch { .. }, .. }) => Stage::Streaming,
            Some(Query { plan: Plan { origin: Origin::Parse, description, .. }, goal, .. }) => {
                let known = harmless || description.is_some() || *goal == Goal::Describe;
                if known { Stage::Parsing } else { Stage::Describing }
            }
            _ => Stage::Binding,
        }
    }

    fn write(
        &mut self,
        place: usize,
        stage: Stage,
        closes: Closes,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if closes == Closes::Go {
            for name in self.statements.to_close() {
                message::close(Target::Statement(name), out)?;
            }
        }
        let Some((query, arguments)) = self.pipeline.query_with_arguments(place) else { return Ok(()) };
        if query.plan.origin == Origin::Parse {
            message::parse(&query.plan.name, &query.plan.sql, arguments.types, out)?;
            message::describe(Target::Statement(&query.plan.name), out)?;
        }
        match query.goal {
            Goal::Run { .. } if stage == Stage::Describing => message::flush(out),
            Goal::Run { max_rows } => write_run(query, arguments, max_rows, out)?,
            Goal::Fetch { max_rows } => message::execute("", max_rows, out)?,
            Goal::Describe => {}
        }
        Ok(())
    }

    /// Runs the query that is being answered: it is described.
    pub(super) fn run_described(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Some((query, arguments)) = self.pipeline.current_with_arguments() else { return Ok(()) };
        let Goal::Run { max_rows } = query.goal else { return Ok(()) };
        let start = out.len();
        if let Err(error) = write_run(query, arguments, max_rows, out) {
            out.truncate(start);
            return Err(error);
        }
        self.session.exchange.owe_all([Owed::Bind, rows_owed(max_rows)]);
        self.pipeline.query_sent();
        if let Some(query) = self.pipeline.current() {
            query.stage = Stage::Binding;
        }
        Ok(())
    }
}

/// Whether statements that gave way are closed together with what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closes {
    Go,
    /// Queries that had to wait may have been planned with one of them.
    Wait,
}

fn write_run(
    query: &Query,
    arguments: Arguments<'_>,
    max_rows: i32,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let bind = Bind {
        portal: "",
        statement: &query.plan.name,
        formats: arguments.formats,
        values: arguments.values,
        results: query.result_formats(),
    };
    message::bind(&bind, out)?;
    message::execute("", max_rows, out)
}

fn rows_owed(max_rows: i32) -> Owed {
    if max_rows > 0 { Owed::SomeRows } else { Owed::Rows }
}

/// Refuses what is known to fail before anything of it is sent, also where it cannot be sent yet.
fn check(plan: &Plan, arguments: &Arguments<'_>, goal: Goal) -> Result<(), CommandError> {
    let given = arguments.formats.len();
    if let (Goal::Run { .. }, Some(description)) = (goal, &plan.description) {
        let expected = description.parameters().len();
        if expected != given {
            return Err(CommandError::ParameterCount { expected, given });
        }
    }
    // A Bind holds the values beside names and formats, of which there are 65,535 twice at most.
    const REST: usize = 512 * 1024;
    let length = arguments.values.len().saturating_add(REST);
    if given > usize::from(u16::MAX) || arguments.types.len() > usize::from(u16::MAX) {
        return Err(EncodeError::TooMany { what: "parameters" }.into());
    }
    if i32::try_from(length).is_err() {
        return Err(EncodeError::TooLong.into());
    }
    if plan.origin == Origin::Parse && plan.sql.contains('\0') {
        return Err(EncodeError::Nul { field: "SQL text" }.into());
    }
    Ok(())
}
