use molt_db::protocol::EncodeError;
use molt_db::protocol::message::WireFormat;
use molt_db::{Config, Oid};
use tokio::task::JoinSet;

use super::wire::{Wire, run_prepared};
use crate::failure::Failure;
use crate::job::{Selects, Share};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Selects single rows by random keys; each connection has a task of its own.
pub(crate) async fn run(config: Config, selects: &Selects) -> Result<Measured, Failure> {
    let mut clients = Vec::new();
    for _ in 0..selects.connections {
        clients.push(Client::open(&config).await?);
    }
    let meter = Meter::start()?;
    let mut tasks = JoinSet::new();
    for (client, share) in clients.into_iter().zip(selects.shares(selects.connections)) {
        tasks.spawn(client.select_share(share));
    }
    let mut tally = Tally::default();
    while let Some(part) = tasks.join_next().await {
        tally.merge(part??);
    }
    Ok(Measured { tally, cost: meter.stop()?, hash: None })
}

#[derive(Debug)]
struct Client {
    wire: Wire,
    select: Select,
}

impl Client {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let mut client = Self { wire: Wire::open(config).await?, select: Select::new()? };
        client.wire.prepare(Selects::SQL, &[Oid::INT4.0]).await?;
        for _ in 0..Selects::WARM_UP {
            client.wire.exchange(client.select.of(1)).await?;
        }
        Ok(client)
    }

    async fn select_share(mut self, share: Share) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for key in share.keys() {
            tally.merge(self.wire.exchange(self.select.of(key)).await?);
        }
        Ok(tally)
    }
}

/// The messages of a select, with a place for the key.
#[derive(Debug)]
struct Select {
    messages: Vec<u8>,
    key: usize,
}

impl Select {
    fn new() -> Result<Self, EncodeError> {
        let (messages, bind_size) = run_prepared(&[WireFormat::Binary], b"\0\0\0\x04\0\0\0\0")?;
        Ok(Self { messages, key: bind_size - RESULT_FORMATS - KEY })
    }

    fn of(&mut self, key: i32) -> &[u8] {
        self.messages[self.key..][..KEY].copy_from_slice(&key.to_be_bytes());
        &self.messages
    }
}

const KEY: usize = 4;
/// A Bind ends with the count of result formats, one, and the format.
const RESULT_FORMATS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_written_into_its_place() {
        let mut select = Select::new().unwrap();
        let messages = select.of(0x0102_0304).to_vec();
        let value = b"\0\0\0\x04\x01\x02\x03\x04\0\x01\0\x01E";
        assert!(messages.windows(value.len()).any(|window| window == value));
        assert_eq!(messages.len(), select.of(7).len());
    }
}
