//! The jobs whose instructions are counted: what a driver does with the bytes of a connection, without the connection.
//!
//! [`input`] makes the bytes, [`ours`] does the jobs with molt-db. The benchmark does the same jobs with
//! postgres-protocol, and the tests hold the two to the same results.

pub mod input;
pub mod ours;

/// How often a job is repeated where its cost is told for one time: so many messages, rows, Binds or conversations.
pub const TIMES: usize = 1000;

/// What there was in rows that were walked. Two walks of the same bytes agree on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Fields, NULLs included.
    pub fields: usize,
    /// The bytes of all fields.
    pub bytes: usize,
}

impl Tally {
    /// Counts a field of this many bytes; NULL has none.
    #[inline]
    pub fn add(&mut self, bytes: usize) {
        self.fields += 1;
        self.bytes += bytes;
    }
}
