//! The steps of a case, and how they are taken.

use std::ops::RangeInclusive;
use std::time::Duration;

use molt_db_protocol::message::{Authentication, BackendMessage, ServerError};
use molt_db_protocol::wire::Tag;
use tokio::time::{sleep, timeout};

use crate::case::Case;
use crate::fault::Fault;
use crate::log::Log;
use crate::login::{authenticate, exchange, login_as, md5, open, startup};
use crate::need::Method;
use crate::pattern::Pattern;
use crate::say;
use crate::scram::Scram;
use crate::target::{Account, Target};
use crate::wire::Wire;

/// How a case begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    pub(crate) entry: Entry,
    /// The account that logs in by this method, instead of the target's own.
    pub(crate) account: Option<Method>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    /// A connection on which nothing was said.
    Unspoken,
    /// A connection that is encrypted if the target says so.
    Opened,
    LoggedIn {
        version: u32,
        replication: Option<&'static str>,
    },
}

/// One step, for servers of these major versions.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    pub(crate) versions: RangeInclusive<u32>,
}

#[derive(Debug, Clone)]
pub(crate) enum StepKind {
    Send(Say),
    /// Send what depends on the last row.
    SendOf(fn(&str) -> Vec<u8>),
    /// Send byte by byte.
    Trickle(Say),
    /// End our side.
    Finish,
    Expect(Pattern),
    /// A byte that is no message, one of these.
    Byte(&'static str),
    /// The end of the connection, before which an error of any shape may come.
    Refusal,
    /// The end of the connection, whatever comes before.
    Ends,
    /// Answer what is asked for, up to AuthenticationOk.
    Authenticate,
    /// The answer to a request for an MD5 digest.
    Md5 {
        password: Option<&'static str>,
    },
    Exchange(Scram),
    /// A TLS handshake that offers these protocols and agrees on this one.
    Encrypt {
        offered: &'static [&'static str],
        agreed: Option<&'static str>,
    },
    /// A TLS handshake that the server refuses, at once or by closing afterwards.
    EncryptInVain {
        offered: &'static [&'static str],
    },
    /// Cancel requests until something comes.
    Cancel,
    /// One cancel request, made of the process and the secret.
    CancelOnce(fn(i32, &[u8]) -> Vec<u8>),
    /// An error with all of these fields.
    ErrorFields(&'static str),
    /// RowDescription, whose first column is this one of the table with the OID of the last row.
    Column {
        attribute: i16,
        size: i16,
        modifier: i32,
    },
    /// A notification from the session itself.
    NotifiedByItself,
    /// A word, and then the same sentence so many times.
    Repeated {
        first: &'static str,
        each: &'static str,
        times: usize,
    },
    /// Another session that says this and hears that.
    Other {
        say: Say,
        pattern: Pattern,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Say {
    Bytes(Vec<u8>),
    As(fn(&Account) -> Vec<u8>),
    /// From a word that nobody else uses.
    Unique(fn(&str) -> Vec<u8>),
}

/// Where a case is performed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'s> {
    pub(crate) target: &'s Target,
    /// Who logs in.
    pub(crate) account: &'s Account,
    pub(crate) major: u32,
    pub(crate) patience: Duration,
    /// A word that no other case and no other run uses.
    pub(crate) unique: &'s str,
}

impl Stage<'_> {
    /// Performs a case on a connection of its own and returns what was said, even if it went wrong.
    pub(crate) async fn perform(&self, case: &Case, log: &mut Log) -> Result<(), Fault> {
        let mut wire = self.enter(case).await?;
        let result = self.perform_on(&mut wire, case).await;
        log.append(std::mem::take(&mut wire.log));
        result
    }

    async fn enter(&self, case: &Case) -> Result<Wire, Fault> {
        match case.begin.entry {
            Entry::Unspoken => Wire::open(self.target, self.patience).await,
            Entry::Opened => open(self.target, self.patience).await,
            Entry::LoggedIn { version, replication } => {
                let parameter = replication.map(|kind| ("replication", kind));
                login_as(self.target, self.account, version, parameter.as_slice(), self.patience).await
            }
        }
    }

    async fn perform_on(&self, wire: &mut Wire, case: &Case) -> Result<(), Fault> {
        for step in case.steps.iter().filter(|step| step.versions.contains(&self.major)) {
            self.take(wire, &step.kind).await?;
        }
        let replicates = matches!(case.begin.entry, Entry::LoggedIn { replication: Some(_), .. });
        if wire.last.as_ref().is_some_and(|word| word.name == "Ready") && !replicates {
            self.nothing_is_left(wire).await?;
        }
        Ok(())
    }

    /// Whatever the server still has to say about the case comes before the answer to this.
    async fn nothing_is_left(&self, wire: &mut Wire) -> Result<(), Fault> {
        wire.send(&say::query("")).await;
        wire.expect(&Pattern::new("EmptyQuery Ready")).await.map_err(|fault| match fault {
            Fault::Mismatch { actual, .. } => {
                Fault::mismatch("nothing more, and EmptyQuery Ready for an empty query", actual)
            }
            other => other,
        })
    }

    async fn take(&self, wire: &mut Wire, kind: &StepKind) -> Result<(), Fault> {
        match kind {
            StepKind::Send(say) => wire.send(&self.bytes(say)).await,
            StepKind::SendOf(message) => {
                let message = message(&wire.row);
                wire.send(&message).await;
            }
            StepKind::Trickle(say) => wire.trickle(&self.bytes(say)).await,
            StepKind::Finish => wire.finish().await,
            StepKind::Expect(pattern) => wire.expect(pattern).await?,
            StepKind::Byte(allowed) => answer_byte(wire, allowed).await?,
            StepKind::Refusal => refusal(wire).await?,
            StepKind::Ends => ends(wire).await?,
            StepKind::Authenticate => authenticate(wire, self.account).await?,
            StepKind::Md5 { password } => self.answer_md5(wire, *password).await?,
            StepKind::Exchange(scram) => exchange(wire, self.account, *scram).await?,
            StepKind::Encrypt { offered, agreed } => encrypt(wire, offered, *agreed).await?,
            StepKind::EncryptInVain { offered } => encrypt_in_vain(wire, offered).await?,
            StepKind::Cancel => self.cancel(wire).await?,
            StepKind::CancelOnce(forge) => self.cancel_once(wire, *forge).await?,
            StepKind::ErrorFields(codes) => error_fields(wire, codes).await?,
            StepKind::Column { attribute, size, modifier } => {
                column(wire, (*attribute, *size, *modifier)).await?;
            }
            StepKind::NotifiedByItself => notified_by_itself(wire).await?,
            StepKind::Repeated { first, each, times } => {
                wire.expect(&Pattern::new(first)).await?;
                for _ in 0..*times {
                    wire.expect(&Pattern::new(each)).await?;
                }
            }
            StepKind::Other { say, pattern } => self.in_another_session(say, pattern).await?,
        }
        Ok(())
    }

    fn bytes(&self, say: &Say) -> Vec<u8> {
        match say {
            Say::Bytes(bytes) => bytes.clone(),
            Say::As(message) => message(self.account),
            Say::Unique(message) => message(self.unique),
        }
    }

    async fn answer_md5(&self, wire: &mut Wire, password: Option<&str>) -> Result<(), Fault> {
        let salt = wire.peek().await.and_then(|(_, body)| match Authentication::parse(&body) {
            Ok(Authentication::Md5Password(salt)) => Some(salt),
            _ => None,
        });
        wire.expect(&Pattern::new("Md5")).await?;
        let answer = md5(self.account, password.unwrap_or(&self.account.password), salt.unwrap_or_default());
        wire.send(&answer).await;
        Ok(())
    }

    /// A request that arrives before the query has begun stops nothing, so there may have to be another.
    async fn cancel(&self, wire: &mut Wire) -> Result<(), Fault> {
        let (process, secret) = key(wire)?;
        for _ in 0..CANCELS {
            sleep(Duration::from_millis(30)).await;
            self.request_cancel(&say::cancel_request(process, &secret)).await?;
            if timeout(Duration::from_millis(500), wire.arrives()).await.is_ok() {
                break;
            }
        }
        Ok(())
    }

    async fn cancel_once(&self, wire: &mut Wire, forge: fn(i32, &[u8]) -> Vec<u8>) -> Result<(), Fault> {
        let (process, secret) = key(wire)?;
        sleep(Duration::from_millis(100)).await;
        self.request_cancel(&forge(process, &secret)).await
    }

    /// PG docs: protocol-flow, "Canceling Requests in Progress": no direct reply, and the connection is closed.
    async fn request_cancel(&self, request: &[u8]) -> Result<(), Fault> {
        let mut wire = open(self.target, self.patience).await?;
        wire.send(request).await;
        let expected = "the end of the connection that asked for the cancel";
        match wire.rest().await {
            Some(bytes) if bytes.is_empty() => Ok(()),
            Some(bytes) => Err(Fault::mismatch(expected, format!("{} bytes", bytes.len()))),
            None => Err(Fault::Silence { expected: expected.to_owned(), actual: "nothing".to_owned() }),
        }
    }

    async fn in_another_session(&self, say: &Say, pattern: &Pattern) -> Result<(), Fault> {
        let mut wire = login_as(self.target, self.account, say::V3_0, &[], self.patience).await?;
        wire.send(&self.bytes(say)).await;
        wire.expect(pattern).await
    }
}

fn key(wire: &Wire) -> Result<(i32, Vec<u8>), Fault> {
    let key = wire.key.as_ref().ok_or_else(|| Fault::mismatch("Key", "none when the session began"))?;
    Ok((key.process(), key.secret().to_vec()))
}

async fn answer_byte(wire: &mut Wire, allowed: &str) -> Result<(), Fault> {
    let expected = format!("one of the bytes {allowed:?}");
    match wire.byte().await.map(char::from) {
        Some(byte) if allowed.contains(byte) => Ok(()),
        Some(byte) => Err(Fault::mismatch(expected, format!("the byte {byte:?}"))),
        None => Err(Fault::Silence { expected, actual: "nothing".to_owned() }),
    }
}

async fn ends(wire: &mut Wire) -> Result<(), Fault> {
    let silence =
        || Fault::Silence { expected: "the end of the connection".to_owned(), actual: "nothing".to_owned() };
    wire.rest().await.map(drop).ok_or_else(silence)
}

async fn refusal(wire: &mut Wire) -> Result<(), Fault> {
    let expected = "the end of the connection, an error at most in front of it";
    match wire.rest().await {
        Some(bytes) if bytes.first().is_none_or(|byte| *byte == b'E') => Ok(()),
        Some(bytes) => Err(Fault::mismatch(expected, bytes.escape_ascii().to_string())),
        None => Err(Fault::Silence { expected: expected.to_owned(), actual: "nothing".to_owned() }),
    }
}

/// PG docs: protocol-error-fields: S, V, C and M are always there.
async fn error_fields(wire: &mut Wire, codes: &str) -> Result<(), Fault> {
    let fields = match wire.peek().await {
        Some((Tag::ErrorResponse, body)) => ServerError::parse(&body).ok(),
        _ => None,
    };
    wire.expect(&Pattern::new("Error")).await?;
    let found: String =
        fields.iter().flat_map(ServerError::fields).map(|(code, _)| char::from(code)).collect();
    if codes.chars().all(|code| found.contains(code)) {
        return Ok(());
    }
    Err(Fault::mismatch(format!("an error with the fields {codes}"), format!("one with {found}")))
}

/// PG docs: protocol-message-formats, "RowDescription"
async fn column(wire: &mut Wire, expected: (i16, i16, i32)) -> Result<(), Fault> {
    let expected = (wire.row.clone(), expected);
    let found = match wire.peek().await {
        Some((Tag::RowDescription, body)) => match BackendMessage::parse(Tag::RowDescription, &body) {
            Ok(BackendMessage::RowDescription(fields)) => fields.first().map(|field| {
                let place = (field.attribute, field.type_size, field.type_modifier);
                (field.table.to_string(), place)
            }),
            _ => None,
        },
        _ => None,
    };
    wire.expect(&Pattern::new("Columns")).await?;
    let text = |(table, (attribute, size, modifier)): &(String, (i16, i16, i32))| {
        format!("attribute {attribute} of table {table}, size {size}, modifier {modifier}")
    };
    match found {
        Some(found) if found == expected => Ok(()),
        found => {
            Err(Fault::mismatch(text(&expected), found.as_ref().map_or_else(|| "none".to_owned(), text)))
        }
    }
}

async fn notified_by_itself(wire: &mut Wire) -> Result<(), Fault> {
    let (process, _) = key(wire)?;
    // It may come before or behind ReadyForQuery.
    while let Some((Tag::CommandComplete | Tag::ReadyForQuery, _)) = wire.peek().await {
        wire.word().await;
    }
    let found = match wire.peek().await {
        Some((Tag::NotificationResponse, body)) => body.first_chunk().map(|bytes| i32::from_be_bytes(*bytes)),
        _ => None,
    };
    wire.expect(&Pattern::new("Notify")).await?;
    if found == Some(process) {
        return Ok(());
    }
    Err(Fault::mismatch(format!("a notification from {process}"), format!("one from {found:?}")))
}

async fn encrypt(wire: &mut Wire, offered: &[&str], agreed: Option<&str>) -> Result<(), Fault> {
    let expected = format!("a TLS handshake that agrees on {}", agreed.unwrap_or("no protocol"));
    match wire.encrypt(offered).await {
        Ok(found) if found.as_deref() == agreed => Ok(()),
        Ok(found) => Err(Fault::mismatch(expected, format!("{found:?}"))),
        Err(error) => Err(Fault::mismatch(expected, error.to_string())),
    }
}

/// With TLS 1.3 a client is done before the server has judged what it offered.
async fn encrypt_in_vain(wire: &mut Wire, offered: &[&str]) -> Result<(), Fault> {
    if wire.encrypt(offered).await.is_err() {
        return Ok(());
    }
    refusal(wire).await
}

/// Returns the StartupMessage of the account itself.
pub(crate) fn plain_startup(account: &Account) -> Vec<u8> {
    startup(account, say::V3_0, &[])
}

const CANCELS: u32 = 10;
