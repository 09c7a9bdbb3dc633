//! A caller that has to wait.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::runtime::{Handle, Id as RuntimeId};

use crate::connect::Connect;
use crate::held::Held;
use crate::keeper::Keeper;
use crate::ledger::{Claim, Departure, Errands, Grant, Ticket, Turn};
use crate::seams::now;
use crate::{AcquireError, Manager, Pool, QueueFull, Status};

/// A place in a lane. Dropping it gives the place up, and passes on what may lie ready there.
pub(crate) struct Seat<'a, M: Manager> {
    pool: &'a Pool<M>,
    claim: Claim,
    /// `None` before the first poll.
    ticket: Option<Ticket>,
}

impl<'a, M: Manager> Seat<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, claim: Claim) -> Self {
        Self { pool, claim, ticket: None }
    }

    /// Waits for a connection, for what is left of the caller's time, which a keeper watches. May be called again, if the
    /// connection turns out to be of no use.
    pub(crate) async fn wait(&mut self) -> Result<Held<M>, AcquireError<M::Error>> {
        let runtime = Handle::try_current().map_err(|_| AcquireError::NoRuntime)?;
        poll_fn(|cx| self.poll_turn(cx, &runtime)).await
    }

    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &Handle,
    ) -> Poll<Result<Held<M>, AcquireError<M::Error>>> {
        let failure = match self.turn(cx, runtime.id()) {
            Turn::Granted(Grant::Connection(loan)) => return Poll::Ready(Ok(self.pool.hold(loan))),
            Turn::Wait(errands) => {
                self.start(errands, runtime);
                return Poll::Pending;
            }
            Turn::Granted(Grant::Failure(failure)) => failure,
            Turn::Full(status) => self.refused(status),
            Turn::Late(late) => self.pool.exhausted(&self.claim, late),
            Turn::Closed => AcquireError::Closed,
        };
        Poll::Ready(Err(failure))
    }

    fn refused(&self, status: Status) -> AcquireError<M::Error> {
        self.pool.counters().count(|metrics| metrics.refused += 1);
        let lane = self.pool.settings().lanes[self.claim.lane].name.clone();
        AcquireError::QueueFull(QueueFull::new(lane, status))
    }

    pub(crate) fn turn(
        &mut self,
        cx: &mut Context<'_>,
        runtime: RuntimeId,
    ) -> Turn<M::Connection, AcquireError<M::Error>> {
        let mut waker = Some(cx.waker().clone());
        let mut ledger = self.pool.ledger();
        let turn = match self.ticket {
            Some(ticket) => ledger.turn(ticket, &self.claim, &mut waker, runtime, now()),
            None => {
                let (ticket, turn) = ledger.arrive(&self.claim, &mut waker, runtime, now());
                self.ticket = Some(ticket);
                turn
            }
        };
        // The lock goes first: dropping the waker that is left may run anything.
        drop(ledger);
        turn
    }

    /// Returns its place in the order of arrival.
    #[cfg(test)]
    pub(crate) fn place(&self) -> u64 {
        self.ticket.map_or(u64::MAX, |ticket| ticket.number)
    }

    /// Starts tasks, detached on purpose: they outlive this waiter.
    fn start(&self, errands: Errands, runtime: &Handle) {
        let Errands { connects, keeper, wakes } = errands;
        let connects: Vec<_> =
            connects.into_iter().map(|permit| Connect::new(self.pool.clone(), permit)).collect();
        if let Some(badge) = keeper {
            Keeper::start(self.pool, badge, runtime);
        }
        wakes.wake();
        connects.into_iter().for_each(|connect| drop(runtime.spawn(connect.run())));
    }
}

impl<M: Manager> Drop for Seat<'_, M> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let departure = self.pool.ledger().leave(ticket);
        if departure.is_some() {
            self.pool.counters().count(|metrics| metrics.cancelled += 1);
        }
        match departure {
            Some(Departure::Granted(Grant::Connection(loan))) => self.pool.hold(loan).put_back(),
            Some(Departure::Queued(waker)) => drop(waker),
            Some(Departure::Granted(Grant::Failure(_))) | None => {}
        }
    }
}
