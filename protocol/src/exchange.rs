use std::collections::VecDeque;

use crate::ProtocolError;
use crate::message::{FrontendMessage, Target};
use crate::wire::Tag;

/// What the server still owes, in order: the bookkeeping, of either side, that says whether a message may come.
///
/// A client owes it to itself to check what it receives, a server what it sends. An error ends what is owed up to the
/// next Sync (or the end of the script); whatever is sent between an error and the Sync is skipped by the server, and
/// so never owed.
// PG docs: protocol-flow, "Extended Query" and "Pipelining"
#[derive(Debug, Default, Clone)]
pub(crate) struct Exchange {
    owed: VecDeque<Owed>,
    skipping: bool,
}

/// One thing that the server owes.
///
/// ```text
///   Rows --CopyInResponse--> CopyIn --(client's CopyDone)--> CopyEnd --CommandComplete--> (paid)
///     |                        '------(client's CopyFail)--> CopyFailed (only an error may come)
///     '----CopyOutResponse-> CopyOut --------CopyDone----------^
///
///   Script --RowDescription--> ScriptRows --CommandComplete--> Script      (simple: until ReadyForQuery)
///     |----CopyInResponse----> ScriptCopyIn --(client's CopyDone)--> ScriptCopyEnd --CommandComplete--> Script
///     |                          '------------(client's CopyFail)--> ScriptCopyFailed
///     |----CopyOutResponse---> ScriptCopyOut ---CopyDone---------------^
///     |----CopyBothResponse--> CopyBoth --CopyDone--> CopyBothClient --(client's CopyDone)--> CopyBothOver
///     |                          '--(client's CopyDone)--> CopyBothServer --CopyDone---------^  '--CommandComplete--> Script
///     '----ErrorResponse-----> ScriptFailed --ReadyForQuery--> (paid)
///
///   A copy that was refused: CopyFailed, RefusedSync, MaybeSync (paid by ReadyForQuery or passed over), Close, Sync
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    Parse,
    Bind,
    Close,
    Parameters,
    Columns,
    /// All rows of a portal.
    Rows,
    /// Rows up to a limit: the portal may be suspended.
    SomeRows,
    CopyIn,
    CopyOut,
    CopyEnd,
    CopyFailed,
    Function,
    /// ReadyForQuery. It is no Sync: behind an error of the extended protocol it is skipped with its function.
    FunctionEnd,
    Script,
    ScriptRows,
    ScriptCopyIn,
    ScriptCopyOut,
    ScriptCopyEnd,
    ScriptCopyFailed,
    CopyBoth,
    /// The server is done with its direction.
    CopyBothClient,
    /// The client is done with its direction.
    CopyBothServer,
    /// Both are. A server that learns of the client's end in the middle of a transaction says that it is done too, and
    /// sends the rest of that.
    // PG source: walsender.c, ProcessRepliesIfAny and WalSndWriteData
    CopyBothOver,
    ScriptFailed,
    Sync,
    /// A Sync that does not end what it was sent for: see [`Exchange::refuse_copy`].
    RefusedSync,
    /// One that the server may have swallowed.
    MaybeSync,
}

/// How the client ends its direction of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyEnd {
    Done,
    Failed,
}

impl Exchange {
    /// Notes a request, and with it what the server owes for it.
    pub(crate) fn ask(&mut self, request: &FrontendMessage<'_>) {
        let owed: &[Owed] = match request {
            FrontendMessage::Parse(_) => &[Owed::Parse],
            FrontendMessage::Bind(_) => &[Owed::Bind],
            FrontendMessage::Describe(Target::Statement(_)) => &[Owed::Parameters, Owed::Columns],
            FrontendMessage::Describe(Target::Portal(_)) => &[Owed::Columns],
            FrontendMessage::Execute(execute) if execute.max_rows > 0 => &[Owed::SomeRows],
            FrontendMessage::Execute(_) => &[Owed::Rows],
            FrontendMessage::Close(_) => &[Owed::Close],
            FrontendMessage::Sync => &[Owed::Sync],
            FrontendMessage::Query(_) => &[Owed::Script],
            FrontendMessage::FunctionCall(_) => &[Owed::Function, Owed::FunctionEnd],
            _ => &[],
        };
        self.owe_all(owed.iter().copied());
    }

    /// Notes that a command was sent which the server answers so.
    pub(crate) fn owe(&mut self, owed: Owed) {
        if owed == Owed::Sync {
            self.skipping = false;
        }
        if !self.skipping {
            self.owed.push_back(owed);
        }
    }

    /// As [`Exchange::owe`], for each in order.
    pub(crate) fn owe_all(&mut self, owed: impl IntoIterator<Item = Owed>) {
        owed.into_iter().for_each(|owed| self.owe(owed));
    }

    /// Tells whether nothing is owed.
    pub(crate) fn is_settled(&self) -> bool {
        self.owed.is_empty() && !self.skipping
    }

    /// Tells whether an error was received that no Sync has been sent behind.
    pub(crate) fn needs_sync(&self) -> bool {
        self.skipping
    }

    /// Tells whether a row may come.
    #[inline]
    pub(crate) fn takes_rows(&self) -> bool {
        matches!(self.owed.front(), Some(Owed::Rows | Owed::SomeRows | Owed::ScriptRows))
    }

    /// Tells whether the server waits for a copy from the client.
    pub(crate) fn takes_copy(&self) -> bool {
        matches!(
            self.owed.front(),
            Some(Owed::CopyIn | Owed::ScriptCopyIn | Owed::CopyBoth | Owed::CopyBothClient)
        )
    }

    /// Tells whether a piece of a copy to the client may come.
    pub(crate) fn takes_copied(&self) -> bool {
        self.owed.front().is_some_and(|front| front.after(Tag::CopyData).is_some())
    }

    /// Tells whether both directions of a copy are in use, or one of them still is.
    pub(crate) fn is_copy_both(&self) -> bool {
        matches!(
            self.owed.front(),
            Some(Owed::CopyBoth | Owed::CopyBothClient | Owed::CopyBothServer | Owed::CopyBothOver)
        )
    }

    /// Notes that the client's direction of a copy has ended.
    pub(crate) fn end_copy(&mut self, end: CopyEnd) {
        if let Some(front) = self.owed.front_mut() {
            *front = match (*front, end) {
                (Owed::CopyIn, CopyEnd::Done) => Owed::CopyEnd,
                (Owed::CopyIn, CopyEnd::Failed) => Owed::CopyFailed,
                (Owed::ScriptCopyIn, CopyEnd::Failed) => Owed::ScriptCopyFailed,
                (Owed::ScriptCopyIn, CopyEnd::Done) => Owed::ScriptCopyEnd,
                (Owed::CopyBothClient, _) => Owed::CopyBothOver,
                (Owed::CopyBoth, _) => Owed::CopyBothServer,
                (other, _) => other,
            };
        }
    }

    /// Notes that a copy from the client was refused that a Sync had been sent behind: by CopyFail, Sync, Close, Sync.
    ///
    /// The server swallows a Sync that it reads during the copy. If the copy fails before it has read that far, by a
    /// trigger for one, the same Sync is answered. Both look alike until the CloseComplete. If another error comes in
    /// its place, by a CancelRequest that is late, they cannot be told apart, and the error is not legal.
    // PG docs: protocol-flow, "COPY Operations"
    pub(crate) fn refuse_copy(&mut self) {
        self.end_copy(CopyEnd::Failed);
        if let Some(at) = self.owed.iter().position(|owed| *owed == Owed::Sync) {
            let behind = self.owed.split_off(at);
            self.owed.extend([Owed::RefusedSync, Owed::MaybeSync, Owed::Close]);
            self.owed.extend(behind);
        }
    }

    /// Tells whether a refused copy has not ended.
    pub(crate) fn is_refusing(&self) -> bool {
        self.owed.contains(&Owed::MaybeSync)
    }

    /// Forgets what was sent behind a command that turned out to be a copy from the client: the server has taken it
    /// for part of the copy, and swallowed it.
    pub(crate) fn swallow(&mut self) {
        self.owed.truncate(1);
    }

    /// Checks that the message may come, without paying anything.
    ///
    /// # Errors
    ///
    /// A message that is not legal here.
    pub(crate) fn check(&self, tag: Tag) -> Result<(), ProtocolError> {
        let legal = self.owed.front().is_some_and(|front| match tag {
            Tag::ErrorResponse => *front != Owed::MaybeSync,
            _ => front.after(tag).is_some(),
        });
        if legal { Ok(()) } else { Err(ProtocolError::Unexpected { tag, state: self.state() }) }
    }

    /// Checks that the message may come, and pays what it pays. Returns what it was taken for.
    ///
    /// # Errors
    ///
    /// A message that is not legal here.
    #[inline]
    pub(crate) fn accept(&mut self, tag: Tag) -> Result<Owed, ProtocolError> {
        let Some(place) = self.owed.front_mut() else { return Err(self.unexpected(tag)) };
        let front = *place;
        match front.after(tag) {
            Some(Some(next)) => *place = next,
            Some(None) => {
                self.owed.pop_front();
            }
            None => return self.accept_otherwise(front, tag),
        }
        Ok(front)
    }

    /// Takes what no rule of [`Owed::after`] is for: an error, or what comes in the place of a Sync that was swallowed.
    #[cold]
    fn accept_otherwise(&mut self, front: Owed, tag: Tag) -> Result<Owed, ProtocolError> {
        match (front, tag) {
            (Owed::MaybeSync, Tag::CloseComplete) => {
                self.owed.pop_front();
                self.accept(tag)
            }
            (front, Tag::ErrorResponse) if front != Owed::MaybeSync => {
                self.fail();
                Ok(front)
            }
            _ => Err(self.unexpected(tag)),
        }
    }

    fn unexpected(&self, tag: Tag) -> ProtocolError {
        ProtocolError::Unexpected { tag, state: self.state() }
    }

    /// Drops what an error ends, and what is skipped behind it.
    fn fail(&mut self) {
        match self.owed.front_mut() {
            Some(front) if front.is_script() => *front = Owed::ScriptFailed,
            Some(Owed::Function) => {
                self.owed.pop_front();
            }
            Some(Owed::FunctionEnd) => {}
            _ => self.skip(),
        }
    }

    /// Drops everything up to the next Sync.
    // PG source: postgres.c, ignore_till_sync
    fn skip(&mut self) {
        while let Some(front) = self.owed.front() {
            if matches!(front, Owed::Sync | Owed::RefusedSync) {
                return;
            }
            self.owed.pop_front();
        }
        self.skipping = true;
    }

    pub(crate) fn state(&self) -> &'static str {
        match self.owed.front() {
            None if self.skipping => "nothing but the answer to a Sync is due",
            None => "the connection is idle",
            Some(owed) => owed.state(),
        }
    }
}

impl Owed {
    /// Returns what is owed after this message: `Some(None)` if nothing more, `None` if the message may not come.
    fn after(self, tag: Tag) -> Option<Option<Self>> {
        Some(match (self, tag) {
            (Self::Parse, Tag::ParseComplete)
            | (Self::Bind, Tag::BindComplete)
            | (Self::Close, Tag::CloseComplete)
            | (Self::Parameters, Tag::ParameterDescription)
            | (Self::Columns, Tag::RowDescription | Tag::NoData)
            | (Self::Rows | Self::SomeRows, Tag::CommandComplete | Tag::EmptyQueryResponse)
            | (Self::SomeRows, Tag::PortalSuspended)
            | (Self::CopyEnd, Tag::CommandComplete)
            | (Self::Function, Tag::FunctionCallResponse)
            | (
                Self::Sync
                | Self::RefusedSync
                | Self::MaybeSync
                | Self::FunctionEnd
                | Self::Script
                | Self::ScriptFailed,
                Tag::ReadyForQuery,
            ) => None,
            (Self::Rows | Self::SomeRows, Tag::DataRow) => Some(self),
            (Self::Rows | Self::SomeRows, Tag::CopyInResponse) => Some(Self::CopyIn),
            (Self::Rows | Self::SomeRows, Tag::CopyOutResponse) => Some(Self::CopyOut),
            (Self::CopyOut, Tag::CopyData) => Some(Self::CopyOut),
            (Self::CopyOut, Tag::CopyDone) => Some(Self::CopyEnd),
            (Self::Script, Tag::RowDescription) | (Self::ScriptRows, Tag::DataRow) => Some(Self::ScriptRows),
            (Self::Script, Tag::CopyInResponse) => Some(Self::ScriptCopyIn),
            (Self::Script, Tag::CopyOutResponse) | (Self::ScriptCopyOut, Tag::CopyData) => {
                Some(Self::ScriptCopyOut)
            }
            (Self::ScriptCopyOut, Tag::CopyDone) => Some(Self::ScriptCopyEnd),
            (Self::CopyBothServer, Tag::CopyDone) => Some(Self::CopyBothOver),
            (Self::Script, Tag::CopyBothResponse) => Some(Self::CopyBoth),
            (Self::CopyBoth | Self::CopyBothServer | Self::CopyBothOver, Tag::CopyData) => Some(self),
            (Self::CopyBoth, Tag::CopyDone) => Some(Self::CopyBothClient),
            // PG source: walsender.c, WalSndDone: a server that shuts down says no CopyDone.
            (
                Self::Script
                | Self::ScriptRows
                | Self::ScriptCopyEnd
                | Self::CopyBoth
                | Self::CopyBothServer
                | Self::CopyBothOver,
                Tag::CommandComplete,
            )
            | (Self::Script, Tag::EmptyQueryResponse) => Some(Self::Script),
            _ => return None,
        })
    }

    fn is_script(self) -> bool {
        matches!(
            self,
            Self::Script
                | Self::ScriptRows
                | Self::ScriptCopyIn
                | Self::ScriptCopyOut
                | Self::ScriptCopyEnd
                | Self::ScriptCopyFailed
                | Self::CopyBoth
                | Self::CopyBothClient
                | Self::CopyBothServer
                | Self::CopyBothOver
                | Self::ScriptFailed
        )
    }

    fn state(self) -> &'static str {
        match self {
            Self::Parse => "ParseComplete is due",
            Self::Bind => "BindComplete is due",
            Self::Close => "CloseComplete is due",
            Self::Parameters => "ParameterDescription is due",
            Self::Columns => "RowDescription or NoData is due",
            Self::Rows | Self::SomeRows => "rows or the end of the command are due",
            Self::CopyIn | Self::ScriptCopyIn | Self::CopyBothClient => "the client copies into the server",
            Self::CopyOut | Self::ScriptCopyOut | Self::CopyBothServer => "copied data are due",
            Self::CopyBoth => "both sides copy",
            Self::Function => "the result of a function is due",
            Self::CopyEnd | Self::ScriptCopyEnd | Self::CopyBothOver => "the end of a copy is due",
            Self::CopyFailed | Self::ScriptCopyFailed => "the error of a copy that failed is due",
            Self::Script => "the next result of a script is due",
            Self::ScriptRows => "rows of a script are due",
            Self::ScriptFailed | Self::Sync | Self::RefusedSync | Self::FunctionEnd => "ReadyForQuery is due",
            Self::MaybeSync => "the end of a refused copy is due",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(commands: &[Owed], messages: &[Tag]) -> Result<Exchange, ProtocolError> {
        let mut exchange = Exchange::default();
        commands.iter().for_each(|owed| exchange.owe(*owed));
        messages.iter().try_for_each(|tag| exchange.accept(*tag).map(|_| ()))?;
        Ok(exchange)
    }

    const QUERY: [Owed; 6] =
        [Owed::Parse, Owed::Parameters, Owed::Columns, Owed::Bind, Owed::Rows, Owed::Sync];

    #[test]
    fn a_query_is_paid_message_by_message() {
        let exchange = after(
            &QUERY,
            &[
                Tag::ParseComplete,
                Tag::ParameterDescription,
                Tag::RowDescription,
                Tag::BindComplete,
                Tag::DataRow,
                Tag::DataRow,
                Tag::CommandComplete,
                Tag::ReadyForQuery,
            ],
        );
        assert!(exchange.unwrap().is_settled());
    }

    #[test]
    fn an_error_pays_everything_up_to_the_sync() {
        for answered in 0..QUERY.len() {
            let answers = [
                Tag::ParseComplete,
                Tag::ParameterDescription,
                Tag::NoData,
                Tag::BindComplete,
                Tag::CommandComplete,
            ];
            let messages = [&answers[..answered], &[Tag::ErrorResponse, Tag::ReadyForQuery]].concat();
            assert!(after(&QUERY, &messages).unwrap().is_settled(), "{answered}");
        }
    }

    #[test]
    fn the_next_segment_is_not_paid_by_an_error() {
        let exchange =
            after(&[QUERY, QUERY].concat(), &[Tag::ErrorResponse, Tag::ReadyForQuery, Tag::ParseComplete]);
        assert!(!exchange.unwrap().is_settled());
    }

    #[test]
    fn after_an_error_without_sync_only_the_sync_is_owed() {
        let mut exchange = after(&[Owed::Parse, Owed::Columns], &[Tag::ErrorResponse]).unwrap();
        assert!(exchange.needs_sync() && !exchange.is_settled());
        exchange.owe(Owed::Bind);
        exchange.owe(Owed::Sync);
        assert_eq!(exchange.accept(Tag::ReadyForQuery), Ok(Owed::Sync));
        assert!(exchange.is_settled());
    }

    #[test]
    fn a_script_has_results_of_all_kinds_and_ends_once() {
        let exchange = after(
            &[Owed::Script],
            &[
                Tag::CommandComplete,
                Tag::RowDescription,
                Tag::DataRow,
                Tag::CommandComplete,
                Tag::CopyOutResponse,
                Tag::CopyData,
                Tag::CopyDone,
                Tag::CommandComplete,
                Tag::ErrorResponse,
                Tag::ReadyForQuery,
            ],
        );
        assert!(exchange.unwrap().is_settled());
    }

    #[test]
    fn a_copy_that_the_client_failed_ends_with_an_error_and_nothing_else() {
        for (command, last) in [(Owed::Rows, &[][..]), (Owed::Script, &[Tag::ReadyForQuery][..])] {
            for end in [CopyEnd::Done, CopyEnd::Failed] {
                let mut exchange = after(&[command], &[Tag::CopyInResponse]).unwrap();
                exchange.end_copy(end);
                assert_eq!(exchange.check(Tag::CommandComplete).is_ok(), end == CopyEnd::Done);
                exchange.accept(Tag::ErrorResponse).unwrap();
                last.iter().for_each(|tag| assert!(exchange.accept(*tag).is_ok()));
            }
        }
    }

    #[test]
    fn a_refused_copy_ends_the_same_whether_its_sync_was_swallowed_or_not() {
        use Tag::{CloseComplete, ErrorResponse, ReadyForQuery};
        let swallowed = [ErrorResponse, ReadyForQuery, CloseComplete, ReadyForQuery];
        let answered = [ErrorResponse, ReadyForQuery, ReadyForQuery, CloseComplete, ReadyForQuery];
        for answers in [&swallowed[..], &answered] {
            let mut exchange = after(&[Owed::Rows, Owed::Sync], &[Tag::CopyInResponse]).unwrap();
            exchange.refuse_copy();
            for (index, tag) in answers.iter().enumerate() {
                assert!(!exchange.is_settled());
                let owed = exchange.accept(*tag).unwrap();
                assert_eq!(owed == Owed::Sync, index + 1 == answers.len());
            }
            assert!(exchange.is_settled());
        }
    }

    /// Found by fuzzing our two sides against each other.
    #[test]
    fn an_error_between_the_syncs_of_a_refused_copy_is_not_legal() {
        let mut exchange = after(&[Owed::Rows, Owed::Sync], &[Tag::CopyInResponse]).unwrap();
        exchange.refuse_copy();
        exchange.accept(Tag::ErrorResponse).unwrap();
        exchange.accept(Tag::ReadyForQuery).unwrap();
        assert!(exchange.check(Tag::ErrorResponse).is_err() && exchange.accept(Tag::ErrorResponse).is_err());
    }

    #[test]
    fn what_nobody_asked_for_is_refused() {
        let illegal: [(&[Owed], &[Tag]); 8] = [
            (&[], &[Tag::ReadyForQuery]),
            (&[], &[Tag::ErrorResponse]),
            (&[], &[Tag::DataRow]),
            (&QUERY, &[Tag::DataRow]),
            (&QUERY, &[Tag::BindComplete]),
            (&QUERY, &[Tag::ErrorResponse, Tag::CommandComplete]),
            (&[Owed::Script], &[Tag::DataRow]),
            (&[Owed::Script], &[Tag::ErrorResponse, Tag::CommandComplete]),
        ];
        for (commands, messages) in illegal {
            assert!(after(commands, messages).is_err(), "{commands:?} {messages:?}");
        }
    }
}
