use std::fmt::{self, Write};
use std::str::FromStr;

/// A `float4` or `float8` as the server writes it: as few digits as tell it from all others, with an exponent where the
/// first of them stands for less than 0.0001, or for 10^6 and 10^15 and more.
// PG source: f2s.c, float_to_shortest_decimal_bufn; d2s.c, double_to_shortest_decimal_bufn.
pub(crate) struct Shortest<T>(pub(crate) T);

impl fmt::Display for Shortest<f32> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() {
            Digits::of(self.0, f32::MANTISSA_DIGITS)?.write(6, f)
        } else {
            write_other(self.0.into(), f)
        }
    }
}

impl fmt::Display for Shortest<f64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() {
            Digits::of(self.0, f64::MANTISSA_DIGITS)?.write(15, f)
        } else {
            write_other(self.0, f)
        }
    }
}

fn write_other(number: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    })
}

/// What tells every `float8` from all others.
const MOST_DIGITS: usize = 17;

/// The digits of a number, of which there are 18 at most, with its signs, point and exponent.
#[derive(Default)]
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    /// Finds the fewest digits that tell a number of so many bits from all others; of those the nearest to it, or the
    /// even one. Digits that stand for the middle between two numbers are none for the server.
    fn of<T>(number: T, bits: u32) -> Result<Self, fmt::Error>
    where
        T: fmt::LowerExp + FromStr + PartialEq + Copy,
    {
        let mut shortest = Self::default();
        write!(shortest, "{number:e}")?;
        let mut behind_first = shortest.count().saturating_sub(1);
        let mut nearest = Self::rounded(number, behind_first)?;
        if nearest.as_str().parse().ok() != Some(number) {
            nearest = shortest;
        }
        while nearest.is_between(bits) && behind_first < MOST_DIGITS {
            behind_first += 1;
            nearest = Self::rounded(number, behind_first)?;
        }
        Ok(nearest)
    }

    fn rounded(number: impl fmt::LowerExp, behind_first: usize) -> Result<Self, fmt::Error> {
        let mut digits = Self::default();
        write!(digits, "{number:.behind_first$e}")?;
        Ok(digits)
    }

    /// Writes the number without an exponent if that is -4 to below `plain`.
    fn write(&self, plain: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, exponent) = self.as_str().split_once('e').ok_or(fmt::Error)?;
        let exponent: i32 = exponent.parse().map_err(|_| fmt::Error)?;
        if !(-4..plain).contains(&exponent) {
            let sign = if exponent < 0 { '-' } else { '+' };
            return write!(f, "{digits}e{sign}{:02}", exponent.unsigned_abs());
        }
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
        let (first, rest) = digits.split_once('.').unwrap_or((digits, ""));
        f.write_str(sign)?;
        let Ok(places) = usize::try_from(exponent) else {
            let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or(0).saturating_sub(1);
            return write!(f, "0.{:0<zeros$}{first}{rest}", "");
        };
        match rest.split_at_checked(places) {
            None | Some((_, "")) => write!(f, "{first}{rest:0<places$}"),
            Some((whole, behind)) => write!(f, "{first}{whole}.{behind}"),
        }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Returns how many digits there are in front of the exponent.
    fn count(&self) -> usize {
        let digits = self.as_str().bytes().take_while(|byte| *byte != b'e');
        digits.filter(u8::is_ascii_digit).count()
    }

    /// Says whether it is as far from one number of so many bits as from the next: a number of one bit more, or two
    /// below a power of two. As few digits are that for whole numbers only.
    fn is_between(&self, bits: u32) -> bool {
        let Some((digits, exponent)) = self.as_str().split_once('e') else { return false };
        let whole = digits
            .bytes()
            .filter(u8::is_ascii_digit)
            .try_fold(0_u128, |whole, digit| whole.checked_mul(10)?.checked_add(u128::from(digit & 0xf)));
        let behind_point = digits.split_once('.').map_or(0, |(_, digits)| digits.len());
        let zeros = exponent.parse::<i32>().ok().zip(i32::try_from(behind_point).ok());
        let zeros = zeros.and_then(|(exponent, behind)| u32::try_from(exponent - behind).ok());
        // Twos make no more bits of it.
        let odd = whole.zip(zeros).and_then(|(whole, zeros)| whole.checked_mul(5_u128.checked_pow(zeros)?));
        let odd = odd.filter(|odd| *odd > 0).map(|odd| odd >> odd.trailing_zeros());
        let width = odd.map_or(0, |odd| u128::BITS - odd.leading_zeros());
        let is_below_power = odd.is_some_and(|odd| (odd + 1).is_power_of_two());
        width == bits + 1 || (width == bits + 2 && is_below_power)
    }
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As PostgreSQL 15 writes them.
    #[test]
    fn digits_are_those_of_the_server() {
        for (number, text) in [
            (127_348_544_f32, "1.27348544e+08"),
            (1e6, "1e+06"),
            (123_456.0, "123456"),
            (1e-45, "1e-45"),
            (f32::MAX, "3.4028235e+38"),
            (-0.0, "-0"),
            // It is as far from 50886.563.
            (-50_886.563, "-50886.562"),
            (0.0001, "0.0001"),
            (0.00123, "0.00123"),
            (100.5, "100.5"),
            (120.0, "120"),
        ] {
            assert_eq!(Shortest(number).to_string(), text);
        }
        for (number, text) in [
            (1e23_f64, "9.999999999999999e+22"),
            (9.5e-5, "9.5e-05"),
            (5e-324, "5e-324"),
            (1e22, "1e+22"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(Shortest(number).to_string(), text);
        }
    }
}
