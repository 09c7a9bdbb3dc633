use std::borrow::Cow;
use std::sync::Arc;

use super::leads::Lead;
use super::pipeline::{End, Pipeline};
use super::query::{Goal, Origin, Plan};
use super::sending::Closes;
use super::simple::{Copy, ScriptReports};
use super::{Arguments, Client, CommandError, Description, Leading};
use crate::EncodeError;
use crate::exchange::{CopyEnd, Exchange};
use crate::message::{self, CopyDirection};

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

    /// Begins a statement and keeps its rows with the server, in a portal: so many are sent at most, 0 is for all. Returns
    /// the portal's name.
    ///
    /// [`Event::Suspended`](super::Event::Suspended) says that there are more, which [`Client::fetch_portal`] asks for.
    /// Other commands may run in between. A portal lives as long as the transaction that it is made in.
    ///
    /// # Errors
    ///
    /// As [`Client::query`].
    pub fn portal(
        &mut self,
        sql: &str,
        arguments: &Arguments<'_>,
        max_rows: i32,
        out: &mut Vec<u8>,
    ) -> Result<Arc<str>, CommandError> {
        self.check_settled()?;
        let name = self.statements.name_portal();
        let plan = Plan { portal: Some(Arc::clone(&name)), ..self.plan(sql, arguments.types) };
        self.begin_planned(plan, arguments, Goal::Run { max_rows }, out)?;
        Ok(name)
    }

    /// Begins to fetch more rows of a portal, which have this description: so many at most, 0 is for all.
    ///
    /// # Errors
    ///
    /// As [`Client::query`].
    // PG docs: protocol-flow, "Extended Query", PortalSuspended
    pub fn fetch_portal(
        &mut self,
        name: &Arc<str>,
        description: &Arc<Description>,
        max_rows: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.check_settled()?;
        let (portal, description) = (Some(Arc::clone(name)), Some(Arc::clone(description)));
        let plan = Plan { portal, description, ..Plan::nothing() };
        self.begin_planned(plan, &Arguments::default(), Goal::Fetch { max_rows }, out)
    }

    /// Closes a portal together with the next query. One that is not there any more does not matter.
    pub fn close_portal(&mut self, name: &Arc<str>) {
        self.statements.close_portal(Arc::clone(name));
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
        if let Some(description) = self.prepared(sql, types) {
            return Ok(Some(description));
        }
        let arguments = Arguments { types, ..Arguments::default() };
        self.begin(sql, &arguments, Goal::Describe, out)?;
        Ok(None)
    }

    /// Returns the description of a statement that is prepared on this session.
    pub fn prepared(&mut self, sql: &str, types: &[u32]) -> Option<Arc<Description>> {
        self.statements.find_prepared(sql, types).map(|statement| Arc::clone(&statement.description))
    }

    /// Begins a script: any number of statements as text, without parameters, in one implicit transaction unless they
    /// say otherwise. Rows that it returns are dropped.
    ///
    /// # Errors
    ///
    /// As [`Client::query`]; something is to lead the next query.
    pub fn script(&mut self, sql: &str, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.begin_simple(sql, Copy::None, ScriptReports::End, out)
    }

    /// Begins a script and tells the results of all of its statements: [`Event::Columns`](super::Event::Columns) and
    /// rows where one returns rows, and its [`Event::Completed`](super::Event::Completed). All values are text.
    ///
    /// # Errors
    ///
    /// As [`Client::script`].
    // PG docs: protocol-flow, "Simple Query"
    pub fn script_results(&mut self, sql: &str, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.begin_simple(sql, Copy::None, ScriptReports::Results, out)
    }

    /// Begins a COPY in this direction, or with [`CopyDirection::Both`] a replication stream.
    ///
    /// [`Event::Copy`](super::Event::Copy) says that it has begun. From then on the client's data go out with
    /// [`Client::copy_data`] until [`Client::copy_done`] or [`Client::copy_fail`], and the server's come as
    /// [`Event::CopyData`](super::Event::CopyData). A COPY of another direction is ended and is a failure.
    ///
    /// # Errors
    ///
    /// As [`Client::script`].
    // PG docs: protocol-flow, "COPY Operations"
    pub fn copy(
        &mut self,
        sql: &str,
        direction: CopyDirection,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.begin_simple(sql, Copy::Wanted(direction), ScriptReports::End, out)
    }

    /// As [`Client::copy`], for a script with a COPY in it, and tells the results of its other statements as
    /// [`Client::script_results`] does: a query in front can say of which types the columns are, in the same transaction.
    ///
    /// # Errors
    ///
    /// As [`Client::script`].
    pub fn copy_results(
        &mut self,
        sql: &str,
        direction: CopyDirection,
        out: &mut Vec<u8>,
    ) -> Result<(), CommandError> {
        self.begin_simple(sql, Copy::Wanted(direction), ScriptReports::Results, out)
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

    /// Tells whether the server waits for data of the client. If a copy is under way and it does not, it has failed.
    pub fn takes_copy(&self) -> bool {
        self.check_copying().is_ok()
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
        let plan = self.plan(sql, arguments.types);
        self.enqueue(plan, arguments, Goal::Run { max_rows }, out)
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

    /// Has a statement travel in front of the next query, in its segment: BEGIN, SAVEPOINT, ROLLBACK TO. Nothing is sent
    /// yet. It takes no parameters and returns no rows; nobody hears of it unless it fails.
    ///
    /// # Errors
    ///
    /// A NUL in the text.
    pub fn lead(&mut self, sql: impl Into<Cow<'static, str>>) -> Result<Leading, CommandError> {
        let text = sql.into();
        if text.contains('\0') {
            return Err(EncodeError::Nul { field: "SQL text" }.into());
        }
        let number = self.last_lead.next();
        self.last_lead = number;
        self.leads.push(Lead { number, text });
        Ok(number)
    }

    /// Tells whether something is to lead the next query.
    pub fn has_leads(&self) -> bool {
        !self.leads.is_empty()
    }

    /// Tells whether a lead has not been sent yet.
    pub fn still_leads(&self, lead: Leading) -> bool {
        self.leads.iter().any(|waiting| waiting.number == lead)
    }

    /// Takes back this lead and all that came after it, as far as they are not sent.
    pub fn take_back(&mut self, lead: Leading) {
        self.leads.retain(|waiting| waiting.number < lead);
    }

    /// Ends the segment of the queries that were queued: they are committed, unless they are part of a transaction.
    /// With nothing queued it sends what was to lead the next query, and is a round trip. The outcome has the tag of the
    /// last of them.
    ///
    /// # Errors
    ///
    /// Another kind of command is under way.
    pub fn sync(&mut self, out: &mut Vec<u8>) -> Result<(), CommandError> {
        self.check_pipelining()?;
        self.open_segment();
        if !self.leads.is_empty() {
            self.push(Plan::nothing(), &Arguments::default(), Goal::Lead);
        }
        if let Some(segment) = self.pipeline.open() {
            segment.end = End::Closed;
        }
        Ok(self.pump(Closes::Wait, out)?)
    }

    /// Takes back everything that was queued since the session was last settled, none of which has gone to the network.
    /// The caller drops what was appended to its buffer.
    pub fn retract(&mut self) {
        self.leads = self.pipeline.take_leads();
        self.pipeline = Pipeline::default();
        self.session.exchange = Exchange::default();
        self.statements.at_rest();
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
}
