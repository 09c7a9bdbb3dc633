//! A server that asks for a token of OAuth, and what it makes of it.

use molt_db_protocol::auth::oauth::{ABORT, OAUTHBEARER, OAuthRequest, parse_initial_response};
use molt_db_protocol::message::{Authentication, PasswordMessage, ServerError, Severity, SqlState};
use molt_db_protocol::server::{Reception, SendError};

use super::TOKEN;
use super::hall::Seen;

/// What becomes of who shows a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The right one is let in, and any other refused.
    Judged,
    /// Refused, whatever it is.
    Refused,
    /// Refused, and once more.
    RefusedTwice,
    /// Refused, and let in all the same.
    RefusedAndLetIn,
}

/// What is next for a client that has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    In,
    /// It owes another answer.
    Wait,
    /// It was told to go.
    Out,
}

/// An exchange: how often the client was refused.
#[derive(Debug, Default)]
pub(super) struct Showing {
    refusals: u32,
}

impl Showing {
    pub(super) fn answer(
        &mut self,
        answer: PasswordMessage<'_>,
        fate: Fate,
        (door, out): (&mut Reception, &mut Vec<u8>),
        seen: &mut Seen,
    ) -> Result<Next, SendError> {
        if self.refusals > 0 {
            return self.go_on(answer, fate, (door, out), seen);
        }
        let is_right = note(answer, seen);
        if fate == Fate::Judged && is_right { Ok(Next::In) } else { self.refuse(door, out) }
    }

    /// A client that has heard why it is refused says so.
    // RFC 7628 §3.2.3
    fn go_on(
        &mut self,
        answer: PasswordMessage<'_>,
        fate: Fate,
        (door, out): (&mut Reception, &mut Vec<u8>),
        seen: &mut Seen,
    ) -> Result<Next, SendError> {
        if answer != PasswordMessage::SaslResponse(ABORT) {
            seen.malformed = Some("something else than 0x01 for an answer to a failure".to_owned());
        }
        match fate {
            Fate::RefusedAndLetIn => Ok(Next::In),
            Fate::RefusedTwice if self.refusals == 1 => self.refuse(door, out),
            _ => {
                door.refuse(farewell(), out)?;
                Ok(Next::Out)
            }
        }
    }

    fn refuse(&mut self, door: &mut Reception, out: &mut Vec<u8>) -> Result<Next, SendError> {
        self.refusals += 1;
        door.ask(Authentication::SaslContinue(FAILURE), out)?;
        Ok(Next::Wait)
    }
}

/// Keeps what was shown, and tells whether it is the right token.
fn note(answer: PasswordMessage<'_>, seen: &mut Seen) -> bool {
    let PasswordMessage::SaslInitial { mechanism, response } = answer else { return false };
    if mechanism != OAUTHBEARER {
        seen.malformed = Some(format!("{mechanism:?}, a mechanism that was not offered"));
    }
    match parse_initial_response(response.unwrap_or_default()) {
        Ok(OAuthRequest::Bearer(token)) => {
            seen.shows_token = true;
            token.expose() == TOKEN.as_bytes()
        }
        Ok(OAuthRequest::Discovery) => false,
        Err(error) => {
            seen.malformed = Some(error.to_string());
            false
        }
    }
}

fn farewell() -> ServerError {
    let invalid_authorization = SqlState::new("28000").unwrap_or(SqlState::INTERNAL_ERROR);
    ServerError::new(Severity::Fatal, invalid_authorization, "OAuth bearer authentication failed")
}

// RFC 7628 §3.2.2
const FAILURE: &[u8] = br#"{"status":"invalid_token","scope":"pgspec"}"#;
