//! What molt-db writes as psql shows it, and what psql writes as molt-db reads it.

use std::process::Command;

use molt_db::config::SslMode;
use molt_db::types::{Date, Json, Numeric, Time, Timestamp, TimestampTz, Uuid};
use molt_db::{Config, Connection, FromSql, ToSql};
use molt_db_interop::program;
use molt_db_testkit::{Server, User, shared_servers};

/// A database of its own, as both clients see it.
struct Database {
    url: String,
    connection: Connection,
}

impl Database {
    async fn create(server: &Server) -> Self {
        let url = server.url(User::Trust, &server.create_database().unwrap());
        let config: Config = url.parse().unwrap();
        let connection = Connection::connect(&config.ssl_mode(SslMode::Disable)).await.unwrap();
        Self { url, connection }
    }

    /// Runs SQL in psql and returns what it prints for each row; `None` is NULL.
    fn psql(&self, sql: &str) -> Vec<Option<String>> {
        let mut psql = Command::new(program("psql", "postgresql-client"));
        psql.env_clear().env("PGCLIENTENCODING", "UTF8").env("PATH", "/usr/bin:/bin");
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1"]);
        psql.args([
            "--pset=null=<NULL>",
            "--record-separator=\u{1e}",
            "--dbname",
            &self.url,
            "--command",
            sql,
        ]);
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let rows = printed.strip_suffix('\n').unwrap_or(&printed).split('\u{1e}');
        rows.map(|row| Some(row.to_owned()).filter(|row| row != "<NULL>")).collect()
    }

    /// Asserts that values which psql writes mean the same to both: molt-db reads what psql shows, and what it writes
    /// back is what psql had written.
    async fn assert_same<T>(&mut self, sql_type: &str, literals: &[&str], agree: impl Fn(&T, &str) -> bool)
    where
        T: for<'r> FromSql<'r> + ToSql,
    {
        let literals: Vec<_> =
            literals.iter().map(|word| format!("('{}')", word.replace('\'', "''"))).collect();
        self.connection
            .script(&format!(
                "drop table if exists theirs, ours; \
                 create table theirs (n int generated always as identity, v {sql_type}); \
                 create table ours (n int generated always as identity, v {sql_type})"
            ))
            .await
            .unwrap();
        self.psql(&format!("insert into theirs (v) values {}, (null)", literals.join(", ")));
        let shown = self.psql("select v from theirs order by n");
        let sql = "select v from theirs order by n";
        let read: Vec<(Option<T>,)> = self.connection.query(sql).all().await.unwrap();
        assert_eq!(read.len(), shown.len(), "{sql_type}");
        for ((value,), text) in read.iter().zip(&shown) {
            match (value, text) {
                (Some(value), Some(text)) => assert!(agree(value, text), "{sql_type}: psql shows {text:?}"),
                (None, None) => {}
                _ => panic!("{sql_type}: one sees NULL where psql shows {text:?}"),
            }
            let insert = "insert into ours (v) values ($1)";
            assert_eq!(self.connection.execute(insert, (value,)).await.unwrap(), 1, "{sql_type}");
        }
        assert_eq!(self.psql("select v from ours order by n"), shown, "{sql_type}");
    }
}

fn prints<T: ToString>(value: &T, text: &str) -> bool {
    value.to_string() == text
}

#[tokio::test]
async fn numbers_mean_the_same_to_both() {
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        let agree = |value: &bool, text: &str| *value == (text == "t");
        database.assert_same::<bool>("bool", &["t", "f"], agree).await;
        database.assert_same::<i16>("int2", &["-32768", "-1", "0", "32767"], prints).await;
        database.assert_same::<i32>("int4", &["-2147483648", "-1", "0", "2147483647"], prints).await;
        let widest = ["-9223372036854775808", "-1", "0", "9223372036854775807"];
        database.assert_same::<i64>("int8", &widest, prints).await;
        database.assert_same::<u32>("oid", &["0", "4294967295"], prints).await;
    }
}

#[tokio::test]
async fn floats_mean_the_same_to_both() {
    const FLOATS: [&str; 9] = ["0", "-0", "0.1", "1", "-1.5e10", "1e-30", "NaN", "Infinity", "-Infinity"];
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        let agree = |value: &f32, text: &str| {
            let shown: f32 = text.parse().unwrap();
            value.is_nan() && shown.is_nan() || value.to_bits() == shown.to_bits()
        };
        let edges = ["3.4028235e+38", "1e-45", "1.17549435e-38"];
        database.assert_same::<f32>("float4", &[&FLOATS[..], &edges].concat(), agree).await;
        let agree = |value: &f64, text: &str| {
            let shown: f64 = text.parse().unwrap();
            value.is_nan() && shown.is_nan() || value.to_bits() == shown.to_bits()
        };
        let edges = ["1.7976931348623157e+308", "5e-324", "2.2250738585072014e-308", "0.30000000000000004"];
        database.assert_same::<f64>("float8", &[&FLOATS[..], &edges].concat(), agree).await;
    }
}

#[tokio::test]
async fn numerics_mean_the_same_to_both() {
    let long = format!("-{}.{}", "9".repeat(500), "1".repeat(300));
    let numerics = [
        "0",
        "-0",
        "0.00",
        "0.0000",
        "1",
        "-1",
        "0.1",
        "0.0001",
        "0.00010",
        "0.00001",
        "9999",
        "9999.9999",
        "10000",
        "10000.0000",
        "-10000.00001",
        "100000000",
        "123456789012345678901234567890.0987654321",
        "1e1000",
        "1e-1000",
        "-1.5e131000",
        "0.1e-16382",
        &long,
        "NaN",
    ];
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        database.assert_same::<Numeric>("numeric", &numerics, prints).await;
        if server.version().0 >= 14 {
            database.assert_same::<Numeric>("numeric", &["Infinity", "-Infinity"], prints).await;
        }
        let fitting = ["0", "-9999999.999", "0.001", "1", "12.5", "NaN"];
        database.assert_same::<Numeric>("numeric(10, 3)", &fitting, prints).await;
    }
}

#[tokio::test]
async fn dates_and_times_mean_the_same_to_both() {
    const DATES: [&str; 10] = [
        "4714-11-24 BC",
        "0001-12-31 BC",
        "0001-01-01",
        "1900-02-28",
        "1999-12-31",
        "2000-01-01",
        "2024-02-29",
        "5874897-12-31",
        "infinity",
        "-infinity",
    ];
    const TIMES: [&str; 6] =
        ["00:00:00", "00:00:00.000001", "12:34:56.7", "12:34:56.789012", "23:59:59.999999", "24:00:00"];
    const TIMESTAMPS: [&str; 9] = [
        "4714-11-24 00:00:00 BC",
        "0001-12-31 23:59:59.999999 BC",
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.5",
        "1999-12-31 23:59:59.999999",
        "2000-01-01 00:00:00",
        "294276-12-31 23:59:59.999999",
        "infinity",
        "-infinity",
    ];
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        database.assert_same::<Date>("date", &DATES, prints).await;
        database.assert_same::<Time>("time", &TIMES, prints).await;
        database.assert_same::<Timestamp>("timestamp", &TIMESTAMPS, prints).await;
        let zoned = TIMESTAMPS.map(|text| match text.strip_suffix(" BC") {
            Some(text) => format!("{text}+00 BC"),
            None if text.ends_with("infinity") => text.to_owned(),
            None => format!("{text}+00"),
        });
        database
            .assert_same::<TimestampTz>("timestamptz", &zoned.each_ref().map(String::as_str), prints)
            .await;
    }
}

#[tokio::test]
async fn texts_and_bytes_mean_the_same_to_both() {
    const TEXTS: [&str; 8] =
        ["", " ", "NULL", "it's", "a\nb\tc\r", r"back\slash", "grüße €", "\u{1f980}\u{10fffd}"];
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        for sql_type in ["text", "varchar", "varchar(20)", "name"] {
            database.assert_same::<String>(sql_type, &TEXTS, prints).await;
        }
        database.assert_same::<String>("char(9)", &["", "ab", "grüße"], prints).await;
        let hex = |value: &Vec<u8>, text: &str| {
            let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            text == format!("\\x{digits}")
        };
        database.assert_same::<Vec<u8>>("bytea", &[r"\x", r"\x00", r"\x00ff5c27"], hex).await;
    }
}

#[tokio::test]
async fn uuids_and_json_mean_the_same_to_both() {
    const UUIDS: [&str; 3] = [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ];
    const DOCUMENTS: [&str; 7] =
        ["null", "\"\"", "0", "[]", r#"{"a" :  [1, 2.50, "ü\n"]}"#, r#"{"b":1,"a":1,"b":2}"#, "1e400"];
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        database.assert_same::<Uuid>("uuid", &UUIDS, prints).await;
        let same = |value: &Json<String>, text: &str| value.0 == text;
        database.assert_same::<Json<String>>("json", &DOCUMENTS, same).await;
        database.assert_same::<Json<String>>("jsonb", &DOCUMENTS, same).await;
    }
}

#[tokio::test]
async fn what_one_client_commits_the_other_sees_and_what_it_rolls_back_not() {
    for server in shared_servers() {
        let mut database = Database::create(server).await;
        database.psql("create table orders (id int)");
        database.connection.script("begin; insert into orders values (1)").await.unwrap();
        assert_eq!(database.psql("select count(*) from orders"), [Some("0".to_owned())]);
        database.connection.script("commit").await.unwrap();
        assert_eq!(database.psql("select count(*) from orders"), [Some("1".to_owned())]);
        database.psql("begin; insert into orders values (2); rollback");
        let (count,): (i64,) = database.connection.query("select count(*) from orders").one().await.unwrap();
        assert_eq!(count, 1);
    }
}
