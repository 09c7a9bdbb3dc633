use std::error::Error;
use std::fmt;

use super::{Received, SessionError};
use crate::exchange::{CopyEnd, Exchange};
use crate::message::{BackendMessage, FrontendMessage};
use crate::wire::{Framed, FrontendTag, Limits, Phase, Tag, frame};
use crate::{EncodeError, ProtocolError};

/// A session with a server that has let us in, message by message: the counterpart of [`server::Session`].
///
/// It keeps the order of both sides and nothing else. Commands may be sent ahead of the answers to earlier ones, with
/// as many Syncs between them as the caller likes; answers come out of [`Session::receive`] in the same order. This is
/// for proxies, tools and tests; a driver wants [`Client`](super::Client), which stands on the same bookkeeping and
/// becomes a `Session` by [`Client::into_session`](super::Client::into_session).
///
/// An ErrorResponse answers everything up to the next Sync: what was sent in between is not answered any more.
///
/// [`server::Session`]: crate::server::Session
#[cfg_attr(test, derive(Clone))]
pub struct Session {
    pub(super) limits: Limits,
    pub(super) exchange: Exchange,
    phase: SessionPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionPhase {
    Open,
    /// We have said goodbye, or the server has.
    Over,
}

impl Session {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, exchange: Exchange::default(), phase: SessionPhase::Open }
    }

    /// Tells whether every command is answered.
    pub fn is_settled(&self) -> bool {
        self.exchange.is_settled()
    }

    /// Tells whether the session has ended, by either side.
    pub fn is_over(&self) -> bool {
        self.phase == SessionPhase::Over
    }

    /// Appends a message, if it may be sent here.
    ///
    /// During a copy from the client only CopyData, CopyDone, CopyFail and Terminate may be; pieces of a copy may only be
    /// sent once the server has asked for them.
    ///
    /// # Errors
    ///
    /// The message is not legal here, or the protocol cannot carry it. Nothing is written and nothing has changed then.
    // PG docs: protocol-flow, "Pipelining" and "COPY Operations"
    pub fn send(&mut self, message: &FrontendMessage<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.check(message)?;
        message.encode(out)?;
        match message {
            FrontendMessage::CopyDone => self.exchange.end_copy(CopyEnd::Done),
            FrontendMessage::CopyFail(_) => self.exchange.end_copy(CopyEnd::Failed),
            FrontendMessage::Terminate => self.phase = SessionPhase::Over,
            _ => self.exchange.ask(message),
        }
        Ok(())
    }

    /// Consumes a message from the start of `input`.
    ///
    /// # Errors
    ///
    /// The session is over: the server ended it, or broke the protocol. The connection is to be closed.
    pub fn receive<'b>(&mut self, input: &'b [u8]) -> Result<Received<BackendMessage<'b>>, SessionError> {
        let frame = match frame(input, &self.limits, Phase::Session)? {
            Framed::Partial(needed) => return Ok(Received::Partial { consumed: 0, needed }),
            Framed::Whole(frame) => frame,
        };
        let (tag, consumed) = (frame.tag, frame.size());
        let event = BackendMessage::parse(tag, frame.body)
            .map_err(|problem| ProtocolError::Malformed { tag, problem })?;
        self.take(&event)?;
        Ok(Received::Event { consumed, event })
    }

    fn check(&self, message: &FrontendMessage<'_>) -> Result<(), SendError> {
        let refuse = |state| Err(SendError::Unexpected { tag: message.tag(), state });
        let copies = self.exchange.takes_copy();
        match message {
            _ if self.is_over() => refuse("the session is over"),
            FrontendMessage::Terminate => Ok(()),
            FrontendMessage::Password(_) => refuse("the server has let us in"),
            FrontendMessage::CopyFail(_) if self.exchange.is_copy_both() => refuse(self.exchange.state()),
            FrontendMessage::CopyData(_) | FrontendMessage::CopyDone | FrontendMessage::CopyFail(_) => {
                if copies {
                    Ok(())
                } else {
                    refuse(self.exchange.state())
                }
            }
            _ if copies || self.exchange.is_copy_both() => refuse(self.exchange.state()),
            _ => Ok(()),
        }
    }

    fn take(&mut self, message: &BackendMessage<'_>) -> Result<(), SessionError> {
        match message {
            BackendMessage::NoticeResponse(_)
            | BackendMessage::NotificationResponse(_)
            | BackendMessage::ParameterStatus(_) => return Ok(()),
            BackendMessage::ErrorResponse(error) if error.is_fatal() => {
                self.phase = SessionPhase::Over;
                return Err(SessionError::Fatal(error.clone()));
            }
            _ => {}
        }
        let tag = message.tag();
        self.exchange.accept(tag)?;
        if tag == Tag::CopyInResponse {
            self.exchange.swallow();
        }
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

/// The client is not to send this message here. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The server would refuse it, or ignore it.
    Unexpected {
        /// The message.
        tag: FrontendTag,
        /// What is due instead.
        state: &'static str,
    },
    /// The protocol cannot carry it.
    Encode(EncodeError),
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { tag, state } => write!(f, "{tag} cannot be sent while {state}"),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Unexpected { .. } => None,
        }
    }
}
