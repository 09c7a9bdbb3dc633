//! The server that clients are tested with: our backend, whose messages a script changes.

use std::convert::Infallible;
use std::error::Error;
use std::io;

use molt_db_protocol::auth::Secret;
use molt_db_protocol::auth::scram::{Iterations, KeyDerivation, Offer, Verifier};
use molt_db_protocol::message::{
    CancelKey, FieldDescription, ParameterStatus, ServerError, Severity, SqlState, SslAnswer,
    TransactionStatus,
};
use molt_db_protocol::server::{Arrival, Backend, Reception, Request, Statement};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Asks, ClientCase, Delivery, Memory, PASSWORD, cases};
use crate::log::{Log, Side};

type Failure = Box<dyn Error + Send + Sync>;

/// Serves one case to whoever comes, one after the other.
pub(super) async fn serve(listener: TcpListener, case: &ClientCase, log: &mut Log) -> Infallible {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // How a connection ends is the client's business.
            let _ = Visit::new(stream, Some(*case), log).receive().await;
        }
    }
}

/// Serves all cases: the name of the database says which. It ends when the listener fails.
///
/// # Errors
///
/// What the operating system says.
pub async fn listen(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut log = Log::default();
            let _ = Visit::new(stream, None, &mut log).receive().await;
        });
    }
}

/// One connection of a client.
struct Visit<'l> {
    stream: TcpStream,
    /// Known from the start, or from the name of the database.
    case: Option<ClientCase>,
    memory: Memory,
    input: Vec<u8>,
    log: &'l mut Log,
}

impl<'l> Visit<'l> {
    fn new(stream: TcpStream, case: Option<ClientCase>, log: &'l mut Log) -> Self {
        Self { stream, case, memory: Memory::default(), input: Vec::new(), log }
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        self.stream.set_nodelay(true)?;
        let (mut door, mut out, mut is_in) = (Reception::default(), Vec::new(), false);
        while !is_in {
            let (consumed, arrival) = door.receive(&self.input, &mut out)?.into_parts();
            match arrival {
                None => self.exchange(&mut out).await?,
                Some(Arrival::Ssl) => {
                    door.answer_ssl(SslAnswer::Unwilling, &mut out)?;
                    let answer = self.case.map_or(&b"N"[..], |case| case.script.ssl);
                    out.clear();
                    self.write(answer).await?;
                }
                Some(Arrival::Startup(asked)) => {
                    self.choose(asked.get("database").unwrap_or_default());
                    // A NegotiateProtocolVersion goes ahead, and is not of the script.
                    is_in = self.ask(&mut door, &mut out)?;
                }
                Some(Arrival::Proved | Arrival::Answer(_)) => is_in = true,
                Some(_) => return self.send(&mut out).await,
            }
            self.input.drain(..consumed);
        }
        let session = door.admit(&mut out)?;
        let settings = SETTINGS.map(|(name, value)| ParameterStatus { name, value });
        let key = CancelKey::new(1, b"key!").map_err(|error| error.to_string())?;
        let backend = Backend::open(session, &settings, Some(key), &mut out)?;
        self.talk(backend, out).await
    }

    /// Without a script of that name, the server is honest.
    fn choose(&mut self, database: &str) {
        if self.case.is_none() {
            self.case = cases().into_iter().find(|case| case.id == database);
        }
    }

    /// Asks for what the case says; tells whether that is nothing.
    fn ask(&self, door: &mut Reception, out: &mut Vec<u8>) -> Result<bool, Failure> {
        match self.case.map_or(Asks::Nothing, |case| case.script.asks) {
            Asks::Nothing => return Ok(true),
            Asks::Scram => door.ask_scram(verifier(), Offer::Plain, *b"pgspec nonce 12345", out)?,
            Asks::Request(request) => door.ask(request, out)?,
        }
        Ok(false)
    }

    async fn talk(&mut self, mut backend: Backend<Answer, ()>, mut out: Vec<u8>) -> Result<(), Failure> {
        while !backend.is_over() {
            let input = std::mem::take(&mut self.input);
            let (consumed, request) = backend.receive(&input, &mut out)?.into_parts();
            let is_waiting = request.is_none();
            if let Some(request) = request {
                answer(&mut backend, request, &mut out)?;
            }
            self.input = input;
            self.input.drain(..consumed);
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
        if self.stream.read_buf(&mut self.input).await? == 0 {
            return Err("the client has gone".into());
        }
        self.log.add(Side::Client, &self.input[known..]);
        Ok(())
    }

    async fn send(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let honest = std::mem::take(out);
        let bytes = self.changed(&honest);
        self.write(&bytes).await?;
        if self.memory.is_over {
            self.stream.shutdown().await?;
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
            if !self.memory.is_over {
                bytes.extend((case.script.change)(&mut self.memory, tag, &rest[..size]));
            }
            self.memory.last = tag;
            honest = &rest[size..];
        }
        bytes
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.log.add(Side::Server, bytes);
        if self.case.is_some_and(|case| case.script.delivery == Delivery::Bytes) {
            for byte in bytes {
                self.stream.write_all(std::slice::from_ref(byte)).await?;
                tokio::task::yield_now().await;
            }
            return Ok(());
        }
        self.stream.write_all(bytes).await
    }
}

/// What the server makes of a text.
#[derive(Clone, Copy)]
enum Answer {
    /// One row.
    Row,
    /// This tag, and this state of the transaction.
    Tag(&'static str, TransactionStatus),
}

fn answer(
    backend: &mut Backend<Answer, ()>,
    request: Request<'_, Answer, ()>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    match request {
        Request::Prepare { sql, .. } => {
            let plan = understand(&String::from_utf8_lossy(sql).to_lowercase());
            let columns = matches!(plan, Answer::Row).then(|| vec![FieldDescription::new("answer", 25)]);
            backend.prepared([Statement { columns, ..Statement::new(plan) }], out)?;
        }
        Request::Run { portal, .. } => match portal.statement().plan {
            Answer::Row => {
                backend.row(&[Some(b"42")], out)?;
                backend.complete("SELECT 1", out)?;
            }
            Answer::Tag(tag, status) => {
                backend.complete(tag, out)?;
                backend.set_status(status);
            }
        },
        Request::End(_) | Request::Terminate => {}
        Request::CopyData(_) | Request::CopyDone | Request::CopyFail(_) => {
            backend
                .fail(ServerError::new(Severity::Error, SqlState::SYNTAX_ERROR, "there is no COPY"), out)?;
        }
    }
    Ok(())
}

/// What drivers say by themselves is done; all else is a question.
fn understand(sql: &str) -> Answer {
    let known = [
        ("begin", "BEGIN", TransactionStatus::InTransaction),
        ("start", "START TRANSACTION", TransactionStatus::InTransaction),
        ("commit", "COMMIT", TransactionStatus::Idle),
        ("rollback", "ROLLBACK", TransactionStatus::Idle),
        ("set", "SET", TransactionStatus::Idle),
        ("reset", "RESET", TransactionStatus::Idle),
        ("discard", "DISCARD ALL", TransactionStatus::Idle),
        ("deallocate", "DEALLOCATE", TransactionStatus::Idle),
    ];
    let found = known.into_iter().find(|(word, ..)| sql.trim_start().starts_with(word));
    found.map_or(Answer::Row, |(_, tag, status)| Answer::Tag(tag, status))
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
