//! What a script does to the messages of an honest server.

use super::Memory;
use crate::say::raw;

pub(super) fn keep(_: &mut Memory, tag: u8, body: &[u8]) -> Vec<u8> {
    raw(tag, body)
}

/// Puts something in front of messages of this type.
pub(super) fn before(wanted: u8, tag: u8, body: &[u8], what: &[u8]) -> Vec<u8> {
    let front = if tag == wanted { what } else { b"" };
    [front, &raw(tag, body)].concat()
}

/// Sends something in place of messages of this type.
pub(super) fn instead(wanted: u8, tag: u8, body: &[u8], what: &[u8]) -> Vec<u8> {
    if tag == wanted { what.to_vec() } else { raw(tag, body) }
}

/// Sends something in place of Authentication messages of this kind: it begins with the type byte and has its length.
pub(super) fn instead_of_request(kind: u8, tag: u8, body: &[u8], what: &[u8]) -> Vec<u8> {
    if tag == b'R' && body.starts_with(&[0, 0, 0, kind]) { what.to_vec() } else { raw(tag, body) }
}

/// Changes the text of Authentication messages of this kind.
pub(super) fn request(kind: u8, tag: u8, body: &[u8], change: impl FnOnce(&str) -> String) -> Vec<u8> {
    match body.strip_prefix(&[0, 0, 0, kind]).filter(|_| tag == b'R') {
        Some(text) => {
            raw(b'R', &[&[0, 0, 0, kind], change(&String::from_utf8_lossy(text)).as_bytes()].concat())
        }
        None => raw(tag, body),
    }
}

/// Changes one attribute of the server's first SCRAM message: `r`, `s` or `i`.
pub(super) fn attribute(name: &str, tag: u8, body: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    request(11, tag, body, |text| {
        let attributes = text.split(',').map(|attribute| match attribute.split_once('=') {
            Some((found, value)) if found == name => format!("{name}={}", change(value)),
            _ => attribute.to_owned(),
        });
        attributes.collect::<Vec<_>>().join(",")
    })
}

/// A notice, a setting that nobody knows and a notification.
pub(super) fn asides() -> Vec<u8> {
    let notice = raw(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mpgspec\0\0");
    [notice, raw(b'S', b"pgspec.unknown\0x\0"), raw(b'A', b"\0\0\0\x01channel\0payload\0")].concat()
}

pub(super) fn error(fields: &[u8]) -> Vec<u8> {
    raw(b'E', &[fields, b"\0"].concat())
}
