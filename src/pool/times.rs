use std::sync::Arc;

use molt_db_pool::Guard;
use tokio::time::Instant;

use crate::connection::Connector;
use crate::error::Error;
use crate::observe::{Event, Observer};

/// The time that somebody waits for a session.
pub(super) struct Wait<'p> {
    began: Instant,
    observer: &'p Arc<Observer>,
}

impl<'p> Wait<'p> {
    pub(super) fn begin(observer: &'p Arc<Observer>) -> Self {
        Self { began: Instant::now(), observer }
    }

    /// Ends the wait, and begins the time of use if it was not in vain.
    pub(super) fn over(self, acquired: &Result<Guard<Connector>, Error>) -> Option<Use> {
        match acquired {
            Ok(_) => {
                self.observer.note(Event::Waited(self.began.elapsed()));
                Some(Use { began: Instant::now(), observer: Arc::clone(self.observer) })
            }
            Err(error) => {
                if error.is_pool_exhausted() {
                    self.observer.note(Event::WaitedInVain);
                }
                None
            }
        }
    }
}

/// The time that somebody has a session. It is told when this is dropped.
pub(super) struct Use {
    began: Instant,
    observer: Arc<Observer>,
}

impl Drop for Use {
    fn drop(&mut self) {
        self.observer.note(Event::Used(self.began.elapsed()));
    }
}
