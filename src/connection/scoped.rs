//! How a connection obeys its scope, and whoever watches over it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use molt_db_protocol::message::TransactionStatus;

use super::Connection;
use crate::error::{Error, Fate, Kind};
use crate::scope::{Scope, ScopeWatch};
use crate::warden::{Ward, Warden};

impl Connection {
    /// Has everything on this connection obey a scope from here on; the default one has no limits.
    ///
    /// What the scope ends is [`Error::is_timeout`] or [`Error::is_cancelled`], and leaves the connection unsettled, as a
    /// future that is dropped. Commands behind the end are refused and send nothing; settling, rolling back and closing
    /// go on. The end is noticed by whoever polls: only the sessions of a pool are watched over where nobody does.
    pub fn set_scope(&mut self, scope: Scope) {
        self.set_watch(ScopeWatch::new(scope));
    }

    pub(crate) fn set_watch(&mut self, watch: ScopeWatch) {
        if let Some(ward) = &self.ward {
            ward.set_scope(watch.scope().clone());
        }
        self.watch = watch;
    }

    /// Has the warden see to the scope where nobody polls.
    ///
    /// # Errors
    ///
    /// The process has no file descriptor left.
    pub(crate) fn watched_by(&mut self, warden: &Arc<Warden>) -> Result<(), Error> {
        if !self.watch.scope().has_limits() {
            return Ok(());
        }
        let ward = match &self.ward {
            Some(ward) => ward,
            None => {
                let hangup = self.transport.hangup().map_err(|error| Error::lost(error, Fate::None))?;
                let ward = Arc::new(Ward::new(hangup, self.canceller.clone()));
                ward.set_scope(self.watch.scope().clone());
                self.ward.insert(ward)
            }
        };
        warden.admit(ward);
        Ok(())
    }

    /// Tells the warden whether the end of the scope would have something to end.
    pub(super) fn note_business(&self) {
        let Some(ward) = &self.ward else { return };
        let status = self.client.status();
        ward.set_busy(!self.client.is_settled() || status != TransactionStatus::Idle);
    }

    /// Tells the warden that somebody waits here.
    pub(super) fn note_poll(&self) {
        if let Some(ward) = &self.ward {
            ward.polled();
        }
    }

    /// Refuses to go on behind the end of the scope.
    pub(super) fn check_scope(&mut self) -> Result<(), Error> {
        match self.watch.scope().end() {
            None => Ok(()),
            Some(over) => {
                self.cut_off(over.end.into());
                Err(Kind::ScopeOver { over, outcome: self.fate() }.into())
            }
        }
    }

    /// Is ready when the command that is under way has no time left, or its scope has ended.
    pub(super) fn poll_limits<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        match self.poll_scope(cx) {
            Poll::Ready(over) => Poll::Ready(over),
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    /// Is ready when the scope has ended.
    pub(super) fn poll_scope<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.note_poll();
        self.watch.poll_end(cx).map(|over| {
            self.cut_off(over.end.into());
            Err(Kind::ScopeOver { over, outcome: self.fate() }.into())
        })
    }

    /// Makes this the end of the session, for this reason; or for that of the warden, if it has hung up.
    pub(super) fn lost(&mut self, error: io::Error) -> Error {
        let outcome = self.end();
        match self.watch.scope().end() {
            Some(over) if self.transport.has_hung_up() => Kind::ScopeOver { over, outcome }.into(),
            _ => Error::lost(error, outcome),
        }
    }
}
