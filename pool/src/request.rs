//! What a caller asks for.

use std::panic::Location;
use std::time::Duration;

/// What is special about one acquire. The default is nothing.
///
/// ```
/// use molt_db_pool::Request;
/// use std::time::Duration;
///
/// let request = Request::new().lane("reports").max_wait(Duration::from_secs(60)).tag("nightly totals");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Request<'a> {
    pub(crate) lane: Option<&'a str>,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) tag: Option<&'static str>,
}

impl<'a> Request<'a> {
    /// Makes a request for any connection, on the pool's terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the lane to wait in, one of those the pool [was built with](crate::Builder::lane).
    pub fn lane(mut self, name: &'a str) -> Self {
        self.lane = Some(name);
        self
    }

    /// Sets how long this acquire may take, instead of the pool's [`max_wait`](crate::Builder::max_wait). Zero takes
    /// what lies idle, and does not wait for anything else.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    /// Sets a name for what the connection is used for. [`Holder`](crate::Holder) shows it.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }
}

/// Where an acquire comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) location: &'static Location<'static>,
    pub(crate) tag: Option<&'static str>,
}
