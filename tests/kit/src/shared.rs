//! Servers that all tests of a process share.

use std::sync::{Mutex, PoisonError};

use crate::options::ServerOptions;
use crate::server::Server;
use crate::version::{Wanted, servers_under_test};

impl Server {
    /// Returns the default server of this process, started at the first call.
    ///
    /// Tests that share it run beside each other: they use temporary tables or a database of their own, and leave its
    /// settings and the sessions of others alone.
    ///
    /// # Panics
    ///
    /// When it cannot be started; the text says why and what helps.
    pub fn shared() -> &'static Self {
        Self::shared_at(Wanted::Default)
    }

    /// Like [`Server::shared`], of the version asked for: one server per process and version.
    ///
    /// # Panics
    ///
    /// As [`Server::shared`].
    pub fn shared_at(wanted: Wanted) -> &'static Self {
        static SERVERS: Mutex<Vec<(Wanted, &'static Server)>> = Mutex::new(Vec::new());
        let wanted = match wanted {
            Wanted::Default => servers_under_test().first().copied().unwrap_or_default(),
            Wanted::Major(_) => wanted,
        };
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, server)) = servers.iter().find(|(version, _)| *version == wanted) {
            return server;
        }
        let options = ServerOptions::default().wanted(wanted);
        let server = Self::start(options).unwrap_or_else(|error| panic!("{error}"));
        // Nothing drops it: the watchdog stops it when the process ends.
        let server: &'static Self = Box::leak(Box::new(server));
        servers.push((wanted, server));
        server
    }
}

/// Returns a shared server for each of [`servers_under_test`], in that order.
///
/// ```no_run
/// for server in molt_db_testkit::shared_servers() {
///     println!("{:?}", server.version());
/// }
/// ```
///
/// # Panics
///
/// As [`Server::shared`] and [`servers_under_test`].
pub fn shared_servers() -> Vec<&'static Server> {
    servers_under_test().into_iter().map(Server::shared_at).collect()
}
