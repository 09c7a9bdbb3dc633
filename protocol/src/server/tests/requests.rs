//! A client's messages, a function each.

use crate::message::{Bind, Target, WireFormat, bind, close, describe, execute, parse, query};

pub(super) fn q(sql: &str) -> Vec<u8> {
    written(|out| query(sql, out))
}

pub(super) fn p(name: &str, sql: &str) -> Vec<u8> {
    written(|out| parse(name, sql, &[], out))
}

pub(super) fn b(portal: &str, statement: &str) -> Vec<u8> {
    bound(portal, statement, &[], &[])
}

/// A Bind of these parameters, as text, and these formats for the result.
pub(super) fn bound(
    portal: &str,
    statement: &str,
    parameters: &[Option<&str>],
    results: &[WireFormat],
) -> Vec<u8> {
    let mut values = Vec::new();
    for parameter in parameters {
        let length = parameter.map_or(-1, |text| i32::try_from(text.len()).unwrap());
        values.extend(length.to_be_bytes());
        values.extend(parameter.unwrap_or_default().as_bytes());
    }
    let formats = vec![WireFormat::Text; parameters.len()];
    written(|out| bind(&Bind { portal, statement, formats: &formats, values: &values, results }, out))
}

pub(super) fn ds(name: &str) -> Vec<u8> {
    written(|out| describe(Target::Statement(name), out))
}

pub(super) fn dp(name: &str) -> Vec<u8> {
    written(|out| describe(Target::Portal(name), out))
}

pub(super) fn e(portal: &str, max_rows: i32) -> Vec<u8> {
    written(|out| execute(portal, max_rows, out))
}

pub(super) fn cs(name: &str) -> Vec<u8> {
    written(|out| close(Target::Statement(name), out))
}

pub(super) fn cp(name: &str) -> Vec<u8> {
    written(|out| close(Target::Portal(name), out))
}

pub(super) fn copy(data: &str) -> Vec<u8> {
    written(|out| crate::message::copy_data(data.as_bytes(), out))
}

pub(super) fn s() -> Vec<u8> {
    b"S\0\0\0\x04".to_vec()
}

pub(super) fn h() -> Vec<u8> {
    b"H\0\0\0\x04".to_vec()
}

pub(super) fn done() -> Vec<u8> {
    b"c\0\0\0\x04".to_vec()
}

pub(super) fn give_up() -> Vec<u8> {
    b"f\0\0\0\x07no\0".to_vec()
}

pub(super) fn goodbye() -> Vec<u8> {
    b"X\0\0\0\x04".to_vec()
}

pub(super) fn call() -> Vec<u8> {
    b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0".to_vec()
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), crate::EncodeError>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    out
}
