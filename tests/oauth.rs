//! Bearer tokens, shown to a server that stands on the server's side of the protocol crate.

mod common;

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{code, within};
use molt_db::config::SslMode;
use molt_db::protocol::auth::oauth::{OAuthFailure, OAuthRequest, parse_initial_response};
use molt_db::protocol::message::{
    Authentication, ParameterStatus, PasswordMessage, SaslMechanisms, ServerError, Severity, SqlState,
};
use molt_db::protocol::server::{Arrival, Backend, Reception, Request, Statement};
use molt_db::{AuthMethod, Config, Connection, Error, Pool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that lets in whoever shows the good token.
struct Shop {
    port: u16,
    /// The tokens that it was shown, in this order.
    shown: Arc<Mutex<Vec<String>>>,
}

const GOOD: &str = "Secret-Token";
const FAILURE: OAuthFailure<'_> = OAuthFailure {
    status: "invalid_token",
    scope: Some("openid shop"),
    openid_configuration: Some("https://issuer.example/.well-known/openid-configuration"),
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { port, shown }
    }

    fn config(&self) -> Config {
        let text = format!("host=127.0.0.1,127.0.0.1 port={} user=u require_auth=oauth", self.port);
        text.parse::<Config>().unwrap().ssl_mode(SslMode::Disable)
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

/// Takes a client through the door, and answers whatever it asks with nothing.
async fn serve(mut stream: TcpStream, shown: Arc<Mutex<Vec<String>>>) -> Result<(), Failure> {
    let (mut input, mut out) = (Vec::new(), Vec::new());
    let Some(door) = receive(&mut stream, &mut input, &mut out, &shown).await? else {
        return Ok(stream.write_all(&out).await?);
    };
    let encoding = ParameterStatus { name: "client_encoding", value: "UTF8" };
    let mut backend: Backend<(), ()> = Backend::open(door, &[encoding], None, &mut out)?;
    while !backend.is_over() {
        let (consumed, request) = backend.receive(&input, &mut out)?.into_parts();
        match request {
            None => exchange(&mut stream, &mut input, &mut out).await?,
            Some(Request::Prepare { .. }) => {
                let nothing = Statement { plan: (), parameters: Vec::new(), columns: None };
                backend.prepared([nothing], &mut out)?;
            }
            Some(Request::Run { .. }) => backend.complete("DO", &mut out)?,
            Some(_) => {}
        }
        input.drain(..consumed);
    }
    Ok(())
}

/// Asks a client for its token. Returns `None` of one that is refused.
async fn receive(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
    out: &mut Vec<u8>,
    shown: &Mutex<Vec<String>>,
) -> Result<Option<molt_db::protocol::server::Session>, Failure> {
    let mut door = Reception::default();
    let mut is_good = false;
    while !is_good {
        let (consumed, arrival) = door.receive(input, out)?.into_parts();
        match arrival {
            None => exchange(stream, input, out).await?,
            Some(Arrival::Startup(_)) => {
                let offer = SaslMechanisms::parse(b"OAUTHBEARER\0\0").map_err(|_| "no offer")?;
                door.ask(Authentication::Sasl(offer), out)?;
            }
            Some(Arrival::Answer(PasswordMessage::SaslInitial { mechanism, response })) => {
                assert_eq!(mechanism, "OAUTHBEARER");
                let Ok(OAuthRequest::Bearer(token)) = parse_initial_response(response.unwrap()) else {
                    panic!("no token is shown: {response:?}");
                };
                shown.lock().unwrap().push(str::from_utf8(token.expose())?.to_owned());
                is_good = token.expose() == GOOD.as_bytes();
                if !is_good {
                    door.ask(Authentication::SaslContinue(&FAILURE.to_json()), out)?;
                }
            }
            Some(Arrival::Answer(PasswordMessage::SaslResponse(answer))) => {
                assert_eq!(answer, b"\x01");
                let code = SqlState::new("28000").ok_or("no code")?;
                door.refuse(
                    ServerError::new(Severity::Fatal, code, "OAuth bearer authentication failed"),
                    out,
                )?;
                return Ok(None);
            }
            Some(other) => panic!("{other:?}"),
        }
        input.drain(..consumed);
    }
    Ok(Some(door.admit(out)?))
}

/// Sends what is written, and waits for more.
async fn exchange(stream: &mut TcpStream, input: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Failure> {
    stream.write_all(&std::mem::take(out)).await?;
    let length = stream.read_buf(input).await?;
    if length == 0 { Err("the client is gone".into()) } else { Ok(()) }
}

async fn connect(config: &Config) -> Result<Connection, Error> {
    within(Connection::connect(config)).await
}

/// Returns what gives these tokens, one after the other.
fn one_by_one(
    tokens: [&'static str; 2],
) -> impl Fn(molt_db::config::Endpoint) -> std::future::Ready<io::Result<&'static str>> {
    let asked = AtomicUsize::new(0);
    move |_| std::future::ready(Ok(tokens[asked.fetch_add(1, Ordering::SeqCst)]))
}

#[tokio::test]
async fn a_good_token_opens_a_session_that_works() {
    let shop = Shop::open().await;
    let config = shop.config().oauth_token_from(|_| async { Ok::<_, io::Error>(GOOD) });
    let mut connection = connect(&config).await.unwrap();
    assert_eq!(connection.auth_method(), AuthMethod::OAuthBearer);
    for _ in 0..2 {
        connection.execute("whatever", ()).await.unwrap();
    }
    connection.close().await.unwrap();
    assert_eq!(shop.shown(), [GOOD]);
}

#[tokio::test]
async fn a_token_is_asked_for_again_by_every_connection() {
    let shop = Shop::open().await;
    let config = shop.config().oauth_token_from(one_by_one(["An-Old-Token", GOOD]));
    let error = connect(&config).await.unwrap_err();
    assert_eq!(code(&error), "28000");
    connect(&config).await.unwrap().execute("whatever", ()).await.unwrap();
    assert_eq!(shop.shown(), ["An-Old-Token", GOOD]);

    let shop = Shop::open().await;
    let config = shop.config().oauth_token_from(one_by_one([GOOD, GOOD]));
    let pool = Pool::builder(config).max_conns(2).build().unwrap();
    let sessions = (within(pool.acquire()).await.unwrap(), within(pool.acquire()).await.unwrap());
    drop(sessions);
    assert_eq!(shop.shown(), [GOOD, GOOD]);
}

#[tokio::test]
async fn why_a_token_is_refused_reaches_the_one_who_has_to_get_another() {
    let shop = Shop::open().await;
    let config = shop.config().oauth_token_from(|_| async { Ok::<_, io::Error>("An-Old-Token") });
    let error = connect(&config).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(code(&error), "28000");
    let [refused] = error.attempts() else { panic!("another host is tried: {error}") };
    assert_eq!(refused.token_refusal(), Some(&FAILURE.to_json()[..]));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("bearer token was refused") && !shown.contains("An-Old-Token"), "{shown}");
}

#[tokio::test]
async fn a_callback_that_fails_shows_no_token() {
    let shop = Shop::open().await;
    let fail = |_| async { Err::<String, _>(io::Error::other("the issuer is closed")) };
    let error = connect(&shop.config().oauth_token_from(fail)).await.unwrap_err();
    let [failed] = error.attempts() else { panic!("another host is tried: {error}") };
    assert_eq!(failed.token_refusal(), None);
    assert!(error.to_string().ends_with("the callback gave no token: the issuer is closed"), "{error}");
    assert!(shop.shown().is_empty());
}
