//! What the driver of a replication stream and its reader have in common.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use molt_db_protocol::replication::Lsn;

use super::ReplicationEvent;
use crate::error::Error;

/// The reader's end. Dropping it asks the driver to stop.
#[derive(Debug)]
pub(super) struct Reader(Arc<Mutex<Shared>>);

/// The driver's end. Dropping it ends what the reader reads.
#[derive(Debug)]
pub(super) struct Feeder(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    events: VecDeque<ReplicationEvent>,
    /// What the events have taken on the wire.
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    confirmed: Lsn,
    is_stopped: bool,
    end: Option<End>,
    reader: Option<Waker>,
    driver: Option<Waker>,
}

/// Why there are no more events.
#[derive(Debug)]
enum End {
    Regular,
    Failed(Error),
    /// Somebody has dropped the driver.
    Abandoned,
}

/// What the reader has the driver do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) confirmed: Lsn,
    pub(super) is_stopped: bool,
    /// How many more events, and bytes, there is room for.
    pub(super) room: Room,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Room {
    pub(super) fn is_none(self) -> bool {
        self.events == 0 || self.bytes == 0
    }
}

/// Why the reader gets nothing more.
#[derive(Debug)]
pub(super) enum Ended {
    Regular,
    Failed(Error),
    Abandoned,
}

pub(super) fn queue(max_events: usize, max_bytes: usize) -> (Reader, Feeder) {
    let shared = Arc::new(Mutex::new(Shared {
        events: VecDeque::new(),
        bytes: 0,
        max_events: max_events.max(1),
        max_bytes: max_bytes.max(1),
        confirmed: Lsn::INVALID,
        is_stopped: false,
        end: None,
        reader: None,
        driver: None,
    }));
    (Reader(Arc::clone(&shared)), Feeder(shared))
}

impl Reader {
    /// Takes all events that are there, or the end behind them.
    pub(super) fn poll_take(
        &self,
        taken: &mut VecDeque<ReplicationEvent>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Ended>> {
        let mut shared = lock(&self.0);
        if !shared.events.is_empty() {
            std::mem::swap(&mut shared.events, taken);
            shared.bytes = 0;
            wake(shared.driver.take(), shared);
            return Poll::Ready(Ok(()));
        }
        match shared.end.replace(End::Regular) {
            Some(End::Regular) => Poll::Ready(Err(Ended::Regular)),
            Some(End::Failed(error)) => Poll::Ready(Err(Ended::Failed(error))),
            Some(End::Abandoned) => Poll::Ready(Err(Ended::Abandoned)),
            None => {
                shared.end = None;
                shared.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn confirm(&self, position: Lsn) {
        let mut shared = lock(&self.0);
        if position > shared.confirmed {
            shared.confirmed = position;
            wake(shared.driver.take(), shared);
        }
    }

    pub(super) fn confirmed(&self) -> Lsn {
        lock(&self.0).confirmed
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.is_stopped = true;
        wake(shared.driver.take(), shared);
    }
}

impl Feeder {
    /// Returns the orders, and wakes the task when there are others, or more room.
    pub(super) fn orders(&self, cx: &mut Context<'_>) -> Orders {
        let mut shared = lock(&self.0);
        if !shared.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            shared.driver = Some(cx.waker().clone());
        }
        let room = Room {
            events: shared.max_events.saturating_sub(shared.events.len()),
            bytes: shared.max_bytes.saturating_sub(shared.bytes),
        };
        Orders { confirmed: shared.confirmed, is_stopped: shared.is_stopped, room }
    }

    /// Hands events over, which have taken so many bytes.
    pub(super) fn push(&self, events: &mut VecDeque<ReplicationEvent>, bytes: usize) {
        if events.is_empty() {
            return;
        }
        let mut shared = lock(&self.0);
        shared.events.append(events);
        shared.bytes = shared.bytes.saturating_add(bytes);
        wake(shared.reader.take(), shared);
    }

    pub(super) fn end(&self, outcome: Result<(), Error>) {
        self.set_end(outcome.map_or_else(End::Failed, |()| End::Regular));
    }

    fn set_end(&self, end: End) {
        let mut shared = lock(&self.0);
        shared.end.get_or_insert(end);
        wake(shared.reader.take(), shared);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.set_end(End::Abandoned);
    }
}

/// Wakes outside of the lock.
fn wake(waker: Option<Waker>, shared: MutexGuard<'_, Shared>) {
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    fn push(feeder: &Feeder, bytes: usize) {
        feeder.push(&mut VecDeque::from([ReplicationEvent::StreamStop]), bytes);
    }

    #[test]
    fn there_is_room_up_to_both_bounds_and_again_once_it_is_taken() {
        let (reader, feeder) = queue(2, 100);
        let room = || feeder.orders(&mut context()).room;
        assert_eq!(room(), Room { events: 2, bytes: 100 });
        push(&feeder, 99);
        assert!(!room().is_none());
        push(&feeder, 0);
        assert!(room().is_none(), "no event more");
        let mut taken = VecDeque::new();
        assert!(matches!(reader.poll_take(&mut taken, &mut context()), Poll::Ready(Ok(()))));
        assert_eq!(taken.len(), 2);
        push(&feeder, 200);
        assert!(room().is_none(), "no byte more");
    }

    #[test]
    fn events_come_before_the_end_and_the_end_comes_once() {
        let (reader, feeder) = queue(9, 9);
        let mut taken = VecDeque::new();
        assert!(reader.poll_take(&mut taken, &mut context()).is_pending());
        push(&feeder, 1);
        drop(feeder);
        assert!(matches!(reader.poll_take(&mut taken, &mut context()), Poll::Ready(Ok(()))));
        taken.clear();
        let end = reader.poll_take(&mut taken, &mut context());
        assert!(matches!(end, Poll::Ready(Err(Ended::Abandoned))));
        let end = reader.poll_take(&mut taken, &mut context());
        assert!(matches!(end, Poll::Ready(Err(Ended::Regular))));
    }

    #[test]
    fn what_was_confirmed_does_not_go_back_and_a_reader_that_goes_stops_the_driver() {
        let (reader, feeder) = queue(9, 9);
        reader.confirm(Lsn(7));
        reader.confirm(Lsn(5));
        assert_eq!(reader.confirmed(), Lsn(7));
        let orders = feeder.orders(&mut context());
        assert_eq!((orders.confirmed, orders.is_stopped), (Lsn(7), false));
        drop(reader);
        assert!(feeder.orders(&mut context()).is_stopped);
    }
}
