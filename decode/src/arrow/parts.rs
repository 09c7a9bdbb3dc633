use std::ops::Range;

use super::Fault;
use super::column::{ColumnBuilder, window};
use super::structs::{Scratch, Split};

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

    fn take_block(
        &self,
        input: &[u8],
        rows: &mut [usize],
        parts: &mut [Box<dyn ColumnBuilder>],
        Scratch { places, .. }: &mut Scratch,
    ) -> usize {
        let Some(width) = self.width().and_then(|width| u32::try_from(width).ok()) else { return 0 };
        let is_one = |row: &&usize| window(input, **row).copied().map(u32::from_be_bytes) == Some(width);
        places.clear();
        places.extend(rows.iter().take_while(is_one).map(|row| row.wrapping_add(4)));
        let taken = self.take(input, parts, places);
        rows.iter_mut().zip(places).take(taken).for_each(|(row, end)| *row = *end);
        taken
    }

    fn take_bare(
        &self,
        input: &[u8],
        places: &[usize],
        width: usize,
        parts: &mut [Box<dyn ColumnBuilder>],
        scratch: &mut Scratch,
    ) -> usize {
        if self.width() != Some(width) {
            return 0;
        }
        scratch.places.clear();
        scratch.places.extend_from_slice(places);
        self.take(input, parts, &mut scratch.places)
    }
}

impl InSequence {
    /// Returns the bytes of a value, if all of its parts have a width.
    fn width(&self) -> Option<usize> {
        self.widths.iter().try_fold(0_usize, |sum, width| sum.checked_add((*width)?))
    }

    /// Takes values of that width, which begin at the places.
    fn take(&self, input: &[u8], parts: &mut [Box<dyn ColumnBuilder>], places: &mut [usize]) -> usize {
        let mut taken = places.len();
        for (part, width) in parts.iter_mut().zip(&self.widths) {
            let (Some(places), Some(width)) = (places.get_mut(..taken), *width) else { break };
            taken = part.take_bare(input, places, width);
            places.iter_mut().for_each(|place| *place = place.wrapping_add(width));
        }
        taken
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
