//! The cases for clients, a file for each topic.

mod auth;
mod copy;
mod framing;
mod oauth;
mod result;
mod sending;
mod session;
mod startup;
mod tls;

use super::change::keep;
use super::hall::Seen;
use super::{Action, Asks, ClientCase, Copying, Delivery, Demand, Memory, Remark, Script, witness};
use crate::case::Level;

/// Returns every case for clients, in the order of reports.
pub fn cases() -> Vec<ClientCase> {
    [
        session::session(),
        framing::framing(),
        result::results(),
        copy::copies(),
        sending::sending(),
        sending::cancels(),
        startup::startup(),
        startup::negotiations(),
        tls::encryption(),
        auth::passwords(),
        tls::bindings(),
        auth::scram(),
        oauth::oauth(),
    ]
    .concat()
}

type Change = fn(&mut Memory, u8, &[u8]) -> Vec<u8>;

/// Returns the script of a server that does nothing wrong.
pub(super) fn honest() -> Script {
    SCRIPT
}

const SCRIPT: Script = Script {
    ssl: b"N",
    tls: None,
    asks: Asks::Nothing,
    key: &[b'k'; 32],
    change: keep,
    delivery: Delivery::Whole,
    copying: Copying::Succeed,
};

fn case(
    id: &'static str,
    requirement: &'static str,
    source: &'static str,
    demand: Demand,
    change: Change,
) -> ClientCase {
    let script = Script { change, ..SCRIPT };
    ClientCase {
        id,
        requirement,
        source,
        level: Level::Must,
        demand,
        action: Action::Ask,
        options: "",
        script,
        witness: witness::nothing,
    }
}

impl ClientCase {
    fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    fn asking(self, asks: Asks) -> Self {
        Self { script: Script { asks, ..self.script }, ..self }
    }

    fn with(self, options: &'static str) -> Self {
        Self { options, ..self }
    }

    fn tls(self, ssl: &'static [u8]) -> Self {
        Self { options: "sslmode=require", script: Script { ssl, ..self.script }, ..self }
    }

    /// Encrypts, and knows these protocols.
    fn encrypted(self, known: &'static [&'static [u8]]) -> Self {
        let script = Script { ssl: b"S", tls: Some(known), ..self.script };
        Self { options: "sslmode=require", script, ..self }
    }

    fn changed(self, change: Change) -> Self {
        Self { script: Script { change, ..self.script }, ..self }
    }

    fn bytewise(self) -> Self {
        Self { script: Script { delivery: Delivery::Bytes, ..self.script }, ..self }
    }

    fn doing(self, action: Action) -> Self {
        Self { action, ..self }
    }

    fn copying(self, copying: Copying) -> Self {
        Self { action: Action::Copy, script: Script { copying, ..self.script }, ..self }
    }

    /// Answers any question by a COPY from the client.
    fn unasked_copy(self) -> Self {
        Self { script: Script { copying: Copying::Unasked, ..self.script }, ..self }
    }

    fn keyed(self, key: &'static [u8]) -> Self {
        Self { options: "max_protocol_version=3.2", script: Script { key, ..self.script }, ..self }
    }

    fn seen_by(self, witness: fn(&Seen) -> Option<Remark>) -> Self {
        Self { witness, ..self }
    }
}

const ASYNC: &str = "protocol-flow.html#PROTOCOL-ASYNC";
const CONCEPTS: &str = "protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS";
