//! The beginning of a session, and the version that it speaks.

use super::super::change::{before, error, instead, instead_of_request};
use super::super::{ClientCase, Demand, witness};
use super::case;
use crate::case::Level;
use crate::say::raw;

/// The beginning of a session.
pub(super) fn startup() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, STARTUP, Demand::Fail, change);
    vec![
        fails(
            "client-startup.version-above",
            "A version above the one that was asked for is refused.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0063, 0, b"")),
        ),
        fails("client-startup.version-below", "A version below 3.0 is refused.", |_, tag, body| {
            before(b'R', tag, body, &negotiate(0x0002_0000, 0, b""))
        }),
        fails(
            "client-startup.option-not-sent",
            "An option of the protocol that was not sent is not refused by an honest server.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 1, b"_pq_.pgspec_not_sent\0")),
        )
        .level(Level::Reference),
        fails(
            "client-startup.negotiation-late",
            "A negotiation after AuthenticationOk is refused.",
            |_, tag, body| before(b'K', tag, body, &negotiate(0x0003_0000, 0, b"")),
        ),
        fails(
            "client-startup.option-count",
            "The number of options is that of the options that follow.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, u32::MAX, b"")),
        ),
        fails("client-startup.key-too-short", "A key has four bytes or more.", |_, tag, body| {
            instead(b'K', tag, body, &raw(b'K', b"\0\0\0\x01key"))
        })
        .level(Level::Reference),
        fails("client-startup.key-too-long", "A key has 256 bytes or fewer.", |_, tag, body| {
            instead(b'K', tag, body, &raw(b'K', &[1; 4 + 257]))
        })
        .level(Level::Reference),
        fails("client-startup.key-of-3-2", "In protocol 3.0 a key has four bytes.", |_, tag, body| {
            instead(b'K', tag, body, &long_key())
        })
        .seen_by(witness::speaks_3_0),
        fails(
            "client-startup.unknown-method",
            "A method of authentication that does not exist is refused.",
            |_, tag, body| instead_of_request(0, tag, body, &raw(b'R', b"\0\0\0\x63")),
        ),
        fails(
            "client-startup.ready-before-ok",
            "ReadyForQuery before AuthenticationOk is refused.",
            |_, tag, body| instead_of_request(0, tag, body, b""),
        ),
        fails(
            "client-startup.error",
            "An error in place of AuthenticationOk is an error.",
            |memory, tag, body| {
                memory.is_over = tag == b'R';
                instead(b'R', tag, body, &error(b"SFATAL\0VFATAL\0C28P01\0Mno\0"))
            },
        ),
    ]
}

/// NegotiateProtocolVersion.
pub(super) fn negotiations() -> Vec<ClientCase> {
    let asks = |id, requirement, demand, change| {
        let case = case(id, requirement, NEGOTIATION, demand, change).with("max_protocol_version=3.2");
        case.seen_by(witness::speaks_3_2)
    };
    vec![
        asks(
            "client-negotiation.older",
            "A server that knows protocol 3.0 only is understood by a client that asked for 3.2.",
            Demand::Succeed,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 0, b"")),
        )
        .keyed(b"key!"),
        asks(
            "client-negotiation.key-of-3-2",
            "A key has four bytes if the server has brought the version down to 3.0.",
            Demand::Fail,
            |_, tag, body| {
                let older = before(b'R', tag, body, &negotiate(0x0003_0000, 0, b""));
                if tag == b'K' { long_key() } else { older }
            },
        ),
        asks(
            "client-negotiation.twice",
            "A second negotiation is refused.",
            Demand::Fail,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 0, b"").repeat(2)),
        )
        .level(Level::Reference),
        asks(
            "client-negotiation.v3-1",
            "Protocol 3.1 does not exist, and is not what a server knows.",
            Demand::Fail,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0001, 0, b"")),
        )
        .level(Level::Reference),
        asks(
            "client-negotiation.nothing",
            "A negotiation that changes nothing is refused.",
            Demand::Fail,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0002, 0, b"")),
        )
        .level(Level::Info),
        asks(
            "client-negotiation.option-without-prefix",
            "Only what begins with _pq_. is an option of the protocol.",
            Demand::Fail,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 1, b"pgspec\0")),
        )
        .level(Level::Reference),
        asks(
            "client-negotiation.option-without-end",
            "The name of an option ends with a zero byte.",
            Demand::Fail,
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 1, b"_pq_.pgspec")),
        ),
        case(
            "client-negotiation.grease-taken",
            "A server that takes an option which nobody knows, and says nothing, is refused by a client that sends one.",
            NEGOTIATION,
            Demand::Fail,
            |_, tag, body| instead(b'v', tag, body, b""),
        )
        .level(Level::Info)
        .seen_by(witness::greases),
    ]
}

/// BackendKeyData of 32 bytes.
fn long_key() -> Vec<u8> {
    raw(b'K', &[1; 4 + 32])
}

fn negotiate(version: u32, count: u32, options: &[u8]) -> Vec<u8> {
    raw(b'v', &[&version.to_be_bytes()[..], &count.to_be_bytes(), options].concat())
}

const NEGOTIATION: &str = "protocol-overview.html#PROTOCOL-VERSIONS";
const STARTUP: &str = "protocol-flow.html#PROTOCOL-FLOW-START-UP";
