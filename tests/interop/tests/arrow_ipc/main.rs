//! Results as Arrow IPC streams, read by pyarrow, and through it by polars and duckdb: the values are what the server
//! itself says as text, asked over another driver.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use molt_db::arrow::{ArrowOptions, BatchLimits, ByteLimit, ExtensionTypes, RowLimit, TextLayout};
use molt_db::config::SslMode;
use molt_db::{Batches, Config, Connection};
use molt_db_interop::python;
use molt_db_testkit::{Server, User, shared_servers};
use serde_json::json;

#[tokio::test]
async fn other_libraries_read_what_the_server_says() {
    for server in shared_servers() {
        let database = fill(server);
        let rows = server_says(server, &database);
        let mut c = connect(server, &database).await;
        for text in [TextLayout::Utf8, TextLayout::Utf8View] {
            for extension_types in [ExtensionTypes::Attach, ExtensionTypes::Omit] {
                let options = ArrowOptions { text, extension_types, ..ArrowOptions::default() };
                for (limit, batches) in [(ROWS, 1), (3, 4)] {
                    let limits = BatchLimits { rows: RowLimit::new(limit), bytes: ByteLimit::MAX };
                    let found = c.query(query(TYPES).as_str()).arrow_with(&options, limits).await.unwrap();
                    compare(&stream(found).await, TYPES, &rows, batches, extension_types);
                }
            }
        }
    }
}

#[tokio::test]
async fn other_libraries_read_a_stream_of_a_copy() {
    for server in shared_servers() {
        let database = fill(server);
        let (_, in_binary) = TYPES.split_last().unwrap();
        let rows: Vec<_> = server_says(server, &database)
            .into_iter()
            .map(|mut row| {
                row.pop();
                row
            })
            .collect();
        let mut c = connect(server, &database).await;
        let copied = c.copy_out_arrow(&query(in_binary)).await.unwrap();
        compare(&stream(copied).await, in_binary, &rows, 1, ExtensionTypes::Attach);
    }
}

#[tokio::test]
async fn other_libraries_read_streams_without_rows_or_columns() {
    for server in shared_servers() {
        let database = fill(server);
        let mut c = connect(server, &database).await;
        let nothing = format!("select * from ({}) x where c0 is null and c0 is not null", query(TYPES));
        let found = c.query(nothing.as_str()).arrow().await.unwrap();
        compare(&stream(found).await, TYPES, &[], 0, ExtensionTypes::Attach);
        for (sql, counts) in [("select from types", format!("[{ROWS}]")), ("", "[]".to_owned())] {
            let found = c.query(sql).arrow().await.unwrap();
            read(&stream(found).await, &["counts", &counts]);
        }
    }
}

/// What the documentation warns of: the end marker is not missed.
#[tokio::test]
async fn other_libraries_take_a_stream_that_failed_for_a_whole_one() {
    for server in shared_servers() {
        let mut c = connect(server, "test").await;
        let limits = BatchLimits { rows: RowLimit::new(1), bytes: ByteLimit::MAX };
        let query = c.query("select 1 / (4 - g) from generate_series(1, 10) g");
        let mut found = query.arrow_with(&ArrowOptions::default(), limits).await.unwrap().into_ipc();
        let mut bytes = Vec::new();
        let error = loop {
            match found.next().await {
                Ok(piece) => bytes.extend_from_slice(&piece.unwrap()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.code().unwrap().to_string(), "22012");
        read(&bytes, &["counts", "[1, 1, 1]"]);
    }
}

/// A type, how the reader shows its values, and values. Each column has NULLs behind its values.
struct Type {
    name: &'static str,
    /// What turns a value into what the reader shows: the bytes of the wire, for a type without a counterpart in Arrow.
    shown_by: &'static str,
    values: &'static [&'static str],
}

const fn of(name: &'static str, values: &'static [&'static str]) -> Type {
    Type { name, shown_by: "", values }
}

const TYPES: &[Type] = &[
    of("bool", &["t", "f"]),
    of("int2", &["0", "-32768", "32767"]),
    of("int4", &["0", "-2147483648", "2147483647"]),
    of("int8", &["0", "-9223372036854775808", "9223372036854775807"]),
    of("float4", &["0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "0.1"]),
    of("float8", &["0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "0.1"]),
    of("oid", &["0", "4294967295"]),
    of("numeric(15,2)", &["0", "-1234.5", "9999999999999.99", "-9999999999999.99", "0.01"]),
    of(
        "numeric(38,0)",
        &["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "7"],
    ),
    of(
        "numeric(38,38)",
        &["0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001"],
    ),
    of("numeric(50,5)", &["0", "-1234.5", "999999999999999999999999999999999999999999999.99999"]),
    of(
        "numeric(76,76)",
        &["-0.0000000000000000000000000000000000000000000000000000000000000000000000000001", "0.5"],
    ),
    of(
        "numeric",
        &["0", "NaN", "-0.000000000000000000000000000000000000000000000000000000000000000000001", "1e100"],
    ),
    of(
        "numeric(80,3)",
        &["-1.5", "99999999999999999999999999999999999999999999999999999999999999999999999999999.999"],
    ),
    of(
        "text",
        &[
            "",
            "x",
            "twelve bytes",
            "thirteen byte",
            "\u{e4}\u{1f600}\u{301}",
            "line\nline\ttab \\ \"quoted\" 'quoted'",
        ],
    ),
    of("varchar(20)", &["", "  blanks  ", "more than 12: \u{e4}"]),
    of("char(4)", &["", "x", "\u{e4}\u{e4}\u{e4}\u{e4}"]),
    of("name", &["pg_class", "a name that is as long as a name can be: that is 63 bytes long."]),
    of("\"char\"", &["a", "~"]),
    of("bytea", &["", "\\x00", "\\x00ff7f80", "\\x000102030405060708090a0b0c0d0e0f"]),
    of(
        "date",
        &[
            "1970-01-01",
            "1969-12-31",
            "2000-02-29",
            "4714-11-24 BC",
            "0001-12-31 BC",
            "0001-01-01",
            "5874897-12-31",
        ],
    ),
    of("time", &["00:00", "23:59:59.999999", "12:34:56.7", "00:00:00.000001"]),
    of(
        "timestamp",
        &[
            "epoch",
            "1969-12-31 23:59:59.999999",
            "4714-11-24 00:00:00 BC",
            "0001-01-01",
            "2000-01-01 00:00:00.00001",
            "294247-01-10 04:00:54.775807",
        ],
    ),
    of(
        "timestamptz",
        &[
            "epoch",
            "1969-12-31 23:59:59.5+00",
            "4714-11-24 00:00:00+00 BC",
            "2026-07-01 12:00+02",
            "294247-01-10 04:00:54.775807+00",
        ],
    ),
    of(
        "uuid",
        &[
            "00112233-4455-6677-8899-aabbccddeeff",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    of("json", &["null", "{\"a\" :1,  \"a\":[2]}", "\"\\u00e4\""]),
    of("jsonb", &["null", "{\"a\" :1,  \"a\":[2]}", "12345678901234567890.5"]),
    of("int4[]", &["{}", "{1,NULL,-2147483648}", "{NULL}"]),
    of("text[]", &["{}", r#"{"",NULL,"NULL",x,"a,b","{}","\"","\\"," blank","thirteen bytes"}"#]),
    of("numeric(10,2)[]", &["{}", "{0.01,NULL,-12345678.9}"]),
    of("timestamptz[]", &["{}", "{epoch,NULL,4714-11-24 00:00:00+00 BC}"]),
    of("uuid[]", &["{}", "{00112233-4455-6677-8899-aabbccddeeff,NULL}"]),
    of("jsonb[]", &["{}", r#"{"{\"a\": [1]}",NULL,null}"#]),
    Type { name: "point", shown_by: "point_send", values: &["(1,-2)", "(0.1,1e300)"] },
    Type { name: "macaddr", shown_by: "macaddr_send", values: &["08:00:2b:01:02:03"] },
    // The last one: it comes as text, which a binary copy has not.
    of("aclitem", &["=r/pg_monitor", "pg_monitor=arw*/pg_monitor"]),
];

/// As many rows, of which the last are all NULL.
const ROWS: usize = 10;

fn column(at: usize) -> String {
    format!("c{at}")
}

/// Makes a table of every type and returns its database.
fn fill(server: &Server) -> String {
    let columns = TYPES.iter().enumerate().map(|(at, of)| {
        let values: Vec<_> =
            of.values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
        format!("((array[{}]::text[])[n])::{} as {}", values.join(", "), of.name, column(at))
    });
    let columns: Vec<_> = columns.collect();
    let database = server.create_database().unwrap();
    let sql = format!(
        "set TimeZone to 'UTC'; create table types as select n, {} from generate_series(1, {ROWS}) n; \
         grant all on types to public",
        columns.join(", ")
    );
    server.sql_in(&database, &sql).unwrap();
    database
}

/// Returns what the server says of the columns, row by row.
fn server_says(server: &Server, database: &str) -> Vec<Vec<Option<String>>> {
    let shown: Vec<_> =
        TYPES.iter().enumerate().map(|(at, of)| format!("{}({})", of.shown_by, column(at))).collect();
    let sql = format!("set TimeZone to 'UTC'; select {} from types order by n", shown.join(", "));
    let rows = server.sql_in(database, &sql).unwrap();
    assert_eq!(rows.len(), ROWS);
    rows.into_iter().map(|row| row.into_iter().collect()).collect()
}

/// What the stream is made of.
fn query(types: &[Type]) -> String {
    let columns: Vec<_> = (0..types.len()).map(column).collect();
    format!("select {} from types order by n", columns.join(", "))
}

async fn connect(server: &Server, database: &str) -> Connection {
    let config: Config = server.url(User::Trust, database).parse().unwrap();
    Connection::connect(&config.ssl_mode(SslMode::Disable)).await.unwrap()
}

async fn stream(batches: Batches<'_>) -> Vec<u8> {
    let (mut stream, mut bytes) = (batches.into_ipc(), Vec::new());
    while let Some(piece) = stream.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// Has the readers compare a stream with what the server says. It panics with what they found.
fn compare(
    bytes: &[u8],
    types: &[Type],
    rows: &[Vec<Option<String>>],
    batches: usize,
    extension_types: ExtensionTypes,
) {
    let names: Vec<_> = types.iter().map(|of| of.name).collect();
    let expected = json!({
        "types": names,
        "rows": rows,
        "batches": batches,
        "extensions": extension_types == ExtensionTypes::Attach,
    });
    read(bytes, &["types", &expected.to_string()]);
}

/// Runs the script over a stream.
fn read(bytes: &[u8], arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/arrow_ipc/reader.py");
    let folder = temporary_folder();
    let file = folder.join("stream.arrows");
    fs::write(&file, bytes).unwrap();
    let mut command = Command::new(readers());
    command.env_clear().env("HOME", &folder).env("LC_ALL", "C.UTF-8").arg(script).arg(&file).args(arguments);
    let output = command.output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}

/// Returns a Python that has the readers, in a folder of this build.
fn readers() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("arrow"), READERS))
}

fn temporary_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("molt-db-arrow-{}-{number}", std::process::id()));
    fs::create_dir(&path).unwrap();
    path
}

const READERS: &[(&str, &str)] = &[("pyarrow", "26.0.1"), ("polars", "2.1.0"), ("duckdb", "2.0.1")];
