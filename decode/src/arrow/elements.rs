use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};

/// The elements of a column under construction, in memory that is used again: once a consumer has dropped a batch, its
/// buffer takes the elements of the next one.
// Pages that were just given back are what a fresh buffer costs most: see benches, "arrow".
#[derive(Debug)]
pub(crate) struct Elements<T: ArrowNativeType> {
    values: Vec<T>,
    /// What was handed over last.
    lent: Option<Buffer>,
}

impl<T: ArrowNativeType> Elements<T> {
    pub(crate) fn new() -> Self {
        Self { values: Vec::new(), lent: None }
    }

    /// Makes room before the first element of a batch: the memory of the last one, or as much.
    pub(crate) fn begin(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        let len = lent.len() / size_of::<T>();
        self.values = match lent.into_vec() {
            Ok(mut values) => {
                values.clear();
                values
            }
            Err(_shared) => Vec::with_capacity(len),
        };
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn last(&self) -> Option<T> {
        self.values.last().copied()
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.values.push(value);
    }

    /// Appends `count` elements, to be written.
    pub(crate) fn room(&mut self, count: usize) -> &mut [T] {
        let start = self.values.len();
        self.values.resize(start.saturating_add(count), T::default());
        self.values.get_mut(start..).unwrap_or_default()
    }

    /// Makes room for more elements.
    #[inline]
    pub(crate) fn reserve(&mut self, count: usize) {
        reserve(&mut self.values, count);
    }

    /// Lends the elements as what appends any number of them.
    pub(crate) fn as_vec(&mut self) -> &mut Vec<T> {
        &mut self.values
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    /// Hands over the elements.
    pub(crate) fn finish(&mut self) -> Buffer {
        let buffer = Buffer::from_vec(std::mem::take(&mut self.values));
        self.lent = Some(buffer.clone());
        buffer
    }

    /// Hands over the elements, as what an array of them is made of.
    pub(crate) fn finish_scalars(&mut self) -> ScalarBuffer<T> {
        let len = self.values.len();
        ScalarBuffer::new(self.finish(), 0, len)
    }
}

/// Makes room for more elements, and for a quarter of what is there: twice as much would take a batch of many bytes far
/// beyond its limit.
#[inline]
pub(crate) fn reserve<T>(values: &mut Vec<T>, count: usize) {
    if values.capacity().saturating_sub(values.len()) < count {
        values.reserve_exact(count.max(values.len() / 4).max(SMALLEST));
    }
}

/// The fewest elements that room is made for.
const SMALLEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(elements: &mut Elements<i32>, values: &[i32]) -> Buffer {
        elements.begin();
        elements.as_vec().extend_from_slice(values);
        elements.finish()
    }

    #[test]
    fn memory_that_nobody_holds_is_used_again() {
        let mut elements = Elements::new();
        let first = filled(&mut elements, &[1, 2, 3]);
        let address = first.as_ptr();
        drop(first);
        let second = filled(&mut elements, &[4, 5]);
        assert_eq!((second.as_ptr(), second.typed_data::<i32>()), (address, &[4, 5][..]));
    }

    #[test]
    fn memory_that_somebody_holds_is_left_alone() {
        let mut elements = Elements::new();
        let first = filled(&mut elements, &[1, 2, 3]);
        let second = filled(&mut elements, &[4, 5]);
        assert_eq!(first.typed_data::<i32>(), [1, 2, 3]);
        assert_eq!(second.typed_data::<i32>(), [4, 5]);
    }
}
