//! Bringing a session back to how it began, for its next user.

use std::time::Duration;

use molt_db_protocol::client::Traces;

use super::Connection;
use crate::config::ResetPolicy;
use crate::error::Error;
use crate::net::Limit;
use crate::observe::Event;

impl Connection {
    /// Resets the state of the session, as far as the policy asks for it and something was run since the last time.
    ///
    /// This is what a [`Pool`](crate::Pool) does with what comes back; it is for those who hand connections on
    /// themselves. It takes no round trip where there is nothing to do, and one otherwise, within five seconds.
    ///
    /// # Errors
    ///
    /// The connection cannot take a command, or is in a transaction (25001, 25P02). The server's, and [`Error::is_timeout`]: the
    /// session is then in a state that nobody knows, and is best closed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the session may have been reset or not.
    pub async fn reset(&mut self, policy: ResetPolicy) -> Result<(), Error> {
        let Some(sql) = self.what_resets(policy) else { return Ok(()) };
        self.ready_for_script(sql).await?;
        let (_, output) = self.transport.buffers();
        self.client.script(sql, output)?;
        self.command_begins(sql);
        self.timer.set(Some(Limit::Call(RESET_TIMEOUT)));
        self.finish().await?;
        self.listens = false;
        self.forget_notifications();
        self.client.forget_traces();
        self.watch_event(Event::Reset);
        Ok(())
    }

    /// Tells whether [`Connection::reset`] would send anything.
    pub(crate) fn needs_reset(&self, policy: ResetPolicy) -> bool {
        self.what_resets(policy).is_some()
    }

    /// Notes that the session is as its users shall find it.
    pub(crate) fn is_as_new(&mut self) {
        self.client.forget_traces();
    }

    fn what_resets(&self, policy: ResetPolicy) -> Option<&'static str> {
        match (policy, self.client.traces()) {
            (ResetPolicy::None, _) | (_, Traces::None) | (ResetPolicy::Cheap, Traces::Data) => None,
            (_, Traces::Statements) => Some("DISCARD ALL"),
            (_, Traces::Data | Traces::Session) => Some(ALL_BUT_STATEMENTS),
        }
    }
}

/// What DISCARD ALL does, but for DEALLOCATE ALL, which would take the driver's own statements, and DISCARD PLANS. RESET ALL does
/// not undo SET ROLE; the first of these does.
// PG docs: sql-discard, "ALL"
const ALL_BUT_STATEMENTS: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; \
                                  SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP";

const RESET_TIMEOUT: Duration = Duration::from_secs(5);
