//! How somebody proves who they are.

use molt_db_protocol::message::Authentication;

use super::super::change::{attribute, instead_of_request, keep, request};
use super::super::{Asks, ClientCase, Demand};
use super::{Change, case};
use crate::case::Level;
use crate::say::raw;

/// What a client that requires SCRAM does not do.
pub(super) fn passwords() -> Vec<ClientCase> {
    let fails =
        |id, requirement| case(id, requirement, LIBPQ, Demand::Fail, keep).with("require_auth=scram-sha-256");
    let ok = case(
        "client-auth.ok",
        "A client that requires SCRAM goes through an honest exchange.",
        LIBPQ,
        Demand::Succeed,
        keep,
    );
    vec![
        ok.with("require_auth=scram-sha-256").asking(Asks::Scram),
        fails(
            "client-auth.cleartext-instead",
            "A client that requires SCRAM does not send its password in clear text.",
        )
        .asking(Asks::Request(Authentication::CleartextPassword)),
        fails("client-auth.md5-instead", "A client that requires SCRAM does not answer a request for MD5.")
            .asking(Asks::Request(Authentication::Md5Password(*b"salt"))),
        fails(
            "client-auth.nothing-instead",
            "A client that requires SCRAM does not go on when nothing is asked.",
        ),
    ]
}

pub(super) fn scram() -> Vec<ClientCase> {
    [offers(), proofs(), challenges()].concat()
}

fn exchange(id: &'static str, requirement: &'static str, demand: Demand, change: Change) -> ClientCase {
    case(id, requirement, RFC, demand, change).asking(Asks::Scram)
}

/// What is offered, and who is let in.
fn offers() -> Vec<ClientCase> {
    let fails = |id, requirement, change| exchange(id, requirement, Demand::Fail, change);
    vec![
        exchange("client-scram.ok", "An honest exchange is understood.", Demand::Succeed, keep),
        exchange(
            "client-scram.unknown-mechanisms",
            "Mechanisms that are not known are passed over.",
            Demand::Succeed,
            |_, tag, body| request(10, tag, body, |list| format!("PGSPEC\0{list}")),
        ),
        fails(
            "client-scram.no-mechanism-known",
            "Without a mechanism that is known there is no exchange.",
            |_, tag, body| request(10, tag, body, |_| "PGSPEC\0\0".to_owned()),
        ),
        fails("client-scram.no-mechanisms", "A list without mechanisms is refused.", |_, tag, body| {
            request(10, tag, body, |_| "\0".to_owned())
        }),
        exchange(
            "client-scram.list-long",
            "A list of 10 kB is read or refused, and harms nobody.",
            Demand::End,
            |_, tag, body| request(10, tag, body, |list| format!("{}{list}", "PGSPEC\0".repeat(1_500))),
        )
        .level(Level::Reference),
        fails(
            "client-scram.list-without-end",
            "A list of mechanisms ends with an empty one.",
            |_, tag, body| request(10, tag, body, |_| "SCRAM-SHA-256".to_owned()),
        ),
        fails(
            "client-scram.plus-without-tls",
            "Channel binding that is offered without TLS is refused.",
            |_, tag, body| request(10, tag, body, |list| format!("SCRAM-SHA-256-PLUS\0{list}")),
        )
        .level(Level::Reference),
        fails(
            "client-scram.ok-at-once",
            "A server that lets a client in without any proof has not proved itself.",
            keep,
        )
        .asking(Asks::ScramInVain),
    ]
}

/// How a server proves itself.
fn proofs() -> Vec<ClientCase> {
    let fails = |id, requirement, change| exchange(id, requirement, Demand::Fail, change);
    vec![
        fails(
            "client-scram.no-final",
            "A server that lets a client in without its own proof is refused.",
            |_, tag, body| instead_of_request(12, tag, body, b""),
        ),
        fails("client-scram.wrong-signature", "A server whose proof is wrong is refused.", |_, tag, body| {
            request(12, tag, body, |_| "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned())
        }),
        fails("client-scram.signature-cut", "A proof that is too short is refused.", |_, tag, body| {
            request(12, tag, body, |text| text[..10].to_owned())
        }),
        fails("client-scram.signature-empty", "An empty proof is refused.", |_, tag, body| {
            request(12, tag, body, |_| "v=".to_owned())
        }),
        fails("client-scram.signature-not-base64", "A proof is in base64.", |_, tag, body| {
            request(12, tag, body, |_| "v=&&&&".to_owned())
        }),
        fails(
            "client-scram.error-attribute",
            "An error in place of the proof is an error.",
            |_, tag, body| request(12, tag, body, |_| "e=other-error".to_owned()),
        ),
    ]
}

/// What a server challenges a client with.
fn challenges() -> Vec<ClientCase> {
    let fails = |id, requirement, change| exchange(id, requirement, Demand::Fail, change);
    vec![
        fails(
            "client-scram.nonce-of-another",
            "The nonce of the server begins with that of the client.",
            |_, tag, body| attribute("r", tag, body, |nonce| format!("x{nonce}")),
        ),
        fails(
            "client-scram.nonce-not-extended",
            "The nonce of the server adds something to that of the client.",
            |_, tag, body| attribute("r", tag, body, |nonce| nonce[..24].to_owned()),
        )
        .level(Level::Info),
        exchange(
            "client-scram.nonce-long",
            "A nonce of more than a thousand bytes is a nonce.",
            Demand::Succeed,
            keep,
        )
        .level(Level::Reference)
        .asking(Asks::ScramWithLongNonce),
        fails("client-scram.iterations-0", "There is at least one iteration.", |_, tag, body| {
            attribute("i", tag, body, |_| "0".to_owned())
        }),
        fails(
            "client-scram.iterations-negative",
            "The number of iterations is not below zero.",
            |_, tag, body| attribute("i", tag, body, |_| "-1".to_owned()),
        ),
        fails(
            "client-scram.iterations-not-a-number",
            "The number of iterations is a number and nothing else.",
            |_, tag, body| attribute("i", tag, body, |count| format!("{count}x")),
        ),
        fails(
            "client-scram.iterations-too-many",
            "A client does not work for minutes because a server says so.",
            |_, tag, body| attribute("i", tag, body, |_| "2147483647".to_owned()),
        )
        .level(Level::Info),
        fails(
            "client-scram.iterations-overflow",
            "A number of iterations that no integer holds is refused.",
            |_, tag, body| attribute("i", tag, body, |_| "99999999999999999999".to_owned()),
        ),
        fails("client-scram.salt-empty", "A salt is not empty.", |_, tag, body| {
            attribute("s", tag, body, |_| String::new())
        })
        .level(Level::Reference),
        fails("client-scram.salt-not-base64", "A salt is in base64.", |_, tag, body| {
            attribute("s", tag, body, |_| "&&&&".to_owned())
        }),
        fails("client-scram.challenge-empty", "A challenge is not empty.", |_, tag, body| {
            request(11, tag, body, |_| String::new())
        }),
        fails(
            "client-scram.final-first",
            "The last message of the server does not come first.",
            |memory, tag, body| {
                memory.is_over = body.starts_with(b"\0\0\0\x0b");
                instead_of_request(
                    11,
                    tag,
                    body,
                    &raw(b'R', b"\0\0\0\x0cv=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                )
            },
        ),
        fails("client-scram.challenge-twice", "There is one challenge.", |memory, tag, body| {
            memory.is_over = body.starts_with(b"\0\0\0\x0c");
            instead_of_request(12, tag, body, &raw(b'R', b"\0\0\0\x0br=x,s=QQ==,i=4096"))
        }),
    ]
}

const LIBPQ: &str = "libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH";
const RFC: &str = "RFC 5802 §5";
