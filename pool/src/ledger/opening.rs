//! The connects in progress, what they take, and what follows from those that failed.

use std::time::{Duration, Instant};

use super::places::Places;
use super::times::{Times, Usual};
use crate::Verdict;
use crate::dice::Dice;
use crate::settings::Backoff;

#[derive(Debug)]
pub(super) struct Opening {
    /// When each began.
    begun: Places<Instant>,
    usual: Usual,
    /// When one succeeded last.
    succeeded: Option<Instant>,
    /// How many pauses there were in a row.
    pauses: u32,
    pause: Option<Pause>,
    backoff: Backoff,
}

/// What follows from a failed connect: no other is started until then, for some purposes.
#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    verdict: Verdict,
}

/// The right, and the duty, to start one connect. It ends in [`Ledger::connected`], [`Ledger::connect_failed`] or
/// [`Ledger::connect_abandoned`].
///
/// [`Ledger::connected`]: super::Ledger::connected
/// [`Ledger::connect_failed`]: super::Ledger::connect_failed
/// [`Ledger::connect_abandoned`]: super::Ledger::connect_abandoned
#[derive(Debug)]
#[must_use]
pub(crate) struct ConnectPermit {
    place: usize,
}

impl Opening {
    pub(super) fn new(backoff: Backoff) -> Self {
        let begun = Places::default();
        Self { begun, usual: Usual::default(), succeeded: None, pauses: 0, pause: None, backoff }
    }

    pub(super) fn len(&self) -> usize {
        self.begun.len()
    }

    pub(super) fn begin(&mut self, now: Instant) -> ConnectPermit {
        ConnectPermit { place: self.begun.take(now) }
    }

    /// Books the end of a connect, however it went. Returns how long it took.
    pub(super) fn end(&mut self, permit: ConnectPermit, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun.leave(permit.place))
    }

    pub(super) fn succeed(&mut self, took: Duration, now: Instant) {
        self.usual.observe(took);
        self.succeeded = Some(now);
        self.pauses = 0;
        self.pause = None;
    }

    /// Books a failure. Several that fail together are one reason to pause.
    pub(super) fn fail(&mut self, verdict: Verdict, dice: &mut Dice, now: Instant) {
        let paused = self.pause.is_some_and(|pause| pause.until > now);
        if !paused {
            self.pauses = self.pauses.saturating_add(1);
        }
        let until = match self.pause {
            Some(pause) if paused => pause.until,
            _ => now + self.delay(dice),
        };
        self.pause = Some(Pause { until, verdict });
    }

    /// Returns how long a connect takes, as far as that is known.
    pub(super) fn usual(&self) -> Duration {
        self.usual.get().unwrap_or_default()
    }

    /// Returns how long a connect takes at least, if that was seen lately.
    pub(super) fn sure(&self, now: Instant) -> Duration {
        let lately = self.succeeded.is_some_and(|at| now.saturating_duration_since(at) < BELIEVED);
        if lately { self.usual() } else { Duration::ZERO }
    }

    /// Counts the connects that may be hoped for. One that takes far too long is not among them, and keeps nobody else
    /// from connecting.
    pub(super) fn hopeful(&self, now: Instant) -> usize {
        let patience = self.patience();
        self.begun.iter().filter(|&&begun| now.saturating_duration_since(begun) < patience).count()
    }

    /// Counts the connects that may be started beside the hopeful ones. After a failure one tries for all.
    pub(super) fn room(&self, max_connecting: usize, now: Instant) -> usize {
        let most = if self.pauses > 0 { 1 } else { max_connecting };
        most.saturating_sub(self.hopeful(now))
    }

    /// Tells whether connects are held back that somebody waits for. A failure that goes to a waiter ends its wait, so
    /// the next one has its own try.
    pub(super) fn is_paused_for_waiters(&self, now: Instant) -> bool {
        self.pause.is_some_and(|pause| pause.until > now && pause.verdict == Verdict::Transient)
    }

    /// Tells whether connects are held back that nobody waits for.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.pause.is_some_and(|pause| pause.until > now)
    }

    /// Returns when there will be more room, as time goes by.
    pub(super) fn opens_at(&self, now: Instant) -> Option<Instant> {
        let paused = self.pause.map(|pause| pause.until);
        let given_up = self.begun.iter().map(|&begun| Some(begun + self.patience()));
        Times::first(given_up.chain([paused]).filter(|moment| *moment > Some(now)))
    }

    fn patience(&self) -> Duration {
        PATIENCE.max(self.usual() * 4)
    }

    /// Doubles with each pause. Up to half of it is left to chance, so that many who were refused together do not come
    /// back together.
    fn delay(&self, dice: &mut Dice) -> Duration {
        let doublings = self.pauses.saturating_sub(1).min(31);
        let most = self.backoff.min.saturating_mul(1 << doublings).min(self.backoff.max);
        most / 2 + dice.up_to(most / 2)
    }
}

/// How long a connect may take, if they usually take less than a quarter of it, before another is started beside it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one that succeeded says how long others take at least.
const BELIEVED: Duration = Duration::from_secs(10);
