//! Types, lengths and pieces of messages.

use crate::case::Group;
use crate::say::{bind, execute, framed, parse, password, query, raw, sync};
use crate::step::{Say, StepKind};

pub(super) fn group() -> Group {
    let mut group = Group::new("framing", "protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS");
    for (name, requirement, message) in [
        ("unknown-type", "A message of an unknown type ends the session.", raw(b'y', b"")),
        ("type-zero", "A zero byte is no type.", raw(0, b"")),
        ("type-not-ascii", "A byte above 127 is no type.", raw(0xff, b"")),
        ("backend-type", "A message of a server is none of a client.", raw(b'T', b"\0\0")),
        ("password-in-session", "A password is not accepted when nobody asked.", password("x")),
        (
            "startup-in-session",
            "A StartupMessage is not accepted in a session.",
            b"\0\0\0\x09\0\x03\0\0\0".to_vec(),
        ),
    ] {
        group.must(name, requirement).send([message]).expect("Fatal(08P01) End / End");
    }
    for (name, length) in [("length-3", 3), ("length-0", 0), ("length-negative", u32::MAX)] {
        group
            .must(name, "A length that does not count itself ends the session.")
            .send([framed(b'Q', length, b"")])
            .step(StepKind::Refusal);
    }
    group
        .must("bytewise", "Messages may arrive byte by byte.")
        .step(StepKind::Trickle(Say::Bytes([parse("select 1"), bind(), execute(), sync()].concat())))
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("bytewise-query", "A Query may arrive byte by byte.")
        .step(StepKind::Trickle(Say::Bytes(query("select 1 as a"))))
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("half-message", "A client that goes in the middle of a message harms nobody.")
        .send([query("select 1")[..7].to_vec()])
        .finish()
        .step(StepKind::Refusal);
    group
        .must("half-header", "A client that goes in the middle of a header harms nobody.")
        .send([b"Q\0".to_vec()])
        .finish()
        .step(StepKind::Refusal);
    group
        .must("http-in-session", "Bytes of another protocol end the session.")
        .send([b"GET / HTTP/1.1\r\n\r\n".to_vec()])
        .expect("Fatal(08P01) End / End");
    group
}
