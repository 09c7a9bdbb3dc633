//! Servers and runs that the tests share.
#![allow(dead_code, clippy::allow_attributes, reason = "each file of tests uses its own part of this")]

use std::fs;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use molt_db_spec::{Account, Case, Report, Settings, Target, run};
use molt_db_testkit::{Server, ServerOptions, User, Wanted, servers_under_test};

/// Starts a server of each version under test that has all that cases need. They are private: some cases are rude.
pub(crate) fn servers() -> Vec<Server> {
    servers_of(servers_under_test())
}

pub(crate) fn servers_of(versions: Vec<Wanted>) -> Vec<Server> {
    versions
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
            take_tokens(&server);
            server
        })
        .collect()
}

/// Has a server of PostgreSQL 18 or later take tokens of OAuth from one user.
fn take_tokens(server: &Server) {
    if server.version().0 < 18 {
        return;
    }
    let module: String = validator().iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("host all {OAUTH} 127.0.0.1/32 oauth {ISSUER}\n");
    put(server, "validator.so", &format!("decode('{module}', 'hex')"));
    put(server, "pg_hba.conf", &format!("'{line}'::bytea || pg_read_binary_file('pg_hba.conf')"));
    let folder = server.sql("show data_directory").unwrap()[0][0].clone().unwrap();
    for sql in [
        &format!("create role {OAUTH} login"),
        &format!("alter system set oauth_validator_libraries = '{folder}/validator.so'"),
        "select pg_reload_conf()",
    ] {
        server.sql(sql).unwrap();
    }
    // Who comes after the first session that knows of it is judged by the new rules.
    while server.sql("show oauth_validator_libraries").unwrap()[0][0].as_deref() == Some("") {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a file into the folder of a server, which is not ours.
fn put(server: &Server, name: &str, content: &str) {
    let object = server.sql(&format!("select lo_from_bytea(0, {content})")).unwrap()[0][0].clone().unwrap();
    server.sql(&format!("select lo_export({object}, '{name}')")).unwrap();
    server.sql(&format!("select lo_unlink({object})")).unwrap();
}

/// Builds the module that validates tokens, once. Whoever links Rust has a compiler for it.
fn validator() -> &'static [u8] {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/validator.c");
        let built = std::env::temp_dir().join(format!("pgspec-validator-{}.so", std::process::id()));
        let late = if cfg!(target_os = "macos") { &["-undefined", "dynamic_lookup"][..] } else { &[] };
        let status =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&built).arg(source).args(late).status();
        assert!(status.unwrap().success(), "{source} cannot be built");
        let module = fs::read(&built).unwrap();
        fs::remove_file(&built).unwrap();
        module
    })
}

pub(crate) fn target(port: u16) -> Target {
    format!("postgresql://trust@127.0.0.1:{port}/test").parse().unwrap()
}

/// All ways to log in that the kit's servers know.
pub(crate) fn settings(server: &Server) -> Settings {
    let account = |user: &str, password: &str| Account {
        user: user.to_owned(),
        password: password.to_owned(),
        database: "test".to_owned(),
    };
    let users = [User::Scram, User::Md5, User::Clear];
    let mut accounts = users.map(|user| account(user.name(), server.password(user).unwrap())).to_vec();
    if server.version().0 >= 18 {
        accounts.push(account(OAUTH, TOKEN));
    }
    Settings { accounts, timeout: Duration::from_secs(20), ..Settings::default() }
}

/// Runs cases one at a time, with little patience.
pub(crate) async fn run_briefly(port: u16, cases: Vec<Case>) -> Report {
    let settings =
        Settings { timeout: Duration::from_secs(1), jobs: NonZeroUsize::MIN, ..Settings::default() };
    run(&target(port), cases, &settings, |_| {}).await.unwrap()
}

/// Who logs in by a token, and the one that the module takes.
const OAUTH: &str = "oauth";
const TOKEN: &str = "pgspec-token";
const ISSUER: &str = r#"issuer="https://issuer.example" scope="openid pgspec""#;
