use std::fmt::{self, Write};

/// A `float4` or `float8` as the server writes it: as few digits as tell it from all others, with an exponent where the
/// first of them stands for less than 0.0001, or for 10^6 and 10^15 and more.
// PG source: f2s.c, float_to_shortest_decimal_bufn; d2s.c, double_to_shortest_decimal_bufn.
pub(crate) struct Shortest<T>(pub(crate) T);

impl fmt::Display for Shortest<f32> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        write_number(self.0, self.0.into(), (1e-4..1e6).contains(&magnitude), f)
    }
}

impl fmt::Display for Shortest<f64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        write_number(self.0, self.0, (1e-4..1e15).contains(&magnitude), f)
    }
}

fn write_number(
    number: impl fmt::Display + fmt::LowerExp,
    value: f64,
    is_plain: bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if value.is_nan() {
        return f.write_str("NaN");
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if value == 0.0 || is_plain {
        return write!(f, "{number}");
    }
    let mut text = Digits::default();
    write!(text, "{number:e}")?;
    let text = text.as_str();
    let Some((digits, exponent)) = text.split_once('e') else { return f.write_str(text) };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    write!(f, "{digits}e{sign}{exponent:0>2}")
}

/// The digits of a number, of which there are 17 at most, with its signs, point and exponent.
#[derive(Default)]
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
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
