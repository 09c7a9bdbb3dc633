//! OAUTHBEARER: a token that somebody else gave out.

use crate::case::{Case, Group};
use crate::need::{Method, Need};
use crate::say::{password, query, raw, sasl_initial};
use crate::step::{StepKind, plain_startup};
use crate::target::Account;

/// The name of a case, what it demands, and what the client says.
type Row = (&'static str, &'static str, fn(&Account) -> Vec<u8>);

pub(super) fn group() -> Group {
    let mut group = Group::new("oauth", "sasl-authentication.html#SASL-OAUTHBEARER");
    offered(&mut group);
    accepted(&mut group);
    refused(&mut group);
    failures(&mut group);
    malformed(&mut group);
    group
}

/// What a server does before it looks at a token.
fn offered(group: &mut Group) {
    group
        .must("offer", "A user who is to show a token is asked for it by OAUTHBEARER.")
        .asked_for(Method::OAuth)
        .send_as(plain_startup)
        .expect("Sasl(OAUTHBEARER)");
    for (name, requirement, answer) in [
        (
            "unknown-mechanism",
            "A mechanism that was not offered is refused.",
            sasl_initial("SCRAM-SHA-256", 3, b"n,,"),
        ),
        (
            "mechanism-in-small-letters",
            "The name of the mechanism is in capital letters.",
            sasl_initial("oauthbearer", 3, b"n,,"),
        ),
        ("no-mechanism", "A client names the mechanism that it chose.", sasl_initial("", 3, b"n,,")),
        (
            "mechanism-without-end",
            "The name of the mechanism ends with a zero byte.",
            raw(b'p', b"OAUTHBEARER"),
        ),
        ("password", "A password is no first message.", password("pgspec")),
        ("query", "Nothing but an answer is accepted while a server waits for one.", query("select 1")),
    ] {
        group.must(name, requirement).answering(answer).expect(REFUSED);
    }
    group
        .reference("too-long", "An answer that is longer than 65,535 bytes ends the connection.")
        .answering(sasl_initial("OAUTHBEARER", 65_600, &[b'x'; 65_600]))
        .step(StepKind::Refusal);
    group
        .must("gone", "A client that goes instead of answering harms nobody.")
        .asked_for(Method::OAuth)
        .send_as(plain_startup)
        .expect("Sasl")
        .finish()
        .step(StepKind::Refusal);
}

fn accepted(group: &mut Group) {
    group
        .must("ok", "Who shows a good token is let in at once: there is no last message of the server.")
        .showing(|me| token(&me.password))
        .expect(STARTED);
    group
        .must("y", "A client that could bind the channel may say so.")
        .showing(|me| first("y,,", &[&bearer(&me.password)]))
        .expect(STARTED);
    group
        .must("more-pairs", "Other keys than auth are passed over, in front of it and behind it.")
        .showing(|me| first("n,,", &["host=localhost", &bearer(&me.password), "port=1", "other="]))
        .expect(STARTED);
    group.source("RFC 9110 §11.1");
    group
        .must("scheme-in-small-letters", "The word Bearer may be in letters of any size.")
        .showing(|me| first("n,,", &[&format!("auth=bearer {}", me.password)]))
        .expect(STARTED);
    group
        .reference("spaces", "Several spaces may follow the word Bearer.")
        .showing(|me| first("n,,", &[&format!("auth=Bearer   {}", me.password)]))
        .expect(STARTED);
    group.source("sasl-authentication.html#SASL-OAUTHBEARER");
    group
        .must(
            "no-initial-response",
            "A client may leave its first message out; the server then asks for it with an empty challenge.",
        )
        .validated()
        .send([sasl_initial("OAUTHBEARER", -1, b"")])
        .expect("SaslContinue()")
        .send_as(|me| raw(b'p', text("n,,", &[&bearer(&me.password)]).as_bytes()))
        .expect(STARTED);
}

/// A client hears why its token is refused, says that it has heard, and is sent away.
fn refused(group: &mut Group) {
    group.source("RFC 7628 §3.2.2");
    let messages: [Row; 6] = [
        (
            "wrong-token",
            "A token that is not good is refused with a failure that the client answers.",
            |me| token(&format!("{}x", me.password)),
        ),
        ("discovery", "Who shows nothing is told where tokens are to be had.", |_| discovery()),
        ("other-scheme", "No scheme but Bearer is good.", |me| {
            first("n,,", &[&format!("auth=Basic {}", me.password)])
        }),
        ("no-scheme", "A token alone, without the word Bearer, is not good.", |me| {
            first("n,,", &[&format!("auth={}", me.password)])
        }),
        ("empty-token", "The word Bearer alone is not good.", |_| first("n,,", &["auth=Bearer "])),
        ("token-with-space", "A token has no space in it.", |me| {
            first("n,,", &[&format!("auth=Bearer {} x", me.password)])
        }),
    ];
    for (name, requirement, message) in messages {
        group
            .must(name, requirement)
            .showing(message)
            .expect("SaslContinue(*status*)")
            .send([raw(b'p', b"\x01")])
            .expect("Fatal(28000) End");
    }
    group
        .reference("failure", "A failure says by a code of RFC 6750 what is wrong.")
        .showing(|me| token(&format!("{}x", me.password)))
        .expect("SaslContinue({*status*invalid_token*})");
}

/// What a client may answer to a failure.
fn failures(group: &mut Group) {
    group.source("RFC 7628 §3.2.3");
    let answers: [Row; 4] = [
        ("failure-empty-answer", "The answer to a failure is not empty.", |_| raw(b'p', b"")),
        ("failure-other-answer", "The answer to a failure is the byte 0x01, and no other.", |_| {
            raw(b'p', b"x")
        }),
        ("failure-two-bytes", "The answer to a failure is one byte.", |_| raw(b'p', b"\x01\x01")),
        ("second-token", "After a failure no other token is taken, and were it the right one.", |me| {
            raw(b'p', text("n,,", &[&bearer(&me.password)]).as_bytes())
        }),
    ];
    for (name, requirement, answer) in answers {
        let case = group.must(name, requirement).showing(|me| token(&format!("{}x", me.password)));
        case.expect("SaslContinue").send_as(answer).expect(REFUSED);
    }
}

/// First messages that are none.
fn malformed(group: &mut Group) {
    group.source("RFC 7628 §3.1");
    let messages: [Row; 19] = [
        ("no-length", "The name of the mechanism is followed by a length.", |_| raw(b'p', b"OAUTHBEARER\0")),
        ("length-beyond-message", "The first message is not longer than what carries it.", |_| {
            sasl_initial("OAUTHBEARER", 100, b"n,,")
        }),
        ("length-negative", "No length but -1 is below zero.", |_| sasl_initial("OAUTHBEARER", -2, b"n,,")),
        ("empty", "A first message is not empty.", |_| shows("")),
        ("zero-byte", "A first message holds no zero byte.", |me| {
            shows(&(text("n,,", &[&bearer(&me.password)]) + "\0"))
        }),
        ("binding", "The mechanism cannot be bound to the channel.", |me| {
            first("p=tls-server-end-point,,", &[&bearer(&me.password)])
        }),
        ("unknown-flag", "A first message begins with n or y.", |me| first("x,,", &[&bearer(&me.password)])),
        ("no-comma", "A comma follows the flag.", |me| first("n;,", &[&bearer(&me.password)])),
        ("unknown-attribute", "The header holds no other attribute than the identity.", |me| {
            first("n,b=x,", &[&bearer(&me.password)])
        }),
        ("no-separator", "The header is followed by the byte 0x01.", |me| {
            shows(&format!("n,,{}\x01\x01", bearer(&me.password)))
        }),
        ("header-only", "The header is not all.", |_| shows("n,,")),
        ("no-pairs", "A list of pairs is not empty.", |_| shows("n,,\x01\x01")),
        ("no-auth", "There is a value for auth.", |_| first("n,,", &["host=localhost"])),
        ("auth-twice", "There is one value for auth.", |me| {
            first("n,,", &[&bearer(&me.password), &bearer(&me.password)])
        }),
        ("list-without-end", "The list of pairs ends with the byte 0x01.", |me| {
            shows(&format!("n,,\x01{}\x01", bearer(&me.password)))
        }),
        ("behind-the-end", "Nothing follows the end of the list.", |me| {
            shows(&(text("n,,", &[&bearer(&me.password)]) + "x"))
        }),
        ("pair-without-value", "A pair has an equals sign.", |me| {
            first("n,,", &[&bearer(&me.password), "host"])
        }),
        ("pair-without-key", "A pair has a key, of letters.", |me| {
            first("n,,", &[&bearer(&me.password), "=x"])
        }),
        ("control-in-value", "A value is printable.", |me| {
            first("n,,", &[&bearer(&me.password), "host=\x02"])
        }),
    ];
    for (name, requirement, message) in messages {
        group.must(name, requirement).showing(message).expect(REFUSED);
    }
    group
        .reference("authorization-identity", "Acting as somebody else is not supported.")
        .showing(|me| first("n,a=someone,", &[&bearer(&me.password)]))
        .expect("Fatal(0A000) End");
}

impl Case {
    /// Answers the offer, whatever that leads to: the server needs nothing that validates tokens.
    fn answering(&mut self, answer: Vec<u8>) -> &mut Self {
        self.asked_for(Method::OAuth).send_as(plain_startup).expect("Sasl").send([answer])
    }

    /// Answers the offer, where something validates tokens.
    fn showing(&mut self, message: fn(&Account) -> Vec<u8>) -> &mut Self {
        self.validated().send_as(message)
    }

    fn validated(&mut self) -> &mut Self {
        self.asked_for(Method::OAuth).needs(Need::TokenValidator).send_as(plain_startup).expect("Sasl")
    }
}

/// The first message of a client that shows this token.
pub(crate) fn token(token: &str) -> Vec<u8> {
    first("n,,", &[&bearer(token)])
}

/// The first message of a client that shows nothing, to hear where tokens are to be had.
pub(crate) fn discovery() -> Vec<u8> {
    first("n,,", &["auth="])
}

fn first(header: &str, pairs: &[&str]) -> Vec<u8> {
    shows(&text(header, pairs))
}

fn shows(text: &str) -> Vec<u8> {
    let length = i32::try_from(text.len()).expect("no test message is that long");
    sasl_initial("OAUTHBEARER", length, text.as_bytes())
}

// RFC 7628 §3.1
fn text(header: &str, pairs: &[&str]) -> String {
    format!("{header}\x01{}\x01\x01", pairs.join("\x01"))
}

fn bearer(token: &str) -> String {
    format!("auth=Bearer {token}")
}

const REFUSED: &str = "Fatal(08P01) End";
const STARTED: &str = super::startup::STARTED;
