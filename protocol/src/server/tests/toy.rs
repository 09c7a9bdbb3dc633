//! A server of a dozen commands on a [`Backend`], and what it says in the notation of the measured transcripts.

use std::ops::Range;

use super::admitted;
use crate::client::Received;
use crate::message::{
    BackendMessage, FieldDescription, ServerError, Severity, SqlState, TransactionStatus, WireFormat,
};
use crate::server::{Backend, Portal, Quota, Request, RequestError, Segment, SendError, Statement};
use crate::wire::{Framed, Limits, Phase, frame};

/// Counts what was inserted; all else is made up.
pub(super) struct Toy {
    pub(super) backend: Backend<Plan, Range<u64>>,
    arrived: Vec<u8>,
    pub(super) out: Vec<u8>,
    /// Rows that are kept, and those of the open transaction.
    stored: u64,
    pending: u64,
    copied: u64,
    /// The end of the transaction will fail.
    deferred: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// `rows n`: the numbers from 1.
    Rows(u64),
    /// `returning n`: likewise, of an INSERT.
    Returning(u64),
    /// `nothing`: a row without columns.
    Nothing,
    /// `echo n`: as many parameters, as text.
    Echo(usize),
    Insert,
    Stored,
    Begin,
    Commit,
    Rollback,
    /// `boom n`: an error after so many rows.
    Boom(u64),
    CopyIn,
    /// `copyout n`: as many lines.
    CopyOut(u64),
    /// `copyboom n`: likewise, and an error.
    CopyBoom(u64),
    /// Makes the end of its transaction fail.
    Defer,
}

impl Toy {
    pub(super) fn new(quota: Quota) -> Self {
        let backend = Backend::open(admitted(), &[], None, &mut Vec::new()).unwrap().with_quota(quota);
        Self::on(backend)
    }

    pub(super) fn on(backend: Backend<Plan, Range<u64>>) -> Self {
        let (arrived, out) = (Vec::new(), Vec::new());
        Self { backend, arrived, out, stored: 0, pending: 0, copied: 0, deferred: false }
    }

    /// Takes more input and returns what it says to it.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<Vec<u8>, RequestError> {
        let mut arrived = std::mem::take(&mut self.arrived);
        arrived.extend_from_slice(input);
        loop {
            match self.backend.receive(&arrived, &mut self.out)? {
                Received::Partial { consumed, needed } => {
                    assert!(consumed + needed > arrived.len(), "asked for what is there");
                    arrived.drain(..consumed);
                    self.arrived = arrived;
                    return Ok(std::mem::take(&mut self.out));
                }
                Received::Event { consumed, event } => {
                    self.answer(event).unwrap();
                    arrived.drain(..consumed);
                }
            }
        }
    }

    fn answer(&mut self, request: Request<'_, Plan, Range<u64>>) -> Result<(), SendError> {
        match request {
            Request::Prepare { sql, .. } => match self.understand(sql) {
                Ok(statements) => self.backend.prepared(statements, &mut self.out),
                Err(code) => self.fail(code.as_str()),
            },
            Request::Run { portal, cursor } => self.run(&portal, cursor),
            Request::CopyData(data) if data.starts_with(b"bad") => self.fail("22P04"),
            Request::CopyData(data) => {
                self.copied += data.iter().filter(|byte| **byte == b'\n').count() as u64;
                Ok(())
            }
            Request::CopyDone => self.complete(&format!("COPY {}", self.copied)),
            Request::CopyFail(_) => self.fail("57014"),
            Request::End(segment) => self.end(segment),
            Request::Terminate => Ok(()),
        }
    }

    fn understand(&self, sql: &[u8]) -> Result<Vec<Statement<Plan>>, SqlState> {
        let texts = str::from_utf8(sql).unwrap().split(';').map(str::trim).filter(|text| !text.is_empty());
        let statements: Option<Vec<_>> = texts.map(statement).collect();
        let statements = statements.ok_or(SqlState::SYNTAX_ERROR)?;
        let ends = |statement: &Statement<Plan>| matches!(statement.plan, Plan::Commit | Plan::Rollback);
        if self.backend.status() == TransactionStatus::Failed && !statements.iter().all(ends) {
            return Err(SqlState::IN_FAILED_SQL_TRANSACTION);
        }
        Ok(statements)
    }

    fn run(&mut self, portal: &Portal<Plan>, cursor: Option<Range<u64>>) -> Result<(), SendError> {
        match portal.statement().plan {
            Plan::Rows(count) => self.rows(cursor.unwrap_or(1..count + 1), "SELECT"),
            Plan::Returning(count) => self.rows(cursor.unwrap_or(1..count + 1), "INSERT 0"),
            Plan::Nothing => {
                self.backend.row(&[], &mut self.out)?;
                self.complete("SELECT 1")
            }
            Plan::Echo(_) => {
                let values: Vec<_> = portal.parameters().map(|parameter| parameter.value).collect();
                self.backend.row(&values, &mut self.out)?;
                self.complete("SELECT 1")
            }
            Plan::Insert => {
                self.pending += 1;
                self.complete("INSERT 0 1")
            }
            Plan::Stored => {
                let stored = (self.stored + self.pending).to_string();
                self.backend.row(&[Some(stored.as_bytes())], &mut self.out)?;
                self.complete("SELECT 1")
            }
            Plan::Begin => self.transact("BEGIN"),
            Plan::Commit => self.transact("COMMIT"),
            Plan::Rollback => self.transact("ROLLBACK"),
            Plan::Boom(rows) => {
                for row in 1..=rows {
                    self.backend.row(&[Some(row.to_string().as_bytes())], &mut self.out)?;
                }
                self.fail(DIVISION_BY_ZERO)
            }
            Plan::CopyIn => {
                self.copied = 0;
                self.backend.copy_in(WireFormat::Text, 2, &mut self.out)
            }
            Plan::CopyOut(lines) => {
                self.copy_out(lines)?;
                self.backend.send(&BackendMessage::CopyDone, &mut self.out)?;
                self.complete(&format!("COPY {lines}"))
            }
            Plan::CopyBoom(lines) => {
                self.copy_out(lines)?;
                self.fail(DIVISION_BY_ZERO)
            }
            Plan::Defer => {
                self.deferred = true;
                self.complete("INSERT 0 1")
            }
        }
    }

    fn rows(&mut self, mut rows: Range<u64>, verb: &str) -> Result<(), SendError> {
        while let Some(row) = rows.next() {
            self.backend.row(&[Some(row.to_string().as_bytes())], &mut self.out)?;
            if self.backend.is_full() {
                return self.backend.suspend(rows, &mut self.out);
            }
        }
        self.complete(&format!("{verb} {}", self.backend.rows()))
    }

    fn copy_out(&mut self, lines: u64) -> Result<(), SendError> {
        self.backend.copy_out(WireFormat::Text, 1, &mut self.out)?;
        (1..=lines).try_for_each(|line| {
            let line = format!("{line}\n");
            self.backend.send(&BackendMessage::CopyData(line.as_bytes()), &mut self.out)
        })
    }

    fn transact(&mut self, verb: &str) -> Result<(), SendError> {
        let has_failed = self.backend.status() == TransactionStatus::Failed;
        let verb = if has_failed { "ROLLBACK" } else { verb };
        match verb {
            "BEGIN" => self.backend.set_status(TransactionStatus::InTransaction),
            _ => {
                self.settle(if verb == "COMMIT" { Segment::Whole } else { Segment::Failed });
                self.backend.set_status(TransactionStatus::Idle);
            }
        }
        self.complete(verb)
    }

    fn end(&mut self, segment: Segment) -> Result<(), SendError> {
        if self.backend.status() != TransactionStatus::Idle {
            return Ok(());
        }
        if std::mem::take(&mut self.deferred) && segment == Segment::Whole {
            self.settle(Segment::Failed);
            return self.fail(UNIQUE_VIOLATION);
        }
        self.settle(segment);
        Ok(())
    }

    fn settle(&mut self, segment: Segment) {
        let pending = std::mem::take(&mut self.pending);
        if segment == Segment::Whole {
            self.stored += pending;
        }
    }

    fn complete(&mut self, tag: &str) -> Result<(), SendError> {
        self.backend.complete(tag, &mut self.out)
    }

    fn fail(&mut self, code: &str) -> Result<(), SendError> {
        let code = SqlState::new(code).unwrap();
        self.backend.fail(ServerError::new(Severity::Error, code, "no"), &mut self.out)
    }
}

fn statement(text: &str) -> Option<Statement<Plan>> {
    let (verb, count) = text.split_once(' ').unwrap_or((text, "0"));
    let count: u64 = count.parse().ok()?;
    let plan = match verb {
        "rows" => Plan::Rows(count),
        "returning" => Plan::Returning(count),
        "nothing" => Plan::Nothing,
        "echo" => Plan::Echo(count.try_into().ok()?),
        "insert" => Plan::Insert,
        "stored" => Plan::Stored,
        "begin" => Plan::Begin,
        "commit" => Plan::Commit,
        "rollback" => Plan::Rollback,
        "boom" => Plan::Boom(count),
        "copyin" => Plan::CopyIn,
        "copyout" => Plan::CopyOut(count),
        "copyboom" => Plan::CopyBoom(count),
        "defer" => Plan::Defer,
        _ => return None,
    };
    let columns = match &plan {
        Plan::Rows(_) | Plan::Returning(_) | Plan::Boom(_) => Some(vec![FieldDescription::new("n", 23)]),
        Plan::Stored => Some(vec![FieldDescription::new("count", 20)]),
        Plan::Nothing => Some(Vec::new()),
        Plan::Echo(count) => Some((0..*count).map(|n| FieldDescription::new(format!("c{n}"), 25)).collect()),
        _ => None,
    };
    let parameters = if let Plan::Echo(count) = &plan { vec![25; *count] } else { Vec::new() };
    Some(Statement { plan, parameters, columns })
}

/// Writes messages down as the transcripts do.
pub(super) fn transcript(mut bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    while !bytes.is_empty() {
        let Ok(Framed::Whole(frame)) = frame(bytes, &Limits::BACKEND, Phase::Session) else {
            panic!("half a message: {bytes:?}")
        };
        words.push(word(&BackendMessage::parse(frame.tag, frame.body).unwrap()));
        bytes = &bytes[frame.size()..];
    }
    words.join(" ")
}

fn word(message: &BackendMessage<'_>) -> String {
    let list = |items: Vec<String>| items.join(",");
    match message {
        BackendMessage::BindComplete => "BindComplete".to_owned(),
        BackendMessage::CloseComplete => "CloseComplete".to_owned(),
        BackendMessage::CommandComplete(tag) => format!("CC[{tag}]"),
        BackendMessage::CopyData(data) => format!("CopyData({:?})", str::from_utf8(data).unwrap()),
        BackendMessage::CopyDone => "CopyDone".to_owned(),
        BackendMessage::CopyInResponse(copy) => {
            format!("CopyIn({},{})", copy.format.code(), copy.columns.len())
        }
        BackendMessage::CopyOutResponse(copy) => {
            format!("CopyOut({},{})", copy.format.code(), copy.columns.len())
        }
        BackendMessage::DataRow(values) => {
            let show = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or(b"NULL")).into_owned();
            format!("Row({})", list(values.iter().map(show).collect()))
        }
        BackendMessage::EmptyQueryResponse => "EmptyQuery".to_owned(),
        BackendMessage::ErrorResponse(error) => format!("Error[{}]", error.code()),
        BackendMessage::NoData => "NoData".to_owned(),
        BackendMessage::ParameterDescription(types) => {
            format!("ParamDesc({})", list(types.iter().map(u32::to_string).collect()))
        }
        BackendMessage::ParseComplete => "ParseComplete".to_owned(),
        BackendMessage::PortalSuspended => "Suspended".to_owned(),
        BackendMessage::ReadyForQuery(status) => format!("RFQ({})", char::from(status.code())),
        BackendMessage::RowDescription(fields) => {
            let show = |field: &FieldDescription| {
                let binary = if field.format == WireFormat::Binary { "b" } else { "" };
                format!("{}:{}{binary}", field.name, field.type_oid)
            };
            format!("RowDesc({})", list(fields.iter().map(show).collect()))
        }
        other => panic!("{other:?}"),
    }
}

/// Of what goes wrong in the middle.
const DIVISION_BY_ZERO: &str = "22012";
/// Of what goes wrong in the end.
const UNIQUE_VIOLATION: &str = "23505";
