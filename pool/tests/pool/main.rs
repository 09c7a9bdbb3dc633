//! The pool over a manager whose connections fail on command.

mod callbacks;
mod cancellation;
mod closing;
mod connecting;
mod demand;
mod fairness;
mod fake;
mod figures;
mod grants;
mod guard;
mod keeping;
mod lanes;
mod leaks;
mod retries;
mod runtimes;
mod send;
mod settling;
mod sizes;
mod stress;
