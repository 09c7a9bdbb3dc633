use std::ops::Bound;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};

use super::column::{ColumnBuilder, window};
use super::structs::{Scratch, Split};
use super::{Fault, Profile};
use crate::types::WireRange;

/// The parts of a range: its bounds, whether each belongs to it, and whether nothing does. A bound that is missing is
/// NULL, in an empty range both are.
pub(super) struct RangeParts {
    pub(super) profile: Profile,
}

/// The parts of a range, in order: two bounds, and three `bool`s.
pub(super) const PARTS: usize = 5;
const NAMES: [&str; PARTS] = ["lower", "upper", "lower_inc", "upper_inc", "empty"];

impl Split for RangeParts {
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault> {
        let range = WireRange::read(value).ok_or(Fault::Malformed("it is no range of the type"))?;
        let (lower, upper, is_empty) = match range {
            WireRange::Empty => (Bound::Unbounded, Bound::Unbounded, true),
            WireRange::Between(lower, upper) => (lower, upper, false),
        };
        let [lower_part, upper_part, lower_inc, upper_inc, empty] = parts else { return Ok(()) };
        // A bound that does not fit may not become one that is missing: then the whole range does not fit.
        push_bound(lower, &mut **lower_part, bytes)?;
        push_bound(upper, &mut **upper_part, bytes)?;
        lower_inc.push(bit(matches!(lower, Bound::Included(_))), bytes)?;
        upper_inc.push(bit(matches!(upper, Bound::Included(_))), bytes)?;
        empty.push(bit(is_empty), bytes)
    }

    /// Takes ranges with both of their bounds.
    fn take_block(
        &self,
        input: &[u8],
        rows: &mut [usize],
        parts: &mut [Box<dyn ColumnBuilder>],
        Scratch { places, flags, bits }: &mut Scratch,
    ) -> usize {
        let [lower, upper, lower_inc, upper_inc, empty] = parts else { return 0 };
        places.clear();
        flags.clear();
        for row in rows.iter() {
            // A length, the flags, and the length of the lower bound: the last may not be that of NULL.
            let Some([0..=0x7f, _, _, _, found, 0..=0x7f, ..]) = window::<9>(input, *row) else { break };
            if !WireRange::has_both_bounds(*found) {
                break;
            }
            places.push(row.wrapping_add(5));
            flags.push(*found);
        }
        let taken = lower.take_block(input, places);
        let is_bound = |place: &&usize| matches!(window::<4>(input, **place), Some([0..=0x7f, ..]));
        let taken = places.iter().take(taken).take_while(is_bound).count();
        let taken = places.get_mut(..taken).map_or(0, |places| upper.take_block(input, places));
        let ends = rows.iter().zip(places.iter()).take(taken);
        let taken = ends.take_while(|(row, end)| end_of(input, **row) == Some(**end)).count();
        rows.iter_mut().zip(places.iter()).take(taken).for_each(|(row, end)| *row = *end);
        let mut take_bits = |part: &mut Box<dyn ColumnBuilder>, is: fn(u8) -> bool| {
            bits.clear();
            bits.extend(flags.iter().take(taken).map(|flags| usize::from(is(*flags))));
            part.take_bare(&[0, 1], bits, 1);
        };
        take_bits(lower_inc, WireRange::has_lower);
        take_bits(upper_inc, WireRange::has_upper);
        take_bits(empty, |_| false);
        taken
    }

    fn array(&self, fields: &Fields, parts: Vec<ArrayRef>, nulls: Option<NullBuffer>) -> ArrayRef {
        match (self.profile, <[_; PARTS]>::try_from(parts)) {
            (Profile::Molt, Ok(parts)) => Arc::new(with_structs(fields, parts, nulls)),
            (Profile::Arrow, Ok(parts)) => Arc::new(StructArray::new(fields.clone(), parts.to_vec(), nulls)),
            (_, Err(parts)) => Arc::new(StructArray::new(fields.clone(), parts, nulls)),
        }
    }
}

/// Returns where the field ends that begins there.
fn end_of(input: &[u8], row: usize) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(*window(input, row)?)).ok()?;
    row.checked_add(4)?.checked_add(length)
}

#[inline]
fn push_bound(bound: Bound<&[u8]>, part: &mut dyn ColumnBuilder, bytes: &mut usize) -> Result<(), Fault> {
    match bound {
        Bound::Included(value) | Bound::Excluded(value) => part.push(value, bytes),
        Bound::Unbounded => {
            part.push_null();
            Ok(())
        }
    }
}

/// A `bool` as it comes on the wire.
fn bit(is: bool) -> &'static [u8] {
    if is { &[1] } else { &[0] }
}

/// Returns the fields of a range whose parts, in order, are what `part` makes of their names.
pub(super) fn fields(profile: Profile, part: impl Fn(usize, &str) -> Field) -> Fields {
    match profile {
        Profile::Arrow => NAMES.iter().enumerate().map(|(place, name)| part(place, name)).collect(),
        Profile::Molt => {
            let bound = |name, value, inclusive| {
                let parts = Fields::from(vec![part(value, "value"), part(inclusive, "inclusive")]);
                Field::new(name, DataType::Struct(parts), true)
            };
            vec![part(4, "empty"), bound("lower", 0, 2), bound("upper", 1, 3)].into()
        }
    }
}

/// Puts each bound together with whether it belongs to the range. In an empty range there are no bounds.
fn with_structs(fields: &Fields, parts: [ArrayRef; PARTS], nulls: Option<NullBuffer>) -> StructArray {
    let [lower, upper, lower_inc, upper_inc, empty] = parts;
    let not_empty = NullBuffer::new(!empty.as_boolean().values());
    let bounded = NullBuffer::union(nulls.as_ref(), Some(&not_empty)).filter(|nulls| nulls.null_count() > 0);
    let mut arrays = vec![empty];
    for (field, parts) in fields.iter().skip(1).zip([vec![lower, lower_inc], vec![upper, upper_inc]]) {
        if let DataType::Struct(of_bound) = field.data_type() {
            arrays.push(Arc::new(StructArray::new(of_bound.clone(), parts, bounded.clone())));
        }
    }
    StructArray::new(fields.clone(), arrays, nulls)
}
