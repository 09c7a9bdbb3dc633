use std::hash::{BuildHasher, Hasher, RandomState};

use molt_db::Config;
use molt_db::protocol::client::{Credentials, Handshake, HandshakeEvent, Received, Startup};

use super::socket::Socket;
use crate::failure::Failure;

/// Opens a session: the one part in which this lane uses molt-db, since nobody measures it.
pub(super) async fn log_in(config: &Config) -> Result<Socket, Failure> {
    let mut socket = Socket::connect(config).await?;
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut handshake = start(config, &mut output)?;
    let mut buffer = [0; 4096];
    loop {
        match handshake.receive(&input, &mut output)? {
            Received::Partial { consumed, .. } => {
                input.drain(..consumed);
                socket.write_all(&output).await?;
                output.clear();
                let read = socket.read(&mut buffer).await?;
                input.extend_from_slice(&buffer[..read]);
            }
            Received::Event { consumed, event } => {
                input.drain(..consumed);
                match event {
                    HandshakeEvent::Ready(_) => return Ok(socket),
                    HandshakeEvent::Notice(_) => {}
                    HandshakeEvent::DeriveKey(derivation) => {
                        handshake.derived(derivation.run(), &mut output)?;
                    }
                }
            }
        }
    }
}

fn start(config: &Config, output: &mut Vec<u8>) -> Result<Handshake, Failure> {
    let startup = Startup {
        user: config.get_user().ok_or("the URL names no user")?,
        database: config.get_dbname(),
        application_name: config.get_application_name(),
        options: config.get_options(),
        replication: None,
    };
    let credentials =
        Credentials { password: config.get_password().cloned(), nonce: nonce(), ..Credentials::default() };
    Ok(Handshake::start(&startup, credentials, output)?)
}

/// The standard library's keys of hash tables are random enough to log in to a benchmark's server.
fn nonce() -> [u8; 18] {
    let mut nonce = [0; 18];
    for part in nonce.chunks_mut(8) {
        let random = RandomState::new().build_hasher().finish().to_ne_bytes();
        part.copy_from_slice(&random[..part.len()]);
    }
    nonce
}
