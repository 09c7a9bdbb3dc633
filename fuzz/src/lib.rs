//! What the targets share: inputs that people can write and read, and feeding them in pieces.
//!
//! An input is a list of [records](records): a kind, a length, a body, the length a single byte. Whatever is mutated
//! in it, the rest keeps its shape.

mod caught;
#[cfg(feature = "decode")]
mod columns;
mod cuts;
mod memory;
pub mod seen;
pub mod values;

pub use caught::caught;
#[cfg(feature = "decode")]
pub use columns::{OIDS, columns};
pub use cuts::{Told, assert_cuts};
pub use memory::{Meter, bounded};

/// One record of an input.
#[derive(Debug, Clone, Copy)]
pub struct Record<'i> {
    /// The first byte: the type of a message, or what the target takes it for.
    pub kind: u8,
    /// As many bytes as the second byte says, or as there are.
    pub body: &'i [u8],
}

impl Record<'_> {
    /// Appends the record as the message of its kind: with a length word that is right.
    pub fn frame(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        out.extend((self.body.len() as u32 + 4).to_be_bytes());
        out.extend(self.body);
    }
}

/// Splits an input into its records: `kind length body`, until it ends.
pub fn records(input: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let [kind, length, tail @ ..] = rest else { return None };
        let (body, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        Some(Record { kind: *kind, body })
    })
}

/// Sizes of pieces to feed an input in, from a seed: the same for the same seed, and 1 often.
#[derive(Debug, Clone, Copy)]
pub enum Pieces {
    /// Everything at once.
    Whole,
    /// Pieces of 1 to 16 bytes, by a random number generator in this state.
    Random(u32),
}

impl Iterator for Pieces {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Whole => Some(usize::MAX),
            Self::Random(state) => {
                // Marsaglia's xorshift, which needs a state other than 0.
                *state ^= *state << 13;
                *state ^= *state >> 17;
                *state ^= *state << 5;
                *state = (*state).max(1);
                Some(if *state & 0x100 == 0 { 1 } else { 1 + (*state as usize & 15) })
            }
        }
    }
}
