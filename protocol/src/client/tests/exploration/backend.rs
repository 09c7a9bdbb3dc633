//! A server that may do at every turn whatever a real one might.

use std::collections::{BTreeMap, VecDeque};

use crate::client::Received;
use crate::message::{
    BackendMessage, CommandTag, CopyResponse, FrontendMessage, ServerError, Severity, SqlState, Target,
    TransactionStatus, Values,
};
use crate::server::{Reception, Session};

/// What it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// It takes up the next request that has arrived.
    Take,
    /// It answers the oldest request as asked, by one message or two.
    Answer,
    /// It sends a row.
    Row,
    /// It stops at the row limit.
    Suspend,
    /// It refuses the request.
    Fail,
    /// It says that it knows no such statement.
    Stale,
    /// It notices that it has been cancelled.
    Notice,
    /// It was idle when it was cancelled, and forgets about it.
    Forget,
    /// It ends the session.
    Die,
}

/// What it makes of a statement, by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Select,
    Sleep,
    CopyIn,
    CopyOut,
    CopyBoth,
    Begin,
    Rollback,
    /// ROLLBACK TO a savepoint that is not there.
    RollbackTo,
    Other,
}

#[derive(Debug, Clone)]
enum Request {
    Parse(String, String),
    Describe,
    Bind(String),
    Execute(i32),
    Close(String),
    Sync,
    Query(String),
}

/// Where a command is that takes more than one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Row,
    Copying,
    /// Both have copied; the server is done.
    Halfway,
    Complete,
}

#[derive(Debug, Clone)]
pub(super) struct Backend {
    session: Session,
    requests: VecDeque<Request>,
    statements: BTreeMap<String, String>,
    portal: Option<String>,
    progress: Progress,
    /// How the client has ended its copy.
    ended: Option<Result<(), ()>>,
    cancelled: bool,
    status: TransactionStatus,
}

impl Backend {
    pub(super) fn new(status: TransactionStatus) -> Self {
        let mut reception = Reception::default();
        let startup = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
        reception.receive(startup, &mut Vec::new()).unwrap();
        let mut session = reception.admit(&mut Vec::new()).unwrap();
        session.send(&BackendMessage::ReadyForQuery(status), &mut Vec::new()).unwrap();
        Self {
            session,
            requests: VecDeque::new(),
            statements: BTreeMap::new(),
            portal: None,
            progress: Progress::New,
            ended: None,
            cancelled: false,
            status,
        }
    }

    pub(super) fn status(&self) -> TransactionStatus {
        self.status
    }

    pub(super) fn set_status(&mut self, status: TransactionStatus) {
        self.status = status;
    }

    /// A CancelRequest for it has been taken.
    pub(super) fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.session.is_settled() && !self.cancelled
    }

    /// Returns what it may do. `harm` is whether it may fail where nothing is wrong.
    pub(super) fn moves(&self, input: &[u8], harm: bool) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.is_over() {
            return moves;
        }
        if has_message(input) {
            moves.push(Move::Take);
        }
        if let Some(request) = self.requests.front() {
            self.answers(request, harm, &mut moves);
        }
        if self.cancelled {
            moves.push(if self.requests.is_empty() { Move::Forget } else { Move::Notice });
        }
        if harm {
            moves.push(Move::Die);
        }
        moves
    }

    fn answers(&self, request: &Request, harm: bool, moves: &mut Vec<Move>) {
        let fails = !matches!(request, Request::Sync | Request::Close(_));
        match request {
            Request::Execute(_) | Request::Query(_) => {
                let (sql, max_rows) = self.running(request);
                self.run(kind(sql), max_rows, moves);
                if harm && self.progress != Progress::Complete {
                    moves.push(Move::Fail);
                }
                return;
            }
            Request::Close(_) => moves.push(Move::Answer),
            Request::Bind(name) if !self.statements.contains_key(name) => {
                moves.push(Move::Stale);
                return;
            }
            Request::Bind(_) if harm => moves.extend([Move::Answer, Move::Stale]),
            _ => moves.push(Move::Answer),
        }
        if harm && fails {
            moves.push(Move::Fail);
        }
    }

    fn run(&self, kind: Kind, max_rows: i32, moves: &mut Vec<Move>) {
        match (kind, self.progress) {
            (Kind::Sleep, Progress::New) => {}
            (Kind::RollbackTo, _) => moves.push(Move::Fail),
            (Kind::Select, Progress::New) => moves.extend([Move::Row, Move::Answer]),
            (Kind::Select, Progress::Row) if max_rows > 0 => moves.push(Move::Suspend),
            (Kind::CopyIn, Progress::Copying) if self.ended.is_none() => {}
            (Kind::CopyBoth, Progress::Halfway) if self.ended.is_none() => {}
            (Kind::CopyIn, Progress::Copying) if self.ended == Some(Err(())) => moves.push(Move::Fail),
            _ => moves.push(Move::Answer),
        }
    }

    fn running<'s>(&'s self, request: &'s Request) -> (&'s str, i32) {
        match request {
            Request::Query(sql) => (sql, 0),
            Request::Execute(max_rows) => (self.portal.as_deref().unwrap_or("other"), *max_rows),
            _ => ("other", 0),
        }
    }

    /// Makes a move. Returns how much of the input it has used.
    pub(super) fn make(&mut self, step: Move, input: &[u8], out: &mut Vec<u8>) -> usize {
        match step {
            Move::Take => return self.take(input, out),
            Move::Forget => self.cancelled = false,
            Move::Die => self.say(&error(Severity::Fatal, "57P01"), out),
            Move::Fail => self.fail("22012", out),
            Move::Stale => self.fail("26000", out),
            Move::Notice => {
                self.cancelled = false;
                self.fail("57014", out);
            }
            Move::Answer | Move::Row | Move::Suspend => self.answer(step, out),
        }
        0
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let (used, request) = match self.session.receive(input) {
            Ok(Received::Event { consumed, event }) => (consumed, own(&event)),
            Ok(Received::Partial { consumed, .. }) => (consumed, None),
            // PG source: copyfromparse.c: a command in the middle of a copy is the end of the session.
            Err(_) => {
                self.say(&error(Severity::Fatal, "08P01"), out);
                (input.len(), None)
            }
        };
        match request {
            Some(Taken::Request(request)) => self.requests.push_back(request),
            Some(Taken::Ended(how)) => self.ended = Some(how),
            None => {}
        }
        used
    }

    fn say(&mut self, message: &BackendMessage<'_>, out: &mut Vec<u8>) {
        self.session.send(message, out).expect("the model keeps the order");
    }

    fn fail(&mut self, code: &str, out: &mut Vec<u8>) {
        let simple = matches!(self.requests.front(), Some(Request::Query(_)));
        self.say(&error(Severity::Error, code), out);
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
        (self.progress, self.ended) = (Progress::New, None);
        if simple {
            self.requests.pop_front();
            self.ready(out);
        } else {
            while self.requests.front().is_some_and(|request| !matches!(request, Request::Sync)) {
                self.requests.pop_front();
            }
        }
    }

    /// Whatever was cancelled until here is forgotten: the next command is another.
    fn ready(&mut self, out: &mut Vec<u8>) {
        self.cancelled = false;
        self.say(&BackendMessage::ReadyForQuery(self.status), out);
    }

    fn answer(&mut self, step: Move, out: &mut Vec<u8>) {
        let Some(request) = self.requests.front().cloned() else { return };
        let message = match &request {
            Request::Parse(name, sql) => {
                self.statements.insert(name.clone(), sql.clone());
                BackendMessage::ParseComplete
            }
            Request::Describe => {
                self.say(&BackendMessage::ParameterDescription(Box::default()), out);
                BackendMessage::parse(crate::wire::Tag::RowDescription, COLUMN).unwrap()
            }
            Request::Bind(name) => {
                self.portal = self.statements.get(name).cloned();
                BackendMessage::BindComplete
            }
            Request::Close(name) => {
                self.statements.remove(name);
                BackendMessage::CloseComplete
            }
            Request::Sync => {
                self.requests.pop_front();
                return self.ready(out);
            }
            Request::Execute(_) | Request::Query(_) => return self.go_on(&request, step, out),
        };
        self.requests.pop_front();
        self.say(&message, out);
    }

    fn go_on(&mut self, request: &Request, step: Move, out: &mut Vec<u8>) {
        let simple = matches!(request, Request::Query(_));
        let sql = self.running(request).0.to_owned();
        let copy = CopyResponse::parse(b"\0\0\0").unwrap();
        match (kind(&sql), self.progress, step) {
            (Kind::Select, Progress::New, Move::Row) => {
                if simple {
                    let columns = BackendMessage::parse(crate::wire::Tag::RowDescription, COLUMN).unwrap();
                    self.say(&columns, out);
                }
                let value = value(&sql);
                self.say(&BackendMessage::DataRow(Values::parse(&value).unwrap()), out);
                self.progress = Progress::Row;
            }
            (Kind::CopyIn, Progress::New, _) => {
                self.say(&BackendMessage::CopyInResponse(copy), out);
                self.swallowed();
                self.progress = Progress::Copying;
            }
            (Kind::CopyOut, Progress::New, _) => {
                self.say(&BackendMessage::CopyOutResponse(copy), out);
                self.progress = Progress::Copying;
            }
            (Kind::CopyBoth, Progress::New, _) => {
                self.say(&BackendMessage::CopyBothResponse(copy), out);
                self.say(&BackendMessage::CopyData(sql.as_bytes()), out);
                self.progress = Progress::Copying;
            }
            (Kind::CopyOut, Progress::Copying, _) => {
                self.say(&BackendMessage::CopyData(sql.as_bytes()), out);
                self.say(&BackendMessage::CopyDone, out);
                self.progress = Progress::Halfway;
            }
            (Kind::CopyBoth, Progress::Copying, _) => {
                self.say(&BackendMessage::CopyDone, out);
                self.progress = Progress::Halfway;
            }
            (_, Progress::Complete, _) => self.end_script(out),
            (_, _, Move::Suspend) => {
                self.say(&BackendMessage::PortalSuspended, out);
                self.end_command();
            }
            (kind, _, _) => self.complete(kind, simple, out),
        }
    }

    fn complete(&mut self, kind: Kind, simple: bool, out: &mut Vec<u8>) {
        let (tag, status) = match kind {
            Kind::Begin => ("BEGIN", TransactionStatus::InTransaction),
            Kind::Rollback => ("ROLLBACK", TransactionStatus::Idle),
            _ => ("SELECT 1", self.status),
        };
        self.status = status;
        self.say(&BackendMessage::CommandComplete(CommandTag::new(tag)), out);
        if simple {
            (self.progress, self.ended) = (Progress::Complete, None);
        } else {
            self.end_command();
        }
    }

    fn end_command(&mut self) {
        self.requests.pop_front();
        (self.progress, self.ended) = (Progress::New, None);
    }

    fn end_script(&mut self, out: &mut Vec<u8>) {
        self.end_command();
        self.ready(out);
    }

    /// What was taken up behind a copy from the client was part of the copy.
    fn swallowed(&mut self) {
        self.requests.truncate(1);
    }
}

enum Taken {
    Request(Request),
    Ended(Result<(), ()>),
}

fn own(message: &FrontendMessage<'_>) -> Option<Taken> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Some(Taken::Request(match message {
        FrontendMessage::Parse(parse) => Request::Parse(parse.name.to_owned(), text(parse.sql)),
        FrontendMessage::Describe(_) => Request::Describe,
        FrontendMessage::Bind(bind) => Request::Bind(bind.statement.to_owned()),
        FrontendMessage::Execute(execute) => Request::Execute(execute.max_rows),
        FrontendMessage::Close(Target::Statement(name) | Target::Portal(name)) => {
            Request::Close((*name).to_owned())
        }
        FrontendMessage::Sync => Request::Sync,
        FrontendMessage::Query(sql) => Request::Query(text(sql)),
        FrontendMessage::CopyDone => return Some(Taken::Ended(Ok(()))),
        FrontendMessage::CopyFail(_) => return Some(Taken::Ended(Err(()))),
        FrontendMessage::Flush | FrontendMessage::CopyData(_) => return None,
        other => panic!("nobody sends {other:?}"),
    }))
}

fn has_message(input: &[u8]) -> bool {
    let Some((header, _)) = input.split_first_chunk::<5>() else { return false };
    let [_, length @ ..] = *header;
    input.len() > u32::from_be_bytes(length) as usize
}

fn kind(sql: &str) -> Kind {
    match sql.split(' ').next().unwrap_or_default() {
        "select" => Kind::Select,
        "sleep" => Kind::Sleep,
        "copy_in" => Kind::CopyIn,
        "copy_out" => Kind::CopyOut,
        "copy_both" => Kind::CopyBoth,
        "BEGIN" => Kind::Begin,
        "ROLLBACK" if sql.len() > "ROLLBACK".len() => Kind::RollbackTo,
        "ROLLBACK" => Kind::Rollback,
        _ => Kind::Other,
    }
}

/// A row that says which statement it is of.
fn value(sql: &str) -> Vec<u8> {
    let length = u32::try_from(sql.len()).unwrap();
    [&[0, 1][..], &length.to_be_bytes(), sql.as_bytes()].concat()
}

fn error(severity: Severity, code: &str) -> BackendMessage<'static> {
    let code = SqlState::new(code).unwrap();
    BackendMessage::ErrorResponse(ServerError::builder(severity, code, "no").unwrap().build())
}

const COLUMN: &[u8] = b"\0\x01c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
