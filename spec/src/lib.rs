//! What the PostgreSQL protocol demands, as cases that run against any server, and what molt-db promises, as clauses.
//!
//! The command `pgspec` runs the cases of [`server::cases`]. The library is for those who have cases of their own:
//!
//! ```no_run
//! use molt_db_spec::{Group, Settings, Target, run, say};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut group = Group::new("ours", "our own manual");
//! group
//!     .must("version", "It tells its version.")
//!     .send([say::query("select version()")])
//!     .expect("Columns Row(OurServer *) Complete(SELECT 1) Ready(I)");
//! let target: Target = "postgresql://app@127.0.0.1:5432/app".parse()?;
//! let report = run(&target, group.into_cases(), &Settings::default(), |_| {}).await?;
//! println!("{}", report.outcomes[0].verdict.name());
//! # Ok(())
//! # }
//! ```
//!
//! [`parse`] reads the clauses.

mod case;
mod clause;
pub mod client;
mod expected;
mod fault;
mod log;
mod login;
mod need;
mod outcome;
mod pattern;
pub mod report;
mod run;
pub mod say;
mod scram;
mod select;
pub mod server;
mod step;
mod survey;
mod target;
mod tls;
mod transcript;
mod wire;

pub use case::{Case, Group, Level};
pub use clause::{Clause, ClauseError, Level as ClauseLevel, Proof, parse};
pub use expected::ExpectedFailures;
pub use need::{Method, Need};
pub use outcome::{Difference, Outcome, Report, Standing, Verdict};
pub use pattern::Pattern;
pub use run::{Settings, Unreachable, run};
pub use select::Selection;
pub use target::{Account, Encryption, Target, TargetError};
