//! The table of types says what every type of every server is.

mod sources;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use molt_db::arrow::schema::{DataType, Field};
use molt_db::arrow::{ArrowOptions, ArrowPlan};
use molt_db::decode::Format;
use molt_db::{Column, Columns, Oid};
use molt_db_testkit::{Server, shared_servers};
use sources::{is_proved_by, root};
use table::{code, proof, rows};

/// For each type what the table says that it is in Arrow.
fn documented() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("spec/types.md")).unwrap();
    let mut known = BTreeMap::new();
    for cells in rows(&text) {
        let (name, arrow) = match cells[..] {
            [name, _, _, arrow, _, _] | [name, arrow, _, _] => (code(name), code(arrow)),
            // Types of a database, which have other numbers in each.
            [_, _, _, _, _] => continue,
            _ => panic!("{cells:?}"),
        };
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
        assert!(known.insert(name.to_owned(), arrow.to_owned()).is_none(), "{name} is there twice");
    }
    known
}

/// A base type of a server, or one of ranges or multiranges.
struct Base {
    oid: Oid,
    name: String,
    /// The type of its arrays, 0 for none.
    array: Oid,
    format: Format,
}

/// All base types of a server, and its types of ranges and multiranges, but no arrays.
fn bases(server: &Server) -> Vec<Base> {
    let sql = "select oid, typname, typarray, typsend = 0 from pg_type where typtype in ('b', 'r', 'm') and \
               typnamespace = 'pg_catalog'::regnamespace and not (typcategory = 'A' and typname like '\\_%')";
    let mut bases = Vec::new();
    for row in server.sql(sql).unwrap() {
        let [Some(oid), Some(name), Some(array), Some(lacks)] = &row[..] else { panic!("{row:?}") };
        let number = |text: &str| Oid(text.parse().unwrap());
        let format = if lacks == "t" { Format::Text } else { Format::Binary };
        bases.push(Base { oid: number(oid), name: name.clone(), array: number(array), format });
    }
    bases
}

fn field(oid: Oid, format: Format) -> Field {
    let columns = Columns::new([Column::new("c", oid, -1, format)]);
    ArrowPlan::compile(&columns, &ArrowOptions::default()).schema().field(0).clone()
}

/// Writes a type as the table does.
fn shown(data_type: &DataType) -> String {
    match data_type {
        DataType::List(element) => format!("List<{}>", shown(element.data_type())),
        DataType::Struct(parts) => {
            let parts = parts.iter().map(|part| format!("{}: {}", part.name(), shown(part.data_type())));
            format!("Struct{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        DataType::Timestamp(unit, None) => format!("Timestamp({unit:?})"),
        DataType::Timestamp(unit, Some(zone)) => format!("Timestamp({unit:?}, {zone})"),
        other => format!("{other:?}"),
    }
}

fn in_arrow(field: &Field) -> String {
    let extension = field.metadata().get("ARROW:extension:name").map(|name| format!(" + {name}"));
    shown(field.data_type()) + &extension.unwrap_or_default()
}

#[test]
fn every_base_type_of_a_server_is_in_the_table_and_is_what_it_says() {
    let known = documented();
    for server in shared_servers() {
        let bases = bases(server);
        assert!(bases.len() > 55, "{} types", bases.len());
        for base in bases {
            let Some(arrow) = known.get(&base.name) else {
                panic!("{server:?} has the type {}, and spec/types.md has not", base.name)
            };
            assert_eq!(&in_arrow(&field(base.oid, base.format)), arrow, "{}", base.name);
            assert_eq!(base.oid.name(), Some(base.name.as_str()));
        }
    }
}

/// The arrays of what has a form have one, too.
#[test]
fn every_array_of_a_base_type_is_made_of_what_the_type_is() {
    for server in shared_servers() {
        let mut seen = BTreeSet::new();
        for base in bases(server) {
            if base.format == Format::Text || base.array == Oid(0) {
                continue;
            }
            let array = field(base.array, Format::Binary);
            let element = field(base.oid, Format::Binary);
            let DataType::List(found) = array.data_type() else { panic!("{}: {array:?}", base.name) };
            assert_eq!(found.data_type(), element.data_type(), "{}", base.name);
            assert_eq!(in_arrow(found), in_arrow(&element), "{}", base.name);
            seen.insert(base.array);
        }
        assert!(seen.len() > 50, "{} arrays", seen.len());
    }
}

#[test]
fn every_row_names_a_test_that_exists() {
    let text = fs::read_to_string(root().join("spec/types.md")).unwrap();
    for cells in rows(&text) {
        let (file, test) = proof(cells[cells.len() - 1]);
        assert!(is_proved_by(file, test), "{}: no test {file}::{test}", cells[0]);
    }
}

/// What is read or sent, by what the table says, is of the crate.
#[test]
fn every_rust_type_of_the_table_of_parameters_is_in_the_table_of_types() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (types, parameters) = (read("spec/types.md"), read("spec/parameters.md"));
    let sent: Vec<_> =
        rows(&types).into_iter().filter(|cells| cells.len() >= 5).map(|cells| cells[2]).collect();
    for cells in rows(&parameters).into_iter().filter(|cells| cells[1] != "none") {
        assert!(sent.iter().any(|sent| sent.contains(cells[0])), "{}", cells[0]);
    }
}
