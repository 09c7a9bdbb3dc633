mod deadline;
mod order;
mod role;

use std::future::poll_fn;

use molt_db_decode::{Params, RowLayout};
use molt_db_protocol::auth::scram::{KeyDerivation, SaltedPassword};
use molt_db_protocol::auth::{self, Secret, tls_server_end_point};
use molt_db_protocol::client::{
    Client, Credentials, Handshake, HandshakeError, HandshakeEvent, Received, Startup,
};

use self::deadline::Deadline;
use self::order::arrange;
use super::notices::Notices;
use super::settle::Waits;
use super::{Canceller, Connection, State};
use crate::config::{Config, Endpoint, TargetSessionAttrs};
use crate::error::{ConnectAttempt, ConnectCause, Error, Kind};
use crate::net::{Encryption, Failed, OwnStream, Peer, SocketOptions, Stream, Timer, Transport};

/// Everything that connecting takes, read and checked once; a pool connects many times with it.
#[derive(Debug)]
pub(crate) struct Connector {
    config: Config,
    socket: SocketOptions,
    encryption: Encryption,
}

impl Connector {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        config.validate()?;
        let fail = |cause| Error::connect(config.endpoint(), cause);
        let encryption = Encryption::new(config).map_err(fail)?;
        Ok(Self { config: config.clone(), socket: SocketOptions::new(config), encryption })
    }

    /// Opens a session with the first server that takes us and is of the kind that is wanted.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
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

    /// Opens a session over a stream that is there already. There is no second try, and nowhere to cancel.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the stream.
    pub(crate) async fn connect_with(&self, stream: OwnStream) -> Result<Connection, Error> {
        let endpoint = self.config.endpoint();
        let begun = self.begin(Stream::Own(stream), None, &endpoint, &self.encryption);
        let begun = async { begun.await.map_err(|failed| failed.cause) };
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
            let cause = match deadline.bound(self.open(endpoint, peer, wanted)).await {
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
    ) -> Result<Connection, ConnectCause> {
        let mut connection = self.session(endpoint, &peer).await?;
        match role::check(&mut connection, wanted).await {
            Ok(()) => Ok(connection),
            Err(cause) => {
                // Whether the farewell arrives changes nothing.
                let _ = connection.close().await;
                Err(cause)
            }
        }
    }

    /// Opens a session at one address, in the other of two ways if the mode of encryption allows that.
    async fn session(&self, endpoint: &Endpoint, peer: &Peer) -> Result<Connection, ConnectCause> {
        match self.attempt(endpoint, peer, &self.encryption).await {
            Err(Failed { cause, instead: Some(encryption) }) => {
                let next = self.attempt(endpoint, peer, &encryption).await;
                next.map_err(|next| encryption.both(cause, next.cause))
            }
            attempted => attempted.map_err(|failed| failed.cause),
        }
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        peer: &Peer,
        encryption: &Encryption,
    ) -> Result<Connection, Failed> {
        let stream = peer.connect().await?;
        self.begin(stream, Some(peer.clone()), endpoint, encryption).await
    }

    /// Brings a stream to a session.
    async fn begin(
        &self,
        stream: Stream,
        peer: Option<Peer>,
        endpoint: &Endpoint,
        encryption: &Encryption,
    ) -> Result<Connection, Failed> {
        self.check_owner(&stream)?;
        let applied = encryption.apply(stream, endpoint.host()).await;
        let stream = applied.map_err(|cause| encryption.after_failure(cause))?;
        let instead = encryption.after_refusal(&stream);
        let mut notices = Notices::default();
        let password = self.config.password_for(endpoint);
        let login = self.log_in(stream, password, &mut notices).await;
        let (transport, client) = login.map_err(|cause| Failed::login(cause, instead))?;
        Ok(self.connection(transport, client, notices, endpoint, peer, encryption))
    }

    /// Nobody knows who is at the other end of a stream that the user has opened.
    fn check_owner(&self, stream: &Stream) -> Result<(), ConnectCause> {
        match (stream, self.config.get_require_peer()) {
            (Stream::Own(_), Some(required)) => Err(ConnectCause::Owner {
                required: required.to_owned(),
                found: "nobody knows whom".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Brings a session from its first message to readiness.
    async fn log_in(
        &self,
        stream: Stream,
        password: Option<Secret>,
        notices: &mut Notices,
    ) -> Result<(Transport, Box<Client>), ConnectCause> {
        let startup = Startup {
            user: self.config.get_user().unwrap_or_default(),
            database: self.config.get_dbname(),
            application_name: self.config.get_application_name(),
            options: self.config.get_options(),
        };
        let credentials = Credentials {
            password,
            nonce: random()?,
            statement_cache_size: self.config.get_statement_cache_size(),
            certificate_hash: stream.certificate().and_then(|der| tls_server_end_point(der).ok()),
            channel_binding: self.config.get_channel_binding(),
            require_auth: self.config.get_require_auth(),
            transport: match stream {
                Stream::Tls(_) => auth::Transport::Tls,
                _ => auth::Transport::Clear,
            },
            ..Credentials::default()
        };
        let mut transport = Transport::new(stream);
        let (_, output) = transport.buffers();
        let mut handshake =
            Handshake::start(&startup, credentials, output).map_err(HandshakeError::Encode)?;
        loop {
            let (input, output) = transport.buffers();
            match handshake.receive(input, output)? {
                Received::Partial { consumed, needed } => {
                    transport.take(consumed, 0);
                    poll_fn(|cx| transport.poll_exchange(cx, needed)).await?;
                }
                Received::Event { consumed, event } => {
                    transport.take(consumed, 0);
                    match event {
                        HandshakeEvent::Ready(client) => return Ok((transport, client)),
                        HandshakeEvent::Notice(notice) => notices.keep(notice),
                        HandshakeEvent::DeriveKey(derivation) => {
                            let key = derive(derivation).await?;
                            let (_, output) = transport.buffers();
                            handshake.derived(key, output)?;
                        }
                    }
                }
            }
        }
    }

    fn connection(
        &self,
        transport: Transport,
        client: Box<Client>,
        notices: Notices,
        endpoint: &Endpoint,
        peer: Option<Peer>,
        encryption: &Encryption,
    ) -> Connection {
        let canceller = client.cancel_key().zip(peer).map(|(key, peer)| {
            let host = endpoint.host().to_owned();
            let limit = self.config.get_connect_timeout();
            Canceller::new(key.clone(), peer, encryption.as_used_by(transport.stream()), host, limit)
        });
        Connection {
            transport,
            client,
            timer: Timer::default(),
            query_timeout: self.config.get_query_timeout(),
            canceller,
            state: State::Open,
            params: Params::default(),
            types: Vec::new(),
            formats: Vec::new(),
            layout: RowLayout::default(),
            notices,
            waits: Waits::default(),
        }
    }
}

/// The hash takes milliseconds by design: other tasks of this thread do not wait for it.
async fn derive(derivation: KeyDerivation) -> Result<SaltedPassword, ConnectCause> {
    let derived = tokio::task::spawn_blocking(move || derivation.run()).await;
    derived.map_err(|error| ConnectCause::Io(std::io::Error::other(error)))
}

fn random<const N: usize>() -> Result<[u8; N], ConnectCause> {
    let mut bytes = [0; N];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut bytes).map_err(|_| ConnectCause::Randomness)?;
    Ok(bytes)
}
