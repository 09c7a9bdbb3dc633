use std::error::Error;
use std::fmt;

/// Appends a row in COPY's text format with its default options: the fields as text, `None` for NULL.
///
/// A row without fields is an empty line, and so is a row of one empty field.
///
/// ```
/// use molt_db_decode::copy::{read_text_row, write_text_row};
///
/// let mut line = Vec::new();
/// write_text_row([Some("a\tb"), None, Some("\\N")], &mut line);
/// assert_eq!(line, b"a\\tb\t\\N\t\\\\N\n");
/// let fields = read_text_row(&line)?;
/// assert_eq!(fields, [Some(b"a\tb".to_vec()), None, Some(b"\\N".to_vec())]);
/// # Ok::<(), molt_db_decode::copy::TextRowError>(())
/// ```
// PG docs: sql-copy, "Text Format"
pub fn write_text_row<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = Option<T>>, out: &mut Vec<u8>) {
    for (position, field) in fields.into_iter().enumerate() {
        if position > 0 {
            out.push(b'\t');
        }
        match field {
            Some(field) => field.as_ref().iter().for_each(|byte| write_byte(*byte, out)),
            None => out.extend_from_slice(NULL),
        }
    }
    out.push(b'\n');
}

/// Reads a row in COPY's text format with its default options: `None` is NULL. The end of the line may be there or not.
///
/// An empty line is one empty field: that of a row without fields looks the same.
///
/// # Errors
///
/// A line break inside of it, or a backslash with nothing behind it.
pub fn read_text_row(line: &[u8]) -> Result<Vec<Option<Vec<u8>>>, TextRowError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.split(|byte| *byte == b'\t').map(read_field).collect()
}

/// A line is no row in COPY's text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextRowError {
    /// A line break that is not escaped stands inside of the line.
    LineBreak,
    /// A backslash is the last of a field.
    LoneBackslash,
}

impl fmt::Display for TextRowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "the row has a line break that is not escaped",
            Self::LoneBackslash => "a field of the row ends with a backslash",
        })
    }
}

impl Error for TextRowError {}

fn write_byte(byte: u8, out: &mut Vec<u8>) {
    match ESCAPES.iter().find(|(_, plain)| *plain == byte) {
        Some((letter, _)) => out.extend_from_slice(&[b'\\', *letter]),
        None => out.push(byte),
    }
}

fn read_field(field: &[u8]) -> Result<Option<Vec<u8>>, TextRowError> {
    if field == NULL {
        return Ok(None);
    }
    let (mut value, mut rest) = (Vec::with_capacity(field.len()), field);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'\\' => value.push(read_escape(&mut rest)?),
            b'\n' | b'\r' => return Err(TextRowError::LineBreak),
            byte => value.push(*byte),
        }
    }
    Ok(Some(value))
}

/// Reads what stands behind a backslash: a letter, up to three octal digits, `x` and up to two hexadecimal ones, or any
/// other character, for itself.
// PG source: copyfromparse.c, CopyReadAttributesText
fn read_escape(rest: &mut &[u8]) -> Result<u8, TextRowError> {
    let (first, tail) = rest.split_first().ok_or(TextRowError::LoneBackslash)?;
    *rest = tail;
    if let Some((_, plain)) = ESCAPES.iter().find(|(letter, _)| letter == first) {
        return Ok(*plain);
    }
    Ok(match (first, digit(*first, 8)) {
        (_, Some(digit)) => read_digits(digit, 8, 2, rest),
        (b'x', _) => match rest.split_first().and_then(|(byte, tail)| Some((digit(*byte, 16)?, tail))) {
            Some((digit, tail)) => {
                *rest = tail;
                read_digits(digit, 16, 1, rest)
            }
            None => b'x',
        },
        (other, None) => *other,
    })
}

fn read_digits(first: u8, radix: u8, most: usize, rest: &mut &[u8]) -> u8 {
    let mut value = first;
    for _ in 0..most {
        let Some((byte, tail)) = rest.split_first() else { break };
        let Some(digit) = digit(*byte, radix) else { break };
        value = value.wrapping_mul(radix).wrapping_add(digit);
        *rest = tail;
    }
    value
}

fn digit(byte: u8, radix: u8) -> Option<u8> {
    char::from(byte).to_digit(u32::from(radix)).and_then(|digit| u8::try_from(digit).ok())
}

const NULL: &[u8] = b"\\N";
/// The letter behind the backslash, and what it stands for.
const ESCAPES: [(u8, u8); 7] =
    [(b'\\', b'\\'), (b'b', 8), (b't', b'\t'), (b'n', b'\n'), (b'v', 11), (b'f', 12), (b'r', b'\r')];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_of_every_kind_are_read() {
        let fields = read_text_row(b"\\N\t\\\\N\t\\101\\x42\\x4\\7\\q\\.\\xg\\\t\n").unwrap_err();
        assert_eq!(fields, TextRowError::LoneBackslash);
        let fields = read_text_row(b"\\N\t\\\\N\t\\101\\x42\\x4\\7\\q\\.\\xg").unwrap();
        assert_eq!(fields, [None, Some(b"\\N".to_vec()), Some(b"AB\x04\x07q.xg".to_vec())]);
    }

    #[test]
    fn a_line_break_in_a_row_is_refused() {
        for line in [&b"a\nb"[..], b"a\rb\n", b"a\n\n"] {
            assert_eq!(read_text_row(line), Err(TextRowError::LineBreak));
        }
    }

    #[test]
    fn empty_lines_are_one_empty_field() {
        assert_eq!(read_text_row(b"\n").unwrap(), [Some(Vec::new())]);
        let line = &mut Vec::new();
        write_text_row([None::<&str>; 0], line);
        assert_eq!(line, b"\n");
    }

    proptest! {
        #[test]
        fn any_fields_are_read_as_they_were_written(
            fields in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 1..5),
        ) {
            let line = &mut Vec::new();
            write_text_row(fields.clone(), line);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert_eq!(read_text_row(line), Ok(fields));
        }

        #[test]
        fn no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read_text_row(&line);
        }
    }
}
