use std::error::Error;
use std::fmt;

use super::wire::{Finite, MAX_DSCALE, Sign, View};
use super::{Number, Numeric, Repr};

/// The text is no `numeric`, or one with more digits than PostgreSQL has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseNumericError;

impl fmt::Display for ParseNumericError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no numeric, or has too many digits")
    }
}

impl Error for ParseNumericError {}

impl View<'_> {
    /// Writes the text that the server would send.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::NaN => out.write_str("NaN"),
            Self::Infinity => out.write_str("Infinity"),
            Self::NegInfinity => out.write_str("-Infinity"),
            Self::Finite(finite) => finite.normal().write(out),
        }
    }
}

impl Finite<'_> {
    // PG source: numeric.c, get_str_from_var.
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if self.sign == Sign::Negative {
            out.write_char('-')?;
        }
        let first = (-i32::from(self.weight)).min(0);
        write!(out, "{}", self.group(first))?;
        for place in first + 1..=0 {
            write!(out, "{:04}", self.group(place))?;
        }
        if self.dscale == 0 { Ok(()) } else { self.write_fraction(out) }
    }

    fn write_fraction(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_char('.')?;
        let (whole, rest) = (self.dscale / 4, self.dscale % 4);
        for place in 1..=i32::from(whole) {
            write!(out, "{:04}", self.group(place))?;
        }
        let last = self.group(i32::from(whole) + 1);
        match rest {
            0 => Ok(()),
            1 => write!(out, "{}", last / 1_000),
            2 => write!(out, "{:02}", last / 100),
            _ => write!(out, "{:03}", last / 10),
        }
    }
}

pub(super) fn from_str(text: &str) -> Result<Numeric, ParseNumericError> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let (sign, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (Sign::Negative, text.get(1..)),
        Some(b'+') => (Sign::Positive, text.get(1..)),
        _ => (Sign::Positive, Some(text)),
    };
    let magnitude = magnitude.unwrap_or_default();
    match (magnitude.to_ascii_lowercase().as_str(), sign) {
        ("nan", _) if magnitude.len() == text.len() => Ok(Numeric::NAN),
        ("inf" | "infinity", Sign::Positive) => Ok(Numeric::INFINITY),
        ("inf" | "infinity", Sign::Negative) => Ok(Numeric::NEG_INFINITY),
        _ => number(magnitude, sign),
    }
}

/// More than this neither way can lead to a number that PostgreSQL has.
const EXPONENTS: std::ops::RangeInclusive<i64> = -200_000..=200_000;

fn number(text: &str, sign: Sign) -> Result<Numeric, ParseNumericError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| ParseNumericError)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let sane = !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && EXPONENTS.contains(&exponent);
    if !sane {
        return Err(ParseNumericError);
    }
    let scale = i64::try_from(fraction.len()).map_err(|_| ParseNumericError)? - exponent;
    build(&digits, scale, sign)
}

/// Builds a number that is sure to be in range: at most 39 digits.
pub(super) fn from_digits(digits: &str, scale: u16, sign: Sign) -> Numeric {
    build(digits, scale.into(), sign).unwrap_or(Numeric::NAN)
}

/// Takes decimal digits, of which the last `scale` stand behind the point (or `-scale` zeros follow them).
fn build(digits: &str, scale: i64, sign: Sign) -> Result<Numeric, ParseNumericError> {
    let dscale = u16::try_from(scale.max(0)).ok().filter(|dscale| *dscale <= MAX_DSCALE);
    let digits = digits.trim_start_matches('0');
    let before_point = i64::try_from(digits.len()).map_err(|_| ParseNumericError)? - scale;
    let weight = i16::try_from((before_point - 1).div_euclid(4)).map_err(|_| ParseNumericError);
    let weight = if digits.is_empty() { 0 } else { weight? };
    let leading = (i64::from(weight) + 1) * 4 - before_point;
    let leading = if digits.is_empty() { 0 } else { usize::try_from(leading).unwrap_or(0) };
    let groups = groups(digits, leading);
    let dscale = dscale.ok_or(ParseNumericError)?;
    let finite = Finite { sign, weight, dscale, groups: &groups }.normal();
    Ok(Numeric(Repr::Finite(Number {
        sign: finite.sign,
        weight: finite.weight,
        dscale,
        groups: finite.groups.into(),
    })))
}

/// Packs digits four to a group, after `leading` zeros and with zeros at the end.
fn groups(digits: &str, leading: usize) -> Vec<[u8; 2]> {
    let mut groups = Vec::with_capacity(digits.len() / 4 + 2);
    let (mut group, mut filled) = (0_u16, leading);
    for digit in digits.bytes() {
        group = group * 10 + u16::from(digit - b'0');
        filled += 1;
        if filled == 4 {
            groups.push(group.to_be_bytes());
            (group, filled) = (0, 0);
        }
    }
    if filled > 0 {
        let missing = u32::try_from(4_usize.saturating_sub(filled)).unwrap_or(0);
        groups.push((group * 10_u16.pow(missing)).to_be_bytes());
    }
    groups
}
