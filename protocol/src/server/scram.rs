use crate::auth::ScramMessage;
use crate::auth::scram::{Offer, ScramChecking, ScramRefusal, ScramServer, Verifier};
use crate::message::PasswordMessage;

/// An exchange of SCRAM that a [`Reception`](super::Reception) runs by itself.
///
/// ```text
///   Offered --mechanism and client-first--> Checking --client-final--> (proved)
///      '--mechanism alone--> Chosen --client-first--^
/// ```
#[derive(Debug)]
pub(super) enum Scram {
    Offered(Beginning),
    Chosen(Beginning, &'static str),
    Checking(ScramChecking),
}

#[derive(Debug)]
pub(super) struct Beginning {
    server: ScramServer,
    mechanisms: &'static [&'static str],
    nonce: [u8; 18],
}

/// What the server has to say to a message of the client.
#[derive(Debug)]
pub(super) enum Turn {
    Continue(Vec<u8>, Scram),
    Proved(Vec<u8>),
}

impl Scram {
    pub(super) fn new(verifier: Verifier, offer: Offer, nonce: [u8; 18]) -> Self {
        let mechanisms = offer.mechanisms();
        Self::Offered(Beginning { server: ScramServer::new(verifier, offer), mechanisms, nonce })
    }

    /// # Errors
    ///
    /// The client is refused.
    pub(super) fn answer(self, answer: PasswordMessage<'_>) -> Result<Turn, ScramRefusal> {
        match (self, answer) {
            (Self::Offered(beginning), PasswordMessage::SaslInitial { mechanism, response }) => {
                let known = beginning.mechanisms.iter().find(|known| **known == mechanism);
                let mechanism = *known.ok_or(ScramRefusal::Mechanism)?;
                match response {
                    Some(first) => beginning.challenge(mechanism, first),
                    // PG source: auth-sasl.c, CheckSASLAuth: no initial response is asked for by an empty challenge.
                    None => Ok(Turn::Continue(Vec::new(), Self::Chosen(beginning, mechanism))),
                }
            }
            (Self::Chosen(beginning, mechanism), PasswordMessage::SaslResponse(first)) => {
                beginning.challenge(mechanism, first)
            }
            (Self::Checking(checking), PasswordMessage::SaslResponse(last)) => {
                checking.check(last).map(Turn::Proved)
            }
            _ => Err(ScramRefusal::Malformed {
                message: ScramMessage::ClientFirst,
                problem: "it is the answer to another request",
            }),
        }
    }
}

impl Beginning {
    fn challenge(self, mechanism: &str, client_first: &[u8]) -> Result<Turn, ScramRefusal> {
        let (server_first, checking) = self.server.challenge(mechanism, client_first, &self.nonce)?;
        Ok(Turn::Continue(server_first, Scram::Checking(checking)))
    }
}
