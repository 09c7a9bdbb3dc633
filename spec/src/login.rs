//! Logging in, by whatever method the target asks for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use molt_db_protocol::auth::oauth::OAUTHBEARER;
use molt_db_protocol::auth::{md5_password, tls_server_end_point};
use molt_db_protocol::message::{Authentication, SaslMechanisms};
use molt_db_protocol::wire::Tag;

use crate::fault::Fault;
use crate::pattern::Pattern;
use crate::say;
use crate::scram::{Exchange, Scram};
use crate::server::oauth::token;
use crate::target::{Account, Encryption, Target};
use crate::wire::Wire;

/// Opens a connection and logs in, with these parameters beside user and database.
///
/// It tries again while there are too many sessions: those of earlier cases need a moment to go.
pub(crate) async fn login_as(
    target: &Target,
    account: &Account,
    version: u32,
    parameters: &[(&str, &str)],
    patience: Duration,
) -> Result<Wire, Fault> {
    let mut attempts = 1;
    loop {
        let found = login_once(target, account, version, parameters, patience).await;
        let crowded = matches!(&found, Err(Fault::Mismatch { actual, .. }) if actual.contains("(53300)"));
        if !crowded || attempts == ATTEMPTS {
            return found;
        }
        attempts += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn login_once(
    target: &Target,
    account: &Account,
    version: u32,
    parameters: &[(&str, &str)],
    patience: Duration,
) -> Result<Wire, Fault> {
    let mut wire = open(target, patience).await?;
    wire.send(&startup(account, version, parameters)).await;
    if let Some((Tag::NegotiateProtocolVersion, _)) = wire.peek().await {
        wire.word().await;
    }
    authenticate(&mut wire, account).await?;
    wire.expect(&Pattern::new("AuthenticationOk Key? Ready(I)")).await?;
    Ok(wire)
}

/// Opens a connection, inside of TLS if the target says so.
pub(crate) async fn open(target: &Target, patience: Duration) -> Result<Wire, Fault> {
    let mut wire = Wire::open(target, patience).await?;
    if target.encryption == Encryption::Tls {
        request_tls(&mut wire).await?;
        let done = wire.encrypt(&[ALPN]).await;
        done.map_err(|error| Fault::mismatch("a TLS handshake", error.to_string()))?;
    }
    Ok(wire)
}

/// Asks for TLS, which must be granted.
pub(crate) async fn request_tls(wire: &mut Wire) -> Result<(), Fault> {
    wire.send(&say::ssl_request()).await;
    match wire.byte().await {
        Some(b'S') => Ok(()),
        Some(byte) => Err(Fault::mismatch("the byte S", format!("the byte {:?}", char::from(byte)))),
        None => Err(Fault::Silence { expected: "the byte S".to_owned(), actual: "nothing".to_owned() }),
    }
}

/// Returns a StartupMessage of this account. A parameter given here replaces one that is there anyway.
pub(crate) fn startup(account: &Account, version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let own = [("user", account.user.as_str()), ("database", account.database.as_str())];
    let own = own.into_iter().filter(|(name, _)| parameters.iter().all(|(given, _)| given != name));
    let all: Vec<_> = own.chain(parameters.iter().copied()).collect();
    say::startup(version, &all)
}

/// Answers requests for authentication up to AuthenticationOk, which is left to be read, as anything else is.
pub(crate) async fn authenticate(wire: &mut Wire, account: &Account) -> Result<(), Fault> {
    loop {
        let Some((Tag::Authentication, body)) = wire.peek().await else { return Ok(()) };
        match Authentication::parse(&body) {
            Ok(Authentication::CleartextPassword) => wire.send(&say::password(&account.password)).await,
            Ok(Authentication::Md5Password(salt)) => wire.send(&md5(account, &account.password, salt)).await,
            Ok(Authentication::Sasl(offered)) if wants_token(offered) => {
                wire.send(&token(&account.password)).await;
            }
            Ok(Authentication::Sasl(_)) => {
                exchange(wire, account, Scram::default()).await?;
                continue;
            }
            _ => return Ok(()),
        }
        wire.word().await;
    }
}

/// Tells whether these mechanisms are for those who have a token of OAuth, and for nobody else.
pub(crate) fn wants_token(offered: SaslMechanisms<'_>) -> bool {
    offered.iter().all(|mechanism| mechanism == OAUTHBEARER.as_bytes())
}

/// Returns the answer to a request for an MD5 digest.
pub(crate) fn md5(account: &Account, password: &str, salt: [u8; 4]) -> Vec<u8> {
    say::password(&md5_password(account.user.as_bytes(), password.as_bytes(), salt))
}

/// Goes through a SASL exchange up to what follows its last message. What the server says instead is left to be read.
pub(crate) async fn exchange(wire: &mut Wire, account: &Account, scram: Scram) -> Result<(), Fault> {
    if !wire
        .peek()
        .await
        .is_some_and(|(tag, body)| tag == Tag::Authentication && body.starts_with(b"\0\0\0\x0a"))
    {
        return Ok(());
    }
    wire.expect(&Pattern::new("Sasl(*SCRAM-SHA-256*)")).await?;
    let hash = wire.certificate().and_then(|certificate| tls_server_end_point(&certificate).ok());
    let exchange = Exchange::new(scram, &nonce(), hash);
    let first = exchange.first();
    let length = i32::try_from(first.len()).unwrap_or(i32::MAX);
    wire.send(&say::sasl_initial(scram.mechanism, length, first.as_bytes())).await;
    let Some(challenge) = sasl_data(wire, b"\0\0\0\x0b").await else { return Ok(()) };
    let Some((last, answer)) = exchange.last(&challenge, &account.password) else {
        return Err(Fault::mismatch("r=,s=,i= in SaslContinue", String::from_utf8_lossy(&challenge)));
    };
    wire.word().await;
    wire.send(&say::raw(b'p', last.as_bytes())).await;
    let Some(signature) = sasl_data(wire, b"\0\0\0\x0c").await else { return not_proved(wire).await };
    wire.word().await;
    if signature == answer.as_bytes() {
        return Ok(());
    }
    Err(Fault::mismatch(
        format!("SaslFinal({answer})"),
        format!("SaslFinal({})", String::from_utf8_lossy(&signature)),
    ))
}

/// A server that lets somebody in has proved itself before.
async fn not_proved(wire: &mut Wire) -> Result<(), Fault> {
    match wire.peek().await {
        Some((Tag::Authentication, _)) => wire.expect(&Pattern::new("SaslFinal")).await,
        _ => Ok(()),
    }
}

/// Returns what the next message carries if it is an Authentication message of this kind.
async fn sasl_data(wire: &mut Wire, kind: &[u8]) -> Option<Vec<u8>> {
    let (tag, body) = wire.peek().await?;
    (tag == Tag::Authentication).then(|| body.strip_prefix(kind).map(<[u8]>::to_vec))?
}

/// A nonce that nobody used before. It protects nothing here, so it need not be random.
fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("pgspec{now}x{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) const ALPN: &str = "postgresql";

const ATTEMPTS: u32 = 40;
