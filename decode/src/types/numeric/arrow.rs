use std::fmt;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Decimal256Type, DecimalType};
use arrow_array::{ArrayRef, ArrowNativeTypeOp, PrimitiveArray};
use arrow_schema::DataType;

use super::decimal::{Misfit, Wide, scaled};
use super::wire::{MALFORMED, View};
use crate::arrow::{ColumnBuilder, Fault, NotUtf8, Nulls, field};

/// The precision and scale of a `numeric(p, s)` column that is a decimal in Arrow: 0 <= scale <= precision, and
/// 1 <= precision <= 76.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalShape {
    precision: u8,
    scale: i8,
}

impl DecimalShape {
    pub(crate) fn data_type(self) -> DataType {
        match self.precision {
            ..=38 => DataType::Decimal128(self.precision, self.scale),
            39.. => DataType::Decimal256(self.precision, self.scale),
        }
    }
}

/// Reads the modifier of a `numeric`. `None` if there is none, it is none of `numeric`, or it has more digits than
/// Arrow's decimals.
// PG source: numeric.c, make_numeric_typmod; since PostgreSQL 15 the scale can be negative or above the precision.
pub(crate) fn decimal_shape(typmod: i32) -> Option<DecimalShape> {
    let packed = typmod.checked_sub(4).filter(|packed| *packed >= 0)?;
    let (precision, scale) = (packed >> 16, ((packed & 0x7ff) ^ 1024) - 1024);
    if precision == 0 {
        return None;
    }
    let (precision, scale) = if scale < 0 { (precision - scale, 0) } else { (precision.max(scale), scale) };
    let shape = DecimalShape { precision: precision.try_into().ok()?, scale: scale.try_into().ok()? };
    (shape.precision <= Decimal256Type::MAX_PRECISION).then_some(shape)
}

/// `numeric` in Arrow, if it is text there.
pub(crate) fn append_numeric(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let view = View::parse(value).and_then(View::exact).ok_or(Fault::Malformed(MALFORMED))?;
    view.write(&mut Ascii(out)).map_err(|fmt::Error| Fault::TooLong)
}

struct Ascii<'a>(&'a mut Vec<u8>);

impl fmt::Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Makes a column in whichever width the precision needs.
pub(crate) fn decimal_column(shape: DecimalShape) -> Box<dyn ColumnBuilder> {
    match shape.precision {
        ..=38 => Box::new(Decimal::<Decimal128Type>::new(shape)),
        39.. => Box::new(Decimal::<Decimal256Type>::new(shape)),
    }
}

/// A column of `numeric` values as scaled integers.
struct Decimal<D: DecimalType<Native: Wide>> {
    elements: Vec<D::Native>,
    nulls: Nulls,
    shape: DecimalShape,
    /// The first integer with more digits than the precision has.
    bound: D::Native,
}

impl<D: DecimalType<Native: Wide>> Decimal<D> {
    fn new(shape: DecimalShape) -> Self {
        let bound = D::Native::from_u64(10).pow_wrapping(shape.precision.into());
        Self { elements: Vec::new(), nulls: Nulls::new(), shape, bound }
    }

    fn decode(&self, value: &[u8]) -> Result<D::Native, Fault> {
        let finite = match View::parse(value).ok_or(Fault::Malformed(MALFORMED))? {
            View::Finite(finite) => finite,
            View::NaN => return Err(Fault::Unfit("it is NaN")),
            View::Infinity | View::NegInfinity => return Err(Fault::Unfit("it is infinite")),
        };
        let scaled = scaled::<D::Native>(finite, self.shape.scale.into()).map_err(|misfit| match misfit {
            Misfit::Overflow => Fault::Unfit(TOO_LARGE),
            Misfit::Inexact => Fault::Unfit("it has more digits after the point than the column's type"),
        })?;
        let fits = scaled.is_lt(self.bound) && scaled.is_gt(self.bound.neg_wrapping());
        if fits { Ok(scaled) } else { Err(Fault::Unfit(TOO_LARGE)) }
    }
}

const TOO_LARGE: &str = "it has more digits than the column's type";

impl<D: DecimalType<Native: Wide>> ColumnBuilder for Decimal<D> {
    fn take<'r>(&mut self, row: &'r [u8], _bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.elements.push(self.decode(value).ok()?),
            None => self.push_null(),
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], _bytes: &mut usize) -> Result<(), Fault> {
        self.elements.push(self.decode(value)?);
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.elements.len());
        self.elements.push(D::Native::default());
    }

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let next = Vec::with_capacity(self.elements.len());
        let elements = std::mem::replace(&mut self.elements, next);
        let nulls = self.nulls.finish(elements.len());
        let array = PrimitiveArray::<D>::new(elements.into(), nulls).with_data_type(self.shape.data_type());
        Ok(Arc::new(array))
    }

    fn width(&self) -> usize {
        size_of::<D::Native>()
    }
}

impl<D: DecimalType<Native: Wide>> fmt::Debug for Decimal<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({:?}, {} elements)", self.shape, self.elements.len())
    }
}
