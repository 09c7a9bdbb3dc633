//! tokio-postgres, as `pgspec client --command` calls it: ACTION URL.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::SinkExt;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

type Done = Result<bool, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // It has no tokens.
    if !matches!(&*arguments[1], "ask" | "copy" | "cancel" | "parameters" | "zero-byte") {
        return ExitCode::from(77);
    }
    match act(&arguments[1], &arguments[2]).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn act(action: &str, url: &str) -> Done {
    let (client, connection) = tokio_postgres::connect(url, tls()).await?;
    let driving = tokio::spawn(connection);
    let done = match action {
        "ask" => is_answer(client.query("select $1", &[&"x"]).await?.first().map(|row| row.get(0))),
        "copy" => copy(&client).await?,
        "cancel" => cancel(&client).await?,
        "parameters" => parameters(&client).await?,
        "zero-byte" => {
            let answer = client.simple_query("select 'a\0b'").await?;
            answer
                .iter()
                .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("42")))
        }
        _ => false,
    };
    drop(client);
    driving.await??;
    Ok(done)
}

fn is_answer(answer: Option<&str>) -> bool {
    answer == Some("42")
}

async fn copy(client: &Client) -> Done {
    let sink = client.copy_in("copy pgspec from stdin").await?;
    let mut sink = std::pin::pin!(sink);
    for row in 0..1000 {
        sink.send(std::io::Cursor::new(format!("{row}\n").into_bytes())).await?;
    }
    sink.finish().await?;
    Ok(true)
}

async fn cancel(client: &Client) -> Done {
    let token = client.cancel_token();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        token.cancel_query(tls()).await
    };
    let (asked, cancelled) = tokio::join!(client.query("select pg_sleep(60)", &[]), cancelling);
    cancelled?;
    Ok(asked.is_err_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED)))
}

async fn parameters(client: &Client) -> Done {
    let places: Vec<String> = (1..=65_536).map(|number| format!("${number}")).collect();
    let sql = format!("select {}", places.join(","));
    let values: Vec<&(dyn ToSql + Sync)> = (0..65_536).map(|_| &"x" as _).collect();
    Ok(is_answer(client.query(&sql, &values).await?.first().map(|row| row.get(0))))
}

/// `sslmode=require` means what it means in libpq: nobody looks at the certificate.
fn tls() -> MakeRustlsConnect {
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.expect("the provider knows TLS 1.2 and 1.3").dangerous();
    MakeRustlsConnect::new(
        config.with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth(),
    )
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
