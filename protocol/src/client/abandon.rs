use std::time::Instant;

use super::Client;
use super::commands::Closes;
use super::settle::{CancelOutcome, Owes, Sending, Settle, SettlePolicy, Settling, Tick};
use crate::exchange::Owed;
use crate::message;

/// Walking away from what is under way.
///
/// | what is under way | what is done |
/// |---|---|
/// | a query, a script, a COPY to the client | it is cancelled, again while ReadyForQuery is owed, and its answers are dropped |
/// | several segments | each is cancelled: one CancelRequest stops one segment |
/// | an open segment, a suspended portal | Sync |
/// | a COPY from the client | CopyFail; in the extended protocol one more Sync |
/// | a replication stream | CopyDone; what the server still sends is dropped |
///
/// A message that is half sent stays in the caller's buffer and is finished first. A transaction that is open stays
/// open: whose it is decides about it.
impl Client {
    /// Says that nobody waits any more for what is under way, and appends what ends it.
    ///
    /// From here on [`Client::receive`] hands out nothing but what is said unasked, and no command is taken until
    /// [`Client::poll_settle`] says that the session is settled. A second call changes nothing.
    pub fn abandon(&mut self, policy: SettlePolicy, now: Instant, out: &mut Vec<u8>) {
        if self.is_settled() || self.settling.is_some() {
            return;
        }
        self.settling = Some(Settling::new(policy, now));
        self.described = None;
        self.pipeline.abandon();
        // All queries are sent: what is left is a Sync, which can always be written.
        let _ = self.pump(Closes::Wait, out);
        match (&self.simple, self.session.exchange.takes_copy()) {
            (Some(_), true) if self.session.exchange.is_copy_both() => self.end_stream(out),
            (Some(_), true) => self.fail_copy(out),
            _ => {}
        }
    }

    /// Returns what to do next for a session that is to come to rest.
    ///
    /// Ask after [`Client::abandon`], after each read and write, and at the time it said. `sending` tells whether
    /// everything in `out` has gone to the network: a CancelRequest that is sent before the command is stops nothing.
    // PG docs: protocol-flow, "Canceling Requests in Progress"
    pub fn poll_settle(&mut self, sending: Sending, now: Instant, out: &mut Vec<u8>) -> Settle {
        let owes = self.owes();
        let Some(settling) = &mut self.settling else { return Settle::Settled };
        match settling.tick(now, owes, sending) {
            Tick::Tell(Settle::Settled) => {
                self.settling = None;
                Settle::Settled
            }
            Tick::Tell(settle) => settle,
            Tick::SendBarrier => {
                message::sync(out);
                self.session.exchange.owe(Owed::Sync);
                self.poll_settle(Sending::Unfinished, now, out)
            }
        }
    }

    /// Reports what came of the CancelRequest that [`Settle::Cancel`] asked for.
    pub fn cancel_over(&mut self, outcome: CancelOutcome, now: Instant) {
        if let Some(settling) = &mut self.settling {
            settling.cancel_over(now, outcome);
        }
    }

    fn owes(&self) -> Owes {
        let exchange = &self.session.exchange;
        if self.is_at_rest() {
            Owes::Nothing
        } else if self.key.is_none() || exchange.is_copy_both() || exchange.is_refusing() {
            Owes::Patience
        } else {
            Owes::Cancellable
        }
    }
}
