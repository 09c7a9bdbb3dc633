//! Every operation is dropped at every point: what is left behind takes the next command, and nothing of the old one is
//! seen, runs on, or is half done.
//!
//! | file | what is in it |
//! |---|---|
//! | `table/` | every public operation, and how it is run |
//! | `coverage.rs` | the table against the sources: an operation that is missing there fails |
//! | `place.rs`, `walk.rs` | where operations run, and how they are dropped and what is asked then |
//! | `memory.rs`, `trickle.rs` | a server in memory, and a stream that moves one byte for each poll |
//! | `byte_by_byte.rs` | all of it over that stream: every byte of every frame, both ways, is a drop point |
//! | `servers.rs` | all of it over real servers, at every poll that comes about by itself |
//! | `anywhere.rs` | sessions that are dropped on other threads, in panics, and without their runtime |
//!
//! `tests/interop/tests/drops.rs` does it through pgbouncer.
//!
//! A new operation is a line in `table/`.

#[path = "../common/mod.rs"]
mod common;

mod anywhere;
mod byte_by_byte;
mod coverage;
mod memory;
#[expect(dead_code, reason = "one way leads behind a pooler, for tests/interop")]
mod place;
mod servers;
mod table;
mod trickle;
mod walk;
