//! The server that clients are tested with: our backend, whose messages a script changes.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::Arc;

use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{Iterations, KeyDerivation, Offer, Verifier};
use molt_db_protocol::message::{
    Authentication, ParameterStatus, PasswordMessage, SaslMechanisms, SslAnswer,
};
use molt_db_protocol::server::{Arrival, Asked, Backend, Reception, Session};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::hall::Hall;
use super::long_nonce::Exchange;
use super::plan::{Left, answer, wake};
use super::stream::{Stream, certificate_hash};
use super::token::{Next, Showing};
use super::{Asks, ClientCase, Delivery, Memory, PASSWORD, cases};
use crate::log::Side;
use crate::say::{V3_0, V3_2};

type Failure = Box<dyn Error + Send + Sync>;

/// Serves whoever comes, all at a time.
pub(super) async fn serve(listener: TcpListener, hall: Arc<Hall>) -> Infallible {
    let mut visits = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let hall = Arc::clone(&hall);
            // How a connection ends is the client's business.
            visits.spawn(async move { drop(Visit::new(stream, &hall).receive().await) });
        }
        while visits.try_join_next().is_some() {}
    }
}

/// Serves all cases: the name of the database says which. It ends when the listener fails.
///
/// # Errors
///
/// What the operating system says.
pub async fn listen(listener: TcpListener) -> io::Result<()> {
    match serve(listener, Arc::new(Hall::new(None))).await {}
}

/// How far the exchanges have come that the server's side of the protocol does not run by itself.
#[derive(Default)]
struct Answers {
    scram: Exchange,
    token: Showing,
}

/// One connection of a client.
struct Visit<'h> {
    stream: Stream,
    hall: &'h Hall,
    /// Known from the start, or from the name of the database.
    case: Option<ClientCase>,
    memory: Memory,
    input: Vec<u8>,
    version: u32,
}

impl<'h> Visit<'h> {
    fn new(stream: TcpStream, hall: &'h Hall) -> Self {
        let (memory, input) = (Memory::default(), Vec::new());
        let _ = stream.set_nodelay(true);
        Self { stream: Stream::Plain(stream), hall, case: hall.case, memory, input, version: V3_0 }
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        if self.stream.begins_with_handshake().await? {
            self.encrypt().await?;
        }
        let Some((session, out)) = self.admit().await? else { return Ok(()) };
        self.talk(session, out).await
    }

    /// Takes the client from its first packet to its session, if it is to have one.
    async fn admit(&mut self) -> Result<Option<(Session, Vec<u8>)>, Failure> {
        let (mut door, mut out, mut is_in) = (Reception::default(), Vec::new(), false);
        let mut answers = Answers::default();
        while !is_in {
            let input = std::mem::take(&mut self.input);
            let (consumed, arrival) = door.receive(&input, &mut out)?.into_parts();
            match arrival {
                None => {
                    self.input = input[consumed..].to_vec();
                    self.exchange(&mut out).await?;
                    continue;
                }
                Some(Arrival::Ssl) => self.answer_ssl(&mut door, &mut out).await?,
                Some(Arrival::Startup(asked)) => {
                    self.note(&asked, &input[..consumed]);
                    is_in = self.ask(&mut door, &mut out)?;
                }
                Some(Arrival::Proved) => is_in = true,
                Some(Arrival::Answer(given)) => match self.judge(given, &mut answers, &mut door, &mut out)? {
                    Next::In => is_in = true,
                    Next::Wait => {}
                    Next::Out => return self.send(&mut out).await.map(|()| None),
                },
                Some(Arrival::Cancel(key)) => {
                    self.hall.cancel(&key);
                    return Ok(None);
                }
                Some(_) => return self.send(&mut out).await.map(|()| None),
            }
            self.input = [&input[consumed..], &self.input].concat();
        }
        let session = door.admit(&mut out)?;
        Ok(Some((session, out)))
    }

    /// A NegotiateProtocolVersion may be in the output already; the script sees it with what follows.
    async fn answer_ssl(&mut self, door: &mut Reception, out: &mut Vec<u8>) -> Result<(), Failure> {
        let script = self.case.map(|case| case.script);
        let (bytes, tls) = script.map_or((&b"N"[..], None), |script| (script.ssl, script.tls));
        let answer = if tls.is_some() { SslAnswer::Willing } else { SslAnswer::Unwilling };
        door.answer_ssl(answer, out)?;
        out.clear();
        self.write(bytes).await?;
        if tls.is_some() {
            return self.encrypt().await;
        }
        if bytes == b"S" {
            return Err("it is promised, and not done".into());
        }
        Ok(())
    }

    async fn encrypt(&mut self) -> Result<(), Failure> {
        let known = self.case.and_then(|case| case.script.tls).unwrap_or_default();
        let offered = self.stream.encrypt(known).await?;
        self.hall.seen().offered = Some(offered);
        Ok(())
    }

    /// Keeps what the client asked for. Without a script of the name of the database, the server is honest.
    fn note(&mut self, asked: &Asked, packet: &[u8]) {
        if self.case.is_none() {
            let database = asked.get("database").unwrap_or_default();
            self.case = cases().into_iter().find(|case| case.id == database);
        }
        self.version = asked.version();
        let version = packet.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        let has_options = packet.windows(OPTION.len()).any(|window| window == OPTION);
        let mut seen = self.hall.seen();
        seen.version = version;
        seen.greases = version > V3_2 || has_options;
    }

    fn asks(&self) -> Asks {
        self.case.map_or(Asks::Nothing, |case| case.script.asks)
    }

    /// Asks for what the case says; tells whether that is nothing.
    fn ask(&self, door: &mut Reception, out: &mut Vec<u8>) -> Result<bool, Failure> {
        match self.asks() {
            Asks::Nothing => return Ok(true),
            Asks::Scram => door.ask_scram(verifier(), Offer::Plain, NONCE, out)?,
            Asks::ScramPlus => door.ask_scram(verifier(), Offer::Plus(certificate_hash()), NONCE, out)?,
            Asks::ScramWithLongNonce | Asks::ScramInVain => offer(b"SCRAM-SHA-256\0\0", door, out)?,
            Asks::Token(_) => offer(b"OAUTHBEARER\0\0", door, out)?,
            Asks::Request(request) => door.ask(request, out)?,
        }
        Ok(false)
    }

    /// Takes an answer that the server's side of the protocol does not judge by itself.
    fn judge(
        &self,
        given: PasswordMessage<'_>,
        answers: &mut Answers,
        door: &mut Reception,
        out: &mut Vec<u8>,
    ) -> Result<Next, Failure> {
        Ok(match self.asks() {
            Asks::ScramWithLongNonce if !answers.scram.answer(given, door, out)? => Next::Wait,
            Asks::Token(fate) => answers.token.answer(given, fate, (door, out), &mut self.hall.seen())?,
            _ => Next::In,
        })
    }

    async fn talk(&mut self, session: Session, mut out: Vec<u8>) -> Result<(), Failure> {
        let settings = SETTINGS.map(|(name, value)| ParameterStatus { name, value });
        let script = self.case.map_or_else(cases::honest, |case| case.script);
        let secret = if self.version >= V3_2 { script.key } else { SHORT_KEY };
        let entered = self.hall.enter(secret).ok_or("a key that cannot be")?;
        let mut backend = Backend::open(session, &settings, Some(entered.key.clone()), &mut out)?;
        while !backend.is_over() {
            let input = std::mem::take(&mut self.input);
            let received = backend.receive(&input, &mut out);
            let (consumed, request) = match received {
                Ok(received) => received.into_parts(),
                Err(error) => {
                    self.hall.seen().malformed = Some(error.to_string());
                    self.send(&mut out).await?;
                    return Err(error.into());
                }
            };
            let is_waiting = request.is_none();
            let left = match request {
                Some(request) => answer(&mut backend, request, &script, &mut out)?,
                None => Left::Nothing,
            };
            self.input = input;
            self.input.drain(..consumed);
            if left == Left::Sleep {
                self.send(&mut out).await?;
                wake(&mut backend, entered.cancelled().await, &mut out)?;
            }
            if is_waiting {
                self.exchange(&mut out).await?;
            }
        }
        Ok(())
    }

    /// Sends what there is and reads more.
    async fn exchange(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.send(out).await?;
        let known = self.input.len();
        if self.stream.read(&mut self.input).await? == 0 {
            return Err("the client has gone".into());
        }
        self.hall.add(Side::Client, &self.input[known..]);
        Ok(())
    }

    async fn send(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let honest = std::mem::take(out);
        let bytes = self.changed(&honest);
        self.write(&bytes).await?;
        if self.memory.is_cut {
            self.stream.cut().await?;
            return Err("the script is cut".into());
        }
        if self.memory.is_over {
            self.stream.finish().await?;
            return Err("the script is over".into());
        }
        Ok(())
    }

    fn changed(&mut self, mut honest: &[u8]) -> Vec<u8> {
        let Some(case) = self.case else { return honest.to_vec() };
        let mut bytes = Vec::new();
        // The answer to a request for encryption is no message.
        if honest.len() < 5 {
            return honest.to_vec();
        }
        while let Some((header, rest)) = honest.split_first_chunk::<5>() {
            let [tag, length @ ..] = *header;
            let size = u32::from_be_bytes(length) as usize - 4;
            let memory = &mut self.memory;
            if !memory.is_over && !memory.is_cut && !memory.is_silent {
                bytes.extend((case.script.change)(memory, tag, &rest[..size]));
            }
            memory.last = tag;
            honest = &rest[size..];
        }
        bytes
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hall.add(Side::Server, bytes);
        if self.case.is_some_and(|case| case.script.delivery == Delivery::Bytes) {
            for byte in bytes {
                self.stream.write(std::slice::from_ref(byte)).await?;
                tokio::task::yield_now().await;
            }
            return Ok(());
        }
        self.stream.write(bytes).await
    }
}

/// Asks for an exchange that the server's side of the protocol does not run by itself.
fn offer(list: &[u8], door: &mut Reception, out: &mut Vec<u8>) -> Result<(), Failure> {
    let mechanisms = SaslMechanisms::parse(list).map_err(|error| error.to_string())?;
    Ok(door.ask(Authentication::Sasl(mechanisms), out)?)
}

fn verifier() -> Verifier {
    let iterations = Iterations::new(4096).expect("a number of rounds");
    Verifier::new(&KeyDerivation::new(&Secret::new(PASSWORD), *b"pgspec salt 1234", iterations).run())
}

const SETTINGS: [(&str, &str); 6] = [
    ("server_version", "18.0"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
];

/// What the names of options of the protocol begin with.
const OPTION: &[u8] = b"_pq_.";

/// The key of sessions in protocol 3.0.
const SHORT_KEY: &[u8] = b"key!";

const NONCE: [u8; 18] = *b"pgspec nonce 12345";
