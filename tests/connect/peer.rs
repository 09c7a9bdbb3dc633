//! What the tests with a scripted peer share.

use molt_db::Error;
use molt_db_testkit::peer::{Peer, PeerConnection, messages};

use crate::common::{open, within};

/// Returns how to reach a peer, with a password that nothing may show.
pub(crate) fn dial(peer: &Peer) -> String {
    format!("host=127.0.0.1 port={} user=u password=Secret-Word", peer.port())
}

/// Connects to a peer that will not have it, and returns why.
pub(crate) async fn refusal(peer: Peer, options: &str) -> Error {
    let text = format!("{} {options}", dial(&peer));
    let error = open(&text).await.err().unwrap_or_else(|| panic!("{options}: it let us in"));
    within(peer.finish()).await.unwrap();
    assert!(error.is_connect(), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("Secret-Word"), "{shown}");
    error
}

pub(crate) const SASL: &[u8] = b"SCRAM-SHA-256\0\0";

/// Reads the client's first SCRAM message and returns a challenge that continues its nonce.
pub(crate) async fn challenge(p: &mut PeerConnection, iterations: &str) -> std::io::Result<Vec<u8>> {
    p.startup().await?;
    p.send(&messages::auth(10, SASL)).await?;
    let first = String::from_utf8(p.expect(b'p').await?).unwrap();
    let (_, nonce) = first.split_once("r=").unwrap();
    Ok(messages::auth(11, format!("r={nonce}theirs,s=c2FsdHNhbHQ=,i={iterations}").as_bytes()))
}
