//! A caller that has to wait.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::connect::Connect;
use crate::held::Held;
use crate::ledger::{Departure, Errands, Grant, Turn};
use crate::pool::now;
use crate::queue::Ticket;
use crate::settler::Settler;
use crate::{AcquireError, Manager, Pool, PoolExhausted};

/// A place in the queue. Dropping it gives the place up, and passes on what may lie ready there.
pub(crate) struct Seat<'a, M: Manager> {
    pool: &'a Pool<M>,
    ticket: Ticket,
    arrived: Instant,
}

impl<'a, M: Manager> Seat<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, ticket: Ticket, arrived: Instant) -> Self {
        Self { pool, ticket, arrived }
    }

    /// Waits for a connection, for what is left of `max_wait`. May be called again, if the connection turns out dead.
    pub(crate) async fn wait(&self) -> Result<Held<M>, AcquireError<M::Error>> {
        let runtime = Handle::try_current().map_err(|_| AcquireError::NoRuntime)?;
        let waited = now().saturating_duration_since(self.arrived);
        let mut timer = pin!(sleep(self.pool.max_wait().saturating_sub(waited)));
        // The timer is asked first: after it has fired, one call of the ledger decides between a grant and giving up.
        poll_fn(|cx| match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(self.expire()),
            Poll::Pending => self.poll_turn(cx, &runtime),
        })
        .await
    }

    fn poll_turn(
        &self,
        cx: &mut Context<'_>,
        runtime: &Handle,
    ) -> Poll<Result<Held<M>, AcquireError<M::Error>>> {
        let now = now();
        let mut waker = Some(cx.waker().clone());
        let turn = self.pool.ledger().turn(self.ticket, &mut waker, runtime.id(), now);
        match turn {
            Turn::Granted(grant) => Poll::Ready(self.accept(grant)),
            Turn::Closed => Poll::Ready(Err(AcquireError::Closed)),
            Turn::Wait(errands) => {
                self.start(errands, runtime);
                Poll::Pending
            }
        }
    }

    /// Starts tasks, detached on purpose: they outlive this waiter.
    fn start(&self, errands: Errands, runtime: &Handle) {
        if let Some(badge) = errands.settler {
            drop(runtime.spawn(Settler::new(self.pool.downgrade(), badge).run()));
        }
        for permit in errands.connects {
            drop(runtime.spawn(Connect::new(self.pool.clone(), permit).run()));
        }
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
        let (status, departure) = {
            let mut ledger = self.pool.ledger();
            (ledger.status(now()), ledger.leave(self.ticket))
        };
        match departure {
            Some(Departure::Granted(grant)) => return self.accept(grant),
            Some(Departure::Queued { waker: _unused, wakes }) => wakes.wake(),
            None => {}
        }
        self.pool.counters().timed_out();
        Err(AcquireError::Exhausted(PoolExhausted::new(self.pool.max_wait(), status)))
    }
}

impl<M: Manager> Drop for Seat<'_, M> {
    fn drop(&mut self) {
        let departure = self.pool.ledger().leave(self.ticket);
        if departure.is_some() {
            self.pool.counters().cancelled();
        }
        match departure {
            Some(Departure::Queued { waker: _unused, wakes }) => wakes.wake(),
            Some(Departure::Granted(Grant::Connection(loan))) => self.pool.hold(loan).put_back(),
            Some(Departure::Granted(Grant::Failure(_))) | None => {}
        }
    }
}
