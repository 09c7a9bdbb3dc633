//! A server in memory, over one table of which only the number of rows is kept. It knows the texts of `table/` and those
//! of transactions, and refuses all others.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use molt_db::protocol::message::{
    BackendMessage, CancelKey, FieldDescription, Notification, ParameterStatus, ServerError, Severity,
    SqlState, TransactionStatus, WireFormat,
};
use molt_db::protocol::server::{Arrival, Backend, Portal, Reception, Request, Segment, Statement};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::table::{QUICK, SLOW};

/// A server. Its clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    rows: AtomicI64,
    /// The latest request to cancel.
    cancels: watch::Sender<Option<CancelKey>>,
    /// How often all sessions were ended.
    ends: watch::Sender<u32>,
    /// How often those who listen were notified.
    news: watch::Sender<u32>,
    sessions: Mutex<Sessions>,
    number: AtomicU32,
}

#[derive(Default)]
struct Sessions {
    open: i64,
    running: i64,
}

impl Memory {
    /// Opens a stream to it.
    pub(crate) fn dial(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 << 10);
        let shared = Arc::clone(&self.shared);
        // How a session ends concerns nobody else.
        tokio::spawn(async move { drop(shared.receive(theirs).await) });
        ours
    }

    /// Returns how many sessions there are.
    pub(crate) fn open(&self) -> i64 {
        self.shared.sessions.lock().unwrap().open
    }

    /// Returns how many of them run something.
    pub(crate) fn running(&self) -> i64 {
        self.shared.sessions.lock().unwrap().running
    }

    /// Sends a notification to all who listen.
    pub(crate) fn notify(&self) {
        self.shared.news.send_modify(|news| *news += 1);
    }

    /// Ends the sessions that run something.
    pub(crate) fn end_all(&self) {
        self.shared.ends.send_modify(|ends| *ends += 1);
    }
}

/// What a text means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    Insert,
    SleepAndInsert,
    Number,
    Find,
    Count,
    Delete,
    Divide,
    Listen,
    Unlisten,
    Notify,
    /// A step of a reset.
    Reset,
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

/// Ids that are left of a portal.
type Cursor = Vec<i32>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Shared {
    async fn receive(self: Arc<Self>, mut stream: DuplexStream) -> Result<(), Failure> {
        let (mut door, mut input, mut out) = (Reception::default(), Vec::new(), Vec::new());
        loop {
            let (consumed, arrival) = door.receive(&input, &mut out)?.into_parts();
            let is_startup = matches!(arrival, Some(Arrival::Startup(_)));
            match arrival {
                None => exchange(&mut stream, &mut input, &mut out).await?,
                Some(Arrival::Cancel(key)) => {
                    self.cancels.send_replace(Some(key));
                    return Ok(());
                }
                Some(_) => {}
            }
            input.drain(..consumed);
            if is_startup {
                break;
            }
        }
        let number = self.number.fetch_add(1, Ordering::SeqCst);
        let key = CancelKey::parse(&[number.to_be_bytes(), *b"word"].concat())?;
        let encoding = ParameterStatus { name: "client_encoding", value: "UTF8" };
        let backend = Backend::open(door.admit(&mut out)?, &[encoding], Some(key.clone()), &mut out)?;
        self.sessions.lock().unwrap().open += 1;
        let (stored, savepoints, news) = (0, Vec::new(), None);
        let mut visit = Visit { shared: self, backend, stream, out, key, stored, savepoints, news };
        let ended = visit.serve(&mut input).await;
        visit.shared.sessions.lock().unwrap().open -= 1;
        ended
    }
}

/// A session.
struct Visit {
    shared: Arc<Shared>,
    backend: Backend<Plan, Cursor>,
    stream: DuplexStream,
    out: Vec<u8>,
    key: CancelKey,
    /// Rows that are not committed yet.
    stored: i64,
    /// How many there were at each.
    savepoints: Vec<(String, i64)>,
    /// Of one that listens.
    news: Option<watch::Receiver<u32>>,
}

impl Visit {
    async fn serve(&mut self, input: &mut Vec<u8>) -> Result<(), Failure> {
        while !self.backend.is_over() {
            let (consumed, request) = self.backend.receive(input, &mut self.out)?.into_parts();
            let answered = match request {
                None => self.exchange(input).await,
                Some(request) => self.answer(request).await,
            };
            if let Err(failure) = answered {
                self.backend.fail(*failure.downcast::<ServerError>()?, &mut self.out)?;
            }
            input.drain(..consumed);
        }
        Ok(())
    }

    async fn answer(&mut self, request: Request<'_, Plan, Cursor>) -> Result<(), Failure> {
        match request {
            Request::Prepare { sql, .. } => {
                let plans = understand(str::from_utf8(sql)?)?;
                for plan in &plans {
                    self.check(plan)?;
                }
                Ok(self.backend.prepared(plans.into_iter().map(describe), &mut self.out)?)
            }
            Request::Run { portal, cursor: Some(ids) } => self.list(&portal, ids),
            Request::Run { portal, cursor: None } => self.run(&portal).await,
            Request::End(segment) => {
                if self.backend.status() == TransactionStatus::Idle {
                    self.end(segment);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sends what is written, and waits for more. Meanwhile there may be news.
    async fn exchange(&mut self, input: &mut Vec<u8>) -> Result<(), Failure> {
        self.stream.write_all(&std::mem::take(&mut self.out)).await?;
        let Some(news) = &mut self.news else {
            return exchange(&mut self.stream, input, &mut self.out).await;
        };
        tokio::select! {
            biased;
            _ = news.changed() => {
                let notification = Notification { process: 7, channel: "drops", payload: "news" };
                Ok(self.backend.send(&BackendMessage::NotificationResponse(notification), &mut self.out)?)
            }
            more = exchange(&mut self.stream, input, &mut self.out) => more,
        }
    }

    /// In a transaction that has failed nothing but its end is taken.
    fn check(&self, plan: &Plan) -> Result<(), Failure> {
        let is_end = matches!(plan, Plan::Commit | Plan::Rollback | Plan::RollbackTo(_));
        if self.backend.status() == TransactionStatus::Failed && !is_end {
            return Err(error("25P02", "it has failed"));
        }
        Ok(())
    }

    async fn run(&mut self, portal: &Portal<Plan>) -> Result<(), Failure> {
        let plan = &portal.statement().plan;
        self.check(plan)?;
        match plan {
            Plan::Insert => {
                self.stored += 3;
                self.list(portal, vec![1, 2, 3])
            }
            Plan::SleepAndInsert => {
                self.sleep().await?;
                self.stored += 3;
                self.list(portal, vec![1, 2, 3])
            }
            Plan::Number => {
                let number = portal.parameters().next().and_then(|parameter| parameter.value);
                self.backend.row(&[number], &mut self.out)?;
                Ok(self.backend.complete("SELECT 1", &mut self.out)?)
            }
            Plan::Count => {
                let count = self.shared.rows.load(Ordering::SeqCst) + self.stored;
                self.backend.row(&[Some(&count.to_be_bytes())], &mut self.out)?;
                Ok(self.backend.complete("SELECT 1", &mut self.out)?)
            }
            Plan::Listen | Plan::Unlisten => {
                self.news = (*plan == Plan::Listen).then(|| self.shared.news.subscribe());
                Ok(self
                    .backend
                    .complete(if self.news.is_some() { "LISTEN" } else { "UNLISTEN" }, &mut self.out)?)
            }
            Plan::Notify => {
                self.backend.row(&[Some(b"")], &mut self.out)?;
                Ok(self.backend.complete("SELECT 1", &mut self.out)?)
            }
            Plan::Reset => Ok(self.backend.complete("RESET", &mut self.out)?),
            Plan::Find => Ok(self.backend.complete("SELECT 0", &mut self.out)?),
            Plan::Divide => Err(error("22012", "by zero")),
            Plan::Delete => {
                self.shared.rows.store(0, Ordering::SeqCst);
                Ok(self.backend.complete("DELETE 0", &mut self.out)?)
            }
            of_transaction => {
                let tag = self.step(of_transaction)?;
                Ok(self.backend.complete(tag, &mut self.out)?)
            }
        }
    }

    /// Runs what a transaction is made of, and returns its tag.
    fn step(&mut self, plan: &Plan) -> Result<&'static str, Failure> {
        let status = self.backend.status();
        match plan {
            Plan::Begin => {
                self.backend.set_status(TransactionStatus::InTransaction);
                Ok("BEGIN")
            }
            Plan::Commit if status == TransactionStatus::InTransaction => {
                self.end(Segment::Whole);
                Ok("COMMIT")
            }
            Plan::Savepoint(name) => {
                self.savepoints.push((name.clone(), self.stored));
                Ok("SAVEPOINT")
            }
            Plan::Release(name) => {
                let place = self.find(name)?;
                self.savepoints.truncate(place);
                Ok("RELEASE")
            }
            Plan::RollbackTo(name) => {
                let place = self.find(name)?;
                self.stored = self.savepoints[place].1;
                self.savepoints.truncate(place + 1);
                self.backend.set_status(TransactionStatus::InTransaction);
                Ok("ROLLBACK")
            }
            _ => {
                self.end(Segment::Failed);
                Ok("ROLLBACK")
            }
        }
    }

    fn find(&self, name: &str) -> Result<usize, Failure> {
        let found = self.savepoints.iter().rposition(|(known, _)| known == name);
        found.ok_or_else(|| error("3B001", "no such savepoint"))
    }

    /// Ends the transaction.
    fn end(&mut self, how: Segment) {
        if how == Segment::Whole {
            self.shared.rows.fetch_add(self.stored, Ordering::SeqCst);
        }
        self.stored = 0;
        self.savepoints.clear();
        self.backend.set_status(TransactionStatus::Idle);
    }

    /// Sleeps for a minute, or until it is cancelled. As in PostgreSQL, it does not notice that its client has gone.
    async fn sleep(&mut self) -> Result<(), Failure> {
        let (mut cancels, mut ends) = (self.shared.cancels.subscribe(), self.shared.ends.subscribe());
        self.stream.write_all(&std::mem::take(&mut self.out)).await?;
        self.shared.sessions.lock().unwrap().running += 1;
        let cancelled = async {
            while cancels.changed().await.is_ok() && cancels.borrow_and_update().as_ref() != Some(&self.key) {
            }
        };
        let outcome = tokio::select! {
            () = cancelled => Err(error("57014", "canceled at the client's request")),
            _ = ends.changed() => Err("the session was ended".into()),
            () = sleep(Duration::from_secs(60)) => Ok(()),
        };
        self.shared.sessions.lock().unwrap().running -= 1;
        outcome
    }

    fn list(&mut self, portal: &Portal<Plan>, ids: Cursor) -> Result<(), Failure> {
        let is_binary = portal.formats().next() == Some(WireFormat::Binary);
        let mut ids = ids.into_iter();
        while let Some(id) = ids.next() {
            let id = if is_binary { id.to_be_bytes().to_vec() } else { id.to_string().into_bytes() };
            self.backend.row(&[Some(&id), Some(b"of the old")], &mut self.out)?;
            if self.backend.is_full() {
                return Ok(self.backend.suspend(ids.collect(), &mut self.out)?);
            }
        }
        Ok(self.backend.complete(&format!("INSERT 0 {}", self.backend.rows()), &mut self.out)?)
    }
}

/// Sends what is written, and waits for more.
async fn exchange(stream: &mut DuplexStream, input: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Failure> {
    stream.write_all(&std::mem::take(out)).await?;
    match stream.read_buf(input).await? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        _ => Ok(()),
    }
}

fn understand(text: &str) -> Result<Vec<Plan>, Failure> {
    text.split(';').filter(|text| !text.is_empty()).map(|text| understand_one(text.trim())).collect()
}

fn understand_one(text: &str) -> Result<Plan, Failure> {
    let behind = |beginning: &str| text.strip_prefix(beginning).map(str::to_owned);
    if let Some(name) = behind("SAVEPOINT ") {
        return Ok(Plan::Savepoint(name));
    }
    if let Some(name) = behind("RELEASE SAVEPOINT ") {
        return Ok(Plan::Release(name));
    }
    if let Some(name) = behind("ROLLBACK TO SAVEPOINT ") {
        return Ok(Plan::RollbackTo(name));
    }
    Ok(match text {
        QUICK => Plan::Insert,
        SLOW => Plan::SleepAndInsert,
        "select $1::int4" => Plan::Number,
        "select id, name from drops where id = $1" => Plan::Find,
        "select count(*) from drops" => Plan::Count,
        "delete from drops" => Plan::Delete,
        "select 1 / 0" => Plan::Divide,
        "LISTEN \"drops\"" => Plan::Listen,
        "UNLISTEN \"drops\"" | "UNLISTEN *" => Plan::Unlisten,
        "select pg_catalog.pg_notify($1, $2)" => Plan::Notify,
        "SET SESSION AUTHORIZATION DEFAULT"
        | "RESET ALL"
        | "CLOSE ALL"
        | "DISCARD SEQUENCES"
        | "DISCARD TEMP"
        | "SELECT pg_advisory_unlock_all()" => Plan::Reset,
        "BEGIN" => Plan::Begin,
        "COMMIT" => Plan::Commit,
        "ROLLBACK" => Plan::Rollback,
        _ => return Err(error("42601", &format!("not known: {text}"))),
    })
}

fn describe(plan: Plan) -> Statement<Plan> {
    let (int4, int8, text, void) = (23, 20, 25, 2278);
    let columns: Option<&[(&str, u32)]> = match plan {
        Plan::Insert | Plan::SleepAndInsert | Plan::Find => Some(&[("id", int4), ("name", text)]),
        Plan::Number | Plan::Divide => Some(&[("number", int4)]),
        Plan::Count => Some(&[("count", int8)]),
        Plan::Notify => Some(&[("pg_notify", void)]),
        _ => None,
    };
    let columns =
        columns.map(|columns| columns.iter().map(|(name, oid)| FieldDescription::new(*name, *oid)).collect());
    let parameters = match plan {
        Plan::Number | Plan::Find => vec![int4],
        Plan::Notify => vec![text, text],
        _ => Vec::new(),
    };
    Statement { plan, parameters, columns }
}

fn error(code: &str, text: &str) -> Failure {
    let code = SqlState::new(code).expect("five characters");
    ServerError::new(Severity::Error, code, text).into()
}
