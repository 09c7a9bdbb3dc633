use std::collections::VecDeque;
use std::sync::Arc;

use super::kept::Kept;
use super::leads::Lead;
use super::query::{Query, Stage};
use super::{Arguments, Description, Outcome};
use crate::message::{CommandTag, TransactionStatus};

/// Queries on their way, in segments that each end with a Sync.
///
/// ```text
///   queries   [ answered | sent, not answered | not sent ]
///   segments  [ Sync is sent  |  Sync is not sent        ]      the last may be open: its Sync is not asked for yet
/// ```
#[derive(Debug, Default, Clone)]
pub(super) struct Pipeline {
    segments: VecDeque<Segment>,
    queries: VecDeque<Query>,
    /// The queries of the first segment that the server is done with.
    answered: usize,
    /// All queries up to here are sent, or will never be.
    sent: usize,
    /// The segments up to here have their Sync sent.
    synced: usize,
    /// The queries of those segments.
    synced_queries: usize,
    pub(super) kept: Kept,
}

/// Queries up to a Sync. They are one implicit transaction, unless they say otherwise.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    queries: usize,
    pub(super) reports: Reports,
    pub(super) end: End,
    pub(super) healing: Healing,
    opens: Opens,
    pub(super) told: Told,
    pub(super) outcome: Outcome,
}

/// What the caller hears of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// The end of the segment: it has one query.
    End,
    /// The end of each query, and that of the segment.
    Queries,
}

/// Whether the caller has asked for the Sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    Closed,
}

/// Whether a segment may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Healing {
    /// It begins outside of a transaction, or in one that has failed already.
    Allowed,
    /// It has been, it began in a transaction that an error ends, or something of it may have been committed.
    Refused,
}

/// Whether a transaction has been begun by what leads the segment: an error undoes all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opens {
    Nothing,
    Transaction,
}

/// Whether the caller has heard of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Something,
}

/// What is to be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The query at this place.
    Query(usize),
    Sync,
    /// Nothing, or nothing yet.
    Wait,
}

impl Segment {
    pub(super) fn new(reports: Reports, end: End, healing: Healing) -> Self {
        Self {
            queries: 0,
            reports,
            end,
            healing,
            opens: Opens::Nothing,
            told: Told::Nothing,
            outcome: Outcome::default(),
        }
    }

    /// Notes that a query has run to its end. Its effect is undone with the segment, unless it ends a transaction by
    /// itself: no SELECT, INSERT, UPDATE, DELETE or MERGE does. Behind a query that is alone nothing is to be healed.
    pub(super) fn complete(&mut self, tag: CommandTag) {
        if self.reports == Reports::End || !is_undone_by_an_error(&tag) {
            self.healing = Healing::Refused;
        }
        self.outcome.complete(tag);
    }

    /// Notes that what leads a query has run. BEGIN can be begun again behind a ROLLBACK, and to roll back twice is to
    /// roll back.
    pub(super) fn lead_over(&mut self, tag: CommandTag) {
        match tag.as_str() {
            "BEGIN" => self.opens = Opens::Transaction,
            "COMMIT" => self.healing = Healing::Refused,
            "ROLLBACK" => {}
            _ if self.opens == Opens::Transaction => {}
            _ => self.healing = Healing::Refused,
        }
        self.outcome.complete(tag);
    }

    /// Tells whether its error has left a transaction behind that it had begun.
    fn leaves_transaction(&self, status: TransactionStatus) -> bool {
        self.opens == Opens::Transaction && status == TransactionStatus::Failed
    }
}

impl Pipeline {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Tells whether the first segment is the only one.
    pub(super) fn is_alone(&self) -> bool {
        self.segments.len() == 1
    }

    /// Returns the segment that is being answered.
    pub(super) fn front(&mut self) -> Option<&mut Segment> {
        self.segments.front_mut()
    }

    /// Returns the segment that takes more queries.
    pub(super) fn open(&mut self) -> Option<&mut Segment> {
        self.segments.back_mut().filter(|segment| segment.end == End::Open)
    }

    /// Returns the query that is being answered.
    #[inline]
    pub(super) fn current(&mut self) -> Option<&mut Query> {
        let segment = self.segments.front()?;
        if self.answered < segment.queries { self.queries.get_mut(self.answered) } else { None }
    }

    /// As [`Pipeline::current`], to look at.
    #[inline]
    pub(super) fn answering(&self) -> Option<&Query> {
        let segment = self.segments.front()?;
        if self.answered < segment.queries { self.queries.get(self.answered) } else { None }
    }

    pub(super) fn current_with_arguments(&self) -> Option<(&Query, Arguments<'_>)> {
        self.answering()?;
        self.query_with_arguments(self.answered)
    }

    /// Returns the query that has failed, with the outcome of its segment.
    pub(super) fn failed(&self) -> Option<(&Query, &Outcome)> {
        let segment = self.segments.front().filter(|segment| segment.outcome.is_failed())?;
        Some((self.answering()?, &segment.outcome))
    }

    /// Returns the query that was answered last, of the first segment.
    pub(super) fn latest(&self) -> Option<&Query> {
        self.queries.get(self.answered.checked_sub(1)?)
    }

    /// Returns the query that was queued last, if its segment is still open.
    pub(super) fn last_of_open(&self) -> Option<&Query> {
        self.segments.back().filter(|segment| segment.end == End::Open && segment.queries > 0)?;
        self.queries.back()
    }

    pub(super) fn query(&mut self, place: usize) -> Option<&mut Query> {
        self.queries.get_mut(place)
    }

    pub(super) fn query_with_arguments(&self, place: usize) -> Option<(&Query, Arguments<'_>)> {
        let query = self.queries.get(place)?;
        Some((query, self.kept.arguments(&query.arguments, &query.plan.named.declared)))
    }

    /// Returns the queries of the last segment, in order.
    pub(super) fn last_segment(&self) -> impl Iterator<Item = &Query> {
        let count = self.segments.back().map_or(0, |segment| segment.queries);
        self.queries.range(self.queries.len().saturating_sub(count)..)
    }

    /// Returns the queries of the first segment, in order.
    pub(super) fn first_segment(&mut self) -> impl Iterator<Item = &mut Query> {
        let count = self.segments.front().map_or(0, |segment| segment.queries);
        self.queries.range_mut(..count.min(self.queries.len()))
    }

    pub(super) fn begin(&mut self, segment: Segment) {
        self.segments.push_back(segment);
    }

    /// Adds a query to the last segment. One that has failed takes it and does not send it: the server would skip it.
    pub(super) fn push(&mut self, query: Query) {
        let Some(segment) = self.segments.back_mut() else { return };
        segment.queries = segment.queries.saturating_add(1);
        let skipped = segment.outcome.is_failed();
        self.queries.push_back(query);
        if skipped {
            self.sent = self.queries.len();
        }
    }

    /// Takes back the query that was added last, and its segment if it is alone there. Returns what was to lead it.
    pub(super) fn undo(&mut self) -> Vec<Lead> {
        let Some(query) = self.queries.pop_back() else { return Vec::new() };
        self.kept.undo(&query.arguments);
        self.sent = self.sent.min(self.queries.len());
        if let Some(segment) = self.segments.back_mut() {
            segment.queries = segment.queries.saturating_sub(1);
            if segment.queries == 0 {
                self.segments.pop_back();
            }
        }
        query.leads.map_or_else(Vec::new, |leads| leads.into_vec())
    }

    /// Returns what is to be sent next.
    pub(super) fn next(&self) -> Next {
        let Some(segment) = self.segments.get(self.synced) else { return Next::Wait };
        if self.sent < self.synced_queries.saturating_add(segment.queries) {
            let waits = self.queries.get(self.sent).is_some_and(|query| query.stage == Stage::Waiting);
            return if waits { Next::Query(self.sent) } else { Next::Wait };
        }
        if segment.end == End::Closed { Next::Sync } else { Next::Wait }
    }

    /// Notes that the next query is sent.
    pub(super) fn query_sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// Notes that the next Sync is sent.
    pub(super) fn sync_sent(&mut self) {
        let queries = self.segments.get(self.synced).map_or(0, |segment| segment.queries);
        self.synced_queries = self.synced_queries.saturating_add(queries);
        self.synced = self.synced.saturating_add(1);
    }

    /// Tells whether the Sync of the first segment is sent.
    pub(super) fn is_synced(&self) -> bool {
        self.synced > 0
    }

    /// Notes that the query that was being answered is over.
    pub(super) fn query_over(&mut self) {
        self.answered = self.answered.saturating_add(1);
    }

    /// Leaves out what is not sent of the first segment, in which an error has made it pointless.
    pub(super) fn skip_rest(&mut self) {
        if let (0, Some(segment)) = (self.synced, self.segments.front()) {
            self.sent = self.sent.max(segment.queries);
        }
    }

    /// Begins the first segment, which is the only one and has left the session in this state, once more: takes its
    /// queries out, to be pushed again.
    pub(super) fn rewind(&mut self, status: TransactionStatus) -> VecDeque<Query> {
        (self.answered, self.sent, self.synced, self.synced_queries) = (0, 0, 0, 0);
        let mut queries = std::mem::take(&mut self.queries);
        let Some(segment) = self.segments.front_mut() else { return queries };
        queries.iter_mut().filter_map(|query| query.leads.as_mut()).for_each(|leads| leads.rewind());
        if let (true, Some(first)) = (segment.leaves_transaction(status), queries.front_mut()) {
            first.leads.get_or_insert_default().push_front("ROLLBACK");
        }
        *segment = Segment::new(segment.reports, segment.end, Healing::Refused);
        queries
    }

    /// Takes the first segment out. Returns how it ended, and the description of its last query.
    pub(super) fn finish(&mut self) -> Option<(Outcome, Option<Arc<Description>>)> {
        let Segment { queries, outcome, .. } = self.segments.pop_front()?;
        let mut description = None;
        if let Some(last) = queries.checked_sub(1).and_then(|last| self.queries.get_mut(last)) {
            description = last.plan.description.take();
            self.kept.forget(&last.arguments);
        }
        self.queries.drain(..queries.min(self.queries.len()));
        self.answered = 0;
        self.sent = self.sent.saturating_sub(queries);
        self.synced = self.synced.saturating_sub(1);
        self.synced_queries = self.synced_queries.saturating_sub(queries);
        Some((outcome, description))
    }

    /// Returns what was to lead the queries, in order.
    pub(super) fn take_leads(&mut self) -> Vec<Lead> {
        let leads = self.queries.iter_mut().filter_map(|query| query.leads.take());
        leads.flat_map(|leads| leads.into_vec()).collect()
    }

    /// Drops what is not sent. What is left of the last segment is closed.
    pub(super) fn abandon(&mut self) {
        let begun = self.queries.get(self.sent).is_some_and(|query| query.stage != Stage::Waiting);
        self.queries.truncate(self.sent.saturating_add(usize::from(begun)));
        self.sent = self.queries.len();
        let unsynced = self.queries.len().saturating_sub(self.synced_queries);
        self.segments.truncate(self.synced.saturating_add(usize::from(unsynced > 0)));
        if let Some(segment) = self.segments.get_mut(self.synced) {
            segment.queries = unsynced;
            segment.end = End::Closed;
        }
    }
}

fn is_undone_by_an_error(tag: &CommandTag) -> bool {
    tag.is_one_of(&["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"])
}
