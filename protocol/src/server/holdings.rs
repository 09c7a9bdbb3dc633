use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use super::{Portal, Quota, Statement, refusal};
use crate::message::{
    BackendMessage, BindMessage, CommandTag, FieldDescription, ServerError, Target, TransactionStatus,
};

/// The statements and portals that a client has made, by name. The empty name is the unnamed one.
#[derive(Debug)]
pub(super) struct Holdings<S, C> {
    statements: HashMap<String, Prepared<S>>,
    portals: HashMap<String, Held<S, C>>,
    quota: Quota,
    /// Of the names of the statements.
    statement_bytes: usize,
    /// Of what the portals hold.
    portal_bytes: usize,
}

/// A statement; `None` is that of an empty text.
pub(super) type Prepared<S> = Option<Arc<Statement<S>>>;

/// What an Execute is to do.
#[derive(Debug)]
pub(super) enum Execution<S, C> {
    Run(Arc<Portal<S>>, Option<C>),
    /// There is nothing to run.
    Empty,
    /// All rows are gone: say that these are none.
    Exhausted(CommandTag),
}

#[derive(Debug)]
struct Held<S, C> {
    /// `None` is made of an empty text.
    portal: Option<Arc<Portal<S>>>,
    progress: Progress<C>,
    bytes: usize,
}

/// ```text
///   Fresh --Execute--> Spent --CommandComplete--> Complete
///                      |   ^
///      PortalSuspended '-> Suspended
/// ```
#[derive(Debug)]
enum Progress<C> {
    Fresh,
    Suspended(C),
    /// It returns no more rows, and says so.
    Complete(CommandTag),
    /// It runs, or has failed.
    Spent,
}

impl<S, C> Holdings<S, C> {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            statements: HashMap::new(),
            portals: HashMap::new(),
            quota,
            statement_bytes: 0,
            portal_bytes: 0,
        }
    }

    pub(super) fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// Makes room for a statement of this name. The unnamed one gives way even if the new one fails.
    pub(super) fn expect_statement(&mut self, name: &str) -> Result<(), ServerError> {
        if name.is_empty() {
            self.close(Target::Statement(name));
        }
        if self.statements.contains_key(name) {
            return Err(refusal::statement_exists(name));
        }
        if self.statements.len() >= self.quota.statements {
            return Err(refusal::quota("prepared statements", self.quota.statements));
        }
        self.check_bytes(name.len())
    }

    pub(super) fn keep_statement(&mut self, name: String, statement: Prepared<S>) {
        self.statement_bytes = self.statement_bytes.saturating_add(name.len());
        self.statements.insert(name, statement);
    }

    fn statement(&self, name: &str) -> Result<&Prepared<S>, ServerError> {
        self.statements.get(name).ok_or_else(|| refusal::no_statement(name))
    }

    // PG source: postgres.c, exec_bind_message
    pub(super) fn bind(
        &mut self,
        bind: &BindMessage<'_>,
        status: TransactionStatus,
    ) -> Result<(), ServerError> {
        let statement = self.statement(bind.statement)?.clone();
        check_counts(statement.as_deref(), bind)?;
        check_block(statement.as_deref(), status)?;
        if bind.portal.is_empty() {
            self.close(Target::Portal(bind.portal));
        }
        if self.portals.contains_key(bind.portal) {
            return Err(refusal::portal_exists(bind.portal));
        }
        if self.portals.len() >= self.quota.portals {
            return Err(refusal::quota("portals", self.quota.portals));
        }
        let bytes = size(bind);
        self.check_bytes(bytes)?;
        self.portal_bytes = self.portal_bytes.saturating_add(bytes);
        let portal = statement.map(|statement| Arc::new(Portal::bind(statement, bind)));
        self.portals.insert(bind.portal.to_owned(), Held { portal, progress: Progress::Fresh, bytes });
        Ok(())
    }

    /// Returns what a Describe is answered with.
    // PG docs: protocol-flow, "Extended Query"
    pub(super) fn describe(
        &self,
        target: Target<'_>,
        status: TransactionStatus,
    ) -> Result<Vec<BackendMessage<'static>>, ServerError> {
        match target {
            Target::Statement(name) => {
                let statement = self.statement(name)?.as_deref();
                let parameters = statement.map(|statement| statement.parameters.as_slice());
                let parameters = BackendMessage::ParameterDescription(parameters.unwrap_or_default().into());
                let columns = statement.and_then(|statement| statement.columns.clone());
                check_block(statement, status)?;
                Ok(vec![parameters, rows(columns)])
            }
            Target::Portal(name) => {
                let held = self.portals.get(name).ok_or_else(|| refusal::no_portal(name))?;
                check_block(held.portal.as_deref().map(Portal::statement), status)?;
                Ok(vec![rows(held.portal.as_deref().and_then(Portal::columns))])
            }
        }
    }

    pub(super) fn execute(&mut self, name: &str) -> Result<Execution<S, C>, ServerError> {
        let held = self.portals.get_mut(name).ok_or_else(|| refusal::no_portal(name))?;
        let Some(portal) = held.portal.clone() else { return Ok(Execution::Empty) };
        match mem::replace(&mut held.progress, Progress::Spent) {
            Progress::Fresh => Ok(Execution::Run(portal, None)),
            Progress::Suspended(cursor) => Ok(Execution::Run(portal, Some(cursor))),
            Progress::Complete(tag) if portal.statement().columns.is_some() => {
                held.progress = Progress::Complete(tag.clone());
                Ok(Execution::Exhausted(tag))
            }
            Progress::Complete(_) | Progress::Spent => Err(refusal::portal_is_spent(name)),
        }
    }

    pub(super) fn suspend(&mut self, name: &str, cursor: C) {
        self.progress(name, Progress::Suspended(cursor));
    }

    pub(super) fn complete(&mut self, name: &str, tag: &CommandTag) {
        self.progress(name, Progress::Complete(without_rows(tag)));
    }

    /// Forgets it, if it is there.
    pub(super) fn close(&mut self, target: Target<'_>) {
        match target {
            Target::Statement(name) => {
                let freed = self.statements.remove(name).map_or(0, |_| name.len());
                self.statement_bytes = self.statement_bytes.saturating_sub(freed);
            }
            Target::Portal(name) => {
                let freed = self.portals.remove(name).map_or(0, |held| held.bytes);
                self.portal_bytes = self.portal_bytes.saturating_sub(freed);
            }
        }
    }

    /// Forgets all portals: a transaction is over.
    pub(super) fn close_portals(&mut self) {
        self.portals.clear();
        self.portal_bytes = 0;
    }

    /// The portal may have gone with its transaction.
    fn progress(&mut self, name: &str, progress: Progress<C>) {
        if let Some(held) = self.portals.get_mut(name) {
            held.progress = progress;
        }
    }

    fn check_bytes(&self, more: usize) -> Result<(), ServerError> {
        let held = self.statement_bytes.saturating_add(self.portal_bytes);
        if held.saturating_add(more) > self.quota.bytes {
            return Err(refusal::quota("bytes of names and parameters", self.quota.bytes));
        }
        Ok(())
    }
}

fn check_counts<S>(statement: Option<&Statement<S>>, bind: &BindMessage<'_>) -> Result<(), ServerError> {
    let taken = statement.map_or(0, |statement| statement.parameters.len());
    if bind.values.len() != taken {
        return Err(refusal::parameter_count(bind.values.len(), taken));
    }
    match statement.and_then(|statement| statement.columns.as_ref()) {
        Some(columns) if bind.results.len() > 1 && bind.results.len() != columns.len() => {
            Err(refusal::format_count(bind.results.len(), columns.len()))
        }
        _ => Ok(()),
    }
}

/// Checks that the statement may be bound or described where the transaction stands. What ends a transaction returns no
/// rows; which of the others do is for their author to say.
// PG source: postgres.c, exec_bind_message and exec_describe_statement_message
fn check_block<S>(statement: Option<&Statement<S>>, status: TransactionStatus) -> Result<(), ServerError> {
    let returns_rows = statement.is_some_and(|statement| statement.columns.is_some());
    if returns_rows && status == TransactionStatus::Failed { Err(refusal::in_failed_block()) } else { Ok(()) }
}

fn rows(columns: Option<Vec<FieldDescription>>) -> BackendMessage<'static> {
    columns.map_or(BackendMessage::NoData, BackendMessage::RowDescription)
}

/// The bytes that a portal holds of the client's.
fn size(bind: &BindMessage<'_>) -> usize {
    let lists = [bind.values.as_bytes(), bind.formats.as_bytes(), bind.results.as_bytes()];
    lists.iter().map(|list| list.len()).sum::<usize>().saturating_add(bind.portal.len())
}

/// The tag of a command that returns no more rows: the same, but for their number.
fn without_rows(tag: &CommandTag) -> CommandTag {
    match tag.as_str().rsplit_once(' ') {
        Some((command, rows)) if rows.parse::<u64>().is_ok() => CommandTag::new(&format!("{command} 0")),
        _ => tag.clone(),
    }
}
