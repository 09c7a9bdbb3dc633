use std::sync::Arc;

use super::leads::Leads;
use super::pipeline::{End, Healing, Next, Reports, Segment};
use super::query::{Goal, Origin, Plan, Query, ResultFormats, Stage};
use super::simple::{Copy, ScriptReports, Simple};
use super::{Arguments, Client, CommandError};
use crate::EncodeError;
use crate::exchange::Owed;
use crate::message::{self, Bind, Target, TransactionStatus};

/// How commands become messages, in their order and when their turn has come.
impl Client {
    pub(super) fn check_settled(&self) -> Result<(), CommandError> {
        if self.is_settled() { Ok(()) } else { Err(CommandError::Busy) }
    }

    pub(super) fn check_pipelining(&self) -> Result<(), CommandError> {
        let pipelines = !self.pipeline.is_empty() || self.session.is_settled();
        let free = pipelines && self.simple.is_none() && self.settling.is_none();
        if free { Ok(()) } else { Err(CommandError::Busy) }
    }

    pub(super) fn check_copying(&self) -> Result<(), CommandError> {
        let copies = self.simple.is_some() && self.session.exchange.takes_copy() && self.settling.is_none();
        if copies { Ok(()) } else { Err(CommandError::NotCopying) }
    }

    /// Tells whether the query that was queued last has stopped at its limit.
    pub(super) fn is_suspended(&self) -> bool {
        let latest = self.pipeline.latest().filter(|query| query.stage == Stage::Suspended);
        let last = self.pipeline.last_of_open();
        latest.zip(last).is_some_and(|(latest, last)| std::ptr::eq(latest, last))
    }

    pub(super) fn begin_simple(
        &mut self,
        sql: &str,
        copy: Copy,
        reports: ScriptReports,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.check_settled()?;
        if !self.leads.is_empty() {
            return Err(CommandError::Leads);
        }
        message::query(sql, out)?;
        self.session.exchange.owe(Owed::Script);
        self.described = None;
        self.simple = Some(Simple::new(copy, reports));
        Ok(())
    }

    /// Begins a query that is a segment by itself.
    pub(super) fn begin(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.check_settled()?;
        let plan = self.plan(sql, arguments.types);
        self.begin_planned(plan, arguments, goal, out)
    }

    /// As [`Client::begin`], of a settled session.
    pub(super) fn begin_planned(
        &mut self,
        plan: Plan,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.described = None;
        self.begin_segment(Reports::End, End::Closed);
        self.enqueue(plan, arguments, goal, out)
    }

    /// Makes sure that a segment is open.
    pub(super) fn open_segment(&mut self) {
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
    pub(super) fn enqueue(
        &mut self,
        plan: Plan,
        arguments: &Arguments<'_>,
        goal: Goal,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        let refused = check(&plan, arguments, goal).err();
        self.push(plan, arguments, goal);
        let refused = refused.or_else(|| self.pump(Closes::Go, out).err().map(CommandError::from));
        match refused {
            Some(error) => {
                self.leads = self.pipeline.undo();
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Adds a query to the last segment, with what is to lead it.
    pub(super) fn push(&mut self, plan: Plan, arguments: &Arguments<'_>, goal: Goal) {
        let arguments = self.pipeline.kept.keep(arguments);
        let (stage, formats) = (Stage::Waiting, ResultFormats::Preferred);
        let leads = self.take_leads();
        self.pipeline.push(Query {
            goal,
            stage,
            plan,
            arguments,
            parameters: Box::default(),
            formats,
            leads,
        });
    }

    fn take_leads(&mut self) -> Option<Box<Leads>> {
        let leads = std::mem::take(&mut self.leads);
        (!leads.is_empty()).then(|| Box::new(Leads::new(leads)))
    }

    /// Decides how the server is to find a statement: prepared, or parsed with a query of this segment, or to be parsed.
    pub(super) fn plan(&mut self, sql: &str, types: &[u32]) -> Plan {
        if let Some(statement) = self.statements.find(sql, types) {
            return Plan {
                origin: Origin::Cache,
                named: Arc::clone(&statement.named),
                description: Some(Arc::clone(&statement.description)),
                portal: None,
            };
        }
        if let Some(shared) = self.shared_plan(sql, types) {
            return shared;
        }
        Plan { origin: Origin::Parse, named: self.statements.name(sql, types), ..Plan::nothing() }
    }

    fn shared_plan(&self, sql: &str, types: &[u32]) -> Option<Plan> {
        if !self.statements.keeps() {
            return None;
        }
        let is_it = |query: &&Query| {
            let named = &query.plan.named;
            !named.name.is_empty() && *named.sql == *sql && *named.declared == *types
        };
        let parsing = self.pipeline.last_segment().filter(|query| query.plan.origin == Origin::Parse);
        let parsed = parsing.take(MOST_SHARED).find(is_it)?;
        Some(Plan { origin: Origin::Shared, portal: None, ..parsed.plan.clone() })
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
        for _ in 0..query.leads.as_ref().map_or(0, |leads| leads.len()) {
            self.session.exchange.owe_all([Owed::Parse, Owed::Bind, Owed::Rows]);
        }
        if query.plan.origin == Origin::Parse {
            self.session.exchange.owe_all([Owed::Parse, Owed::Parameters, Owed::Columns]);
        }
        match query.goal {
            Goal::Run { .. } if stage == Stage::Describing => return Ok(()),
            Goal::Run { max_rows } => self.session.exchange.owe_all([Owed::Bind, rows_owed(max_rows)]),
            Goal::Fetch { max_rows } => self.session.exchange.owe(rows_owed(max_rows)),
            Goal::Describe | Goal::Lead => {}
        }
        self.pipeline.query_sent();
        Ok(())
    }

    /// Returns the stage that a query is in once it is sent.
    fn next_stage(&mut self, place: usize) -> Stage {
        // An error costs nothing where there is no transaction, or a failed one.
        let harmless = self.status != TransactionStatus::InTransaction;
        let Some(query) = self.pipeline.query(place) else { return Stage::Binding };
        let named = &query.plan.named;
        match (query.goal, query.plan.origin) {
            (Goal::Fetch { .. }, _) => Stage::Streaming,
            (goal, Origin::Parse) => {
                let known = harmless
                    || query.plan.description.is_some()
                    || goal == Goal::Describe
                    || self.hints.as_ref().is_some_and(|hints| hints.is_binary(&named.sql, &named.declared));
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
            for closing in self.statements.to_close() {
                message::close(closing.target(), out)?;
            }
        }
        let Some((query, arguments)) = self.pipeline.query_with_arguments(place) else { return Ok(()) };
        if let Some(leads) = &query.leads {
            leads.write(out)?;
        }
        if query.plan.origin == Origin::Parse {
            let named = &query.plan.named;
            message::parse(&named.name, &named.sql, &named.declared, out)?;
            message::describe(Target::Statement(&named.name), out)?;
        }
        match query.goal {
            Goal::Run { .. } if stage == Stage::Describing => message::flush(out),
            Goal::Run { max_rows } => write_run(query, arguments, max_rows, out)?,
            Goal::Fetch { max_rows } => message::execute(query.portal(), max_rows, out)?,
            Goal::Describe | Goal::Lead => {}
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

/// Among so many new texts of a segment one is looked for that comes again. Behind them it is parsed again: a segment of
/// any length costs the same for each of its queries.
const MOST_SHARED: usize = 256;

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
        portal: query.portal(),
        statement: &query.plan.named.name,
        formats: arguments.formats,
        values: arguments.values,
        results: query.result_formats(),
    };
    message::bind(&bind, out)?;
    message::execute(query.portal(), max_rows, out)
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
    if plan.origin == Origin::Parse && plan.named.sql.contains('\0') {
        return Err(EncodeError::Nul { field: "SQL text" }.into());
    }
    Ok(())
}
