//! Servers that end, fall silent, or talk nonsense before there is a session.

use std::time::Duration;

use molt_db::{AuthMethod, Config, Connection};
use molt_db_testkit::peer::{FirstPacket, Peer, messages};
use tokio::sync::oneshot;

use crate::common::{code, open, within};
use crate::peer::{SASL, challenge, dial, refusal};

#[tokio::test]
async fn a_server_that_closes_during_the_handshake_is_an_error_at_every_point() {
    const CLEAR: &str = "sslmode=disable";
    const TLS: &str = "sslmode=require";
    let at_once = Peer::script(|p| p.close()).unwrap();
    let at_once_under_tls = Peer::script(|p| p.close()).unwrap();
    let after_request = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.close().await
    });
    let after_yes = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.close().await
    });
    let after_startup = Peer::script(|mut p| async move {
        p.startup().await?;
        p.close().await
    });
    let inside_of_a_message = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()[..7]).await?;
        p.close().await
    });
    let after_the_question = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth(10, SASL)).await?;
        p.expect(b'p').await?;
        p.close().await
    });
    let after_the_proof = Peer::script(|mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        p.close().await
    });
    let before_ready = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()).await?;
        p.close().await
    });
    let by_reset = Peer::script(|mut p| async move {
        p.startup().await?;
        p.reset()
    });
    for (point, peer, options) in [
        ("at once", at_once, CLEAR),
        ("at once, TLS", at_once_under_tls, TLS),
        ("after SSLRequest", after_request.unwrap(), TLS),
        ("after S", after_yes.unwrap(), TLS),
        ("after the start-up", after_startup.unwrap(), CLEAR),
        ("inside of a message", inside_of_a_message.unwrap(), CLEAR),
        ("after the question", after_the_question.unwrap(), CLEAR),
        ("after the proof", after_the_proof.unwrap(), CLEAR),
        ("before ReadyForQuery", before_ready.unwrap(), CLEAR),
        ("by RST", by_reset.unwrap(), CLEAR),
    ] {
        let error = refusal(peer, options).await;
        assert!(!error.is_timeout() && error.server().is_none(), "{point}: {error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_ends_with_connect_timeout_at_every_point() {
    let at_once = Peer::script(|mut p| async move {
        p.hang().await;
        Ok(())
    });
    let after_yes = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.hang().await;
        Ok(())
    });
    let after_startup = Peer::script(|mut p| async move {
        p.startup().await?;
        p.hang().await;
        Ok(())
    });
    let after_ok = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()).await?;
        p.hang().await;
        Ok(())
    });
    for (point, peer, mode) in [
        ("after accept", at_once, "require"),
        ("after S", after_yes, "require"),
        ("after the start-up", after_startup, "disable"),
        ("after AuthenticationOk", after_ok, "disable"),
    ] {
        let options = format!("sslmode={mode} connect_timeout_ms=200");
        let error = refusal(peer.unwrap(), &options).await;
        assert!(error.is_timeout(), "{point}: {error:?}");
        assert!(error.to_string().contains("connect_timeout (200ms)"), "{error}");
    }
}

#[tokio::test]
async fn malformed_messages_during_the_handshake_are_violations() {
    let huge = [&b"R"[..], &2001_u32.to_be_bytes()].concat();
    let endless_error = [&b"E"[..], &0x3fff_ffff_u32.to_be_bytes()].concat();
    for answer in [
        b"?\0\0\0\x04".to_vec(),
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
        huge,
        endless_error,
        messages::message(b'R', b"\0\0"),
        messages::auth(10, b"SCRAM-SHA-256"),
        messages::ready(b'I'),
        messages::data_row(&[]),
        [messages::auth_ok(), messages::data_row(&[])].concat(),
        [messages::auth_ok(), messages::auth_ok()].concat(),
        [messages::auth_ok(), messages::ready(b'?')].concat(),
    ] {
        let shown = answer.clone();
        let peer = Peer::script(move |mut p| async move {
            p.startup().await?;
            p.send(&answer).await?;
            p.hang().await;
            Ok(())
        });
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(error.is_protocol_violation(), "{shown:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_server_comes_whole_even_byte_by_byte() {
    let peer = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send_in_pieces(&messages::error("FATAL", "53300", "sorry, too many clients already"), 1).await?;
        p.close().await
    });
    let error = refusal(peer.unwrap(), "sslmode=disable").await;
    assert_eq!(code(&error), "53300");
    assert!(error.to_string().contains("too many clients"), "{error}");
}

#[tokio::test]
async fn a_start_that_comes_byte_by_byte_with_notices_makes_a_session() {
    let peer = Peer::script(|mut p| async move {
        p.startup().await?;
        let start = [
            messages::auth_ok(),
            messages::notice("WARNING", "01000", "the collation has changed"),
            messages::parameter_status("server_version", "18.1"),
            messages::notice("NOTICE", "00000", "welcome"),
            messages::backend_key(77, &[1, 2, 3, 4]),
            messages::ready(b'I'),
        ];
        p.send_in_pieces(&start.concat(), 1).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} sslmode=disable", dial(&peer))).await.unwrap();
    assert!(connection.is_usable() && connection.canceller().is_ok());
    assert_eq!(connection.parameter("server_version"), Some("18.1"));
    assert_eq!(connection.backend_pid(), Some(77));
    assert_eq!(connection.auth_method(), AuthMethod::Trust);
    drop(connection);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_dropped_connect_closes_its_socket() {
    for mode in ["disable", "require"] {
        let (begun, has_begun) = oneshot::channel();
        let peer = Peer::script(move |mut p| async move {
            p.first_packet().await?;
            begun.send(()).unwrap();
            p.closed().await
        })
        .unwrap();
        let config: Config = format!("{} sslmode={mode}", dial(&peer)).parse().unwrap();
        tokio::select! {
            session = Connection::connect(&config) => panic!("{session:?}"),
            begun = has_begun => begun.unwrap(),
        }
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_connect_without_a_limit_waits_until_the_server_is_ready() {
    let peer = Peer::script(|mut p| async move {
        p.pause(Duration::from_millis(100)).await;
        p.login().await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} connect_timeout=0", dial(&peer))).await.unwrap();
    drop(connection);
    peer.finish().await.unwrap();
}
