//! Connections of molt-db under another pool, deadpool, for those who stay with theirs:
//! `cargo run --example deadpool`.
//!
//! What that takes is all here: connect, and make what comes back fit for its next user. molt-db's own
//! [`Pool`](molt_db::Pool) does the second part when the connection comes back, not when the next user waits for it.

use std::error::Error;

use deadpool::managed::{Manager, Metrics, Pool, RecycleResult};
use molt_db::config::ResetPolicy;
use molt_db::{Connection, Connector, TransactionStatus};
use molt_db_testkit::{Server, ServerOptions, User};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::start(ServerOptions::default())?;
    let config = server.url(User::Scram, "test").parse()?;
    let pool: Pool<Connections> = Pool::builder(Connections(Connector::new(&config)?)).max_size(4).build()?;
    for task in 0..4_i32 {
        let mut connection = pool.get().await?;
        let (square,): (i32,) = connection.query("select $1 * $1").bind(task).one().await?;
        println!("{task} times {task} is {square}");
    }
    Ok(())
}

/// What deadpool calls a manager.
pub(crate) struct Connections(pub(crate) Connector);

impl Manager for Connections {
    type Type = Connection;
    type Error = molt_db::Error;

    async fn create(&self) -> Result<Connection, molt_db::Error> {
        self.0.connect().await
    }

    /// Ends what the last user has left under way, and his transaction, and resets the session. An error has deadpool
    /// open another connection.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<molt_db::Error> {
        connection.settle().await?;
        // An empty script is a sign of life.
        let is_open = connection.transaction_status() != TransactionStatus::Idle;
        connection.script(if is_open { "rollback" } else { "" }).await?;
        connection.reset(ResetPolicy::Cheap).await?;
        Ok(())
    }
}
