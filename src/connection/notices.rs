use std::collections::VecDeque;

use molt_db_protocol::message::ServerError;

/// The latest notices of a session: a server that floods us with them takes bounded memory.
#[derive(Debug, Default)]
pub(super) struct Notices {
    latest: VecDeque<ServerError>,
}

impl Notices {
    pub(super) fn keep(&mut self, notice: ServerError) {
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
