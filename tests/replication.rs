//! Logical replication: everything that is committed comes at least once, in order, and as what it was.

mod common;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::{code, within};
use molt_db::config::{Replication, SslMode};
use molt_db::replication::{
    Delivery, Lsn, OldRow, ReplicationClient, ReplicationDriver, ReplicationEvent, ReplicationOptions,
    ReplicationStream, SlotOptions, Snapshot, Streaming,
};
use molt_db::{Config, Connection};
use molt_db_testkit::peer::{Peer, PeerConnection, messages};
use molt_db_testkit::proxy::{Cut, Direction, Flow, Proxy};
use molt_db_testkit::{Server, ServerOptions, User, Wanted, servers_under_test};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

fn options() -> ServerOptions {
    let options = ServerOptions::default().setting("wal_level", "logical");
    options
        .setting("max_replication_slots", "50")
        .setting("max_wal_senders", "50")
        .setting("max_prepared_transactions", "5")
}

/// Returns a server that can replicate, which all tests of this file share.
fn shared(wanted: Wanted) -> &'static Server {
    static SERVERS: Mutex<Vec<(Wanted, &'static Server)>> = Mutex::new(Vec::new());
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, server)) = servers.iter().find(|(version, _)| *version == wanted) {
        return server;
    }
    let server: &'static Server = Box::leak(Box::new(Server::start(options().wanted(wanted)).unwrap()));
    servers.push((wanted, server));
    server
}

/// A database with a table `t` that is published as `p`.
struct Source<'s> {
    server: &'s Server,
    database: String,
}

impl<'s> Source<'s> {
    fn new(server: &'s Server) -> Self {
        let source = Self { server, database: server.create_database().unwrap() };
        source.sql(
            "create table t (id int8 primary key, name text, price float8); create publication p for table t",
        );
        source
    }

    fn sql(&self, sql: &str) {
        self.server.sql_in(&self.database, sql).unwrap();
    }

    fn config(&self) -> Config {
        let config: Config = self.server.url(User::Superuser, &self.database).parse().unwrap();
        config.ssl_mode(SslMode::Disable)
    }

    /// The name of a slot, which is one of the whole server.
    fn slot(&self) -> String {
        format!("slot_of_{}", self.database)
    }

    fn options(&self) -> ReplicationOptions {
        ReplicationOptions::new(self.slot()).publication("p")
    }

    async fn client(&self) -> ReplicationClient {
        within(ReplicationClient::connect(&self.config())).await.unwrap()
    }

    /// Makes the slot, which stays.
    async fn make_slot(&self) {
        let mut client = self.client().await;
        within(client.create_slot(&self.slot(), &SlotOptions::new())).await.unwrap();
        client.close().await.unwrap();
    }

    async fn start(&self, options: &ReplicationOptions) -> Running {
        // The connection before may still have the slot.
        for _ in 0..200 {
            match within(self.client().await.start(options)).await {
                Ok((stream, driver)) => return Running::new(stream, driver),
                Err(refused) if refused.error.code().is_some_and(|code| code.as_str() == "55006") => {
                    sleep(Duration::from_millis(50)).await;
                }
                Err(refused) => panic!("{refused:?}"),
            }
        }
        panic!("the slot stays in use");
    }

    fn confirmed_flush(&self) -> Lsn {
        let sql = format!(
            "select confirmed_flush_lsn from pg_replication_slots where slot_name = '{}'",
            self.slot()
        );
        self.server.sql(&sql).unwrap()[0][0].as_ref().unwrap().parse().unwrap()
    }
}

struct Running {
    stream: ReplicationStream,
    driver: JoinHandle<Option<ReplicationClient>>,
}

impl Running {
    fn new(stream: ReplicationStream, driver: ReplicationDriver) -> Self {
        Self { stream, driver: tokio::spawn(driver) }
    }

    async fn next(&mut self) -> ReplicationEvent {
        within(self.stream.next()).await.unwrap().expect("more events")
    }

    /// Returns the changes of the next transaction in short, and where it ends. It is not confirmed.
    async fn transaction(&mut self) -> (Vec<String>, Lsn) {
        let mut changes = Vec::new();
        loop {
            let event = self.next().await;
            match &event {
                ReplicationEvent::Commit(commit) => return (changes, commit.end_lsn),
                ReplicationEvent::Begin(_) | ReplicationEvent::Table(_) => {}
                other => changes.push(short(other)),
            }
        }
    }

    /// Stops it, and returns the client, which takes commands again.
    async fn stop(self) -> ReplicationClient {
        self.stream.stop();
        let mut client = within(self.driver).await.unwrap().expect("the client comes back");
        within(client.identify_system()).await.unwrap();
        client
    }
}

fn short(event: &ReplicationEvent) -> String {
    let id = |tuple: &molt_db::replication::Tuple| tuple.get::<i64>("id").unwrap();
    match event {
        ReplicationEvent::Insert { new, .. } => format!("+{}", id(new)),
        ReplicationEvent::Update { new, .. } => format!("~{}", id(new)),
        ReplicationEvent::Delete { old, .. } => format!("-{}", id(old.tuple())),
        ReplicationEvent::Truncate { tables, .. } => format!("truncate {}", tables.len()),
        other => format!("{other:?}"),
    }
}

async fn on_each_source(test: impl AsyncFn(&Source<'_>)) {
    for wanted in servers_under_test() {
        let server = shared(wanted);
        let ended = timeout(Duration::from_secs(120), test(&Source::new(server))).await;
        assert!(ended.is_ok(), "the test hangs on {server:?}");
    }
}

#[tokio::test]
async fn the_system_is_identified_and_slots_come_and_go() {
    on_each_source(async |source| {
        let mut client = source.client().await;
        let system = within(client.identify_system()).await.unwrap();
        assert!(system.system_id.parse::<u64>().is_ok() && system.position > Lsn::INVALID, "{system:?}");
        assert_eq!((system.timeline, system.database.as_deref()), (1, Some(&*source.database)));
        let name = source.slot();
        let slot = within(client.create_slot(&name, &SlotOptions::new())).await.unwrap();
        assert_eq!((slot.name.as_str(), slot.snapshot.as_deref()), (&*name, None));
        assert!(slot.consistent_point >= system.position);
        let twice = within(client.create_slot(&name, &SlotOptions::new())).await.unwrap_err();
        assert_eq!(code(&twice), "42710");
        within(client.drop_slot(&name)).await.unwrap();
        assert_eq!(code(&within(client.drop_slot(&name)).await.unwrap_err()), "42704");
        let exported = SlotOptions::new().temporary().snapshot(Snapshot::Export);
        let slot = within(client.create_slot(&name, &exported)).await.unwrap();
        let mut other = Connection::connect(&source.config()).await.unwrap();
        let take = format!(
            "begin isolation level repeatable read; set transaction snapshot '{}'",
            slot.snapshot.unwrap()
        );
        other.script(&take).await.unwrap();
        client.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_replication_connection_takes_commands_of_the_simple_protocol_alone() {
    on_each_source(async |source| {
        let mut c =
            within(Connection::connect(&source.config().replication(Replication::Logical))).await.unwrap();
        for refused in [
            c.execute("select 1", ()).await.unwrap_err(),
            c.query("select $1").bind(1_i32).one::<(i32,)>().await.unwrap_err(),
            c.prepare("select 1").await.map(drop).unwrap_err(),
            c.begin().await.map(drop).unwrap_err(),
        ] {
            assert!(refused.is_unsent() && refused.to_string().contains("simple protocol"), "{refused:?}");
        }
        let mut batch = c.batch();
        batch.add("select 1", ());
        assert!(batch.run().await.unwrap_err().is_unsent());
        assert!(c.is_usable());
        c.script("select 1; IDENTIFY_SYSTEM").await.unwrap_err();
        c.script("select 1").await.unwrap();
        c.script("IDENTIFY_SYSTEM").await.unwrap();
        let refused = c.script("START_REPLICATION SLOT none LOGICAL 0/0").await.unwrap_err();
        assert_eq!(code(&refused), "42704");
        c.close().await.unwrap();
        let physical = source.config().replication(Replication::Physical);
        assert!(within(Connection::connect(&physical)).await.unwrap_err().is_config());
    })
    .await;
}

#[tokio::test]
async fn changes_come_as_what_they_were_in_the_order_of_their_commits() {
    on_each_source(async |source| {
        for options in [source.options(), source.options().text()] {
            source.make_slot().await;
            let mut running = source.start(&options).await;
            source.sql("insert into t values (1, 'Ada', 1.5), (2, null, 'NaN')");
            source.sql("update t set name = 'Grace' where id = 1; update t set id = 3 where id = 2; delete from t where id = 1");
            let ReplicationEvent::Begin(begin) = running.next().await else { panic!() };
            let ReplicationEvent::Table(table) = running.next().await else { panic!() };
            assert_eq!((table.namespace(), table.name(), table.columns().len()), ("public", "t", 3));
            assert!(table.is_key(0) && !table.is_key(1));
            let ReplicationEvent::Insert { new, table: of, .. } = running.next().await else { panic!() };
            assert_eq!(of, table);
            assert_eq!(new.read::<(i64, String, f64)>().unwrap(), (1, "Ada".to_owned(), 1.5));
            let ReplicationEvent::Insert { new, .. } = running.next().await else { panic!() };
            assert_eq!(new.get::<Option<&str>>("name").unwrap(), None);
            assert!(new.get::<f64>("price").unwrap().is_nan());
            let ReplicationEvent::Commit(commit) = running.next().await else { panic!() };
            assert!(commit.commit_lsn == begin.final_lsn && commit.end_lsn > commit.commit_lsn);

            let ReplicationEvent::Begin(_) = running.next().await else { panic!() };
            let ReplicationEvent::Update { old: None, new, .. } = running.next().await else { panic!() };
            assert_eq!(new.get::<&str>("name").unwrap(), "Grace");
            let ReplicationEvent::Update { old: Some(OldRow::Key(old)), new, .. } = running.next().await else { panic!() };
            assert_eq!((old.get::<i64>("id").unwrap(), new.get::<i64>("id").unwrap()), (2, 3));
            let ReplicationEvent::Delete { old: OldRow::Key(old), .. } = running.next().await else { panic!() };
            assert_eq!((old.get::<i64>("id").unwrap(), old.get::<Option<&str>>("name").unwrap()), (1, None));
            let ReplicationEvent::Commit(commit) = running.next().await else { panic!() };
            running.stream.confirm(commit.end_lsn);
            assert_eq!(running.stream.confirmed(), commit.end_lsn);
            let mut client = running.stop().await;
            within(client.drop_slot(&source.slot())).await.unwrap();
            source.sql("delete from t");
        }
    })
    .await;
}

#[tokio::test]
async fn large_values_that_did_not_change_are_told_as_such() {
    on_each_source(async |source| {
        source.sql("alter table t alter name set storage external");
        source.make_slot().await;
        let mut running = source.start(&source.options()).await;
        source.sql("insert into t values (1, repeat('x', 100000), 1)");
        source.sql("update t set price = 2");
        source.sql("alter table t replica identity full; update t set price = 3");
        assert_eq!(running.transaction().await.0, ["+1"]);
        let update = loop {
            if let event @ ReplicationEvent::Update { .. } = running.next().await {
                break event;
            }
        };
        let ReplicationEvent::Update { new, .. } = update else { panic!() };
        assert!(new.is_unchanged("name").unwrap() && !new.is_unchanged("price").unwrap());
        assert!(new.get::<Option<&str>>("name").unwrap_err().is_conversion());
        assert_eq!(new.get::<f64>("price").unwrap(), 2.0);
        let full = loop {
            if let ReplicationEvent::Update { old: Some(OldRow::Full(old)), .. } = running.next().await {
                break old;
            }
        };
        assert_eq!(full.get::<&str>("name").unwrap().len(), 100_000);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn truncation_and_changed_tables_come_in_their_place() {
    on_each_source(async |source| {
        source.sql("create table u (id int8 primary key); alter publication p add table u");
        source.make_slot().await;
        let mut running = source.start(&source.options()).await;
        source.sql("insert into t values (1)");
        source.sql("insert into u values (1)");
        source.sql("truncate t, u restart identity cascade");
        assert_eq!(running.transaction().await.0, ["+1"]);
        assert_eq!(running.transaction().await.0, ["+1"]);
        loop {
            if let ReplicationEvent::Truncate { options, tables, .. } = running.next().await {
                assert!(options.cascades() && options.restarts_identity());
                assert_eq!(tables.len(), 2);
                break;
            }
        }
        assert_eq!(running.transaction().await.0, [""; 0]);
        source.sql("alter table t alter price type text; alter table t add extra int4; insert into t values (2, 'a', 'b', 7)");
        let mut told = None;
        let row = loop {
            match running.next().await {
                ReplicationEvent::Table(table) => told = Some(table),
                ReplicationEvent::Insert { new, .. } => break new,
                _ => {}
            }
        };
        assert_eq!(told.unwrap().columns().len(), 4);
        let read = row.read::<(i64, &str, &str, i32)>().unwrap();
        assert_eq!(read, (2, "a", "b", 7));
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_goes_on_behind_what_was_confirmed_and_repeats_what_was_not() {
    on_each_source(async |source| {
        source.make_slot().await;
        for id in 1..=4 {
            source.sql(&format!("insert into t values ({id})"));
        }
        let mut running = source.start(&source.options()).await;
        let (first, end) = running.transaction().await;
        assert_eq!(first, ["+1"]);
        assert_eq!(running.transaction().await.0, ["+2"]);
        running.stream.confirm(end);
        running.stop().await;
        assert_eq!(source.confirmed_flush(), end);

        let mut running = source.start(&source.options()).await;
        assert_eq!(running.transaction().await.0, ["+2"], "it was not confirmed");
        let (_, end) = running.transaction().await;
        drop(running.stop().await);
        // Whoever keeps positions beside his own data goes on from those.
        let mut running = source.start(&source.options().from(end)).await;
        assert_eq!(running.transaction().await.0, ["+4"]);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_change_is_missed_when_the_connection_is_lost() {
    on_each_source(async |source| {
        source.make_slot().await;
        let proxy = Proxy::start(source.server.port()).unwrap();
        let config = source.config().port(proxy.port());
        let mut seen = Vec::new();
        for round in 0..3_i64 {
            for id in 1..=20 {
                source.sql(&format!("insert into t values ({})", round * 20 + id));
            }
            let client = within(ReplicationClient::connect(&config)).await.unwrap();
            let started = within(client.start(&source.options())).await;
            let (stream, driver) = match started {
                Ok(started) => started,
                Err(refused) => {
                    assert_eq!(code(&refused.error), "55006");
                    sleep(Duration::from_millis(200)).await;
                    within(refused.client.start(&source.options())).await.unwrap()
                }
            };
            let mut running = Running::new(stream, driver);
            let last = round * 20 + 20;
            while seen.last() != Some(&last) {
                if seen.len() % 20 == 10 && proxy.connections() == u64::try_from(round).unwrap() + 1 {
                    break;
                }
                let (changes, end) = running.transaction().await;
                let id = changes[0].trim_start_matches('+').parse::<i64>().unwrap();
                if !seen.contains(&id) {
                    seen.push(id);
                }
                running.stream.confirm(end);
            }
            proxy.cut_all(Cut::Reset);
            let error = loop {
                match within(running.stream.next()).await {
                    Ok(event) => assert!(event.is_some(), "it is no regular end"),
                    Err(error) => break error,
                }
            };
            assert!(error.is_connection_lost(), "{error:?}");
            assert!(within(running.driver).await.unwrap().is_none());
            sleep(Duration::from_millis(100)).await;
        }
        let mut running = source.start(&source.options()).await;
        while seen.last() != Some(&60) {
            let (changes, _) = running.transaction().await;
            let id = changes[0].trim_start_matches('+').parse::<i64>().unwrap();
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        assert_eq!(seen, (1..=60).collect::<Vec<_>>());
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_ends_the_stream_and_the_slot_goes_on() {
    for wanted in servers_under_test() {
        let server = Server::start(options().wanted(wanted)).unwrap();
        let source = Source::new(&server);
        source.make_slot().await;
        let mut running = source.start(&source.options()).await;
        source.sql("insert into t values (1)");
        let (changes, end) = running.transaction().await;
        assert_eq!(changes, ["+1"]);
        // A server that shuts down waits until all that it has sent is confirmed.
        running.stream.confirm(end);
        tokio::task::block_in_place(|| server.restart()).unwrap();
        match within(running.stream.next()).await {
            Ok(None) => {}
            Err(error) => assert!(error.is_connection_lost(), "{error:?}"),
            Ok(Some(event)) => panic!("{event:?}"),
        }
        source.sql("insert into t values (2); insert into t values (3)");
        // Before 17 the server forgets what was confirmed shortly before.
        let mut running = source.start(&source.options().from(running.stream.confirmed())).await;
        assert_eq!(running.transaction().await.0, ["+2", "+3"]);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_slow_reader_keeps_the_connection_and_bounds_the_memory() {
    on_each_source(async |source| {
        source.make_slot().await;
        let config = source.config().options("-c wal_sender_timeout=600");
        let options = source.options().max_events(10).max_bytes(1000);
        let client = within(ReplicationClient::connect(&config)).await.unwrap();
        let (stream, driver) = within(client.start(&options)).await.unwrap();
        let mut running = Running::new(stream, driver);
        source.sql("insert into t select i, repeat('x', 1000) from generate_series(1, 20000) i");
        // Much longer than the patience of the server, which cannot be heard while nothing is read.
        sleep(Duration::from_secs(3)).await;
        let (changes, end) = running.transaction().await;
        assert_eq!(changes.len(), 20_000);
        running.stream.confirm(end);
        // And an idle one.
        sleep(Duration::from_secs(2)).await;
        source.sql("insert into t values (0)");
        assert_eq!(running.transaction().await.0, ["+0"]);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_idle_slot_does_not_hold_the_log_of_others_back() {
    on_each_source(async |source| {
        source.make_slot().await;
        let options = source.options().status_interval(Duration::from_millis(50));
        let mut running = source.start(&options).await;
        source.sql("insert into t values (1)");
        let (_, end) = running.transaction().await;
        source.sql("create table others (n int8); insert into others select generate_series(1, 1000)");
        sleep(Duration::from_millis(500)).await;
        assert!(source.confirmed_flush() < end, "what was not confirmed is kept");
        running.stream.confirm(end);
        within(async {
            while source.confirmed_flush() <= end {
                sleep(Duration::from_millis(50)).await;
                source.sql("insert into others values (0)");
            }
        })
        .await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn large_transactions_are_streamed_while_they_run() {
    on_each_source(async |source| {
        if source.server.version().0 < 14 {
            return;
        }
        source.make_slot().await;
        let config = source.config().options("-c logical_decoding_work_mem=64kB");
        let client = within(ReplicationClient::connect(&config)).await.unwrap();
        let options = source.options().streaming(Streaming::On).messages();
        let (stream, driver) = within(client.start(&options)).await.unwrap();
        let mut running = Running::new(stream, driver);
        source.sql("insert into t select i, repeat('x', 100) from generate_series(1, 5000) i");
        source.sql(
            "begin; insert into t select i, repeat('x', 100) from generate_series(10001, 15000) i; rollback",
        );
        source.sql("select pg_logical_emit_message(true, 'mine', 'the end')");
        let (mut inserted, mut pieces, mut xid, mut aborted) = (0, 0, 0, false);
        let mut in_piece = false;
        loop {
            match running.next().await {
                ReplicationEvent::StreamStart(start) => {
                    assert!(!in_piece);
                    (pieces, xid, in_piece) = (pieces + 1, start.xid, true);
                }
                ReplicationEvent::StreamStop => in_piece = false,
                ReplicationEvent::Insert { xid: of, new, .. } => {
                    assert!(in_piece && of == Some(xid));
                    inserted += i64::from(new.get::<i64>("id").unwrap() <= 5000);
                }
                ReplicationEvent::StreamCommit(commit) => {
                    assert_eq!((commit.xid, inserted), (xid, 5000));
                    running.stream.confirm(commit.end_lsn);
                }
                ReplicationEvent::StreamAbort(abort) => aborted = abort.xid == xid,
                ReplicationEvent::Message(message) => {
                    assert_eq!((&*message.prefix, &*message.content), ("mine", &b"the end"[..]));
                    assert_eq!(message.delivery, Delivery::Transactional);
                    break;
                }
                _ => {}
            }
        }
        assert!(pieces > 2, "{pieces}");
        // A rolled back transaction may have been noticed before any of it was sent.
        assert!(aborted || pieces > 0);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn prepared_transactions_are_sent_when_they_are_prepared() {
    on_each_source(async |source| {
        let version = source.server.version().0;
        if version < 15 {
            return;
        }
        let mut client = source.client().await;
        within(client.create_slot(&source.slot(), &SlotOptions::new().two_phase())).await.unwrap();
        let streaming = if version >= 16 { Streaming::Parallel } else { Streaming::On };
        let options = source.options().two_phase().streaming(streaming);
        let (stream, driver) = within(client.start(&options)).await.unwrap();
        let mut running = Running::new(stream, driver);
        let gid = format!("gid of {}", source.database);
        source.sql(&format!("begin; insert into t values (1); prepare transaction '{gid}'"));
        let mut seen = Vec::new();
        let again = "begin; insert into t values (2); prepare transaction 'GID'";
        for step in ["", "commit prepared 'GID'", again] {
            let step = step.replace("GID", &gid);
            source.sql(&step);
            loop {
                match running.next().await {
                    ReplicationEvent::BeginPrepare(prepared) => assert_eq!(*prepared.gid, *gid),
                    ReplicationEvent::Prepare(prepared) => {
                        seen.push("prepare");
                        running.stream.confirm(prepared.end_lsn);
                        break;
                    }
                    ReplicationEvent::CommitPrepared(_) => {
                        seen.push("commit");
                        break;
                    }
                    _ => {}
                }
            }
        }
        source.sql(&format!("rollback prepared '{gid}'"));
        loop {
            if let ReplicationEvent::RollbackPrepared(prepared) = running.next().await {
                assert_eq!(*prepared.gid, *gid);
                break;
            }
        }
        assert_eq!(seen, ["prepare", "commit", "prepare"]);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_slot_that_is_missing_or_busy_is_an_error_and_the_client_goes_on() {
    on_each_source(async |source| {
        let refused = within(source.client().await.start(&source.options())).await.unwrap_err();
        assert_eq!(code(&refused.error), "42704");
        let mut client = refused.client;
        within(client.create_slot(&source.slot(), &SlotOptions::new())).await.unwrap();
        let running = source.start(&source.options()).await;
        let refused = within(client.start(&source.options())).await.unwrap_err();
        assert_eq!(code(&refused.error), "55006");
        running.stop().await;
        let (stream, driver) = within(refused.client.start(&source.options())).await.unwrap();
        Running::new(stream, driver).stop().await;
        let nameless = within(source.client().await.start(&ReplicationOptions::new(""))).await.unwrap_err();
        assert!(nameless.error.is_unsent());
    })
    .await;
}

#[tokio::test]
async fn a_publication_that_is_missing_ends_the_stream_with_the_servers_error() {
    on_each_source(async |source| {
        source.make_slot().await;
        let options = ReplicationOptions::new(source.slot()).publication("none");
        let mut running = source.start(&options).await;
        source.sql("insert into t values (1)");
        // 18 warns and goes on.
        let outcome = timeout(Duration::from_secs(2), async {
            loop {
                match running.stream.next().await {
                    Ok(Some(_)) => {}
                    other => break other.map(drop),
                }
            }
        })
        .await;
        match outcome {
            Ok(Err(error)) => {
                assert_eq!(code(&error), "42704");
                assert!(within(running.stream.next()).await.unwrap().is_none(), "an error comes once");
                let mut client = within(running.driver).await.unwrap().expect("it takes commands again");
                within(client.identify_system()).await.unwrap();
            }
            Ok(Ok(())) => panic!("it is no regular end"),
            Err(_) => assert!(source.server.version().0 >= 18),
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_goes_first_the_other_hears_of_it() {
    on_each_source(async |source| {
        source.make_slot().await;
        // The driver.
        let mut running = source.start(&source.options()).await;
        running.driver.abort();
        let error = within(running.stream.next()).await.unwrap_err();
        assert!(error.is_connection_lost() && error.to_string().contains("driver"), "{error:?}");
        // A stream that was never read.
        source.sql("insert into t select generate_series(1, 1000)");
        let running = source.start(&source.options().max_events(1)).await;
        sleep(Duration::from_millis(100)).await;
        running.stop().await;
        // A backend that is ended.
        let mut running = source.start(&source.options()).await;
        assert_eq!(running.transaction().await.0.len(), 1000);
        source.sql(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where active_pid is not null \
                    and database = current_database()",
        );
        let ended = within(running.stream.next()).await;
        assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
        assert!(within(running.driver).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn futures_that_are_dropped_lose_no_event() {
    on_each_source(async |source| {
        source.make_slot().await;
        let mut running = source.start(&source.options()).await;
        source.sql("insert into t select generate_series(1, 300)");
        let mut seen = 0;
        let mut polls = 0;
        while seen < 300 {
            let mut event = None;
            polls = (polls + 1) % 3;
            common::poll_times(async { event = running.stream.next().await.unwrap() }, polls).await;
            match event {
                Some(ReplicationEvent::Insert { new, .. }) => {
                    seen += 1;
                    assert_eq!(new.get::<i64>("id").unwrap(), seen);
                }
                Some(_) => {}
                None => sleep(Duration::from_millis(1)).await,
            }
        }
        running.stop().await;
    })
    .await;
}

/// Answers what comes before the stream, and lets that begin.
async fn begin(p: &mut PeerConnection) -> std::io::Result<()> {
    let startup = p.login().await?;
    assert_eq!(startup.parameter("replication"), Some("database"));
    p.expect(b'Q').await?;
    let patience = [
        messages::row_description(&[("setting", 25, 0)]),
        messages::data_row(&[Some(b"60000")]),
        messages::command_complete("SELECT 1"),
        messages::ready(b'I'),
    ];
    p.send(&patience.concat()).await?;
    p.expect(b'Q').await?;
    p.send(&messages::message(b'W', b"\0\0\0")).await
}

async fn start_at(peer: &Peer) -> Running {
    let config: Config =
        format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port()).parse().unwrap();
    let client = within(ReplicationClient::connect(&config)).await.unwrap();
    let started = within(client.start(&ReplicationOptions::new("s").publication("p"))).await;
    let (stream, driver) = started.unwrap();
    Running::new(stream, driver)
}

#[tokio::test]
async fn a_sign_of_life_is_answered_at_once_when_it_is_asked_for() {
    let peer = Peer::script(|mut p| async move {
        begin(&mut p).await?;
        let alive = [&b"k\0\0\0\0\0\0\0\x09"[..], &[0; 8], b"\x01"].concat();
        p.send(&messages::message(b'd', &alive)).await?;
        let status = p.expect(b'd').await?;
        assert_eq!(
            (status[0], &status[1..9], &status[9..17]),
            (b'r', &b"\0\0\0\0\0\0\0\x09"[..], &b"\0\0\0\0\0\0\0\x09"[..])
        );
        // The end of the server is answered with ours.
        p.send(&messages::message(b'c', b"")).await?;
        p.expect(b'c').await?;
        let end = [
            messages::command_complete("COPY 0"),
            messages::command_complete("START_REPLICATION"),
            messages::ready(b'I'),
        ];
        p.send(&end.concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut running = start_at(&peer).await;
    assert!(within(running.stream.next()).await.unwrap().is_none());
    assert!(within(running.driver).await.unwrap().is_some(), "the connection is usable");
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_no_replication_ends_the_stream_as_a_violation() {
    let data = |message: &[u8]| [&b"w"[..], &[0; 24], message].concat();
    for (case, body) in [
        ("an empty message", Vec::new()),
        ("an unknown type", b"x".to_vec()),
        ("a cut header", b"w\0\0".to_vec()),
        ("an unknown message", data(b"?")),
        ("a change of no table", data(b"I\0\0\0\x09N\0\0")),
        ("a cut commit", data(b"C\0")),
        ("a message of another version", data(b"S\0\0\0\x01\x01")),
    ] {
        let peer = Peer::script(move |mut p| async move {
            begin(&mut p).await?;
            p.send(&messages::message(b'd', &body)).await?;
            p.hang().await;
            Ok(())
        })
        .unwrap();
        let mut running = start_at(&peer).await;
        let error = within(running.stream.next()).await.unwrap_err();
        assert!(error.is_protocol_violation(), "{case}: {error:?}");
        assert!(within(running.driver).await.unwrap().is_none(), "{case}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_end_is_left_after_a_while() {
    let peer = Peer::script(|mut p| async move {
        begin(&mut p).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let running = start_at(&peer).await;
    running.stream.stop();
    assert!(within(running.driver).await.unwrap().is_none());
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_dead_peer_is_noticed_when_a_status_cannot_be_delivered() {
    let server = shared(servers_under_test()[0]);
    let source = Source::new(server);
    source.make_slot().await;
    let proxy = Proxy::start(server.port()).unwrap();
    let client = within(ReplicationClient::connect(&source.config().port(proxy.port()))).await.unwrap();
    let (stream, driver) = within(client.start(&source.options())).await.unwrap();
    let mut running = Running::new(stream, driver);
    proxy.set_flow(Direction::ToClient, Flow::Stalled);
    let waiting = timeout(Duration::from_millis(200), running.stream.next()).await;
    assert!(waiting.is_err(), "silence is no error");
    proxy.cut_all(Cut::Reset);
    assert!(within(running.stream.next()).await.unwrap_err().is_connection_lost());
}
