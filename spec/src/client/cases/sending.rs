//! What a client may not even send, and cancel requests.

use super::super::change::keep;
use super::super::{Action, ClientCase, Demand, witness};
use super::{CONCEPTS, case};

/// What a client may not even send.
pub(super) fn sending() -> Vec<ClientCase> {
    let fails = |id, requirement, action| {
        let case = case(id, requirement, CONCEPTS, Demand::Fail, keep);
        case.doing(action).seen_by(witness::nothing_malformed)
    };
    vec![
        fails(
            "client-sending.parameters-65536",
            "A count of 16 bits does not hold 65,536: that many parameters are refused, and not sent as none.",
            Action::Parameters,
        ),
        fails(
            "client-sending.zero-byte",
            "A text that holds a zero byte is refused, and neither cut nor sent.",
            Action::ZeroByte,
        ),
    ]
}

/// Cancel requests.
pub(super) fn cancels() -> Vec<ClientCase> {
    let cancel = |id, requirement| {
        let case = case(id, requirement, CANCEL, Demand::Succeed, keep);
        case.doing(Action::Cancel).seen_by(witness::right_key)
    };
    vec![
        cancel("client-cancel.ok", "A cancel request has the process and the key of the session."),
        cancel("client-cancel.key-4", "In protocol 3.2 too a key may have four bytes.")
            .keyed(b"\0\xff\0\n")
            .seen_by(witness::right_long_key),
        cancel("client-cancel.key-5", "In protocol 3.2 a key may have any number of bytes.")
            .keyed(b"\0\xff\0\nx")
            .seen_by(witness::right_long_key),
        cancel("client-cancel.key-32", "A key of 32 bytes is sent as it came.")
            .keyed(&[0xa5; 32])
            .seen_by(witness::right_long_key),
        cancel("client-cancel.key-256", "A key of 256 bytes is sent as it came.")
            .keyed(&[0x5a; 256])
            .seen_by(witness::right_long_key),
    ]
}

const CANCEL: &str = "protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS";
