use std::fmt;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Decimal256Type, DecimalType};
use arrow_array::{ArrayRef, ArrowNativeTypeOp, PrimitiveArray};
use arrow_schema::DataType;

use super::decimal::{Misfit, Wide, scaled};
use super::small::{FIELD, Small};
use super::wire::{MALFORMED, View};
use crate::Oid;
use crate::arrow::{
    Asked, ColumnBuilder, Copied, Elements, Extension, Fault, Form, Kind, Kinds, Nulls, Refused, field,
    window,
};
use crate::types::{Type, Utf8};

/// `numeric` in Arrow: a decimal if its modifier says how wide, and the exact text otherwise.
pub(crate) const NUMERIC: Type = Type { oid: Oid::NUMERIC, array: Some(Oid(1231)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    match decimal_shape(asked.typmod) {
        Some(shape) => Form::new(shape.data_type(), move || decimal_column(shape))
            .unfit(Kinds::of(Kind::Infinity).and(Kind::NaN).and(Kind::Digits))
            .written(Arc::new(append_numeric)),
        None => Form::text(asked, Copied::Rewritten(append_numeric)).with(Extension::Opaque),
    }
}

/// The precision and scale of a `numeric(p, s)` column that is a decimal in Arrow: 0 <= scale <= precision, and
/// 1 <= precision <= 76.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DecimalShape {
    precision: u8,
    scale: i8,
}

impl DecimalShape {
    fn data_type(self) -> DataType {
        match self.precision {
            ..=38 => DataType::Decimal128(self.precision, self.scale),
            39.. => DataType::Decimal256(self.precision, self.scale),
        }
    }
}

/// Reads the modifier of a `numeric`. `None` if there is none, it is none of `numeric`, or it has more digits than
/// Arrow's decimals.
// PG source: numeric.c, make_numeric_typmod; since PostgreSQL 15 the scale can be negative or above the precision.
fn decimal_shape(typmod: i32) -> Option<DecimalShape> {
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
fn append_numeric(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let view = View::parse(value).and_then(View::exact).ok_or(Fault::Malformed(MALFORMED))?;
    view.write(&mut Utf8(out)).map_err(|fmt::Error| Fault::TooLong)
}

/// Makes a column in whichever width the precision needs.
fn decimal_column(shape: DecimalShape) -> Box<dyn ColumnBuilder> {
    match shape.precision {
        ..=38 => Box::new(Decimal::<Decimal128Type>::new(shape)),
        39.. => Box::new(Decimal::<Decimal256Type>::new(shape)),
    }
}

/// A column of `numeric` values as scaled integers.
struct Decimal<D: DecimalType<Native: Wide>> {
    elements: Elements<D::Native>,
    nulls: Nulls,
    shape: DecimalShape,
    /// The first integer with more digits than the precision has.
    bound: D::Native,
    small: Small,
}

impl<D: DecimalType<Native: Wide>> Decimal<D> {
    fn new(shape: DecimalShape) -> Self {
        let bound = D::Native::from_u64(10).pow_wrapping(shape.precision.into());
        let small = Small::new(shape.precision, shape.scale);
        Self { elements: Elements::new(), nulls: Nulls::new(), shape, bound, small }
    }

    fn decode(&self, value: &[u8]) -> Result<D::Native, Fault> {
        let finite = match View::parse(value).ok_or(Fault::Malformed(MALFORMED))? {
            View::Finite(finite) => finite,
            View::NaN => return Err(Fault::Unfit(Kind::NaN, "it is NaN")),
            View::Infinity | View::NegInfinity => return Err(Fault::Unfit(Kind::Infinity, "it is infinite")),
        };
        let scaled = scaled::<D::Native>(finite, self.shape.scale.into()).map_err(|misfit| match misfit {
            Misfit::Overflow => TOO_LARGE,
            Misfit::Inexact => {
                Fault::Unfit(Kind::Digits, "it has more digits after the point than the column's type")
            }
        })?;
        let fits = scaled.is_lt(self.bound) && scaled.is_gt(self.bound.neg_wrapping());
        if fits { Ok(scaled) } else { Err(TOO_LARGE) }
    }

    /// Takes small numbers and NULLs, up to something else.
    fn take_small(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let start = self.elements.len();
        let slots = self.elements.room(rows.len());
        let mut taken = 0;
        for (row, slot) in rows.iter_mut().zip(slots) {
            let at = *row;
            let Some(field) = window::<FIELD>(input, at) else { break };
            let size = match self.small.read(field) {
                Some((value, size)) => {
                    *slot = D::Native::from_i64(value);
                    size
                }
                None if field.starts_with(&[0xff; 4]) => {
                    self.nulls.mark(start.saturating_add(taken));
                    4
                }
                None => break,
            };
            *row = at.wrapping_add(size);
            taken += 1;
        }
        self.elements.truncate(start.saturating_add(taken));
        taken
    }
}

const TOO_LARGE: Fault = Fault::Unfit(Kind::Digits, "it has more digits than the column's type");

impl<D: DecimalType<Native: Wide>> ColumnBuilder for Decimal<D> {
    fn begin(&mut self) {
        self.elements.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], _bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.elements.push(self.decode(value).ok()?),
            None => self.push_null(),
        }
        Some(rest)
    }

    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let mut taken = 0;
        while let Some(rest) = rows.get_mut(taken..).filter(|rest| !rest.is_empty()) {
            taken = taken.saturating_add(self.take_small(input, rest));
            let Some(row) = rows.get_mut(taken) else { break };
            let Some(rest) = input.get(*row..).and_then(|rest| self.take(rest, &mut 0)) else { break };
            *row = input.len().saturating_sub(rest.len());
            taken += 1;
        }
        taken
    }

    fn push(&mut self, value: &[u8], _bytes: &mut usize) -> Result<(), Fault> {
        self.elements.push(self.decode(value)?);
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.elements.len());
        self.elements.push(D::Native::default());
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let nulls = self.nulls.finish(self.elements.len());
        let array = PrimitiveArray::<D>::new(self.elements.finish_scalars(), nulls);
        Ok(Arc::new(array.with_data_type(self.shape.data_type())))
    }

    fn width(&self) -> usize {
        size_of::<D::Native>()
    }

    fn variable_bytes(&self) -> usize {
        0
    }
}

impl<D: DecimalType<Native: Wide>> fmt::Debug for Decimal<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({:?}, {} elements)", self.shape, self.elements.len())
    }
}
