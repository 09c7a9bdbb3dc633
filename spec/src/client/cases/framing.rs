//! Lengths and types that are none.

use super::super::change::{before, instead};
use super::super::{ClientCase, Demand};
use super::{CONCEPTS, case};
use crate::say::{framed, raw};

/// Lengths and types that are none.
pub(super) fn framing() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, CONCEPTS, Demand::Fail, change);
    vec![
        fails(
            "client-framing.unknown-type",
            "A message of an unknown type ends the session.",
            |_, tag, body| before(b'D', tag, body, &raw(b'?', b"")),
        ),
        fails("client-framing.length-0", "A length of 0 counts not even itself.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', 0, body))
        }),
        fails("client-framing.length-3", "A length of 3 counts not all of itself.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', 3, body))
        }),
        fails("client-framing.length-negative", "A length is not below zero.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', u32::MAX, body))
        }),
        fails(
            "client-framing.length-2-gib",
            "A message that carries no data has not 2 GiB.",
            |_, tag, body| instead(b'C', tag, body, &framed(b'C', 0x7fff_ffff, body)),
        ),
        fails(
            "client-framing.end-in-message",
            "The end of the connection in the middle of a row is an error, and no shorter result.",
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                if tag == b'D' { raw(tag, body)[..9].to_vec() } else { raw(tag, body) }
            },
        ),
        fails(
            "client-framing.end-between-messages",
            "The end of the connection before CommandComplete is an error, and no shorter result.",
            |memory, tag, body| {
                memory.is_over = tag == b'C';
                instead(b'C', tag, body, b"")
            },
        ),
        fails(
            "client-framing.end-at-once",
            "The end of the connection before anything is an error.",
            |memory, _, _| {
                memory.is_over = true;
                Vec::new()
            },
        ),
        fails("client-framing.http", "An answer of another protocol is an error.", |memory, _, _| {
            memory.is_over = true;
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()
        }),
    ]
}
