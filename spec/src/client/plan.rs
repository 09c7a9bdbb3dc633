//! What the server makes of a text.

use molt_db_protocol::message::{
    FieldDescription, ServerError, Severity, SqlState, TransactionStatus, WireFormat,
};
use molt_db_protocol::server::{Backend, Request, SendError, Statement};

use super::{Copying, Script};

/// What the server makes of a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan {
    /// One row.
    Row,
    /// Nothing until it is cancelled.
    Sleep,
    /// A COPY from the client.
    Copy,
    /// This tag, and this state of the transaction.
    Tag(&'static str, TransactionStatus),
}

/// What is left to do for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// To wait for a cancel request.
    Sleep,
}

pub(super) fn answer(
    backend: &mut Backend<Plan, ()>,
    request: Request<'_, Plan, ()>,
    script: &Script,
    out: &mut Vec<u8>,
) -> Result<Left, SendError> {
    match request {
        Request::Prepare { sql, .. } => backend.prepared(statements(sql), out)?,
        Request::Run { portal, .. } => match portal.statement().plan {
            Plan::Row if script.copying == Copying::Unasked => backend.copy_in(WireFormat::Text, 1, out)?,
            Plan::Row => {
                backend.row(&[Some(b"42")], out)?;
                backend.complete("SELECT 1", out)?;
            }
            Plan::Sleep => return Ok(Left::Sleep),
            Plan::Copy => backend.copy_in(WireFormat::Text, 1, out)?,
            Plan::Tag(tag, status) => {
                backend.complete(tag, out)?;
                backend.set_status(status);
            }
        },
        Request::CopyData(_) if script.copying == Copying::FailAtOnce => backend.fail(bad_row(), out)?,
        Request::CopyDone if script.copying == Copying::FailAtTheEnd => backend.fail(bad_row(), out)?,
        Request::CopyDone => backend.complete("COPY 1000", out)?,
        Request::CopyFail(_) => backend.fail(cancelled("the client has given the COPY up"), out)?,
        Request::CopyData(_) | Request::End(_) | Request::Terminate => {}
    }
    Ok(Left::Nothing)
}

/// Ends a sleep: with the error that a cancel has for its effect, or as if nothing had been.
pub(super) fn wake(
    backend: &mut Backend<Plan, ()>,
    is_cancelled: bool,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    if is_cancelled {
        return backend.fail(cancelled("canceling statement due to user request"), out);
    }
    backend.row(&[Some(b"42")], out)?;
    backend.complete("SELECT 1", out)
}

/// Returns what is between semicolons, but for blanks.
fn statements(sql: &[u8]) -> Vec<Statement<Plan>> {
    let sql = String::from_utf8_lossy(sql).to_lowercase();
    sql.split(';').filter(|part| !part.trim().is_empty()).map(understand).collect()
}

/// What drivers say by themselves is done; all else is a question.
fn understand(sql: &str) -> Statement<Plan> {
    let known = [
        ("begin", "BEGIN", TransactionStatus::InTransaction),
        ("start", "START TRANSACTION", TransactionStatus::InTransaction),
        ("commit", "COMMIT", TransactionStatus::Idle),
        ("rollback", "ROLLBACK", TransactionStatus::Idle),
        ("set", "SET", TransactionStatus::Idle),
        ("reset", "RESET", TransactionStatus::Idle),
        ("discard", "DISCARD ALL", TransactionStatus::Idle),
        ("deallocate", "DEALLOCATE", TransactionStatus::Idle),
        ("close", "CLOSE CURSOR", TransactionStatus::Idle),
        ("unlisten", "UNLISTEN", TransactionStatus::Idle),
    ];
    let begins_with = |word: &str| sql.trim_start().starts_with(word);
    let plan = match known.into_iter().find(|(word, ..)| begins_with(word)) {
        Some((_, tag, status)) => Plan::Tag(tag, status),
        None if begins_with("copy") => Plan::Copy,
        None if sql.contains("pg_sleep") => Plan::Sleep,
        None => Plan::Row,
    };
    let columns = matches!(plan, Plan::Row | Plan::Sleep);
    Statement {
        parameters: vec![TEXT; parameters(sql)],
        columns: columns.then(|| vec![FieldDescription::new("answer", TEXT)]),
        ..Statement::new(plan)
    }
}

/// Returns the highest number of a parameter in a text, as far as a server may know it.
fn parameters(sql: &str) -> usize {
    let numbers = sql.split('$').skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
        digits.parse().ok()
    });
    numbers.max().unwrap_or(0).min(MOST_PARAMETERS)
}

fn bad_row() -> ServerError {
    ServerError::new(Severity::Error, SqlState::BAD_COPY_FILE_FORMAT, "a row is bad")
}

fn cancelled(why: &str) -> ServerError {
    ServerError::new(Severity::Error, SqlState::QUERY_CANCELED, why)
}

const TEXT: u32 = 25;
const MOST_PARAMETERS: usize = 65_535;
