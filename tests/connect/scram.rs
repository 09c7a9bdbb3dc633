//! Servers that break the rules of SCRAM.

use molt_db_testkit::peer::{Peer, messages};

use crate::peer::{SASL, challenge, refusal};

#[tokio::test]
async fn a_server_that_skips_its_part_of_scram_is_refused() {
    let session = || [messages::auth_ok(), messages::ready(b'I')].concat();
    let without_a_challenge = Peer::script(move |mut p| async move {
        p.startup().await?;
        p.send(&messages::auth(10, SASL)).await?;
        p.expect(b'p').await?;
        p.send(&session()).await?;
        p.closed().await
    });
    let without_a_proof = Peer::script(move |mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        p.send(&session()).await?;
        p.closed().await
    });
    for peer in [without_a_challenge, without_a_proof] {
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(error.is_protocol_violation(), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_is_refused() {
    let peer = Peer::script(|mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        let proof = messages::auth(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        p.send(&[proof, messages::auth_ok(), messages::ready(b'I')].concat()).await?;
        p.closed().await
    });
    let error = refusal(peer.unwrap(), "sslmode=disable").await;
    assert!(error.to_string().contains("could not prove"), "{error}");
}

#[tokio::test]
async fn endless_hashing_is_refused_before_it_begins() {
    for iterations in ["2147483648", "18446744073709551616", "0"] {
        let peer = Peer::script(move |mut p| async move {
            let challenge = challenge(&mut p, iterations).await?;
            p.send(&challenge).await?;
            p.closed().await
        });
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(!error.is_timeout() && error.to_string().contains("iteration"), "{iterations}: {error}");
    }
}
