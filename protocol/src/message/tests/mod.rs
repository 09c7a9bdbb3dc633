//! Every message there and back, cut, lengthened, altered, and made of anything.

mod backend;
mod frontend;
mod hostile;
mod strategies;

/// How a message notices that it is cut or lengthened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// By itself.
    Exactly,
    /// Not at all: its last field is whatever is left.
    Openly,
}
