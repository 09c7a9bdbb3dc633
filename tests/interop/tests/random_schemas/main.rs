//! Random schemas with random values: what the driver makes of them, as Arrow and as typed values, beside what the server
//! itself, psycopg and ADBC do.
//!
//! | file | what is in it |
//! |---|---|
//! | `random.rs` | the numbers that everything is made by |
//! | `schema.rs`, `builtin.rs` | types, tables and literals |
//! | `typed.rs` | typed values as text |
//! | `compare.py`, `shown.py`, `peers.py` | the comparison, how values are shown, and what the others are known to do |
//!
//! `MOLT_DB_SEEDS=100` takes so many seeds instead of three, and `MOLT_DB_SEED=7` takes that one alone.

mod builtin;
mod random;
mod schema;
mod typed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use molt_db::arrow::{Arrays, ArrowOptions, BatchLimits, ByteLimit, Profile, RowLimit, TextLayout, Unfit};
use molt_db::config::SslMode;
use molt_db::{Config, Connection};
use molt_db_interop::python;
use molt_db_testkit::{Server, User, shared_servers};
use random::Random;
use schema::{ROWS, Schema, Type};
use serde_json::json;

/// Everything is compared as text under these.
const SETTINGS: &str = "set TimeZone to 'UTC'; set DateStyle to 'ISO, MDY'; set IntervalStyle to 'postgres'; \
                        set extra_float_digits to 1; set bytea_output to 'hex'; set lc_monetary to 'C'";

#[tokio::test]
async fn random_schemas_are_what_the_server_says() {
    for seed in seeds() {
        for server in shared_servers() {
            println!("MOLT_DB_SEED={seed}, {server:?}");
            check(server, seed).await;
        }
    }
}

fn seeds() -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match (number("MOLT_DB_SEED"), number("MOLT_DB_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(3)).collect(),
    }
}

async fn check(server: &Server, seed: u64) {
    let mut random = Random::new(seed);
    let (database, schema) = fill(server, &mut random);
    let mut c = connect(server, &database).await;
    c.script(SETTINGS).await.unwrap();
    let folder =
        env::temp_dir().join(format!("molt-db-schemas-{}-{}-{seed}", std::process::id(), server.port()));
    fs::create_dir(&folder).unwrap();
    let mut tables = Vec::new();
    for table in &schema.tables {
        let options = ArrowOptions {
            unfit: random.pick(&[Unfit::Null, Unfit::Null, Unfit::Null, Unfit::Text]).into(),
            text: random.pick(&[TextLayout::Utf8, TextLayout::Utf8View]),
            arrays: random.pick(&[Arrays::Lists, Arrays::Structs]),
            profile: random.pick(&[Profile::Arrow, Profile::Molt]),
            ..ArrowOptions::default()
        };
        let columns: Vec<_> = (0..table.columns.len()).map(|at| format!("c{at}")).collect();
        let sql = format!("select {} from {} order by n", columns.join(", "), table.name);
        let limits = BatchLimits { rows: RowLimit::new(random.pick(&[7, 256, ROWS])), bytes: ByteLimit::MAX };
        println!("{}: {options:?}", table.name);
        let mut stream = c.query(&sql).arrow_with(&options, limits).await.unwrap().into_ipc();
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await.unwrap_or_else(|error| panic!("{seed}, {sql}: {error}")) {
            bytes.extend_from_slice(&piece);
        }
        fs::write(folder.join(&table.name), &bytes).unwrap();
        let typed = typed::texts(&mut c, &sql, &table.columns).await;
        fs::write(folder.join(format!("{}.typed", table.name)), json!(typed).to_string()).unwrap();
        let shown: Vec<_> = table.columns.iter().enumerate().map(|(at, of)| shown_by(of, at)).collect();
        let types: Vec<_> = table.columns.iter().map(Type::describe).collect();
        tables.push(json!({"name": table.name, "columns": columns, "shown": shown, "types": types}));
    }
    let task = json!({"url": server.url(User::Superuser, &database), "settings": SETTINGS, "tables": tables});
    fs::write(folder.join("task"), task.to_string()).unwrap();
    compare(&folder, seed);
    fs::remove_dir_all(&folder).unwrap();
    drop(c);
    server.sql_in("postgres", &format!("drop database {database}")).unwrap();
}

/// What a column is compared as.
fn shown_by(of: &Type, at: usize) -> String {
    match of {
        Type::Base(base, _) => base.shown_by.unwrap_or("{}").replace("{}", &format!("c{at}")),
        _ => format!("c{at}"),
    }
}

fn fill(server: &Server, random: &mut Random) -> (String, Schema) {
    let database = server.create_database().unwrap();
    let has_xml = server.sql_in(&database, "select '<a/>'::xml").is_ok();
    let schema = Schema::new(random, server.version().0, has_xml);
    for sql in schema.sql() {
        server.sql_in(&database, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    for table in &schema.tables {
        let sql = table.fill(random);
        let filled = server.sql_in(&database, &format!("{SETTINGS}; {sql}"));
        filled.unwrap_or_else(|error| panic!("{error}: {}", sql.chars().take(2_000).collect::<String>()));
    }
    (database, schema)
}

async fn connect(server: &Server, database: &str) -> Connection {
    let config: Config = server.url(User::Superuser, database).parse().unwrap();
    Connection::connect(&config.ssl_mode(SslMode::Disable)).await.unwrap()
}

/// Has Python compare everything, print what was skipped by which rule, and fail for anything else.
fn compare(folder: &Path, seed: u64) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/random_schemas/compare.py");
    let mut command = Command::new(peers());
    command.env_clear().env("HOME", folder).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.arg(script).arg(folder).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns a Python that has the others, in a folder of this build.
fn peers() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers"), PEERS))
}

const PEERS: &[(&str, &str)] =
    &[("psycopg[binary]", "3.3.9"), ("adbc_driver_postgresql", "1.13.0"), ("pyarrow", "26.0.1")];
