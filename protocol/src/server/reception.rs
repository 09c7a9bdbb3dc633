use std::fmt;

use super::scram::{Scram, Turn};
use super::{RequestError, SendError, Session};
use crate::auth::scram::{Offer, ScramRefusal, Verifier};
use crate::client::Received;
use crate::message::{
    Authentication, BackendMessage, CancelKey, FrontendMessage, NegotiateProtocolVersion, PasswordContext,
    PasswordMessage, SaslMechanisms, ServerError, Severity, SqlState, SslAnswer, StartupPacket,
};
use crate::wire::{
    Framed, FrontendError, FrontendTag, Limits, Phase, StartupFrame, Tag, frontend_frame, startup_frame,
};

/// The beginning of a connection: from its first packet until the client is let in.
///
/// ```text
///   Waiting --SSLRequest--> Deciding --S--> Encrypted --StartupMessage--> Asked --ask()--> Answering
///      |  ^                     '--N--> Waiting                             |  ^              |
///      |  '--GSSENCRequest (answered N)                                     |  '----answer----'
///      |----CancelRequest--> Over                                           '--admit()--> a Session
///      '----StartupMessage--> Asked
/// ```
///
/// [`Reception::ask_scram`] has it ask, and judge the answers, until the client has proved itself or is refused.
///
/// GSSAPI encryption is not offered: its request is answered without bothering the caller.
#[derive(Debug)]
pub struct Reception {
    limits: Limits,
    state: State,
    /// What was agreed on with the client, once it has begun.
    version: u32,
    encrypted: Encrypted,
    /// The exchange that the open answer belongs to, if it is not the caller's.
    scram: Option<Scram>,
}

/// What a client wants at the door.
#[derive(Debug)]
pub enum Arrival<'b> {
    /// To speak TLS: answer with [`Reception::answer_ssl`].
    Ssl,
    /// To cancel what runs in the session with this key. There is no answer: close.
    Cancel(CancelKey),
    /// To begin a session. Let it in, refuse it, or ask it to prove who it is.
    Startup(Asked),
    /// To speak a major version that is none of ours. Refuse it with 0A000, and close.
    UnsupportedVersion(u32),
    /// What it was asked for.
    Answer(PasswordMessage<'b>),
    /// Nothing more: it has proved by SCRAM that it knows the password. Let it in.
    Proved,
    /// It has not proved it, and was told so: send that, and close.
    Refused(ScramRefusal),
}

/// What a client asks for with its StartupMessage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    version: u32,
    /// Names and values in turn, each with its NUL: no more than was sent.
    parameters: Box<str>,
}

impl Asked {
    /// Returns the version that the two sides are to speak: 0x00030000 or 0x00030002. A newer one was asked for if the
    /// client has been told so, by a NegotiateProtocolVersion.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns a parameter, the last of its name: `user` (which is always there), `database`, any setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().filter(|(known, _)| *known == name).last().map(|(_, value)| value)
    }

    /// Walks the parameters, without the options of the protocol.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut texts = self.parameters.split_terminator('\0');
        std::iter::from_fn(move || Some((texts.next()?, texts.next()?)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Asked for TLS; whether bytes came behind the request.
    Deciding(Early),
    Asked,
    Answering(PasswordContext),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Early {
    Nothing,
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encrypted {
    No,
    Yes,
}

impl Default for Reception {
    /// With PostgreSQL's own limits.
    fn default() -> Self {
        Self::new(Limits::FRONTEND)
    }
}

impl Reception {
    /// Begins with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Waiting, version: 0, encrypted: Encrypted::No, scram: None }
    }

    /// Consumes a packet from the start of `input`, or a message once the client was asked for one. What it answers by
    /// itself is consumed with what follows.
    ///
    /// # Errors
    ///
    /// The client broke the protocol. PostgreSQL closes without a word where the packet cannot be read.
    pub fn receive<'b>(
        &mut self,
        input: &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<Arrival<'b>>, RequestError> {
        let mut done: usize = 0;
        loop {
            let rest = input.get(done..).unwrap_or_default();
            let received = match self.state {
                State::Waiting => self.packet(rest, out),
                State::Answering(context) => self.answer(rest, context, out),
                State::Deciding(_) => Err(unexpected_packet("more", "its request for TLS is not answered")),
                State::Asked => Err(unexpected_packet("more", "its start-up is not answered")),
                State::Over => Err(unexpected_packet("more", "the connection is over")),
            };
            match received? {
                Received::Partial { needed, .. } => return Ok(Received::Partial { consumed: done, needed }),
                Received::Event { consumed, event } => {
                    done = done.saturating_add(consumed);
                    if let Some(event) = event {
                        return Ok(Received::Event { consumed: done, event });
                    }
                }
            }
        }
    }

    /// Answers the request for TLS: one byte. If it is `S`, the handshake is next, and then `receive` with what it
    /// decrypts.
    ///
    /// # Errors
    ///
    /// Bytes came behind the request and would be taken for the first of the encrypted ones.
    pub fn answer_ssl(&mut self, answer: SslAnswer, out: &mut Vec<u8>) -> Result<(), RequestError> {
        let State::Deciding(early) = self.state else {
            return Err(unexpected_packet("nothing", "no request for TLS is open"));
        };
        match (answer, early) {
            (SslAnswer::Willing, Early::Bytes) => return Err(RequestError::EarlyBytes),
            (SslAnswer::Willing, Early::Nothing) => {
                self.encrypted = Encrypted::Yes;
                out.push(b'S');
            }
            (SslAnswer::Unwilling, _) => out.push(b'N'),
        }
        self.state = State::Waiting;
        Ok(())
    }

    /// Asks the client to prove who it is, or goes on with that: any Authentication message but Ok.
    ///
    /// # Errors
    ///
    /// The client has not begun, or has not answered the last one. [`Authentication::Ok`]: that is
    /// [`Reception::admit`].
    pub fn ask(&mut self, request: Authentication<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        let context = match request {
            Authentication::CleartextPassword | Authentication::Md5Password(_) => PasswordContext::Password,
            Authentication::Sasl(_) => PasswordContext::SaslInitial,
            Authentication::SaslContinue(_) => PasswordContext::SaslResponse,
            // Nothing comes back: AuthenticationOk is next.
            Authentication::SaslFinal(_) => PasswordContext::Unasked,
            Authentication::Ok => return Err(refused("the client is not let in that way")),
            _ => PasswordContext::Gss,
        };
        self.check_asked()?;
        BackendMessage::Authentication(request).encode(out)?;
        if context != PasswordContext::Unasked {
            self.state = State::Answering(context);
        }
        Ok(())
    }

    /// Asks the client to prove by SCRAM that it knows the password of this verifier, and does all that follows:
    /// [`Reception::receive`] ends with [`Arrival::Proved`] or [`Arrival::Refused`].
    ///
    /// `nonce` has to be random and never used before. Channel binding is offered with the hash of the certificate
    /// that the client was shown. For a user who does not exist, [`Verifier::mock`] stands in.
    ///
    /// # Errors
    ///
    /// The client has not begun, or has not answered the last request; a certificate is offered in the clear.
    // PG docs: sasl-authentication
    pub fn ask_scram(
        &mut self,
        verifier: Verifier,
        offer: Offer,
        nonce: [u8; 18],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.encrypted == Encrypted::No && offer != Offer::Plain {
            return Err(refused("the connection is not encrypted, and shows no certificate"));
        }
        let mut names = Vec::new();
        SaslMechanisms::write(offer.mechanisms(), &mut names)?;
        let mechanisms = SaslMechanisms::parse(&names).map_err(|_| refused("no mechanism is offered"))?;
        self.ask(Authentication::Sasl(mechanisms), out)?;
        self.scram = Some(Scram::new(verifier, offer, nonce));
        Ok(())
    }

    /// Lets the client in: appends AuthenticationOk.
    ///
    /// # Errors
    ///
    /// The client has not begun, or an answer of it is open.
    pub fn admit(&mut self, out: &mut Vec<u8>) -> Result<Session, SendError> {
        self.check_asked()?;
        BackendMessage::Authentication(Authentication::Ok).encode(out)?;
        self.state = State::Over;
        Ok(Session::new(self.limits, self.version))
    }

    /// Refuses the client: appends the error. The connection is to be closed.
    ///
    /// # Errors
    ///
    /// An error that is not FATAL. Nothing is written and nothing has changed then.
    // PG docs: protocol-flow, "Start-up": the server closes at once.
    pub fn refuse(&mut self, error: ServerError, out: &mut Vec<u8>) -> Result<(), SendError> {
        if !error.is_fatal() {
            return Err(SendError::NotFatal);
        }
        error.encode_error(out)?;
        self.state = State::Over;
        Ok(())
    }

    fn check_asked(&self) -> Result<(), SendError> {
        if self.state == State::Asked {
            Ok(())
        } else {
            Err(refused("no start-up of a client is to be answered"))
        }
    }

    fn packet<'b>(
        &mut self,
        input: &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<Option<Arrival<'b>>>, RequestError> {
        let body = match startup_frame(input, &self.limits)? {
            StartupFrame::Partial(needed) => return Ok(Received::Partial { consumed: 0, needed }),
            StartupFrame::Whole(body) => body,
        };
        let consumed = body.len().saturating_add(4);
        let packet =
            StartupPacket::parse(body).map_err(|problem| FrontendError::MalformedStartup { problem })?;
        let early = if consumed < input.len() { Early::Bytes } else { Early::Nothing };
        Ok(Received::Event { consumed, event: self.arrive(packet, early, out)? })
    }

    // PG source: backend_startup.c, ProcessStartupPacket
    fn arrive<'b>(
        &mut self,
        packet: StartupPacket<'_>,
        early: Early,
        out: &mut Vec<u8>,
    ) -> Result<Option<Arrival<'b>>, RequestError> {
        let in_tls = self.encrypted == Encrypted::Yes;
        Ok(Some(match packet {
            StartupPacket::SslRequest if in_tls => {
                return Err(unexpected_packet("SSLRequest", "the connection is encrypted"));
            }
            StartupPacket::GssEncRequest if in_tls => {
                return Err(unexpected_packet("GSSENCRequest", "the connection is encrypted"));
            }
            StartupPacket::SslRequest => {
                self.state = State::Deciding(early);
                Arrival::Ssl
            }
            StartupPacket::GssEncRequest => {
                out.push(b'N');
                return Ok(None);
            }
            StartupPacket::Cancel { key } => {
                self.state = State::Over;
                Arrival::Cancel(key)
            }
            StartupPacket::Unsupported { version, .. } => Arrival::UnsupportedVersion(version),
            StartupPacket::Startup { version, parameters } => {
                let asked = self.begin(version, parameters.iter(), out)?;
                (self.state, self.version) = (State::Asked, asked.version);
                Arrival::Startup(asked)
            }
        }))
    }

    /// Settles on a version, and tells the client if that is not what it asked for.
    // PG docs: protocol-overview, "Protocol Versions"
    fn begin<'p>(
        &self,
        asked: u32,
        parameters: impl Iterator<Item = (&'p str, &'p str)>,
        out: &mut Vec<u8>,
    ) -> Result<Asked, RequestError> {
        let (mut kept, mut unknown_options) = (String::new(), Vec::new());
        for (name, value) in parameters {
            if name.starts_with("_pq_.") {
                unknown_options.push(name.to_owned());
            } else {
                kept.extend([name, "\0", value, "\0"]);
            }
        }
        let version = asked.min(NEWEST);
        if version != asked || !unknown_options.is_empty() {
            let negotiate = NegotiateProtocolVersion { version, unknown_options };
            // What came in as a string goes out as one.
            let _ = negotiate.encode(out);
        }
        let asked = Asked { version, parameters: kept.into() };
        match asked.get("user") {
            Some(user) if !user.is_empty() => Ok(asked),
            _ => Err(unexpected_packet("StartupMessage without a user", "one has to be named")),
        }
    }

    fn answer<'b>(
        &mut self,
        input: &'b [u8],
        context: PasswordContext,
        out: &mut Vec<u8>,
    ) -> Result<Received<Option<Arrival<'b>>>, RequestError> {
        let frame = match frontend_frame(input, &self.limits, Phase::Startup)? {
            Framed::Partial(needed) => return Ok(Received::Partial { consumed: 0, needed }),
            Framed::Whole(frame) => frame,
        };
        let (tag, consumed) = (frame.tag, frame.size());
        let state = "it was asked to prove who it is";
        if tag != FrontendTag::Password {
            return Err(RequestError::Unexpected { tag, state });
        }
        let answer = FrontendMessage::parse(tag, frame.body, context)
            .map_err(|problem| FrontendError::Malformed { tag, problem })?;
        let FrontendMessage::Password(answer) = answer else {
            return Err(RequestError::Unexpected { tag, state });
        };
        self.state = State::Asked;
        let event = match self.scram.take() {
            Some(scram) => self.judge(scram.answer(answer), out)?,
            None => Some(Arrival::Answer(answer)),
        };
        Ok(Received::Event { consumed, event })
    }

    fn judge<'b>(
        &mut self,
        turn: Result<Turn, ScramRefusal>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Arrival<'b>>, SendError> {
        match turn {
            Ok(Turn::Continue(message, next)) => {
                self.ask(Authentication::SaslContinue(&message), out)?;
                self.scram = Some(next);
                Ok(None)
            }
            Ok(Turn::Proved(message)) => {
                self.ask(Authentication::SaslFinal(&message), out)?;
                Ok(Some(Arrival::Proved))
            }
            Err(refusal) => {
                self.refuse(farewell(refusal), out)?;
                Ok(Some(Arrival::Refused(refusal)))
            }
        }
    }
}

/// What the client is told: the code, and no more.
fn farewell(refusal: ScramRefusal) -> ServerError {
    let code = SqlState::new(refusal.sqlstate()).unwrap_or(SqlState::INTERNAL_ERROR);
    let text = match refusal {
        ScramRefusal::WrongProof => "password authentication failed",
        _ => "SCRAM authentication failed",
    };
    ServerError::new(Severity::Fatal, code, text)
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}", self.get("user").unwrap_or_default())?;
        match self.get("database") {
            Some(database) => write!(f, ", database {database}"),
            None => Ok(()),
        }
    }
}

fn unexpected_packet(packet: &'static str, state: &'static str) -> RequestError {
    RequestError::UnexpectedPacket { packet, state }
}

fn refused(state: &'static str) -> SendError {
    SendError::Unexpected { tag: Tag::Authentication, state }
}

/// 3.2
const NEWEST: u32 = 0x0003_0002;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_a_startup_is_kept_than_was_sent() {
        let parameters = ["user", "app", "a", "1", "_pq_.x", "1", "a", "2"];
        let nameless = ["b", ""].repeat(3_000);
        let body =
            parameters.into_iter().chain(nameless).fold(String::new(), |body, text| body + text + "\0");
        let body = [&196_608_u32.to_be_bytes(), body.as_bytes(), b"\0"].concat();
        let packet = [&u32::try_from(body.len() + 4).unwrap().to_be_bytes(), &body[..]].concat();

        let mut reception = Reception::default();
        let arrived = reception.receive(&packet, &mut Vec::new()).unwrap();
        let Received::Event { event: Arrival::Startup(asked), .. } = arrived else { panic!("{arrived:?}") };
        assert!(asked.parameters.len() < packet.len());
        assert_eq!(
            asked.iter().take(4).collect::<Vec<_>>(),
            [("user", "app"), ("a", "1"), ("a", "2"), ("b", "")]
        );
        assert_eq!((asked.get("user"), asked.get("a"), asked.get("_pq_.x")), (Some("app"), Some("2"), None));
        assert_eq!(asked.iter().count(), 3_003);
    }
}
