use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The limit of the operation under way, on one timer that serves all operations of a connection.
///
/// Setting a limit costs nothing: the clock is read when there is something to wait for. The runtime's timer stays
/// armed for an earlier deadline and, when it fires too soon for the current one, is armed again: once per limit
/// instead of once per query.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    limit: Option<Limit>,
    deadline: Option<Instant>,
    armed: Option<Pin<Box<Sleep>>>,
}

/// What a limit of time is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// A whole call.
    Call(Duration),
    /// Each wait for the server to send anything.
    Silence(Duration),
}

impl Limit {
    pub(crate) fn length(self) -> Duration {
        match self {
            Self::Call(length) | Self::Silence(length) => length,
        }
    }
}

impl Timer {
    /// Sets the limit, which begins with the first wait.
    pub(crate) fn set(&mut self, limit: Option<Limit>) {
        self.limit = limit;
        self.deadline = None;
    }

    /// Notes that the server has sent something.
    pub(crate) fn progress(&mut self) {
        if let Some(Limit::Silence(_)) = self.limit {
            self.deadline = None;
        }
    }

    /// Is ready, with the limit, once that has passed. The task is woken for it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert_with(|| far_enough(now, limit.length()));
        // The runtime's timer keeps quiet while this task has used up its budget, which a flood from the server does.
        if now >= deadline {
            return Poll::Ready(limit);
        }
        let armed = self.armed.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if armed.deadline() > deadline {
            armed.as_mut().reset(deadline);
        }
        while armed.as_mut().poll(cx).is_ready() {
            if armed.deadline() >= deadline {
                return Poll::Ready(limit);
            }
            armed.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// A limit beyond what the clock can say is one of a hundred years.
fn far_enough(now: Instant, length: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now.checked_add(length).unwrap_or_else(|| now + CENTURY)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn is_waiting(timer: &mut Timer) {
        assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx).is_pending())).await);
    }

    async fn expires(timer: &mut Timer) {
        poll_fn(|cx| timer.poll(cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn later_and_earlier_deadlines_hold_on_the_same_timer() {
        let mut timer = Timer::default();
        for seconds in [5, 9, 2] {
            let begin = Instant::now();
            timer.set(Some(Limit::Call(Duration::from_secs(seconds))));
            expires(&mut timer).await;
            assert_eq!(begin.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_armed_for_an_earlier_deadline_waits_for_the_current_one() {
        let mut timer = Timer::default();
        timer.set(Some(Limit::Call(Duration::from_secs(5))));
        is_waiting(&mut timer).await;
        tokio::time::advance(Duration::from_secs(3)).await;
        let begin = Instant::now();
        timer.set(Some(Limit::Call(Duration::from_secs(5))));
        expires(&mut timer).await;
        assert_eq!(begin.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_it_never_expires() {
        let mut timer = Timer::default();
        timer.set(Some(Limit::Call(Duration::from_secs(1))));
        timer.set(None);
        let long = Duration::from_secs(1_000_000);
        assert!(tokio::time::timeout(long, expires(&mut timer)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_next_byte_and_a_call_does_not() {
        for (limit, seconds) in
            [(Limit::Silence(Duration::from_secs(5)), 8), (Limit::Call(Duration::from_secs(5)), 5)]
        {
            let mut timer = Timer::default();
            timer.set(Some(limit));
            let begin = Instant::now();
            is_waiting(&mut timer).await;
            tokio::time::advance(Duration::from_secs(3)).await;
            timer.progress();
            expires(&mut timer).await;
            assert_eq!(begin.elapsed().as_secs(), seconds, "{limit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_beyond_the_clock_is_a_long_one() {
        let mut timer = Timer::default();
        timer.set(Some(Limit::Call(Duration::MAX)));
        is_waiting(&mut timer).await;
    }
}
