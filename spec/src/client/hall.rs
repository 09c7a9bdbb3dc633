//! What the connections of one server share, and what was seen of the client.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use molt_db_protocol::message::CancelKey;
use tokio::sync::Notify;

use super::ClientCase;
use crate::log::{Log, Side};

/// What the connections of one server share.
#[derive(Debug)]
pub(super) struct Hall {
    /// Known from the start, or from the name of the database of each connection.
    pub(super) case: Option<ClientCase>,
    pub(super) seen: Mutex<Seen>,
    log: Mutex<Log>,
    sessions: Mutex<HashMap<i32, Cancellable>>,
    processes: AtomicI32,
}

/// What a client did that its exit does not tell.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The version that it asked for.
    pub(crate) version: u32,
    /// It sent options of the protocol, or a version that does not exist, to see what becomes of them.
    pub(crate) greases: bool,
    /// What it sent that cannot be read.
    pub(crate) malformed: Option<String>,
    /// It showed a token of OAuth, right or wrong.
    pub(crate) shows_token: bool,
    /// It sent a cancel request with another key than that of a session.
    pub(crate) wrong_key: bool,
    /// The protocols that it offered by ALPN, once it began a handshake.
    pub(crate) offered: Option<Vec<String>>,
}

#[derive(Debug)]
struct Cancellable {
    key: CancelKey,
    cancelled: Arc<Notify>,
    is_right: Arc<std::sync::atomic::AtomicBool>,
}

/// A session that may be cancelled; it is forgotten when this is dropped.
pub(super) struct Entered<'h> {
    hall: &'h Hall,
    pub(super) key: CancelKey,
    cancelled: Arc<Notify>,
    is_right: Arc<std::sync::atomic::AtomicBool>,
}

impl Hall {
    pub(super) fn new(case: Option<ClientCase>) -> Self {
        Self {
            case,
            seen: Mutex::default(),
            log: Mutex::default(),
            sessions: Mutex::default(),
            processes: AtomicI32::new(1),
        }
    }

    /// Keeps what was said. Without a case, nobody will ask for it.
    pub(super) fn add(&self, side: Side, bytes: &[u8]) {
        if self.case.is_some() {
            lock(&self.log).add(side, bytes);
        }
    }

    pub(super) fn dump(&self) -> String {
        lock(&self.log).dump()
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Gives a session its key.
    pub(super) fn enter(&self, secret: &[u8]) -> Option<Entered<'_>> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let key = CancelKey::new(process, secret).ok()?;
        let (cancelled, is_right) = (Arc::<Notify>::default(), Arc::default());
        let session = Cancellable {
            key: key.clone(),
            cancelled: Arc::clone(&cancelled),
            is_right: Arc::clone(&is_right),
        };
        lock(&self.sessions).insert(process, session);
        Some(Entered { hall: self, key, cancelled, is_right })
    }

    /// Wakes the session that is to be cancelled, with the right key or not: it tells the two apart.
    pub(super) fn cancel(&self, key: &CancelKey) {
        let sessions = lock(&self.sessions);
        let found = sessions.get(&key.process());
        let is_right = found.is_some_and(|session| session.key.secret() == key.secret());
        self.seen().wrong_key |= !is_right;
        if let Some(session) = found {
            session.is_right.fetch_or(is_right, Ordering::Relaxed);
            session.cancelled.notify_one();
        }
    }
}

impl Entered<'_> {
    /// Waits for a cancel request, and tells whether its key was right.
    pub(super) async fn cancelled(&self) -> bool {
        self.cancelled.notified().await;
        self.is_right.load(Ordering::Relaxed)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        lock(&self.hall.sessions).remove(&self.key.process());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
