//! Values of the simplest types, out of their text into their binary form: so they are read alike however they come.

use std::str::FromStr;

use molt_db_decode::Oid;

/// Tells whether the text of a type is read here.
pub(super) fn is_read(oid: Oid) -> bool {
    matches!(oid, Oid::BOOL | Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::OID | Oid::FLOAT4 | Oid::FLOAT8)
}

/// Returns the binary form of a value; `Some(None)` if the text is none of its type, `None` of another type.
pub(super) fn read(oid: Oid, text: &[u8]) -> Option<Option<Vec<u8>>> {
    let text = str::from_utf8(text).unwrap_or_default();
    Some(match oid {
        Oid::BOOL => match text {
            "t" => Some(vec![1]),
            "f" => Some(vec![0]),
            _ => None,
        },
        Oid::INT2 => parsed::<i16>(text).map(|value| value.to_be_bytes().to_vec()),
        Oid::INT4 => parsed::<i32>(text).map(|value| value.to_be_bytes().to_vec()),
        Oid::INT8 => parsed::<i64>(text).map(|value| value.to_be_bytes().to_vec()),
        Oid::OID => parsed::<u32>(text).map(|value| value.to_be_bytes().to_vec()),
        // Rust reads `NaN` and `Infinity` too, and every number that PostgreSQL writes as the one it was.
        Oid::FLOAT4 => parsed::<f32>(text).map(|value| value.to_be_bytes().to_vec()),
        Oid::FLOAT8 => parsed::<f64>(text).map(|value| value.to_be_bytes().to_vec()),
        _ => return None,
    })
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_the_server_would_have_sent() {
        let cases: [(Oid, &str, &[u8]); 10] = [
            (Oid::BOOL, "t", b"\x01"),
            (Oid::BOOL, "f", b"\0"),
            (Oid::INT2, "-32768", b"\x80\0"),
            (Oid::INT4, "7", b"\0\0\0\x07"),
            (Oid::INT8, "-1", &[0xff; 8]),
            (Oid::OID, "4294967295", &[0xff; 4]),
            (Oid::FLOAT4, "1.5", &1.5_f32.to_be_bytes()),
            (Oid::FLOAT8, "-Infinity", &f64::NEG_INFINITY.to_be_bytes()),
            (Oid::FLOAT8, "1e-300", &1e-300_f64.to_be_bytes()),
            (Oid::FLOAT8, "-0", &(-0.0_f64).to_be_bytes()),
        ];
        for (oid, text, bytes) in cases {
            assert!(is_read(oid));
            assert_eq!(read(oid, text.as_bytes()), Some(Some(bytes.to_vec())), "{oid} {text}");
        }
        assert_eq!((is_read(Oid::TEXT), read(Oid::TEXT, b"x")), (false, None));
    }

    #[test]
    fn other_texts_are_none_of_the_type() {
        for (oid, text) in [(Oid::BOOL, "true"), (Oid::INT2, "32768"), (Oid::INT4, ""), (Oid::FLOAT8, "x")] {
            assert_eq!(read(oid, text.as_bytes()), Some(None));
        }
        assert_eq!(read(Oid::INT4, b"\xff"), Some(None));
    }
}
