use std::future::poll_fn;

use molt_db_decode::{Params, RowLayout};
use molt_db_protocol::auth::scram::{KeyDerivation, SaltedPassword};
use molt_db_protocol::auth::{self, Secret, tls_server_end_point};
use molt_db_protocol::client::{
    Client, Credentials, Handshake, HandshakeError, HandshakeEvent, Received, Startup,
};
use tokio::time::timeout;

use super::notices::Notices;
use super::settle::Waits;
use super::{Canceller, Connection, State};
use crate::config::{Config, Endpoint};
use crate::error::{ConnectCause, Error};
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
        let fail = |cause| Error::connect(config.endpoint().to_string(), cause);
        let encryption = Encryption::new(config).map_err(fail)?;
        Ok(Self { config: config.clone(), socket: SocketOptions::new(config), encryption })
    }

    /// Opens a session.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
        let connected = match self.config.get_connect_timeout() {
            None => self.open().await,
            Some(limit) => timeout(limit, self.open()).await.unwrap_or(Err(ConnectCause::Timeout(limit))),
        };
        connected.map_err(|cause| Error::connect(self.config.endpoint().to_string(), cause))
    }

    /// Opens a session over a stream that is there already. There is no second try, and nowhere to cancel.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the stream.
    pub(crate) async fn connect_with(&self, stream: OwnStream) -> Result<Connection, Error> {
        let endpoint = self.config.endpoint();
        let begun = self.begin(Stream::Own(stream), None, &endpoint, &self.encryption);
        let connected = match self.config.get_connect_timeout() {
            None => begun.await,
            Some(limit) => timeout(limit, begun).await.unwrap_or(Err(ConnectCause::Timeout(limit).into())),
        };
        connected.map_err(|failed| Error::connect(endpoint.to_string(), failed.cause))
    }

    async fn open(&self) -> Result<Connection, ConnectCause> {
        match self.attempt(&self.encryption).await {
            Err(Failed { cause, instead: Some(encryption) }) => {
                self.attempt(&encryption).await.map_err(|next| encryption.both(cause, next.cause))
            }
            attempted => attempted.map_err(|failed| failed.cause),
        }
    }

    async fn attempt(&self, encryption: &Encryption) -> Result<Connection, Failed> {
        let endpoint = self.config.endpoint();
        let (stream, peer) = match self.config.dialer() {
            Some(dialer) => dialer.connect(&endpoint).await?,
            None => endpoint.connect(&self.socket).await?,
        };
        self.begin(stream, Some(peer), &endpoint, encryption).await
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
        Ok(self.connection(transport, client, notices, peer, encryption))
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
            nonce: nonce()?,
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
        peer: Option<Peer>,
        encryption: &Encryption,
    ) -> Connection {
        let canceller = client.cancel_key().zip(peer).map(|(key, peer)| {
            let host = self.config.endpoint().host().to_owned();
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

fn nonce() -> Result<[u8; 18], ConnectCause> {
    let mut nonce = [0; 18];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut nonce).map_err(|_| ConnectCause::Randomness)?;
    Ok(nonce)
}
