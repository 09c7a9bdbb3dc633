//! `serde_json`, which keeps numbers as integers of 64 bits or as `f64`.

use std::io;

use crate::types::{Json, Numeric};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl FromSql<'_> for serde_json::Value {
    fn accepts(column: &Column) -> bool {
        <Json<&str>>::accepts(column)
    }

    /// Refuses a number that would be rounded. Of a key that an object has twice, the last value counts, as in `jsonb`.
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let Json(text) = <Json<&str>>::from_sql(column, value)?;
        if numbers(text).any(is_rounded) {
            return Err(ValueError::out_of_range(ROUNDED));
        }
        serde_json::from_str(text).map_err(|_| match depth(text) {
            0..DEPTH => ValueError::malformed("it is no JSON"),
            DEPTH.. => ValueError::out_of_range("it is nested too deep"),
        })
    }
}

impl ToSql for serde_json::Value {
    fn oid(&self) -> Oid {
        <Json<&str>>::type_oid()
    }

    fn element_oid() -> Oid {
        <Json<&str>>::element_oid()
    }

    fn format(&self) -> Format {
        Format::Text
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        serde_json::to_writer(Bytes(out), self).map_err(|error| EncodeError::Other(error.into()))?;
        Ok(IsNull::No)
    }
}

/// Appends to a parameter.
struct Bytes<'a>(&'a mut Output);

impl io::Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says whether a number would be another one as a value of serde_json. With 15 digits none is.
fn is_rounded(number: &str) -> bool {
    let has_exponent = number.contains(['e', 'E']);
    if !has_exponent && number.len() <= 15 {
        return false;
    }
    let kept = serde_json::from_str::<serde_json::Number>(number).map(|kept| kept.to_string());
    let kept = kept.ok().and_then(|kept| kept.parse::<Numeric>().ok());
    // A number that even a numeric cannot hold is none of serde_json.
    kept.is_none() || kept != number.parse().ok()
}

/// Returns the numbers in a JSON text.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9'))?;
            let from = rest.get(start..)?;
            if let Some(string) = from.strip_prefix('"') {
                rest = behind_string(string)?;
                continue;
            }
            let end = from.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
            let (number, behind) = from.split_at_checked(end.unwrap_or(from.len()))?;
            rest = behind;
            return Some(number);
        }
    })
}

/// Returns what follows the quote at the end of a string.
fn behind_string(mut rest: &str) -> Option<&str> {
    loop {
        let (_, behind) = rest.split_at_checked(rest.find(['"', '\\'])?)?;
        if let Some(behind) = behind.strip_prefix('"') {
            return Some(behind);
        }
        let mut escape = behind.chars();
        escape.nth(1)?;
        rest = escape.as_str();
    }
}

/// Counts how many arrays and objects are inside of each other.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut rest) = (0_usize, 0, text);
    while let Some(start) = rest.find(['"', '[', ']', '{', '}']) {
        let (_, from) = rest.split_at_checked(start).unwrap_or_default();
        let mut chars = from.chars();
        match chars.next() {
            Some('[' | '{') => depth += 1,
            Some(']' | '}') => depth = depth.saturating_sub(1),
            _ => chars = behind_string(chars.as_str()).unwrap_or_default().chars(),
        }
        deepest = deepest.max(depth);
        rest = chars.as_str();
    }
    deepest
}

/// What serde_json is the first not to read.
const DEPTH: usize = 128;
const ROUNDED: &str = "it has a number that would be rounded";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::types::with::testing::{encode, read};

    fn jsonb(text: &str) -> Result<Value, ValueError> {
        read(Oid::JSONB, &[b"\x01", text.as_bytes()].concat())
    }

    #[test]
    fn documents_are_read_from_json_and_jsonb_and_sent_as_text() {
        let document = json!({"a": [1, -2.5, "ä\u{0}\"\\", null, true, {}], "": u64::MAX});
        let text = document.to_string();
        assert_eq!(encode(&document), text.as_bytes());
        assert_eq!(read::<Value>(Oid::JSON, text.as_bytes()).unwrap(), document);
        assert_eq!(jsonb(&text).unwrap(), document);
        let column = Column::new("c", Oid::JSONB, -1, Format::Text);
        assert_eq!(Value::from_sql(&column, text.as_bytes()).unwrap(), document);
        assert_eq!((document.oid(), document.format()), (Oid::UNSPECIFIED, Format::Text));
        let list = vec![document.clone(), Value::Null];
        assert_eq!(encode(&list), encode(&vec![Json(text.as_str()), Json("null")]));
        assert_eq!((list.oid(), read::<Vec<Value>>(Oid(199), &encode(&list)).unwrap()), (Oid(199), list));
        assert_eq!(jsonb(r#"{"a": 1, "a": 2}"#).unwrap(), json!({"a": 2}));
    }

    #[test]
    fn numbers_that_would_be_rounded_are_refused() {
        for text in [
            "0",
            "-0",
            "1.10",
            "18446744073709551615",
            "-9223372036854775808",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "1E+2",
            "100000000000000000000",
            "1.000000000000000000000000",
            "\"18446744073709551617\"",
            r#""\"18446744073709551617\\""#,
        ] {
            let found =
                jsonb(&format!("[{{\"b\": {text}}}]")).unwrap_or_else(|error| panic!("{text}: {error}"));
            if let (Some(number), Ok(exact)) = (found[0]["b"].as_number(), text.parse::<Numeric>()) {
                assert_eq!(number.to_string().parse::<Numeric>().unwrap(), exact);
            }
        }
        for text in [
            "18446744073709551617",
            "-9223372036854775809",
            "0.1000000000000000055511151231257827",
            "3.14159265358979323846",
            "1e400",
            "1e-400",
            "123456789012345678901234567890",
            "[\"\\\\\", 1e999999999]",
        ] {
            let error = jsonb(&format!("{{\"b\": [1, {text}]}}")).unwrap_err();
            assert!(error.is_out_of_range() && error.to_string().contains("rounded"), "{text}: {error}");
        }
    }

    #[test]
    fn documents_are_at_most_127_deep() {
        let nested = |depth| format!("{}\"[[\\\"[\"{}", "[".repeat(depth), "]".repeat(depth));
        assert!(jsonb(&nested(127)).is_ok());
        assert!(jsonb(&nested(128)).unwrap_err().is_out_of_range());
        assert!(jsonb(&nested(1_000_000)).unwrap_err().is_out_of_range());
        assert!(jsonb("[1").unwrap_err().is_malformed());
        assert!(read::<Value>(Oid::JSONB, b"\x02{}").unwrap_err().is_malformed());
    }

    proptest! {
        #[test]
        fn every_number_of_serde_json_is_kept(float: f64, integer: i64) {
            for number in [json!(float), json!(integer)] {
                prop_assert_eq!(&jsonb(&number.to_string()).unwrap(), &number);
            }
        }

        #[test]
        fn no_text_makes_a_read_panic(text: String, near in "[-0-9eE.\\\\\"\\[\\]{}:,a]{0,24}") {
            let _ = (jsonb(&text), jsonb(&near), depth(&near), numbers(&text).count());
        }
    }
}
