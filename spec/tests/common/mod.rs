//! Servers and runs that the tests share.
#![allow(dead_code, clippy::allow_attributes, reason = "each file of tests uses its own part of this")]

use std::num::NonZeroUsize;
use std::time::Duration;

use molt_db_spec::{Account, Case, Report, Settings, Target, run};
use molt_db_testkit::{Server, ServerOptions, User, servers_under_test};

/// Starts a server of each version under test that has all that cases need. They are private: some cases are rude.
pub(crate) fn servers() -> Vec<Server> {
    servers_under_test()
        .into_iter()
        .map(|wanted| {
            let options = ServerOptions::default()
                .wanted(wanted)
                .setting("wal_level", "logical")
                .setting("max_replication_slots", "20")
                .setting("max_wal_senders", "20")
                .hba("host all scram_pgspec_unknown 127.0.0.1/32 scram-sha-256");
            let server = Server::start(options).unwrap();
            server.sql("alter role trust superuser").unwrap();
            server
        })
        .collect()
}

pub(crate) fn target(port: u16) -> Target {
    format!("postgresql://trust@127.0.0.1:{port}/test").parse().unwrap()
}

/// All ways to log in that the kit's servers know.
pub(crate) fn settings(server: &Server) -> Settings {
    let accounts = [User::Scram, User::Md5, User::Clear].map(|user| Account {
        user: user.name().to_owned(),
        password: server.password(user).unwrap().to_owned(),
        database: "test".to_owned(),
    });
    Settings { accounts: accounts.to_vec(), timeout: Duration::from_secs(20), ..Settings::default() }
}

/// Runs cases one at a time, with little patience.
pub(crate) async fn run_briefly(port: u16, cases: Vec<Case>) -> Report {
    let settings =
        Settings { timeout: Duration::from_secs(1), jobs: NonZeroUsize::MIN, ..Settings::default() };
    run(&target(port), cases, &settings, |_| {}).await.unwrap()
}
