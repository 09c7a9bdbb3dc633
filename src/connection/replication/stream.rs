use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use molt_db_protocol::replication::Lsn;

use super::ReplicationEvent;
use super::queue::{Ended, Reader};
use crate::error::{Error, Kind, ReplicationProblem};

/// The changes that a replication slot brings, in the order of their commits. Made by
/// [`ReplicationClient::start`](super::ReplicationClient::start).
///
/// What was [confirmed](ReplicationStream::confirm) is not sent again; what was not is, whole transactions of it, when a
/// stream begins anew on the slot. So everything comes at least once, and after an interruption some of it twice. A
/// server before PostgreSQL 17 that is restarted may even forget what was confirmed shortly before. To have everything
/// once, store the `end_lsn` of a transaction together with what came of it, and begin
/// [from](super::ReplicationOptions::from) there.
///
/// Dropping it ends the stream, as [`ReplicationStream::stop`] does.
pub struct ReplicationStream {
    taken: VecDeque<ReplicationEvent>,
    reader: Reader,
}

impl ReplicationStream {
    pub(super) fn new(reader: Reader) -> Self {
        Self { taken: VecDeque::new(), reader }
    }

    /// Waits for the next event, `None` behind the last: the server has ended the stream.
    ///
    /// Nothing comes before the [`ReplicationDriver`](super::ReplicationDriver) runs.
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_connection_lost`], also where the driver was dropped;
    /// [`Error::is_protocol_violation`]. It is the end: begin anew with the slot, which goes on behind what was confirmed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn next(&mut self) -> Result<Option<ReplicationEvent>, Error> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Says that everything up to this position is done with, which the driver tells the server at once: the
    /// [`end_lsn`](ReplicationEvent::end_lsn) of a transaction, for one. The slot keeps nothing from before it, and none
    /// of it is sent again.
    ///
    /// A position before an earlier one changes nothing; one behind all that has come counts as that. Where everything
    /// is confirmed the driver goes on confirming what the server writes for others, so that an idle slot does not hold
    /// its log back. A server that is shut down waits until all that it has sent is confirmed: confirm soon.
    pub fn confirm(&self, position: Lsn) {
        self.reader.confirm(position);
    }

    /// Returns the position that was confirmed last, 0/0 if none was.
    pub fn confirmed(&self) -> Lsn {
        self.reader.confirmed()
    }

    /// Ends the stream: the driver tells the server what was confirmed, drops what it still sends, and gives the client
    /// back.
    pub fn stop(self) {}

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ReplicationEvent>, Error>> {
        loop {
            if let Some(event) = self.taken.pop_front() {
                return Poll::Ready(Ok(Some(event)));
            }
            match ready!(self.reader.poll_take(&mut self.taken, cx)) {
                Ok(()) => {}
                Err(Ended::Regular) => return Poll::Ready(Ok(None)),
                Err(Ended::Failed(error)) => return Poll::Ready(Err(error)),
                Err(Ended::Abandoned) => {
                    return Poll::Ready(Err(Kind::Replication(ReplicationProblem::Undriven).into()));
                }
            }
        }
    }
}

impl Stream for ReplicationStream {
    type Item = Result<ReplicationEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx).map(Result::transpose)
    }
}

impl fmt::Debug for ReplicationStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicationStream").field("confirmed", &self.confirmed()).finish_non_exhaustive()
    }
}
