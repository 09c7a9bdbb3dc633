//! One session at one address: from the first byte to readiness.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use molt_db_decode::{Params, RowLayout};
use molt_db_protocol::auth::oauth::BearerToken;
use molt_db_protocol::auth::scram::{KeyDerivation, SaltedPassword};
use molt_db_protocol::auth::{self, Secret, tls_server_end_point};
use molt_db_protocol::client::{
    Client, Credentials, Handshake, HandshakeError, HandshakeEvent, Received, Startup,
};

use super::{Connector, random};
use crate::config::{Endpoint, ProtocolVersion, Replication};
use crate::connection::cancel::Target;
use crate::connection::notices::Notices;
use crate::connection::notifications::Inbox;
use crate::connection::observed::Role;
use crate::connection::settle::Waits;
use crate::connection::slow::Slow;
use crate::connection::transaction::whole_millis;
use crate::connection::{Canceller, Connection, State};
use crate::error::ConnectCause;
use crate::net::{Encryption, Failed, Peer, Stream, Timer, Transport};
use crate::observe::Probe;
use crate::scope::ScopeWatch;

/// A session that is ready.
struct Ready {
    transport: Transport,
    client: Box<Client>,
    version: ProtocolVersion,
    notices: Notices,
}

impl Connector {
    /// Opens a session; in the other of two ways if the mode of encryption allows that and the first has failed.
    pub(super) async fn session(&self, endpoint: &Endpoint, peer: &Peer) -> Result<Connection, ConnectCause> {
        match self.negotiate(endpoint, peer, &self.encryption).await {
            Err(Failed { cause, instead: Some(encryption) }) => {
                let next = self.negotiate(endpoint, peer, &encryption).await;
                next.map_err(|next| encryption.both(cause, next.cause))
            }
            attempted => attempted.map_err(|failed| failed.cause),
        }
    }

    /// Asks for the latest version of the protocol that is allowed; for 3.0 if that is refused.
    // PG docs: protocol-overview, "Protocol Versions": not every server and pooler knows how to negotiate.
    async fn negotiate(
        &self,
        endpoint: &Endpoint,
        peer: &Peer,
        encryption: &Encryption,
    ) -> Result<Connection, Failed> {
        let version = self.config.get_max_protocol_version();
        match self.attempt(endpoint, peer, encryption, version).await {
            Err(Failed { cause: ConnectCause::Handshake(HandshakeError::VersionRefused(_)), .. })
                if self.config.get_min_protocol_version() == ProtocolVersion::V3_0 =>
            {
                self.attempt(endpoint, peer, encryption, ProtocolVersion::V3_0).await
            }
            attempted => attempted,
        }
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        peer: &Peer,
        encryption: &Encryption,
        version: ProtocolVersion,
    ) -> Result<Connection, Failed> {
        let stream = peer.connect().await?;
        self.begin(stream, Some(peer.clone()), endpoint, encryption, version).await
    }

    /// Brings a stream to a session.
    pub(super) async fn begin(
        &self,
        stream: Stream,
        peer: Option<Peer>,
        endpoint: &Endpoint,
        encryption: &Encryption,
        version: ProtocolVersion,
    ) -> Result<Connection, Failed> {
        self.check_owner(&stream)?;
        let applied = encryption.apply(stream, endpoint.host()).await;
        let stream = applied.map_err(|cause| encryption.after_failure(cause))?;
        let instead = encryption.after_refusal(&stream);
        let credentials = self.credentials(endpoint, &stream, version).await?;
        let login = self.log_in(stream, credentials).await;
        let ready = login.map_err(|cause| Failed::login(cause, instead))?;
        Ok(self.connection(ready, endpoint, peer, encryption))
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

    async fn credentials(
        &self,
        endpoint: &Endpoint,
        stream: &Stream,
        version: ProtocolVersion,
    ) -> Result<Credentials, ConnectCause> {
        Ok(Credentials {
            password: self.password(endpoint).await?,
            token: self.token(endpoint).await?,
            nonce: random()?,
            statement_cache_size: self.config.get_statement_cache_size(),
            hints: Some(Arc::clone(&self.hints)),
            certificate_hash: stream.certificate().and_then(|der| tls_server_end_point(der).ok()),
            channel_binding: self.config.get_channel_binding(),
            require_auth: self.config.get_require_auth(),
            max_protocol_version: version,
            min_protocol_version: self.config.get_min_protocol_version(),
            transport: match stream {
                Stream::Tls(_) => auth::Transport::Tls,
                _ => auth::Transport::Clear,
            },
            ..Credentials::default()
        })
    }

    async fn password(&self, endpoint: &Endpoint) -> Result<Option<Secret>, ConnectCause> {
        match self.config.password_callback() {
            None => Ok(self.config.password_for(endpoint)),
            Some(callback) => match callback.ask(endpoint).await {
                Ok(password) => Ok(Some(password)),
                Err(error) => Err(ConnectCause::Callback { secret: "password", error }),
            },
        }
    }

    async fn token(&self, endpoint: &Endpoint) -> Result<Option<BearerToken>, ConnectCause> {
        let Some(callback) = self.config.oauth_token_callback() else { return Ok(None) };
        let token = match callback.ask(endpoint).await {
            Ok(token) => BearerToken::new(token).map_err(Into::into),
            Err(error) => Err(error),
        };
        token.map(Some).map_err(|error| ConnectCause::Callback { secret: "token", error })
    }

    /// Returns the settings of the session for the server's command line.
    fn options(&self) -> Option<Cow<'_, str>> {
        let given = self.config.get_options();
        let Some(limit) = self.config.get_statement_timeout() else { return given.map(Cow::Borrowed) };
        Some(format!("-c statement_timeout={} {}", whole_millis(limit), given.unwrap_or_default()).into())
    }

    fn replicates(&self) -> bool {
        self.config.get_replication() == Replication::Logical
    }

    async fn log_in(&self, stream: Stream, credentials: Credentials) -> Result<Ready, ConnectCause> {
        let options = self.options();
        let startup = Startup {
            user: self.config.get_user().unwrap_or_default(),
            database: self.config.get_dbname(),
            application_name: self.config.get_application_name(),
            options: options.as_deref(),
            replication: self.replicates().then_some("database"),
        };
        let mut transport = Transport::new(stream, self.config.get_wakeups());
        let mut notices = Notices::new(self.config.notice_hook().cloned());
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
                        HandshakeEvent::Ready(client) => {
                            let version = handshake.protocol_version();
                            return Ok(Ready { transport, client, version, notices });
                        }
                        HandshakeEvent::Notice(notice) => notices.take(notice),
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
        ready: Ready,
        endpoint: &Endpoint,
        peer: Option<Peer>,
        encryption: &Encryption,
    ) -> Connection {
        let Ready { transport, client, version, notices } = ready;
        let canceller = client.cancel_key().zip(peer).map(|(key, peer)| {
            Canceller::new(Target {
                key: key.clone(),
                peer,
                encryption: encryption.as_used_by(transport.stream()),
                host: endpoint.host().to_owned(),
                connect_timeout: self.config.get_connect_timeout(),
                observer: self.observer.clone(),
            })
        });
        Connection {
            transport,
            client,
            version,
            timer: Timer::default(),
            query_timeout: self.config.get_query_timeout(),
            after_cancel: self.config.get_after_cancel(),
            canceller,
            state: State::Open,
            params: Params::default(),
            types: Vec::new(),
            formats: Vec::new(),
            database_types: Arc::clone(&self.database_types),
            learned_in_transaction: false,
            layout: RowLayout::default(),
            notices,
            inbox: Inbox::new(&self.config),
            listens: false,
            is_simple: self.replicates(),
            waits: Waits::default(),
            watch: ScopeWatch::default(),
            ward: None,
            slow: Slow::new(self.config.slow_hook().cloned()),
            probe: self.observer.clone().map(Probe::new),
            role: Role::default(),
            number: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            scope: None,
            rollback: None,
            rollback_to: None,
            savepoints: 0,
            latest_code: None,
            accepted_before: 0,
        }
    }
}

/// How many sessions there have been: each has its number.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// The hash takes milliseconds by design: other tasks of this thread do not wait for it.
async fn derive(derivation: KeyDerivation) -> Result<SaltedPassword, ConnectCause> {
    let derived = tokio::task::spawn_blocking(move || derivation.run()).await;
    derived.map_err(|error| ConnectCause::Io(std::io::Error::other(error)))
}
