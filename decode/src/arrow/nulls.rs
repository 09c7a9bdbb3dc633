use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// The validity of a column. It costs nothing as long as there are no NULLs: it is only told of these, and takes the
/// elements between them as valid.
#[derive(Debug, Default)]
pub(crate) struct Nulls {
    /// A bit for each element, set for NULL; as far as the last word with one.
    words: Vec<u64>,
}

impl Nulls {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Marks an element as NULL.
    pub(crate) fn mark(&mut self, element: usize) {
        let word = element / BITS;
        if word >= self.words.len() {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << (element % BITS);
        }
    }

    /// Marks those of the 64 elements from `start` on as NULL whose bits are set, the lowest first.
    pub(crate) fn mark_all(&mut self, start: usize, bits: u64) {
        if bits == 0 {
            return;
        }
        let (word, shift) = (start / BITS, start % BITS);
        if word.saturating_add(1) >= self.words.len() {
            self.words.resize(word.saturating_add(2), 0);
        }
        if let Some([low, high, ..]) = self.words.get_mut(word..) {
            *low |= bits << shift;
            *high |= (bits >> 1) >> (BITS - 1 - shift);
        }
    }

    /// Forgets the elements from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.words.truncate(len.div_ceil(BITS));
        if let Some(word) = self.words.get_mut(len / BITS) {
            *word &= (1 << (len % BITS)) - 1;
        }
    }

    /// Hands over the validity of `len` elements, if one of them is NULL, and starts again.
    pub(crate) fn finish(&mut self, len: usize) -> Option<NullBuffer> {
        if self.words.iter().all(|word| *word == 0) {
            self.words.clear();
            return None;
        }
        let mut words = std::mem::take(&mut self.words);
        words.resize(len.div_ceil(BITS), 0);
        // Arrow's bits are set for valid elements, and lie in the order of little-endian words.
        words.iter_mut().for_each(|word| *word = (!*word).to_le());
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, len)))
    }
}

/// The elements that one word speaks of.
pub(crate) const BITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(elements: &[usize]) -> Nulls {
        let mut nulls = Nulls::new();
        elements.iter().for_each(|element| nulls.mark(*element));
        nulls
    }

    fn nulls_of(buffer: &NullBuffer) -> Vec<usize> {
        (0..buffer.len()).filter(|element| buffer.is_null(*element)).collect()
    }

    #[test]
    fn marked_elements_are_null_and_no_others() {
        for elements in [&[0][..], &[63], &[64], &[0, 1, 63, 64, 65, 127, 128, 199]] {
            let buffer = marked(elements).finish(200).unwrap();
            assert_eq!((buffer.len(), buffer.null_count()), (200, elements.len()));
            assert_eq!(nulls_of(&buffer), elements);
        }
    }

    #[test]
    fn many_are_marked_as_each_would_be() {
        for start in [0, 1, 31, 63, 64, 65, 130] {
            for bits in [0, 1, 1 << 63, u64::MAX, 0x8000_0001_0000_0001, 0x5555_5555_5555_5555] {
                let expected: Vec<_> =
                    (0..BITS).filter(|bit| bits >> bit & 1 == 1).map(|bit| start + bit).collect();
                let mut nulls = marked(&[0]);
                nulls.mark_all(start, bits);
                let found = nulls_of(&nulls.finish(200).unwrap());
                let with_first: std::collections::BTreeSet<_> = expected.into_iter().chain([0]).collect();
                assert_eq!(found, with_first.into_iter().collect::<Vec<_>>(), "{start} {bits:x}");
            }
        }
    }

    #[test]
    fn without_nulls_there_is_no_buffer() {
        assert!(Nulls::new().finish(100).is_none());
        let mut nulls = marked(&[70]);
        nulls.truncate(70);
        assert!(nulls.finish(70).is_none());
    }

    #[test]
    fn what_is_forgotten_is_valid_when_it_comes_again() {
        for len in [0, 1, 63, 64, 65, 128, 130] {
            let mut nulls = marked(&[0, 62, 63, 64, 127, 128, 129]);
            nulls.truncate(len);
            nulls.mark(150);
            let kept: Vec<_> = [0, 62, 63, 64, 127, 128, 129].into_iter().filter(|e| *e < len).collect();
            assert_eq!(nulls_of(&nulls.finish(160).unwrap()), [kept, vec![150]].concat(), "{len}");
        }
    }

    #[test]
    fn the_next_batch_starts_without_nulls() {
        let mut nulls = marked(&[3]);
        assert!(nulls.finish(4).is_some());
        assert!(nulls.finish(4).is_none());
    }
}
