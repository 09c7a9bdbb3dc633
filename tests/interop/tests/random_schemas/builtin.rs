//! The built-in types, and literals of random values of each.

use std::fmt::Display;

use molt_db::types::{
    Date, Inet, Interval, MacAddr, MacAddr8, PgLsn, Time, TimeTz, Timestamp, TimestampTz, Uuid,
};

use crate::random::Random;
use crate::schema::{Place, quoted};

/// A built-in type.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    /// The version of the server that has it first.
    pub(crate) since: u32,
    /// Whether servers have a binary form of it.
    pub(crate) has_binary: bool,
    /// What a column is compared as, where the server's text says something else than the value: `{}` is the column.
    pub(crate) shown_by: Option<&'static str>,
    pub(crate) modifier: fn(&mut Random, u32) -> String,
    pub(crate) value: fn(&mut Random, &str, Place) -> String,
}

const fn of(name: &'static str, value: fn(&mut Random, &str, Place) -> String) -> Base {
    Base { name, since: 13, has_binary: true, shown_by: None, modifier: |_, _| String::new(), value }
}

const fn number(name: &'static str) -> Base {
    Base { shown_by: Some("{}::oid"), ..of(name, |random, _, _| oid(random).to_string()) }
}

const fn since(version: u32, base: Base) -> Base {
    Base { since: version, ..base }
}

/// All types of `spec/types.md` that servers take values of.
pub(crate) const ALL: &[Base] = &[
    of("bool", |random, _, _| random.pick(&["t", "f"]).to_owned()),
    of("int2", |random, _, _| integer(random, i16::MIN.into(), i16::MAX.into())),
    of("int4", |random, _, _| integer(random, i32::MIN.into(), i32::MAX.into())),
    of("int8", |random, _, _| integer(random, i64::MIN, i64::MAX)),
    of("oid", |random, _, _| oid(random).to_string()),
    of("xid", |random, _, _| oid(random).to_string()),
    of("cid", |random, _, _| oid(random).to_string()),
    of("xid8", |random, _, _| wide(random).to_string()),
    of("pg_lsn", |random, _, _| PgLsn(wide(random)).to_string()),
    of("tid", |random, _, _| format!("({},{})", oid(random), random.below(65_536))),
    of("float4", |random, _, _| single(random)),
    of("float8", |random, _, _| double(random)),
    Base { modifier: precision, ..of("numeric", numeric) },
    of("text", |random, _, _| text(random, 40)),
    Base {
        modifier: |random, _| random.pick(&["", "(30)"]).to_owned(),
        ..of("varchar", |random, _, _| text(random, 10))
    },
    Base { modifier: |_, _| "(12)".to_owned(), ..of("bpchar", |random, _, _| text(random, 3)) },
    of("name", |random, _, _| text(random, 5)),
    of("\"char\"", |random, _, _| random.pick(&["", "a", "~", "\"", " ", "\\"]).to_owned()),
    of("refcursor", |random, _, _| text(random, 5)),
    of("bytea", |random, _, _| {
        let bytes: Vec<_> = (0..random.below(20)).map(|_| format!("{:02x}", random.below(256))).collect();
        format!("\\x{}", bytes.concat())
    }),
    of("date", date),
    of("time", |random, _, place| match random.below(20) {
        0 if place == Place::Column => "24:00:00".to_owned(),
        _ => time(random).to_string(),
    }),
    of("timetz", |random, _, _| {
        let offset = random.pick(&[0, 3_600, -28_800, 19_800, -16_200, 57_599, -57_599]);
        shown(TimeTz::new(time(random), offset))
    }),
    of("timestamp", |random, _, place| unless_infinite(random, place, |random| stamp(random).to_string())),
    of("timestamptz", |random, _, place| {
        unless_infinite(random, place, |random| TimestampTz::from_micros(stamp(random).micros()).to_string())
    }),
    of("interval", |random, _, place| {
        let micros = match random.below(20) {
            // More than Arrow counts in nanoseconds.
            0 if place == Place::Column => 9_300_000_000_000_000,
            _ => {
                random.between(-9_000_000_000_000_000, 9_000_000_000_000_000)
                    / random.pick(&[1, 1_000_000_000])
            }
        };
        let months = i32::try_from(random.between(-30, 30)).unwrap();
        let days = i32::try_from(random.between(-1_000, 1_000)).unwrap();
        let only = |part, value| if part { value } else { 0 };
        let (with_months, with_days) = (random.once_in(2), random.once_in(2));
        Interval { months: only(with_months, months), days: only(with_days, days), micros }.to_string()
    }),
    of("uuid", |random, _, _| {
        Uuid(u128::from(random.bits()).wrapping_mul(0x1_0000_0000_0000_0001).to_be_bytes()).to_string()
    }),
    of("json", |random, _, _| json(random)),
    of("jsonb", |random, _, _| json(random)),
    of("jsonpath", |random, _, _| {
        random.pick(&["$", "$.\"a\"[*]", "strict $", "$.\"ä b\"?(@ > 1.5)"]).to_owned()
    }),
    of("xml", |random, _, _| random.pick(&["<a/>", "<a>ä &amp; 😀</a>", "text", ""]).to_owned()),
    of("inet", inet),
    of("cidr", |random, _, _| match random.below(3) {
        0 => format!("10.{}.0.0/16", random.below(256)),
        1 => format!("192.168.1.{}/32", random.below(256)),
        _ => format!("2001:db8:{:x}::/48", 1 + random.below(65_535)),
    }),
    of("macaddr", |random, _, _| MacAddr(*random.bits().to_be_bytes().first_chunk().unwrap()).to_string()),
    of("macaddr8", |random, _, _| MacAddr8(random.bits().to_be_bytes()).to_string()),
    Base {
        shown_by: Some("({}::numeric * 100)::int8"),
        ..of("money", |random, _, _| format!("{}", random.between(-1_000_000, 1_000_000)))
    },
    Base { modifier: |random, _| format!("({})", 1 + random.below(20)), ..of("bit", bits_of_length) },
    of("varbit", |random, _, _| (0..random.below(30)).map(|_| random.pick(&['0', '1'])).collect()),
    of("point", |random, _, _| point(random)),
    of("lseg", |random, _, _| format!("[{},{}]", point(random), point(random))),
    of("line", |random, _, _| {
        format!("{{{},{},{}}}", 1 + random.below(9), double_in_range(random), double_in_range(random))
    }),
    of("box", |random, _, _| format!("{},{}", point(random), point(random))),
    of("path", |random, _, _| {
        let [open, close] = random.pick(&[["[", "]"], ["(", ")"]]);
        format!("{open}{}{close}", points(random))
    }),
    of("polygon", |random, _, _| format!("({})", points(random))),
    of("circle", |random, _, _| format!("<{},{}>", point(random), random.below(1_000))),
    of("int2vector", |random, _, _| {
        vector(random, |random| integer(random, i16::MIN.into(), i16::MAX.into()))
    }),
    of("oidvector", |random, _, _| vector(random, |random| oid(random).to_string())),
    of("pg_snapshot", |random, _, _| snapshot(random)),
    of("txid_snapshot", |random, _, _| snapshot(random)),
    of("tsvector", |random, _, _| random.pick(&["", "a", "b:2 a:1,3A", "'it''s' 'ä😀':16383D"]).to_owned()),
    of("tsquery", |random, _, _| {
        random.pick(&["", "a", "!a & (b | c)", "a <-> b:*AB", "'it''s'"]).to_owned()
    }),
    of("int4range", |random, _, _| {
        range(random, |random| random.between(-1_000_000, 1_000_000), |number| number.to_string())
    }),
    of("int8range", |random, _, _| {
        range(random, |random| random.between(i64::MIN / 2, i64::MAX / 2), |number| number.to_string())
    }),
    of("numrange", |random, _, _| {
        range(random, |random| random.between(-1_000_000, 1_000_000), |number| format!("{number}.50"))
    }),
    of("daterange", |random, _, _| {
        range(
            random,
            |random| random.between(-800_000, 800_000),
            |days| Date::from_days(i32::try_from(days).unwrap()).to_string(),
        )
    }),
    of("tsrange", |random, _, _| {
        range(random, |random| stamp(random).micros(), |micros| Timestamp::from_micros(micros).to_string())
    }),
    of("tstzrange", |random, _, _| {
        range(random, |random| stamp(random).micros(), |micros| TimestampTz::from_micros(micros).to_string())
    }),
    since(14, of("int4multirange", |random, _, _| multirange(random, |number| number.to_string()))),
    since(14, of("int8multirange", |random, _, _| multirange(random, |number| (number << 30).to_string()))),
    since(14, of("nummultirange", |random, _, _| multirange(random, |number| format!("{number}.5")))),
    since(
        14,
        of("datemultirange", |random, _, _| {
            multirange(random, |days| Date::from_days(i32::try_from(days).unwrap()).to_string())
        }),
    ),
    since(
        14,
        of("tsmultirange", |random, _, _| {
            multirange(random, |number| Timestamp::from_micros(number << 30).to_string())
        }),
    ),
    since(
        14,
        of("tstzmultirange", |random, _, _| {
            multirange(random, |number| TimestampTz::from_micros(number << 30).to_string())
        }),
    ),
    number("regproc"),
    number("regprocedure"),
    number("regoper"),
    number("regoperator"),
    number("regclass"),
    number("regtype"),
    number("regconfig"),
    number("regdictionary"),
    number("regnamespace"),
    number("regrole"),
    number("regcollation"),
    Base {
        has_binary: false,
        ..of("aclitem", |random, _, _| {
            random.pick(&["=r/pg_monitor", "pg_monitor=arw*/pg_monitor"]).to_owned()
        })
    },
];

fn shown(value: Option<impl Display>) -> String {
    value.unwrap().to_string()
}

fn integer(random: &mut Random, least: i64, most: i64) -> String {
    match random.below(4) {
        0 => random.pick(&[least, most, 0, -1]).to_string(),
        _ => random.between(least, most).to_string(),
    }
}

fn oid(random: &mut Random) -> u32 {
    // None that is the number of something, which would be shown by its name.
    match random.below(3) {
        0 => random.pick(&[u32::MAX, 1 << 31, (1 << 31) - 1]),
        _ => u32::try_from(random.between(1_000_000, u32::MAX.into())).unwrap(),
    }
}

fn wide(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.pick(&[0, u64::MAX, 1 << 63, 1 << 32]),
        _ => random.bits(),
    }
}

fn single(random: &mut Random) -> String {
    match random.below(4) {
        0 => random.pick(&["0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38"]).to_owned(),
        1 => format!("{}", random.between(-2_000_000, 2_000_000)),
        _ => {
            let number = f32::from_bits(u32::try_from(random.bits() >> 32).unwrap());
            if number.is_finite() { format!("{number:e}") } else { "NaN".to_owned() }
        }
    }
}

fn double(random: &mut Random) -> String {
    match random.below(4) {
        0 => random
            .pick(&["0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308"])
            .to_owned(),
        1 => double_in_range(random),
        _ => {
            let number = f64::from_bits(random.bits());
            if number.is_finite() { format!("{number:e}") } else { "NaN".to_owned() }
        }
    }
}

/// A number that geometry can reckon with.
fn double_in_range(random: &mut Random) -> String {
    format!("{}e{}", random.between(-1_000_000, 1_000_000), random.between(-12, 12))
}

fn point(random: &mut Random) -> String {
    format!("({},{})", double_in_range(random), double_in_range(random))
}

fn points(random: &mut Random) -> String {
    let points: Vec<_> = (0..1 + random.below(5)).map(|_| point(random)).collect();
    points.join(",")
}

/// No modifier, or a precision and a scale: negative, or above the precision, from 15 on.
fn precision(random: &mut Random, version: u32) -> String {
    if random.once_in(4) {
        return String::new();
    }
    let most = random.pick(&[5, 18, 38, 76, 100]);
    let precision = random.between(1, most);
    let scale = match random.below(5) {
        0 if version >= 15 => random.between(-5, precision + 5),
        _ => random.between(0, precision),
    };
    format!("({precision},{scale})")
}

fn numeric(random: &mut Random, modifier: &str, place: Place) -> String {
    if place == Place::Column && random.once_in(30) {
        return "NaN".to_owned();
    }
    let (digits, exponent) = match modifier.trim_matches(['(', ')']).split_once(',') {
        Some((precision, scale)) => (precision.parse().unwrap(), -scale.parse::<i64>().unwrap()),
        None => (1 + random.below(60), random.between(-50, 20)),
    };
    let count = 1 + random.below(digits);
    let digits: String = (0..count).map(|_| random.pick(&['0', '1', '5', '9', '9'])).collect();
    format!("{}{digits}e{exponent}", random.pick(&["", "-"]))
}

fn text(random: &mut Random, most: usize) -> String {
    if random.once_in(8) {
        return random.pick(&["", "NULL", "null", "{}", "\"", "\\", " ", "()", ","]).to_owned();
    }
    let parts = ["a", "B", "7", " ", "ä", "😀", "\"", "\\", "'", ",", "(", "}", "e\u{301}", "long text"];
    let text: String = (0..random.below(most + 1)).map(|_| random.pick(&parts)).collect();
    // As many characters as the narrowest column has.
    if most <= 10 { text.chars().take(12).collect() } else { text }
}

fn json(random: &mut Random) -> String {
    let name = text(random, 5);
    let number = random.between(-1_000_000, 1_000_000);
    let value = match random.below(4) {
        0 => serde_json::json!(null),
        1 => serde_json::json!(name),
        2 => serde_json::json!([number, name, [true, null]]),
        _ => serde_json::json!({"a": number, name: {"ä": [1.5]}}),
    };
    value.to_string()
}

fn date(random: &mut Random, _: &str, place: Place) -> String {
    unless_infinite(random, place, |random| {
        let days = match random.below(4) {
            0 => random.between(-2_451_545, 2_145_031_948),
            1 => random.between(-800_000, -700_000),
            _ => random.between(-40_000, 40_000),
        };
        Date::from_days(i32::try_from(days).unwrap()).to_string()
    })
}

fn unless_infinite(random: &mut Random, place: Place, otherwise: fn(&mut Random) -> String) -> String {
    match random.below(20) {
        0 if place == Place::Column => random.pick(&["infinity", "-infinity"]).to_owned(),
        _ => otherwise(random),
    }
}

fn time(random: &mut Random) -> Time {
    let micros = random.between(0, 86_399_999_999);
    Time::from_micros(match random.below(3) {
        0 => micros / 1_000_000 * 1_000_000,
        _ => micros,
    })
    .unwrap()
}

/// What Arrow has a count for since 1970, too.
fn stamp(random: &mut Random) -> Timestamp {
    Timestamp::from_micros(match random.below(4) {
        0 => random.between(-211_813_488_000_000_000, 9_222_425_352_054_775_807),
        1 => random.between(-63_200_000_000_000_000, -63_000_000_000_000_000),
        2 => random.between(-2_000_000_000, 2_000_000_000) * 1_000_000,
        _ => random.between(-2_000_000_000_000_000, 2_000_000_000_000_000),
    })
}

fn inet(random: &mut Random, _: &str, _: Place) -> String {
    let bits = random.bits();
    let octets = bits.to_be_bytes();
    let is_host = random.once_in(2);
    let (addr, most): (std::net::IpAddr, u8) = if random.once_in(2) {
        ([octets[0], octets[1], octets[2], octets[3]].into(), 32)
    } else {
        let groups = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0].map(|group: u16| group);
        let tail = u16::from_be_bytes([octets[4], octets[5]]) | 1;
        ([groups[0], groups[1], 0, 0, 0, tail, tail, tail].into(), 128)
    };
    let prefix = if is_host { most } else { octets[7] % (most + 1) };
    shown(Inet::new(addr, prefix))
}

fn bits_of_length(random: &mut Random, modifier: &str, _: Place) -> String {
    let count: usize = modifier.trim_matches(['(', ')']).parse().unwrap();
    (0..count).map(|_| random.pick(&['0', '1'])).collect()
}

fn vector(random: &mut Random, element: fn(&mut Random) -> String) -> String {
    let elements: Vec<_> = (0..random.below(5)).map(|_| element(random)).collect();
    elements.join(" ")
}

fn snapshot(random: &mut Random) -> String {
    let least = random.between(1, 1 << 60);
    format!("{least}:{}:{least},{}", least + 10, least + 3)
}

pub(crate) fn range(random: &mut Random, bound: fn(&mut Random) -> i64, shown: fn(i64) -> String) -> String {
    let (one, other) = (bound(random), bound(random));
    let [lower, upper] = [one.min(other), one.max(other)].map(|number| quoted(&shown(number)));
    match random.below(10) {
        0 => "empty".to_owned(),
        1 => "(,)".to_owned(),
        2 => format!("[{lower},)"),
        3 => format!("(,{upper}]"),
        4 => format!("({lower},{upper}]"),
        _ => format!("[{lower},{upper})"),
    }
}

fn multirange(random: &mut Random, shown: fn(i64) -> String) -> String {
    let mut at = random.between(-500_000, 0);
    let ranges = (0..random.below(4)).map(|_| {
        at += random.between(10, 1_000);
        format!("[\"{}\",\"{}\")", shown(at), shown(at + 5))
    });
    format!("{{{}}}", ranges.collect::<Vec<_>>().join(","))
}
