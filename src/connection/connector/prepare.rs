//! What makes a session ready for its users, behind the login.

use super::{Connector, Deadline};
use crate::connection::Connection;
use crate::error::ConnectCause;

impl Connector {
    /// Has the program prepare a session, and notes that it is as its users shall find it. What the program leaves open is
    /// rolled back.
    pub(super) async fn prepare(&self, connection: &mut Connection) -> Result<(), ConnectCause> {
        if let Some(hook) = self.config.session_hook() {
            hook.run(connection).await.map_err(ConnectCause::Hook)?;
            let settled = connection.roll_back().await;
            settled.map_err(|error| ConnectCause::Hook(error.into()))?;
        }
        connection.is_as_new();
        Ok(())
    }

    /// Resets a session that comes back, as the configuration says, and prepares it anew where that was undone. Returns `None`
    /// if it cannot be done.
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
