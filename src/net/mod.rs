//! Sockets: dialling, TLS, and the buffers on both sides.

mod dial;
mod encryption;
mod gather;
mod hangup;
mod own;
mod socket;
mod stream;
mod timer;
mod tls;
mod transport;

pub(crate) use dial::Peer;
pub(crate) use encryption::{Encryption, Failed};
pub(crate) use hangup::Hangup;
pub(crate) use own::{Dialer, OwnStream};
pub(crate) use socket::SocketOptions;
pub(crate) use stream::Stream;
pub(crate) use timer::{Limit, Timer};
pub(crate) use transport::Transport;

use tls::{TlsSettings, Trust};
