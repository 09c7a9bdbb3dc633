//! Whatever is printed, secrets and parameters are not in it.

mod common;

use std::any::type_name;
use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{on_each_server, within};
use molt_db::config::{
    Endpoint, Host, LoadBalanceHosts, Observe, Replication, ResetPolicy, SslCertMode, SslMode,
    SslNegotiation, SslRootCert, Switch, TargetSessionAttrs, TlsVersion, TypeLookup, Wakeups,
};
use molt_db::replication::{
    Delivery, EmittedMessage, Lsn, OldRow, PgTimestamp, Prepared, ReplicationClient, ReplicationDriver,
    ReplicationEvent, ReplicationOptions, SlotOptions, Snapshot, Streaming, Table, Tuple,
};
use molt_db::{
    Config, Connection, Connector, IsolationLevel, Listener, ListenerEvent, OwnedRow, Params, Pool, Scope,
    ScriptItem,
};
use molt_db_testkit::{Server, ServerOptions, User, Wanted};

/// All passwords, tokens and parameters have one of these in them.
const SECRETS: [&str; 2] = ["-secret", "secret-"];

fn tells_a_secret(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.to_lowercase().contains(secret))
}

/// Prints values in every way, and keeps in mind of which types they were.
#[derive(Default)]
struct Printer {
    types: BTreeSet<String>,
}

impl Printer {
    fn debug<T: Debug + ?Sized>(&mut self, value: &T) {
        let path = type_name::<T>().split('<').next().unwrap_or_default();
        self.types.insert(path.rsplit("::").next().unwrap_or_default().to_owned());
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(!tells_a_secret(&text), "{path}: {text}");
        }
    }

    fn all<T: Debug + Display>(&mut self, value: &T) {
        self.debug(value);
        let text = value.to_string();
        assert!(!tells_a_secret(&text), "{text}");
    }
}

#[tokio::test]
async fn no_public_type_prints_a_secret_or_a_parameter() {
    on_each_server(async |server| {
        let mut printer = Printer::default();
        of_configurations(&mut printer);
        of_errors(&mut printer, server).await;
        of_sessions(&mut printer, server).await;
        of_transactions(&mut printer, server).await;
        of_batches(&mut printer, server).await;
        of_copies(&mut printer, server).await;
        #[cfg(feature = "ipc")]
        of_ipc(&mut printer, server).await;
        of_notifications(&mut printer, server).await;
        of_replication(&mut printer, server).await;
        for name in public_types(Path::new("src")) {
            let is_off = name == "IpcStream" && !cfg!(feature = "ipc");
            assert!(is_off || printer.types.contains(&name), "{name} is public and was not printed");
        }
    })
    .await;
}

fn of_configurations(printer: &mut Printer) {
    let key = [b's'; 32];
    let config = Config::new()
        .user("u")
        .password("My-Secret")
        .scram_client_key(key)
        .scram_server_key(key)
        .oauth_client_secret("My-Secret")
        .oauth_token_from(|_| async { Ok::<_, io::Error>("My-Secret") });
    printer.debug(&config);
    assert!(!format!("{config:?}").contains("115, 115"));
    printer.debug(&config.clone().password_from(|_| async { Ok::<_, io::Error>("My-Secret") }));
    printer.debug(&Pool::builder(config.clone()));
    printer.debug(&Connector::new(&Config::new().user("u").password("My-Secret")).unwrap());
    printer.debug(&Host::from("h"));
    printer.all(&config.endpoint());
    printer.all(&SslMode::Require);
    printer.debug(&SslRootCert::System);
    printer.debug(&SslNegotiation::Direct);
    printer.debug(&SslCertMode::Allow);
    printer.debug(&TlsVersion::V1_3);
    printer.all(&TargetSessionAttrs::Any);
    printer.all(&LoadBalanceHosts::Random);
    printer.debug(&Switch::On);
    printer.debug(&Replication::Off);
    printer.all(&ResetPolicy::Cheap);
    printer.all(&Observe::WithText);
    printer.debug(&Wakeups::Few);
    printer.debug(&TypeLookup::Never);
    for text in ["postgres://u:My-Secret@h:x", "password='My-Secret", "My-Secret", "port=My-Secret"] {
        printer.all(&text.parse::<Config>().unwrap_err());
    }
    assert_eq!(config.endpoint(), Endpoint::Tcp { host: "localhost".into(), address: None, port: 5432 });
}

async fn of_errors(printer: &mut Printer, server: &Server) {
    for user in [User::Scram, User::Md5, User::Clear] {
        let config: Config = server.url(user, "test").parse().unwrap();
        let error = within(Connection::connect(&config.password("Another-Secret"))).await.unwrap_err();
        printer.all(&error);
        printer.all(&error.attempts()[0]);
        printer.all(error.server().unwrap());
    }
}

async fn of_sessions(printer: &mut Printer, server: &Server) {
    let config: Config = server.url(User::Scram, "test").parse().unwrap();
    let config = config.observe(Observe::On);
    let pool = Pool::builder(config).build().unwrap();
    let mut session = within(pool.acquire()).await.unwrap();
    printer.debug(&pool);
    let stats = pool.stats();
    printer.debug(&stats);
    printer.debug(stats.traffic.as_ref().unwrap());
    printer.debug(&stats.traffic.as_ref().unwrap().operations);
    printer.debug(&pool.query("select $1::text").bind("Secret-Parameter"));
    printer.debug(&session);
    let connection: &mut Connection = &mut session;
    printer.debug(connection);
    printer.debug(&connection.canceller().unwrap());
    let statement = connection.prepare("select $1::text").await.unwrap();
    printer.debug(&statement);

    let mut params = Params::default();
    params.push(&"Secret-Parameter").unwrap();
    printer.debug(&params);
    let query = connection.query(&statement).bind("Secret-Parameter");
    printer.debug(&query);
    let mut rows = query.rows().await.unwrap();
    printer.debug(rows.next().await.unwrap().as_ref().unwrap());
    while rows.next().await.unwrap().is_some() {}
    printer.debug(&rows);
    let row: OwnedRow = connection.query(&statement).bind("Secret-Parameter").one().await.unwrap();
    printer.debug(&row);
    printer.debug(&connection.query(&statement).bind("Secret-Parameter").rows().await.unwrap().owned());
    connection.settle().await.unwrap();
    printer.debug(&connection.query(&statement).bind("Secret-Parameter").arrow().await.unwrap());
    connection.settle().await.unwrap();
    let error = connection.query(&statement).bind("Secret-Parameter").one::<(i32,)>().await.unwrap_err();
    printer.all(&error);
    let error = connection.query(&statement).bind(7_i32).one::<(String,)>().await.unwrap_err();
    printer.all(&error);
}

/// A value that Arrow cannot hold is handed out, and not printed.
async fn of_batches(printer: &mut Printer, server: &Server) {
    let mut c = common::connect(server).await;
    let query = c.query("select array_fill($1::text, array[1], array[7])").bind("Secret-Parameter");
    let error = query.arrow().await.unwrap().next().await.unwrap_err();
    assert_eq!(common::value_error(&error).value(), Some("[7:7]={Secret-Parameter}"));
    printer.all(&error);
    printer.all(common::value_error(&error));
}

async fn of_copies(printer: &mut Printer, server: &Server) {
    let mut c = common::connect(server).await;
    c.script("create temporary table t (id int8, name text)").await.unwrap();
    let mut copy = c.copy_in("copy t from stdin").await.unwrap();
    copy.send("1\tSecret-Value\n").await.unwrap();
    printer.debug(&copy);
    copy.finish().await.unwrap();
    let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
    rows.send((1_i64, "Secret-Value")).await.unwrap();
    printer.debug(&rows);
    printer.all(&rows.send(("Secret-Value", "Secret-Value")).await.unwrap_err());
    rows.abort("enough").await.unwrap();
    let mut copy = c.copy_out("copy t to stdout").await.unwrap();
    copy.next().await.unwrap();
    printer.debug(&copy);
    printer.debug(&copy.chunks());
    c.settle().await.unwrap();
    let mut rows =
        c.copy_out_rows::<(i64, String)>("select * from t union all select * from t").await.unwrap();
    rows.next().await.unwrap();
    printer.debug(&rows);
}

#[cfg(feature = "ipc")]
async fn of_ipc(printer: &mut Printer, server: &Server) {
    let mut c = common::connect(server).await;
    let query = c.query("select $1::text").bind("Secret-Parameter");
    let mut stream = query.arrow().await.unwrap().into_ipc();
    printer.debug(&stream);
    while stream.next().await.unwrap().is_some() {
        printer.debug(&stream);
    }
}

async fn of_transactions(printer: &mut Printer, server: &Server) {
    const SQL: &str = "select $1::text";
    let config: Config = server.url(User::Scram, "test").parse().unwrap();
    let slow = Arc::new(Mutex::new(Printer::default()));
    let list = Arc::clone(&slow);
    let config = config.on_slow_statement(Duration::ZERO, move |slow| list.lock().unwrap().debug(slow));
    printer.debug(&config);
    let mut connection = within(Connection::connect(&config)).await.unwrap();
    let begin = connection.begin();
    printer.debug(&begin);
    printer.debug(&IsolationLevel::Serializable);
    printer.debug(&Scope::default());
    let mut tx = begin.await.unwrap();
    tx.execute(SQL, ("Secret-Parameter",)).await.unwrap();
    printer.debug(&tx);
    let mut savepoint = tx.savepoint().unwrap();
    printer.debug(&savepoint);

    let mut batch = savepoint.batch();
    batch.add(SQL, ("Secret-Parameter",)).add(SQL, (None::<String>,));
    printer.debug(&batch);
    let results = batch.run().await.unwrap();
    printer.debug(&results);
    printer.debug(&results.outcome(0));
    printer.debug(&results.rows(0).unwrap());
    printer.all(&results.one::<(i32,)>(0).unwrap_err());
    let mut refused = savepoint.batch();
    refused.add(SQL, ("Secret-Parameter\0",));
    printer.all(&refused.run().await.unwrap_err());

    let mut portal = savepoint.query(SQL).bind("Secret-Parameter").portal(1).await.unwrap();
    printer.debug(&portal);
    printer.debug(portal.fetch(&mut savepoint).await.unwrap().as_ref().unwrap());
    savepoint.rollback().await.unwrap();
    let series = tx.query("select $1::text from generate_series(1, 3)").bind("Secret-Parameter");
    let mut typed = series.rows_as::<(String,)>().await.unwrap();
    typed.next().await.unwrap();
    printer.debug(&typed);
    typed.finish().await.unwrap();
    let mut results = tx.script_results("select 'a row'").await.unwrap();
    printer.debug(&results);
    while let Some(item) = results.next().await.unwrap() {
        printer.debug::<ScriptItem<'_>>(&item);
    }
    tx.rollback().await.unwrap();
    printer.types.append(&mut slow.lock().unwrap().types);
}

async fn of_notifications(printer: &mut Printer, server: &Server) {
    let config: Config = server.url(User::Scram, "test").parse().unwrap();
    let config = config.on_notification(drop);
    printer.debug(&config);
    let mut listener = within(Listener::connect(&config)).await.unwrap();
    listener.listen("redaction").await.unwrap();
    printer.debug(&listener);
    let mut connection =
        Connection::connect(&server.url(User::Scram, "test").parse().unwrap()).await.unwrap();
    connection.listen("redaction").await.unwrap();
    connection.notify("redaction", "Secret-Parameter").await.unwrap();
    printer.debug(&connection.next_notification().await.unwrap());
    printer.debug(&connection.notifications());
    printer.debug::<ListenerEvent>(&within(listener.recv()).await.unwrap());
    printer.all(&connection.listen(&"Secret-Parameter".repeat(10)).await.unwrap_err());
}

/// The shared server cannot replicate; one of the same version can.
async fn of_replication(printer: &mut Printer, server: &Server) {
    let version = Wanted::Major(server.version().0.to_string().parse().unwrap());
    let server =
        Server::start(ServerOptions::default().wanted(version).setting("wal_level", "logical")).unwrap();
    server.sql("create table t (n text); create publication p for table t").unwrap();
    let config: Config = server.url(User::Superuser, "test").parse().unwrap();
    let mut client = within(ReplicationClient::connect(&config)).await.unwrap();
    printer.debug(&client.identify_system().await.unwrap());
    let slot = SlotOptions::new().temporary().snapshot(Snapshot::None);
    printer.debug(&slot);
    printer.debug(&Snapshot::None);
    printer.debug(&Streaming::Off);
    let refused = client.start(&ReplicationOptions::new("none")).await.unwrap_err();
    printer.all(&refused);
    printer.debug(&refused.client);
    let mut client = refused.client;
    printer.debug(&client.create_slot("s", &slot).await.unwrap());
    let options = ReplicationOptions::new("s").publication("p");
    printer.debug(&options);
    let (mut stream, driver) = client.start(&options).await.unwrap();
    printer.debug(&stream);
    printer.debug::<ReplicationDriver>(&driver);
    tokio::spawn(driver);
    server
        .sql("alter table t replica identity full; insert into t values ('Secret-Parameter'); delete from t")
        .unwrap();
    loop {
        let event = within(stream.next()).await.unwrap().unwrap();
        printer.debug(&event);
        match &event {
            ReplicationEvent::Table(table) => printer.debug::<Table>(table),
            ReplicationEvent::Insert { new, .. } => printer.debug::<Tuple>(new),
            ReplicationEvent::Delete { old, .. } => break printer.debug::<OldRow>(old),
            _ => {}
        }
    }
    let (lsn, time) = (Lsn::INVALID, PgTimestamp::from_micros(0));
    let content = b"Secret-Parameter"[..].into();
    let delivery = Delivery::Immediate;
    printer.debug(&EmittedMessage { xid: None, delivery, lsn, prefix: "app".into(), content });
    printer.debug(&Prepared { position: lsn, end_lsn: lsn, time, xid: 7, gid: "gid".into() });
}

/// Returns the names of the types that the sources declare for everybody.
fn public_types(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.append(&mut public_types(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let declared = text.lines().filter_map(|line| {
                let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
                rest.split(|c: char| !c.is_alphanumeric()).next()
            });
            names.extend(declared.map(str::to_owned));
        }
    }
    names
}
