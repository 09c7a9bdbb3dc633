//! What a proxy has carried.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proxy::Direction;

/// All that passed on one connection, in the order in which it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// What was read at once, from either side.
    pub bursts: Vec<(Direction, Vec<u8>)>,
}

impl Conversation {
    /// Returns everything that came in one direction.
    pub fn bytes(&self, direction: Direction) -> Vec<u8> {
        let those = self.bursts.iter().filter(|(towards, _)| *towards == direction);
        those.flat_map(|(_, bytes)| bytes).copied().collect()
    }
}

/// The recordings of a proxy, a tape for each connection.
#[derive(Debug, Default)]
pub(crate) struct Tapes(Mutex<Vec<Tape>>);

/// The recording of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Arc<Mutex<Conversation>>);

impl Tapes {
    pub(crate) fn begin(&self) -> Tape {
        let tape = Tape::default();
        lock(&self.0).push(tape.clone());
        tape
    }

    /// Takes what is there. A connection that goes on leaves the rest to a tape that nobody reads.
    pub(crate) fn take(&self) -> Vec<Conversation> {
        lock(&self.0).drain(..).map(|tape| mem::take(&mut *lock(&tape.0))).collect()
    }
}

impl Tape {
    pub(crate) fn note(&self, direction: Direction, bytes: &[u8]) {
        lock(&self.0).bursts.push((direction, bytes.to_vec()));
    }
}

/// No step leaves a tape half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
