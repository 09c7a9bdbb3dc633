use molt_db::Config;
use molt_db::protocol::message::{parse, query, sync};

use super::frames::{Seen, Walker};
use super::login::log_in;
use super::socket::Socket;
use crate::failure::Failure;
use crate::report::Tally;

/// A session whose messages are counted.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    buffer: Vec<u8>,
    walker: Walker,
}

impl Wire {
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        Ok(Self { socket: log_in(config).await?, buffer: vec![0; BUFFER], walker: Walker::default() })
    }

    /// Sends messages that end with a Sync, and reads to ReadyForQuery.
    pub(super) async fn exchange(&mut self, messages: &[u8]) -> Result<Tally, Failure> {
        self.socket.write_all(messages).await?;
        let mut seen = Seen::default();
        let mut nbytes = 0;
        while seen.ready == 0 {
            let read = self.socket.read(&mut self.buffer).await?;
            self.walker.walk(&self.buffer[..read], &mut seen)?;
            nbytes += read as u64;
        }
        Ok(Tally { rows: seen.rows, nbytes })
    }

    /// Sends a simple query that begins a copy into the server, and waits until it has.
    pub(super) async fn begin_copy(&mut self, sql: &str) -> Result<(), Failure> {
        let mut message = Vec::new();
        query(sql, &mut message)?;
        self.socket.write_all(&message).await?;
        let mut seen = Seen::default();
        while seen.copies == 0 {
            let read = self.socket.read(&mut self.buffer).await?;
            self.walker.walk(&self.buffer[..read], &mut seen)?;
        }
        Ok(())
    }

    /// Sends bytes, and reads nothing.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.write_all(bytes).await?)
    }

    /// Prepares a statement under [`STATEMENT`].
    pub(super) async fn prepare(&mut self, sql: &str, types: &[u32]) -> Result<(), Failure> {
        let mut messages = Vec::new();
        parse(STATEMENT, sql, types, &mut messages)?;
        sync(&mut messages);
        self.exchange(&messages).await?;
        Ok(())
    }
}

pub(super) const STATEMENT: &str = "floor";
const BUFFER: usize = 64 * 1024;
