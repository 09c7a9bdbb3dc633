//! The proxy counts, slows, stalls and cuts.

use std::io;
use std::time::Duration;

use molt_db_testkit::peer::Peer;
use molt_db_testkit::proxy::{Cut, Direction, Flow, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A peer that sends back each message it gets, and a client connected to it through a proxy.
async fn echo() -> (Peer, Proxy, TcpStream) {
    echo_through(Proxy::start).await
}

async fn echo_through(start: impl Fn(u16) -> io::Result<Proxy>) -> (Peer, Proxy, TcpStream) {
    let peer = Peer::script(|mut p| async move {
        while let Ok((tag, body)) = p.message().await {
            p.send(&molt_db_testkit::peer::messages::message(tag, &body)).await?;
        }
        Ok(())
    })
    .unwrap();
    let proxy = start(peer.port()).unwrap();
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    (peer, proxy, client)
}

const MESSAGE: &[u8] = b"Q\0\0\0\x0aselect";

async fn round_trip(client: &mut TcpStream) {
    client.write_all(MESSAGE).await.unwrap();
    let mut answer = [0; MESSAGE.len()];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, MESSAGE);
}

#[tokio::test]
async fn bursts_and_bytes_are_counted_each_way() {
    let (peer, proxy, mut client) = echo().await;
    for turn in 1..=3 {
        round_trip(&mut client).await;
        assert_eq!(proxy.client_bursts(), turn);
        assert_eq!(proxy.bytes(Direction::ToServer), turn * MESSAGE.len() as u64);
        assert_eq!(proxy.bytes(Direction::ToClient), turn * MESSAGE.len() as u64);
        assert_eq!(proxy.connections(), 1);
    }
    drop(client);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_recording_has_each_connection_in_the_order_of_its_bytes() {
    let (peer, proxy, mut client) = echo_through(Proxy::recording).await;
    round_trip(&mut client).await;
    round_trip(&mut client).await;
    let [conversation] = &proxy.take_conversations()[..] else { panic!("one connection") };
    let (there, back) = (Direction::ToServer, Direction::ToClient);
    let directions: Vec<_> = conversation.bursts.iter().map(|(direction, _)| *direction).collect();
    assert_eq!(directions, [there, back, there, back]);
    assert_eq!(conversation.bytes(there), MESSAGE.repeat(2));
    assert_eq!(conversation.bytes(back), MESSAGE.repeat(2));
    assert_eq!(proxy.take_conversations(), []);
    drop(client);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn pieces_arrive_complete_and_in_order() {
    let (peer, proxy, mut client) = echo().await;
    for size in [0, 1, 3, MESSAGE.len(), MESSAGE.len() + 1] {
        proxy.set_flow(Direction::ToServer, Flow::Pieces(size));
        proxy.set_flow(Direction::ToClient, Flow::Pieces(size));
        round_trip(&mut client).await;
    }
    drop(client);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn byte_by_byte_reaches_the_client_in_many_reads() {
    let (_peer, proxy, mut client) = echo().await;
    proxy.set_flow(Direction::ToClient, Flow::Pieces(1));
    client.write_all(MESSAGE).await.unwrap();
    let (mut got, mut reads, mut buffer) = (Vec::new(), 0, [0; 64]);
    while got.len() < MESSAGE.len() {
        let count = client.read(&mut buffer).await.unwrap();
        got.extend_from_slice(&buffer[..count]);
        reads += 1;
    }
    assert_eq!(got, MESSAGE);
    assert!(reads > 1, "all came in one read");
}

#[tokio::test]
async fn a_stalled_lane_passes_nothing_until_it_flows_again() {
    let (peer, proxy, mut client) = echo().await;
    proxy.set_flow(Direction::ToClient, Flow::Stalled);
    client.write_all(MESSAGE).await.unwrap();
    while proxy.bytes(Direction::ToClient) == 0 {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(50), client.read(&mut byte)).await;
    assert!(early.is_err(), "something passed a stalled lane");
    assert_eq!(proxy.forwarded(Direction::ToClient), 0);
    proxy.set_flow(Direction::ToClient, Flow::Whole);
    let mut answer = [0; MESSAGE.len()];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, MESSAGE);
    drop(client);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_stalled_lane_hides_the_end_of_the_stream() {
    let (peer, proxy, mut client) = echo().await;
    round_trip(&mut client).await;
    proxy.set_flow(Direction::ToServer, Flow::Stalled);
    client.shutdown().await.unwrap();
    let mut finish = Box::pin(peer.finish());
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut finish).await.is_err());
    proxy.set_flow(Direction::ToServer, Flow::Whole);
    finish.await.unwrap();
}

#[tokio::test]
async fn a_cut_with_fin_comes_after_exactly_that_many_bytes() {
    for bytes in [0, 1, 5, MESSAGE.len() - 1, MESSAGE.len()] {
        let (_peer, proxy, mut client) = echo().await;
        proxy.cut_after(Direction::ToClient, bytes as u64, Cut::Fin);
        client.write_all(MESSAGE).await.unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, &MESSAGE[..bytes]);
        assert_eq!(proxy.forwarded(Direction::ToClient), bytes as u64);
    }
}

#[tokio::test]
async fn a_cut_with_rst_shows_as_a_reset() {
    let (_peer, proxy, mut client) = echo().await;
    proxy.cut_after(Direction::ToServer, 5, Cut::Reset);
    client.write_all(MESSAGE).await.unwrap();
    let error = client.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_happens_once() {
    let peer = Peer::listen(|listener| async move {
        for _ in 0..2 {
            let mut p = listener.accept().await?;
            let _ = p.message().await;
            let _ = p.send(b"Z").await;
        }
        Ok(())
    })
    .unwrap();
    let proxy = Proxy::start(peer.port()).unwrap();
    proxy.cut_after(Direction::ToServer, 0, Cut::Fin);
    for expected in [&b""[..], b"Z"] {
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        client.write_all(MESSAGE).await.unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, expected);
    }
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn all_idle_connections_can_be_cut() {
    for (cut, kind) in [(Cut::Fin, None), (Cut::Reset, Some(io::ErrorKind::ConnectionReset))] {
        let (_peer, proxy, mut client) = echo().await;
        round_trip(&mut client).await;
        proxy.cut_all(cut);
        assert_eq!(client.read(&mut [0]).await.err().map(|error| error.kind()), kind);
    }
}

#[tokio::test]
async fn latency_delays_every_byte_but_keeps_the_pace() {
    let (_peer, proxy, mut client) = echo().await;
    let latency = Duration::from_millis(40);
    proxy.set_latency(Direction::ToServer, latency);
    proxy.set_latency(Direction::ToClient, latency);
    let begin = tokio::time::Instant::now();
    round_trip(&mut client).await;
    // A lower bound holds on the slowest machine: nothing may arrive before its time.
    assert!(begin.elapsed() >= latency * 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_shows_as_a_closed_connection() {
    let peer = Peer::listen(|_| async { Ok(()) }).unwrap();
    let port = peer.port();
    peer.finish().await.unwrap();
    let proxy = Proxy::start(port).unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}
