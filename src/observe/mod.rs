//! What is measured of queries, and who is told.
//!
//! A [`Probe`] is a part of a connection and knows what runs on it. What it finds out are [`Event`]s for the [`Observer`] that
//! all connections of a pool share: it counts them, and passes them on to the facades that are built in.

mod durations;
#[cfg(feature = "metrics")]
mod emit;
mod errors;
mod labels;
mod observer;
mod probe;
#[cfg(feature = "tracing")]
mod span;
mod stats;

pub use durations::Durations;
pub(crate) use observer::{Event, Observer};
pub(crate) use probe::{CutOff, Probe, Standing};
pub use stats::{Stats, Traffic};
