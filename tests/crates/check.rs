use std::cell::RefCell;
use std::fmt::Debug;

use molt_db::{Connection, FromSql, ToSql};
use molt_db_testkit::shared_servers;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use crate::common::{assert_usable, connect, on_each_server, plain_config, value_error};

/// None of these may change what is read or sent.
pub(crate) const SETTINGS: [&str; 4] = [
    "set TimeZone to 'UTC'; set DateStyle to 'ISO, MDY'; set IntervalStyle to 'postgres'",
    "set TimeZone to 'America/St_Johns'; set DateStyle to 'SQL, DMY'; set IntervalStyle to 'sql_standard'",
    "set TimeZone to 'Asia/Kathmandu'; set DateStyle to 'German'; set IntervalStyle to 'iso_8601'",
    "set TimeZone to 'Europe/Paris'; set DateStyle to 'Postgres, YMD'; set IntervalStyle to 'postgres_verbose'",
];

/// A type that is read and sent.
pub(crate) trait Value: ToSql + Debug + PartialEq + for<'r> FromSql<'r> {}

impl<T: ToSql + Debug + PartialEq + for<'r> FromSql<'r>> Value for T {}

/// Compares a value with a literal: as the server reads that, as it shows both, and as it comes back, alone and in a list.
pub(crate) async fn same<T: Value>(
    c: &mut Connection,
    name: &str,
    literal: &str,
    value: &T,
) -> Result<(), String> {
    let sql = format!(
        "select $2::text::{name}, $1::{name}, $1::{name}::text, $2::text::{name}::text, array[$1::{name}, null]"
    );
    let found =
        c.query(&sql).bind_all((value, literal)).one::<(T, T, String, String, Vec<Option<T>>)>().await;
    let (read, echo, shown, text, list) = found.map_err(|error| format!("{literal}: {error}"))?;
    if &read != value
        || &echo != value
        || shown != text
        || list.first() != Some(&Some(echo))
        || list.len() != 2
    {
        return Err(format!(
            "{value:?} is {shown} for the server, and {literal} is {text} and reads as {read:?}"
        ));
    }
    let sql = format!("select $1::{name}[], ($1::{name}[])[1] is not distinct from $2::{name}");
    let found = c.query(&sql).bind_all((&list, value)).one::<(Vec<Option<T>>, bool)>().await;
    let (back, is_same) = found.map_err(|error| format!("{literal}: {error}"))?;
    if back == list && is_same { Ok(()) } else { Err(format!("{list:?} came back as {back:?}")) }
}

/// Compares values with literals, under all settings, and tries NULL.
pub(crate) async fn all<T: Value>(name: &str, cases: &[(&str, T)]) {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for settings in SETTINGS {
            c.script(settings).await.unwrap();
            for (literal, value) in cases {
                same(&mut c, name, literal, value).await.unwrap();
            }
        }
        let sql = format!("select $1::{name}, $1::{name} is null");
        let (null, is_null): (Option<T>, bool) = c.query(&sql).bind(None::<T>).one().await.unwrap();
        assert!(null.is_none() && is_null, "{name}");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Asserts that values of the server are refused for the reason, that the error names the column, and that the session goes
/// on.
pub(crate) async fn unread<T: Value>(cases: &[(&str, &str)]) {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (sql, why) in cases {
            let error = c.query(&format!("select {sql} as odd")).one::<(T,)>().await.unwrap_err();
            let error = value_error(&error);
            let shown = error.to_string();
            assert!(
                error.is_out_of_range() && shown.contains(why) && shown.contains("odd"),
                "{sql}: {shown}"
            );
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// Asserts that a value is refused for the reason before anything is sent, alone and in a list.
pub(crate) async fn unsent<T: Value + Clone>(value: T, why: &str) {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let alone = c.query("select $1").bind(&value).execute().await.unwrap_err();
        let list = c.query("select $1").bind(vec![value.clone()]).execute().await.unwrap_err();
        for error in [alone, list] {
            assert!(error.server().is_none() && format!("{error}").contains(why), "{error}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Gives random values, under random settings, to a check that asks the server about each.
pub(crate) fn for_many<S: Strategy>(
    values: S,
    check: impl AsyncFn(&mut Connection, &S::Value) -> Result<(), String>,
) where
    S::Value: Clone,
{
    let runtime = Runtime::new().unwrap();
    for server in shared_servers() {
        let connected = runtime.block_on(Connection::connect(&plain_config(server, "test")));
        let connection = RefCell::new(connected.unwrap());
        let mut runner =
            TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&(&values, select(&SETTINGS[..])), |(value, settings)| {
            let mut c = connection.borrow_mut();
            let checked = runtime.block_on(async {
                c.script(settings).await.map_err(|error| error.to_string())?;
                check(&mut c, &value).await
            });
            checked.map_err(TestCaseError::fail)
        });
        outcome.unwrap_or_else(|error| panic!("{server:?}: {error}"));
    }
}
