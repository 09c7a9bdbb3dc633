//! What is to be seen of a client beside its exit.

use super::Remark;
use super::hall::Seen;
use crate::say::{V3_0, V3_2};

pub(super) fn nothing(_: &Seen) -> Option<Remark> {
    None
}

/// What it sends can be read.
pub(super) fn nothing_malformed(seen: &Seen) -> Option<Remark> {
    let what = seen.malformed.as_ref()?;
    Some(Remark::Fail(format!("it sends what cannot be read: {what}")))
}

/// It has shown no token.
pub(super) fn no_token(seen: &Seen) -> Option<Remark> {
    let shows = seen.shows_token.then(|| Remark::Fail("it shows a token".to_owned()));
    shows.or_else(|| nothing_malformed(seen))
}

/// Its cancel requests have the key of the session.
pub(super) fn right_key(seen: &Seen) -> Option<Remark> {
    seen.wrong_key.then(|| Remark::Fail("it sends another key than it was given".to_owned()))
}

pub(super) fn right_long_key(seen: &Seen) -> Option<Remark> {
    speaks_3_2(seen).or_else(|| right_key(seen))
}

pub(super) fn speaks_3_2(seen: &Seen) -> Option<Remark> {
    (seen.version < V3_2).then_some(Remark::Skip("it does not ask for protocol 3.2"))
}

pub(super) fn speaks_3_0(seen: &Seen) -> Option<Remark> {
    (seen.version > V3_0).then_some(Remark::Skip("it asks for more than protocol 3.0"))
}

pub(super) fn greases(seen: &Seen) -> Option<Remark> {
    (!seen.greases).then_some(Remark::Skip("it sends no grease"))
}

/// It began with a handshake, and offered the protocol.
pub(super) fn offers_protocol(seen: &Seen) -> Option<Remark> {
    let offered = seen.offered.as_ref()?;
    let is_offered = offered.iter().any(|name| name == "postgresql");
    (!is_offered).then(|| Remark::Fail(format!("it offers {offered:?} by ALPN")))
}
