use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::Fields;

use super::Fault;
use super::column::{ColumnBuilder, Growth, NotUtf8, field};
use super::nulls::Nulls;
use crate::types::WireRange;

/// A column of ranges: a struct of the lower and the upper bound, of whether each belongs to the range, and of whether
/// nothing does. A bound that is missing is NULL, in an empty range both are.
pub(super) struct Ranges {
    /// All with `len` elements.
    parts: [Box<dyn ColumnBuilder>; PARTS],
    fields: Fields,
    nulls: Nulls,
    len: usize,
}

/// The parts of a range, in order.
pub(super) const PARTS: usize = 5;
pub(super) const NAMES: [&str; PARTS] = ["lower", "upper", "lower_inc", "upper_inc", "empty"];

impl Ranges {
    /// The first two parts are bounds, the others `bool`.
    pub(super) fn boxed(parts: [Box<dyn ColumnBuilder>; PARTS], fields: Fields) -> Box<dyn ColumnBuilder> {
        Box::new(Self { parts, fields, nulls: Nulls::new(), len: 0 })
    }

    fn push_parts(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let range = WireRange::read(value).ok_or(Fault::Malformed("it is no range of the type"))?;
        let (lower, upper, is_empty) = match range {
            WireRange::Empty => (Bound::Unbounded, Bound::Unbounded, true),
            WireRange::Between(lower, upper) => (lower, upper, false),
        };
        let values = [
            value_of(lower),
            value_of(upper),
            bit(matches!(lower, Bound::Included(_))),
            bit(matches!(upper, Bound::Included(_))),
            bit(is_empty),
        ];
        // A bound that does not fit may not become one that is missing: then the whole range does not fit.
        for (part, value) in self.parts.iter_mut().zip(values) {
            match value {
                Some(value) => part.push(value, bytes)?,
                None => part.push_null(),
            }
        }
        Ok(())
    }
}

fn value_of(bound: Bound<&[u8]>) -> Option<&[u8]> {
    match bound {
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
        Bound::Unbounded => None,
    }
}

/// A `bool` as it comes on the wire.
fn bit(is: bool) -> Option<&'static [u8]> {
    Some(if is { &[1] } else { &[0] })
}

impl ColumnBuilder for Ranges {
    fn begin(&mut self) {
        self.parts.iter_mut().for_each(|part| part.begin());
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
        let mut taken = 0;
        let pushed = self.push_parts(value, &mut taken);
        match pushed {
            Ok(()) => {
                self.len = self.len.saturating_add(1);
                *bytes = bytes.saturating_add(taken);
            }
            Err(_) => self.truncate(self.len),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len);
        self.parts.iter_mut().for_each(|part| part.push_null());
        self.len = self.len.saturating_add(1);
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, len: usize) {
        self.parts.iter_mut().for_each(|part| part.truncate(len));
        self.nulls.truncate(len);
        self.len = self.len.min(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let nulls = self.nulls.finish(self.len);
        self.len = 0;
        // All of them start again, whatever is wrong with one.
        let finished: Vec<_> = self.parts.iter_mut().map(|part| part.finish()).collect();
        let arrays = finished.into_iter().collect::<Result<_, _>>()?;
        Ok(Arc::new(StructArray::new(self.fields.clone(), arrays, nulls)))
    }

    fn width(&self) -> usize {
        self.parts.iter().map(|part| part.width()).sum()
    }

    fn variable_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.variable_bytes()).sum()
    }

    fn growth(&self) -> Growth {
        let growths = self.parts.iter().map(|part| part.growth());
        growths.fold(Growth::default(), |most, growth| Growth {
            factor: most.factor.max(growth.factor),
            constant: most.constant.saturating_add(growth.constant),
        })
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lower, ..] = &self.parts;
        write!(f, "Ranges({lower:?}, {} ranges)", self.len)
    }
}
