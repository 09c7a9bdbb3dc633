//! What a pool was told to do, once it has been found possible.

use std::time::Duration;

use crate::Lane;

/// The settings of a pool. [`Builder`](crate::Builder) says what each means.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) min_conns: usize,
    pub(crate) max_conns: usize,
    pub(crate) max_connecting: usize,
    pub(crate) max_wait: Duration,
    pub(crate) max_idle: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) health_check_interval: Option<Duration>,
    pub(crate) leak_after: Option<Duration>,
    pub(crate) grant_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) settle_timeout: Duration,
    pub(crate) backoff: Backoff,
    /// The first is the one of callers that name none.
    pub(crate) lanes: Vec<Lane>,
}

/// How long to wait after a failed connect, at first and at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_conns: 0,
            max_conns: 10,
            max_connecting: 8,
            max_wait: Duration::from_secs(5),
            max_idle: Some(Duration::from_secs(10 * 60)),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            health_check_interval: Some(Duration::from_secs(30)),
            leak_after: None,
            grant_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(30),
            settle_timeout: Duration::from_secs(10),
            backoff: Backoff { min: Duration::from_millis(50), max: Duration::from_secs(5) },
            lanes: vec![Lane::default()],
        }
    }
}
