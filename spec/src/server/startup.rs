//! The packet that begins a session.

use crate::case::{Case, Group};
use crate::login::startup;
use crate::say::{V3_0, packet, query, startup as startup_message};
use crate::step::{Say, StepKind, plain_startup};
use crate::target::Account;

pub(super) fn group() -> Group {
    let mut group = Group::new("startup", "protocol-flow.html#PROTOCOL-FLOW-START-UP");
    good(&mut group);
    refused(&mut group);
    malformed(&mut group);
    group
}

fn good(group: &mut Group) {
    group
        .must("ok", "A StartupMessage for protocol 3.0 leads to AuthenticationOk and to ReadyForQuery, idle.")
        .opened()
        .send_as(plain_startup)
        .authenticate()
        .expect(STARTED);
    group
        .must(
            "key",
            "BackendKeyData comes before the first ReadyForQuery; in protocol 3.0 its key has four bytes.",
        )
        .opened()
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key(4) Ready(I)");
    for (name, setting) in REPORTED {
        group.must(name, "Settings that clients depend on are reported by ParameterStatus before the first ReadyForQuery.").reports(setting);
    }
    group
        .must("reports-default-transaction-read-only", REPORTED_LATER)
        .versions(14..=u32::MAX)
        .reports("default_transaction_read_only");
    group.must("reports-in-hot-standby", REPORTED_LATER).versions(14..=u32::MAX).reports("in_hot_standby");
    group
        .must("reports-scram-iterations", REPORTED_LATER)
        .versions(16..=u32::MAX)
        .reports("scram_iterations");
    group.must("reports-search-path", REPORTED_LATER).versions(18..=u32::MAX).reports("search_path");
    group
        .must("no-database", "Without a database, it is the one with the name of the user.")
        .opened()
        .send_as(|me| startup_message(V3_0, &[("user", &me.user)]))
        .authenticate()
        // Whether there is one, nobody can know here.
        .expect(&format!("{STARTED} / AuthenticationOk? Fatal(3D000) End"));
    group
        .must("options", "The parameter options carries settings as command-line arguments.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("options", "-c DateStyle=German")]))
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I)")
        .send([query("show datestyle")])
        .expect("Columns Row(German, DMY) Complete(SHOW) Ready(I)");
    group
        .must("setting", "Any other parameter sets a setting for the session.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("application_name", "pgspec")]))
        .authenticate()
        .expect("AuthenticationOk Status(application_name=pgspec) Key? Ready(I)");
    group
        .must("bytewise", "A StartupMessage may arrive byte by byte.")
        .opened()
        .step(StepKind::Trickle(Say::As(plain_startup)))
        .authenticate()
        .expect(STARTED);
    group
        .reference(
            "query-behind",
            "A Query that was sent right behind the StartupMessage is answered when its turn comes.",
        )
        .needs(crate::need::Need::Account(crate::need::Method::Trust))
        .asked_for(crate::need::Method::Trust)
        .send_as(|me| [plain_startup(me), query("")].concat())
        .expect("AuthenticationOk Key? Ready(I) EmptyQuery Ready(I)");
}

fn refused(group: &mut Group) {
    group
        .must("no-user", "A StartupMessage has to name a user.")
        .opened()
        .send([startup_message(V3_0, &[])])
        .expect("Fatal(28000) End");
    group
        .reference("empty-user", "The empty name is no user.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("user", "")]))
        .expect("Fatal(28000) End");
    group
        .must("unknown-database", "A database that does not exist is refused with 3D000.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("database", "pgspec has no such database")]))
        .authenticate()
        .expect("AuthenticationOk? Fatal(3D000) End");
    group
        .must("unknown-setting", "A setting that does not exist is refused with 42704.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("pgspec_unknown", "1")]))
        .authenticate()
        .expect("AuthenticationOk? Fatal(42704) End");
    group
        .must("invalid-setting", "A value that a setting cannot have is refused with 22023.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("DateStyle", "pgspec")]))
        .authenticate()
        .expect("AuthenticationOk? Fatal(22023) End");
    group
        .reference("invalid-replication", "The parameter replication is a truth value or `database`.")
        .opened()
        .send_as(|me| startup(me, V3_0, &[("replication", "perhaps")]))
        .expect("Fatal(22023) End");
    group
        .must("major-2", "Protocol 2.0 is refused with an error, which may have the shape of that protocol.")
        .opened()
        .send_as(|me| startup(me, 0x0002_0000, &[]))
        .step(StepKind::Refusal);
    for (name, version) in [("major-4", 0x0004_0000), ("major-0", 0)] {
        group
            .must(name, "A major version other than 3 is refused with 0A000.")
            // Before version 14, what is below 3 is refused in the shape of protocol 2.0.
            .versions(14..=u32::MAX)
            .opened()
            .send([startup_message(version, &[("user", "pgspec")])])
            .expect("Fatal(0A000) End");
    }
}

fn malformed(group: &mut Group) {
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-STARTUPMESSAGE");
    group
        .must("no-terminator", "The list of parameters ends with a zero byte.")
        .opened()
        .send_as(|me| repacked(&plain_startup(me), |body| body.truncate(body.len() - 1)))
        .expect("Fatal(08P01) End");
    group
        .must("trailing-bytes", "Nothing follows the end of the list of parameters.")
        .opened()
        .send_as(|me| repacked(&plain_startup(me), |body| body.extend(b"x\0")))
        .expect("Fatal(08P01) End");
    group
        .must("name-without-value", "Every parameter has a value.")
        .opened()
        .send_as(|me| {
            repacked(&plain_startup(me), |body| {
                body.pop();
                body.extend(b"options\0");
            })
        })
        .expect("Fatal(08P01) End");
    for (name, length) in [("length-7", 7_u32), ("length-0", 0), ("length-negative", u32::MAX)] {
        group
            .must(name, "A length that no packet can have ends the connection.")
            .opened()
            .send([[&length.to_be_bytes()[..], &V3_0.to_be_bytes(), b"user\0pgspec\0\0"].concat()])
            .step(StepKind::Refusal);
    }
    group
        .reference("length-10004", "A packet of 10,000 bytes behind its length word is not too long.")
        .opened()
        .send_as(|me| padded(me, 10_004))
        .authenticate()
        .expect(STARTED);
    group
        .reference("length-10005", "A packet that is longer than that ends the connection.")
        .opened()
        .send_as(|me| padded(me, 10_005))
        .step(StepKind::Refusal);
    group
        .must("query-first", "A message with a type is no StartupMessage.")
        .opened()
        .send([query("select 1")])
        .step(StepKind::Refusal);
    group
        .reference("http", "A request of another protocol ends the connection.")
        .opened()
        .send([b"GET / HTTP/1.1\r\nHost: pgspec\r\n\r\n".to_vec()])
        .step(StepKind::Refusal);
    group
        .reference("half", "A client that goes in the middle of its StartupMessage harms nobody.")
        .opened()
        .send_as(|me| plain_startup(me)[..12].to_vec())
        .finish()
        .step(StepKind::Refusal);
}

impl Case {
    fn reports(&mut self, setting: &str) {
        self.opened()
            .send_as(plain_startup)
            .authenticate()
            .expect(&format!("AuthenticationOk Status({setting}=*) Key? Ready(I)"));
    }
}

/// Changes the body of a packet and puts it into a packet of the right length.
fn repacked(startup: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = startup[4..].to_vec();
    change(&mut body);
    packet(&body)
}

/// A StartupMessage of this length.
fn padded(me: &Account, length: usize) -> Vec<u8> {
    let bare = startup(me, V3_0, &[("application_name", "")]);
    startup(me, V3_0, &[("application_name", &"x".repeat(length - bare.len()))])
}

pub(super) const STARTED: &str = "AuthenticationOk Key? Ready(I)";

const REPORTED: [(&str, &str); 9] = [
    ("reports-client-encoding", "client_encoding"),
    ("reports-datestyle", "DateStyle"),
    ("reports-integer-datetimes", "integer_datetimes"),
    ("reports-intervalstyle", "IntervalStyle"),
    ("reports-server-encoding", "server_encoding"),
    ("reports-server-version", "server_version"),
    ("reports-session-authorization", "session_authorization"),
    ("reports-standard-conforming-strings", "standard_conforming_strings"),
    ("reports-timezone", "TimeZone"),
];

const REPORTED_LATER: &str = "Settings of later versions that clients depend on are reported by ParameterStatus before the first ReadyForQuery.";
