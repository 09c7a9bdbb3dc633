use std::fmt;

use super::{RequestError, SendError};
use crate::client::Received;
use crate::exchange::{CopyEnd, Exchange};
use crate::message::{BackendMessage, FrontendMessage, PasswordContext, Values, data_row};
use crate::wire::{Frame, Framed, FrontendError, FrontendTag, Limits, Phase, Tag, frontend_frame};

/// A session with a client that was let in.
///
/// Requests come out of [`Session::receive`] in the client's order, and may be taken ahead of their answers. Answers go
/// into [`Session::send`] in the same order. An answer that is an ErrorResponse ends the requests up to the next Sync:
/// those that come after it are not handed out, and those that were handed out before are not to be answered.
///
/// The first thing it sends is what a client waits for after AuthenticationOk: ParameterStatus, BackendKeyData, and
/// ReadyForQuery.
#[cfg_attr(test, derive(Clone))]
pub struct Session {
    limits: Limits,
    /// What the two sides have agreed on: 0x00030000 or 0x00030002.
    version: u32,
    exchange: Exchange,
    phase: SessionPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionPhase {
    /// Before the first ReadyForQuery.
    Starting,
    Open,
    /// After Terminate, or a FATAL error.
    Over,
}

impl Session {
    pub(super) fn new(limits: Limits, version: u32) -> Self {
        Self { limits, version, exchange: Exchange::default(), phase: SessionPhase::Starting }
    }

    /// Tells whether every request is answered.
    pub fn is_settled(&self) -> bool {
        self.exchange.is_settled()
    }

    /// Tells whether the client has said goodbye, or was told to go.
    pub fn is_over(&self) -> bool {
        self.phase == SessionPhase::Over
    }

    /// Consumes whole messages from the start of `input` until one is a request to act on.
    ///
    /// What a server ignores is consumed and not handed out: everything but Sync and Terminate after an error of the
    /// extended protocol, Flush and Sync during a copy from the client, pieces of a copy outside of one.
    ///
    /// # Errors
    ///
    /// The client broke the protocol.
    pub fn receive<'b>(&mut self, input: &'b [u8]) -> Result<Received<FrontendMessage<'b>>, RequestError> {
        let mut consumed: usize = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let frame = match frontend_frame(rest, &self.limits, Phase::Session)? {
                Framed::Partial(needed) => return Ok(Received::Partial { consumed, needed }),
                Framed::Whole(frame) => frame,
            };
            consumed = consumed.saturating_add(frame.size());
            if let Some(event) = self.take(frame)? {
                return Ok(Received::Event { consumed, event });
            }
        }
    }

    /// Appends a message, if it may come here.
    ///
    /// # Errors
    ///
    /// Nobody waits for it, the client speaks protocol 3.0 and the secret of its key has more than four bytes, or the
    /// protocol cannot carry it. Nothing is written and nothing has changed then.
    pub fn send(&mut self, message: &BackendMessage<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.check(message)?;
        message.encode(out)?;
        self.note(message)
    }

    /// Appends a DataRow of these values, if it may come here; `None` is NULL.
    ///
    /// # Errors
    ///
    /// As [`Session::send`].
    pub fn row(&mut self, values: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), SendError> {
        // Whether a row may come does not depend on its values.
        let any_row = BackendMessage::DataRow(Values::default());
        self.check(&any_row)?;
        data_row(values.iter().copied(), out)?;
        self.note(&any_row)
    }

    /// Tells whether what the client sends is, or may be, a piece of a copy.
    pub(super) fn takes_copy(&self) -> bool {
        self.exchange.takes_copy()
    }

    /// Notes that the message is written.
    fn note(&mut self, message: &BackendMessage<'_>) -> Result<(), SendError> {
        let tag = message.tag();
        match message {
            BackendMessage::NoticeResponse(_)
            | BackendMessage::NotificationResponse(_)
            | BackendMessage::ParameterStatus(_) => return Ok(()),
            BackendMessage::ErrorResponse(error) if error.is_fatal() => {
                self.phase = SessionPhase::Over;
                return Ok(());
            }
            _ => {}
        }
        match self.phase {
            SessionPhase::Starting if tag == Tag::ReadyForQuery => self.phase = SessionPhase::Open,
            SessionPhase::Starting | SessionPhase::Over => {}
            SessionPhase::Open => {
                self.exchange.accept(tag).map_err(|error| SendError::order(error, tag))?;
                if tag == Tag::CopyInResponse {
                    self.exchange.swallow();
                }
            }
        }
        Ok(())
    }

    fn check(&self, message: &BackendMessage<'_>) -> Result<(), SendError> {
        let tag = message.tag();
        let refuse = |state| Err(SendError::Unexpected { tag, state });
        match (self.phase, message) {
            (SessionPhase::Over, _) => refuse("the session is over"),
            (_, BackendMessage::Authentication(_) | BackendMessage::NegotiateProtocolVersion(_)) => {
                refuse("the client is in")
            }
            (_, BackendMessage::NoticeResponse(_) | BackendMessage::ParameterStatus(_)) => Ok(()),
            (_, BackendMessage::ErrorResponse(error)) if error.is_fatal() => Ok(()),
            (SessionPhase::Starting, BackendMessage::BackendKeyData(key)) if !key.is_of(self.version) => {
                refuse("the client speaks protocol 3.0, where a secret has four bytes")
            }
            (
                SessionPhase::Starting,
                BackendMessage::BackendKeyData(_) | BackendMessage::ReadyForQuery(_),
            ) => Ok(()),
            (SessionPhase::Starting, _) => refuse("the session is starting"),
            (SessionPhase::Open, BackendMessage::NotificationResponse(_)) => Ok(()),
            (SessionPhase::Open, _) => self.exchange.check(tag).map_err(|error| SendError::order(error, tag)),
        }
    }

    fn take<'b>(
        &mut self,
        frame: Frame<'b, FrontendTag>,
    ) -> Result<Option<FrontendMessage<'b>>, RequestError> {
        let Frame { tag, body } = frame;
        let unexpected = |state| Err(RequestError::Unexpected { tag, state });
        match self.phase {
            SessionPhase::Starting => return unexpected("the session is starting"),
            SessionPhase::Over => return unexpected("the session is over"),
            SessionPhase::Open => {}
        }
        if self.exchange.needs_sync() && !matches!(tag, FrontendTag::Sync | FrontendTag::Terminate) {
            return Ok(None);
        }
        let request = FrontendMessage::parse(tag, body, PasswordContext::Unasked)
            .map_err(|problem| FrontendError::Malformed { tag, problem })?;
        if self.exchange.takes_copy() {
            return self.take_copy(request);
        }
        match request {
            // PG docs: protocol-flow, "COPY Operations": what is left of a copy that has failed is to be ignored.
            FrontendMessage::CopyData(_) | FrontendMessage::CopyDone | FrontendMessage::CopyFail(_) => {
                Ok(None)
            }
            FrontendMessage::Password(_) => unexpected("nobody has asked for a password"),
            FrontendMessage::Terminate => {
                self.phase = SessionPhase::Over;
                Ok(Some(request))
            }
            _ if self.exchange.is_copy_both() => unexpected(self.exchange.state()),
            _ => {
                self.exchange.ask(&request);
                Ok(Some(request))
            }
        }
    }

    /// Takes a message while the client copies.
    // PG docs: protocol-flow, "COPY Operations": Flush and Sync are ignored, any other message aborts the copy.
    fn take_copy<'b>(
        &mut self,
        request: FrontendMessage<'b>,
    ) -> Result<Option<FrontendMessage<'b>>, RequestError> {
        match request {
            FrontendMessage::CopyData(_) => {}
            FrontendMessage::CopyFail(_) if self.exchange.is_copy_both() => {
                return Err(self.unexpected(&request));
            }
            FrontendMessage::CopyDone => self.exchange.end_copy(CopyEnd::Done),
            FrontendMessage::CopyFail(_) => self.exchange.end_copy(CopyEnd::Failed),
            FrontendMessage::Terminate => self.phase = SessionPhase::Over,
            FrontendMessage::Flush | FrontendMessage::Sync if !self.exchange.is_copy_both() => {
                return Ok(None);
            }
            _ => return Err(self.unexpected(&request)),
        }
        Ok(Some(request))
    }

    fn unexpected(&self, request: &FrontendMessage<'_>) -> RequestError {
        RequestError::Unexpected { tag: request.tag(), state: self.exchange.state() }
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
