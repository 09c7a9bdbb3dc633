//! A PostgreSQL server over one table in memory, `items (id int8, name text)`. It takes the texts below to the letter
//! and refuses all others with 42601. Every command is a transaction of its own. COPY knows no escapes.

use std::sync::{Arc, Mutex};
use std::{io, mem, vec};

use molt_db_protocol::{auth::scram::*, message::*, server::*};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// A text, the types of its parameters, and its columns with theirs.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Command(&'static str, &'static [u32], Option<&'static [(&'static str, u32)]>);

const LIST: Command =
    Command("select id, name from items order by id", &[], Some(&[("id", 20), ("name", 25)]));
const FIND: Command = Command("select name from items where id = $1", &[20], Some(&[("name", 25)]));
const INSERT: Command = Command("insert into items values ($1, $2)", &[20, 25], None);
const COPY_IN: Command = Command("copy items from stdin", &[], None);
const COPY_OUT: Command = Command("copy items to stdout", &[], None);
/// Remarks that it sleeps, and does so until it is cancelled.
const SLEEP: Command = Command("select sleep()", &[], Some(&[("sleep", 25)]));

type Items = vec::IntoIter<(i64, String)>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves all who come to `listener` and know the password of `verifier`. They see one table, which is empty at first.
///
/// # Errors
///
/// The listener accepts no more. Whatever ends a connection concerns nobody else.
pub async fn serve(listener: TcpListener, verifier: Verifier) -> io::Result<()> {
    let shop = Arc::new(Shop { verifier, items: Mutex::default(), cancels: broadcast::Sender::new(64) });
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(Arc::clone(&shop).receive(stream));
    }
}

struct Shop {
    verifier: Verifier,
    items: Mutex<Vec<(i64, String)>>,
    cancels: broadcast::Sender<CancelKey>,
}

impl Shop {
    /// Takes a client to its session, and through it.
    async fn receive(self: Arc<Self>, mut stream: TcpStream) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let (mut door, mut input, mut out) = (Reception::default(), Vec::new(), Vec::new());
        let mut is_proved = false;
        while !is_proved {
            let (consumed, arrival) = door.receive(&input, &mut out)?.into_parts();
            match arrival {
                None => exchange(&mut stream, &mut input, &mut out).await?,
                Some(Arrival::Ssl) => door.answer_ssl(SslAnswer::Unwilling, &mut out)?,
                Some(Arrival::Cancel(key)) => return Ok(self.cancels.send(key).map(drop)?),
                Some(Arrival::Startup(_)) => {
                    door.ask_scram(self.verifier.clone(), Offer::Plain, rand::random(), &mut out)?;
                }
                Some(Arrival::Proved) => is_proved = true,
                Some(_) => return Ok(stream.write_all(&out).await?),
            }
            input.drain(..consumed);
        }
        let key = CancelKey::parse(&rand::random::<[u8; 8]>())?;
        let encoding = ParameterStatus { name: "client_encoding", value: "UTF8" };
        let backend = Backend::open(door.admit(&mut out)?, &[encoding], Some(key.clone()), &mut out)?;
        let mut visit = Visit { shop: self, backend, stream, out, key, copied: Vec::new() };
        while !visit.backend.is_over() {
            let (consumed, request) = visit.backend.receive(&input, &mut visit.out)?.into_parts();
            let answered = match request {
                None => exchange(&mut visit.stream, &mut input, &mut visit.out).await,
                Some(request) => visit.answer(request).await,
            };
            if let Err(failure) = answered {
                visit.backend.fail(*failure.downcast()?, &mut visit.out)?;
            }
            input.drain(..consumed);
        }
        Ok(())
    }
}

/// A session, and what of a copy has come.
struct Visit {
    shop: Arc<Shop>,
    backend: Backend<Command, Items>,
    stream: TcpStream,
    out: Vec<u8>,
    key: CancelKey,
    copied: Vec<u8>,
}

impl Visit {
    async fn answer(&mut self, request: Request<'_, Command, Items>) -> Result<(), Failure> {
        match request {
            Request::Prepare { sql, .. } => self.backend.prepared([understand(sql)?], &mut self.out)?,
            Request::Run { portal, cursor: Some(items) } => self.list(&portal, items)?,
            Request::Run { portal, cursor: None } => self.execute(&portal).await?,
            Request::CopyData(data) => self.copied.extend_from_slice(data),
            Request::CopyDone => {
                let items = read_copy(&mem::take(&mut self.copied));
                let no_item = || error(SqlState::BAD_COPY_FILE_FORMAT, "no item");
                self.insert("COPY", items.ok_or_else(no_item)?)?;
            }
            Request::CopyFail(_) => return Err(error(SqlState::QUERY_CANCELED, "the client gave up")),
            Request::End(_) | Request::Terminate => {}
        }
        Ok(())
    }

    async fn execute(&mut self, portal: &Portal<Command>) -> Result<(), Failure> {
        let item = read_item(portal).ok_or_else(|| error(SqlState::INVALID_PARAMETER_VALUE, "no item"));
        self.copied.clear();
        let mut items = self.shop.items.lock().unwrap().clone();
        items.sort();
        match portal.statement().plan {
            LIST => self.list(portal, items.into_iter()),
            INSERT => self.insert("INSERT 0", vec![item?]),
            COPY_IN => Ok(self.backend.copy_in(WireFormat::Text, 2, &mut self.out)?),
            COPY_OUT => {
                let text: String = items.iter().map(|(id, name)| format!("{id}\t{name}\n")).collect();
                self.backend.copy_out(WireFormat::Text, 2, &mut self.out)?;
                self.backend.send(&BackendMessage::CopyData(text.as_bytes()), &mut self.out)?;
                self.backend.send(&BackendMessage::CopyDone, &mut self.out)?;
                Ok(self.backend.complete(&format!("COPY {}", items.len()), &mut self.out)?)
            }
            SLEEP => {
                let mut cancels = self.shop.cancels.subscribe();
                self.backend.notice("asleep", &mut self.out)?;
                self.stream.write_all(&mem::take(&mut self.out)).await?;
                while cancels.recv().await.as_ref() != Ok(&self.key) {}
                Err(error(SqlState::QUERY_CANCELED, "canceled at the client's request"))
            }
            _ => {
                let (wanted, _) = item?;
                items.retain(|(id, _)| *id == wanted);
                self.list(portal, items.into_iter())
            }
        }
    }

    fn list(&mut self, portal: &Portal<Command>, mut items: Items) -> Result<(), Failure> {
        let is_binary = portal.formats().next() == Some(WireFormat::Binary);
        while let Some((id, name)) = items.next() {
            let id = if is_binary { id.to_be_bytes().to_vec() } else { id.to_string().into_bytes() };
            let both = [Some(&id[..]), Some(name.as_bytes())];
            self.backend.row(&both[2 - portal.formats().count()..], &mut self.out)?;
            if self.backend.is_full() {
                return Ok(self.backend.suspend(items, &mut self.out)?);
            }
        }
        Ok(self.backend.complete(&format!("SELECT {}", self.backend.rows()), &mut self.out)?)
    }

    fn insert(&mut self, verb: &str, items: Vec<(i64, String)>) -> Result<(), Failure> {
        let tag = format!("{verb} {}", items.len());
        self.shop.items.lock().unwrap().extend(items);
        Ok(self.backend.complete(&tag, &mut self.out)?)
    }
}

/// Sends what is written, and waits for more.
async fn exchange(stream: &mut TcpStream, input: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Failure> {
    stream.write_all(&mem::take(out)).await?;
    let length = stream.read_buf(input).await?;
    if length == 0 { Err("the client is gone".into()) } else { Ok(()) }
}

fn understand(sql: &[u8]) -> Result<Statement<Command>, Failure> {
    let mut known = [LIST, FIND, INSERT, COPY_IN, COPY_OUT, SLEEP].into_iter();
    let found = known.find(|known| known.0.as_bytes() == sql);
    let plan = found.ok_or_else(|| error(SqlState::SYNTAX_ERROR, "not known"))?;
    let column = |(name, type_oid): &(&str, u32)| FieldDescription::new(*name, *type_oid);
    let columns = plan.2.map(|columns| columns.iter().map(column).collect());
    Ok(Statement { plan, parameters: plan.1.to_vec(), columns })
}

/// Reads the parameters, which are an item or the beginning of one.
fn read_item(portal: &Portal<Command>) -> Option<(i64, String)> {
    let mut parameters = portal.parameters();
    let id = match parameters.next()? {
        Parameter { format: WireFormat::Binary, value, .. } => i64::from_be_bytes(value?.try_into().ok()?),
        Parameter { value, .. } => str::from_utf8(value?).ok()?.parse().ok()?,
    };
    let name = parameters.next().map_or(Some(&[][..]), |name| name.value)?;
    Some((id, str::from_utf8(name).ok()?.to_owned()))
}

fn read_copy(text: &[u8]) -> Option<Vec<(i64, String)>> {
    let lines = str::from_utf8(text).ok()?.lines().map(|line| line.split_once('\t'));
    lines.map(|line| Some((line?.0.parse().ok()?, line?.1.to_owned()))).collect()
}

fn error(code: SqlState, text: &str) -> Failure {
    ServerError::new(Severity::Error, code, text).into()
}
