//! Records conversations of real clients with a real server, and makes seeds of them:
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example record_seeds
//! ```
//!
//! It needs psql, pg_dump, pgbench and pg_recvlogical (Debian: `postgresql-client` and `postgresql-15`, or any later);
//! the server is the kit's. What it writes is called `recorded_<conversation>`; what was called so before is gone.

mod line;
mod programs;
mod scripts;
mod seeds;

use std::error::Error;

use molt_db_testkit::proxy::Proxy;
use molt_db_testkit::recording::Conversation;
use molt_db_testkit::{Server, ServerOptions, TlsSetup};
use tokio::runtime::Runtime;

/// Anything that goes wrong here ends the program.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    // The proxy runs on other threads, while this one waits for programs.
    let runtime = Runtime::new()?;
    let _entered = runtime.enter();
    let options = ServerOptions::default().tls(TlsSetup::Off).setting("wal_level", "logical");
    let server = Server::start(options)?;
    prepare(&server)?;
    seeds::remove_old()?;
    for (name, act) in programs::ALL {
        let conversations = recorded(&server, |port| act(port, &server))?;
        conversations
            .iter()
            .enumerate()
            .try_for_each(|(at, talk)| seeds::write(&numbered(name, at), talk))?;
    }
    for (name, act) in scripts::ALL {
        let conversations = recorded(&server, act)?;
        conversations
            .iter()
            .enumerate()
            .try_for_each(|(at, talk)| seeds::write(&numbered(name, at), talk))?;
    }
    Ok(())
}

/// The second connection of a conversation is called so.
fn numbered(name: &str, at: usize) -> String {
    if at == 0 { name.to_owned() } else { format!("{name}_{}", at + 1) }
}

fn recorded(server: &Server, act: impl FnOnce(u16) -> Outcome) -> Outcome<Vec<Conversation>> {
    let proxy = Proxy::recording(server.port())?;
    act(proxy.port())?;
    Ok(proxy.take_conversations())
}

/// Small tables, and everything that replication needs.
fn prepare(server: &Server) -> Outcome {
    server.sql("alter role trust replication")?;
    server.sql(
        "create table item (id int primary key, name text not null, price numeric(8, 2), made timestamptz);
         insert into item values (1, 'nut', 0.05, '2020-02-02 02:02:02Z'), (2, 'bolt', null, null);
         create table kinds (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, t text, v varchar(9),
           c char(3), y bytea, d date, m time, s timestamp, z timestamptz, u uuid, j json, k jsonb, o oid);
         insert into kinds values (true, -2, 4, 8, 0.5, -1e300, 12345.6789, 'text', 'var', 'c', '\\x00ff', '2000-01-01',
           '12:34:56.789', 'infinity', '1999-12-31 23:59:59Z', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '[1]',
           '{\"a\": null}', 16384);
         insert into kinds default values;
         grant all on item, kinds to public;
         create publication changes for all tables",
    )?;
    server.sql("select pg_create_logical_replication_slot('seeds', 'pgoutput')")?;
    Ok(())
}
