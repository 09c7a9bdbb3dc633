//! A SCRAM exchange whose server has much to say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use molt_db_protocol::message::{Authentication, PasswordMessage};
use molt_db_protocol::server::{Reception, SendError};

use super::PASSWORD;
use crate::scram::server_final;

/// How far it has come.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    #[default]
    Begun,
    Challenged {
        /// The client's first message without its header, and the challenge.
        said: String,
    },
}

impl Exchange {
    /// Goes on with an answer of the client, and tells whether it is to be let in. Its proof is not looked at: it is the
    /// server that is judged.
    pub(super) fn answer(
        &mut self,
        answer: PasswordMessage<'_>,
        door: &mut Reception,
        out: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        let (PasswordMessage::SaslInitial { response: Some(data), .. } | PasswordMessage::SaslResponse(data)) =
            answer
        else {
            return Ok(true);
        };
        let text = String::from_utf8_lossy(data);
        match self {
            Self::Begun => {
                let bare = text.splitn(3, ',').nth(2).unwrap_or_default();
                let nonce = bare.rsplit("r=").next().unwrap_or_default();
                let salt = STANDARD.encode(SALT);
                let challenge = format!("r={nonce}{},s={salt},i={ITERATIONS}", "x".repeat(LENGTH));
                door.ask(Authentication::SaslContinue(challenge.as_bytes()), out)?;
                *self = Self::Challenged { said: format!("{bare},{challenge}") };
                Ok(false)
            }
            Self::Challenged { said } => {
                let without_proof = text.rsplit_once(",p=").map_or(&*text, |(front, _)| front);
                let message = format!("{said},{without_proof}");
                let last = server_final(PASSWORD, SALT, ITERATIONS, &message);
                door.ask(Authentication::SaslFinal(last.as_bytes()), out)?;
                Ok(true)
            }
        }
    }
}

const LENGTH: usize = 1000;
const SALT: &[u8; 16] = b"pgspec salt 1234";
const ITERATIONS: u32 = 4096;
