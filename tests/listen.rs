//! Notifications on a connection: they arrive whatever it does, in order, and none is lost without a word.

mod common;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{assert_usable, code, connect, connect_to, on_each_server, plain_config, poll_times, within};
use futures_core::Stream;
use molt_db::{Config, Connection, Notification, Pool, Scope};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::{Server, ServerOptions};
use tokio::time::timeout;

async fn listening(server: &Server, channel: &str) -> Connection {
    let mut c = connect(server).await;
    c.listen(channel).await.unwrap();
    c
}

async fn next(c: &mut Connection) -> Notification {
    within(c.next_notification()).await.unwrap()
}

async fn next_payload(c: &mut Connection) -> String {
    next(c).await.payload().to_owned()
}

fn url(peer: &Peer) -> String {
    format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port())
}

/// Tells a channel the numbers from 1 on, in one transaction.
fn send_numbers(server: &Server, channel: &str, last: u32) {
    let sql = format!("select count(pg_notify('{channel}', i::text)) from generate_series(1, {last}) i");
    server.sql(&sql).unwrap();
}

/// Takes what has arrived: the payloads, and how many were lost.
fn take_numbers(c: &mut Connection) -> (Vec<u64>, u64) {
    let (mut numbers, mut lost) = (Vec::new(), 0);
    loop {
        match c.try_notification() {
            Ok(Some(notification)) => numbers.push(notification.payload().parse().unwrap()),
            Ok(None) => return (numbers, lost),
            Err(error) => lost += error.lost_notifications().unwrap(),
        }
    }
}

#[tokio::test]
async fn a_session_hears_itself_inside_of_a_query() {
    on_each_server(async |server| {
        let mut c = listening(server, "self").await;
        let pid = c.backend_pid().unwrap();
        c.execute("select pg_notify('self', 'by a query')", ()).await.unwrap();
        c.script("notify self, 'by a script'").await.unwrap();
        c.notify("self", "by a call").await.unwrap();
        c.notify("self", "").await.unwrap();
        let mut batch = c.batch();
        batch.add("select pg_notify('self', $1)", ("by a batch",)).add("select 1", ());
        batch.run().await.unwrap();
        for expected in ["by a query", "by a script", "by a call", "", "by a batch"] {
            let notification = next(&mut c).await;
            assert_eq!((notification.channel(), notification.payload()), ("self", expected));
            assert_eq!(notification.process(), pid);
        }
        assert!(c.try_notification().unwrap().is_none());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn notifications_arrive_while_the_connection_is_idle_and_the_first_is_not_lost() {
    on_each_server(async |server| {
        let mut c = listening(server, "idle").await;
        server.sql("notify idle, 'first'").unwrap();
        assert_eq!(next_payload(&mut c).await, "first");
        let mut waiting = Box::pin(c.next_notification());
        assert!(timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        server.sql("notify idle, 'second'; notify other, 'not for us'; notify idle, 'third'").unwrap();
        assert_eq!(within(waiting).await.unwrap().payload(), "second");
        assert_eq!(next_payload(&mut c).await, "third");
        c.unlisten("idle").await.unwrap();
        server.sql("notify idle, 'too late'").unwrap();
        assert_usable(&mut c).await;
        assert!(c.try_notification().unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_arrive_while_a_query_streams_and_all_are_kept_in_order() {
    on_each_server(async |server| {
        let mut c = listening(server, "stream").await;
        let mut rows = c.query("select generate_series(1, 200000)").rows().await.unwrap();
        for _ in 0..1000 {
            rows.next().await.unwrap().unwrap();
        }
        send_numbers(server, "stream", 10_000);
        let mut left = 0;
        while rows.next().await.unwrap().is_some() {
            left += 1;
        }
        assert_eq!(left, 199_000);
        for number in 1..=10_000 {
            assert_eq!(next_payload(&mut c).await, number.to_string());
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_tells_at_its_commit_and_hears_after_it() {
    on_each_server(async |server| {
        let mut c = listening(server, "tx").await;
        let mut tx = c.begin().await.unwrap();
        tx.notify("tx", "undone").await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = c.begin().await.unwrap();
        tx.listen("tx2").await.unwrap();
        tx.notify("tx2", "done").await.unwrap();
        server.sql("notify tx, 'from elsewhere'").unwrap();
        let early = timeout(Duration::from_millis(50), tx.next_notification()).await;
        assert!(early.is_err(), "{early:?}");
        tx.commit().await.unwrap();
        let mut told = [next_payload(&mut c).await, next_payload(&mut c).await];
        told.sort();
        assert_eq!(told, ["done", "from elsewhere"]);
    })
    .await;
}

#[tokio::test]
async fn a_payload_may_have_7999_bytes() {
    on_each_server(async |server| {
        let mut c = listening(server, "long").await;
        let longest = "x".repeat(7999);
        c.notify("long", &longest).await.unwrap();
        assert_eq!(next_payload(&mut c).await, longest);
        assert_eq!(code(&c.notify("long", &"x".repeat(8000)).await.unwrap_err()), "22023");
        assert!(c.notify("long", "a\0b").await.is_err());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn names_of_channels_are_taken_as_they_are() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let long = "n".repeat(63);
        let names = ["Jobs", "a b", "\"; drop table x; --", "ä'ö", "select", &long];
        for name in names {
            c.listen(name).await.unwrap();
        }
        for name in names {
            c.notify(name, "x").await.unwrap();
            assert_eq!(next(&mut c).await.channel(), name);
        }
        for name in ["", "a\0b", &"n".repeat(64)] {
            for refused in [c.listen(name).await.unwrap_err(), c.unlisten(name).await.unwrap_err()] {
                assert!(refused.is_unsent() && refused.code().is_none(), "{refused:?}");
            }
            assert!(c.notify(name, "x").await.is_err());
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn waiting_obeys_the_scope_and_not_the_limit_of_queries() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").query_timeout(Duration::from_millis(100));
        let mut c = Connection::connect(&config).await.unwrap();
        c.listen("scope").await.unwrap();
        assert!(timeout(Duration::from_millis(300), c.next_notification()).await.is_err());
        c.set_scope(Scope::within(Duration::from_millis(50)));
        let error = within(c.next_notification()).await.unwrap_err();
        assert!(error.is_timeout() && error.is_unsent(), "{error:?}");
        c.set_scope(Scope::default());
        assert_usable(&mut c).await;
        server.sql("notify scope, 'still there'").unwrap();
        assert_eq!(next_payload(&mut c).await, "still there");
    })
    .await;
}

#[tokio::test]
async fn futures_dropped_at_any_poll_lose_nothing() {
    on_each_server(async |server| {
        let mut c = listening(server, "dropped").await;
        let mut expected = 1;
        for round in 0..20 {
            send_numbers(server, "dropped", 5);
            while expected <= 5 {
                let ended = poll_times(
                    async {
                        assert_eq!(c.next_notification().await.unwrap().payload(), expected.to_string());
                        expected += 1;
                    },
                    round % 3,
                )
                .await;
                assert!(c.is_usable());
                if !ended {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if round % 3 == 0 {
                    assert_eq!(next_payload(&mut c).await, expected.to_string());
                    expected += 1;
                }
            }
            expected = 1;
        }
        for polls in 0..4 {
            poll_times(c.listen("dropped2"), polls).await;
            within(c.settle()).await.unwrap();
            poll_times(c.notify("dropped2", "x"), polls).await;
            within(c.settle()).await.unwrap();
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_hook_is_told_and_none_is_kept() {
    on_each_server(async |server| {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&told);
        let config = plain_config(server, "test").on_notification(move |notification| {
            list.lock().unwrap().push(notification.payload().to_owned());
        });
        let mut c = Connection::connect(&config).await.unwrap();
        c.listen("hook").await.unwrap();
        c.notify("hook", "by a query").await.unwrap();
        server.sql("notify hook, 'while idle'").unwrap();
        assert!(timeout(Duration::from_millis(200), c.next_notification()).await.is_err());
        assert_eq!(*told.lock().unwrap(), ["by a query", "while idle"]);
        assert!(c.try_notification().unwrap().is_none());
    })
    .await;
}

/// As many as fit into the server's own queue; issue 8 has ten million of them, which differ in nothing but their number.
const FLOOD: u32 = 300_000;

#[tokio::test]
async fn a_flood_in_mid_query_takes_bounded_memory_and_what_it_lost_is_told() {
    on_each_server(async |server| {
        const MOST: u64 = 65_536;
        let mut c = listening(server, "flood").await;
        let mut rows = c.query("select generate_series(1, 3)").rows().await.unwrap();
        send_numbers(server, "flood", FLOOD);
        while rows.next().await.unwrap().is_some() {}
        // Some may come behind the end of the query.
        let (mut numbers, mut lost) = (Vec::new(), 0);
        while numbers.last() != Some(&u64::from(FLOOD)) {
            assert_usable(&mut c).await;
            let (more, lost_more) = take_numbers(&mut c);
            assert!(more.len() as u64 <= MOST + 10_000, "{} at once", more.len());
            numbers.extend(more);
            lost += lost_more;
        }
        assert_eq!(numbers.len() as u64 + lost, u64::from(FLOOD));
        assert!(lost > 0 && numbers.is_sorted());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_that_is_waited_for_stays_with_the_server_and_none_is_lost() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").max_notifications(1);
        let mut c = Connection::connect(&config).await.unwrap();
        c.listen("patient").await.unwrap();
        send_numbers(server, "patient", 50_000);
        let mut notifications = c.notifications();
        for number in 1..=50_000_u32 {
            let next = poll_fn(|cx| Pin::new(&mut notifications).poll_next(cx));
            assert_eq!(within(next).await.unwrap().unwrap().payload(), number.to_string());
        }
    })
    .await;
}

#[tokio::test]
async fn ten_million_take_no_more_memory_than_the_bound() {
    const COUNT: usize = 1_000_000;
    // As the server of the test sends them: many at a time, and then the end of the query.
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.expect(b'Q').await?;
        let many = messages::notification(9, "ch", &"x".repeat(100)).repeat(1000);
        for _ in 0..COUNT / 1000 {
            p.send(&many).await?;
        }
        p.send(&[messages::command_complete("SELECT 1"), messages::ready(b'I')].concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let config: Config = url(&peer).parse().unwrap();
    let mut c = Connection::connect(&config.max_notification_bytes(1 << 20)).await.unwrap();
    timeout(Duration::from_secs(100), c.script("select")).await.unwrap().unwrap();
    let lost = c.try_notification().unwrap_err().lost_notifications().unwrap();
    let mut kept = 0;
    while let Some(notification) = c.try_notification().unwrap() {
        assert_eq!(notification.payload().len(), 100);
        kept += 1;
    }
    assert_eq!(lost + kept, COUNT as u64);
    assert!((1000..=(1 << 20) / 100).contains(&kept), "{kept}");
    assert!(c.is_usable());
}

#[tokio::test]
async fn what_had_arrived_comes_before_the_end_of_the_connection() {
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.send(&messages::notification(9, "ch", "first")).await?;
        p.send(&messages::notification(9, "ch", "second")).await?;
        p.send(&messages::error("FATAL", "57P01", "an administrator")).await?;
        p.close().await
    })
    .unwrap();
    let mut c = common::open(&url(&peer)).await.unwrap();
    assert_eq!(next_payload(&mut c).await, "first");
    assert_eq!(next_payload(&mut c).await, "second");
    let error = within(c.next_notification()).await.unwrap_err();
    assert!(error.is_connection_lost() && !error.is_outcome_unknown(), "{error:?}");
    assert_eq!(code(&error), "57P01");
    assert!(within(c.next_notification()).await.unwrap_err().is_connection_lost());
    assert!(!c.is_usable());
}

#[tokio::test]
async fn a_server_that_goes_is_noticed_while_nothing_is_asked() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let mut c = listening(&server, "gone").await;
    let waiting = tokio::spawn(async move { c.next_notification().await.unwrap_err() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::spawn_blocking(move || server.stop().unwrap()).await.unwrap();
    assert!(within(waiting).await.unwrap().is_connection_lost());
}

#[tokio::test]
async fn an_unsettled_connection_is_settled_first() {
    on_each_server(async |server| {
        let mut c = listening(server, "unsettled").await;
        c.notify("unsettled", "x").await.unwrap();
        assert!(timeout(Duration::from_millis(50), c.execute("select pg_sleep(30)", ())).await.is_err());
        assert_eq!(next_payload(&mut c).await, "x", "it had arrived");
        assert!(within(c.next_notification()).await.unwrap_err().is_unsettled());
        server.sql("notify unsettled, 'while it settles'").unwrap();
        within(c.settle()).await.unwrap();
        assert_eq!(next_payload(&mut c).await, "while it settles");
    })
    .await;
}

#[tokio::test]
async fn the_next_user_of_a_pooled_connection_does_not_get_them() {
    on_each_server(async |server| {
        let pool = Pool::builder(plain_config(server, "test")).max_conns(1).build().unwrap();
        let mut session = pool.acquire().await.unwrap();
        assert!(!session.listens());
        session.listen("pooled").await.unwrap();
        session.notify("pooled", "private").await.unwrap();
        assert!(session.listens());
        drop(session);
        let mut session = pool.acquire().await.unwrap();
        assert!(session.try_notification().unwrap().is_none());
        session.unlisten_all().await.unwrap();
        assert!(!session.listens());
    })
    .await;
}

#[tokio::test]
async fn settings_that_change_while_the_connection_is_idle_are_known() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let mut c = connect_to(server, &database).await;
        c.listen("settings").await.unwrap();
        c.script("set time zone 'Europe/Paris'").await.unwrap();
        assert_eq!(c.parameter("TimeZone"), Some("Europe/Paris"));
    })
    .await;
    // No server does that between two commands of a session; a pooler does.
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.send(&messages::parameter_status("TimeZone", "Asia/Tokyo")).await?;
        p.send(&messages::notification(9, "ch", "behind it")).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut c = common::open(&url(&peer)).await.unwrap();
    assert_eq!(next_payload(&mut c).await, "behind it");
    assert_eq!(c.parameter("TimeZone"), Some("Asia/Tokyo"));
}

#[tokio::test]
async fn messages_that_no_session_has_end_the_wait() {
    for (case, bytes) in [
        ("an unknown type", messages::message(b'y', b"")),
        ("a negotiation", messages::negotiate_version(0x0003_0000, &[])),
        ("a row", messages::data_row(&[])),
        ("a cut notification", messages::message(b'A', b"\0\0\0\x09ch\0")),
        ("text that is not UTF-8", messages::message(b'A', b"\0\0\0\x09ch\0\xff\0")),
    ] {
        let peer = Peer::script(move |mut p| async move {
            p.login().await?;
            p.send(&bytes).await?;
            p.hang().await;
            Ok(())
        })
        .unwrap();
        let mut c = common::open(&url(&peer)).await.unwrap();
        let error = within(c.next_notification()).await.unwrap_err();
        assert!(error.is_protocol_violation(), "{case}: {error:?}");
        assert!(!c.is_usable(), "{case}");
        drop(c);
        peer.finish().await.unwrap();
    }
}
