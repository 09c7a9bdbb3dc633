//! Who has a connection.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::request::Origin;
use crate::status::Rounded;

/// A user of a connection, from [`Pool::holders`](crate::Pool::holders) and to
/// [`Manager::leaked`](crate::Manager::leaked). `Display` writes it as a line for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// How long it has had the connection.
    pub age: Duration,
    /// Where it acquired it.
    pub acquired_at: &'static Location<'static>,
    /// What it uses it for, if [it said so](crate::Request::tag).
    pub tag: Option<&'static str>,
}

impl Holder {
    pub(crate) fn new(age: Duration, Origin { location, tag }: Origin) -> Self {
        Self { age, acquired_at: location, tag }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held for {}, acquired at {}", Rounded(self.age), self.acquired_at)?;
        match self.tag {
            Some(tag) => write!(f, " for {tag}"),
            None => Ok(()),
        }
    }
}
