//! Values of other crates, each against what real servers make of it: what it reads, what it sends, what is refused.
//!
//! | file | what is in it |
//! |---|---|
//! | `table.rs` | `spec/crates.md` against what every type declares |
//! | `check.rs` | how a value is compared with the server's, under settings that may not matter |
//! | the others | the crate of that name |

#[path = "../common/mod.rs"]
mod common;

mod check;
mod chrono;
mod ipnet;
mod jiff;
mod rust_decimal;
mod serde_json;
mod table;
mod time;
mod uuid;
