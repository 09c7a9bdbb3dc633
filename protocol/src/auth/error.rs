use std::error::Error;
use std::fmt;

use crate::auth::scram::Iterations;

/// Why a SCRAM exchange failed. None of its texts holds a secret.
///
/// Only [`ScramError::Refused`] is the server's own verdict. With all others the server, or someone in between, did not
/// keep to the protocol or could not prove that it knows the password: the connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramError {
    /// The server's message does not have the form that SCRAM gives it.
    Malformed {
        /// The message.
        message: ScramMessage,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The server's nonce does not continue the client's: the message belongs to another exchange.
    ForeignNonce,
    /// The server added nothing to the client's nonce, so its messages could be replayed.
    NonceNotExtended,
    /// The server asks for more work than this client is willing to do. None of it was done.
    TooManyIterations {
        /// What the server asks for; `u64::MAX` stands for anything above.
        asked: u64,
        /// The most that is accepted.
        limit: Iterations,
    },
    /// The server ended the exchange with an error of its own.
    Refused {
        /// The server's words, `invalid-proof` for example.
        reason: String,
    },
    /// The server's signature is wrong: it does not know the password, or the messages were altered on their way.
    WrongSignature,
}

impl fmt::Display for ScramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { message, problem } => {
                write!(f, "the server's {message} message is malformed: {problem}")
            }
            Self::ForeignNonce => f.write_str("the server's SCRAM nonce does not start with the client's"),
            Self::NonceNotExtended => f.write_str("the server added nothing to the client's SCRAM nonce"),
            Self::TooManyIterations { asked, limit } => {
                write!(f, "the server asks for {asked} SCRAM iterations, and the limit is {}", limit.get())
            }
            Self::Refused { reason } => {
                write!(f, "the server refused the SCRAM authentication: {}", reason.escape_debug())
            }
            Self::WrongSignature => f.write_str("the server could not prove that it knows the password"),
        }
    }
}

impl Error for ScramError {}

/// A message of a SCRAM exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramMessage {
    /// The client's offer: what it binds to, and its nonce.
    ClientFirst,
    /// The challenge: nonce, salt and iteration count.
    ServerFirst,
    /// The client's proof.
    ClientFinal,
    /// The outcome: the server's signature or an error.
    ServerFinal,
}

impl fmt::Display for ScramMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientFirst => "SCRAM client-first",
            Self::ServerFirst => "SCRAM server-first",
            Self::ClientFinal => "SCRAM client-final",
            Self::ServerFinal => "SCRAM server-final",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_cannot_forge_a_log_line() {
        let error = ScramError::Refused { reason: "no\n[INFO] fine".to_owned() };
        assert_eq!(error.to_string(), "the server refused the SCRAM authentication: no\\n[INFO] fine");
    }

    #[test]
    fn an_error_says_whose_message_it_is() {
        let error = ScramError::Malformed { message: ScramMessage::ServerFinal, problem: "it is empty" };
        assert_eq!(error.to_string(), "the server's SCRAM server-final message is malformed: it is empty");
    }
}
