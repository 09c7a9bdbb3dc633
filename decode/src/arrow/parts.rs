use std::ops::Range;

use super::Fault;
use super::column::ColumnBuilder;
use super::structs::Split;

/// Parts that follow each other, without lengths between them.
pub(super) struct InSequence {
    /// The bytes that each part has; without, all that are left.
    pub(super) widths: Vec<Option<usize>>,
}

impl Split for InSequence {
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault> {
        let mut rest = value;
        for (part, width) in parts.iter_mut().zip(&self.widths) {
            let width = width.unwrap_or(rest.len());
            let (first, next) = rest.split_at_checked(width).ok_or(MALFORMED)?;
            part.push(first, bytes)?;
            rest = next;
        }
        if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }
}

/// Parts that have their places in a value that is first looked at as a whole.
pub(super) struct InPlaces {
    pub(super) check: Check,
    pub(super) places: Vec<Range<usize>>,
}

/// Says what is wrong with a value.
pub(crate) type Check = fn(&[u8]) -> Result<(), Fault>;

impl Split for InPlaces {
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault> {
        (self.check)(value)?;
        for (part, place) in parts.iter_mut().zip(&self.places) {
            part.push(value.get(place.clone()).ok_or(MALFORMED)?, bytes)?;
        }
        Ok(())
    }
}

/// Parts that each find what they are in the whole value.
pub(super) struct EachOfAll;

impl Split for EachOfAll {
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault> {
        parts.iter_mut().try_for_each(|part| part.push(value, bytes))
    }
}

const MALFORMED: Fault = Fault::Malformed("its length is not that of the type");
