use std::fmt;

/// The number of a PostgreSQL type, as `pg_type.oid` has it.
///
/// Prints the name of a built-in type, and `oid:NNN` for the others: only their own database knows those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(pub u32);

impl Oid {
    /// No type: as that of a parameter, the server infers it from where the parameter stands.
    pub const UNSPECIFIED: Self = Self(0);
    /// `bool`.
    pub const BOOL: Self = Self(16);
    /// `bytea`.
    pub const BYTEA: Self = Self(17);
    /// `"char"`, a single byte.
    pub const CHAR: Self = Self(18);
    /// `name`.
    pub const NAME: Self = Self(19);
    /// `int8`, also called `bigint`.
    pub const INT8: Self = Self(20);
    /// `int2`, also called `smallint`.
    pub const INT2: Self = Self(21);
    /// `int2vector`.
    pub const INT2VECTOR: Self = Self(22);
    /// `int4`, also called `integer`.
    pub const INT4: Self = Self(23);
    /// `regproc`.
    pub const REGPROC: Self = Self(24);
    /// `text`.
    pub const TEXT: Self = Self(25);
    /// `oid`.
    pub const OID: Self = Self(26);
    /// `tid`.
    pub const TID: Self = Self(27);
    /// `xid`.
    pub const XID: Self = Self(28);
    /// `cid`.
    pub const CID: Self = Self(29);
    /// `oidvector`.
    pub const OIDVECTOR: Self = Self(30);
    /// `json`.
    pub const JSON: Self = Self(114);
    /// `xml`.
    pub const XML: Self = Self(142);
    /// `pg_node_tree`.
    pub const PG_NODE_TREE: Self = Self(194);
    /// `point`.
    pub const POINT: Self = Self(600);
    /// `lseg`.
    pub const LSEG: Self = Self(601);
    /// `path`.
    pub const PATH: Self = Self(602);
    /// `box`.
    pub const BOX: Self = Self(603);
    /// `polygon`.
    pub const POLYGON: Self = Self(604);
    /// `line`.
    pub const LINE: Self = Self(628);
    /// `cidr`.
    pub const CIDR: Self = Self(650);
    /// `float4`, also called `real`.
    pub const FLOAT4: Self = Self(700);
    /// `float8`, also called `double precision`.
    pub const FLOAT8: Self = Self(701);
    /// `unknown`: a literal whose type was never decided.
    pub const UNKNOWN: Self = Self(705);
    /// `circle`.
    pub const CIRCLE: Self = Self(718);
    /// `macaddr8`.
    pub const MACADDR8: Self = Self(774);
    /// `money`.
    pub const MONEY: Self = Self(790);
    /// `macaddr`.
    pub const MACADDR: Self = Self(829);
    /// `inet`.
    pub const INET: Self = Self(869);
    /// `aclitem`.
    pub const ACLITEM: Self = Self(1033);
    /// `bpchar`, also called `character(n)`.
    pub const BPCHAR: Self = Self(1042);
    /// `varchar`, also called `character varying(n)`.
    pub const VARCHAR: Self = Self(1043);
    /// `date`.
    pub const DATE: Self = Self(1082);
    /// `time`, without time zone.
    pub const TIME: Self = Self(1083);
    /// `timestamp`, without time zone.
    pub const TIMESTAMP: Self = Self(1114);
    /// `timestamptz`, also called `timestamp with time zone`.
    pub const TIMESTAMPTZ: Self = Self(1184);
    /// `interval`.
    pub const INTERVAL: Self = Self(1186);
    /// `timetz`, also called `time with time zone`.
    pub const TIMETZ: Self = Self(1266);
    /// `bit`.
    pub const BIT: Self = Self(1560);
    /// `varbit`, also called `bit varying`.
    pub const VARBIT: Self = Self(1562);
    /// `numeric`, also called `decimal`.
    pub const NUMERIC: Self = Self(1700);
    /// `refcursor`.
    pub const REFCURSOR: Self = Self(1790);
    /// `regprocedure`.
    pub const REGPROCEDURE: Self = Self(2202);
    /// `regoper`.
    pub const REGOPER: Self = Self(2203);
    /// `regoperator`.
    pub const REGOPERATOR: Self = Self(2204);
    /// `regclass`.
    pub const REGCLASS: Self = Self(2205);
    /// `regtype`.
    pub const REGTYPE: Self = Self(2206);
    /// `void`: what a function returns that returns nothing.
    pub const VOID: Self = Self(2278);
    /// `record`: a composite value of no declared type.
    pub const RECORD: Self = Self(2249);
    /// `uuid`.
    pub const UUID: Self = Self(2950);
    /// `txid_snapshot`.
    pub const TXID_SNAPSHOT: Self = Self(2970);
    /// `pg_lsn`.
    pub const PG_LSN: Self = Self(3220);
    /// `tsvector`.
    pub const TSVECTOR: Self = Self(3614);
    /// `tsquery`.
    pub const TSQUERY: Self = Self(3615);
    /// `regconfig`.
    pub const REGCONFIG: Self = Self(3734);
    /// `regdictionary`.
    pub const REGDICTIONARY: Self = Self(3769);
    /// `jsonb`.
    pub const JSONB: Self = Self(3802);
    /// `int4range`.
    pub const INT4RANGE: Self = Self(3904);
    /// `numrange`.
    pub const NUMRANGE: Self = Self(3906);
    /// `tsrange`.
    pub const TSRANGE: Self = Self(3908);
    /// `tstzrange`.
    pub const TSTZRANGE: Self = Self(3910);
    /// `daterange`.
    pub const DATERANGE: Self = Self(3912);
    /// `int8range`.
    pub const INT8RANGE: Self = Self(3926);
    /// `int4multirange`.
    pub const INT4MULTIRANGE: Self = Self(4451);
    /// `nummultirange`.
    pub const NUMMULTIRANGE: Self = Self(4532);
    /// `tsmultirange`.
    pub const TSMULTIRANGE: Self = Self(4533);
    /// `tstzmultirange`.
    pub const TSTZMULTIRANGE: Self = Self(4534);
    /// `datemultirange`.
    pub const DATEMULTIRANGE: Self = Self(4535);
    /// `int8multirange`.
    pub const INT8MULTIRANGE: Self = Self(4536);
    /// `jsonpath`.
    pub const JSONPATH: Self = Self(4072);
    /// `regnamespace`.
    pub const REGNAMESPACE: Self = Self(4089);
    /// `regrole`.
    pub const REGROLE: Self = Self(4096);
    /// `regcollation`.
    pub const REGCOLLATION: Self = Self(4191);
    /// `pg_snapshot`.
    pub const PG_SNAPSHOT: Self = Self(5038);
    /// `xid8`.
    pub const XID8: Self = Self(5069);

    /// Returns the name of a built-in type, as `pg_type.typname` has it. Array types start with an underscore.
    pub fn name(self) -> Option<&'static str> {
        let found = NAMES.binary_search_by_key(&self.0, |(oid, _)| *oid).ok()?;
        NAMES.get(found).map(|(_, name)| *name)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "oid:{}", self.0),
        }
    }
}

/// Sorted by number. From `pg_type` of PostgreSQL 15; a built-in type keeps its number in all versions.
const NAMES: &[(u32, &str)] = &[
    (16, "bool"),
    (17, "bytea"),
    (18, "char"),
    (19, "name"),
    (20, "int8"),
    (21, "int2"),
    (22, "int2vector"),
    (23, "int4"),
    (24, "regproc"),
    (25, "text"),
    (26, "oid"),
    (27, "tid"),
    (28, "xid"),
    (29, "cid"),
    (30, "oidvector"),
    (114, "json"),
    (142, "xml"),
    (143, "_xml"),
    (194, "pg_node_tree"),
    (199, "_json"),
    (269, "table_am_handler"),
    (271, "_xid8"),
    (325, "index_am_handler"),
    (600, "point"),
    (601, "lseg"),
    (602, "path"),
    (603, "box"),
    (604, "polygon"),
    (628, "line"),
    (629, "_line"),
    (650, "cidr"),
    (651, "_cidr"),
    (700, "float4"),
    (701, "float8"),
    (705, "unknown"),
    (718, "circle"),
    (719, "_circle"),
    (774, "macaddr8"),
    (775, "_macaddr8"),
    (790, "money"),
    (791, "_money"),
    (829, "macaddr"),
    (869, "inet"),
    (1000, "_bool"),
    (1001, "_bytea"),
    (1002, "_char"),
    (1003, "_name"),
    (1005, "_int2"),
    (1006, "_int2vector"),
    (1007, "_int4"),
    (1008, "_regproc"),
    (1009, "_text"),
    (1010, "_tid"),
    (1011, "_xid"),
    (1012, "_cid"),
    (1013, "_oidvector"),
    (1014, "_bpchar"),
    (1015, "_varchar"),
    (1016, "_int8"),
    (1017, "_point"),
    (1018, "_lseg"),
    (1019, "_path"),
    (1020, "_box"),
    (1021, "_float4"),
    (1022, "_float8"),
    (1027, "_polygon"),
    (1028, "_oid"),
    (1033, "aclitem"),
    (1034, "_aclitem"),
    (1040, "_macaddr"),
    (1041, "_inet"),
    (1042, "bpchar"),
    (1043, "varchar"),
    (1082, "date"),
    (1083, "time"),
    (1114, "timestamp"),
    (1115, "_timestamp"),
    (1182, "_date"),
    (1183, "_time"),
    (1184, "timestamptz"),
    (1185, "_timestamptz"),
    (1186, "interval"),
    (1187, "_interval"),
    (1231, "_numeric"),
    (1263, "_cstring"),
    (1266, "timetz"),
    (1270, "_timetz"),
    (1560, "bit"),
    (1561, "_bit"),
    (1562, "varbit"),
    (1563, "_varbit"),
    (1700, "numeric"),
    (1790, "refcursor"),
    (2201, "_refcursor"),
    (2202, "regprocedure"),
    (2203, "regoper"),
    (2204, "regoperator"),
    (2205, "regclass"),
    (2206, "regtype"),
    (2207, "_regprocedure"),
    (2208, "_regoper"),
    (2209, "_regoperator"),
    (2210, "_regclass"),
    (2211, "_regtype"),
    (2249, "record"),
    (2275, "cstring"),
    (2276, "any"),
    (2277, "anyarray"),
    (2278, "void"),
    (2279, "trigger"),
    (2280, "language_handler"),
    (2281, "internal"),
    (2283, "anyelement"),
    (2287, "_record"),
    (2776, "anynonarray"),
    (2949, "_txid_snapshot"),
    (2950, "uuid"),
    (2951, "_uuid"),
    (2970, "txid_snapshot"),
    (3115, "fdw_handler"),
    (3220, "pg_lsn"),
    (3221, "_pg_lsn"),
    (3310, "tsm_handler"),
    (3361, "pg_ndistinct"),
    (3402, "pg_dependencies"),
    (3500, "anyenum"),
    (3614, "tsvector"),
    (3615, "tsquery"),
    (3642, "gtsvector"),
    (3643, "_tsvector"),
    (3644, "_gtsvector"),
    (3645, "_tsquery"),
    (3734, "regconfig"),
    (3735, "_regconfig"),
    (3769, "regdictionary"),
    (3770, "_regdictionary"),
    (3802, "jsonb"),
    (3807, "_jsonb"),
    (3831, "anyrange"),
    (3838, "event_trigger"),
    (3904, "int4range"),
    (3905, "_int4range"),
    (3906, "numrange"),
    (3907, "_numrange"),
    (3908, "tsrange"),
    (3909, "_tsrange"),
    (3910, "tstzrange"),
    (3911, "_tstzrange"),
    (3912, "daterange"),
    (3913, "_daterange"),
    (3926, "int8range"),
    (3927, "_int8range"),
    (4072, "jsonpath"),
    (4073, "_jsonpath"),
    (4089, "regnamespace"),
    (4090, "_regnamespace"),
    (4096, "regrole"),
    (4097, "_regrole"),
    (4191, "regcollation"),
    (4192, "_regcollation"),
    (4451, "int4multirange"),
    (4532, "nummultirange"),
    (4533, "tsmultirange"),
    (4534, "tstzmultirange"),
    (4535, "datemultirange"),
    (4536, "int8multirange"),
    (4537, "anymultirange"),
    (4538, "anycompatiblemultirange"),
    (4600, "pg_brin_bloom_summary"),
    (4601, "pg_brin_minmax_multi_summary"),
    (5017, "pg_mcv_list"),
    (5038, "pg_snapshot"),
    (5039, "_pg_snapshot"),
    (5069, "xid8"),
    (5077, "anycompatible"),
    (5078, "anycompatiblearray"),
    (5079, "anycompatiblenonarray"),
    (5080, "anycompatiblerange"),
    (6150, "_int4multirange"),
    (6151, "_nummultirange"),
    (6152, "_tsmultirange"),
    (6153, "_tstzmultirange"),
    (6155, "_datemultirange"),
    (6157, "_int8multirange"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(Oid::TIMESTAMPTZ.to_string(), "timestamptz");
        assert_eq!(Oid(1231).to_string(), "_numeric");
        assert_eq!(Oid(70_000).to_string(), "oid:70000");
        assert_eq!(Oid::UNSPECIFIED.name(), None);
    }
}
