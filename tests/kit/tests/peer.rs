//! The scripted peer follows its script and tells when the client does not.

use std::io;
use std::time::Duration;

use molt_db_testkit::peer::{FirstPacket, Peer, messages};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(peer: &Peer) -> TcpStream {
    TcpStream::connect(("127.0.0.1", peer.port())).await.unwrap()
}

fn first_packet(code: u32, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(rest.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &code.to_be_bytes(), rest].concat()
}

const SSL_REQUEST: u32 = 80_877_103;
const CANCEL_REQUEST: u32 = 80_877_102;

#[tokio::test]
async fn a_client_is_let_in_after_its_request_for_encryption_was_refused() {
    let peer = Peer::script(|mut p| async move {
        let startup = p.login().await?;
        assert_eq!(startup.version, 0x0003_0000);
        assert_eq!(startup.parameter("user"), Some("me"));
        p.expect(b'X').await?;
        p.closed().await
    })
    .unwrap();
    let mut client = connect(&peer).await;
    client.write_all(&first_packet(SSL_REQUEST, b"")).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'N');
    client.write_all(&first_packet(0x0003_0000, b"user\0me\0\0")).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'R');
    client.write_all(b"X\0\0\0\x04").await.unwrap();
    client.shutdown().await.unwrap();
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_cancel_request_is_told_from_a_start_up() {
    let peer = Peer::script(|mut p| async move {
        let packet = p.first_packet().await?;
        assert_eq!(packet, FirstPacket::Cancel { process: 7, key: vec![1, 2, 3, 4] });
        p.close().await
    })
    .unwrap();
    let mut client = connect(&peer).await;
    client.write_all(&first_packet(CANCEL_REQUEST, &[0, 0, 0, 7, 1, 2, 3, 4])).await.unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn an_unexpected_message_fails_the_script_and_names_both_tags() {
    let peer = Peer::script(|mut p| async move { p.expect(b'Q').await.map(drop) }).unwrap();
    connect(&peer).await.write_all(b"S\0\0\0\x04").await.unwrap();
    let error = peer.finish().await.unwrap_err();
    assert!(error.to_string().contains("'Q'") && error.to_string().contains("'S'"), "{error}");
}

#[tokio::test]
async fn a_length_below_four_fails_the_script() {
    let peer = Peer::script(|mut p| async move { p.message().await.map(drop) }).unwrap();
    connect(&peer).await.write_all(b"Q\0\0\0\x03").await.unwrap();
    assert_eq!(peer.finish().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
#[should_panic(expected = "a wrong guess")]
async fn a_panic_in_the_script_reaches_the_test() {
    let peer = Peer::script(|_| async { panic!("a wrong guess") }).unwrap();
    let _client = connect(&peer).await;
    let _ = peer.finish().await;
}

#[tokio::test]
async fn pieces_arrive_in_order() {
    let peer = Peer::script(|mut p| async move {
        p.send_in_pieces(&messages::ready(b'I'), 1).await?;
        p.pause(Duration::from_millis(1)).await;
        p.send_in_pieces(&messages::ready(b'E'), 4).await
    })
    .unwrap();
    let mut got = Vec::new();
    connect(&peer).await.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"Z\0\0\0\x05IZ\0\0\0\x05E");
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_reset_shows_as_a_reset() {
    let peer = Peer::script(|p| async move { p.reset() }).unwrap();
    let error = connect(&peer).await.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_hanging_peer_ends_when_the_client_goes() {
    let peer = Peer::script(|mut p| async move {
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut client = connect(&peer).await;
    client.write_all(b"anything").await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(30), client.read_u8()).await;
    assert!(silence.is_err());
    drop(client);
    peer.finish().await.unwrap();
}
