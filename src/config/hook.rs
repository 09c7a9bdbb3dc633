use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db_protocol::message::ServerError;

use super::callback::Failed;
use crate::connection::{Connection, SlowStatement};

/// Who is told of notices as they come.
#[derive(Clone)]
pub(crate) struct NoticeHook(pub(crate) Arc<dyn Fn(&ServerError) + Send + Sync>);

/// Who is told of slow statements, and what slow is.
#[derive(Clone)]
pub(crate) struct SlowHook {
    pub(crate) bound: Duration,
    pub(crate) call: Arc<dyn Fn(&SlowStatement<'_>) + Send + Sync>,
}

/// What makes a session ready for its users.
#[derive(Clone)]
pub(crate) struct SessionHook(Arc<Prepare>);

type Prepare = dyn for<'c> Fn(&'c mut Connection) -> Preparing<'c, Failed> + Send + Sync;

type Preparing<'c, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>;

impl SessionHook {
    pub(super) fn new<F, E>(hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection) -> Preparing<'c, E> + Send + Sync + 'static,
        E: Into<Failed> + 'static,
    {
        Self(Arc::new(move |connection| {
            let preparing = hook(connection);
            Box::pin(async move { preparing.await.map_err(Into::into) })
        }))
    }

    pub(crate) async fn run(&self, connection: &mut Connection) -> Result<(), Failed> {
        self.0(connection).await
    }
}

/// Two are equal if one is the clone of the other.
impl PartialEq for NoticeHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for NoticeHook {}

/// As with notices.
impl PartialEq for SessionHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SessionHook {}

/// As with notices.
impl PartialEq for SlowHook {
    fn eq(&self, other: &Self) -> bool {
        self.bound == other.bound && Arc::ptr_eq(&self.call, &other.call)
    }
}

impl Eq for SlowHook {}

impl fmt::Debug for NoticeHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[callback]")
    }
}

impl fmt::Debug for SessionHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[callback]")
    }
}

impl fmt::Debug for SlowHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowHook").field("bound", &self.bound).finish_non_exhaustive()
    }
}
