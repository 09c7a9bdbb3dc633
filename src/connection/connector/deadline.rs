use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::ConnectCause;

/// The time that one address has, from the lookup of its name to a session that is ready.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    limit: Duration,
    /// `None` where the limit is infinite, or beyond what the clock can say.
    at: Option<Instant>,
}

impl Deadline {
    /// Begins.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let at = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { limit: limit.unwrap_or(Duration::MAX), at }
    }

    /// Gives a part of the work what is left of the time.
    pub(super) async fn bound<T>(
        self,
        work: impl Future<Output = Result<T, ConnectCause>>,
    ) -> Result<T, ConnectCause> {
        match self.at {
            None => work.await,
            Some(at) => timeout_at(at, work).await.unwrap_or(Err(ConnectCause::Timeout(self.limit))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    async fn of_length(length: Duration) -> Result<(), ConnectCause> {
        sleep(length).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn the_parts_of_an_attempt_share_its_time() {
        let part = Duration::from_millis(40);
        let deadline = Deadline::new(Some(Duration::from_millis(100)));
        assert!(deadline.bound(of_length(part)).await.is_ok());
        assert!(deadline.bound(of_length(part)).await.is_ok());
        let ended = deadline.bound(of_length(part)).await;
        assert!(matches!(ended, Err(ConnectCause::Timeout(limit)) if limit.as_millis() == 100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_beyond_the_clock_is_none() {
        for limit in [None, Some(Duration::MAX)] {
            let long = of_length(Duration::from_secs(1_000_000));
            assert!(Deadline::new(limit).bound(long).await.is_ok());
        }
    }
}
