//! Bytes into frames, frames into fields, and back, within limits.

mod frame;
mod frontend_error;
mod frontend_frame;
mod frontend_tag;
mod limits;
mod reader;
mod startup_frame;
mod tag;
mod writer;

pub use frame::{Frame, Framed, frame};
pub use frontend_error::FrontendError;
pub use frontend_frame::frontend_frame;
pub use frontend_tag::FrontendTag;
pub use limits::{Limits, Phase};
pub use reader::Reader;
pub use startup_frame::{StartupFrame, startup_frame};
pub use tag::Tag;
pub(crate) use writer::payload;
pub use writer::{Body, message, untagged};
