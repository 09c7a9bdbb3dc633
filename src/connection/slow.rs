use std::time::Duration;

use molt_db_protocol::message::CommandTag;
use tokio::time::Instant;

use crate::config::SlowHook;
use crate::error::Error;
use crate::scope::Scope;

/// A statement that took longer than it should. See [`Config::on_slow_statement`](crate::Config::on_slow_statement).
#[derive(Debug)]
#[non_exhaustive]
pub struct SlowStatement<'a> {
    /// Its text, of a batch that of the first statement. Parameters are not part of it.
    pub sql: &'a str,
    /// From the call to the final answer. Of rows that are taken one by one it has the caller's own time in it.
    pub elapsed: Duration,
    /// How many rows it touched or returned, of several statements the last; `None` if it failed, or one of them did.
    pub rows: Option<u64>,
    /// The [tag](crate::Scope::tag) of the scope that it ran in.
    pub tag: Option<&'static str>,
}

/// The watch over the command that is under way. Where nobody is to be told it costs nothing.
#[derive(Debug, Default)]
pub(super) struct Slow {
    hook: Option<SlowHook>,
    running: Option<Instant>,
    sql: String,
    /// Of the parts that are over; `None` from the first on that has failed.
    rows: Option<u64>,
    tag: Option<&'static str>,
}

impl Slow {
    pub(super) fn new(hook: Option<SlowHook>) -> Self {
        Self { hook, ..Self::default() }
    }

    pub(super) fn begins(&mut self, sql: &str, scope: &Scope) {
        if self.hook.is_some() {
            self.running = Some(Instant::now());
            self.sql.clear();
            self.sql.push_str(sql);
            self.rows = Some(0);
            self.tag = scope.get_tag();
        }
    }

    /// Notes the end of the command, or of a group of a batch.
    pub(super) fn part_over(&mut self, result: Result<&CommandTag, &Error>) {
        self.rows = self.rows.and_then(|_| result.ok().map(CommandTag::rows));
    }

    /// Notes that the command ended without an answer.
    pub(super) fn cut_off(&mut self) {
        self.rows = None;
        self.over();
    }

    /// Tells of the command that was under way, if it was slow.
    pub(super) fn over(&mut self) {
        let (Some(hook), Some(began)) = (&self.hook, self.running.take()) else { return };
        let elapsed = began.elapsed();
        if elapsed > hook.bound {
            (hook.call.0)(&SlowStatement { sql: &self.sql, elapsed, rows: self.rows, tag: self.tag });
        }
    }
}
