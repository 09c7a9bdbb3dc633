//! How a session begins, and every way in which it does not.

#[path = "../common/mod.rs"]
mod common;
mod handshake;
mod local;
mod methods;
mod modes;
mod peer;
mod refused;
mod scram;
mod session;
mod version;
