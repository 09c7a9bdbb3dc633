//! The pool over a manager whose connections fail on command.

mod cancellation;
mod closing;
mod connecting;
mod fairness;
mod fake;
mod figures;
mod guard;
mod runtimes;
mod send;
mod settling;
mod stress;
