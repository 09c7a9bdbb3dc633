//! Places that are used again: taking one and leaving it allocates nothing, once there were as many.

#[derive(Debug)]
pub(super) struct Places<T> {
    /// `None` of a free place.
    taken: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { taken: Vec::new(), free: Vec::new() }
    }
}

impl<T> Places<T> {
    pub(super) fn take(&mut self, value: T) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.taken[place] = Some(value);
                place
            }
            None => {
                self.taken.push(Some(value));
                self.taken.len() - 1
            }
        }
    }

    pub(super) fn leave(&mut self, place: usize) -> T {
        self.free.push(place);
        self.taken[place].take().expect(TAKEN)
    }

    pub(super) fn get(&self, place: usize) -> &T {
        self.taken[place].as_ref().expect(TAKEN)
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len() - self.free.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.taken.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.taken.iter_mut().flatten()
    }
}

const TAKEN: &str = "a place is left once, by the one who took it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again() {
        let mut places = Places::default();
        let (first, second) = (places.take('a'), places.take('b'));
        assert_eq!((places.len(), places.iter().collect::<String>()), (2, "ab".into()));
        assert_eq!(places.leave(first), 'a');
        let third = places.take('c');
        assert_eq!((third, places.len(), places.taken.len()), (first, 2, 2));
        assert_eq!((places.leave(second), places.leave(third), places.len()), ('b', 'c', 0));
    }
}
