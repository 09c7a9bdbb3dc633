//! Rows that do not fit, errors, and what nobody asked for.

use super::super::change::{error, instead, keep};
use super::super::{ClientCase, Demand};
use super::case;
use crate::case::Level;
use crate::say::raw;

/// Returns the cases.
pub(super) fn results() -> Vec<ClientCase> {
    [rows(), errors(), unasked()].concat()
}

/// Rows that do not fit, and errors.
fn rows() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, FORMATS, Demand::Fail, change);
    vec![
        fails(
            "client-result.row-too-wide",
            "A row has as many values as there are columns, not more.",
            |_, tag, body| instead(b'D', tag, body, &raw(b'D', b"\0\x02\0\0\0\x0242\0\0\0\x0242")),
        ),
        fails(
            "client-result.row-too-narrow",
            "A row has as many values as there are columns, not fewer.",
            |_, tag, body| instead(b'D', tag, body, &raw(b'D', b"\0\0")),
        ),
        fails("client-result.value-beyond-message", "A value ends inside of its message.", |_, tag, body| {
            instead(b'D', tag, body, &raw(b'D', b"\0\x01\0\0\0\x6442"))
        }),
        fails("client-result.value-length-negative", "-1 is the only length below zero.", |_, tag, body| {
            instead(b'D', tag, body, &raw(b'D', b"\0\x01\xff\xff\xff\xfe42"))
        })
        .level(Level::Reference),
        fails(
            "client-result.columns-beyond-message",
            "There are as many columns as the count says.",
            |_, tag, body| {
                if tag == b'T' { raw(tag, &[b"\xff\xff", &body[2..]].concat()) } else { raw(tag, body) }
            },
        ),
        fails("client-result.format-2", "There are formats 0 and 1.", |_, tag, body| {
            if tag == b'T' {
                raw(tag, &[&body[..body.len() - 2], b"\0\x02"].concat())
            } else {
                raw(tag, body)
            }
        })
        .level(Level::Info),
        fails(
            "client-result.row-without-description",
            "A row without a description is no result.",
            |_, tag, body| instead(b'T', tag, body, b""),
        ),
    ]
}

/// Errors of all shapes.
fn errors() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, FORMATS, Demand::Fail, change);
    vec![
        fails("client-result.error-after-row", "An error after rows is an error.", |_, tag, body| {
            instead(b'C', tag, body, &error(b"SERROR\0VERROR\0C22012\0Mdivision by zero\0"))
        }),
        fails(
            "client-result.error-without-code",
            "An error without an SQLSTATE is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0VERROR\0Mpgspec\0")),
        )
        .level(Level::Reference),
        fails(
            "client-result.error-of-old-servers",
            "An error without the untranslated severity is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0C22012\0Mpgspec\0")),
        ),
        fails(
            "client-result.error-with-unknown-field",
            "An error with a field that is not known is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0VERROR\0C22012\0Mpgspec\0?what\0")),
        ),
        fails("client-result.error-empty", "An error without fields is an error.", |_, tag, body| {
            instead(b'C', tag, body, &error(b""))
        })
        .level(Level::Reference),
    ]
}

/// What nobody asked for.
fn unasked() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, FORMATS, Demand::Fail, change);
    vec![
        fails(
            "client-result.copy-in",
            "A client that did not ask for a COPY ends it, and reports an error.",
            keep,
        )
        .unasked_copy()
        .level(Level::Reference),
        fails(
            "client-result.copy-out",
            "A COPY to a client that did not ask for one is not its answer.",
            |_, tag, body| {
                let copy = [raw(b'H', b"\0\0\x01\0\0"), raw(b'd', b"pgspec\n"), raw(b'c', b"")];
                instead(b'D', tag, body, &copy.concat())
            },
        )
        .level(Level::Reference),
        fails(
            "client-result.copy-both",
            "A stream to a client that did not ask for one is an error.",
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                instead(b'D', tag, body, &raw(b'W', b"\0\0\0"))
            },
        )
        .level(Level::Reference),
        fails(
            "client-result.suspended",
            "A portal that is suspended, though no limit was given, is not complete.",
            |_, tag, body| instead(b'C', tag, body, &raw(b's', b"")),
        ),
        fails(
            "client-result.ready-early",
            "A ReadyForQuery in the place of CommandComplete ends no result.",
            |_, tag, body| instead(b'C', tag, body, b""),
        )
        .level(Level::Reference),
        fails(
            "client-result.binary-too-short",
            "An int8 of one byte is no value.",
            |_, tag, body| match tag {
                b'T' => raw(tag, b"\0\x01n\0\0\0\0\0\0\0\0\0\0\x14\0\x08\xff\xff\xff\xff\0\x01"),
                b'D' => raw(tag, b"\0\x01\0\0\0\x01\x2a"),
                _ => raw(tag, body),
            },
        )
        .level(Level::Info),
    ]
}

const FORMATS: &str = "protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-DATAROW";
