use std::fmt;
use std::ops::{Deref, DerefMut};

use molt_db_pool::Guard;

use super::times::Use;
use crate::connection::{Connection, Connector};
use crate::scope::Scope;

/// A connection on loan from a [`Pool`](crate::Pool). It goes back when this is dropped.
///
/// A connection that comes back in the middle of a query or of a transaction goes to a task of the pool first, which
/// ends the query (as [`Connection::settle`] does) and rolls the transaction back, within five seconds in all. Then it serves
/// the next caller; until then it counts against `max_conns`. If the server does not come to an end in that time, or
/// the runtime in which the pool was used has gone, the connection is closed instead. A query or a commit that was under
/// way may have taken effect.
///
/// The state of a session that is not a transaction (settings, temporary tables, locks of the session) is reset then, as
/// [`ResetPolicy`](crate::config::ResetPolicy) says.
pub struct Session {
    guard: Guard<Connector>,
    /// `None` where nothing is measured. Dropped behind the guard.
    _use: Option<Use>,
}

impl Session {
    pub(super) fn new(guard: Guard<Connector>, time: Option<Use>) -> Self {
        Self { guard, _use: time }
    }

    /// Takes the connection out of the pool for good; its place becomes free.
    pub fn detach(self) -> Connection {
        let mut connection = *self.guard.detach();
        connection.set_scope(Scope::default());
        connection
    }
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.guard
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.guard
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
