use std::error::Error;
use std::fmt;

use super::{Client, Received};
use crate::auth::scram::{
    Binding, Iterations, KeyDerivation, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaltedPassword, ScramClient,
    ScramProving, ScramVerifying,
};
use crate::auth::{ScramError, Secret, md5_password};
use crate::message::{
    self, Authentication, CancelKey, ParameterStatus, SaslMechanisms, ServerError, StartupMessage,
};
use crate::wire::{Frame, Framed, Limits, Phase, Tag, frame};
use crate::{EncodeError, Malformed, ProtocolError};

/// The start of a session: from the StartupMessage to the server's first ReadyForQuery.
///
/// Feed it with [`Handshake::receive`] and send what it appends to `out`. At [`HandshakeEvent::DeriveKey`] it hands out the
/// one expensive step, to be run wherever that hurts least, and waits for [`Handshake::derived`].
#[derive(Debug)]
pub struct Handshake {
    limits: Limits,
    credentials: Credentials,
    user: String,
    state: State,
}

/// Who connects to what. These, and `client_encoding=UTF8`, are all the parameters that are sent: poolers know them.
#[derive(Debug, Clone, Copy)]
pub struct Startup<'a> {
    /// The role to log in as.
    pub user: &'a str,
    /// The database; the server takes the one named like the user if there is none.
    pub database: Option<&'a str>,
    /// What `pg_stat_activity` is to show.
    pub application_name: Option<&'a str>,
    /// Settings for the server's command line, as in libpq's `options`: `-c search_path=app`.
    pub options: Option<&'a str>,
}

/// How to prove who connects, and what to be wary of.
#[derive(Debug)]
pub struct Credentials {
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// Random bytes, new for every handshake: the caller has the randomness.
    pub nonce: [u8; 18],
    /// The hash of the server's certificate, where the connection is TLS and can be bound to it.
    pub certificate_hash: Option<Vec<u8>>,
    /// The most rounds of hashing that a server may ask for.
    pub iterations: Iterations,
    /// How large a message may be.
    pub limits: Limits,
    /// How many prepared statements the session keeps; 0 for none.
    pub statement_cache_size: usize,
}

impl Default for Credentials {
    /// No password, a nonce of zeros (which is only good for tests), 1,000,000 iterations, 256 statements.
    fn default() -> Self {
        Self {
            password: None,
            nonce: [0; 18],
            certificate_hash: None,
            iterations: Iterations::DEFAULT_LIMIT,
            limits: Limits::default(),
            statement_cache_size: 256,
        }
    }
}

/// How the server was convinced of who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// It did not ask.
    Trust,
    /// By the password itself.
    Cleartext,
    /// By an MD5 digest.
    Md5,
    /// By SCRAM-SHA-256: each side proved to the other that it knows the password, and neither told it.
    ScramSha256,
    /// By SCRAM-SHA-256 bound to the TLS connection.
    ScramSha256Plus,
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trust => "trust",
            Self::Cleartext => "cleartext password",
            Self::Md5 => "md5",
            Self::ScramSha256 => SCRAM_SHA_256,
            Self::ScramSha256Plus => SCRAM_SHA_256_PLUS,
        })
    }
}

/// What a [`Handshake`] tells its caller.
#[derive(Debug)]
pub enum HandshakeEvent {
    /// Run [`KeyDerivation::run`] and give its result to [`Handshake::derived`].
    DeriveKey(KeyDerivation),
    /// The server remarks on something.
    Notice(ServerError),
    /// The session is ready.
    Ready(Box<Client>),
}

/// Why there is no session.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server refused, and said why.
    Server(ServerError),
    /// The server broke the protocol.
    Protocol(ProtocolError),
    /// The SCRAM exchange failed on our side: the server could not prove that it knows the password, or asked for what is
    /// not granted.
    Scram(ScramError),
    /// The server asks for a password and none was given.
    PasswordMissing,
    /// The server asks for a method that this crate does not speak.
    Unsupported {
        /// Its number in the protocol, or the names of the SASL mechanisms.
        method: String,
    },
    /// What was to be sent cannot be: the user or another parameter holds a NUL.
    Encode(EncodeError),
    /// The handshake is over, or waits for [`Handshake::derived`].
    Misused,
}

impl Handshake {
    /// Begins a session on a fresh connection, encrypted or not, and appends the StartupMessage.
    ///
    /// # Errors
    ///
    /// A NUL in one of the parameters.
    pub fn start(
        startup: &Startup<'_>,
        credentials: Credentials,
        out: &mut Vec<u8>,
    ) -> Result<Self, EncodeError> {
        let mut parameters = vec![("user", startup.user), ("client_encoding", "UTF8")];
        let optional = [
            ("database", startup.database),
            ("application_name", startup.application_name),
            ("options", startup.options),
        ];
        parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        message::startup_message(&StartupMessage { version: PROTOCOL_3_0, parameters: &parameters }, out)?;
        let (limits, user) = (credentials.limits, startup.user.to_owned());
        Ok(Self { limits, credentials, user, state: State::Asked })
    }

    /// Consumes whole messages from the start of `input` until one is worth an event.
    ///
    /// # Errors
    ///
    /// There will be no session, and the connection is to be closed.
    pub fn receive(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<HandshakeEvent>, HandshakeError> {
        let mut consumed: usize = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let frame = match frame(rest, &self.limits, self.state.phase())? {
                Framed::Partial(needed) => return Ok(Received::Partial { consumed, needed }),
                Framed::Whole(frame) => frame,
            };
            consumed = consumed.saturating_add(frame.size());
            if let Some(event) = self.take(frame, out)? {
                return Ok(Received::Event { consumed, event });
            }
        }
    }

    /// Goes on with the key that was asked for.
    ///
    /// # Errors
    ///
    /// No key was asked for.
    pub fn derived(&mut self, key: SaltedPassword, out: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let State::Deriving(proving, method) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(HandshakeError::Misused);
        };
        let (response, verifying) = proving.prove(key);
        message::sasl_response(&response, out)?;
        self.state = State::Proved(verifying, method);
        Ok(())
    }

    fn take(
        &mut self,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<HandshakeEvent>, HandshakeError> {
        let Frame { tag, body } = frame;
        let malformed = |problem| HandshakeError::Protocol(ProtocolError::Malformed { tag, problem });
        match tag {
            Tag::ErrorResponse => {
                return Err(HandshakeError::Server(ServerError::parse(body).map_err(malformed)?));
            }
            // Protocol 3.0 without options leaves nothing to negotiate.
            Tag::NegotiateProtocolVersion => {
                let reason =
                    "it names a version other than the 3.0 that was asked for, or options that were not";
                return Err(ProtocolError::Unacceptable { tag, reason }.into());
            }
            _ => {}
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Starting(client) => self.start_up(client, frame).map_err(malformed_or(tag)),
            state if tag == Tag::Authentication => {
                let request = Authentication::parse(body).map_err(malformed)?;
                self.authenticate(state, request, out)
            }
            state => Err(ProtocolError::Unexpected { tag, state: state.describe() }.into()),
        }
    }

    fn authenticate(
        &mut self,
        state: State,
        request: Authentication<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<HandshakeEvent>, HandshakeError> {
        let mut event = None;
        self.state = match (state, request) {
            (State::Asked, Authentication::Ok) => self.authenticated(AuthMethod::Trust),
            (State::Answered(method) | State::Verified(method), Authentication::Ok) => {
                self.authenticated(method)
            }
            (State::Asked, Authentication::CleartextPassword) => {
                message::password(self.password()?.expose(), out)?;
                State::Answered(AuthMethod::Cleartext)
            }
            (State::Asked, Authentication::Md5Password(salt)) => {
                let digest = md5_password(self.user.as_bytes(), self.password()?.expose(), salt);
                message::password(digest.as_bytes(), out)?;
                State::Answered(AuthMethod::Md5)
            }
            (State::Asked, Authentication::Sasl(mechanisms)) => self.begin_sasl(mechanisms, out)?,
            (State::Greeted(scram, method), Authentication::SaslContinue(challenge)) => {
                let (derivation, proving) = scram.challenge(challenge, self.credentials.iterations)?;
                event = Some(HandshakeEvent::DeriveKey(derivation));
                State::Deriving(proving, method)
            }
            (State::Proved(verifying, method), Authentication::SaslFinal(proof)) => {
                verifying.verify(proof)?;
                State::Verified(method)
            }
            (State::Asked, Authentication::Other(method)) => {
                return Err(HandshakeError::Unsupported { method: format!("number {method}") });
            }
            (state, _) => {
                return Err(
                    ProtocolError::Unexpected { tag: Tag::Authentication, state: state.describe() }.into()
                );
            }
        };
        Ok(event)
    }

    fn begin_sasl(&self, mechanisms: SaslMechanisms<'_>, out: &mut Vec<u8>) -> Result<State, HandshakeError> {
        // PG docs: sasl-authentication; RFC 5802 §6: `y` says that we could bind and the server did not offer it.
        let (method, binding) = match &self.credentials.certificate_hash {
            Some(hash) if mechanisms.offers(SCRAM_SHA_256_PLUS) => {
                (AuthMethod::ScramSha256Plus, Binding::TlsServerEndPoint(hash.clone()))
            }
            Some(_) => (AuthMethod::ScramSha256, Binding::Unused),
            None => (AuthMethod::ScramSha256, Binding::None),
        };
        if method == AuthMethod::ScramSha256 && !mechanisms.offers(SCRAM_SHA_256) {
            let names: Vec<_> = mechanisms.iter().map(String::from_utf8_lossy).collect();
            return Err(HandshakeError::Unsupported { method: format!("SASL {}", names.join(", ")) });
        }
        let scram = ScramClient::new(self.password()?, &self.credentials.nonce, binding);
        message::sasl_initial_response(&method.to_string(), scram.client_first(), out)?;
        Ok(State::Greeted(scram, method))
    }

    fn password(&self) -> Result<&Secret, HandshakeError> {
        self.credentials.password.as_ref().ok_or(HandshakeError::PasswordMissing)
    }

    fn authenticated(&mut self, method: AuthMethod) -> State {
        self.credentials.password = None;
        State::Starting(Box::new(Client::new(self.limits, method, self.credentials.statement_cache_size)))
    }

    fn start_up(
        &mut self,
        mut client: Box<Client>,
        frame: Frame<'_>,
    ) -> Result<Option<HandshakeEvent>, StartUpError> {
        let mut event = None;
        match frame.tag {
            Tag::ReadyForQuery => {
                client.ready(message::ready_for_query(frame.body)?);
                return Ok(Some(HandshakeEvent::Ready(client)));
            }
            Tag::ParameterStatus => client.parameters_mut().report(ParameterStatus::parse(frame.body)?),
            Tag::BackendKeyData => client.learn_key(CancelKey::parse(frame.body)?),
            Tag::NoticeResponse => event = Some(HandshakeEvent::Notice(ServerError::parse(frame.body)?)),
            _ => return Err(StartUpError::Unexpected),
        }
        self.state = State::Starting(client);
        Ok(event)
    }
}

/// Where the handshake stands.
///
/// ```text
///   Asked --password wanted--> Answered --Ok--------------------------------------------.
///     |---SASL--> Greeted --challenge--> Deriving --key--> Proved --proof--> Verified --Ok--> Starting --Z--> Over
///     '---Ok-------------------------------------------------------------------------------'
/// ```
///
/// Ok is not accepted between SASL and a verified proof: a server that skips its part is not the one we know.
#[derive(Debug)]
enum State {
    Asked,
    Answered(AuthMethod),
    Greeted(ScramClient, AuthMethod),
    Deriving(ScramProving, AuthMethod),
    Proved(ScramVerifying, AuthMethod),
    Verified(AuthMethod),
    Starting(Box<Client>),
    Over,
}

impl State {
    fn phase(&self) -> Phase {
        match self {
            Self::Starting(_) => Phase::Session,
            _ => Phase::Startup,
        }
    }

    fn describe(&self) -> &'static str {
        match self {
            Self::Asked => "a request for authentication is due",
            Self::Answered(_) => "the verdict on the password is due",
            Self::Greeted(..) => "the SCRAM challenge is due",
            Self::Deriving(..) => "our SCRAM proof has not been sent",
            Self::Proved(..) => "the server's SCRAM proof is due",
            Self::Verified(_) => "AuthenticationOk is due",
            Self::Starting(_) => "the session is starting",
            Self::Over => "the handshake is over",
        }
    }
}

const PROTOCOL_3_0: u32 = 0x0003_0000;

enum StartUpError {
    Malformed(Malformed),
    Unexpected,
}

impl From<Malformed> for StartUpError {
    fn from(problem: Malformed) -> Self {
        Self::Malformed(problem)
    }
}

fn malformed_or(tag: Tag) -> impl Fn(StartUpError) -> HandshakeError {
    move |error| {
        HandshakeError::Protocol(match error {
            StartUpError::Malformed(problem) => ProtocolError::Malformed { tag, problem },
            StartUpError::Unexpected => ProtocolError::Unexpected { tag, state: "the session is starting" },
        })
    }
}

impl From<ProtocolError> for HandshakeError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<EncodeError> for HandshakeError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<ScramError> for HandshakeError {
    fn from(error: ScramError) -> Self {
        Self::Scram(error)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Scram(error) => write!(f, "SCRAM authentication failed: {error}"),
            Self::PasswordMissing => f.write_str("the server asks for a password and none was given"),
            Self::Unsupported { method } => {
                write!(f, "the server asks for an authentication method that is not supported: {method}")
            }
            Self::Encode(error) => error.fmt(f),
            Self::Misused => f.write_str("the handshake does not wait for a key"),
        }
    }
}

impl Error for HandshakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Scram(error) => Some(error),
            _ => None,
        }
    }
}
