//! The version of the protocol.

use std::time::Duration;

use molt_db::Connection;
use molt_db::config::ProtocolVersion;
use molt_db_testkit::peer::{FirstPacket, Peer, messages};
use molt_db_testkit::shared_servers;

use crate::common::{code, open, plain_config, within};
use crate::peer::{dial, refusal};

#[tokio::test]
async fn each_server_speaks_the_latest_version_that_it_knows() {
    for server in shared_servers() {
        let config = plain_config(server, "test").max_protocol_version(ProtocolVersion::LATEST);
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        let knows_3_2 = server.version().0 >= 18;
        let expected = if knows_3_2 { ProtocolVersion::V3_2 } else { ProtocolVersion::V3_0 };
        assert_eq!(connection.protocol_version(), expected);
        // With a key of 32 bytes where it is 3.2.
        let canceller = connection.canceller().unwrap();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            canceller.cancel().await
        };
        let (slept, cancelled) = tokio::join!(connection.execute("select pg_sleep(60)", ()), cancel);
        cancelled.unwrap();
        assert!(slept.unwrap_err().is_cancelled());

        let connected =
            within(Connection::connect(&config.min_protocol_version(ProtocolVersion::V3_2))).await;
        match connected {
            Ok(connection) => assert!(knows_3_2, "{connection:?}"),
            Err(error) => {
                assert!(!knows_3_2 && error.to_string().contains("min_protocol_version"), "{error}");
            }
        }
        let by_default = within(Connection::connect(&plain_config(server, "test"))).await.unwrap();
        assert_eq!(by_default.protocol_version(), ProtocolVersion::V3_0);
    }
}

#[tokio::test]
async fn who_cannot_negotiate_the_version_is_asked_for_3_0() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        assert_eq!(p.startup().await?.version, 0x0003_0002);
        p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.login().await?.version, 0x0003_0000);
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("{} sslmode=disable max_protocol_version=3.2", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_0);
    drop(connection);
    within(peer.finish()).await.unwrap();

    for options in ["min_protocol_version=3.2", "max_protocol_version=3.0"] {
        let peer = Peer::script(|mut p| async move {
            p.startup().await?;
            p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
            p.closed().await
        });
        let error = refusal(peer.unwrap(), &format!("sslmode=disable {options}")).await;
        assert_eq!((code(&error).as_str(), error.attempts().len()), ("08P01", 1));
    }
}

#[tokio::test]
async fn who_cannot_negotiate_the_version_either_without_encryption_is_asked_for_3_0() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.startup().await?.version, 0x0003_0002);
        p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.login().await?.version, 0x0003_0000);
        p.closed().await
    })
    .unwrap();
    let text = format!("{} sslmode=prefer max_protocol_version=latest", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!((connection.protocol_version(), connection.encryption()), (ProtocolVersion::V3_0, None));
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_long_key_cancels_whole() {
    let key: Vec<u8> = (0..=255).collect();
    let sent = key.clone();
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        p.startup().await?;
        p.send(&[messages::auth_ok(), messages::backend_key(7, &sent), messages::ready(b'I')].concat())
            .await?;
        let mut canceller = listener.accept().await?;
        assert_eq!(canceller.first_packet().await?, FirstPacket::Cancel { process: 7, key: sent });
        canceller.close().await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("{} sslmode=disable max_protocol_version=latest", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_2);
    within(connection.canceller().unwrap().cancel()).await.unwrap();
    drop(connection);
    within(peer.finish()).await.unwrap();
}
