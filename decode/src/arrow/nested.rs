use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_schema::FieldRef;

use super::column::{ColumnBuilder, Growth, Refused, field};
use super::fields::{LOWER_BOUND, MALFORMED, array, push_fields};
use super::list::Offsets;
use super::nulls::Nulls;
use super::{Fault, Kind, Policies};
use crate::Oid;

/// A column of arrays of several dimensions, as lists in lists.
pub(super) struct Nested {
    /// For each dimension where its lists end, among the lists of the next dimension or the elements; with what these are.
    levels: Vec<(Offsets, FieldRef)>,
    /// Of the outermost lists.
    nulls: Nulls,
    elements: Box<dyn ColumnBuilder>,
    element: Oid,
    lower: Lower,
    policies: Policies,
}

/// Which lower bounds there is a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lower {
    /// 1 alone.
    One,
    /// Any: they are kept beside the values.
    Any,
}

impl Nested {
    /// `fields` is what the lists of each dimension are lists of, the outermost first.
    pub(super) fn boxed(
        elements: Box<dyn ColumnBuilder>,
        fields: &[FieldRef],
        element: Oid,
        lower: Lower,
        policies: Policies,
    ) -> Box<dyn ColumnBuilder> {
        let levels = fields.iter().map(|field| (Offsets::new(), Arc::clone(field))).collect();
        Box::new(Self { levels, nulls: Nulls::new(), elements, element, lower, policies })
    }

    fn push_lists(&mut self, value: &[u8]) -> Result<(), Fault> {
        let head = array(value, self.element)?;
        let dimensions = head.dimensions();
        if self.lower == Lower::One && head.dimensions().any(|dimension| dimension.lower != 1) {
            return Err(LOWER_BOUND);
        }
        if dimensions.len() == 0 {
            self.levels.iter_mut().take(1).for_each(|(offsets, _)| offsets.repeat());
            return if head.elements.is_empty() { Ok(()) } else { Err(MALFORMED) };
        }
        if dimensions.len() != self.levels.len() {
            return Err(Fault::Unfit(Kind::Shape, "it has another number of dimensions"));
        }
        push_fields(head.elements, head.count, &mut *self.elements, &self.policies, &mut 0)?;
        let mut lists: usize = 1;
        for ((offsets, _), dimension) in self.levels.iter_mut().zip(dimensions) {
            for _ in 0..lists {
                offsets.end_at(offsets.last().saturating_add(dimension.len))?;
            }
            lists = lists.saturating_mul(dimension.len);
        }
        Ok(())
    }
}

impl ColumnBuilder for Nested {
    fn begin(&mut self) {
        self.levels.iter_mut().for_each(|(offsets, _)| offsets.begin());
        self.elements.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.push(value, bytes).ok()?,
            None => self.push_null(),
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let (len, before) = (self.len(), self.variable_bytes());
        let pushed = self.push_lists(value);
        match pushed {
            Ok(()) => *bytes = bytes.saturating_add(self.variable_bytes().saturating_sub(before)),
            Err(_) => self.truncate(len),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len());
        self.levels.iter_mut().take(1).for_each(|(offsets, _)| offsets.repeat());
    }

    fn len(&self) -> usize {
        self.levels.first().map_or(0, |(offsets, _)| offsets.len())
    }

    fn truncate(&mut self, len: usize) {
        let elements = self.levels.iter_mut().fold(len, |len, (offsets, _)| offsets.truncate(len));
        self.elements.truncate(elements);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let mut nulls = self.nulls.finish(self.len());
        let mut array = self.elements.finish();
        for (place, (offsets, field)) in self.levels.iter_mut().enumerate().rev() {
            let offsets = offsets.finish();
            let nulls = if place == 0 { nulls.take() } else { None };
            array = match array {
                Ok(array) => Ok(Arc::new(ListArray::new(Arc::clone(field), offsets, array, nulls))),
                Err(broken) => Err(broken.within(&offsets)),
            };
        }
        array
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        let lists: usize = self.levels.iter().skip(1).map(|(offsets, _)| offsets.len()).sum();
        let elements = self.elements.len().saturating_mul(self.elements.width());
        elements
            .saturating_add(lists.saturating_mul(size_of::<i32>()))
            .saturating_add(self.elements.variable_bytes())
    }

    /// An array of one element has as many lists as dimensions, of 8 bytes each on the wire. Else as lists are.
    fn growth(&self) -> Growth {
        let Growth { factor, constant } = self.elements.growth();
        Growth { factor: if constant == 0 { factor.max(8) } else { usize::MAX }, constant: 0 }
    }
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nested({} levels of {:?}, {} lists)", self.levels.len(), self.elements, self.len())
    }
}
