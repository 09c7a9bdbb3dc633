//! A client that says what it is told to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use molt_db_protocol::message::{BackendMessage, CancelKey, StartupMessage, cancel_request, startup_message};
use molt_db_protocol::wire::{Framed, Limits, Phase, Tag, frame};

use crate::Outcome;

/// A connection as the user `trust`.
pub struct Line {
    stream: TcpStream,
    port: u16,
    arrived: Vec<u8>,
    key: Option<CancelKey>,
}

impl Line {
    /// Connects and waits until the server is ready. `version` is that of the protocol.
    pub fn open(port: u16, version: u32) -> Outcome<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut line = Self { stream, port, arrived: Vec::new(), key: None };
        let mut out = Vec::new();
        let parameters = [("user", "trust"), ("database", "test"), ("client_encoding", "UTF8")];
        startup_message(&StartupMessage { version, parameters: &parameters }, &mut out)?;
        line.say(&out)?;
        line.hear(Tag::ReadyForQuery)?;
        Ok(line)
    }

    /// Sends bytes at once.
    pub fn say(&mut self, bytes: &[u8]) -> Outcome {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Reads up to a message of this type.
    pub fn hear(&mut self, last: Tag) -> Outcome {
        loop {
            while let Framed::Whole(found) = frame(&self.arrived, &Limits::BACKEND, Phase::Session)? {
                if let BackendMessage::BackendKeyData(key) = BackendMessage::parse(found.tag, found.body)? {
                    self.key = Some(key);
                }
                let (tag, size) = (found.tag, found.size());
                self.arrived.drain(..size);
                if tag == last {
                    return Ok(());
                }
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(format!("the server has closed before it sent {last:?}").into());
            }
            self.arrived.extend(&buffer[..count]);
        }
    }

    /// Cancels what runs, and waits until the server has closed that connection.
    pub fn cancel(&self) -> Outcome {
        let mut out = Vec::new();
        cancel_request(self.key.as_ref().ok_or("the server gave no key")?, &mut out)?;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.write_all(&out)?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}
