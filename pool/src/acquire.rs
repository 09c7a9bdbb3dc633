//! A caller that has to wait.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::time::sleep_until;

use crate::connect::Connect;
use crate::held::Held;
use crate::keeper::Keeper;
use crate::ledger::{Claim, Departure, Errands, Grant, Ticket, Turn};
use crate::pool::now;
use crate::{AcquireError, Manager, Pool, QueueFull};

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

    /// Waits for a connection, for what is left of the caller's time. May be called again, if the connection turns out
    /// to be of no use.
    pub(crate) async fn wait(&mut self) -> Result<Held<M>, AcquireError<M::Error>> {
        let runtime = Handle::try_current().map_err(|_| AcquireError::NoRuntime)?;
        let mut timer = pin!(sleep_until(self.claim.until.into()));
        // The timer is asked first: after it has fired, one call of the ledger decides between a grant and giving up.
        poll_fn(|cx| match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(self.expire()),
            Poll::Pending => self.poll_turn(cx, &runtime),
        })
        .await
    }

    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &Handle,
    ) -> Poll<Result<Held<M>, AcquireError<M::Error>>> {
        match self.turn(cx, runtime) {
            Turn::Granted(grant, wakes) => {
                let accepted = self.accept(grant);
                wakes.wake();
                Poll::Ready(accepted)
            }
            Turn::Closed => Poll::Ready(Err(AcquireError::Closed)),
            Turn::Full(status) => {
                self.pool.counters().count(|metrics| metrics.refused += 1);
                let lane = self.pool.settings().lanes[self.claim.lane].name.clone();
                Poll::Ready(Err(AcquireError::QueueFull(QueueFull::new(lane, status))))
            }
            Turn::Wait(errands) => {
                self.start(errands, runtime);
                Poll::Pending
            }
        }
    }

    fn turn(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &Handle,
    ) -> Turn<M::Connection, AcquireError<M::Error>> {
        let mut waker = Some(cx.waker().clone());
        let mut ledger = self.pool.ledger();
        let turn = match self.ticket {
            Some(ticket) => ledger.turn(ticket, &self.claim, &mut waker, runtime.id(), now()),
            None => {
                let (ticket, turn) = ledger.arrive(&self.claim, &mut waker, runtime.id(), now());
                self.ticket = Some(ticket);
                turn
            }
        };
        // The lock goes first: dropping the waker that is left may run anything.
        drop(ledger);
        turn
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

    fn accept(
        &self,
        grant: Grant<M::Connection, AcquireError<M::Error>>,
    ) -> Result<Held<M>, AcquireError<M::Error>> {
        match grant {
            Grant::Connection(loan) => Ok(self.pool.hold(loan)),
            Grant::Failure(failure) => Err(failure),
        }
    }

    /// Gives up, unless something was granted at the last moment.
    fn expire(&self) -> Result<Held<M>, AcquireError<M::Error>> {
        let (status, failure, departure) = {
            let mut ledger = self.pool.ledger();
            let status = ledger.status(now());
            let departure = self.ticket.and_then(|ticket| ledger.leave(ticket));
            (status, ledger.latest_failure(), departure)
        };
        if let Some(Departure::Granted(grant)) = departure {
            return self.accept(grant);
        }
        Err(self.pool.exhausted(&self.claim, status, failure))
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
