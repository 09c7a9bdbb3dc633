use arrow_buffer::{NullBuffer, NullBufferBuilder};

/// The validity of a column. It costs nothing as long as there are no NULLs: it is only told of these, and takes the
/// elements between them as valid.
#[derive(Debug)]
pub(crate) struct Nulls(NullBufferBuilder);

impl Nulls {
    pub(crate) fn new() -> Self {
        Self(NullBufferBuilder::new(0))
    }

    /// Marks an element as NULL. Elements are marked in ascending order.
    pub(crate) fn mark(&mut self, element: usize) {
        self.0.append_n_non_nulls(element.saturating_sub(self.0.len()));
        self.0.append_null();
    }

    /// Forgets the elements from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.0.len() {
            self.0.truncate(len);
        }
    }

    /// Hands over the validity of `len` elements, if one of them is NULL, and starts again.
    pub(crate) fn finish(&mut self, len: usize) -> Option<NullBuffer> {
        self.0.append_n_non_nulls(len.saturating_sub(self.0.len()));
        self.0.finish().filter(|nulls| nulls.null_count() > 0)
    }
}
