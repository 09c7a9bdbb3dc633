//! Which version of the protocol, and which of its options.

use crate::case::Group;
use crate::login::startup;
use crate::say::{V3_0, V3_2};

pub(super) fn group() -> Group {
    let mut group = Group::new("negotiate", "protocol-overview.html#PROTOCOL-VERSIONS");
    versions(&mut group);
    options(&mut group);
    group
}

fn versions(group: &mut Group) {
    group
        .must("v3-1", "Protocol 3.1 was never used: a server goes on with it as with 3.0, or says that it knows 3.0 only.")
        .opened()
        .send_as(|me| startup(me, 0x0003_0001, &[]))
        .expect_until(17, "Negotiate(3.0)", "Negotiate? AuthenticationOk / Negotiate? Sasl / Negotiate? Md5 / Negotiate? Cleartext");
    group
        .must(
            "v3-2",
            "A server that does not know protocol 3.2 says which one it knows, and the session goes on.",
        )
        .opened()
        .versions(0..=17)
        .send_as(|me| startup(me, V3_2, &[]))
        .expect("Negotiate(3.0)")
        .authenticate()
        .expect(STARTED);
    group
        .must("v3-2-key", "In protocol 3.2 the key of a session has 4 to 256 bytes; nothing is negotiated.")
        .opened()
        .versions(18..=u32::MAX)
        .send_as(|me| startup(me, V3_2, &[]))
        .authenticate()
        .expect("AuthenticationOk Key Ready(I)");
    group
        .reference("v3-2-long-key", "In protocol 3.2 the key of a session has 32 bytes.")
        .opened()
        .versions(18..=u32::MAX)
        .send_as(|me| startup(me, V3_2, &[]))
        .authenticate()
        .expect("AuthenticationOk Key(32) Ready(I)");
    group
        .must(
            "v3-3",
            "A minor version that the server does not know is answered by the newest that it knows.",
        )
        .opened()
        .send_as(|me| startup(me, 0x0003_0003, &[]))
        .expect_until(17, "Negotiate(3.0)", "Negotiate(3.2)")
        .authenticate()
        .expect(STARTED);
    group
        .must("grease", "Version 3.9999 and an unknown option, as newer clients send them, are both answered, and the session goes on.")
        .opened()
        .send_as(|me| startup(me, 0x0003_270f, &[("_pq_.test_protocol_negotiation", "1")]))
        .expect_until(
            17,
            "Negotiate(3.0 _pq_.test_protocol_negotiation)",
            "Negotiate(3.2 _pq_.test_protocol_negotiation)",
        )
        .authenticate()
        .expect(STARTED);
}

fn options(group: &mut Group) {
    group
        .must(
            "options",
            "Options of the protocol that the server does not know are listed, in protocol 3.0 too.",
        )
        .opened()
        .send_as(|me| startup(me, V3_0, &[("_pq_.foo", "1"), ("_pq_.bar", "2")]))
        .expect("Negotiate(3.0 _pq_.foo _pq_.bar) / Negotiate(3.0 _pq_.bar _pq_.foo)")
        .authenticate()
        .expect(STARTED);
    group
        .must(
            "options-3-2",
            "Options of the protocol that the server does not know are listed in protocol 3.2.",
        )
        .opened()
        .send_as(|me| startup(me, V3_2, &[("_pq_.foo", "1"), ("_pq_.bar", "2")]))
        .expect_until(17, "Negotiate(3.0 _pq_.foo _pq_.bar)", "Negotiate(3.2 _pq_.foo _pq_.bar)")
        .authenticate()
        .expect(STARTED);
    group
        .must(
            "options-twice",
            "An unknown option that is sent once is listed once, and NegotiateProtocolVersion comes once.",
        )
        .opened()
        .send_as(|me| startup(me, V3_0, &[("_pq_.once", "")]))
        .expect("Negotiate(3.0 _pq_.once)")
        .authenticate()
        .expect(STARTED);
}

const STARTED: &str = super::startup::STARTED;
