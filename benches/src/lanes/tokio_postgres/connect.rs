use std::path::Path;

use molt_db::Config;
use molt_db::rustls::crypto::ring;
use molt_db::rustls::pki_types::CertificateDer;
use molt_db::rustls::pki_types::pem::PemObject;
use molt_db::rustls::{ClientConfig, RootCertStore};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{NoTls, Socket, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::lanes::login::{Login, bounded};
use crate::report::Measured;

/// Connects and closes.
pub(crate) async fn run(config: &Config, connects: &Connects) -> Result<Measured, Failure> {
    let login = Login::new(config)?;
    let mut theirs = tokio_postgres::Config::new();
    theirs.host(&login.host).port(login.port).user(login.user).dbname(login.database);
    if let Some(password) = login.password {
        theirs.password(password);
    }
    match login.root {
        None => repeat(theirs.ssl_mode(SslMode::Disable), NoTls, connects).await,
        Some(root) => {
            let tls = MakeRustlsConnect::new(trust(root)?);
            repeat(theirs.ssl_mode(SslMode::Require), tls, connects).await
        }
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

fn trust(root: &Path) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root)? {
        roots.add(certificate?)?;
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}
