//! A listener outlives its connections, and says what it may have missed.

mod common;

use std::time::Duration;

use common::{code, on_each_server, plain_config, poll_times, within};
use molt_db::{Config, Listener, ListenerEvent};
use molt_db_testkit::peer::{Peer, PeerConnection, messages};
use molt_db_testkit::proxy::{Cut, Direction, Flow, Proxy};
use molt_db_testkit::{Server, ServerOptions};
use tokio::time::{sleep, timeout};

async fn listener(config: &Config, channels: &[&str]) -> Listener {
    let mut listener = within(Listener::connect(config)).await.unwrap();
    listener = listener.backoff(Duration::from_millis(5), Duration::from_millis(100));
    for channel in channels {
        within(listener.listen(channel)).await.unwrap();
    }
    listener
}

async fn hear(listener: &mut Listener) -> String {
    match within(listener.recv()).await.unwrap() {
        ListenerEvent::Notification(notification) => {
            format!("{} {}", notification.channel(), notification.payload())
        }
        ListenerEvent::Resumed { cause, .. } => {
            assert!(cause.is_connection_lost() || cause.is_timeout(), "{cause:?}");
            "resumed".to_owned()
        }
        ListenerEvent::Lost(count) => format!("lost {count}"),
        other => panic!("{other:?}"),
    }
}

fn config(peer: &Peer) -> Config {
    format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port()).parse().unwrap()
}

/// Ends the sessions that listen on a channel of this name.
fn terminate(server: &Server, channel: &str) {
    let sql = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%LISTEN%\"{channel}\"%' \
         and pid <> pg_backend_pid()"
    );
    server.sql(&sql).unwrap();
}

#[tokio::test]
async fn it_hears_its_channels_and_no_others() {
    on_each_server(async |server| {
        let mut listener = listener(&plain_config(server, "test"), &["hears_a", "Hears B"]).await;
        server.sql("notify hears_a, '1'; notify hears_c, '2'; notify \"Hears B\", '3'").unwrap();
        assert_eq!(hear(&mut listener).await, "hears_a 1");
        assert_eq!(hear(&mut listener).await, "Hears B 3");
        assert!(listener.channels().eq(["Hears B", "hears_a"]));
        within(listener.unlisten("hears_a")).await.unwrap();
        server.sql("notify hears_a, '4'; notify \"Hears B\", '5'").unwrap();
        assert_eq!(hear(&mut listener).await, "Hears B 5");
        assert!(listener.listen("").await.unwrap_err().is_unsent());
        assert!(listener.channels().eq(["Hears B"]));
        within(listener.close()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_had_arrived_comes_before_the_word_that_it_was_away() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        p.login().await?;
        answer(&mut p).await?;
        p.send(&messages::notification(9, "ch", "1")).await?;
        p.send(&messages::notification(9, "ch", "2")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        p.login().await?;
        answer(&mut p).await?;
        p.send(&messages::notification(9, "ch", "3")).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut listener = listener(&config(&peer), &["ch"]).await;
    for expected in ["ch 1", "ch 2", "resumed", "ch 3"] {
        assert_eq!(hear(&mut listener).await, expected);
    }
    assert!(listener.outage().is_none());
}

#[tokio::test]
async fn it_listens_again_after_the_server_was_restarted() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let mut listener = listener(&plain_config(&server, "test"), &["a", "b"]).await;
    server.stop().unwrap();
    assert!(timeout(Duration::from_millis(300), listener.recv()).await.is_err(), "it keeps trying");
    let outage = listener.outage().unwrap();
    assert!(outage.is_connect(), "{outage:?}");
    server.restart().unwrap();
    match within(listener.recv()).await.unwrap() {
        ListenerEvent::Resumed { cause, gap } => {
            assert_eq!(code(&cause), "57P01");
            assert!(gap >= Duration::from_millis(300), "{gap:?}");
        }
        other => panic!("{other:?}"),
    }
    server.sql("notify b, '1'; notify a, '2'").unwrap();
    assert_eq!(hear(&mut listener).await, "b 1");
    assert_eq!(hear(&mut listener).await, "a 2");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_at_first_is_an_error() {
    let config: Config = "host=127.0.0.1 port=1 user=u sslmode=disable".parse().unwrap();
    assert!(within(Listener::connect(&config)).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn futures_that_are_dropped_make_progress_all_the_same() {
    on_each_server(async |server| {
        let mut listener = listener(&plain_config(server, "test"), &["progress"]).await;
        for round in 0..3 {
            terminate(server, "progress");
            let mut resumed = false;
            while !resumed {
                // One poll each: nobody who takes turns with a timer waits longer.
                poll_times(async { resumed = hear(&mut listener).await == "resumed" }, 1 + round % 2).await;
                sleep(Duration::from_millis(1)).await;
            }
            server.sql("notify progress, 'x'").unwrap();
            assert_eq!(hear(&mut listener).await, "progress x");
        }
        poll_times(listener.listen("progress2"), 1).await;
        within(listener.listen("progress2")).await.unwrap();
        server.sql("notify progress2, 'y'").unwrap();
        assert_eq!(hear(&mut listener).await, "progress2 y");
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_is_silent_for_too_long_is_left() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut listener = listener(&config, &["silent"]).await.keepalive(Duration::from_millis(100));
        // A long silence of a peer that is alive is none of its business.
        assert!(timeout(Duration::from_millis(700), listener.recv()).await.is_err());
        assert!(listener.outage().is_none());
        assert!(proxy.client_bursts() > 6, "it was asked for signs of life");
        assert_eq!(proxy.connections(), 1);

        proxy.set_flow(Direction::ToClient, Flow::Stalled);
        proxy.set_flow(Direction::ToServer, Flow::Stalled);
        within(async {
            while listener.outage().is_none() {
                assert!(timeout(Duration::from_millis(50), listener.recv()).await.is_err());
            }
        })
        .await;
        proxy.set_flow(Direction::ToServer, Flow::Whole);
        proxy.set_flow(Direction::ToClient, Flow::Whole);
        assert_eq!(hear(&mut listener).await, "resumed");
        server.sql("notify silent, 'x'").unwrap();
        assert_eq!(hear(&mut listener).await, "silent x");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_cut_while_a_channel_is_added_listens_on_it_afterwards() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut listener = listener(&config, &["cut_a"]).await;
        proxy.cut_after(Direction::ToServer, 5, Cut::Reset);
        within(listener.listen("cut_b")).await.unwrap();
        assert_eq!(hear(&mut listener).await, "resumed");
        server.sql("notify cut_b, 'x'").unwrap();
        assert_eq!(hear(&mut listener).await, "cut_b x");
        assert!(listener.channels().eq(["cut_a", "cut_b"]));
    })
    .await;
}

async fn answer(p: &mut PeerConnection) -> std::io::Result<()> {
    p.expect(b'Q').await?;
    p.send(&[messages::command_complete("LISTEN"), messages::ready(b'I')].concat()).await
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_and_tried_again() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        p.login().await?;
        answer(&mut p).await?;
        drop(p);
        let mut p = listener.accept().await?;
        p.startup().await?;
        p.send(&messages::error("FATAL", "28P01", "no")).await?;
        drop(p);
        let mut p = listener.accept().await?;
        p.startup().await?;
        p.send(&messages::error("FATAL", "57P03", "starting up")).await?;
        drop(p);
        let mut p = listener.accept().await?;
        p.login().await?;
        answer(&mut p).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut listener = listener(&config(&peer), &["ch"]).await;
    let error = within(listener.recv()).await.unwrap_err();
    assert_eq!(code(&error), "28P01");
    assert_eq!(hear(&mut listener).await, "resumed");
    drop(listener);
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn what_gave_way_while_a_command_ran_is_told() {
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.expect(b'Q').await?;
        for number in 1..=10_u8 {
            p.send(&messages::notification(9, "ch", &number.to_string())).await?;
        }
        p.send(&[messages::command_complete("LISTEN"), messages::ready(b'I')].concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut listener = listener(&config(&peer).max_notifications(2), &["ch"]).await;
    for expected in ["lost 8", "ch 9", "ch 10"] {
        assert_eq!(hear(&mut listener).await, expected);
    }
}

#[tokio::test]
async fn a_channel_that_the_server_refuses_is_not_listened_on() {
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.expect(b'Q').await?;
        p.send(&[messages::error("ERROR", "25006", "a standby"), messages::ready(b'I')].concat()).await?;
        p.send(&messages::notification(9, "ch", "x")).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut listener = listener(&config(&peer), &[]).await;
    assert_eq!(code(&within(listener.listen("ch")).await.unwrap_err()), "25006");
    assert_eq!(listener.channels().count(), 0);
    assert_eq!(hear(&mut listener).await, "ch x");
}
