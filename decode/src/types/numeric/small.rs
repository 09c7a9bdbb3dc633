/// A numeric field with at most four groups of digits, whole: its length, the header and the groups.
pub(super) const FIELD: usize = 4 + HEADER + 8;
const HEADER: usize = 8;

/// Reads the small numbers of a column, which nearly all are, without a loop and with one branch.
#[derive(Debug)]
pub(super) struct Small {
    scale: i32,
    /// The first integer with more digits than the precision has, or that is none of 63 bits.
    bound: u64,
}

impl Small {
    pub(super) fn new(precision: u8, scale: i8) -> Self {
        let bound = 10_u64.checked_pow(precision.into()).unwrap_or(u64::MAX);
        Self { scale: scale.into(), bound: bound.min(1 << 63) }
    }

    /// Reads a number at the column's scale. Returns the bytes of its field too; `None` if it is not small, has digits
    /// below the scale, or is malformed, NULL, or no number.
    #[inline]
    pub(super) fn read(&self, field: &[u8; FIELD]) -> Option<(i64, usize)> {
        let (length, rest) = field.split_first_chunk::<4>()?;
        let (header, digits) = rest.split_first_chunk::<HEADER>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let [c0, c1, w0, w1, s0, s1, d0, d1] = *header;
        let count = u16::from_be_bytes([c0, c1]);
        let weight = i32::from(i16::from_be_bytes([w0, w1]));
        let sign = u16::from_be_bytes([s0, s1]);
        let dscale = u16::from_be_bytes([d0, d1]);
        let digits = u64::from_be_bytes(*digits.first_chunk()?);
        // The groups of the number, in the low ones of four lanes.
        let groups = digits.unbounded_shr(u32::from(64_u16.wrapping_sub(count.wrapping_mul(16))));
        let is_plain = count <= 4
            && length == HEADER.wrapping_add(usize::from(count).wrapping_mul(2))
            && sign & !NEGATIVE == 0
            && dscale <= 0x3fff
            && (groups.wrapping_add(EACH * (0x7fff - 9_999)) | groups) & (EACH * 0x8000) == 0;
        let shift =
            self.scale.wrapping_add(weight.wrapping_add(1).wrapping_sub(count.into()).wrapping_mul(4));
        let power =
            usize::try_from(shift.wrapping_sub(POWERS_FROM)).ok().and_then(|power| POWERS.get(power))?;
        let integer = value(groups).wrapping_mul(power.inverse).rotate_right(power.twos);
        let scaled = integer.wrapping_mul(power.factor);
        if !is_plain || integer > power.most || scaled >= self.bound {
            return None;
        }
        let scaled = i64::try_from(scaled).ok()?;
        let number = if sign == 0 { scaled } else { scaled.wrapping_neg() };
        Some((number, length.wrapping_add(4)))
    }
}

/// Joins four groups of digits.
#[inline]
fn value(groups: u64) -> u64 {
    let low = 0x0000_ffff_0000_ffff;
    let pairs = ((groups >> 16) & low).wrapping_mul(10_000).wrapping_add(groups & low);
    (pairs >> 32).wrapping_mul(100_000_000).wrapping_add(pairs & 0xffff_ffff)
}

const NEGATIVE: u16 = 0x4000;
/// 1 in each lane of 16 bits.
const EACH: u64 = 0x0001_0001_0001_0001;

/// Multiplies an integer by a power of ten, which may be a negative one.
///
/// An odd divisor is undone by its inverse modulo 2^64, and a power of two by a rotation; the result is at most
/// `u64::MAX / divisor` if and only if nothing was left over.
// Granlund and Montgomery, "Division by Invariant Integers using Multiplication", section 9.
#[derive(Debug, Clone, Copy)]
struct Power {
    inverse: u64,
    twos: u32,
    /// Beyond this, the division leaves something over, or the product is none of 64 bits.
    most: u64,
    factor: u64,
}

const POWERS_FROM: i32 = -3;
const POWERS: [Power; 18] = [
    divided_by(3),
    divided_by(2),
    divided_by(1),
    times(0),
    times(1),
    times(2),
    times(3),
    times(4),
    times(5),
    times(6),
    times(7),
    times(8),
    times(9),
    times(10),
    times(11),
    times(12),
    times(13),
    times(14),
];

const fn divided_by(exponent: u32) -> Power {
    let fives = 5_u64.wrapping_pow(exponent);
    // Newton's iteration doubles the bits that are right: 3, 6, 12, 24, 48, 96.
    let mut inverse = fives;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(fives.wrapping_mul(inverse)));
        round += 1;
    }
    Power { inverse, twos: exponent, most: u64::MAX / 10_u64.pow(exponent), factor: 1 }
}

const fn times(exponent: u32) -> Power {
    let factor = 10_u64.pow(exponent);
    Power { inverse: 1, twos: 0, most: u64::MAX / factor, factor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Numeric, ToSql};

    fn field(number: &Numeric) -> [u8; FIELD] {
        let mut out = crate::Output::default();
        let _ = number.to_sql(&mut out).unwrap();
        let value = out.bytes;
        let mut field = (value.len() as u32).to_be_bytes().to_vec();
        field.extend(value);
        // What is behind a field is no part of it.
        field.resize(FIELD.max(field.len()), 0xa5);
        *field.first_chunk().unwrap()
    }

    fn read(text: &str, precision: u8, scale: i8) -> Option<i64> {
        let number: Numeric = text.parse().unwrap();
        Small::new(precision, scale).read(&field(&number)).map(|(value, _)| value)
    }

    #[test]
    fn ordinary_amounts_are_small() {
        for (text, scale, expected) in [
            ("0", 2, 0),
            ("0.00", 2, 0),
            ("17.00", 2, 1_700),
            ("0.05", 2, 5),
            ("-12345.67", 2, -1_234_567),
            ("999999999999.99", 2, 99_999_999_999_999),
            ("10000", 0, 10_000),
            ("1000000000000", 0, 1_000_000_000_000),
            ("0.0001", 4, 1),
            ("0.125", 3, 125),
            ("1.5", 14, 150_000_000_000_000),
        ] {
            assert_eq!(read(text, 15, scale), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_small() {
        for (text, precision, scale) in [
            ("0.001", 15, 2),
            ("100", 4, 2),
            ("-100", 4, 2),
            ("NaN", 15, 2),
            ("Infinity", 15, 2),
            ("0.05", 15, 0),
        ] {
            assert_eq!(read(text, precision, scale), None, "{text}");
        }
        assert_eq!((read("99.99", 4, 2), read("-99.99", 4, 2)), (Some(9_999), Some(-9_999)));
        assert_eq!(read("9223372036854775807", 38, 0), None, "five groups");
        assert_eq!(read("9999999999999999", 38, 2), Some(999_999_999_999_999_900));
        assert_eq!(read("9999999999999999", 38, 4), None, "more than 63 bits");
    }

    #[test]
    fn bytes_that_are_no_number_are_not_small() {
        let good = field(&"12345.67".parse().unwrap());
        let small = Small::new(15, 2);
        assert_eq!(small.read(&good), Some((1_234_567, 18)));
        // Length, count, sign, a group above 9999, and a scale that no numeric has.
        for (at, byte) in
            [(3, 15), (3, 13), (5, 4), (5, 2), (8, 0x80), (9, 1), (12, 0x27), (12, 0x80), (10, 0x40)]
        {
            let mut broken = good;
            broken[at] = byte;
            broken[13] |= u8::from(at == 12) * 0x10;
            assert_eq!(small.read(&broken), None, "byte {at} as {byte}");
        }
    }
}
