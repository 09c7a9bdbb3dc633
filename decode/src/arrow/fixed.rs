use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::Fault;
use super::column::{ColumnBuilder, NotUtf8};
use super::nulls::Nulls;

/// How a type whose values have `WIDTH` bytes on the wire becomes an Arrow type of fixed width.
pub(crate) trait Decode<const WIDTH: usize>: Send + 'static {
    /// An element of the column.
    type Element: Copy + Default + Send + fmt::Debug;

    fn decode(value: [u8; WIDTH]) -> Result<Self::Element, Fault>;

    fn array(elements: Vec<Self::Element>, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef;
}

/// Makes an array of a primitive type; `data_type` is the one of `P`, perhaps with parameters such as a time zone.
pub(crate) fn primitive<P: ArrowPrimitiveType>(
    elements: Vec<P::Native>,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> ArrayRef {
    Arc::new(PrimitiveArray::<P>::new(elements.into(), nulls).with_data_type(data_type.clone()))
}

/// A column of a type of fixed width.
pub(super) struct Fixed<D: Decode<WIDTH>, const WIDTH: usize> {
    elements: Vec<D::Element>,
    nulls: Nulls,
    data_type: DataType,
    decode: PhantomData<D>,
}

impl<D: Decode<WIDTH>, const WIDTH: usize> Fixed<D, WIDTH> {
    pub(super) fn boxed(data_type: &DataType) -> Box<dyn ColumnBuilder> {
        let data_type = data_type.clone();
        Box::new(Self { elements: Vec::new(), nulls: Nulls::new(), data_type, decode: PhantomData })
    }
}

impl<D: Decode<WIDTH>, const WIDTH: usize> ColumnBuilder for Fixed<D, WIDTH> {
    fn take<'r>(&mut self, row: &'r [u8], _bytes: &mut usize) -> Option<&'r [u8]> {
        let (length, rest) = row.split_first_chunk()?;
        let length = i32::from_be_bytes(*length);
        if usize::try_from(length) == Ok(WIDTH) {
            let (value, rest) = rest.split_first_chunk()?;
            self.elements.push(D::decode(*value).ok()?);
            return Some(rest);
        }
        if length == -1 {
            self.push_null();
            return Some(rest);
        }
        None
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

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let next = Vec::with_capacity(self.elements.len());
        let elements = std::mem::replace(&mut self.elements, next);
        let nulls = self.nulls.finish(elements.len());
        Ok(D::array(elements, nulls, &self.data_type))
    }

    fn width(&self) -> usize {
        size_of::<D::Element>()
    }
}

impl<D: Decode<WIDTH>, const WIDTH: usize> fmt::Debug for Fixed<D, WIDTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fixed({}, {} elements)", self.data_type, self.elements.len())
    }
}
