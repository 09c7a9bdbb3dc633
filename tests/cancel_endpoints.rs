//! Cancel requests that meet something else than a server: every outcome is exact and has a bound.

mod common;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{assert_usable, plain_config, within};
use molt_db::{Connection, Error};
use molt_db_testkit::Server;
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a cancel request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    /// Nobody answers, not even to the first packet of TCP.
    BlackHole,
    Refuses,
    NeverCloses,
    /// Talks, and never stops.
    Talks,
    /// Takes the request, says something, and closes.
    AnswersAndCloses,
    /// Takes the request and tears the connection down.
    Resets,
    /// Closes without having read anything.
    ClosesEarly,
    /// Takes the request, closes in order, and does nothing about it.
    Ignores,
}

impl Endpoint {
    const ALL: [Self; 8] = [
        Self::BlackHole,
        Self::Refuses,
        Self::NeverCloses,
        Self::Talks,
        Self::AnswersAndCloses,
        Self::Resets,
        Self::ClosesEarly,
        Self::Ignores,
    ];

    fn listen(self) -> Peer {
        Peer::listen(move |listener| async move {
            loop {
                let peer = listener.accept().await?;
                // How one has gone is nothing to the next.
                tokio::spawn(self.meet(peer));
            }
        })
        .unwrap()
    }

    async fn meet(self, mut peer: PeerConnection) -> io::Result<()> {
        if self != Self::ClosesEarly {
            assert!(matches!(peer.first_packet().await?, FirstPacket::Cancel { .. }));
        }
        match self {
            Self::NeverCloses => peer.hang().await,
            Self::Talks => loop {
                peer.send(&[b'x'; 1000]).await?;
                peer.pause(Duration::from_millis(1)).await;
            },
            Self::AnswersAndCloses => {
                peer.send(b"E\0\0\0\x04what is this?").await?;
                peer.close().await?;
            }
            Self::Resets => peer.reset()?,
            _ => peer.close().await?,
        }
        Ok(())
    }

    /// Connects to a real server whose requests to cancel come here.
    async fn connect(self, server: &Server) -> (Peer, Connection) {
        let (peer, port) = (self.listen(), server.port());
        let (there, dialled) = (peer.port(), AtomicU32::new(0));
        let config = plain_config(server, "test").connect_timeout(Duration::from_millis(500));
        let config = config.dial_with(move |_| {
            let is_session = dialled.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                match self {
                    _ if is_session => TcpStream::connect(("127.0.0.1", port)).await,
                    Self::BlackHole => std::future::pending().await,
                    Self::Refuses => Err(io::ErrorKind::ConnectionRefused.into()),
                    _ => TcpStream::connect(("127.0.0.1", there)).await,
                }
            }
        });
        (peer, within(Connection::connect(&config)).await.unwrap())
    }
}

/// Lets a query run for a moment and drops it.
async fn walk_away(connection: &mut Connection, sql: &str) {
    assert!(timeout(Duration::from_millis(30), connection.execute(sql, ())).await.is_err());
}

#[tokio::test]
async fn a_request_is_over_when_it_was_taken_and_a_failure_within_its_bound_otherwise() {
    let server = Server::shared();
    for endpoint in Endpoint::ALL {
        let (_peer, mut connection) = endpoint.connect(server).await;
        let outcome = within(connection.canceller().unwrap().cancel()).await;
        let is = |expected: fn(&Error) -> bool| outcome.as_ref().is_err_and(expected);
        let holds = match endpoint {
            Endpoint::BlackHole | Endpoint::NeverCloses | Endpoint::Talks => {
                is(|error| error.is_connect() && error.is_timeout())
            }
            Endpoint::Refuses => is(|error| error.is_connect() && !error.is_timeout()),
            Endpoint::AnswersAndCloses | Endpoint::Resets | Endpoint::Ignores => outcome.is_ok(),
            // The request may have gone, or not: the end comes as one or as the other.
            Endpoint::ClosesEarly => outcome.is_ok() || is(|error| error.is_connect() && !error.is_timeout()),
        };
        assert!(holds, "{endpoint:?}: {outcome:?}");
        // The session has nothing to do with it.
        assert_usable(&mut connection).await;
    }
}

#[tokio::test]
async fn a_session_whose_requests_do_not_arrive_is_closed_within_its_bound() {
    let server = Server::shared();
    let closing = Endpoint::ALL.map(|endpoint| async move {
        let (_peer, mut connection) = endpoint.connect(server).await;
        let pid = connection.backend_pid().unwrap();
        walk_away(&mut connection, "select pg_sleep(600)").await;
        let error = within(connection.settle()).await.unwrap_err();
        assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{endpoint:?}: {error:?}");
        assert!(!connection.is_usable(), "{endpoint:?}");
        assert!(within(connection.execute("select 1", ())).await.is_err(), "{endpoint:?}");
        // No driver can stop it from here.
        server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
    });
    for closed in closing.map(|closing| tokio::spawn(closing)) {
        within(closed).await.unwrap();
    }
}

/// Where the query ends by itself, it depends on whether a request may still be on its way.
#[tokio::test]
async fn a_session_goes_on_only_if_no_request_can_arrive_any_more() {
    let server = Server::shared();
    let settling = Endpoint::ALL.map(|endpoint| async move {
        let (_peer, mut connection) = endpoint.connect(server).await;
        walk_away(&mut connection, "select pg_sleep(0.3)").await;
        let settled = within(connection.settle()).await;
        let goes_on = match endpoint {
            Endpoint::Refuses | Endpoint::AnswersAndCloses | Endpoint::Ignores => true,
            Endpoint::BlackHole | Endpoint::NeverCloses | Endpoint::Talks | Endpoint::Resets => false,
            Endpoint::ClosesEarly => settled.is_ok(),
        };
        assert_eq!(
            (settled.is_ok(), connection.is_usable()),
            (goes_on, goes_on),
            "{endpoint:?}: {settled:?}"
        );
        if goes_on {
            assert_usable(&mut connection).await;
        }
    });
    for settled in settling.map(|settling| tokio::spawn(settling)) {
        within(settled).await.unwrap();
    }
}
