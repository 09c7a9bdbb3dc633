use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db_decode::arrow::ArrowType;
use molt_db_pool::Holder;
use molt_db_protocol::message::ServerError;

use super::callback::Failed;
use crate::connection::{Connection, Notification, SlowStatement};

/// A callback. Two are equal if one is the clone of the other.
pub(crate) struct Hook<F: ?Sized>(pub(crate) Arc<F>);

/// Who is told of notices as they come.
pub(crate) type NoticeHook = Hook<dyn Fn(&ServerError) + Send + Sync>;

/// What makes Arrow of a type.
pub(crate) type ArrowHook = Hook<dyn ArrowType>;

/// Who is told of notifications as they come.
pub(crate) type NotificationHook = Hook<dyn Fn(Notification) + Send + Sync>;

/// Who is told of slow statements, and what slow is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlowHook {
    pub(crate) bound: Duration,
    pub(crate) call: Hook<dyn Fn(&SlowStatement<'_>) + Send + Sync>,
}

/// Who is told of callers that have a connection for too long.
pub(crate) type LeakHook = Hook<dyn Fn(&Holder) + Send + Sync>;

/// What makes a session ready for its users.
pub(crate) type SessionHook = Hook<Prepare>;

type Prepare = dyn for<'c> Fn(&'c mut Connection) -> Preparing<'c, Failed> + Send + Sync;

type Preparing<'c, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>;

impl SessionHook {
    pub(crate) fn new<F, E>(hook: F) -> Self
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

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: ?Sized> PartialEq for Hook<F> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<F: ?Sized> Eq for Hook<F> {}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[callback]")
    }
}
