//! `rust_decimal`, whose numbers have 28 digits, some 29, and at most 28 behind the point.

use crate::types::numeric::{Finite, MALFORMED, Numeric, Sign, View, scaled};
use crate::types::{ConversionError, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl FromSql<'_> for rust_decimal::Decimal {
    fn accepts(column: &Column) -> bool {
        Numeric::accepts(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let view = match column.format() {
            Format::Text => return Ok(parse::<Numeric>(value)?.try_into()?),
            Format::Binary => View::parse(value).and_then(View::exact),
        };
        Ok(decimal(view.ok_or_else(|| ValueError::malformed(MALFORMED))?)?)
    }
}

impl ToSql for rust_decimal::Decimal {
    fn oid(&self) -> Oid {
        Oid::NUMERIC
    }

    fn type_oid() -> Oid {
        Oid::NUMERIC
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let scale = scale(*self);
        let missing = (4 - scale % 4) % 4;
        // At most 29 digits and 3 zeros, in 9 groups for 36.
        let mut rest = self.mantissa().unsigned_abs() * 10_u128.pow(missing.into());
        let mut groups = [[0; 2]; 9];
        for group in groups.iter_mut().rev() {
            *group = u16::try_from(rest % 10_000).unwrap_or(0).to_be_bytes();
            rest /= 10_000;
        }
        let weight = 8 - i16::try_from((scale + missing) / 4).unwrap_or(0);
        let sign = Sign::of(self.mantissa() < 0);
        View::Finite(Finite { sign, weight, dscale: scale, groups: &groups }.normal()).encode(&mut out.bytes);
        Ok(IsNull::No)
    }
}

impl TryFrom<Numeric> for rust_decimal::Decimal {
    type Error = ConversionError;

    /// Keeps the zeros at the end. Fails for NaN, the infinities, more than 28 digits behind the point, and an absolute
    /// value that without its point is above 79,228,162,514,264,337,593,543,950,335.
    fn try_from(number: Numeric) -> Result<Self, ConversionError> {
        decimal(number.view())
    }
}

impl From<rust_decimal::Decimal> for Numeric {
    /// Keeps the zeros at the end. Of zero there is no negative one.
    fn from(number: rust_decimal::Decimal) -> Self {
        Self::from_scaled(number.mantissa(), scale(number))
    }
}

fn decimal(view: View<'_>) -> Result<rust_decimal::Decimal, ConversionError> {
    match view {
        View::NaN => Err(NAN),
        View::Infinity | View::NegInfinity => Err(INFINITE),
        View::Finite(finite) => {
            let unscaled = scaled(finite, finite.dscale.into()).map_err(|_| TOO_LONG)?;
            let decimal = rust_decimal::Decimal::try_from_i128_with_scale(unscaled, finite.dscale.into());
            decimal.map_err(|_| TOO_LONG)
        }
    }
}

/// Returns how many digits stand behind the point: 28 at most.
fn scale(number: rust_decimal::Decimal) -> u16 {
    u16::try_from(number.scale()).unwrap_or(u16::MAX)
}

const NAN: ConversionError = ConversionError("it is not a number");
const INFINITE: ConversionError = ConversionError("it is infinite");
const TOO_LONG: ConversionError =
    ConversionError("it has more digits, or more behind the point, than a Decimal holds");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::types::with::testing::{encode, read, same, same_range, unread};

    fn both(text: &str) -> (Decimal, Numeric) {
        (text.parse().unwrap(), text.parse().unwrap())
    }

    #[test]
    fn digits_and_zeros_at_the_end_are_kept() {
        for text in [
            "0",
            "0.00",
            "1",
            "1.0",
            "1.00",
            "-1.50",
            "10000",
            "100000000.0001",
            "0.0001",
            "0.00001",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "7.9228162514264337593543950335",
            "0.0000000000000000000000000001",
            "-9999.9999",
            "10000000000000000000000000000",
            "0.0000000000000000000000000000",
        ] {
            let (theirs, ours) = both(text);
            same(&theirs, &ours);
            let back = read::<Decimal>(Oid::NUMERIC, &encode(&ours)).unwrap();
            assert_eq!(
                (back.to_string(), Numeric::from(theirs).to_string()),
                (text.to_owned(), text.to_owned())
            );
            assert_eq!((Decimal::try_from(ours), back.scale()), (Ok(theirs), theirs.scale()));
        }
        let (theirs, ours) = both("12.50");
        same_range(theirs, ours);
        let column = Column::new("c", Oid::NUMERIC, -1, Format::Text);
        assert_eq!(Decimal::from_sql(&column, b"12.50").unwrap().to_string(), "12.50");
        assert!(Decimal::from_sql(&column, b"NaN").unwrap_err().is_out_of_range());
        assert!(read::<Decimal>(Oid::NUMERIC, b"1").unwrap_err().is_malformed());
    }

    #[test]
    fn what_a_decimal_cannot_hold_is_refused() {
        for (text, why) in [
            ("NaN", "not a number"),
            ("Infinity", "infinite"),
            ("-Infinity", "infinite"),
            ("79228162514264337593543950336", "digits"),
            ("-79228162514264337593543950336", "digits"),
            ("7922816251426433759354395033.60", "digits"),
            ("0.00000000000000000000000000001", "digits"),
            ("0.00000000000000000000000000000", "digits"),
            ("1.00000000000000000000000000000", "digits"),
            ("1e40", "digits"),
            ("1e131071", "digits"),
        ] {
            unread::<Decimal>(&text.parse::<Numeric>().unwrap(), why);
        }
    }

    #[test]
    fn zero_has_no_sign() {
        let negative = -Decimal::new(0, 2);
        assert!(negative.is_sign_negative());
        assert_eq!(encode(&negative), encode(&"0.00".parse::<Numeric>().unwrap()));
        assert_eq!(Numeric::from(negative).to_string(), "0.00");
    }

    proptest! {
        #[test]
        fn every_decimal_is_the_same(lo: u32, mid: u32, hi: u32, negative: bool, scale in 0_u32..=28) {
            let theirs = Decimal::from_parts(lo, mid, hi, negative, scale);
            let ours = Numeric::from_scaled(theirs.mantissa(), scale as u16);
            prop_assert_eq!(encode(&theirs), encode(&ours));
            let back = read::<Decimal>(Oid::NUMERIC, &encode(&ours)).unwrap();
            prop_assert_eq!((back, back.scale()), (theirs, scale));
        }
    }
}
