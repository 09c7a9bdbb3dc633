//! COPY from the client.

use super::super::change::{asides, instead, keep};
use super::super::{ClientCase, Copying, Demand};
use super::case;
use crate::case::Level;
use crate::say::raw;

/// COPY from the client.
pub(super) fn copies() -> Vec<ClientCase> {
    let copy = |id, requirement, demand| case(id, requirement, COPY, demand, keep);
    vec![
        copy("client-copy.ok", "A COPY that is taken is complete.", Demand::Succeed)
            .copying(Copying::Succeed),
        copy(
            "client-copy.asides",
            "Notices, settings and notifications may come in the middle of a COPY.",
            Demand::Succeed,
        )
        .changed(|_, tag, body| {
            let change = if tag == b'G' { [raw(tag, body), asides()].concat() } else { raw(tag, body) };
            if tag == b'C' { [asides(), change].concat() } else { change }
        })
        .copying(Copying::Succeed),
        copy(
            "client-copy.error",
            "An error in the middle of a COPY ends it, for a client too that has more to send.",
            Demand::Fail,
        )
        .copying(Copying::FailAtOnce),
        copy("client-copy.error-at-the-end", "An error behind CopyDone is an error.", Demand::Fail)
            .copying(Copying::FailAtTheEnd),
        copy(
            "client-copy.complete-at-once",
            "A CommandComplete in the place of CopyInResponse is no COPY of what was to be sent.",
            Demand::Fail,
        )
        .changed(|memory, tag, body| {
            memory.is_over = tag == b'G';
            instead(b'G', tag, body, &[raw(b'C', b"COPY 0\0"), raw(b'Z', b"I")].concat())
        })
        .level(Level::Info)
        .copying(Copying::Succeed),
    ]
}

const COPY: &str = "protocol-flow.html#PROTOCOL-COPY";
