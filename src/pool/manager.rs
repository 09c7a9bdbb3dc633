use molt_db_pool::{Disposition, Holder, Liveness, Manager, Verdict};

use crate::connection::{Connection, Connector};
use crate::error::Error;
use crate::scope::Scope;

impl Manager for Connector {
    /// Boxed, because the pool moves it around.
    type Connection = Box<Connection>;
    type Error = Error;

    async fn connect(&self) -> Result<Box<Connection>, Error> {
        Self::connect(self).await.map(Box::new)
    }

    fn verdict(&self, error: &Error) -> Verdict {
        if error.is_worth_another_connect() { Verdict::Transient } else { Verdict::Permanent }
    }

    fn is_alive(&self, connection: &mut Box<Connection>) -> Liveness {
        match connection.is_quiet() {
            Quiet::Yes if self.has_wrong_role(connection) => Liveness::Dead,
            Quiet::Yes => Liveness::Alive,
            Quiet::No => Liveness::Dead,
        }
    }

    async fn before_acquire(&self, connection: &mut Box<Connection>) -> Liveness {
        match self.hand_out(connection).await {
            Some(()) => Liveness::Alive,
            None => Liveness::Dead,
        }
    }

    fn on_release(&self, connection: &mut Box<Connection>) -> Disposition {
        connection.set_scope(Scope::default());
        connection.forget_notifications();
        if connection.is_over() || self.may_not_write(connection) {
            return Disposition::Discard;
        }
        let is_as_new = connection.is_at_rest() && !connection.needs_reset(self.reset_policy());
        if is_as_new && !self.sees_off() { Disposition::Keep } else { Disposition::Settle }
    }

    async fn check(&self, connection: &mut Box<Connection>) -> Liveness {
        match connection.execute("", ()).await {
            Ok(_) => self.is_alive(connection),
            Err(_) => Liveness::Dead,
        }
    }

    fn leaked(&self, holder: &Holder) {
        self.report_leak(holder);
    }

    async fn settle(&self, mut connection: Box<Connection>) -> Option<Box<Connection>> {
        connection.roll_back().await.ok()?;
        self.see_off(&mut connection).await?;
        self.reset(&mut connection).await?;
        Some(connection)
    }
}

/// Whether the server has said nothing that ends a session while nobody was looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    Yes,
    No,
}
