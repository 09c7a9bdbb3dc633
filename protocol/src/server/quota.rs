/// How much a client may make a server keep for it. What goes beyond is refused with 53400, and the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Prepared statements, the unnamed one included. 10,000.
    pub statements: usize,
    /// Portals, the unnamed one included. 1,000.
    pub portals: usize,
    /// Bytes of names, and of the parameters that portals hold, of all of them together. 64 MiB.
    ///
    /// A larger single message has already been read by then: [`Limits::large`](crate::wire::Limits::large) is what
    /// keeps it out.
    pub bytes: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self { statements: 10_000, portals: 1_000, bytes: 64 * 1024 * 1024 }
    }
}
