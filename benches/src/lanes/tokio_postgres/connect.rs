use molt_db::Config;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{NoTls, Socket};

use super::target::Target;
use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::lanes::login::bounded;
use crate::report::Measured;

/// Connects and closes.
pub(crate) async fn run(config: &Config, connects: &Connects) -> Result<Measured, Failure> {
    let Target { config, tls } = Target::new(config)?;
    match tls {
        None => repeat(&config, NoTls, connects).await,
        Some(tls) => repeat(&config, tls, connects).await,
    }
}

async fn repeat<T>(config: &tokio_postgres::Config, tls: T, connects: &Connects) -> Result<Measured, Failure>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone,
{
    connect_repeatedly(connects, async || {
        let (client, connection) = bounded(config.connect(tls.clone())).await?;
        let driving = tokio::spawn(connection);
        drop(client);
        Ok(driving.await??)
    })
    .await
}
