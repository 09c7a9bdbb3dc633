use std::ops::Range;

/// A queue of short runs of items in one buffer: pushed at the back, forgotten from the front, found by their place.
///
/// A place stays good until it is forgotten, whatever is forgotten in front of it.
#[derive(Debug, Clone)]
pub(super) struct Tape<T> {
    items: Vec<T>,
    /// The place of the first of `items`.
    start: usize,
    /// How many of `items`, from the front, are forgotten.
    forgotten: usize,
}

/// Where a run is on its tape.
pub(super) type Place = Range<usize>;

impl<T: Copy> Tape<T> {
    pub(super) fn push(&mut self, run: &[T]) -> Place {
        let begin = self.end();
        self.items.extend_from_slice(run);
        begin..self.end()
    }

    pub(super) fn get(&self, place: &Place) -> &[T] {
        let (begin, end) = (place.start.checked_sub(self.start), place.end.checked_sub(self.start));
        begin.zip(end).and_then(|(begin, end)| self.items.get(begin..end)).unwrap_or_default()
    }

    /// Takes back everything from this place on.
    pub(super) fn truncate(&mut self, place: usize) {
        self.items.truncate(place.saturating_sub(self.start));
    }

    /// Forgets everything in front of this place. Moves items only when most are forgotten, so that it costs little
    /// however much is kept.
    pub(super) fn forget(&mut self, place: usize) {
        self.forgotten = place.saturating_sub(self.start).min(self.items.len());
        if self.forgotten == self.items.len() {
            self.items.clear();
            self.items.shrink_to(LARGEST_KEPT / size_of::<T>().max(1));
        } else if self.forgotten > self.items.len() / 2 {
            self.items.drain(..self.forgotten);
        } else {
            return;
        }
        self.start = self.start.saturating_add(self.forgotten);
        self.forgotten = 0;
    }

    fn end(&self) -> usize {
        self.start.saturating_add(self.items.len())
    }
}

impl<T> Default for Tape<T> {
    fn default() -> Self {
        Self { items: Vec::new(), start: 0, forgotten: 0 }
    }
}

/// One large run does not hold its memory for ever: 64 KiB stay.
const LARGEST_KEPT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_found_until_they_are_forgotten(
            moves in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..60)
        ) {
            let (mut tape, mut model) = (Tape::default(), VecDeque::new());
            for step in moves {
                match step {
                    Some(run) => model.push_back((tape.push(&run), run)),
                    None => {
                        model.pop_front();
                        let place = model.front().map_or_else(|| tape.end(), |(place, _)| place.start);
                        tape.forget(place);
                    }
                }
                for (place, run) in &model {
                    prop_assert_eq!(tape.get(place), &run[..]);
                }
                let held: usize = model.iter().map(|(_, run)| run.len()).sum();
                prop_assert!(tape.items.len() <= 2 * held + 1);
            }
        }
    }

    #[test]
    fn the_last_runs_can_be_taken_back() {
        let mut tape = Tape::default();
        let first = tape.push(b"one");
        let second = tape.push(b"two");
        tape.truncate(second.start);
        assert_eq!((tape.get(&first), tape.get(&second)), (&b"one"[..], &b""[..]));
        assert_eq!(tape.push(b"too"), second);
    }

    #[test]
    fn a_large_run_does_not_keep_its_memory() {
        let mut tape = Tape::default();
        let place = tape.push(&[0_u8; 2 * LARGEST_KEPT]);
        tape.forget(place.end);
        assert!(tape.items.capacity() <= LARGEST_KEPT);
    }
}
