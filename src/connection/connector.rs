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
use crate::config::{Config, Endpoint, SslMode, TargetSessionAttrs};
use crate::error::{ConnectAttempt, ConnectCause, Error, Kind};
use crate::net::{Encryption, Peer, SocketOptions, Stream, Timer, TlsSettings, Transport, Trust};

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
        let encryption = encryption(config).map_err(fail)?;
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
        let mut peers = endpoint.peers(&self.socket).await?;
        arrange(&mut peers, self.config.get_load_balance_hosts())?;
        Ok(peers)
    }

    /// Opens a session at one address.
    async fn open(
        &self,
        endpoint: &Endpoint,
        peer: Peer,
        wanted: TargetSessionAttrs,
    ) -> Result<Connection, ConnectCause> {
        let stream = self.encryption.apply(peer.connect().await?, endpoint.host()).await?;
        let mut notices = Notices::default();
        let password = self.config.password_for(endpoint);
        let (transport, client) = self.log_in(stream, password, &mut notices).await?;
        let mut connection = self.connection(transport, client, notices, endpoint, peer);
        match role::check(&mut connection, wanted).await {
            Ok(()) => Ok(connection),
            Err(cause) => {
                // Whether the farewell arrives changes nothing.
                let _ = connection.close().await;
                Err(cause)
            }
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
        peer: Peer,
    ) -> Connection {
        let canceller = client.cancel_key().map(|key| {
            let host = endpoint.host().to_owned();
            let limit = self.config.get_connect_timeout();
            Canceller::new(key.clone(), peer, self.encryption.as_used_by(transport.stream()), host, limit)
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

// PG docs: libpq-ssl, "SSL Mode Descriptions"
fn encryption(config: &Config) -> Result<Encryption, ConnectCause> {
    let roots = config.get_ssl_root_cert();
    let settings = |trust| TlsSettings::new(trust, roots);
    Ok(match config.get_ssl_mode() {
        // `Config::validate` does not let `Allow` through.
        SslMode::Disable | SslMode::Allow => Encryption::None,
        SslMode::Prefer => Encryption::Preferred(settings(Trust::Anyone)?),
        SslMode::Require => Encryption::Required(settings(Trust::Anyone)?),
        SslMode::VerifyCa => Encryption::Required(settings(Trust::Authority)?),
        SslMode::VerifyFull => Encryption::Required(settings(Trust::Host)?),
    })
}
