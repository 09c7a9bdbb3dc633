use molt_db::Config;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::lanes::login::{Login, bounded};
use crate::report::Measured;

/// Connects and closes.
pub(crate) async fn run(config: &Config, connects: &Connects) -> Result<Measured, Failure> {
    let theirs = options(&Login::new(config)?);
    connect_repeatedly(connects, async || {
        Ok(bounded(PgConnection::connect_with(&theirs)).await?.close().await?)
    })
    .await
}

fn options(login: &Login<'_>) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass();
    let options = options.host(&login.host).port(login.port).username(login.user).database(login.database);
    let options = match login.password {
        Some(password) => options.password(password),
        None => options,
    };
    match login.root {
        Some(root) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(root),
        None => options.ssl_mode(PgSslMode::Disable),
    }
}
