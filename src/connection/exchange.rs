//! The mover of bytes: from the socket into the client's state machine, and from there into the socket.

use std::future::poll_fn;
use std::ops::Range;
use std::task::{Context, Poll};

use molt_db_decode::Columns;
use molt_db_protocol::ProtocolError;
use molt_db_protocol::client::{Client, CommandError, Event, Failure, Received, RowRun, SessionError};
use molt_db_protocol::message::CommandTag;

use super::copy::Shape;
use super::{Connection, State};
use crate::error::{CopyRefused, Error, Fate, Kind};
use crate::observe::CutOff;
use crate::pool::Quiet;

/// What became of the command that is under way.
#[derive(Debug)]
pub(super) enum Step {
    /// Its result begins.
    Columns,
    /// A row, and where in the used input it is until the next step.
    Row(Range<usize>),
    /// The copy that was asked for begins.
    Copy(Shape),
    /// A piece of it, and where in the used input it is until the next step.
    CopyData(Range<usize>),
    /// One of several statements has run. That is not final.
    Completed(CommandTag),
    /// The portal has more rows than were asked for.
    Suspended,
    /// What was told of several statements is void: they begin once more.
    Restarted,
    /// It is over, and that is final.
    Finished(Result<CommandTag, Error>),
}

impl Connection {
    /// Waits for the next step.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing.
    pub(super) async fn step(&mut self) -> Result<Step, Error> {
        poll_fn(|cx| self.poll_step(cx)).await
    }

    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        let mut has_read = false;
        loop {
            let needed = match self.receive() {
                Ok(Progress::Made(step)) => return Poll::Ready(Ok(step)),
                Ok(Progress::Waits { needed }) => needed,
                Err(error) => return Poll::Ready(Err(Error::session(error, self.end()))),
            };
            // A peer that always has something to say would never have us wait, where the scope is looked at.
            if has_read {
                self.check_scope()?;
            }
            match self.transport.poll_exchange(cx, needed) {
                Poll::Ready(Ok(())) => {
                    self.timer.progress();
                    has_read = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                Poll::Pending => return self.poll_limits(cx),
            }
        }
    }

    /// Walks the rows that have arrived, as far as `take` wants them. Returns whether it wants more.
    ///
    /// This is the way for bulk: it leaves out the bookkeeping per message, which rows do not change.
    pub(super) fn take_rows(
        &mut self,
        take: impl FnMut(&[u8]) -> Result<Wanted, Error>,
    ) -> Result<Wanted, Error> {
        self.take_run(Client::rows, take)
    }

    /// As [`Connection::take_rows`], for the messages of a run.
    pub(super) fn take_run(
        &mut self,
        run: for<'b> fn(&Client, &'b [u8]) -> RowRun<'b>,
        mut take: impl FnMut(&[u8]) -> Result<Wanted, Error>,
    ) -> Result<Wanted, Error> {
        let (input, _) = self.transport.buffers();
        let mut run = run(&self.client, input);
        let mut taken = Ok(Wanted::More);
        while let Ok(Wanted::More) = taken {
            taken = match run.next_row() {
                Ok(Some(row)) => take(row),
                Ok(None) => break,
                Err(error) => Err(Error::session(SessionError::Protocol(error), Fate::None)),
            };
        }
        let consumed = run.consumed();
        self.transport.take(consumed, 0);
        if taken.as_ref().is_err_and(Error::is_protocol_violation) {
            self.end();
        }
        taken
    }

    /// Walks the messages of a run that have arrived, many at once. `take` is told where they lie in the input, and says
    /// how many of them it is done with, from the first on, and whether it wants more; if it fails, it is done with
    /// one more. `places` is room to work in.
    pub(super) fn take_blocks(
        &mut self,
        run: for<'b> fn(&Client, &'b [u8]) -> RowRun<'b>,
        places: &mut Vec<Range<usize>>,
        mut take: impl FnMut(&[u8], &[Range<usize>]) -> (usize, Result<Wanted, Error>),
    ) -> Result<Wanted, Error> {
        let (input, _) = self.transport.buffers();
        let mut run = run(&self.client, input);
        let (mut consumed, mut taken) = (0, Ok(Wanted::More));
        while let Ok(Wanted::More) = taken {
            let violation = find(&mut run, places);
            if !places.is_empty() {
                let (done, outcome) = take(input, places);
                let done = done.saturating_add(usize::from(outcome.is_err()));
                consumed =
                    places.get(done.saturating_sub(1)).filter(|_| done > 0).map_or(consumed, |last| last.end);
                taken = outcome;
                if done < places.len() {
                    break;
                }
            }
            // What was taken before it is handed on first: whoever has enough comes back for the rest.
            if let (Some(violation), Ok(Wanted::More)) = (violation, &taken) {
                taken = Err(Error::session(SessionError::Protocol(violation), Fate::None));
            }
            if places.len() < BLOCK {
                break;
            }
        }
        self.transport.take(consumed, 0);
        if taken.as_ref().is_err_and(Error::is_protocol_violation) {
            self.end();
        }
        taken
    }

    /// Takes the next row, if it has arrived. Returns where it is in the used input, until the next step.
    pub(super) fn take_row(&mut self) -> Result<Option<Range<usize>>, Error> {
        let (input, _) = self.transport.buffers();
        let mut run = self.client.rows(input);
        match run.next_row() {
            Ok(Some(row)) => {
                let (length, consumed) = (row.len(), run.consumed());
                Ok(Some(self.transport.take(consumed, length)))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(Error::session(SessionError::Protocol(error), self.end())),
        }
    }

    /// Begins a query whose rows are handed out as they come, and waits until its result does. Returns its columns, whose
    /// types are known.
    pub(super) async fn stream_query(
        &mut self,
        sql: &str,
        declared: Option<&[u32]>,
    ) -> Result<Columns, Error> {
        self.foresee_types(sql, declared).await?;
        let columns = self.run_query(sql, declared).await?;
        self.check_foreseen(&columns).await?;
        Ok(columns)
    }

    /// Begins a query and waits until its result does. Returns its columns.
    pub(super) async fn begin_query(
        &mut self,
        sql: &str,
        declared: Option<&[u32]>,
    ) -> Result<Columns, Error> {
        self.name_types(sql).await?;
        self.run_query(sql, declared).await
    }

    /// Runs a query whose parameters have their types, and waits until its result begins.
    async fn run_query(&mut self, sql: &str, declared: Option<&[u32]>) -> Result<Columns, Error> {
        self.send_query(sql, declared)?;
        loop {
            match self.step().await? {
                Step::Columns => return self.readable_columns().await,
                Step::Finished(result) => return result.map(|_| Columns::new([])),
                _ => {}
            }
        }
    }

    /// Waits for the end of the command and drops the rows in front of it.
    pub(super) async fn finish(&mut self) -> Result<CommandTag, Error> {
        loop {
            self.take_rows(|_| Ok(Wanted::More))?;
            if let Step::Finished(result) = self.step().await? {
                return result;
            }
        }
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closed = match self.transport.poll_send(cx) {
            Poll::Ready(Ok(())) => self.transport.poll_shutdown(cx),
            other => other,
        };
        match closed {
            Poll::Ready(result) => Poll::Ready(result.map_err(|error| Error::lost(error, Fate::None))),
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    /// Takes in what the server said unasked while nobody was looking. Costs no system call if it said nothing.
    ///
    /// One that does not stop talking is not quiet either.
    pub(crate) fn is_quiet(&mut self) -> Quiet {
        const READS: usize = 64;
        if !self.is_usable() {
            return Quiet::No;
        }
        for _ in 0..READS {
            match self.receive() {
                Ok(Progress::Waits { .. }) => {}
                Ok(Progress::Made(_)) | Err(_) => return Quiet::No,
            }
            match self.transport.read_now() {
                Ok(0) => return Quiet::Yes,
                Ok(_) => {}
                Err(_) => return Quiet::No,
            }
        }
        Quiet::No
    }

    /// Feeds the state machine with what has arrived.
    pub(super) fn receive(&mut self) -> Result<Progress, SessionError> {
        loop {
            match self.receive_message()? {
                Message::Step(step) => return Ok(Progress::Made(step)),
                Message::NotYet { needed } => return Ok(Progress::Waits { needed }),
                Message::Aside => {}
            }
        }
    }

    /// Feeds the state machine up to the next message that means something.
    pub(super) fn receive_message(&mut self) -> Result<Message, SessionError> {
        let (input, output) = self.transport.buffers();
        let (consumed, event) = match self.client.receive(input, output)? {
            Received::Partial { consumed, needed } => {
                self.transport.take(consumed, 0);
                return Ok(Message::NotYet { needed });
            }
            Received::Event { consumed, event } => (consumed, event),
        };
        let step = match event {
            Event::Columns => Some(Step::Columns),
            Event::Row(row) => {
                let length = row.len();
                let place = self.transport.take(consumed, length);
                return Ok(Message::Step(Step::Row(place)));
            }
            Event::Copy(_, response) => Some(Step::Copy(Shape::new(response))),
            Event::CopyData(data) => {
                let length = data.len();
                let place = self.transport.take(consumed, length);
                return Ok(Message::Step(Step::CopyData(place)));
            }
            Event::Completed(tag) => {
                self.note_types(&tag);
                Some(Step::Completed(tag))
            }
            Event::Suspended => Some(Step::Suspended),
            Event::Restarted => Some(Step::Restarted),
            Event::Finished(result) => Some(Step::Finished(self.outcome(result))),
            Event::Notice(notice) => {
                self.notices.take(notice);
                None
            }
            Event::Notification(notification) => {
                self.inbox.take(notification);
                None
            }
            _ => None,
        };
        self.transport.take(consumed, 0);
        Ok(step.map_or(Message::Aside, Message::Step))
    }

    /// Notes how a command has ended.
    pub(super) fn outcome(&mut self, result: Result<CommandTag, Failure>) -> Result<CommandTag, Error> {
        let result = result.map_err(Error::from_failure);
        if let Ok(tag) = &result {
            self.note_types(tag);
        }
        self.transport.end_command();
        self.note_business();
        self.watch_part_over(result.as_ref());
        let code = result.as_ref().err().and_then(Error::code);
        // A type that was named may be another one by now, or gone.
        if code.is_some() && self.params.type_names().next().is_some() {
            self.database_types.clear();
        }
        // What is refused because a transaction has failed does not hide why it has.
        if code.is_none_or(|code| code.as_str() != "25P02") {
            self.latest_code = code;
        }
        result
    }

    /// Forgets the types that are known, if a command may have changed them, or undone what made them.
    fn note_types(&mut self, tag: &CommandTag) {
        let undoes = self.learned_in_transaction && tag.as_str() == "ROLLBACK";
        if undoes || changes_types(tag.as_str()) {
            self.database_types.clear();
        }
        if matches!(tag.as_str(), "COMMIT" | "ROLLBACK") {
            self.learned_in_transaction = false;
        }
    }

    pub(super) fn poll_deadline<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.timer.poll(cx).map(|limit| {
            self.cut_off(CutOff::Timeout);
            Err(Kind::Timeout { limit: limit.length(), outcome: self.fate() }.into())
        })
    }

    /// Returns the columns, if their text can be read. If not, the result is dropped.
    async fn readable_columns(&mut self) -> Result<Columns, Error> {
        match self.check_encoding() {
            Ok(()) => Ok(self.columns()),
            Err(error) => {
                self.finish().await?;
                Err(error)
            }
        }
    }

    /// Checks that the rows of a result were UTF-8 to the last: the change is reported behind the row that brings it.
    pub(super) fn check_result_encoding(&self, columns: &Columns) -> Result<(), Error> {
        if columns.is_empty() { Ok(()) } else { self.check_encoding() }
    }

    /// Checks that a text can be sent: as UTF-8, or because it is the same in any encoding.
    pub(super) fn check_sendable(&self, is_ascii: impl FnOnce() -> bool) -> Result<(), Error> {
        self.check_encoding().or_else(|error| if is_ascii() { Ok(()) } else { Err(error) })
    }

    /// Checks that text travels as UTF-8.
    pub(super) fn check_encoding(&self) -> Result<(), Error> {
        let parameters = self.client.parameters();
        if parameters.is_utf8() {
            return Ok(());
        }
        let name = parameters.get("client_encoding").unwrap_or("another encoding").to_owned();
        Err(Kind::ForeignEncoding { name }.into())
    }

    /// Makes this the end of the session: the connection takes no further command. Whatever was under way may have
    /// been sent, and committed.
    pub(super) fn end(&mut self) -> Fate {
        self.state = State::Over;
        self.cut_off(CutOff::ConnectionLost);
        self.fate()
    }

    /// Tells what may have become of the command that is under way.
    pub(super) fn fate(&self) -> Fate {
        let unsent = self.transport.accepted() == self.accepted_before;
        if self.client.is_settled() || unsent { Fate::None } else { Fate::Unknown }
    }
}

/// How far the state machine got with what has arrived.
#[derive(Debug)]
pub(super) enum Progress {
    Made(Step),
    /// It takes so many bytes to the end of the next message.
    Waits {
        needed: usize,
    },
}

/// What the state machine made of the next message that has arrived.
#[derive(Debug)]
pub(super) enum Message {
    Step(Step),
    /// Something that the server said unasked.
    Aside,
    /// It takes so many bytes to its end.
    NotYet {
        needed: usize,
    },
}

/// Whether a taker of rows wants more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    More,
    Enough,
}

impl Error {
    fn from_failure(failure: Failure) -> Self {
        let kind = match failure {
            Failure::Server(error) => Kind::Server(error),
            Failure::CopyIn => Kind::Copy(CopyRefused::In),
            Failure::CopyOut => Kind::Copy(CopyRefused::Out),
            Failure::CopyBoth => Kind::Copy(CopyRefused::Both),
            Failure::Encode(error) => Kind::Command(CommandError::Encode(error)),
        };
        kind.into()
    }
}

/// Finds where the bodies of the next messages of a run lie, up to one that breaks the rules.
fn find(run: &mut RowRun<'_>, places: &mut Vec<Range<usize>>) -> Option<ProtocolError> {
    places.clear();
    while places.len() < BLOCK {
        match run.next_row() {
            Ok(Some(row)) => places.push(run.consumed().saturating_sub(row.len())..run.consumed()),
            Ok(None) => break,
            Err(error) => return Some(error),
        }
    }
    None
}

/// Tells whether a command may have changed what is known of types.
fn changes_types(tag: &str) -> bool {
    tag.starts_with("ALTER ") || tag.starts_with("DROP ")
}

/// How many messages are taken together at most.
const BLOCK: usize = 512;
