//! A PostgreSQL server over one table in memory, `items (id int8, name text)`. It takes the texts below to the letter
//! and refuses all others with 42601. COPY knows no escapes. There is one portal, and it has no row limit.

use std::sync::{Arc, Mutex};
use std::{collections::HashMap, error::Error, fs::File, io, io::Read, mem};

use molt_db_protocol::auth::scram::{Offer, ScramServer, Verifier};
use molt_db_protocol::client::Received;
use molt_db_protocol::message::{BackendMessage as Answer, FrontendMessage as Request, *};
use molt_db_protocol::server::{Arrival, Reception, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// A text, the types of its parameters, and the names of its columns.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Command(&'static str, &'static [u32], &'static [&'static str]);

const LIST: Command = Command("select id, name from items order by id", &[], &["id", "name"]);
const FIND: Command = Command("select name from items where id = $1", &[20], &["name"]);
const INSERT: Command = Command("insert into items values ($1, $2)", &[20, 25], &[]);
const COPY_IN: Command = Command("copy items from stdin", &[], &[]);
const COPY_OUT: Command = Command("copy items to stdout", &[], &[]);
/// Remarks that it sleeps, and does so until it is cancelled.
const SLEEP: Command = Command("select sleep()", &[], &["sleep"]);

type Failure = Box<dyn Error + Send + Sync>;

/// Serves all who come to `listener` and know the password of `verifier`. They see one table, which is empty at first.
///
/// # Errors
///
/// The listener accepts no more. Whatever ends a connection concerns nobody else.
pub async fn serve(listener: TcpListener, verifier: Verifier) -> io::Result<()> {
    let backend = Backend { verifier, items: Mutex::default(), cancels: broadcast::Sender::new(64) };
    let backend = Arc::new(backend);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(Arc::clone(&backend).receive(stream));
    }
}

struct Backend {
    verifier: Verifier,
    items: Mutex<Vec<(i64, String)>>,
    cancels: broadcast::Sender<CancelKey>,
}

impl Backend {
    /// Takes a client to its session, and through it.
    async fn receive(self: Arc<Self>, mut stream: TcpStream) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let (mut door, mut input, mut out) = (Reception::default(), Vec::new(), Vec::new());
        let mut scram = None;
        let session = loop {
            let (consumed, arrival) = match door.receive(&input, &mut out)? {
                Received::Event { consumed, event } => (consumed, Some(event)),
                Received::Partial { consumed, .. } => (consumed, None),
            };
            match arrival {
                None => exchange(&mut stream, &mut input, &mut out).await?,
                Some(Arrival::Ssl) => door.answer_ssl(SslAnswer::Unwilling, &mut out)?,
                Some(Arrival::Cancel(key)) => {
                    // Nobody sleeps: nothing to cancel.
                    let _ = self.cancels.send(key);
                    return Ok(());
                }
                Some(Arrival::Startup(_)) => {
                    let offer = SaslMechanisms::parse(b"SCRAM-SHA-256\0\0")?;
                    door.ask(Authentication::Sasl(offer), &mut out)?;
                }
                Some(Arrival::Answer(PasswordMessage::SaslInitial { mechanism, response })) => {
                    let server = ScramServer::new(self.verifier.clone(), Offer::Plain);
                    let (first, next) =
                        server.challenge(mechanism, response.unwrap_or_default(), &random()?)?;
                    door.ask(Authentication::SaslContinue(&first), &mut out)?;
                    scram = Some(next);
                }
                Some(Arrival::Answer(PasswordMessage::SaslResponse(proof))) => {
                    let Ok(last) = scram.take().ok_or("no challenge")?.check(proof) else {
                        door.refuse(
                            report(Severity::Fatal, "28P01", "password authentication failed"),
                            &mut out,
                        )?;
                        return Ok(stream.write_all(&out).await?);
                    };
                    door.ask(Authentication::SaslFinal(&last), &mut out)?;
                    input.drain(..consumed);
                    break door.admit(&mut out)?;
                }
                Some(_) => return Err("no such way in".into()),
            }
            input.drain(..consumed);
        };
        let key = CancelKey::parse(&random::<8>()?)?;
        let (statements, command, item, formats, copied) = Default::default();
        let backend = self;
        Conversation { backend, session, stream, out, key, statements, command, item, formats, copied }
            .run(input)
            .await
    }
}

/// A session with its statements, what its portal holds, and what of a copy has come.
struct Conversation {
    backend: Arc<Backend>,
    session: Session,
    stream: TcpStream,
    out: Vec<u8>,
    key: CancelKey,
    statements: HashMap<String, Command>,
    command: Command,
    item: (i64, String),
    formats: [WireFormat; 2],
    copied: Vec<u8>,
}

impl Conversation {
    async fn run(mut self, mut input: Vec<u8>) -> Result<(), Failure> {
        self.send(Answer::ParameterStatus(ParameterStatus { name: "client_encoding", value: "UTF8" }))?;
        self.send(Answer::BackendKeyData(self.key.clone()))?;
        while !self.session.is_over() {
            // It is refused wherever it is not due.
            let _ = self.send(Answer::ReadyForQuery(TransactionStatus::Idle));
            let consumed = match self.session.receive(&input)? {
                Received::Partial { consumed, .. } => {
                    exchange(&mut self.stream, &mut input, &mut self.out).await.map(|()| consumed)?
                }
                Received::Event { consumed, event } => {
                    if let Err(failure) = self.answer(event).await {
                        self.send(Answer::ErrorResponse(*failure.downcast()?))?;
                    }
                    consumed
                }
            };
            input.drain(..consumed);
        }
        Ok(())
    }

    async fn answer(&mut self, request: Request<'_>) -> Result<(), Failure> {
        match request {
            Request::Query(sql) => {
                (self.command, self.formats) = (known(sql)?, Default::default());
                if !self.command.2.is_empty() {
                    self.send(columns(self.command, self.formats))?;
                }
                self.execute().await
            }
            Request::Parse(parse) => {
                self.statements.insert(parse.name.to_owned(), known(parse.sql)?);
                self.send(Answer::ParseComplete)
            }
            Request::Bind(bind) => {
                self.command = self.statement(bind.statement)?;
                self.item = item(self.command, &bind).ok_or_else(|| refused("22023", "wrong parameters"))?;
                self.formats = [bind.results.of(0), bind.results.of(1)];
                self.send(Answer::BindComplete)
            }
            Request::Describe(Target::Statement(name)) => {
                let command = self.statement(name)?;
                self.send(Answer::ParameterDescription(command.1.into()))?;
                self.send(columns(command, Default::default()))
            }
            Request::Describe(Target::Portal(_)) => self.send(columns(self.command, self.formats)),
            Request::Execute(_) => self.execute().await,
            Request::Close(target) => {
                self.statements.retain(|name, _| target != Target::Statement(name));
                self.send(Answer::CloseComplete)
            }
            Request::CopyData(data) => {
                self.copied.extend_from_slice(data);
                Ok(())
            }
            Request::CopyDone => {
                let items =
                    copied(&mem::take(&mut self.copied)).ok_or_else(|| refused("22P04", "no item"))?;
                self.insert("COPY", items)
            }
            Request::CopyFail(_) => Err(refused("57014", "the client gave up")),
            Request::Sync | Request::Flush | Request::Terminate => Ok(()),
            Request::FunctionCall(_) | Request::Password(_) => Err(refused("0A000", "no functions")),
        }
    }

    async fn execute(&mut self) -> Result<(), Failure> {
        let copy = CopyResponse { format: WireFormat::Text, columns: Formats::new(&[0; 4])? };
        let mut items = self.backend.items.lock().unwrap().clone();
        items.sort();
        match self.command {
            INSERT => {
                let item = mem::take(&mut self.item);
                return self.insert("INSERT 0", vec![item]);
            }
            COPY_IN => {
                self.copied.clear();
                return self.send(Answer::CopyInResponse(copy));
            }
            COPY_OUT => {
                self.send(Answer::CopyOutResponse(copy))?;
                for (id, name) in &items {
                    self.send(Answer::CopyData(format!("{id}\t{name}\n").as_bytes()))?;
                }
                self.send(Answer::CopyDone)?;
            }
            SLEEP => {
                let mut cancels = self.backend.cancels.subscribe();
                self.send(Answer::NoticeResponse(report(Severity::Notice, "00000", "asleep")))?;
                self.stream.write_all(&mem::take(&mut self.out)).await?;
                while cancels.recv().await.as_ref() != Ok(&self.key) {}
                return Err(refused("57014", "canceling statement due to user request"));
            }
            _ => {
                items.retain(|item| self.command == LIST || item.0 == self.item.0);
                items.iter().try_for_each(|item| self.row(item))?;
            }
        }
        self.complete(if self.command == COPY_OUT { "COPY" } else { "SELECT" }, items.len())
    }

    fn insert(&mut self, verb: &str, items: Vec<(i64, String)>) -> Result<(), Failure> {
        let count = items.len();
        self.backend.items.lock().unwrap().extend(items);
        self.complete(verb, count)
    }

    fn complete(&mut self, verb: &str, count: usize) -> Result<(), Failure> {
        self.send(Answer::CommandComplete(CommandTag::new(&format!("{verb} {count}"))))
    }

    fn row(&mut self, (id, name): &(i64, String)) -> Result<(), Failure> {
        let id = match self.formats[0] {
            WireFormat::Text => id.to_string().into_bytes(),
            WireFormat::Binary => id.to_be_bytes().to_vec(),
        };
        let (both, mut message) = ([Some(&id[..]), Some(name.as_bytes())], Vec::new());
        data_row(both.into_iter().skip(2 - self.command.2.len()), &mut message)?;
        self.send(Answer::DataRow(Values::parse(&message[5..])?))
    }

    fn statement(&self, name: &str) -> Result<Command, Failure> {
        self.statements.get(name).copied().ok_or_else(|| refused("26000", "no such statement"))
    }

    fn send(&mut self, message: Answer<'_>) -> Result<(), Failure> {
        Ok(self.session.send(&message, &mut self.out)?)
    }
}

/// Sends what is written, and waits for more.
async fn exchange(stream: &mut TcpStream, input: &mut Vec<u8>, out: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(&mem::take(out)).await?;
    let length = stream.read_buf(input).await?;
    if length == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn known(sql: &[u8]) -> Result<Command, Failure> {
    let known = [LIST, FIND, INSERT, COPY_IN, COPY_OUT, SLEEP].into_iter();
    known.into_iter().find(|known| known.0.as_bytes() == sql).ok_or_else(|| refused("42601", "not known"))
}

fn columns(command: Command, formats: [WireFormat; 2]) -> Answer<'static> {
    let fields = command.2.iter().zip(formats).map(|(name, format)| {
        let (name, type_oid) = ((*name).to_owned(), if *name == "id" { 20 } else { 25 });
        FieldDescription { name, table: 0, attribute: 0, type_oid, type_size: -1, type_modifier: -1, format }
    });
    if fields.len() == 0 { Answer::NoData } else { Answer::RowDescription(fields.collect()) }
}

/// Reads the parameters, which are an item or the beginning of one.
fn item(command: Command, bind: &BindMessage<'_>) -> Option<(i64, String)> {
    let values: Vec<_> = bind.values.iter().map(Option::unwrap_or_default).collect();
    let id = match (values.first(), bind.formats.of(0)) {
        (None, _) => 0,
        (Some(id), WireFormat::Binary) => i64::from_be_bytes((*id).try_into().ok()?),
        (Some(id), WireFormat::Text) => str::from_utf8(id).ok()?.parse().ok()?,
    };
    let name = str::from_utf8(values.get(1).unwrap_or(&&b""[..])).ok()?;
    (values.len() == command.1.len()).then(|| (id, name.to_owned()))
}

fn copied(text: &[u8]) -> Option<Vec<(i64, String)>> {
    let lines = str::from_utf8(text).ok()?.lines().map(|line| line.split_once('\t'));
    lines.map(|line| Some((line?.0.parse().ok()?, line?.1.to_owned()))).collect()
}

fn refused(code: &str, text: &str) -> Failure {
    report(Severity::Error, code, text).into()
}

fn report(severity: Severity, code: &str, text: &str) -> ServerError {
    let code = SqlState::new(code).unwrap_or(SqlState::INTERNAL_ERROR);
    ServerError::builder(severity, code, text).expect("no text of ours holds a NUL").build()
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes).map(|()| bytes)
}
