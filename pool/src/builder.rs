//! The pool's settings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::settings::{Backoff, Settings};
use crate::{Lane, Manager, Pool};

/// The settings of a [`Pool`], from [`Pool::builder`].
///
/// A duration that may be absent is set by a `Duration` or by `None`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder<M> {
    manager: M,
    settings: Settings,
}

/// The settings of a pool whose manager is not known yet.
impl Default for Builder<()> {
    fn default() -> Self {
        Self::new(())
    }
}

impl<M> Builder<M> {
    pub(crate) fn new(manager: M) -> Self {
        Self { manager, settings: Settings::default() }
    }

    /// Sets the manager, and keeps everything else.
    pub fn manager<N: Manager>(self, manager: N) -> Builder<N> {
        Builder { manager, settings: self.settings }
    }

    /// Sets how many connections are kept, used or not. Default 0.
    ///
    /// They are opened in parallel, and replaced when they are lost. That begins when the pool is built, if this is in a
    /// tokio runtime, or else when somebody waits for a connection in one.
    pub fn min_conns(mut self, min_conns: usize) -> Self {
        self.settings.min_conns = min_conns;
        self
    }

    /// Sets the most connections there may be, those in use and those being opened included. Default 10.
    ///
    /// At the limit, callers wait for a connection to come back. A connection that is dropped keeps its slot until its
    /// `Drop` has run.
    pub fn max_conns(mut self, max_conns: usize) -> Self {
        self.settings.max_conns = max_conns;
        self
    }

    /// Sets how many connects may be in progress at a time. Default 8.
    ///
    /// More of them warm a cold pool faster and cost the other side more at once. A connect that takes more than a second,
    /// and four times as long as usual, is not counted: it may hang, and shall keep nobody from growing the pool.
    pub fn max_connecting(mut self, connects: usize) -> Self {
        self.settings.max_connecting = connects;
        self
    }

    /// Sets how long an acquire may take in all, waiting and connecting included. Default 5 seconds.
    ///
    /// At the limit, the caller gets [`PoolExhausted`](crate::PoolExhausted). The default is shorter than what most
    /// clients of a service wait, so an overload shows as errors that say so rather than as a queue of callers that
    /// have gone. Its cost: a burst that takes longer than this to work off, or a connect that takes longer, fails
    /// although patience would have helped. Such a connect still completes, for the next caller. Batch jobs may want
    /// minutes. The timer's grain is a millisecond. To not wait at all, use [`Pool::try_acquire`].
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.settings.max_wait = max_wait;
        self
    }

    /// Sets how long a connection may lie idle before it is dropped, if there are more than
    /// [`min_conns`](Self::min_conns). `None` is for ever. Default 10 minutes.
    ///
    /// The connection used last is used first, so that those a lull does not need go unused and the pool shrinks.
    pub fn max_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.max_idle = limit.into();
        self
    }

    /// Sets how old a connection may become. `None` is for ever. Default 30 minutes.
    ///
    /// It is dropped when it is idle then, or else when it comes back; nobody is interrupted. That lets memory go that has
    /// gathered in the other side, and finds servers that were added. Each connection's own limit is up to a tenth
    /// shorter, by chance, so that those opened together do not end together.
    pub fn max_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.max_lifetime = limit.into();
        self
    }

    /// Sets how long a connection may lie idle before [`Manager::check`] is asked whether it lives. `None` never asks.
    /// Default 30 seconds, up to a tenth less by chance.
    ///
    /// That finds what [`Manager::is_alive`] cannot see, such as a middlebox that has forgotten the connection, and keeps
    /// it from forgetting.
    pub fn health_check_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.settings.health_check_interval = interval.into();
        self
    }

    /// Sets how long a caller may have a connection before [`Manager::leaked`] hears of it, and
    /// [`Metrics::leaked`](crate::Metrics::leaked) counts it. The connection stays with its holder. `None`, the default,
    /// never tells.
    pub fn leak_after(mut self, bound: impl Into<Option<Duration>>) -> Self {
        self.settings.leak_after = bound.into();
        self
    }

    /// Sets how long a connection lies ready for a waiter that was woken and does not run. Default 1 second.
    ///
    /// After that it goes to the next one. A future that is kept and not polled, as some `select!` loops do, holds up
    /// nobody for longer than this. Too short a time lets a runtime that is overloaded pass connections around.
    pub fn grant_timeout(mut self, limit: Duration) -> Self {
        self.settings.grant_timeout = limit;
        self
    }

    /// Sets how long [`Manager::connect`] may take. Default 30 seconds. A connect that takes longer is given up, and tried
    /// again like one that failed [for now](crate::Verdict::Transient).
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// Sets how long [`Manager::settle`] may take, and [`Manager::check`]. Default 10 seconds. A connection that takes
    /// longer is dropped.
    pub fn settle_timeout(mut self, limit: Duration) -> Self {
        self.settings.settle_timeout = limit;
        self
    }

    /// Sets how long to wait after a failed connect before the next, at first and at most. Default 50 milliseconds and 5
    /// seconds.
    ///
    /// The time doubles with each failure, and is up to half as long, by chance. Until a connect succeeds again, one at a
    /// time is tried. A waiter whose `max_wait` is shorter than the pause may not see the server's return.
    pub fn connect_backoff(mut self, min: Duration, max: Duration) -> Self {
        self.settings.backoff = Backoff { min, max };
        self
    }

    /// Adds a lane, for [`Request::lane`](crate::Request::lane), or, without a name, sets the one of callers that name
    /// none.
    ///
    /// There are as many as are set here: hash tenants over a few lanes where they are many.
    pub fn lane(mut self, lane: Lane) -> Self {
        match &mut self.settings.lanes[..] {
            [default, ..] if lane.name.is_empty() => *default = lane,
            _ => self.settings.lanes.push(lane),
        }
        self
    }
}

impl<M: Manager> Builder<M> {
    /// Builds the pool. Needs no runtime, and opens no connection but those that are [kept](Self::min_conns).
    ///
    /// # Errors
    ///
    /// What makes no sense is refused: a size, a limit or a weight of zero, a minimum above its maximum, two lanes of one
    /// name.
    pub fn build(self) -> Result<Pool<M>, BuildError> {
        check(&self.settings)?;
        Ok(Pool::new(self.manager, self.settings))
    }
}

/// Why [`Builder::build`] refused the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// `max_conns` is zero: nobody could ever be served.
    NoConnections,
    /// `min_conns` is above `max_conns`.
    MinAboveMax {
        /// `min_conns`.
        min: usize,
        /// `max_conns`.
        max: usize,
    },
    /// `max_connecting` is zero: no connection could ever be opened.
    NoConnects,
    /// `max_wait` is zero: nobody would ever wait for a connection to be opened.
    NoWait,
    /// A limit of time is zero: what it limits could never be done.
    NoTime(&'static str),
    /// The first of the two times of `connect_backoff` is above the second, or zero.
    Backoff,
    /// The weight of a lane is zero: nobody in it would ever be served.
    NoWeight(Cow<'static, str>),
    /// Two lanes have one name.
    LaneTwice(Cow<'static, str>),
}

impl BuildError {
    pub(crate) fn check_size(min: usize, max: usize) -> Result<(), Self> {
        match (min, max) {
            (_, 0) => Err(Self::NoConnections),
            _ if min > max => Err(Self::MinAboveMax { min, max }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnections => f.write_str("max_conns must be at least 1"),
            Self::MinAboveMax { min, max } => {
                write!(f, "min_conns ({min}) must not be above max_conns ({max})")
            }
            Self::NoConnects => f.write_str("max_connecting must be at least 1"),
            Self::NoWait => f.write_str("max_wait must be longer than zero"),
            Self::NoTime(setting) => write!(f, "{setting} must be longer than zero"),
            Self::Backoff => {
                f.write_str("connect_backoff must begin above zero, and not above where it ends")
            }
            Self::NoWeight(lane) => write!(f, "the weight of lane {lane:?} must be at least 1"),
            Self::LaneTwice(lane) => write!(f, "there are two lanes by the name of {lane:?}"),
        }
    }
}

impl Error for BuildError {}

fn check(settings: &Settings) -> Result<(), BuildError> {
    BuildError::check_size(settings.min_conns, settings.max_conns)?;
    if settings.max_connecting == 0 {
        return Err(BuildError::NoConnects);
    }
    if settings.max_wait.is_zero() {
        return Err(BuildError::NoWait);
    }
    let limits = [
        ("max_idle", settings.max_idle),
        ("max_lifetime", settings.max_lifetime),
        ("health_check_interval", settings.health_check_interval),
        ("leak_after", settings.leak_after),
        ("grant_timeout", Some(settings.grant_timeout)),
        ("connect_timeout", Some(settings.connect_timeout)),
        ("settle_timeout", Some(settings.settle_timeout)),
    ];
    if let Some((setting, _)) = limits.into_iter().find(|(_, limit)| *limit == Some(Duration::ZERO)) {
        return Err(BuildError::NoTime(setting));
    }
    let Backoff { min, max } = settings.backoff;
    if min.is_zero() || min > max {
        return Err(BuildError::Backoff);
    }
    check_lanes(&settings.lanes)
}

fn check_lanes(lanes: &[Lane]) -> Result<(), BuildError> {
    if let Some(lane) = lanes.iter().find(|lane| lane.weight == 0) {
        return Err(BuildError::NoWeight(lane.name.clone()));
    }
    let mut names = BTreeSet::new();
    match lanes.iter().find(|lane| !names.insert(&lane.name)) {
        Some(lane) => Err(BuildError::LaneTwice(lane.name.clone())),
        None => Ok(()),
    }
}
