//! Where operations run, and what is seen there from the side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db::{Config, Connection, Pool};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::common::within;
use crate::memory::Memory;
use crate::trickle::{Gauge, Trickle};

/// A server with an empty table, and a way to it.
pub(crate) struct Place {
    /// How to get there.
    pub(crate) config: Config,
    dial: Box<dyn Fn() -> Dialling>,
    side: Side,
    at_the_end: AtTheEnd,
    /// How long a command is waited for that does not end by itself.
    pub(crate) patience: Duration,
    /// Of a way that moves one byte at a time.
    pub(crate) gauge: Option<Arc<Gauge>>,
}

/// A stream to a server.
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for S {}

type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn ReadWrite>>>>>;

/// What becomes of a server's session when its client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtTheEnd {
    ItEnds,
    /// A pooler has it, and goes on with it.
    ItIsKept,
}

/// How it is looked at from the side.
enum Side {
    Memory(Memory),
    /// A connection that takes no other way than this.
    Server(Box<Mutex<Connection>>),
}

impl Place {
    /// A server in memory, and a way to it over which one byte can be let pass at a time.
    pub(crate) fn in_memory() -> Self {
        let (memory, gauge) = (Memory::default(), Arc::new(Gauge::default()));
        let dial = {
            let (memory, gauge) = (memory.clone(), Arc::clone(&gauge));
            move || Trickle::new(memory.dial(), Arc::clone(&gauge))
        };
        let config: Config = "host=memory user=u sslmode=disable".parse().unwrap();
        let config = config.dial_with({
            let dial = dial.clone();
            move |_| std::future::ready(Ok(dial()))
        });
        let dial = move || -> Dialling {
            let stream: Box<dyn ReadWrite> = Box::new(dial());
            Box::pin(std::future::ready(Ok(stream)))
        };
        let side = Side::Memory(memory);
        let (at_the_end, patience) = (AtTheEnd::ItEnds, Duration::from_secs(1));
        Self { config, dial: Box::new(dial), side, at_the_end, patience, gauge: Some(gauge) }
    }

    /// A database of a server, looked at by a connection to it.
    pub(crate) async fn on<S, F>(config: Config, mut side: Connection, dial: impl Fn() -> F + 'static) -> Self
    where
        S: ReadWrite + 'static,
        F: Future<Output = io::Result<S>> + 'static,
    {
        side.script("create table drops (id int, name text default 'of the old')").await.unwrap();
        side.script("grant all on drops to public").await.unwrap();
        let dial = move || -> Dialling {
            let dialling = dial();
            Box::pin(async { Ok(Box::new(dialling.await?) as Box<dyn ReadWrite>) })
        };
        let side = Side::Server(Box::new(Mutex::new(side)));
        let (at_the_end, patience) = (AtTheEnd::ItEnds, Duration::from_millis(50));
        Self { config, dial: Box::new(dial), side, at_the_end, patience, gauge: None }
    }

    /// The same by way of a pooler, which keeps the server's sessions.
    pub(crate) fn behind_a_pooler(self) -> Self {
        Self { at_the_end: AtTheEnd::ItIsKept, ..self }
    }

    /// The same server at a port of 127.0.0.1, over streams on which one byte can be let pass at a time.
    pub(crate) fn over_trickle(self, port: u16) -> Self {
        let gauge = Arc::new(Gauge::default());
        let config = self.config.clone().dial_with({
            let gauge = Arc::clone(&gauge);
            move |_| {
                let gauge = Arc::clone(&gauge);
                async move { Ok(Trickle::new(TcpStream::connect(("127.0.0.1", port)).await?, gauge)) }
            }
        });
        Self { config, gauge: Some(gauge), ..self }
    }

    pub(crate) async fn dial(&self) -> io::Result<Box<dyn ReadWrite>> {
        (self.dial)().await
    }

    pub(crate) async fn connect(&self) -> Connection {
        let connection = self.connect_once().await;
        match self.at_the_end {
            AtTheEnd::ItEnds => connection,
            AtTheEnd::ItIsKept => self.greeted(connection).await,
        }
    }

    /// Takes another one if this is told what somebody else has asked for: once in some ten thousand times pgbouncer 1.18
    /// hands a session on while the answer to its reset is still to come. Who has asked nothing yet is not at fault.
    async fn greeted(&self, mut connection: Connection) -> Connection {
        match within(connection.script("select 1")).await {
            Ok(_) => connection,
            Err(error) => {
                assert!(error.is_protocol_violation(), "{error}");
                println!("the pooler gave us the answer of another: {error}");
                self.connect_once().await
            }
        }
    }

    async fn connect_once(&self) -> Connection {
        within(Connection::connect(&self.config)).await.unwrap()
    }

    pub(crate) fn pool(&self) -> Pool {
        Pool::builder(self.config.clone()).max_conns(1).build().unwrap()
    }

    /// Returns how many commands run.
    pub(crate) async fn running(&self) -> i64 {
        match &self.side {
            Side::Memory(memory) => memory.running(),
            Side::Server(side) => ask(side, "count(*) filter (where state = 'active')").await,
        }
    }

    /// Waits until there are no sessions but those that are kept, at rest. They notice by themselves that nobody is there.
    pub(crate) async fn until_empty(&self) {
        within(async {
            while self.open().await > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    /// Sends a notification to all who listen on `drops`.
    pub(crate) async fn notify(&self) {
        match &self.side {
            Side::Memory(memory) => memory.notify(),
            Side::Server(side) => drop(side.lock().await.script("notify drops, 'news'").await.unwrap()),
        }
    }

    /// Ends what nobody is there to end.
    pub(crate) async fn end_all(&self) {
        match &self.side {
            Side::Memory(memory) => memory.end_all(),
            Side::Server(side) => drop(ask(side, "count(pg_cancel_backend(pid))").await),
        }
    }

    async fn open(&self) -> i64 {
        match &self.side {
            Side::Memory(memory) => memory.open(),
            Side::Server(side) if self.at_the_end == AtTheEnd::ItIsKept => {
                ask(side, "count(*) filter (where state <> 'idle')").await
            }
            Side::Server(side) => ask(side, "count(*)").await,
        }
    }
}

/// Asks about the other sessions in the database.
async fn ask(side: &Mutex<Connection>, what: &str) -> i64 {
    let sql = format!(
        "select {what} from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and backend_type in ('client backend', 'walsender')"
    );
    let (count,) = side.lock().await.query(&sql).one().await.unwrap();
    count
}
