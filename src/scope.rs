use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long something may take, and who may end it: the request that a piece of work is done for.
///
/// A [session](crate::Pool::session) obeys it from the wait for a connection to the commit; so does a connection that
/// [was given one](crate::Connection::set_scope). What it ends is left as a future that is dropped: the connection is to be
/// settled, which a pool does by itself.
///
/// ```no_run
/// # async fn example(pool: &molt_db::Pool, shutdown: tokio_util::sync::CancellationToken) -> Result<(), molt_db::Error> {
/// use std::time::Duration;
///
/// use molt_db::Scope;
///
/// let scope = Scope::within(Duration::from_secs(2)).cancelled_by(shutdown.child_token());
/// let mut session = pool.session(scope).await?;
/// let (count,): (i64,) = session.query("select count(*) from orders").one().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Scope {
    deadline: Option<Instant>,
    token: Option<CancellationToken>,
}

impl Scope {
    /// Makes a scope that ends after this time, which begins here. One beyond what the clock can say is without end.
    pub fn within(time: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(time), token: None }
    }

    /// Makes a scope that ends at this time.
    pub fn until(deadline: std::time::Instant) -> Self {
        Self { deadline: Some(deadline.into()), token: None }
    }

    /// Has the scope end when this token is cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, token: CancellationToken) -> Self {
        self.token = Some(token);
        self
    }

    fn end(&self) -> Option<ScopeEnd> {
        if self.token.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return Some(ScopeEnd::Cancelled);
        }
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(ScopeEnd::Deadline)
    }
}

/// How a scope has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeEnd {
    Deadline,
    Cancelled,
}

/// The watch over a scope. Without a scope it costs nothing, and without a wait it arms nothing.
#[derive(Default)]
pub(crate) struct ScopeWatch {
    scope: Scope,
    deadline: Option<Pin<Box<Sleep>>>,
    cancelled: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl ScopeWatch {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope, deadline: None, cancelled: None }
    }

    /// Tells whether the scope has ended, and how.
    pub(crate) fn end(&self) -> Option<ScopeEnd> {
        self.scope.end()
    }

    /// Is ready once the scope has ended. The task is woken for it.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<ScopeEnd> {
        if let Some(token) = &self.scope.token {
            let cancelled = self.cancelled.get_or_insert_with(|| Box::pin(token.clone().cancelled_owned()));
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ScopeEnd::Cancelled);
            }
        }
        if let Some(deadline) = self.scope.deadline {
            // The runtime's timer keeps quiet while this task has used up its budget.
            let sleep = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if Instant::now() >= deadline || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ScopeEnd::Deadline);
            }
        }
        Poll::Pending
    }
}

impl fmt::Display for ScopeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "the deadline of its scope has passed",
            Self::Cancelled => "its scope was cancelled",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn ends(watch: &mut ScopeWatch) -> ScopeEnd {
        poll_fn(|cx| watch.poll_end(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_ends_at_its_deadline_and_not_before() {
        let begin = Instant::now();
        let mut watch = ScopeWatch::new(Scope::within(Duration::from_secs(2)));
        assert_eq!(watch.end(), None);
        assert_eq!(ends(&mut watch).await, ScopeEnd::Deadline);
        assert_eq!(begin.elapsed().as_secs(), 2);
        assert_eq!((watch.end(), ends(&mut watch).await), (Some(ScopeEnd::Deadline), ScopeEnd::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_ends_when_its_token_is_cancelled() {
        let token = CancellationToken::new();
        let mut watch = ScopeWatch::new(Scope::within(Duration::from_secs(9)).cancelled_by(token.clone()));
        let cancel = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            token.cancel();
        };
        let (end, ()) = tokio::join!(ends(&mut watch), cancel);
        assert_eq!((end, watch.end()), (ScopeEnd::Cancelled, Some(ScopeEnd::Cancelled)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_without_limits_does_not_end() {
        for scope in [Scope::default(), Scope::within(Duration::MAX)] {
            let mut watch = ScopeWatch::new(scope);
            let long = tokio::time::timeout(Duration::from_secs(1_000_000), ends(&mut watch));
            assert!(long.await.is_err() && watch.end().is_none());
        }
    }
}
