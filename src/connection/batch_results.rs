use std::ops::Range;

use molt_db_decode::{Columns, FromRow, RowStore};
use molt_db_protocol::message::{CommandTag, TransactionStatus};

use super::exchange::{Step, Wanted};
use super::{Connection, RowSet};
use crate::error::{Error, Kind};

/// The results of a [`Batch`](super::Batch), in the order of its statements, which are numbered from 0.
///
/// All are final: the server has said ReadyForQuery behind them. Rows are read where they lie, so values may borrow.
#[derive(Debug)]
pub struct BatchResults {
    rows: RowStore,
    statements: Vec<Ran>,
    groups: Vec<Range<usize>>,
    /// What failed, in order.
    errors: Vec<Error>,
}

/// A statement that was sent, and what has come of it.
#[derive(Debug, Clone)]
struct Ran {
    columns: Columns,
    rows: Range<usize>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    NotRun,
    Done(CommandTag),
    /// It ran, and an error has undone it.
    Undone,
    /// By this error.
    Failed(usize),
}

/// What became of a statement of a batch.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'r> {
    /// It ran.
    Done(&'r CommandTag),
    /// It failed.
    Failed(&'r Error),
    /// It ran, and was undone because another of its group failed, or the end of the group.
    Undone,
    /// It did not run, because one before it failed.
    NotRun,
}

impl BatchResults {
    /// `barriers` says how many statements come before each of them.
    pub(super) fn new(statements: usize, barriers: &[usize]) -> Self {
        let inner = barriers.iter().copied().filter(|before| *before < statements);
        let ends = inner.chain([statements]).collect::<Vec<_>>();
        let starts = [0].into_iter().chain(ends.iter().copied());
        let groups = starts.zip(ends.iter().copied()).map(|(start, end)| start..end).collect();
        let none = Ran { columns: Columns::new([]), rows: 0..0, state: State::NotRun };
        Self { rows: RowStore::default(), statements: vec![none; statements], groups, errors: Vec::new() }
    }

    /// Returns how many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Returns what became of a statement. Behind the last there is none, and it was not run.
    pub fn outcome(&self, statement: usize) -> Outcome<'_> {
        match self.statements.get(statement).map(|ran| &ran.state) {
            Some(State::Done(tag)) => Outcome::Done(tag),
            Some(State::Failed(error)) => self.errors.get(*error).map_or(Outcome::NotRun, Outcome::Failed),
            Some(State::Undone) => Outcome::Undone,
            Some(State::NotRun) | None => Outcome::NotRun,
        }
    }

    /// Returns everything that failed, in order: one error for each group at most.
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }

    /// Returns how many rows a statement touched or returned; 0 if it has no result.
    pub fn rows_affected(&self, statement: usize) -> u64 {
        match self.outcome(statement) {
            Outcome::Done(tag) => tag.rows(),
            _ => 0,
        }
    }

    /// Returns the rows of a statement.
    ///
    /// # Errors
    ///
    /// The statement has no result: it failed, was undone or was not run.
    pub fn rows(&self, statement: usize) -> Result<RowSet<'_>, Error> {
        let done = self.statements.get(statement).filter(|ran| matches!(ran.state, State::Done(_)));
        match done {
            Some(ran) => Ok(RowSet::new(&self.rows, &ran.columns, ran.rows.clone())),
            None => Err(Error::from(Kind::NoResult).of_statement(statement)),
        }
    }

    /// Reads all rows of a statement.
    ///
    /// # Errors
    ///
    /// As [`BatchResults::rows`] and [`RowSet::all`].
    pub fn all<'r, T: FromRow<'r>>(&'r self, statement: usize) -> Result<Vec<T>, Error> {
        self.rows(statement)?.all().map_err(|error| error.of_statement(statement))
    }

    /// Reads the only row of a statement.
    ///
    /// # Errors
    ///
    /// As [`BatchResults::rows`] and [`RowSet::one`].
    pub fn one<'r, T: FromRow<'r>>(&'r self, statement: usize) -> Result<T, Error> {
        self.rows(statement)?.one().map_err(|error| error.of_statement(statement))
    }

    /// Reads the only row of a statement, if there is one.
    ///
    /// # Errors
    ///
    /// As [`BatchResults::rows`] and [`RowSet::optional`].
    pub fn optional<'r, T: FromRow<'r>>(&'r self, statement: usize) -> Result<Option<T>, Error> {
        self.rows(statement)?.optional().map_err(|error| error.of_statement(statement))
    }

    /// Looks up what is not known of the types of the results, if the session takes a command.
    pub(super) async fn learn_types(&mut self, connection: &mut Connection) -> Result<(), Error> {
        if connection.transaction_status() == TransactionStatus::Failed {
            return Ok(());
        }
        for ran in self.statements.iter_mut().filter(|ran| !ran.rows.is_empty()) {
            if connection.learn_types(&ran.columns).await? {
                ran.columns = connection.database_types.describe(&ran.columns);
            }
        }
        Ok(())
    }

    /// Gives up the results if anything failed.
    pub(super) fn into_result(mut self) -> Result<Self, Error> {
        if self.errors.is_empty() { Ok(self) } else { Err(self.errors.swap_remove(0)) }
    }

    /// Takes the answers of all groups.
    pub(super) async fn receive(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let mut foreign = Ok(());
        for group in 0..self.groups.len() {
            let group = self.groups.get(group).cloned().unwrap_or_default();
            if let Err(error) = self.receive_group(connection, group).await? {
                foreign = Err(error);
            }
        }
        foreign
    }

    /// Takes the answers of a group. The inner error is of results that cannot be read.
    async fn receive_group(
        &mut self,
        connection: &mut Connection,
        group: Range<usize>,
    ) -> Result<Result<(), Error>, Error> {
        let before = self.rows.len();
        let mut at = group.start;
        let mut readable = Ok(());
        let mut columns = Columns::new([]);
        let mut start = before;
        loop {
            match connection.step().await? {
                Step::Columns => {
                    columns = connection.columns();
                    readable = readable.and_then(|()| connection.check_result_encoding(&columns));
                    start = self.rows.len();
                    self.take_rows(connection, &columns)?;
                }
                Step::Row(place) => {
                    self.keep(connection, place, &columns)?;
                    self.take_rows(connection, &columns)?;
                }
                Step::Completed(tag) => {
                    let rows = start..self.rows.len();
                    self.set(at, Ran { columns: columns.clone(), rows, state: State::Done(tag) });
                    at = at.saturating_add(1);
                }
                Step::Restarted => {
                    self.rows.truncate(before);
                    at = group.start;
                }
                Step::Finished(Ok(_)) => {
                    return Ok(readable.and_then(|()| connection.check_result_encoding(&columns)));
                }
                Step::Finished(Err(error)) => {
                    self.rows.truncate(before);
                    self.fail(group, at, error);
                    return Ok(readable);
                }
                Step::Suspended | Step::Copy(_) | Step::CopyData(_) => {}
            }
        }
    }

    fn take_rows(&mut self, connection: &mut Connection, columns: &Columns) -> Result<(), Error> {
        connection.take_rows(|body| {
            self.rows.push(body, columns)?;
            Ok(Wanted::More)
        })?;
        Ok(())
    }

    fn keep(
        &mut self,
        connection: &mut Connection,
        place: Range<usize>,
        columns: &Columns,
    ) -> Result<(), Error> {
        let kept = self.rows.push(connection.transport.used(place), columns);
        if kept.is_err() {
            connection.end();
        }
        Ok(kept?)
    }

    /// Notes that a group failed at this statement, or behind all of its statements.
    fn fail(&mut self, group: Range<usize>, at: usize, error: Error) {
        let number = self.errors.len();
        for statement in group.clone() {
            let state = match statement.cmp(&at) {
                std::cmp::Ordering::Less => State::Undone,
                std::cmp::Ordering::Equal => State::Failed(number),
                std::cmp::Ordering::Greater => State::NotRun,
            };
            self.set(statement, Ran { columns: Columns::new([]), rows: 0..0, state });
        }
        self.errors.push(if group.contains(&at) { error.of_statement(at) } else { error });
    }

    fn set(&mut self, statement: usize, ran: Ran) {
        if let Some(place) = self.statements.get_mut(statement) {
            *place = ran;
        }
    }
}
