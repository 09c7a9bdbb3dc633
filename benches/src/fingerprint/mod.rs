mod batch;

use std::fmt;

use crate::job::mix;

/// A hash of the values of a result, equal in all lanes that decode the same rows.
///
/// It is the sum of the hashes of the rows, so their order does not matter. A row's hash is FNV-1a over its values
/// from the first column to the last, each written as a letter for its kind and the value:
///
/// | kind | letter | value |
/// |---|---|---|
/// | NULL | `-` | nothing |
/// | boolean | `b` | one byte, 0 or 1 |
/// | integer of any width | `i` | 64 bits, little-endian |
/// | floating point of any width | `f` | the bits of the 64-bit number, little-endian |
/// | point in time | `p` | microseconds since 1970-01-01 00:00 UTC, as an integer |
/// | date | `d` | days since 1970-01-01, as an integer |
/// | bytes | `x` | the length as an integer, then the bytes |
/// | list | `l` | how many elements as an integer, then each of them |
/// | text, and numbers of exact decimals as their text | `t` | the length as an integer, then UTF-8 |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn add(&mut self, row: RowHash) {
        // FNV's high bits mix badly, which a sum would show.
        self.0 = self.0.wrapping_add(mix(row.0));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The hash of a row that is being read, column by column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowHash(u64);

impl RowHash {
    pub(crate) const fn new() -> Self {
        // FNV-1a, 64 bits: the offset basis.
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn null(&mut self) {
        self.bytes(b"-");
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.bytes(&[b'b', u8::from(value)]);
    }

    pub(crate) fn integer(&mut self, value: impl Into<i64>) {
        self.number(b'i', value.into());
    }

    pub(crate) fn float(&mut self, value: impl Into<f64>) {
        self.bytes(b"f");
        self.bytes(&value.into().to_bits().to_le_bytes());
    }

    pub(crate) fn point_in_time(&mut self, unix_micros: i64) {
        self.number(b'p', unix_micros);
    }

    pub(crate) fn date(&mut self, unix_days: i32) {
        self.number(b'd', unix_days.into());
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.length(b't', value.len());
        self.bytes(value.as_bytes());
    }

    pub(crate) fn binary(&mut self, value: &[u8]) {
        self.length(b'x', value.len());
        self.bytes(value);
    }

    /// Begins a list; its elements are to follow.
    pub(crate) fn list(&mut self, elements: usize) {
        self.length(b'l', elements);
    }

    fn length(&mut self, kind: u8, length: usize) {
        self.number(kind, i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn number(&mut self, kind: u8, value: i64) {
        self.bytes(&[kind]);
        self.bytes(&value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(fill: impl FnOnce(&mut RowHash)) -> Fingerprint {
        let mut row = RowHash::new();
        fill(&mut row);
        let mut result = Fingerprint::default();
        result.add(row);
        result
    }

    #[test]
    fn the_hash_of_a_row_is_the_one_that_is_documented() {
        let mut row = RowHash::new();
        row.bytes(b"foobar");
        assert_eq!(row.0, 0x8594_4171_f739_67e8, "the published vector of FNV-1a");
    }

    #[test]
    fn widths_do_not_matter_and_kinds_do() {
        assert_eq!(hash(|row| row.integer(7_i32)), hash(|row| row.integer(7_i64)));
        assert_eq!(hash(|row| row.float(0.1_f32)), hash(|row| row.float(f64::from(0.1_f32))));
        let kinds = [
            hash(|row| row.integer(1)),
            hash(|row| row.float(1)),
            hash(|row| row.boolean(true)),
            hash(|row| row.date(1)),
            hash(|row| row.point_in_time(1)),
            hash(|row| row.text("1")),
            hash(|row| row.binary(b"1")),
            hash(|row| row.list(1)),
            hash(RowHash::null),
        ];
        for (place, kind) in kinds.iter().enumerate() {
            assert!(!kinds[..place].contains(kind), "kind {place}");
        }
    }

    #[test]
    fn rows_may_come_in_any_order_but_columns_may_not() {
        let [mut first, mut second] = [RowHash::new(); 2];
        first.text("ab");
        second.text("a");
        second.text("b");
        let sum = |rows: [RowHash; 2]| {
            let mut sum = Fingerprint::default();
            rows.into_iter().for_each(|row| sum.add(row));
            sum
        };
        assert_eq!(sum([first, second]), sum([second, first]));
        assert_ne!(sum([first, second]), sum([first, first]));
        assert_ne!(
            hash(|row| ["a", "b"].into_iter().for_each(|text| row.text(text))),
            hash(|row| ["b", "a"].into_iter().for_each(|text| row.text(text)))
        );
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let row = RowHash::new();
        let mut whole = Fingerprint::default();
        whole.add(row);
        whole.add(row);
        let mut part = Fingerprint::default();
        part.add(row);
        part.merge(part);
        assert_eq!(part, whole);
    }

    #[test]
    fn it_prints_as_sixteen_digits() {
        assert_eq!(Fingerprint(0xab).to_string(), "00000000000000ab");
    }
}
