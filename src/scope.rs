use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use molt_db_pool::Request;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::error::{Error, Fate, Kind};

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
    tag: Option<&'static str>,
    lane: Option<Cow<'static, str>>,
}

impl Scope {
    /// Makes a scope that ends after this time, which begins here. One beyond what the clock can say is without end.
    pub fn within(time: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(time), ..Self::default() }
    }

    /// Makes a scope that ends at this time.
    pub fn until(deadline: std::time::Instant) -> Self {
        Self { deadline: Some(deadline.into()), ..Self::default() }
    }

    /// Has the scope end when this token is cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, token: CancellationToken) -> Self {
        self.token = Some(token);
        self
    }

    /// Names the kind of work: errors of the scope's end, [slow statements](crate::Config::on_slow_statement) and
    /// [holders](crate::Pool::holders) of a pool's connections tell the name.
    #[must_use]
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Has [sessions](crate::Pool::session) wait for their connection in this lane of the pool, one of those
    /// that it [was built with](crate::PoolBuilder::lane).
    #[must_use]
    pub fn lane(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.lane = Some(name.into());
        self
    }

    /// Returns what a pool is to know of it.
    pub(crate) fn request(&self) -> Request<'_> {
        let mut request = Request::new();
        if let Some(tag) = self.tag {
            request = request.tag(tag);
        }
        if let Some(lane) = &self.lane {
            request = request.lane(lane);
        }
        request
    }

    /// Tells whether it can end at all.
    pub(crate) fn has_limits(&self) -> bool {
        self.deadline.is_some() || self.token.is_some()
    }

    pub(crate) fn get_tag(&self) -> Option<&'static str> {
        self.tag
    }

    /// Tells whether the scope has ended, and how.
    pub(crate) fn end(&self) -> Option<ScopeOver> {
        self.how().map(|end| self.over(end))
    }

    fn over(&self, end: ScopeEnd) -> ScopeOver {
        ScopeOver { end, tag: self.tag }
    }

    fn how(&self) -> Option<ScopeEnd> {
        if self.token.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return Some(ScopeEnd::Cancelled);
        }
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(ScopeEnd::Deadline)
    }
}

/// A scope that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScopeOver {
    pub(crate) end: ScopeEnd,
    tag: Option<&'static str>,
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

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Runs something up to the end of the scope. If that has come already, nothing of it is run.
    ///
    /// # Cancel safety
    ///
    /// That of what is run.
    pub(crate) async fn bound<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if let Some(over) = self.scope.end() {
            return Err(Kind::ScopeOver { over, outcome: Fate::None }.into());
        }
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                self.poll_end(cx).map(|over| Err(Kind::ScopeOver { over, outcome: Fate::None }.into()))
            }
        })
        .await
    }

    /// Is ready once the scope has ended. The task is woken for it.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<ScopeOver> {
        if let Some(token) = &self.scope.token {
            let cancelled = self.cancelled.get_or_insert_with(|| Box::pin(token.clone().cancelled_owned()));
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(self.scope.over(ScopeEnd::Cancelled));
            }
        }
        if let Some(deadline) = self.scope.deadline {
            // The runtime's timer keeps quiet while this task has used up its budget.
            let sleep = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if Instant::now() >= deadline || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(self.scope.over(ScopeEnd::Deadline));
            }
        }
        Poll::Pending
    }
}

impl fmt::Display for ScopeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.end {
            ScopeEnd::Deadline => "the deadline of its scope has passed",
            ScopeEnd::Cancelled => "its scope was cancelled",
        })?;
        self.tag.iter().try_for_each(|tag| write!(f, " ({tag})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ends(watch: &mut ScopeWatch) -> ScopeEnd {
        poll_fn(|cx| watch.poll_end(cx)).await.end
    }

    fn end(watch: &ScopeWatch) -> Option<ScopeEnd> {
        watch.scope().end().map(|over| over.end)
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_ends_at_its_deadline_and_not_before() {
        let begin = Instant::now();
        let mut watch = ScopeWatch::new(Scope::within(Duration::from_secs(2)));
        assert_eq!(end(&watch), None);
        assert_eq!(ends(&mut watch).await, ScopeEnd::Deadline);
        assert_eq!(begin.elapsed().as_secs(), 2);
        assert_eq!((end(&watch), ends(&mut watch).await), (Some(ScopeEnd::Deadline), ScopeEnd::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_ends_when_its_token_is_cancelled() {
        let token = CancellationToken::new();
        let mut watch = ScopeWatch::new(Scope::within(Duration::from_secs(9)).cancelled_by(token.clone()));
        let cancel = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            token.cancel();
        };
        let (how, ()) = tokio::join!(ends(&mut watch), cancel);
        assert_eq!((how, end(&watch)), (ScopeEnd::Cancelled, Some(ScopeEnd::Cancelled)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_without_limits_does_not_end() {
        for scope in [Scope::default(), Scope::within(Duration::MAX)] {
            let mut watch = ScopeWatch::new(scope);
            let long = tokio::time::timeout(Duration::from_secs(1_000_000), ends(&mut watch));
            assert!(long.await.is_err() && end(&watch).is_none());
        }
    }
}
