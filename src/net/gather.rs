//! Waking up less where much arrives.
//!
//! A server sends 8 KiB at a time, and a client that waits is woken for each, which costs more than to decode them. Once
//! one result has brought [`MUCH`], the socket is asked to wake us for [`ENOUGH`] only. The end of a result, or a server
//! that has slowed down, sends less and waits: when nothing has come for a [`LULL`], the socket wakes us for anything
//! again, until [`AGAIN`] has come.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::Stream;
use crate::config::Wakeups;

/// How a connection is woken for what arrives.
#[derive(Debug)]
pub(crate) struct Gather {
    state: State,
    /// What has arrived since the last command ended.
    arrived: usize,
    lull: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For anything, so far.
    Counting,
    /// For enough.
    Gathering,
    /// As before, and something has come since.
    Resumed,
    /// For anything: that is wished, or it is no socket that can be asked.
    Eager,
}

impl Gather {
    pub(super) fn new(wakeups: Wakeups) -> Self {
        let state = match wakeups {
            Wakeups::Few => State::Counting,
            Wakeups::Every => State::Eager,
        };
        Self { state, arrived: 0, lull: None }
    }

    /// Notes that something has arrived.
    pub(super) fn arrived(&mut self, bytes: usize) {
        match self.state {
            State::Counting => self.arrived = self.arrived.saturating_add(bytes),
            State::Gathering => self.state = State::Resumed,
            State::Resumed | State::Eager => {}
        }
    }

    /// Notes that there is nothing to read, and waits for a lull, if there is reason to.
    pub(super) fn poll_wait(&mut self, stream: &Stream, cx: &mut Context<'_>) {
        match self.state {
            State::Counting if self.arrived < MUCH => return,
            State::Eager => return,
            State::Counting if !stream.wake_for(ENOUGH) => {
                self.state = State::Eager;
                return;
            }
            State::Counting | State::Resumed => {
                self.state = State::Gathering;
                match &mut self.lull {
                    Some(lull) => lull.as_mut().reset(Instant::now() + LULL),
                    None => self.lull = Some(Box::pin(sleep(LULL))),
                }
            }
            State::Gathering => {}
        }
        if let Some(lull) = &mut self.lull
            && lull.as_mut().poll(cx).is_ready()
        {
            // If something is there, this makes the socket ready.
            self.stop(stream);
            self.state = State::Counting;
            self.arrived = MUCH - AGAIN;
        }
    }

    /// Notes that a command has ended.
    pub(super) fn end(&mut self, stream: &Stream) {
        self.stop(stream);
        if self.state != State::Eager {
            self.state = State::Counting;
        }
        self.arrived = 0;
    }

    fn stop(&self, stream: &Stream) {
        if matches!(self.state, State::Gathering | State::Resumed) {
            stream.wake_for(ANYTHING);
        }
    }
}

/// Below this, the lull at the end would be a large part of a result's time.
const MUCH: usize = 8 << 20;
/// So much makes up for a lull.
const AGAIN: usize = 1 << 20;
/// Half of what a socket holds by default, so that the server need not wait for us.
const ENOUGH: usize = 128 << 10;
const ANYTHING: usize = 1;
/// A millisecond is what the runtime's timer counts in.
const LULL: Duration = Duration::from_millis(1);
