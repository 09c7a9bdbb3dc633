use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use molt_db_protocol::message::ServerError;

use crate::connection::{Notification, SlowStatement};

/// Who is told of notices as they come.
#[derive(Clone)]
pub(crate) struct NoticeHook(pub(crate) Arc<dyn Fn(&ServerError) + Send + Sync>);

/// Who is told of notifications as they come.
#[derive(Clone)]
pub(crate) struct NotificationHook(pub(crate) Arc<dyn Fn(Notification) + Send + Sync>);

/// Who is told of slow statements, and what slow is.
#[derive(Clone)]
pub(crate) struct SlowHook {
    pub(crate) bound: Duration,
    pub(crate) call: Arc<dyn Fn(&SlowStatement<'_>) + Send + Sync>,
}

/// Two are equal if one is the clone of the other.
impl PartialEq for NoticeHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for NoticeHook {}

/// As with notices.
impl PartialEq for NotificationHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for NotificationHook {}

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

impl fmt::Debug for NotificationHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[callback]")
    }
}

impl fmt::Debug for SlowHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowHook").field("bound", &self.bound).finish_non_exhaustive()
    }
}
