//! What may come in a session, and how one ends.

use super::super::change::{asides, before, error, instead, keep};
use super::super::{ClientCase, Demand};
use super::{ASYNC, case};
use crate::case::Level;
use crate::say::raw;

/// Returns the cases.
pub(super) fn session() -> Vec<ClientCase> {
    [asides_of_all_kinds(), ends()].concat()
}

/// What may come, and has to be borne.
fn asides_of_all_kinds() -> Vec<ClientCase> {
    let succeeds = |id, requirement, change| case(id, requirement, ASYNC, Demand::Succeed, change);
    vec![
        succeeds("client-session.ok", "An honest server is understood.", keep),
        succeeds("client-session.bytewise", "Messages may arrive byte by byte.", keep).bytewise(),
        succeeds(
            "client-session.asides",
            "Notices, settings and notifications may come between any two messages of a session.",
            |memory, tag, body| {
                // Before the first ReadyForQuery no notification may come.
                memory.rows += u32::from(tag == b'Z');
                if memory.rows > 0 && tag != b'Z' {
                    [asides(), raw(tag, body)].concat()
                } else {
                    raw(tag, body)
                }
            },
        ),
        succeeds(
            "client-session.notice-at-start",
            "A notice may come before the first ReadyForQuery.",
            |_, tag, body| before(b'K', tag, body, &raw(b'N', b"SWARNING\0VWARNING\0C01000\0Mpgspec\0\0")),
        ),
        succeeds(
            "client-session.unknown-setting",
            "A setting that is not known is passed over.",
            |_, tag, body| before(b'K', tag, body, &raw(b'S', b"pgspec_unknown\0x\0")),
        ),
        succeeds(
            "client-session.unknown-field",
            "A field of a notice that is not known is passed over.",
            |_, tag, body| {
                before(b'K', tag, body, &raw(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mpgspec\0?what\0\0"))
            },
        ),
        succeeds("client-session.no-key", "A session may have no key.", |_, tag, body| {
            instead(b'K', tag, body, b"")
        })
        .level(Level::Info),
        succeeds(
            "client-session.odd-tag",
            "The tag of a command is a text that may be anything.",
            |_, tag, body| instead(b'C', tag, body, &raw(b'C', b"PGSPEC 99999999999999999999\0")),
        )
        .level(Level::Reference),
    ]
}

/// Ends of sessions, and silence.
fn ends() -> Vec<ClientCase> {
    vec![
        case(
            "client-session.shutdown",
            "A FATAL error in the middle of a query is an error.",
            ASYNC,
            Demand::Fail,
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                instead(b'D', tag, body, &error(b"SFATAL\0VFATAL\0C57P01\0Mterminating\0"))
            },
        ),
        case(
            "client-session.shutdown-while-idle",
            "A FATAL error that comes while nothing is asked is an error of what is asked next.",
            ASYNC,
            Demand::Fail,
            |memory, tag, body| {
                memory.is_over = tag == b'Z';
                let goodbye = error(b"SFATAL\0VFATAL\0C57P01\0Mterminating\0");
                if memory.is_over { [raw(tag, body), goodbye].concat() } else { raw(tag, body) }
            },
        ),
        case(
            "client-session.end-before-ready",
            "A connection that ends between CommandComplete and ReadyForQuery has no result: it may fail yet.",
            ASYNC,
            Demand::Fail,
            |memory, tag, body| {
                memory.is_over = tag == b'Z' && memory.last == b'C';
                if memory.is_over { Vec::new() } else { raw(tag, body) }
            },
        )
        .level(Level::Info),
        case(
            "client-session.silence-before-ready",
            "A result is none before ReadyForQuery.",
            ASYNC,
            Demand::NotSucceed,
            |memory, tag, body| {
                memory.is_silent = tag == b'Z' && memory.last == b'C';
                if memory.is_silent { Vec::new() } else { raw(tag, body) }
            },
        )
        .level(Level::Reference),
        case(
            "client-session.silence-at-start",
            "A client that was told to connect within two seconds gives up after them.",
            TIMEOUT,
            Demand::Fail,
            |memory, _, _| {
                memory.is_silent = true;
                Vec::new()
            },
        )
        .with("connect_timeout=2"),
    ]
}

const TIMEOUT: &str = "libpq-connect.html#LIBPQ-CONNECT-CONNECT-TIMEOUT";
