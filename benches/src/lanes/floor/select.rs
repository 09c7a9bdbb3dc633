use molt_db::{Config, Oid};

use super::messages::Messages;
use super::wire::Wire;
use crate::failure::Failure;
use crate::job::{Batches, Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::{Measured, Tally};

/// Selects single rows by random keys; each connection has a task of its own.
pub(crate) async fn run(config: &Config, batches: &Batches) -> Result<Measured, Failure> {
    let open = async || open_all(config, batches).await;
    measure(Check::Skip, open, async |clients: Vec<_>, _| {
        let shares = clients.into_iter().zip(batches.shares());
        Answers::of_tasks(shares.map(|(client, share)| select_share(client, share, batches.size))).await
    })
    .await
}

async fn open_all(config: &Config, batches: &Batches) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..batches.connections {
        clients.push(Client::open(config, batches.size).await?);
    }
    Ok(clients)
}

async fn select_share(mut client: Client, mut share: Share, size: usize) -> Result<Answers, Failure> {
    let (mut tally, mut keys) = (Tally::default(), Vec::new());
    while share.next_keys(size, &mut keys) {
        tally.merge(client.select(&keys).await?);
    }
    Ok(tally.into())
}

/// A session that selects by keys.
#[derive(Debug)]
struct Client {
    wire: Wire,
    messages: Messages,
}

impl Client {
    /// Logs in, prepares the statement and warms up, to select by that many keys at a time.
    async fn open(config: &Config, size: usize) -> Result<Self, Failure> {
        let mut wire = Wire::open(config).await?;
        wire.prepare(Selects::SQL, &[Oid::INT4.0]).await?;
        let mut client = Self { wire, messages: Messages::new(size)? };
        for _ in 0..Selects::WARM_UP {
            client.select(&[1]).await?;
        }
        Ok(client)
    }

    /// Selects by the keys under one Sync. Fewer than usual are the last of a share.
    async fn select(&mut self, keys: &[i32]) -> Result<Tally, Failure> {
        if keys.len() != self.messages.size() {
            return self.wire.exchange(Messages::new(keys.len())?.of(keys)).await;
        }
        self.wire.exchange(self.messages.of(keys)).await
    }
}
