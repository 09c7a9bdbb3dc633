use molt_db::Config;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::failure::Failure;
use crate::lanes::login::Login;

/// Reads a configuration.
pub(super) fn options(config: &Config) -> Result<PgConnectOptions, Failure> {
    let login = Login::new(config)?;
    let options = PgConnectOptions::new_without_pgpass();
    let options = options.host(&login.host).port(login.port).username(login.user).database(login.database);
    let options = match login.password {
        Some(password) => options.password(password),
        None => options,
    };
    Ok(match login.root {
        Some(root) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(root),
        None => options.ssl_mode(PgSslMode::Disable),
    })
}
