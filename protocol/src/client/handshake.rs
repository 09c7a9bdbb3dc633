mod credentials;
mod error;
mod method;
#[cfg(test)]
mod tests;

use self::method::Mechanism;
use super::{Client, Received};
use crate::auth::oauth::{ABORT, OAUTHBEARER};
use crate::auth::scram::{KeyDerivation, SaltedPassword, ScramClient, ScramProving, ScramVerifying};
use crate::auth::{Secret, md5_password};
use crate::message::{
    self, Authentication, CancelKey, NegotiateProtocolVersion, ParameterStatus, ProtocolVersion,
    SaslMechanisms, ServerError, SqlState, StartupMessage,
};
use crate::wire::{Frame, Framed, Limits, Phase, Tag, frame};
use crate::{EncodeError, Malformed, ProtocolError};

pub use self::credentials::Credentials;
pub use self::error::HandshakeError;
pub use self::method::AuthMethod;

/// The start of a session: from the StartupMessage to the server's first ReadyForQuery.
///
/// Feed it with [`Handshake::receive`] and send what it appends to `out`. At [`HandshakeEvent::DeriveKey`] it hands
/// out the one expensive step, to be run wherever that hurts least, and waits for [`Handshake::derived`].
#[derive(Debug)]
pub struct Handshake {
    limits: Limits,
    credentials: Credentials,
    user: String,
    /// What was asked for, and what the server has brought it down to.
    version: ProtocolVersion,
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
    /// `database` for a session that replicates logically, and takes commands of the simple protocol alone.
    pub replication: Option<&'a str>,
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
            ("replication", startup.replication),
        ];
        parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let version = credentials.max_protocol_version;
        message::startup_message(&StartupMessage { version: version.code(), parameters: &parameters }, out)?;
        let (limits, user) = (credentials.limits, startup.user.to_owned());
        Ok(Self { limits, credentials, user, version, state: State::Asked })
    }

    /// Returns the version of the protocol that is spoken. It is certain once the session is ready.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.version
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
            let taken = self.take(frame, out);
            if taken.is_err() {
                self.credentials.forget();
            }
            if let Some(event) = taken? {
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
            Tag::ErrorResponse => return Err(self.refused(ServerError::parse(body).map_err(malformed)?)),
            Tag::NegotiateProtocolVersion if self.state.phase() == Phase::Startup => {
                self.negotiate(&NegotiateProtocolVersion::parse(body).map_err(malformed)?)?;
                return Ok(None);
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

    /// Comes down to the version that the server speaks. It answers so only where that is another one than was asked
    /// for, or where it does not know an option: none is ever asked for.
    // PG docs: protocol-message-formats, "NegotiateProtocolVersion"
    fn negotiate(&mut self, answer: &NegotiateProtocolVersion) -> Result<(), HandshakeError> {
        let refuse = |reason| ProtocolError::Unacceptable { tag: Tag::NegotiateProtocolVersion, reason };
        if !answer.unknown_options.is_empty() {
            return Err(refuse("it names options that were not asked for").into());
        }
        let spoken = ProtocolVersion::from_code(answer.version)
            .filter(|spoken| *spoken < self.version)
            .ok_or_else(|| refuse("it names no version that is older than the one that was asked for"))?;
        let min = self.credentials.min_protocol_version;
        if spoken < min {
            return Err(HandshakeError::TooOld { spoken, min });
        }
        self.version = spoken;
        Ok(())
    }

    fn authenticate(
        &mut self,
        state: State,
        request: Authentication<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<HandshakeEvent>, HandshakeError> {
        if matches!(state, State::Asked) {
            self.credentials.permit_request(&request)?;
        }
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
            (State::Shown, Authentication::Ok) => self.authenticated(AuthMethod::OAuthBearer),
            (State::Shown, Authentication::SaslContinue(reason)) => {
                message::sasl_response(ABORT, out)?;
                State::Declined(reason.to_vec())
            }
            (State::Asked, Authentication::Other(method)) => {
                return Err(HandshakeError::Unsupported { method: format!("number {}", method.code()) });
            }
            (state, _) => {
                return Err(
                    ProtocolError::Unexpected { tag: Tag::Authentication, state: state.describe() }.into()
                );
            }
        };
        Ok(event)
    }

    fn begin_sasl(&self, offered: SaslMechanisms<'_>, out: &mut Vec<u8>) -> Result<State, HandshakeError> {
        match self.credentials.choose(offered)? {
            Mechanism::Scram(binding) => {
                let (mechanism, method) = (binding.mechanism(), AuthMethod::from(&binding));
                let scram = ScramClient::new(self.password()?, &self.credentials.nonce, binding);
                message::sasl_initial_response(mechanism, scram.client_first(), out)?;
                Ok(State::Greeted(scram, method))
            }
            Mechanism::OAuthBearer => {
                let token = self.credentials.token.as_ref().ok_or(HandshakeError::TokenMissing)?;
                message::sasl_initial_response(OAUTHBEARER, token.initial_response().expose(), out)?;
                Ok(State::Shown)
            }
        }
    }

    fn refused(&mut self, error: ServerError) -> HandshakeError {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Declined(reason) => HandshakeError::TokenRefused { error, reason },
            State::Asked if self.version > ProtocolVersion::V3_0 && is_about_the_version(error.code()) => {
                HandshakeError::VersionRefused(error)
            }
            _ => HandshakeError::Server(error),
        }
    }

    fn password(&self) -> Result<&Secret, HandshakeError> {
        self.credentials.password.as_ref().ok_or(HandshakeError::PasswordMissing)
    }

    fn authenticated(&mut self, method: AuthMethod) -> State {
        self.credentials.forget();
        let Credentials { statement_cache_size, hints, .. } = &self.credentials;
        State::Starting(Box::new(Client::new(self.limits, method, *statement_cache_size, hints.clone())))
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
            Tag::BackendKeyData => client.learn_key(self.key(frame.body)?),
            Tag::NoticeResponse => event = Some(HandshakeEvent::Notice(ServerError::parse(frame.body)?)),
            _ => return Err(StartUpError::Unexpected),
        }
        self.state = State::Starting(client);
        Ok(event)
    }

    fn key(&self, body: &[u8]) -> Result<CancelKey, StartUpError> {
        let key = CancelKey::parse(body)?;
        if key.is_of(self.version.code()) { Ok(key) } else { Err(StartUpError::LongKey) }
    }
}

/// Where the handshake stands.
///
/// ```text
///   Asked --password wanted--> Answered --Ok--------------------------------------------.
///     |---SCRAM-> Greeted --challenge--> Deriving --key--> Proved --proof--> Verified --Ok--> Starting --Z--> Over
///     |---Ok-------------------------------------------------------------------------------|
///     '---OAUTHBEARER--> Shown --Ok--------------------------------------------------------'
///                          '---failure--> Declined --error--> Over
/// ```
///
/// Ok is not accepted between SCRAM and a verified proof: a server that skips its part is not the one we know. An error
/// ends the handshake in every state.
#[derive(Debug)]
enum State {
    Asked,
    Answered(AuthMethod),
    Greeted(ScramClient, AuthMethod),
    Deriving(ScramProving, AuthMethod),
    Proved(ScramVerifying, AuthMethod),
    Verified(AuthMethod),
    Shown,
    /// With the reason that the server gave: JSON.
    Declined(Vec<u8>),
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
            Self::Shown => "the verdict on the token is due",
            Self::Declined(_) => "the error about the refused token is due",
            Self::Starting(_) => "the session is starting",
            Self::Over => "the handshake is over",
        }
    }
}

/// pgbouncer before 1.20 says 08P01, PostgreSQL before 9.3.21 says 0A000.
fn is_about_the_version(code: SqlState) -> bool {
    [SqlState::PROTOCOL_VIOLATION, SqlState::FEATURE_NOT_SUPPORTED].contains(&code)
}

enum StartUpError {
    Malformed(Malformed),
    Unexpected,
    /// A key of protocol 3.2 where 3.0 is spoken.
    LongKey,
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
            StartUpError::LongKey => {
                ProtocolError::Unacceptable { tag, reason: "in protocol 3.0 its secret has four bytes" }
            }
        })
    }
}
