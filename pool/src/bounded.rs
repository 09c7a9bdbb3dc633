//! A manager's futures, within bounds.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// How something ended that a manager was asked to do.
pub(crate) enum Ended<T> {
    Done(T),
    Panicked,
    /// It took too long, or the pool does not wait for it any more.
    Overdue,
}

/// Waits for `future`, but neither longer than `limit` nor beyond the forced end of the pool.
pub(crate) async fn bounded<T>(
    limit: Duration,
    mut forced: watch::Receiver<bool>,
    future: impl Future<Output = T>,
) -> Ended<T> {
    let mut future = pin!(future);
    let mut timer = pin!(sleep(limit));
    // Only the pool itself sends; while this runs, it is there.
    let mut force = pin!(forced.wait_for(|forced| *forced));
    poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(done)) => return Poll::Ready(Ended::Done(done)),
            Err(_panic) => return Poll::Ready(Ended::Panicked),
            Ok(Poll::Pending) => {}
        }
        let over = timer.as_mut().poll(cx).is_ready() || force.as_mut().poll(cx).is_ready();
        if over { Poll::Ready(Ended::Overdue) } else { Poll::Pending }
    })
    .await
}
