use std::fmt;

/// A `float8` as the server writes it: as few digits as tell it from all others, with an exponent where the first of
/// them stands for less than 0.0001, or for 10^15 and more.
// PG source: d2s.c, double_to_shortest_decimal_bufn.
pub(super) struct Shortest(pub(super) f64);

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        if number.is_nan() {
            return f.write_str("NaN");
        }
        if number.is_infinite() {
            return f.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let magnitude = number.abs();
        if number == 0.0 || (1e-4..1e15).contains(&magnitude) {
            return write!(f, "{number}");
        }
        let text = format!("{number:e}");
        let Some((digits, exponent)) = text.split_once('e') else { return f.write_str(&text) };
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(f, "{digits}e{sign}{exponent:0>2}")
    }
}
