use std::fmt;
use std::marker::PhantomData;
use std::slice::ChunksExact;
use std::sync::Arc;

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::column::{ColumnBuilder, Refused, window};
use super::elements::Elements;
use super::nulls::{BITS, Nulls};
use super::{Fault, Kinds};

/// How a type whose values have `WIDTH` bytes on the wire, at most 16, becomes an Arrow type of fixed width.
pub(crate) trait Decode<const WIDTH: usize>: Send + 'static {
    /// An element of the column.
    type Element: ArrowNativeType;

    /// Of which kinds values can be that do not fit.
    const UNFIT: Kinds = Kinds::NONE;

    /// Reads a value. That of zeros fits.
    fn decode(value: [u8; WIDTH]) -> Result<Self::Element, Fault>;

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef;
}

/// Makes an array of a primitive type; `data_type` is the one of `P`, perhaps with parameters such as a time zone.
pub(crate) fn primitive<P: ArrowPrimitiveType>(
    elements: Buffer,
    len: usize,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> ArrayRef {
    let elements = ScalarBuffer::new(elements, 0, len);
    Arc::new(PrimitiveArray::<P>::new(elements, nulls).with_data_type(data_type.clone()))
}

/// A column of a type of fixed width.
pub(super) struct Fixed<D: Decode<WIDTH>, const WIDTH: usize> {
    elements: Elements<D::Element>,
    nulls: Nulls,
    /// Whether a NULL was among the latest elements, so that one more would be no surprise.
    expects_nulls: bool,
    data_type: DataType,
    decode: PhantomData<D>,
}

impl<D: Decode<WIDTH>, const WIDTH: usize> Fixed<D, WIDTH> {
    pub(super) fn boxed(data_type: &DataType) -> Box<dyn ColumnBuilder> {
        Box::new(Self {
            elements: Elements::new(),
            nulls: Nulls::new(),
            expects_nulls: false,
            data_type: data_type.clone(),
            decode: PhantomData,
        })
    }

    /// Takes fields up to the first that is NULL, or unusual.
    fn take_values(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let start = self.elements.len();
        let slots = self.elements.room(rows.len());
        let mut taken = 0;
        for (row, slot) in rows.iter_mut().zip(slots) {
            let at = *row;
            let Some((length, value)) = split::<WIDTH>(input, at) else { break };
            let (true, Ok(element)) = (is_width::<WIDTH>(length), D::decode(value)) else { break };
            *slot = element;
            *row = at.wrapping_add(4 + WIDTH);
            taken += 1;
        }
        self.elements.truncate(start.saturating_add(taken));
        taken
    }

    /// Takes fields of which any may be NULL, up to the first that is unusual. Nothing branches on that.
    fn take_nullable(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let mut taken = 0;
        for rows in rows.chunks_mut(BITS) {
            let start = self.elements.len();
            let slots = self.elements.room(rows.len());
            let (mut nulls, mut count) = (0_u64, 0);
            for (row, slot) in rows.iter_mut().zip(slots) {
                let at = *row;
                let Some((length, value)) = split::<WIDTH>(input, at) else { break };
                let is_null = length == u32::MAX;
                let (value, width) = if is_null { ([0; WIDTH], 0) } else { (value, WIDTH) };
                let (false, Ok(element)) = (is_odd::<WIDTH>(length), D::decode(value)) else { break };
                *slot = element;
                *row = at.wrapping_add(4).wrapping_add(width);
                nulls |= u64::from(is_null) << count;
                count += 1;
            }
            self.elements.truncate(start.saturating_add(count));
            self.nulls.mark_all(start, nulls);
            self.expects_nulls = nulls != 0;
            taken += count;
            if count < rows.len() {
                break;
            }
        }
        taken
    }
}

/// Returns the length of the field there, and the bytes of its value, if it has one of that width.
#[inline]
fn split<const WIDTH: usize>(input: &[u8], at: usize) -> Option<(u32, [u8; WIDTH])> {
    let window: &[u8; 20] = window(input, at)?;
    let (length, rest) = window.split_first_chunk()?;
    Some((u32::from_be_bytes(*length), *rest.first_chunk()?))
}

#[inline]
fn is_width<const WIDTH: usize>(length: u32) -> bool {
    usize::try_from(length) == Ok(WIDTH)
}

/// Tells whether a length is neither that of a value nor that of NULL. A product, as `or` would be made two branches of,
/// which nobody can predict.
#[inline]
fn is_odd<const WIDTH: usize>(length: u32) -> bool {
    let width = u32::try_from(WIDTH).unwrap_or(u32::MAX);
    u64::from(length ^ width).wrapping_mul(u64::from(length.wrapping_add(1))) != 0
}

impl<D: Decode<WIDTH>, const WIDTH: usize> ColumnBuilder for Fixed<D, WIDTH> {
    fn begin(&mut self) {
        self.elements.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], _bytes: &mut usize) -> Option<&'r [u8]> {
        let (length, rest) = row.split_first_chunk()?;
        let length = u32::from_be_bytes(*length);
        if is_width::<WIDTH>(length) {
            let (value, rest) = rest.split_first_chunk()?;
            self.elements.push(D::decode(*value).ok()?);
            return Some(rest);
        }
        if length == u32::MAX {
            self.push_null();
            return Some(rest);
        }
        None
    }

    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let taken = if self.expects_nulls { 0 } else { self.take_values(input, rows) };
        match rows.get_mut(taken..) {
            Some(rest) if !rest.is_empty() => taken.saturating_add(self.take_nullable(input, rest)),
            _ => taken,
        }
    }

    fn take_bare(&mut self, input: &[u8], places: &[usize], width: usize) -> usize {
        let start = self.elements.len();
        let slots = self.elements.room(if width == WIDTH { places.len() } else { 0 });
        let mut taken = 0;
        for (at, slot) in places.iter().zip(slots) {
            let Some(Ok(element)) = window(input, *at).map(|value| D::decode(*value)) else { break };
            *slot = element;
            taken += 1;
        }
        self.elements.truncate(start.saturating_add(taken));
        taken
    }

    fn field_width(&self) -> Option<usize> {
        Some(4 + WIDTH)
    }

    fn take_aligned(&mut self, rows: ChunksExact<'_, u8>, offset: usize) -> usize {
        let start = self.elements.len();
        let slots = self.elements.room(rows.len());
        let mut taken = 0;
        for (row, slot) in rows.zip(slots) {
            let field = row.get(offset..).and_then(|field| field.split_first_chunk());
            let Some((length, Some(value))) = field.map(|(length, rest)| (length, rest.first_chunk())) else {
                break;
            };
            let (true, Ok(element)) = (is_width::<WIDTH>(u32::from_be_bytes(*length)), D::decode(*value))
            else {
                break;
            };
            *slot = element;
            taken += 1;
        }
        self.elements.truncate(start.saturating_add(taken));
        taken
    }

    fn take_run<'r>(&mut self, row: &'r [u8], count: usize) -> Option<&'r [u8]> {
        let start = self.elements.len();
        let (values, rest) = row.split_at_checked(count.checked_mul(4 + WIDTH)?)?;
        let fields = values.chunks_exact(4 + WIDTH);
        let mut taken = 0;
        for (field, slot) in fields.zip(self.elements.room(count)) {
            let (length, value) = field.split_first_chunk()?;
            let value = value.first_chunk()?;
            let (true, Ok(element)) = (is_width::<WIDTH>(u32::from_be_bytes(*length)), D::decode(*value))
            else {
                break;
            };
            *slot = element;
            taken += 1;
        }
        if taken == count {
            return Some(rest);
        }
        self.elements.truncate(start);
        let mut rest = row;
        for _ in 0..count {
            let Some(next) = self.take(rest, &mut 0) else {
                self.truncate(start);
                return None;
            };
            rest = next;
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], _bytes: &mut usize) -> Result<(), Fault> {
        let value = value.try_into().map_err(|_| Fault::Malformed("its length is not that of the type"))?;
        self.elements.push(D::decode(value)?);
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.elements.len());
        self.elements.push(D::Element::default());
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let len = self.elements.len();
        let nulls = self.nulls.finish(len);
        Ok(D::array(self.elements.finish(), len, nulls, &self.data_type))
    }

    fn width(&self) -> usize {
        size_of::<D::Element>()
    }

    fn variable_bytes(&self) -> usize {
        0
    }
}

impl<D: Decode<WIDTH>, const WIDTH: usize> fmt::Debug for Fixed<D, WIDTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fixed({}, {} elements)", self.data_type, self.elements.len())
    }
}
