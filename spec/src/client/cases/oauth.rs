//! Tokens of OAuth, by OAUTHBEARER.

use super::super::change::{before, error, instead_of_request, keep, request};
use super::super::token::Fate;
use super::super::{Action, Asks, ClientCase, Demand, witness};
use super::{Change, case};
use crate::case::Level;
use crate::say::raw;

pub(super) fn oauth() -> Vec<ClientCase> {
    [shown(), refused(), not_shown()].concat()
}

/// A client that has a token.
fn shows(
    id: &'static str,
    requirement: &'static str,
    demand: Demand,
    fate: Fate,
    change: Change,
) -> ClientCase {
    let case = case(id, requirement, RFC, demand, change).asking(Asks::Token(fate));
    case.doing(Action::Token).seen_by(witness::nothing_malformed)
}

fn shown() -> Vec<ClientCase> {
    vec![
        shows(
            "client-oauth.ok",
            "A client shows its token, and is let in without a last message of the mechanism.",
            Demand::Succeed,
            Fate::Judged,
            keep,
        ),
        shows(
            "client-oauth.unknown-mechanisms",
            "Mechanisms that are not known are passed over.",
            Demand::Succeed,
            Fate::Judged,
            |_, tag, body| request(10, tag, body, |list| format!("PGSPEC\0{list}")),
        ),
        shows(
            "client-oauth.final",
            "The mechanism has no last message of the server.",
            Demand::Fail,
            Fate::Judged,
            |_, tag, body| {
                let is_ok = body == [0; 4];
                if is_ok { before(b'R', tag, body, &raw(b'R', b"\0\0\0\x0cpgspec")) } else { raw(tag, body) }
            },
        )
        .level(Level::Reference),
    ]
}

/// What a client makes of a refusal.
fn refused() -> Vec<ClientCase> {
    let fails = |id, requirement, fate, change| shows(id, requirement, Demand::Fail, fate, change);
    vec![
        fails(
            "client-oauth.refused",
            "A client that is told why its token is refused answers by the byte 0x01, and fails.",
            Fate::Refused,
            keep,
        ),
        fails(
            "client-oauth.error",
            "An error in place of the verdict on a token is an error.",
            Fate::Refused,
            |memory, tag, body| {
                memory.is_over = body.starts_with(b"\0\0\0\x0b");
                instead_of_request(11, tag, body, &error(b"SFATAL\0VFATAL\0C28000\0Mno\0"))
            },
        ),
        fails(
            "client-oauth.let-in-after-failure",
            "A server that lets in whom it has refused is not honest.",
            Fate::RefusedAndLetIn,
            keep,
        )
        .level(Level::Reference),
        fails("client-oauth.failure-twice", "There is one failure.", Fate::RefusedTwice, keep)
            .level(Level::Reference),
        fails(
            "client-oauth.failure-not-json",
            "A failure that cannot be read is a failure.",
            Fate::Refused,
            |_, tag, body| request(11, tag, body, |_| "{\"status\":".to_owned()),
        ),
        fails(
            "client-oauth.failure-empty",
            "An empty challenge behind a first message is none that can be answered.",
            Fate::Refused,
            |_, tag, body| request(11, tag, body, |_| String::new()),
        )
        .level(Level::Reference),
        fails(
            "client-oauth.failure-long",
            "A failure of 10 kB is read or refused, and harms nobody.",
            Fate::Refused,
            |_, tag, body| request(11, tag, body, |_| format!("{{\"status\":\"{}\"}}", "x".repeat(10_000))),
        )
        .level(Level::Reference),
    ]
}

/// Who has no token, or may not show it.
fn not_shown() -> Vec<ClientCase> {
    let kept = |id, requirement, asks, source| {
        let case = case(id, requirement, source, Demand::Fail, keep).asking(asks);
        case.seen_by(witness::no_token)
    };
    let token = Asks::Token(Fate::Judged);
    vec![
        kept(
            "client-oauth.no-token",
            "A client that has no token is not let in, and shows nothing else for one.",
            token,
            RFC,
        ),
        kept(
            "client-oauth.not-allowed",
            "A client that requires SCRAM does not show its token.",
            token,
            "libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH",
        )
        .doing(Action::Token)
        .with("require_auth=scram-sha-256"),
        kept(
            "client-oauth.binding-required",
            "A client that requires channel binding does not show its token: the mechanism has none.",
            token,
            "libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING",
        )
        .doing(Action::Token)
        .encrypted(&[b"postgresql"])
        .with("sslmode=require&channel_binding=require"),
        case(
            "client-oauth.beside-scram",
            "A client that has a password takes SCRAM where a token would do as well.",
            RFC,
            Demand::Succeed,
            |_, tag, body| request(10, tag, body, |list| format!("OAUTHBEARER\0{list}")),
        )
        .asking(Asks::Scram)
        .level(Level::Info),
    ]
}

const RFC: &str = "RFC 7628 §3";
