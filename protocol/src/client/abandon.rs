use std::time::Instant;

use super::Client;
use super::sending::Closes;
use super::settle::{CancelOutcome, OpenTransaction, Owes, Sending, Settle, SettlePolicy, Settling, Tick};
use crate::exchange::Owed;
use crate::message::{self, TransactionStatus};

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
/// | a transaction that is open when all of that is over | it is made to fail, or rolled back: [`SettlePolicy::transaction`] |
///
/// A message that is half sent stays in the caller's buffer and is finished first.
impl Client {
    /// Says that nobody waits any more for what is under way, and appends what ends it. Where nothing is, it does
    /// nothing, unless a transaction is to be rolled back.
    ///
    /// From here on [`Client::receive`] hands out nothing but what is said unasked, and no command is taken until
    /// [`Client::poll_settle`] says that the session is settled. A second call changes nothing.
    pub fn abandon(&mut self, policy: SettlePolicy, now: Instant, out: &mut Vec<u8>) {
        if self.settling.is_some() || (self.is_settled() && !self.leaves_transaction(policy.transaction)) {
            return;
        }
        if policy.transaction == OpenTransaction::IsRolledBack {
            self.leads.clear();
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
        match settling.tick(now, owes, self.status, sending) {
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
            Tick::EndTransaction(script) => {
                // A literal without NUL can always be written.
                let _ = message::query(script, out);
                self.session.exchange.owe(Owed::Script);
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

    /// Tells whether something of a transaction is left over on a session that is at rest, and not to stay.
    fn leaves_transaction(&self, policy: OpenTransaction) -> bool {
        policy == OpenTransaction::IsRolledBack
            && (self.status != TransactionStatus::Idle || !self.leads.is_empty())
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
