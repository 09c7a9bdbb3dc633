mod arrow;
mod decimal;
mod small;
mod text;
mod wire;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub(crate) use self::arrow::NUMERIC;
pub(super) use self::decimal::scaled;
pub use self::text::ParseNumericError;
pub(super) use self::wire::{Finite, MALFORMED, Sign, View};
use crate::types::parse;
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `numeric`: an exact decimal number of up to 131,072 digits before and 16,383 after the point, or NaN or an
/// infinity.
///
/// Parses and prints as the server does, with as many digits after the point as the value has in PostgreSQL. It
/// compares as there: by value (`1.0` equals `1.00`), and NaN equals itself and is greater than all else.
///
/// ```
/// use molt_db_decode::Numeric;
///
/// let price: Numeric = "19.90".parse()?;
/// assert_eq!(price.to_string(), "19.90");
/// assert_eq!(price, "19.9".parse()?);
/// assert_eq!(price.to_scaled(2), Some(1990));
/// assert_eq!(price.to_scaled(0), None);
/// assert_eq!(Numeric::from_scaled(1990, 2), price);
/// # Ok::<(), molt_db_decode::types::ParseNumericError>(())
/// ```
#[derive(Clone)]
pub struct Numeric(Repr);

#[derive(Clone)]
enum Repr {
    NegInfinity,
    Finite(Number),
    Infinity,
    NaN,
}

/// Without zero groups at either end; zero is positive and of weight 0.
#[derive(Clone)]
struct Number {
    sign: Sign,
    weight: i16,
    dscale: u16,
    groups: Box<[[u8; 2]]>,
}

impl Numeric {
    /// Not a number.
    pub const NAN: Self = Self(Repr::NaN);
    /// Greater than all numbers.
    pub const INFINITY: Self = Self(Repr::Infinity);
    /// Less than all numbers.
    pub const NEG_INFINITY: Self = Self(Repr::NegInfinity);

    /// Takes a number as an integer and the count of its last digits that stand behind the point.
    ///
    /// A scale above the 16,383 that PostgreSQL has is taken as that many.
    pub fn from_scaled(unscaled: i128, scale: u16) -> Self {
        let scale = scale.min(wire::MAX_DSCALE);
        text::from_digits(&unscaled.unsigned_abs().to_string(), scale, Sign::of(unscaled < 0))
    }

    /// Returns the number times 10 to the power of `scale`; `None` if that is no integer, or one of more than 127 bits.
    pub fn to_scaled(&self, scale: u16) -> Option<i128> {
        match self.view() {
            View::Finite(finite) => scaled(finite, scale.into()).ok(),
            View::NaN | View::Infinity | View::NegInfinity => None,
        }
    }

    /// Says whether it is a number, and neither NaN nor an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Finite(_))
    }

    /// Says whether it is NaN.
    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    pub(super) fn view(&self) -> View<'_> {
        match &self.0 {
            Repr::NaN => View::NaN,
            Repr::Infinity => View::Infinity,
            Repr::NegInfinity => View::NegInfinity,
            Repr::Finite(Number { sign, weight, dscale, groups }) => {
                View::Finite(Finite { sign: *sign, weight: *weight, dscale: *dscale, groups })
            }
        }
    }

    fn from_view(view: View<'_>) -> Self {
        Self(match view {
            View::NaN => Repr::NaN,
            View::Infinity => Repr::Infinity,
            View::NegInfinity => Repr::NegInfinity,
            View::Finite(finite) => {
                let Finite { sign, weight, dscale, groups } = finite.normal();
                Repr::Finite(Number { sign, weight, dscale, groups: groups.into() })
            }
        })
    }
}

impl From<i32> for Numeric {
    fn from(value: i32) -> Self {
        Self::from_scaled(value.into(), 0)
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Self {
        Self::from_scaled(value.into(), 0)
    }
}

impl FromStr for Numeric {
    type Err = ParseNumericError;

    /// Reads what the server reads: `-12.50`, `1.5e-7`, `NaN`, `Infinity`, with spaces around it.
    fn from_str(text: &str) -> Result<Self, ParseNumericError> {
        text::from_str(text)
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().write(f)
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Finite(a), Repr::Finite(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.rank().hash(state);
        if let Repr::Finite(number) = &self.0 {
            (number.sign, number.weight, &number.groups).hash(state);
        }
    }
}

impl Repr {
    fn rank(&self) -> u8 {
        match self {
            Self::NegInfinity => 0,
            Self::Finite(_) => 1,
            Self::Infinity => 2,
            Self::NaN => 3,
        }
    }
}

impl Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.sign, other.sign) {
            (Sign::Positive, Sign::Positive) => self.magnitude().cmp(&other.magnitude()),
            (Sign::Negative, Sign::Negative) => other.magnitude().cmp(&self.magnitude()),
            (Sign::Positive, Sign::Negative) => Ordering::Greater,
            (Sign::Negative, Sign::Positive) => Ordering::Less,
        }
    }

    /// Zero has no groups, and is below all weights.
    fn magnitude(&self) -> (Option<i16>, &[[u8; 2]]) {
        ((!self.groups.is_empty()).then_some(self.weight), &self.groups)
    }
}

impl FromSql<'_> for Numeric {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::NUMERIC
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Text => parse(value),
            Format::Binary => View::parse(value)
                .and_then(View::exact)
                .map(Self::from_view)
                .ok_or_else(|| ValueError::malformed(MALFORMED)),
        }
    }
}

impl ToSql for Numeric {
    fn oid(&self) -> Oid {
        Oid::NUMERIC
    }

    fn type_oid() -> Oid {
        Oid::NUMERIC
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.view().encode(&mut out.bytes);
        Ok(IsNull::No)
    }
}
