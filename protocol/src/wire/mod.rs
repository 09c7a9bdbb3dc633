//! Bytes into frames, frames into fields, and back, within limits.

mod frame;
mod limits;
mod reader;
mod tag;
mod writer;

pub use frame::{Frame, Framed, frame};
pub use limits::{Limits, Phase};
pub use reader::Reader;
pub use tag::Tag;
pub use writer::{Body, message, untagged};
