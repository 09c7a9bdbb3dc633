use super::WireFormat;
use crate::wire::{Body, Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// A column of a result, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its name; names may repeat.
    pub name: String,
    /// The OID of the table it comes from, 0 if it comes from none.
    pub table: u32,
    /// Its number in that table, 0 if it comes from none.
    pub attribute: i16,
    /// The OID of its type; of a domain, its base type's.
    pub type_oid: u32,
    /// The size of its type, negative if that varies.
    pub type_size: i16,
    /// What the type was declared with (a length, a precision), -1 if nothing.
    pub type_modifier: i32,
    /// How its values are written. Text as long as only the statement is described.
    pub format: WireFormat,
}

impl FieldDescription {
    /// Makes a column of no table, as text: what a server computes. Its type is taken for one whose size varies, and
    /// has no modifier.
    pub fn new(name: impl Into<String>, type_oid: u32) -> Self {
        let format = WireFormat::Text;
        Self { name: name.into(), table: 0, attribute: 0, type_oid, type_size: -1, type_modifier: -1, format }
    }
}

/// Reads the body of a RowDescription.
///
/// # Errors
///
/// A count that the body has no room for, an unknown format, a name that is not UTF-8.
pub fn row_description(body: &[u8]) -> Result<Vec<FieldDescription>, Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.count(SMALLEST_FIELD)?;
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        fields.push(field(&mut reader)?);
    }
    reader.finish()?;
    Ok(fields)
}

/// Appends a RowDescription.
///
/// # Errors
///
/// A NUL in a name; more than 65,535 columns.
pub fn encode_row_description(fields: &[FieldDescription], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, Tag::RowDescription.byte(), |body| {
        body.count(fields.len(), "columns")?;
        fields.iter().try_for_each(|field| write_field(field, body))
    })
}

/// An empty name and 18 bytes.
const SMALLEST_FIELD: usize = 19;

fn field(reader: &mut Reader<'_>) -> Result<FieldDescription, Malformed> {
    Ok(FieldDescription {
        name: reader.text()?.to_owned(),
        table: reader.u32()?,
        attribute: reader.i16()?,
        type_oid: reader.u32()?,
        type_size: reader.i16()?,
        type_modifier: reader.i32()?,
        format: WireFormat::from_code(reader.u16()?)?,
    })
}

fn write_field(field: &FieldDescription, body: &mut Body<'_>) -> Result<(), EncodeError> {
    body.cstr(field.name.as_bytes(), "name of a column")?;
    body.u32(field.table);
    body.i16(field.attribute);
    body.u32(field.type_oid);
    body.i16(field.type_size);
    body.i32(field.type_modifier);
    body.u16(field.format.code());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computed_column_comes_back() {
        let column = FieldDescription::new("sum", 20);
        let out = &mut Vec::new();
        encode_row_description(std::slice::from_ref(&column), out).unwrap();
        assert_eq!(out[5..], *b"\0\x01sum\0\0\0\0\0\0\0\0\0\0\x14\xff\xff\xff\xff\xff\xff\0\0");
        assert_eq!(row_description(&out[5..]), Ok(vec![column]));
    }

    const ONE: &[u8] = b"\0\x01id\0\0\0\x40\0\0\x01\0\0\0\x14\0\x08\xff\xff\xff\xff\0\x01";

    #[test]
    fn every_field_is_read() {
        let read = row_description(ONE).unwrap();
        let expected = FieldDescription {
            name: "id".to_owned(),
            table: 0x4000,
            attribute: 1,
            type_oid: 20,
            type_size: 8,
            type_modifier: -1,
            format: WireFormat::Binary,
        };
        let out = &mut Vec::new();
        encode_row_description(std::slice::from_ref(&expected), out).unwrap();
        assert_eq!(out[5..], *ONE);
        assert_eq!(read, [expected]);
        assert_eq!(row_description(b"\0\0").unwrap(), []);
    }

    #[test]
    fn as_many_columns_are_reserved_as_there_are() {
        let body = [&[0, 200][..], &ONE[2..].repeat(200)].concat();
        let fields = row_description(&body).unwrap();
        assert_eq!((fields.len(), fields.capacity()), (200, 200));
    }

    #[test]
    fn cut_at_any_byte_it_is_refused() {
        for end in 0..ONE.len() {
            assert!(row_description(&ONE[..end]).is_err(), "{end}");
        }
        assert_eq!(row_description(&[ONE, b"x"].concat()), Err(Malformed::TrailingBytes));
        assert_eq!(row_description(b"\xff\xffabc"), Err(Malformed::Count));
    }
}
