use std::collections::VecDeque;

use molt_db_protocol::message::ServerError;

use crate::config::{Hook, NoticeHook};

/// The latest notices of a session: a server that floods us with them takes bounded memory. A hook is told instead, if
/// there is one.
#[derive(Debug, Default)]
pub(super) struct Notices {
    latest: VecDeque<ServerError>,
    hook: Option<NoticeHook>,
}

impl Notices {
    pub(super) fn new(hook: Option<NoticeHook>) -> Self {
        Self { latest: VecDeque::new(), hook }
    }

    pub(super) fn take(&mut self, notice: ServerError) {
        if let Some(Hook(hook)) = &self.hook {
            return hook(&notice);
        }
        if self.latest.len() == MOST {
            self.latest.pop_front();
        }
        self.latest.push_back(notice);
    }

    /// Takes all of them, the oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = ServerError> + '_ {
        self.latest.drain(..)
    }
}

const MOST: usize = 64;
