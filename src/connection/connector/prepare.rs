//! What makes a session ready for its users, behind the login.

use molt_db_pool::Holder;

use super::{Connector, Deadline};
use crate::config::Hook;
use crate::connection::Connection;
use crate::error::ConnectCause;

impl Connector {
    /// Has the program prepare a session, and notes that it is as its users shall find it. What the program leaves
    /// open is rolled back.
    pub(super) async fn prepare(&self, connection: &mut Connection) -> Result<(), ConnectCause> {
        if let Some(hook) = self.config.session_hook() {
            hook.run(connection).await.map_err(ConnectCause::Hook)?;
            let settled = connection.roll_back().await;
            settled.map_err(|error| ConnectCause::Hook(error.into()))?;
        }
        connection.is_as_new();
        Ok(())
    }

    /// Has the program prepare a session for the caller that is about to get it. Returns `None` if it turns it down.
    pub(crate) async fn hand_out(&self, connection: &mut Connection) -> Option<()> {
        match self.config.acquire_hook() {
            None => Some(()),
            Some(hook) => hook.run(connection).await.ok(),
        }
    }

    /// Tells the program of a caller that has had a connection for too long.
    pub(crate) fn report_leak(&self, holder: &Holder) {
        if let Some(Hook(hook)) = self.config.leak_hook() {
            hook(holder);
        }
    }

    /// Tells whether the program wants to see sessions that come back.
    pub(crate) fn sees_off(&self) -> bool {
        self.config.release_hook().is_some()
    }

    /// Shows the program a session that has come back and is at rest. Returns `None` if it is not to be kept.
    pub(crate) async fn see_off(&self, connection: &mut Connection) -> Option<()> {
        let Some(hook) = self.config.release_hook() else { return Some(()) };
        hook.run(connection).await.ok()?;
        connection.roll_back().await.ok()
    }

    /// Resets a session that comes back, as the configuration says, and prepares it anew where that was undone.
    /// Returns `None` if it cannot be done.
    pub(crate) async fn reset(&self, connection: &mut Connection) -> Option<()> {
        let policy = self.config.get_reset();
        if connection.needs_reset(policy) {
            connection.reset(policy).await.ok()?;
            let deadline = Deadline::new(self.config.get_connect_timeout());
            deadline.bound(self.prepare(connection)).await.ok()?;
        }
        Some(())
    }
}
