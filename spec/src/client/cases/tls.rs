//! Encryption, and who may stand behind it.

use molt_db_protocol::message::Authentication;

use super::super::change::{instead, keep};
use super::super::{Asks, ClientCase, Demand, witness};
use super::case;
use crate::case::Level;
use crate::say::raw;

/// Returns the cases.
pub(super) fn encryption() -> Vec<ClientCase> {
    [answers(), sessions()].concat()
}

/// Answers to a request for encryption.
fn answers() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, TLS, Demand::Fail, change);
    vec![
        fails(
            "client-tls.bytes-behind-answer",
            "Bytes behind the S are never taken for a part of the encrypted session (CVE-2021-23222).",
            keep,
        )
        .tls(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"),
        fails("client-tls.error", "An error in place of the answer ends the connection.", keep)
            .tls(b"E\0\0\0\x1aSFATAL\0C08P01\0Mforged\0\0"),
        fails("client-tls.refused", "A client that requires TLS does not go on without.", keep).tls(b"N"),
        fails("client-tls.garbage", "A byte that is neither S nor N ends the connection.", keep).tls(b"?"),
        fails("client-tls.end", "A connection that ends behind the S is no session.", keep).tls(b"S"),
    ]
}

/// Sessions inside of TLS. The certificate is signed by nobody.
fn sessions() -> Vec<ClientCase> {
    let case = |id, requirement, demand, change| case(id, requirement, TLS, demand, change);
    vec![
        case("client-tls.ok", "A session inside of TLS is as one in the clear.", Demand::Succeed, keep)
            .encrypted(POSTGRESQL),
        case("client-tls.bytewise", "Records of TLS may be as short as a byte.", Demand::Succeed, keep)
            .encrypted(POSTGRESQL)
            .bytewise(),
        case(
            "client-tls.without-alpn",
            "A server that knows no ALPN is understood by a client that asked for TLS first.",
            Demand::Succeed,
            keep,
        )
        .encrypted(&[]),
        case("client-tls.alpn", "A client offers the protocol `postgresql` by ALPN.", Demand::Succeed, keep)
            .level(Level::Info)
            .encrypted(POSTGRESQL)
            .seen_by(witness::offers_protocol),
        case(
            "client-tls.direct",
            "A session may begin with a handshake that offers the protocol.",
            Demand::Succeed,
            keep,
        )
        .level(Level::Info)
        .encrypted(POSTGRESQL)
        .with("sslmode=require&sslnegotiation=direct")
        .seen_by(witness::offers_protocol),
        case(
            "client-tls.direct-without-alpn",
            "A server that agrees on no protocol in a handshake at the beginning is refused.",
            Demand::Fail,
            keep,
        )
        .encrypted(&[])
        .with("sslmode=require&sslnegotiation=direct"),
        case(
            "client-tls.cut",
            "A connection that ends without a word of TLS, in the middle of a result, is an error.",
            Demand::Fail,
            |memory, tag, body| {
                memory.is_cut = tag == b'C';
                instead(b'C', tag, body, b"")
            },
        )
        .encrypted(POSTGRESQL),
        case(
            "client-tls.cut-before-ready",
            "A connection that ends without a word of TLS before ReadyForQuery has no result.",
            Demand::Fail,
            |memory, tag, body| {
                memory.is_cut = tag == b'Z' && memory.last == b'C';
                if memory.is_cut { Vec::new() } else { raw(tag, body) }
            },
        )
        .level(Level::Info)
        .encrypted(POSTGRESQL),
        case(
            "client-tls.closed",
            "A connection that ends by TLS in the middle of a result is an error too.",
            Demand::Fail,
            |memory, tag, body| {
                memory.is_over = tag == b'C';
                instead(b'C', tag, body, b"")
            },
        )
        .encrypted(POSTGRESQL),
    ]
}

/// What a client that requires channel binding does not do.
pub(super) fn bindings() -> Vec<ClientCase> {
    let required = |id, requirement, demand, asks| {
        let case = case(id, requirement, BINDING, demand, keep).asking(asks).encrypted(POSTGRESQL);
        case.with("sslmode=require&channel_binding=require")
    };
    vec![
        required(
            "client-binding.ok",
            "A client that requires channel binding goes through an honest exchange.",
            Demand::Succeed,
            Asks::ScramPlus,
        ),
        required(
            "client-binding.scram-instead",
            "A client that requires channel binding does not log in where it is not offered.",
            Demand::Fail,
            Asks::Scram,
        ),
        required(
            "client-binding.cleartext-instead",
            "A client that requires channel binding does not send its password in clear text.",
            Demand::Fail,
            Asks::Request(Authentication::CleartextPassword),
        ),
        required(
            "client-binding.md5-instead",
            "A client that requires channel binding does not answer a request for MD5.",
            Demand::Fail,
            Asks::Request(Authentication::Md5Password(*b"salt")),
        ),
        required(
            "client-binding.nothing-instead",
            "A client that requires channel binding does not go on when nothing is asked.",
            Demand::Fail,
            Asks::Nothing,
        ),
    ]
}

const POSTGRESQL: &[&[u8]] = &[b"postgresql"];
const TLS: &str = "protocol-flow.html#PROTOCOL-FLOW-SSL";
const BINDING: &str = "libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING";
