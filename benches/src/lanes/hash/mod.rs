//! The part of logging in that is expensive by design.

mod connect;

use super::undone;
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Measured;

pub(super) const SUMMARY: &str = "\
connect: hashes a password as often, which is what SCRAM has every client do (4096 rounds); there is no connection.";

pub(super) async fn run(job: &Job) -> Result<Measured, Failure> {
    match job {
        Job::Connect(connects) => connect::run(connects).await,
        _ => Err(undone(job)),
    }
}
