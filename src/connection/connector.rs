mod deadline;
mod login;
mod order;
mod prepare;
mod role;

use std::sync::Arc;
use std::time::Duration;

use molt_db_protocol::client::Hints;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use self::deadline::Deadline;
use self::order::arrange;
use super::Connection;
use super::database_types::DatabaseTypes;
use crate::config::{Config, Endpoint, ResetPolicy, TargetSessionAttrs};
use crate::error::{ConnectAttempt, ConnectCause, Error, Kind};
use crate::net::{Encryption, OwnStream, Peer, SocketOptions, Stream};
use crate::observe::{Event, Observer, Traffic};
use crate::scope::{Scope, ScopeWatch};

/// Everything that connecting takes, read and checked once, to connect many times.
///
/// A [`Pool`](crate::Pool) has one, and so should a pool of one's own: [`Connection::connect`] reads the files that the
/// configuration names each time.
///
/// ```no_run
/// # async fn example() -> Result<(), molt_db::Error> {
/// use molt_db::{Config, Connector};
///
/// let config: Config = "postgres://app@db.example/app?sslmode=verify-full".parse()?;
/// let connector = Connector::new(&config)?;
/// let (reader, writer) = (connector.connect().await?, connector.connect().await?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Connector {
    config: Config,
    socket: SocketOptions,
    encryption: Encryption,
    /// What its sessions have found out, for those that come later.
    hints: Arc<Hints>,
    /// What they know of the types of the database.
    database_types: Arc<DatabaseTypes>,
    /// Who counts what happens on its sessions, if anybody does.
    observer: Option<Arc<Observer>>,
}

impl Connector {
    /// Reads the files that the configuration names: certificates, keys, revocation lists.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`]: no user is named, or options contradict each other. [`Error::is_connect`]: a file cannot
    /// be used.
    pub fn new(config: &Config) -> Result<Self, Error> {
        config.validate()?;
        let fail = |cause| Error::connect(config.endpoint(), cause);
        let encryption = Encryption::new(config).map_err(fail)?;
        Ok(Self {
            config: config.clone(),
            socket: SocketOptions::new(config),
            encryption,
            hints: Arc::default(),
            database_types: Arc::new(DatabaseTypes::new(config)),
            observer: Observer::new(config),
        })
    }

    /// Connects as [`Connection::connect`] does.
    ///
    /// # Errors
    ///
    /// [`Error::is_connect`]: the text names each host and its cause, and so does [`Error::attempts`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect(&self) -> Result<Connection, Error> {
        let began = self.observer.as_ref().map(|_| Instant::now());
        let connection = self.search().await?;
        if let (Some(observer), Some(began)) = (&self.observer, began) {
            observer.note(Event::Created(began.elapsed()));
        }
        Ok(connection)
    }

    /// Tries the hosts, up to the first that has what is wanted, or has the last word.
    async fn search(&self) -> Result<Connection, Error> {
        let mut endpoints = self.config.endpoints();
        arrange(&mut endpoints, self.config.get_load_balance_hosts())
            .map_err(|cause| Error::connect(self.config.endpoint(), cause))?;
        let mut failed = Vec::new();
        'search: for wanted in role::rounds(self.config.get_target_session_attrs()) {
            failed.clear();
            for endpoint in &endpoints {
                match self.try_host(endpoint, *wanted).await {
                    Ok(connection) => return Ok(connection),
                    Err(attempts) => failed.extend(attempts),
                }
                if failed.last().is_some_and(|attempt: &ConnectAttempt| attempt.cause().ends_the_search()) {
                    break 'search;
                }
            }
        }
        Err(Kind::Connect(failed).into())
    }

    /// Connects as [`Connection::connect_within`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Connector::connect`]; [`Error::is_timeout`] or [`Error::is_cancelled`] if the scope ends first.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect_within(&self, scope: Scope) -> Result<Connection, Error> {
        let mut watch = ScopeWatch::new(scope);
        let mut connection = watch.bound(self.connect()).await?;
        connection.set_watch(watch);
        Ok(connection)
    }

    /// Opens a session over a stream that is there already. There is no second try, and nowhere to cancel.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the stream.
    pub(crate) async fn connect_with(&self, stream: OwnStream) -> Result<Connection, Error> {
        let endpoint = self.config.endpoint();
        let version = self.config.get_max_protocol_version();
        let begun = self.begin(Stream::Own(stream), None, &endpoint, &self.encryption, version);
        let begun = async {
            let mut connection = begun.await.map_err(|failed| failed.cause)?;
            self.prepare(&mut connection).await?;
            Ok(connection)
        };
        let connected = Deadline::new(self.config.get_connect_timeout()).bound(begun).await;
        connected.map_err(|cause| Error::connect(endpoint.clone(), cause))
    }

    /// Tries the addresses of a host, up to the first that takes us or has the last word.
    async fn try_host(
        &self,
        endpoint: &Endpoint,
        wanted: TargetSessionAttrs,
    ) -> Result<Connection, Vec<ConnectAttempt>> {
        // Looking the name up is part of the time of its first address.
        let mut deadline = Deadline::new(self.config.get_connect_timeout());
        let peers = deadline.bound(self.peers(endpoint)).await;
        let peers = peers.map_err(|cause| vec![ConnectAttempt::new(endpoint.clone(), cause)])?;
        let mut failed = Vec::new();
        for peer in peers {
            let at = endpoint.at(&peer);
            // Boxed, because it is large, and moves with every future that it is a part of.
            let opening = Box::pin(self.open(endpoint, peer, wanted, deadline));
            let cause = match opening.await {
                Ok(connection) => return Ok(connection),
                Err(cause) => cause,
            };
            let ends = cause.ends_the_search();
            failed.push(ConnectAttempt::new(at, cause));
            if ends {
                break;
            }
            // PG docs: libpq-connect, "connect_timeout": each address has it to itself.
            deadline = Deadline::new(self.config.get_connect_timeout());
        }
        Err(failed)
    }

    async fn peers(&self, endpoint: &Endpoint) -> Result<Vec<Peer>, ConnectCause> {
        let mut peers = match self.config.dialer() {
            Some(dialer) => vec![Peer::Own(dialer.clone(), endpoint.clone())],
            None => endpoint.peers(&self.socket).await?,
        };
        arrange(&mut peers, self.config.get_load_balance_hosts())?;
        Ok(peers)
    }

    /// Opens a session at one address, with a server of the role that is wanted.
    async fn open(
        &self,
        endpoint: &Endpoint,
        peer: Peer,
        wanted: TargetSessionAttrs,
        deadline: Deadline,
    ) -> Result<Connection, ConnectCause> {
        let mut connection = deadline.bound(self.session(endpoint, &peer)).await?;
        let is_ready = async {
            role::check(&mut connection, wanted).await?;
            self.prepare(&mut connection).await
        };
        match deadline.bound(is_ready).await {
            Ok(()) => Ok(connection),
            Err(cause) => {
                see_out(connection);
                Err(cause)
            }
        }
    }

    /// Tells whether a server that does not report its role has just refused to write (25006), and writing is what it is
    /// for.
    pub(crate) fn may_not_write(&self, connection: &Connection) -> bool {
        let wanted = self.config.get_target_session_attrs();
        let writes = matches!(wanted, TargetSessionAttrs::ReadWrite | TargetSessionAttrs::Primary);
        let refused = connection.latest_code.is_some_and(|code| code.as_str() == "25006");
        writes && refused && role::reported(connection, wanted).is_none()
    }

    /// Returns what was counted on the sessions that it has opened; `None` where [`Config::observe`] does not ask for it.
    pub fn traffic(&self) -> Option<Traffic> {
        self.observer.as_ref().map(|observer| observer.snapshot())
    }

    pub(crate) fn observer(&self) -> Option<&Arc<Observer>> {
        self.observer.as_ref()
    }

    pub(crate) fn pool_name(&self) -> String {
        Observer::pool_name(&self.config)
    }

    pub(crate) fn reset_policy(&self) -> ResetPolicy {
        self.config.get_reset()
    }

    /// Tells whether the server has reported another role than `target_session_attrs` asks for.
    pub(crate) fn has_wrong_role(&self, connection: &Connection) -> bool {
        role::reported(connection, self.config.get_target_session_attrs()) == Some(false)
    }
}

/// Returns a random number, or one that is not where the system has none: it is for spreading load, not for secrets.
pub(crate) fn random_u64() -> u64 {
    random().map(u64::from_ne_bytes).unwrap_or_default()
}

fn random<const N: usize>() -> Result<[u8; N], ConnectCause> {
    let mut bytes = [0; N];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut bytes).map_err(|_| ConnectCause::Randomness)?;
    Ok(bytes)
}

/// Ends a session that nobody gets, beside whatever comes next: what it runs is cancelled, or each further try would
/// leave one more behind that goes on by itself.
fn see_out(connection: Connection) {
    let Ok(runtime) = Handle::try_current() else { return };
    drop(runtime.spawn(async move { drop(timeout(LONGEST_FAREWELL, connection.close_or_cancel()).await) }));
}

const LONGEST_FAREWELL: Duration = Duration::from_secs(10);
