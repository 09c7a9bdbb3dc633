//! Random schemas: types of the database, and tables that have columns of these and of all built-in types.

use serde_json::{Value, json};

use crate::builtin::{self, Base};
use crate::random::Random;

/// A type, with all that it is made of.
#[derive(Clone)]
pub(crate) enum Type {
    /// A built-in one, with its modifier in SQL: `(10,2)`.
    Base(&'static Base, String),
    Enum(String, Vec<String>),
    Domain(String, Box<Self>),
    Array(Box<Self>),
    /// Its bounds.
    Range(String, Subtype),
    /// Attributes by name.
    Composite(String, Vec<(String, Self)>),
}

impl Type {
    /// The type in SQL.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Base(base, modifier) => format!("{}{modifier}", base.name),
            Self::Enum(name, _) | Self::Domain(name, _) | Self::Range(name, _) | Self::Composite(name, _) => {
                quoted_name(name)
            }
            Self::Array(element) => format!("{}[]", element.sql()),
        }
    }

    /// The type for those who compare.
    pub(crate) fn describe(&self) -> Value {
        match self {
            Self::Base(base, modifier) => json!({"kind": "base", "name": base.name, "modifier": modifier}),
            Self::Enum(name, _) => json!({"kind": "enum", "name": name}),
            Self::Domain(name, of) => json!({"kind": "domain", "name": name, "of": of.describe()}),
            Self::Array(of) => json!({"kind": "array", "of": of.describe()}),
            Self::Range(name, (bound, _)) => {
                json!({"kind": "range", "name": name, "of": {"kind": "base", "name": bound, "modifier": ""}})
            }
            Self::Composite(name, attributes) => {
                let attributes: Vec<_> =
                    attributes.iter().map(|(name, of)| json!([name, of.describe()])).collect();
                json!({"kind": "composite", "name": name, "attributes": attributes})
            }
        }
    }

    /// Whether a value can be a part of another one: what is compared by another expression than itself cannot.
    fn may_be_part(&self) -> bool {
        match self {
            Self::Base(base, _) => base.shown_by.is_none() && base.has_binary,
            Self::Domain(_, of) | Self::Array(of) => of.may_be_part(),
            Self::Enum(..) | Self::Range(..) | Self::Composite(..) => true,
        }
    }

    /// What stands between the elements of an array of it.
    fn separator(&self) -> &'static str {
        match self {
            Self::Base(base, _) if base.name == "box" => ";",
            Self::Domain(_, of) => of.separator(),
            _ => ",",
        }
    }

    /// A literal of a value; `None` is NULL.
    pub(crate) fn value(&self, random: &mut Random, place: Place) -> Option<String> {
        if random.once_in(6) {
            return None;
        }
        Some(match self {
            Self::Base(base, modifier) => (base.value)(random, modifier, place),
            Self::Enum(_, labels) => labels[random.below(labels.len())].clone(),
            Self::Domain(_, of) => return of.value(random, place),
            Self::Array(element) => array(element, random, place),
            Self::Range(_, (_, bound)) => builtin::range(random, |random| random.between(0, 30_000), *bound),
            Self::Composite(_, attributes) => {
                let parts = attributes.iter().map(|(_, of)| {
                    of.value(random, Place::Part).map_or_else(String::new, |text| quoted(&text))
                });
                format!("({})", parts.collect::<Vec<_>>().join(","))
            }
        })
    }
}

/// What the bounds of a range are, and the one for a number.
type Subtype = (&'static str, fn(i64) -> String);

const SUBTYPES: [Subtype; 5] = [
    ("float8", |number| format!("{number}.25")),
    ("int2", |number| number.to_string()),
    ("text", |number| format!("{number:05},\"ä)")),
    ("pg_lsn", |number| format!("{number:X}/0")),
    ("inet", |number| format!("10.0.{}.{}", number / 256, number % 256)),
];

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Column,
    /// In an array or a composite value: only what fits Arrow.
    Part,
}

fn array(element: &Type, random: &mut Random, place: Place) -> String {
    let separator = element.separator();
    let list = |count: usize, random: &mut Random| {
        let elements = (0..count).map(|_| {
            let value = element.value(random, Place::Part);
            value.map_or_else(|| "NULL".to_owned(), |text| quoted(&text))
        });
        format!("{{{}}}", elements.collect::<Vec<_>>().join(separator))
    };
    let count = random.below(5);
    // More than one dimension, and other lower bounds.
    match random.below(20) {
        0 if place == Place::Column => {
            format!("{{{}{separator}{}}}", list(2, random), list(2, random))
        }
        1 if place == Place::Column && count > 0 => {
            format!("[0:{}]={}", count - 1, list(count, random))
        }
        _ => list(count, random),
    }
}

/// A schema: what is made by a seed.
pub(crate) struct Schema {
    types: Vec<String>,
    pub(crate) tables: Vec<Table>,
}

/// A table `t0`, `t1`, ... with columns `c0`, `c1`, ... and the number of the row, `n`.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Type>,
}

impl Schema {
    /// Makes a schema for a server of that version, with `xml` or without it.
    pub(crate) fn new(random: &mut Random, version: u32, has_xml: bool) -> Self {
        let mut maker = Maker { random, types: Vec::new(), made: Vec::new(), version, has_xml };
        maker.make_types();
        let tables = (0..TABLES).map(|number| maker.table(number)).collect();
        Self { types: maker.types, tables }
    }

    /// The statements that make the types and tables.
    pub(crate) fn sql(&self) -> Vec<String> {
        let tables = self.tables.iter().map(|table| {
            let columns: Vec<_> =
                table.columns.iter().enumerate().map(|(at, of)| format!("c{at} {}", of.sql())).collect();
            format!("create table {} (n int4, {})", table.name, columns.join(", "))
        });
        self.types.iter().cloned().chain(tables).collect()
    }
}

impl Table {
    /// A statement that fills the table.
    pub(crate) fn fill(&self, random: &mut Random) -> String {
        let rows = (0..ROWS).map(|number| {
            let values = self.columns.iter().map(|of| {
                of.value(random, Place::Column).map_or_else(|| "null".to_owned(), |text| literal(&text))
            });
            format!("({number}, {})", values.collect::<Vec<_>>().join(", "))
        });
        format!("insert into {} values {}", self.name, rows.collect::<Vec<_>>().join(", "))
    }
}

pub(crate) const TABLES: usize = 20;
pub(crate) const ROWS: usize = 300;

struct Maker<'r> {
    random: &'r mut Random,
    /// Statements.
    types: Vec<String>,
    made: Vec<Type>,
    version: u32,
    has_xml: bool,
}

impl Maker<'_> {
    fn make_types(&mut self) {
        for number in 0..6 {
            let count = [1, 2, 5, 40, 300][self.random.below(5)];
            let labels: Vec<_> = (0..count).map(|at| self.label(at)).collect();
            let list: Vec<_> = labels.iter().map(|label| literal(label)).collect();
            let name = self.name("enum", number);
            self.make(
                format!("create type {} as enum ({})", quoted_name(&name), list.join(", ")),
                Type::Enum(name, labels),
            );
        }
        for number in 0..3 {
            let subtype = self.random.pick(&SUBTYPES);
            let name = self.name("range", number);
            let sql = format!("create type {} as range (subtype = {})", quoted_name(&name), subtype.0);
            self.make(sql, Type::Range(name, subtype));
        }
        for number in 0..6 {
            let of = self.part();
            let name = self.name("domain", number);
            self.make(
                format!("create domain {} as {}", quoted_name(&name), of.sql()),
                Type::Domain(name, Box::new(of)),
            );
        }
        for number in 0..8 {
            let count = 1 + self.random.below(6);
            let attributes: Vec<_> = (0..count).map(|at| (self.name("a", at), self.part())).collect();
            let list: Vec<_> =
                attributes.iter().map(|(name, of)| format!("{} {}", quoted_name(name), of.sql())).collect();
            let name = self.name("composite", number);
            self.make(
                format!("create type {} as ({})", quoted_name(&name), list.join(", ")),
                Type::Composite(name, attributes),
            );
        }
    }

    fn make(&mut self, sql: String, made: Type) {
        self.types.push(sql);
        self.made.push(made);
    }

    fn name(&mut self, kind: &str, number: usize) -> String {
        format!("{kind}{number}{}", self.random.pick(&["", "", " with blanks", "_Ä", "\"q\""]))
    }

    fn label(&mut self, at: usize) -> String {
        format!("{at}{}", self.random.pick(&["", "it's", "\"", " , ", "😀", "NULL", "(a)", "\\"]))
    }

    fn base(&mut self) -> Type {
        loop {
            let base = &builtin::ALL[self.random.below(builtin::ALL.len())];
            if base.since <= self.version && (base.name != "xml" || self.has_xml) {
                let modifier = (base.modifier)(self.random, self.version);
                return Type::Base(base, modifier);
            }
        }
    }

    /// A type that can be a part of another one.
    fn part(&mut self) -> Type {
        loop {
            let one = match self.random.below(3) {
                0 if !self.made.is_empty() => self.made[self.random.below(self.made.len())].clone(),
                _ => self.base(),
            };
            if one.may_be_part() {
                return self.array_of(one);
            }
        }
    }

    fn array_of(&mut self, one: Type) -> Type {
        // An array of a domain over an array is one; an array of an array is the same type.
        match one {
            Type::Array(_) => one,
            one if self.random.once_in(4) => Type::Array(Box::new(one)),
            one => one,
        }
    }

    fn table(&mut self, number: usize) -> Table {
        let count = 1 + self.random.below(60);
        let columns = (0..count).map(|_| match self.random.below(4) {
            0 => self.part(),
            _ => self.base(),
        });
        Table { name: format!("t{number}"), columns: columns.collect() }
    }
}

pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
