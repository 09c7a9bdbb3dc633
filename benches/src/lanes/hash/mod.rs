//! The part of logging in that is expensive by design.

pub(super) mod connect;

pub(super) const SUMMARY: &str = "\
connect: hashes a password as often, which is what SCRAM has every client do (4096 rounds); there is no connection.";
