use super::Fault;
use super::column::{ColumnBuilder, Growth};
use super::list::Fill;

/// A value that is a count and so many elements of one width, as a type that is no array has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'r> {
    pub(crate) count: usize,
    /// The bytes in front of each element.
    pub(crate) skipped: usize,
    /// The bytes of each element.
    pub(crate) width: usize,
    pub(crate) elements: &'r [u8],
}

/// Finds the elements of a value.
pub(crate) type FindRun = fn(&[u8]) -> Result<Run<'_>, Fault>;

/// Elements of one width each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    pub(super) find: FindRun,
}

impl Fill for Repeated {
    fn take(&self, value: &[u8], elements: &mut dyn ColumnBuilder, _there: usize) -> Option<usize> {
        self.push(value, elements, &mut 0).ok()?;
        Some(elements.len())
    }

    fn push(&self, value: &[u8], elements: &mut dyn ColumnBuilder, bytes: &mut usize) -> Result<(), Fault> {
        let Run { count, skipped, width, elements: run } = (self.find)(value)?;
        let each = run.chunks_exact(skipped.saturating_add(width).max(1));
        if each.len() != count || !each.remainder().is_empty() {
            return Err(Fault::Malformed("its length is not that of its elements"));
        }
        for element in each {
            elements.push(element.get(skipped..).unwrap_or_default(), &mut 0)?;
        }
        *bytes = bytes.saturating_add(count.saturating_mul(elements.width()));
        Ok(())
    }

    /// An element takes as much here as on the wire.
    fn growth(&self, _elements: Growth) -> Growth {
        Growth::default()
    }
}
