//! Bytes that are no value, at every length around those that are, and values at their edges.

use std::net::Ipv6Addr;

use super::*;
use crate::arrow::array::Array;
use crate::arrow::{ArrowOptions, ArrowPlan, BatchBuilder, BatchLimits, Unfit};

/// What Arrow makes of one value: whether it is there, or what is wrong with it.
fn in_arrow(oid: Oid, value: &[u8], unfit: Unfit) -> Result<bool, String> {
    let columns = Columns::new([column(oid, Format::Binary)]);
    let plan = ArrowPlan::compile(&columns, &ArrowOptions { unfit: unfit.into(), ..ArrowOptions::default() });
    let mut builder = BatchBuilder::new(&plan, BatchLimits::default());
    let body = [&[0, 1], &(value.len() as u32).to_be_bytes()[..], value].concat();
    let pushed = builder.push(&body);
    let _ = pushed.map_err(|error| {
        assert_eq!((builder.rows(), builder.bytes()), (0, 0));
        error.to_string()
    })?;
    let batch = builder.finish().map_err(|error| error.to_string())?.unwrap();
    batch.column(0).to_data().validate_full().unwrap();
    Ok(batch.column(0).is_valid(0))
}

/// Asserts that the bytes are no value, for nobody.
fn malformed<T: for<'r> FromSql<'r>>(oid: Oid, value: &[u8]) {
    let Err(error) = read::<T>(oid, value) else { panic!("{oid} {value:02x?}") };
    assert!(error.is_malformed(), "{oid} {value:02x?}: {error}");
    for unfit in [Unfit::Error, Unfit::Null, Unfit::Text] {
        assert!(in_arrow(oid, value, unfit).is_err(), "{oid} {value:02x?} in Arrow");
    }
}

/// Asserts that the value is one, and that it is one no more when it is shorter or longer by up to 20 bytes.
fn only_whole<T: for<'r> FromSql<'r>>(oid: Oid, value: &[u8]) {
    assert!(read::<T>(oid, value).is_ok(), "{oid}");
    assert_eq!(in_arrow(oid, value, Unfit::Error), Ok(true), "{oid}");
    for len in value.len().saturating_sub(20)..value.len() {
        malformed::<T>(oid, &value[..len]);
    }
    for more in 1..20 {
        malformed::<T>(oid, &[value, &[0; 20][..more]].concat());
    }
}

#[test]
fn values_of_every_other_length_are_malformed() {
    only_whole::<Interval>(Oid::INTERVAL, &[0; 16]);
    only_whole::<TimeTz>(Oid::TIMETZ, &[0; 12]);
    only_whole::<MacAddr>(Oid::MACADDR, &[0; 6]);
    only_whole::<MacAddr8>(Oid::MACADDR8, &[0; 8]);
    only_whole::<Money>(Oid::MONEY, &[0; 8]);
    only_whole::<PgLsn>(Oid::PG_LSN, &[0; 8]);
    only_whole::<Xid>(Oid::XID, &[0; 4]);
    only_whole::<Cid>(Oid::CID, &[0; 4]);
    only_whole::<Xid8>(Oid::XID8, &[0; 8]);
    only_whole::<Tid>(Oid::TID, &[0; 6]);
    only_whole::<Oid>(Oid::REGCLASS, &[0; 4]);
    only_whole::<i8>(Oid::CHAR, &[65]);
    only_whole::<Point>(Oid::POINT, &[0; 16]);
    only_whole::<LineSegment>(Oid::LSEG, &[0; 32]);
    only_whole::<Rect>(Oid::BOX, &[0; 32]);
    only_whole::<Line>(Oid::LINE, &[0; 24]);
    only_whole::<Circle>(Oid::CIRCLE, &[0; 24]);
    only_whole::<Polygon>(Oid::POLYGON, &[&[0, 0, 0, 2][..], &[0; 32]].concat());
    only_whole::<Path>(Oid::PATH, &[&[1, 0, 0, 0, 1][..], &[0; 16]].concat());
    only_whole::<Inet>(Oid::INET, &hex("02080004 0a010203".replace(' ', "").as_str()));
    only_whole::<Cidr>(Oid::CIDR, &hex("02080104 0a000000".replace(' ', "").as_str()));
    only_whole::<Inet>(Oid::INET, &[&[3, 64, 0, 16][..], &[0; 16]].concat());
    only_whole::<Bits>(Oid::VARBIT, &hex("00000009ff80"));
    only_whole::<Bits>(Oid::BIT, &hex("0000000880"));
    only_whole::<Snapshot>(Oid::PG_SNAPSHOT, &[&[0, 0, 0, 1][..], &[0; 24]].concat());
    only_whole::<Int2Vector>(
        Oid::INT2VECTOR,
        &hex(&format!("{INT2_HEAD}0000000100000000{}", "000000020007")),
    );
    only_whole::<OidVector>(
        Oid::OIDVECTOR,
        &hex(&format!("{OID_HEAD}0000000100000000{}", "0000000400000007")),
    );
    only_whole::<TsVector>(Oid::TSVECTOR, &hex("00000001610000028001c002"));
    only_whole::<TsQuery>(Oid::TSQUERY, &hex("000000010100006100"));
}

const INT2_HEAD: &str = "000000010000000000000015";
const OID_HEAD: &str = "00000001000000000000001a";

#[test]
fn flags_and_counts_that_cannot_be_are_malformed() {
    for (bytes, why) in [
        ("0208000400000000", ""),
        ("0121000400000000", "family"),
        ("0221000400000000", "more bits than the address has"),
        ("0308000400000000", "an address of another family's length"),
        ("0220001000000000", "a length that is not the address's"),
        (concat!("0381", "0010", "00000000000000000000000000000000"), "more bits than 128"),
    ] {
        if why.is_empty() {
            assert!(read::<Inet>(Oid::INET, &hex(bytes)).is_ok());
        } else {
            malformed::<Inet>(Oid::INET, &hex(bytes));
        }
    }
    malformed::<Cidr>(Oid::CIDR, &hex("020801040a000001"));
    malformed::<Cidr>(Oid::CIDR, &hex("0200010400000001"));
    malformed::<Bits>(Oid::VARBIT, &hex("ffffffff"));
    malformed::<Bits>(Oid::VARBIT, &hex("7fffffff00"));
    malformed::<Path>(Oid::PATH, &hex("0200000000"));
    malformed::<Path>(Oid::PATH, &hex("01ffffffff"));
    malformed::<Polygon>(Oid::POLYGON, &hex("7fffffff"));
    malformed::<Snapshot>(Oid::PG_SNAPSHOT, &hex("ffffffff00000000000000010000000000000001"));
    malformed::<TimeTz>(Oid::TIMETZ, &hex("ffffffffffffffff00000000"));
    malformed::<TimeTz>(Oid::TIMETZ, &hex("00000000000000000000e100"));
    malformed::<TimeTz>(Oid::TIMETZ, &hex("0000000000000000ffff1f00"));
    malformed::<TimeTz>(Oid::TIMETZ, &hex("000000000000000080000000"));
    assert!(read::<TimeTz>(Oid::TIMETZ, &hex("00000000000000000000e0ff")).is_ok());
    for (bytes, why) in [
        ("000000000000000000000015", "no dimensions"),
        ("0000000100000001000000150000000000000000", "NULLs"),
        ("0000000100000000000000170000000000000000", "elements of another type"),
        ("0000000100000000000000150000000000000001", "another lower bound"),
        ("000000010000000000000015ffffffff00000000", "a count below zero"),
        ("0000000100000000000000150000000100000000ffffffff", "a NULL"),
        ("0000000100000000000000150000000100000000000000030007", "an element of another length"),
    ] {
        assert!(!why.is_empty());
        malformed::<Int2Vector>(Oid::INT2VECTOR, &hex(bytes));
    }
    assert!(read::<&str>(Oid::JSONPATH, b"\x02$").unwrap_err().is_malformed());
    assert!(read::<&str>(Oid::JSONPATH, b"").unwrap_err().is_malformed());
    assert_eq!(read::<&str>(Oid::JSONPATH, b"\x01$").unwrap(), "$");
}

#[test]
fn words_that_are_none_are_malformed() {
    malformed::<TsVector>(Oid::TSVECTOR, &hex("ffffffff"));
    malformed::<TsVector>(Oid::TSVECTOR, &hex("7fffffff610000"));
    malformed::<TsVector>(Oid::TSVECTOR, &hex("00000001ff000000"));
    for (bytes, why) in [
        ("ffffffff", "a count below zero"),
        ("7fffffff0000", "a count beyond the bytes"),
        ("000000010300", "a kind that is none"),
        ("000000010205", "an operator that is none"),
        ("000000010201", "an operator without an operand"),
        ("0000000202010202", "operators alone"),
        ("00000002020201000061", "an operand too few, and no end of it"),
        ("000000020100006100010000620000", "bytes behind it"),
        ("000000020100006100 0100006200", "two trees"),
        ("000000010110006100", "a weight that is none"),
        ("000000010100026100", "a prefix that is none"),
        ("00000001010000ff00", "a word that is not UTF-8"),
    ] {
        assert!(!why.is_empty());
        malformed::<TsQuery>(Oid::TSQUERY, &hex(&bytes.replace(' ', "")));
    }
}

#[test]
fn a_search_may_be_as_deep_as_it_is_long() {
    let word = || TsNode::Lexeme { text: "a".to_owned(), weights: 0, prefix: false };
    let depth = 300_000;
    let mut nodes = vec![word()];
    nodes.extend((0..depth).map(|_| TsNode::Not));
    let query = TsQuery::from_postfix(nodes).unwrap();
    assert_eq!(query.to_string().len(), depth + 3);
    assert_eq!(read::<TsQuery>(Oid::TSQUERY, &encode(&query)).unwrap(), query);

    let mut nodes = vec![word()];
    for _ in 0..depth {
        nodes.extend([word(), TsNode::Or]);
    }
    let query = TsQuery::from_postfix(nodes).unwrap();
    assert!(query.to_string().starts_with("'a' | 'a' | 'a'"));
    assert_eq!(TsQuery::from_postfix(vec![word(), word()]), None);
    assert_eq!(TsQuery::from_postfix(vec![TsNode::Not]), None);
    assert_eq!(TsQuery::from_postfix(vec![]), Some(TsQuery::default()));
}

#[test]
fn what_arrow_cannot_hold_is_unfit() {
    let interval = |micros: i64| Interval { months: 1, days: 1, micros };
    let noon = Time::from_micros(86_400_000_000).unwrap();
    let values = [
        (Oid::INTERVAL, encode(&interval(i64::MAX / 1_000 + 1))),
        (Oid::INTERVAL, encode(&interval(i64::MIN / 1_000 - 1))),
        (Oid::INTERVAL, encode(&Interval::INFINITY)),
        (Oid::INTERVAL, encode(&Interval::NEG_INFINITY)),
        (Oid::TIMETZ, encode(&TimeTz::new(noon, 0).unwrap())),
        (Oid::CHAR, vec![0x80]),
    ];
    for (oid, value) in values {
        assert!(in_arrow(oid, &value, Unfit::Error).unwrap_err().contains("out of range"), "{oid}");
        assert_eq!(in_arrow(oid, &value, Unfit::Null), Ok(false), "{oid}");
    }
    for micros in [i64::MAX / 1_000, i64::MIN / 1_000] {
        assert_eq!(in_arrow(Oid::INTERVAL, &encode(&interval(micros)), Unfit::Error), Ok(true));
    }
}

/// The bytes are PostgreSQL's own, from the send functions.
#[test]
fn scalars_are_written_as_the_server_writes_them() {
    check::<Interval>(
        Oid::INTERVAL,
        &[
            ("1 year 2 mons -3 days +04:05:06.789", "000000036c97ca88fffffffd0000000e"),
            ("-1 mons +2 days -00:00:00.5", "fffffffffff85ee000000002ffffffff"),
            ("00:00:00", "00000000000000000000000000000000"),
        ],
    );
    check::<TimeTz>(
        Oid::TIMETZ,
        &[
            ("12:34:56.789+05:30", "0000000a8be62608ffffb2a8"),
            ("24:00:00-15:59:59", "000000141dd760000000e0ff"),
            ("00:00:00+15:59:59", "0000000000000000ffff1f01"),
            ("01:00:00+00", "00000000d693a40000000000"),
        ],
    );
    check::<Inet>(Oid::INET, &[("10.0.0.0/8", "020800040a000000"), ("1.2.3.4", "0220000401020304")]);
    check::<Cidr>(Oid::CIDR, &[("::/0", "0300011000000000000000000000000000000000")]);
    check::<Bits>(Oid::VARBIT, &[("10101", "00000005a8"), ("", "00000000")]);
    check::<Path>(
        Oid::PATH,
        &[
            ("[(1,2),(3,4)]", "00000000023ff0000000000000400000000000000040080000000000004010000000000000"),
            ("((1,2),(3,4))", "01000000023ff0000000000000400000000000000040080000000000004010000000000000"),
        ],
    );
    check::<TsVector>(
        Oid::TSVECTOR,
        &[("'a':1A,2 'it''s\\\\x'", "0000000261000002c0010002697427735c78000000")],
    );
    check::<TsQuery>(
        Oid::TSQUERY,
        &[(
            "'a' & !'b':*AB | 'c' <-> 'd' <2> 'e'",
            "0000000a0203020400020100006500020400010100006400010000630002020201010c0162000100006100",
        )],
    );
    check::<Snapshot>(
        Oid::PG_SNAPSHOT,
        &[("10:20:10,14", "00000002000000000000000a0000000000000014000000000000000a000000000000000e")],
    );
    check::<Int2Vector>(
        Oid::INT2VECTOR,
        &[("1 2", "0000000100000000000000150000000200000000000000020001000000020002")],
    );
}

#[test]
fn texts_parse_as_what_they_print_and_nothing_else() {
    fn same<T: FromStr + ToString>(texts: &[&str]) {
        for text in texts {
            assert_eq!(text.parse::<T>().ok().unwrap().to_string(), *text);
        }
    }
    fn refused<T: FromStr>(texts: &[&str]) {
        texts.iter().for_each(|text| assert!(text.parse::<T>().is_err(), "{text:?}"));
    }
    same::<Inet>(&["10.0.0.1/8", "::1", "::1.2.3.4/96", "2001:db8::/32"]);
    refused::<Inet>(&[
        "",
        "/8",
        "10.0.0.1/",
        "10.0.0.1/33",
        "::/129",
        "10/8",
        "::/+8",
        "10.0.0.1/8/8",
        " ::",
    ]);
    same::<Cidr>(&["10.0.0.0/8", "0.0.0.0/0", "::/0", "::1/128"]);
    assert_eq!("::1".parse::<Cidr>().unwrap().prefix(), 128);
    refused::<Cidr>(&["10.0.0.1/8", "::1/127", "0.0.0.1/0", "128.0.0.0/0", "8000::/0", "::/129"]);
    same::<MacAddr>(&["08:00:2b:01:02:03"]);
    refused::<MacAddr>(&["", "08:00:2b:01:02", "08:00:2b:01:02:03:04", "8:0:2b:1:2:3", "+8:00:2b:01:02:03"]);
    same::<MacAddr8>(&["08:00:2b:01:02:03:04:05"]);
    same::<Bits>(&["", "0", "1", "010101010101"]);
    refused::<Bits>(&["2", "01 ", "ä"]);
    same::<PgLsn>(&["0/0", "FFFFFFFF/FFFFFFFF"]);
    refused::<PgLsn>(&["", "/", "1", "1/", "/1", "100000000/0", "0/+1", "0/0/0"]);
    assert_eq!(Cidr::new(Ipv6Addr::UNSPECIFIED.into(), 0).unwrap().to_string(), "::/0");
    assert_eq!(Inet::new([1, 2, 3, 4].into(), 33), None);
    assert_eq!(Bits::from_bytes(9, vec![0xff]), None);
    assert_eq!([true, false, true].into_iter().collect::<Bits>(), "101".parse().unwrap());
}

proptest! {
    #[test]
    fn any_scalar_survives_the_way_there_and_back(
        months: i32, days: i32, micros: i64, word: u32, wide: u64, octets: [u8; 16], prefix in 0_u8..=128,
        clock in 0..=86_400_000_000_i64, offset in -57_599..57_600_i32, bits: Vec<bool>,
    ) {
        round_trip(&Interval { months, days, micros }, Oid::INTERVAL);
        round_trip(&TimeTz::new(Time::from_micros(clock).unwrap(), offset).unwrap(), Oid::TIMETZ);
        round_trip(&Inet::new(Ipv6Addr::from(octets).into(), prefix).unwrap(), Oid::INET);
        round_trip(&bits.into_iter().collect::<Bits>(), Oid::VARBIT);
        round_trip(&Money(micros), Oid::MONEY);
        round_trip(&Xid(word), Oid::XID);
        round_trip(&Xid8(wide), Oid::XID8);
        round_trip(&PgLsn(wide), Oid::PG_LSN);
        round_trip(&Snapshot { xmin: Xid8(wide), xmax: Xid8(0), running: vec![Xid8(wide); 3] }, Oid::PG_SNAPSHOT);
        round_trip(&Int2Vector(vec![months as i16, 7]), Oid::INT2VECTOR);
        let text = PgLsn(wide).to_string();
        prop_assert_eq!(text.parse::<PgLsn>().unwrap(), PgLsn(wide));
        let inet = Inet::new(Ipv6Addr::from(octets).into(), prefix).unwrap();
        prop_assert_eq!(inet.to_string().parse::<Inet>().unwrap(), inet);
    }
}
