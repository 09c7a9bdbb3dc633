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
    self, Authentication, CancelKey, ParameterStatus, SaslMechanisms, ServerError, StartupMessage,
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
            _ => HandshakeError::Server(error),
        }
    }

    fn password(&self) -> Result<&Secret, HandshakeError> {
        self.credentials.password.as_ref().ok_or(HandshakeError::PasswordMissing)
    }

    fn authenticated(&mut self, method: AuthMethod) -> State {
        self.credentials.forget();
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
