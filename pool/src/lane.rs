//! Lanes, as users see them.

use std::borrow::Cow;
use std::time::Duration;

/// A queue of its own for some of a pool's callers: a tenant, a kind of work. See [`Builder::lane`](crate::Builder::lane).
///
/// While there are not enough connections for everyone, lanes share the time of the connections by their weights,
/// however many callers stand in each. A lane that wants less than its share leaves the rest to the others.
///
/// ```
/// use molt_db_pool::Lane;
///
/// let lanes = [Lane::new("web").weight(4), Lane::new("reports").max_waiting(20)];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Lane {
    pub(crate) name: Cow<'static, str>,
    pub(crate) weight: u32,
    pub(crate) max_waiting: usize,
}

impl Lane {
    /// Makes a lane by this name, of weight 1 and without a limit of waiters.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), weight: 1, max_waiting: usize::MAX }
    }

    /// Sets the lane's share of the connections, against the weights of the others, from 1. Default 1.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Sets how many callers may wait in the lane. Default no limit.
    ///
    /// At the limit, a caller that would have to wait gets [`AcquireError::QueueFull`](crate::AcquireError::QueueFull)
    /// at once: it is told so while it still has time to do something else. 0 lets nobody wait.
    pub fn max_waiting(mut self, waiters: usize) -> Self {
        self.max_waiting = waiters;
        self
    }
}

/// The lane of callers that name none: its name is empty.
impl Default for Lane {
    fn default() -> Self {
        Self::new("")
    }
}

/// A lane's figures at one moment, from [`Pool::lanes`](crate::Pool::lanes).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStatus {
    /// The lane's name. It is empty for the lane of callers that name none.
    pub name: Cow<'static, str>,
    /// The lane's weight.
    pub weight: u32,
    /// The callers that wait in it.
    pub waiting: usize,
    /// The connections that its callers have, handed out or handed over.
    pub in_use: usize,
    /// The connections its callers were given since the pool was built.
    pub grants: u64,
    /// How long its callers have had connections, in sum, those that came back.
    pub held: Duration,
}
