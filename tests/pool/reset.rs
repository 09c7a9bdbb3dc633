//! What the next user of a session finds of what the last one did.

use std::collections::BTreeMap;
use std::fs;

use molt_db::config::{ResetPolicy, SslMode};
use molt_db::{Config, Connection, Pool, ScriptItem};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::{Server, User};

use crate::common::{assert_usable, on_each_server, plain_config, within};
use crate::settling::ignore_cancels;
use crate::{acquire, pool_of_peer, until};

const POLICIES: [ResetPolicy; 3] = [ResetPolicy::None, ResetPolicy::Cheap, ResetPolicy::Full];

/// Something that is done in a session, and a question that is answered by `t` if it has left anything.
struct Deed {
    what: &'static str,
    script: &'static str,
    is_left: &'static str,
}

const fn deed(what: &'static str, script: &'static str, is_left: &'static str) -> Deed {
    Deed { what, script, is_left }
}

/// Each row of the table in spec/reset.md. `reset_role` is a role, and `reset_sequence` a sequence.
const DEEDS: &[Deed] = &[
    deed("a transaction left open", "begin; set work_mem = '1234kB'", MEMORY),
    deed("SET", "set work_mem = '1234kB'", MEMORY),
    deed("SET of a setting of one's own", "set app.tenant = 'a'", TENANT),
    deed("SET search_path", "set search_path = nowhere", "select current_setting('search_path') = 'nowhere'"),
    deed("SET that a transaction commits", "begin; set work_mem = '1234kB'; commit", MEMORY),
    deed("SET LOCAL in a transaction", "begin; set local work_mem = '1234kB'; commit", MEMORY),
    deed("set_config for the session, in a SELECT", "select set_config('app.tenant', 'a', false)", TENANT),
    deed(
        "set_config for the session, in a DO",
        "do $$ begin perform set_config('app.tenant', 'a', false); end $$",
        TENANT,
    ),
    deed("set_config for the transaction", "select set_config('app.tenant', 'a', true)", TENANT),
    deed(
        "SET SESSION CHARACTERISTICS",
        "set session characteristics as transaction read only",
        "select current_setting('transaction_read_only') = 'on'",
    ),
    deed(
        "SET TRANSACTION",
        "begin; set transaction read only; commit",
        "select current_setting('transaction_read_only') = 'on'",
    ),
    deed("SET ROLE", "set role reset_role", "select current_user = 'reset_role'"),
    deed(
        "SET SESSION AUTHORIZATION",
        "set session authorization reset_role",
        "select session_user = 'reset_role'",
    ),
    deed("CREATE TEMP TABLE", "create temp table t (id int)", TABLE),
    deed("CREATE TEMP TABLE AS", "create temp table t as select 1 as id", TABLE),
    deed("SELECT INTO TEMP", "select 1 as id into temp t", TABLE),
    deed("CREATE TEMP VIEW", "create temp view t as select 1 as id", TABLE),
    deed("an advisory lock of the session, by SELECT", "select pg_advisory_lock(1)", LOCK),
    deed("an advisory lock of the session, by DO", "do $$ begin perform pg_advisory_lock(1); end $$", LOCK),
    deed("an advisory lock of the transaction", "select pg_advisory_xact_lock(1)", LOCK),
    deed("LISTEN", "listen news", "select count(*) > 0 from pg_listening_channels()"),
    deed("DECLARE CURSOR WITH HOLD", "declare c cursor with hold for select 1", CURSOR),
    deed("DECLARE CURSOR", "begin; declare c cursor for select 1; commit", CURSOR),
    deed(
        "nextval, and so currval and lastval",
        "select nextval('reset_sequence')",
        "select currval('reset_sequence') = lastval()",
    ),
    deed("PREPARE", "prepare p as select 1", STATEMENT),
    deed("EXECUTE 'prepare ..' in a DO", "do $$ begin execute 'prepare p as select 1'; end $$", STATEMENT),
];

const MEMORY: &str = "select current_setting('work_mem') = '1234kB'";
const TENANT: &str = "select current_setting('app.tenant', true) = 'a'";
const TABLE: &str = "select to_regclass('pg_temp.t') is not null";
const LOCK: &str =
    "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())";
const CURSOR: &str = "select exists (select from pg_cursors where name = 'c')";
const STATEMENT: &str = "select exists (select from pg_prepared_statements where name = 'p')";

/// Asks a question, as text, so that nothing is prepared for it. One that cannot be answered is not answered by `t`.
async fn ask(session: &mut Connection, question: &str) -> bool {
    let mut results = session.script_results(question).await.unwrap();
    let mut yes = false;
    while let Ok(Some(item)) = results.next().await {
        if let ScriptItem::Row(row) = item {
            yes = row.get::<Option<&str>>(0).unwrap() == Some("t");
        }
    }
    yes
}

/// Returns where a superuser connects to a new database with a role and a sequence.
fn prepared_config(server: &Server) -> Config {
    let database = server.create_database().unwrap();
    server.sql_in(&database, "create sequence reset_sequence").unwrap();
    // Other tests may be about to do the same.
    let role = "do $$ begin create role reset_role; exception when others then null; end $$";
    server.sql_in(&database, role).unwrap();
    server.url(User::Superuser, &database).parse::<Config>().unwrap().ssl_mode(SslMode::Disable)
}

fn pool_with(config: &Config, policy: ResetPolicy) -> Pool {
    Pool::builder(config.clone()).max_conns(1).reset(policy).build().unwrap()
}

/// Returns the table of spec/reset.md: for each row what is `left` and what `gone`.
fn table() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/spec/reset.md")).unwrap();
    let rows = text.lines().filter(|line| line.ends_with("left |") || line.ends_with("gone |"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        (cells.next().unwrap(), cells.collect())
    })
    .collect()
}

#[tokio::test]
async fn the_next_user_finds_what_the_table_says() {
    on_each_server(async |server| {
        let config = prepared_config(server);
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (deed, policy) in DEEDS.iter().flat_map(|deed| POLICIES.map(|policy| (deed, policy))) {
            let pool = pool_with(&config, policy);
            let mut session = acquire(&pool).await;
            let first = session.backend_pid();
            session.script(deed.script).await.unwrap();
            drop(session);
            let mut session = acquire(&pool).await;
            assert_eq!(session.backend_pid(), first, "{}", deed.what);
            let outcome = if ask(&mut session, deed.is_left).await { "left" } else { "gone" };
            found.entry(deed.what.to_owned()).or_default().push(outcome.to_owned());
        }
        assert_eq!(found, table());
    })
    .await;
}

/// What others see of a session: what it ran last, how many locks it holds, and how many temporary tables.
fn seen_from_outside(server: &Server, pid: i32, database: &str) -> [String; 3] {
    let questions = [
        format!("select left(query, 28) from pg_stat_activity where pid = {pid} and state = 'idle'"),
        format!("select count(*) from pg_locks where locktype = 'advisory' and pid = {pid}"),
        "select count(*) from pg_class where relnamespace::regnamespace::text ~ '^pg_temp' and relkind = 'r'"
            .to_owned(),
    ];
    questions.map(|question| {
        let rows = server.sql_in(database, &question).unwrap();
        rows.first().and_then(|row| row[0].clone()).unwrap_or_default()
    })
}

#[tokio::test]
async fn an_idle_connection_holds_nothing() {
    on_each_server(async |server| {
        let config = prepared_config(server);
        let database = config.get_dbname().unwrap().to_owned();
        let script = "set work_mem = '1234kB'; create temp table t (id int); select pg_advisory_lock(1)";
        for (policy, expected) in [
            (ResetPolicy::None, ["set work_mem = '1234kB'; cre", "1", "1"]),
            (ResetPolicy::Cheap, ["SET SESSION AUTHORIZATION DE", "0", "0"]),
            (ResetPolicy::Full, ["SET SESSION AUTHORIZATION DE", "0", "0"]),
        ] {
            let pool = pool_with(&config, policy);
            let mut session = acquire(&pool).await;
            let pid = session.backend_pid().unwrap();
            session.script(script).await.unwrap();
            drop(session);
            until(|| pool.status().idle == 1).await;
            assert_eq!(seen_from_outside(server, pid, &database), expected, "{policy}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_drivers_own_statements_outlive_a_reset_unless_the_session_ran_prepare() {
    const OWN: &str = "select exists (select from pg_prepared_statements where statement = 'select 5, 5')";
    on_each_server(async |server| {
        let config = prepared_config(server);
        for (policy, script, kept) in [
            (ResetPolicy::Cheap, "set work_mem = '1234kB'", true),
            (ResetPolicy::Full, "set work_mem = '1234kB'", true),
            (ResetPolicy::Cheap, "prepare p as select 1", false),
            (ResetPolicy::Full, "prepare p as select 1", false),
            (ResetPolicy::None, "prepare p as select 1", true),
            (ResetPolicy::None, "discard all", false),
        ] {
            let pool = pool_with(&config, policy);
            let mut session = acquire(&pool).await;
            let statement = session.prepare("select 5, 5").await.unwrap();
            session.script(script).await.unwrap();
            drop(session);
            let mut session = acquire(&pool).await;
            assert_eq!(ask(&mut session, OWN).await, kept, "{policy} {script}");
            // Also in a transaction, where nothing that the server does not know could heal.
            let mut tx = session.begin().await.unwrap();
            let (five, _): (i32, i32) = tx.query(&statement).one().await.unwrap();
            assert_eq!(five, 5);
            tx.commit().await.unwrap();
            assert_usable(&mut session).await;
        }
    })
    .await;
}

/// What a session is like.
const DEFAULTS: &str = "select concat_ws(' ', current_setting('work_mem'), current_setting('search_path'), \
                        current_setting('application_name'), current_setting('statement_timeout'), current_user)";

#[tokio::test]
async fn settings_and_the_role_go_back_to_what_the_session_began_with() {
    on_each_server(async |server| {
        let config = prepared_config(server);
        let database = config.get_dbname().unwrap();
        let setup = format!(
            "create role {database}_group; grant {database}_group to trust; \
             alter role trust in database {database} set work_mem = '2MB'; \
             alter role trust in database {database} set role = {database}_group; \
             alter database {database} set search_path = mine"
        );
        server.sql(&setup).unwrap();
        let config = plain_config(server, database).application_name("mine");
        let config = config.options("-c statement_timeout=7000");
        let change = "set role none; set work_mem = '3MB'; set search_path = yours; set application_name = 'yours'; \
                      set statement_timeout = 0; select 1";
        for policy in [ResetPolicy::Cheap, ResetPolicy::Full] {
            let pool = pool_with(&config, policy);
            let mut session = acquire(&pool).await;
            let expected = format!("2MB mine mine 7s {database}_group");
            let (found,): (String,) = session.query(DEFAULTS).one().await.unwrap();
            assert_eq!(found, expected);
            session.script(change).await.unwrap();
            let (found,): (String,) = session.query(DEFAULTS).one().await.unwrap();
            assert_eq!(found, "3MB yours yours 0 trust");
            drop(session);
            let (found,): (String,) = acquire(&pool).await.query(DEFAULTS).one().await.unwrap();
            assert_eq!(found, expected, "{policy}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_can_only_read_is_reset_too() {
    on_each_server(async |server| {
        let config = prepared_config(server);
        let pool = pool_with(&config, ResetPolicy::Cheap);
        let mut session = acquire(&pool).await;
        let first = session.backend_pid();
        session.script("create temp table t (id int)").await.unwrap();
        session.script("set default_transaction_read_only = on; listen news").await.unwrap();
        drop(session);
        let mut session = acquire(&pool).await;
        assert_eq!(session.backend_pid(), first);
        assert!(!ask(&mut session, TABLE).await);
        session.script("create temp table t (id int)").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_waiter_gets_a_session_that_was_reset() {
    on_each_server(async |server| {
        let pool = pool_with(&plain_config(server, "test"), ResetPolicy::Cheap);
        let mut session = acquire(&pool).await;
        let first = session.backend_pid();
        session.script("set work_mem = '1234kB'").await.unwrap();
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move {
                let mut session = acquire(&pool).await;
                (session.backend_pid(), ask(&mut session, MEMORY).await)
            }
        });
        until(|| pool.status().waiting == 1).await;
        drop(session);
        assert_eq!(within(waiter).await.unwrap(), (first, false));
    })
    .await;
}

/// Resets by hand, as those do who hand connections on themselves.
#[tokio::test]
async fn a_connection_is_reset_by_hand_and_not_in_a_transaction() {
    on_each_server(async |server| {
        let mut c = Connection::connect(&plain_config(server, "test")).await.unwrap();
        c.script("select set_config('app.tenant', 'a', false)").await.unwrap();
        c.reset(ResetPolicy::Cheap).await.unwrap();
        assert!(ask(&mut c, TENANT).await);
        c.reset(ResetPolicy::Full).await.unwrap();
        assert!(!ask(&mut c, TENANT).await);
        c.script("prepare p as select 1; begin").await.unwrap();
        let error = c.reset(ResetPolicy::Cheap).await.unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), "25001");
        c.script("rollback").await.unwrap();
        c.reset(ResetPolicy::Cheap).await.unwrap();
        assert!(!ask(&mut c, STATEMENT).await);
        assert_usable(&mut c).await;
    })
    .await;
}

/// What a server does about a reset that it does not do.
async fn assert_replaced_after(answer: Option<Vec<u8>>) {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        session.login().await?;
        session.expect(b'Q').await?;
        session.send(&[messages::command_complete("SET"), messages::ready(b'I')].concat()).await?;
        assert!(session.expect(b'Q').await?.starts_with(b"SET SESSION AUTHORIZATION DEFAULT; RESET ALL;"));
        session.send(&answer.unwrap_or_default()).await?;
        let mut next = ignore_cancels(&listener).await?;
        session.closed().await?;
        next.hang().await;
        Ok(())
    })
    .unwrap();
    let pool = pool_of_peer(&peer);
    let mut session = acquire(&pool).await;
    session.script("set work_mem = '1234kB'").await.unwrap();
    drop(session);
    let next = acquire(&pool).await;
    assert_eq!(next.backend_pid(), Some(2));
    drop((next, pool));
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_not_reset_is_replaced() {
    let refused = [messages::error("ERROR", "57014", "no"), messages::ready(b'I')].concat();
    for answer in [Some(refused), None] {
        assert_replaced_after(answer).await;
    }
}
