//! Columns of a result out of bytes.

use molt_db_decode::{Column, Columns, Format, Oid};

/// Reads the columns of a result: their number, at most 15, and for each a byte of type and format and one of typmod.
pub fn columns(input: &[u8]) -> Option<(Columns, &[u8])> {
    let (count, rest) = input.split_first()?;
    let (kinds, rest) = rest.split_at_checked(2 * usize::from(count & 15))?;
    Some((kinds.chunks_exact(2).map(|kind| column(kind[0], kind[1])).collect(), rest))
}

/// The lower bits choose the type, the highest text; the second byte chooses precision and scale of a numeric.
fn column(kind: u8, shape: u8) -> Column {
    let oid = OIDS[usize::from(kind & 0x7f) % OIDS.len()];
    let format = if kind & 0x80 == 0 { Format::Binary } else { Format::Text };
    // PG source: numeric.c, make_numeric_typmod
    let (precision, scale) = (3 * i32::from(shape >> 3), 3 * i32::from(shape & 7));
    let typmod = if oid == Oid::NUMERIC && shape != 0 { (precision << 16 | scale) + 4 } else { -1 };
    Column::new(format!("c{kind}"), oid, typmod, format)
}

/// The types that are known, one that is not, and arrays.
pub const OIDS: [Oid; 29] = [
    Oid::BOOL,
    Oid::BYTEA,
    Oid::CHAR,
    Oid::NAME,
    Oid::INT8,
    Oid::INT2,
    Oid::INT4,
    Oid::TEXT,
    Oid::OID,
    Oid::JSON,
    Oid::FLOAT4,
    Oid::FLOAT8,
    Oid::UNKNOWN,
    Oid::BPCHAR,
    Oid::VARCHAR,
    Oid::DATE,
    Oid::TIME,
    Oid::TIMESTAMP,
    Oid::TIMESTAMPTZ,
    Oid::NUMERIC,
    Oid::UUID,
    Oid::JSONB,
    Oid::UNSPECIFIED,
    Oid(16_400),
    Oid(1000),
    Oid(1005),
    Oid(1007),
    Oid(1009),
    Oid(2951),
];
