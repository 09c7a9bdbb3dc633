//! Columns of a result out of bytes.

use molt_db_decode::{Catalog, Column, Columns, Definition, Format, Oid, TypeRow};

/// Reads the columns of a result: their number, at most 15, and for each a byte of type and format and one of typmod.
pub fn columns(input: &[u8]) -> Option<(Columns, &[u8])> {
    let (count, rest) = input.split_first()?;
    let (kinds, rest) = rest.split_at_checked(2 * usize::from(count & 15))?;
    let columns = kinds.chunks_exact(2).map(|kind| column(kind[0], kind[1])).collect();
    Some((CATALOG.with(|catalog| catalog.describe(&columns)), rest))
}

/// The lower bits choose the type, the highest text; the second byte chooses precision and scale of a numeric.
fn column(kind: u8, shape: u8) -> Column {
    let kinds = OIDS.len() + DATABASE.len();
    let oid = *OIDS.iter().chain(&DATABASE).nth(usize::from(kind & 0x7f) % kinds).expect("there are so many");
    let format = if kind & 0x80 == 0 { Format::Binary } else { Format::Text };
    // PG source: numeric.c, make_numeric_typmod
    let (precision, scale) = (3 * i32::from(shape >> 3), 3 * i32::from(shape & 7));
    let typmod = if oid == Oid::NUMERIC && shape != 0 { (precision << 16 | scale) + 4 } else { -1 };
    Column::new(format!("c{kind}"), oid, typmod, format)
}

/// The types that are known, one that is not, and arrays.
pub const OIDS: [Oid; 81] = [
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
    Oid::INTERVAL,
    Oid::TIMETZ,
    Oid::INET,
    Oid::CIDR,
    Oid::MACADDR,
    Oid::MACADDR8,
    Oid::BIT,
    Oid::VARBIT,
    Oid::MONEY,
    Oid::XML,
    Oid::JSONPATH,
    Oid::POINT,
    Oid::LSEG,
    Oid::BOX,
    Oid::PATH,
    Oid::POLYGON,
    Oid::LINE,
    Oid::CIRCLE,
    Oid::PG_LSN,
    Oid::XID,
    Oid::XID8,
    Oid::CID,
    Oid::TID,
    Oid::REGCLASS,
    Oid::INT2VECTOR,
    Oid::OIDVECTOR,
    Oid::PG_SNAPSHOT,
    Oid::TXID_SNAPSHOT,
    Oid::TSVECTOR,
    Oid::TSQUERY,
    Oid::REFCURSOR,
    Oid(1187),
    Oid(1017),
    Oid(1027),
    Oid(1041),
    Oid(1561),
    Oid(3643),
    Oid(3645),
    Oid(1006),
    Oid::INT4RANGE,
    Oid::INT8RANGE,
    Oid::NUMRANGE,
    Oid::TSRANGE,
    Oid::TSTZRANGE,
    Oid::DATERANGE,
    Oid::INT4MULTIRANGE,
    Oid::INT8MULTIRANGE,
    Oid::TSMULTIRANGE,
    Oid::DATEMULTIRANGE,
    Oid(3905),
    Oid(6150),
    Oid(6152),
];

/// Types of a database: an enum, a composite type, a domain, arrays, ranges, and what extensions have.
const DATABASE: [Oid; 9] = [
    Oid(16_400),
    Oid(16_401),
    Oid(16_402),
    Oid(16_403),
    Oid(16_404),
    Oid(16_405),
    Oid(16_406),
    Oid(16_407),
    Oid(16_408),
];

thread_local! {
    static CATALOG: Catalog = catalog();
}

fn catalog() -> Catalog {
    // numeric(10,2), which is a decimal in Arrow.
    let attributes = [("a", 16_402, -1), ("m", 16_400, -1), ("t", 25, -1), ("n", 1700, (10 << 16 | 2) + 4)];
    let attributes = attributes.map(|(name, oid, typmod)| (name.to_owned(), Oid(oid), typmod)).to_vec();
    let definitions = [
        Definition::Enum(vec!["sad".to_owned(), "ok".to_owned()]),
        Definition::Composite(attributes),
        Definition::Domain(Oid::INT2, -1),
        Definition::Array(Oid(16_401)),
        Definition::Base { send: "hstore_send".to_owned() },
        Definition::Range(Oid(16_402)),
        Definition::Multirange(Oid(16_405)),
        Definition::Base { send: "cube_send".to_owned() },
        Definition::Base { send: "ltree_send".to_owned() },
    ];
    let mut catalog = Catalog::default();
    catalog.extend(DATABASE.into_iter().zip(definitions).map(|(oid, definition)| TypeRow {
        oid,
        schema: "s".to_owned(),
        name: format!("t{}", oid.0),
        definition,
    }));
    catalog
}
