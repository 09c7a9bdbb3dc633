//! Types of a database, fast and slow.

use super::blocks::{Input, array, assert_same};
use super::*;
use crate::{Catalog, Definition, TypeRow};

const MOOD: Oid = Oid(16_400);
const PAIR: Oid = Oid(16_401);
const SMALL: Oid = Oid(16_402);
const SMALLS: Oid = Oid(16_403);
const STORE: Oid = Oid(16_404);
const SPAN: Oid = Oid(16_405);

fn catalog() -> Catalog {
    let row =
        |oid, name: &str, definition| TypeRow { oid, schema: "s".into(), name: name.into(), definition };
    let attributes = vec![("a".into(), SMALL, -1), ("m".into(), MOOD, -1), ("t".into(), Oid::TEXT, -1)];
    let mut catalog = Catalog::default();
    catalog.extend([
        row(MOOD, "mood", Definition::Enum(vec!["sad".into(), "ok".into()])),
        row(PAIR, "pair", Definition::Composite(attributes)),
        row(SMALL, "small", Definition::Domain(Oid::INT2, -1)),
        row(SMALLS, "_small", Definition::Array(SMALL)),
        row(STORE, "hstore", Definition::Base { send: "hstore_send".into() }),
        row(SPAN, "span", Definition::Range(Oid::FLOAT8)),
    ]);
    catalog
}

fn columns() -> Columns {
    let oids = [MOOD, PAIR, SMALLS, STORE, SPAN];
    let columns = oids.iter().map(|oid| Column::new("c", *oid, -1, Format::Binary)).collect();
    catalog().describe(&columns)
}

fn pair(types: [Oid; 3], values: [Option<&[u8]>; 3]) -> Vec<u8> {
    let mut value = 3_i32.to_be_bytes().to_vec();
    for (oid, part) in types.iter().zip(values) {
        value.extend(oid.0.to_be_bytes());
        value.extend_from_slice(&body(&[part])[2..]);
    }
    value
}

fn store(pairs: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
    let mut value = (pairs.len() as u32).to_be_bytes().to_vec();
    for (key, of_key) in pairs {
        value.extend_from_slice(&body(&[Some(key), *of_key])[2..]);
    }
    value
}

type Values = [Option<Vec<u8>>; 5];

fn values(number: u64) -> Values {
    let small = (number as i16).to_be_bytes();
    let mood: &[u8] = [&b"sad"[..], b"ok", b"added"][number as usize % 3];
    let parts = [
        Some(&small[..]),
        (!number.is_multiple_of(4)).then_some(mood),
        Some(&b"text"[..number as usize % 5]),
    ];
    let mut span = vec![2];
    span.extend_from_slice(&body(&[Some(&1.0_f64.to_be_bytes()), Some(&(number as f64).to_be_bytes())])[2..]);
    [
        Some(mood.to_vec()),
        Some(pair([SMALL, MOOD, Oid::TEXT], parts)),
        Some(array(SMALL.0, &[Some(&small), None])),
        Some(store(&[(b"k", Some(b"v")), (b"n", None)])),
        Some(span),
    ]
}

fn bytes_of(row: &[Option<Vec<u8>>]) -> Vec<u8> {
    body(&row.iter().map(Option::as_deref).collect::<Vec<_>>())
}

#[test]
fn rows_are_what_they_are_one_by_one_whatever_is_wrong_with_some() {
    let changes: [fn(&mut Values); 12] = [
        |row| row.iter_mut().for_each(|value| *value = None),
        |row| row[0] = Some(vec![0xff]),
        |row| row[1] = Some(pair([SMALL, MOOD, Oid::VARCHAR], [None; 3])),
        |row| row[1] = Some(vec![0, 0, 0, 4]),
        |row| row[1].as_mut().unwrap().push(0),
        |row| row[1] = Some(pair([SMALL, MOOD, Oid::TEXT], [Some(b"long"), None, None])),
        |row| row[1] = Some(pair([SMALL, MOOD, Oid::TEXT], [None, Some(b"\xff"), Some(b"t")])),
        |row| row[2] = Some(array(Oid::INT2.0, &[Some(&[0, 1])])),
        |row| row[3] = Some(vec![0xff; 4]),
        |row| row[3].as_mut().unwrap().truncate(9),
        |row| row[4] = Some(vec![2, 0, 0, 0, 1, 0]),
        |row| row[1].as_mut().unwrap().truncate(20),
    ];
    for (seed, change) in changes.into_iter().enumerate() {
        for at in [0, 70, 199] {
            let mut rows: Vec<_> = (0..200).map(|number| values(number + seed as u64)).collect();
            change(&mut rows[at]);
            let rows: Vec<_> = rows.iter().map(|row| bytes_of(row)).collect();
            for options in [ArrowOptions::default(), TO_NULL] {
                for limits in [
                    BatchLimits::default(),
                    BatchLimits { rows: RowLimit::new(9), bytes: ByteLimit::new(900) },
                ] {
                    assert_same(&columns(), &options, limits, &Input::of(&rows, 5, 40));
                }
            }
        }
    }
}

#[test]
fn every_value_that_is_cut_short_is_malformed_or_another() {
    let columns = columns();
    let plan = ArrowPlan::compile(&columns, &ArrowOptions::default());
    let whole = values(7);
    for position in 1..5 {
        let value = whole[position].clone().unwrap();
        for end in 0..value.len() {
            let mut row = whole.clone();
            row[position] = Some(value[..end].to_vec());
            let mut builder = BatchBuilder::new(&plan, BatchLimits::default());
            let pushed = builder.push(&bytes_of(&row));
            assert!(pushed.is_err(), "column {position}, {end} bytes of {}", value.len());
            assert_eq!(builder.rows(), 0);
        }
    }
}

#[test]
fn labels_that_are_made_up_fill_no_memory() {
    let columns = catalog().describe(&Columns::new([Column::new("c", MOOD, -1, Format::Binary)]));
    let plan = ArrowPlan::compile(&columns, &ArrowOptions::default());
    let mut builder =
        BatchBuilder::new(&plan, BatchLimits { rows: RowLimit::new(65_536), bytes: ByteLimit::new(10_000) });
    let mut batches = 0;
    for number in 0..2_000 {
        if builder.push(&body(&[Some(format!("label {number:0100}").as_bytes())])).unwrap() == Filled::Full {
            let batch = builder.finish().unwrap().unwrap();
            assert!(batch.num_rows() < 110, "{}", batch.num_rows());
            batches += 1;
        }
    }
    assert!(batches > 15, "{batches}");
}

#[test]
fn types_that_a_server_says_are_made_of_each_other_end_somewhere() {
    let row = |oid, of| TypeRow {
        oid: Oid(oid),
        schema: String::new(),
        name: oid.to_string(),
        definition: Definition::Composite(vec![("x".into(), Oid(of), -1), ("y".into(), Oid(of), -1)]),
    };
    let mut catalog = Catalog::default();
    catalog.extend([row(20_000, 20_001), row(20_001, 20_000)]);
    let columns = Columns::new([Column::new("c", Oid(20_000), -1, Format::Binary)]);
    let columns = catalog.describe(&columns);
    assert!(columns[0].type_info().is_some());
    let plan = ArrowPlan::compile(&columns, &ArrowOptions::default());
    assert_eq!(plan.schema().fields().len(), 1);
}
