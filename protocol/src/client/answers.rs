use std::sync::Arc;

use super::pipeline::{End, Healing, Reports, Told};
use super::query::{Goal, Plan, Query, Remedy, ResultFormats, Stage};
use super::sending::Closes;
use super::simple::ScriptReports;
use super::statements::{Inferred, Named};
use super::traces::{Returned, Traces};
use super::{Client, Description, Event, SessionError};
use crate::exchange::{CopyEnd, Owed};
use crate::message::{
    self, CommandTag, CopyDirection, CopyResponse, FieldDescription, Notification, ParameterStatus,
    ServerError, Target, TransactionStatus,
};
use crate::wire::{Frame, Tag};
use crate::{Malformed, ProtocolError};

/// What the server's messages mean to the commands that are under way.
impl Client {
    /// Tells, once, that the result begins with the message of this type.
    pub(super) fn announces(&mut self, tag: Tag) -> bool {
        let begins = matches!(tag, Tag::DataRow | Tag::CommandComplete | Tag::EmptyQueryResponse)
            || tag == Tag::PortalSuspended;
        if !begins || self.settling.is_some() || !self.session.exchange.takes_rows() {
            return false;
        }
        let runs = |query: &&mut Query| query.stage == Stage::Running && !query.is_led();
        let Some(query) = self.pipeline.current().filter(runs) else { return false };
        query.stage = Stage::Streaming;
        if let Some(segment) = self.pipeline.front() {
            segment.told = Told::Something;
        }
        true
    }

    /// Takes a message. What it means is an event for whoever waits for it.
    #[inline]
    pub(super) fn take<'b>(
        &mut self,
        frame: Frame<'b>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, SessionError> {
        let Frame { tag, body } = frame;
        let malformed = |problem| ProtocolError::Malformed { tag, problem };
        match tag {
            Tag::DataRow => {
                self.session.exchange.accept(tag)?;
                let wanted = self.settling.is_none() && self.streams();
                return Ok(wanted.then_some(Event::Row(body)));
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
            Tag::CopyBothResponse if self.simple.is_none() => {
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
        let owed = self.session.exchange.accept(tag)?;
        let event = match tag {
            Tag::ReadyForQuery if matches!(owed, Owed::RefusedSync | Owed::MaybeSync) => None,
            Tag::ReadyForQuery => self.finish(message::ready_for_query(body).map_err(malformed)?, out),
            _ => self.learn(tag, owed, body, out).map_err(malformed)?,
        };
        // Nobody waits for what is left over.
        if self.settling.is_some() { Ok(None) } else { Ok(event) }
    }

    /// Takes in what an accepted message says.
    fn learn<'b>(
        &mut self,
        tag: Tag,
        owed: Owed,
        body: &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, Malformed> {
        match tag {
            Tag::CloseComplete => self.statements.closed(),
            Tag::ParameterDescription => {
                let parameters = message::parameter_description(body)?;
                if let Some(query) = self.pipeline.current() {
                    query.parameters = parameters;
                }
            }
            Tag::RowDescription if owed == Owed::Columns => {
                let columns = message::row_description(body)?;
                self.described(columns, out);
            }
            Tag::RowDescription => return self.script_columns(body),
            Tag::NoData => self.described(Vec::new(), out),
            Tag::BindComplete => {
                if let Some(query) = self.pipeline.current().filter(|query| !query.is_led()) {
                    query.stage = Stage::Running;
                }
            }
            Tag::CommandComplete => return Ok(self.completed(CommandTag::parse(body)?)),
            Tag::EmptyQueryResponse => return Ok(self.completed(CommandTag::default())),
            Tag::PortalSuspended => return Ok(self.suspended()),
            Tag::CopyInResponse => {
                return Ok(self.copies(CopyDirection::In, owed, CopyResponse::parse(body)?, out));
            }
            Tag::CopyOutResponse => {
                return Ok(self.copies(CopyDirection::Out, owed, CopyResponse::parse(body)?, out));
            }
            Tag::CopyBothResponse => {
                return Ok(self.copies(CopyDirection::Both, owed, CopyResponse::parse(body)?, out));
            }
            Tag::CopyData if self.is_copying() && owed != Owed::CopyBothOver => {
                return Ok(Some(Event::CopyData(body)));
            }
            Tag::CopyDone if self.is_copying() => {
                if let Some(simple) = &mut self.simple {
                    simple.copied();
                }
                return Ok(Some(Event::CopyDone));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Keeps a statement that the server has parsed and described, and runs it if that was waiting for it.
    fn described(&mut self, columns: Vec<FieldDescription>, out: &mut Vec<u8>) {
        let Some(query) = self.pipeline.current() else { return };
        let columns = query.formats.apply(columns);
        let description = Arc::new(Description::new(std::mem::take(&mut query.parameters), columns));
        query.plan.description = Some(Arc::clone(&description));
        let (goal, stage) = (query.goal, query.stage);
        if stage != Stage::Describing {
            query.stage = Stage::Binding;
        }
        self.keep_described(&description);
        if goal == Goal::Describe {
            self.pipeline.query_over();
        }
        if stage == Stage::Describing && self.settling.is_none() {
            self.run_current(out);
        }
    }

    /// Makes the statement of the current query known, to later commands and to the queries that share it.
    fn keep_described(&mut self, description: &Arc<Description>) {
        let Some(query) = self.pipeline.answering() else { return };
        let is_shared = Arc::strong_count(&query.plan.named) > 1;
        let mut named = Arc::clone(&query.plan.named);
        let is_inferred = query.goal == Goal::Describe && *named.declared != *description.parameters();
        if is_inferred {
            // What was left to be inferred is declared from here on, so that it cannot be inferred otherwise later.
            let (name, sql) = (Arc::clone(&named.name), Arc::clone(&named.sql));
            named = Arc::new(Named { name, sql, declared: description.parameters().into() });
        }
        let inferred = if is_inferred { Inferred::Yes } else { Inferred::No };
        if let Some(hints) = &self.hints {
            hints.learn(&named.sql, &query.plan.named.declared, description);
        }
        self.statements.keep(&named, inferred, description);
        if is_shared {
            let name = &named.name;
            for query in self.pipeline.first_segment().filter(|query| query.plan.named.name == *name) {
                query.plan.description.get_or_insert_with(|| Arc::clone(description));
            }
        }
    }

    /// Runs the current query, which is described, and sends what waited behind it.
    fn run_current(&mut self, out: &mut Vec<u8>) {
        let sent = self.run_described(out).and_then(|()| self.pump(Closes::Wait, out));
        if let (Err(error), Some(segment)) = (sent, self.pipeline.front()) {
            segment.outcome.refuse(error);
            self.pipeline.skip_rest();
            self.end_segment(out);
        }
    }

    fn completed<'b>(&mut self, tag: CommandTag) -> Option<Event<'b>> {
        if self.pipeline.answering().is_some_and(Query::is_led) {
            return self.lead_over(tag);
        }
        self.note(&tag);
        if let Some(simple) = &mut self.simple {
            simple.outcome.complete(tag.clone());
            simple.description = None;
            simple.returned = Returned::Nothing;
            return (simple.reports == ScriptReports::Results).then_some(Event::Completed(tag));
        }
        let segment = self.pipeline.front()?;
        segment.complete(tag.clone());
        let reports = segment.reports;
        if reports == Reports::Queries {
            segment.told = Told::Something;
        }
        self.pipeline.query_over();
        (reports == Reports::Queries).then_some(Event::Completed(tag))
    }

    /// Notes what a command may have left behind, and what it has taken away.
    fn note(&mut self, tag: &CommandTag) {
        let returned = match (&self.simple, self.pipeline.answering()) {
            (Some(simple), _) => simple.returned,
            (None, Some(query)) => query.returned(),
            (None, None) => Returned::Nothing,
        };
        self.traces = self.traces.max(Traces::of(tag, returned));
        // PG docs: sql-discard, sql-deallocate: the statements of the protocol go too.
        match tag.as_str() {
            "DISCARD ALL" => {
                self.statements.forget_all();
                self.traces = Traces::Data;
            }
            "DEALLOCATE ALL" => self.statements.forget_all(),
            _ => {}
        }
    }

    /// Notes the end of a statement that leads a query.
    fn lead_over<'b>(&mut self, tag: CommandTag) -> Option<Event<'b>> {
        self.pipeline.front()?.lead_over(tag);
        let query = self.pipeline.current()?;
        query.leads.as_mut()?.one_over();
        if query.goal == Goal::Lead && !query.is_led() {
            self.pipeline.query_over();
        }
        None
    }

    /// Takes in the columns of a result of a script, whose values are text.
    fn script_columns<'b>(&mut self, body: &[u8]) -> Result<Option<Event<'b>>, Malformed> {
        let Some(simple) = &mut self.simple else { return Ok(None) };
        simple.returned = Returned::Rows;
        if simple.reports != ScriptReports::Results {
            return Ok(None);
        }
        let columns = message::row_description(body)?;
        simple.description = Some(Arc::new(Description::new(Box::default(), columns.into())));
        Ok(Some(Event::Columns))
    }

    fn suspended<'b>(&mut self) -> Option<Event<'b>> {
        self.pipeline.current()?.stage = Stage::Suspended;
        self.pipeline.query_over();
        Some(Event::Suspended)
    }

    pub(super) fn is_copying(&self) -> bool {
        self.simple.as_ref().is_some_and(super::simple::Simple::is_copying)
    }

    /// Begins the copy that was asked for, or ends one that was not.
    fn copies<'b>(
        &mut self,
        direction: CopyDirection,
        owed: Owed,
        response: CopyResponse<'b>,
        out: &mut Vec<u8>,
    ) -> Option<Event<'b>> {
        let wanted = self.settling.is_none();
        if let Some(simple) = &mut self.simple {
            if wanted && simple.begins(direction) {
                return Some(Event::Copy(direction, response));
            }
            simple.outcome.copies(direction);
        }
        if let Some(segment) = self.pipeline.front() {
            segment.outcome.copies(direction);
        }
        match direction {
            CopyDirection::Out => {}
            CopyDirection::Both => self.end_stream(out),
            CopyDirection::In if owed != Owed::Script && self.pipeline.is_synced() => self.refuse_copy(out),
            CopyDirection::In => self.fail_copy(out),
        }
        None
    }

    /// Ends a copy into the server that nobody wants.
    pub(super) fn fail_copy(&mut self, out: &mut Vec<u8>) {
        if message::copy_fail(REFUSAL, out).is_ok() {
            self.session.exchange.end_copy(CopyEnd::Failed);
        }
    }

    /// Ends one that a Sync was sent behind, which the server may have swallowed, or may not: the CloseComplete of a
    /// portal that is not there tells where the answers to it end.
    fn refuse_copy(&mut self, out: &mut Vec<u8>) {
        if message::copy_fail(REFUSAL, out).is_ok() {
            message::sync(out);
            let _ = message::close(Target::Portal(""), out);
            message::sync(out);
            self.session.exchange.refuse_copy();
        }
    }

    /// Ends the client's direction of a replication stream. It knows no CopyFail.
    pub(super) fn end_stream(&mut self, out: &mut Vec<u8>) {
        message::copy_done(out);
        self.session.exchange.end_copy(CopyEnd::Done);
    }

    fn fail(&mut self, error: ServerError, out: &mut Vec<u8>) -> Result<(), SessionError> {
        if error.is_fatal() {
            return Err(SessionError::Fatal(error));
        }
        let owed = self.session.exchange.accept(Tag::ErrorResponse)?;
        if let Some(simple) = &mut self.simple {
            simple.outcome.fail(error);
            return Ok(());
        }
        if let (Owed::Parameters | Owed::Columns, Some(query)) = (owed, self.pipeline.answering()) {
            self.statements.abandon(&query.plan.named);
        }
        if let Some(segment) = self.pipeline.front() {
            segment.outcome.fail(error);
        }
        self.pipeline.skip_rest();
        self.end_segment(out);
        Ok(())
    }

    /// Sends the Sync of a segment that has ended early, if the caller has asked for it.
    fn end_segment(&mut self, out: &mut Vec<u8>) {
        // Only queries can fail to be written, and those of a segment that has ended are left out.
        let _ = self.pump(Closes::Wait, out);
    }

    /// Ends the command that is under way, or sends it once more where that helps and cannot be noticed.
    fn finish<'b>(&mut self, status: TransactionStatus, out: &mut Vec<u8>) -> Option<Event<'b>> {
        self.status = status;
        self.traces = self.traces.max(Traces::Data);
        if let Some(simple) = self.simple.take() {
            return Some(Event::Finished(simple.outcome.into_result()));
        }
        let remedy = self.diagnose();
        if let Some(told) = remedy.and_then(|remedy| self.heal(remedy, out)) {
            return (told == Told::Something).then_some(Event::Restarted);
        }
        let (outcome, description) = self.pipeline.finish()?;
        self.described = description;
        if self.pipeline.is_empty() {
            self.statements.at_rest();
        }
        Some(Event::Finished(outcome.into_result()))
    }

    /// Forgets a statement that has turned out to be stale, and returns what would help the segment.
    fn diagnose(&mut self) -> Option<Remedy> {
        let (query, outcome) = self.pipeline.failed()?;
        if query.is_stale(outcome) {
            self.statements.forget(&query.plan.named);
        }
        let remedy = query.remedy(outcome)?;
        if let (Remedy::Text, Some(hints)) = (remedy, &self.hints) {
            hints.forget(&query.plan.named.sql, &query.plan.named.declared);
        }
        let status = self.status;
        let alone = self.pipeline.is_alone();
        let segment = self.pipeline.front()?;
        // A copy that nobody asked for is no reason to begin again, nor is a caller that has gone.
        let allowed = segment.healing == Healing::Allowed
            && segment.end == End::Closed
            && status != TransactionStatus::InTransaction
            && self.settling.is_none()
            && alone;
        allowed.then_some(remedy)
    }

    /// Sends the segment once more. Returns what the caller had heard of it.
    fn heal(&mut self, remedy: Remedy, out: &mut Vec<u8>) -> Option<Told> {
        self.apply(remedy)?;
        let told = self.pipeline.front()?.told;
        for query in self.pipeline.rewind(self.status) {
            let replanned = self.replanned(query);
            self.pipeline.push(replanned);
        }
        if let Err(error) = self.pump(Closes::Go, out) {
            self.pipeline.front()?.outcome.refuse(error);
            self.pipeline.skip_rest();
            self.end_segment(out);
        }
        Some(told)
    }

    /// Changes what is known of statements such that planning anew helps.
    fn apply(&mut self, remedy: Remedy) -> Option<()> {
        match remedy {
            // Statements go together, by DISCARD ALL for one: none of this segment is trusted.
            Remedy::Parse => {
                for query in self.pipeline.first_segment() {
                    self.statements.forget(&query.plan.named);
                }
            }
            Remedy::Text => {
                let query = self.pipeline.current()?;
                let description = query.described_safely()?;
                query.formats = ResultFormats::Safe;
                self.statements.redescribe(&query.plan.named, &description);
                query.plan.description = Some(description);
            }
        }
        Some(())
    }

    fn replanned(&mut self, mut query: Query) -> Query {
        let safe = query.plan.description.take().filter(|_| query.formats == ResultFormats::Safe);
        let portal = query.plan.portal.take();
        query.plan = Plan { portal, ..self.plan(&query.plan.named.sql, &query.plan.named.declared) };
        // An unnamed statement is parsed again, and its description still holds.
        query.plan.description = query.plan.description.or(safe);
        query.stage = Stage::Waiting;
        query
    }
}

/// Why a copy ends that the client was to feed.
const REFUSAL: &str = "COPY FROM STDIN was run as a query, or the client has given up";
