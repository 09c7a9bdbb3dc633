//! What PostgreSQL's own programs say.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use molt_db_testkit::{Server, User};

use crate::Outcome;

/// What records one conversation, at this port.
type Act = fn(u16, &Server) -> Outcome;

/// Each with its name.
pub const ALL: [(&str, Act); 11] = [
    ("trust", |port, server| psql(port, server, User::Trust, "select 1")),
    ("md5", |port, server| psql(port, server, User::Md5, "select 1")),
    ("scram", |port, server| psql(port, server, User::Scram, "select 1")),
    ("cleartext", |port, server| psql(port, server, User::Clear, "select 1")),
    ("simple", |port, server| psql(port, server, User::Trust, SIMPLE)),
    ("copy", |port, server| psql(port, server, User::Trust, COPY)),
    ("pgbench_simple", |port, _| pgbench(port, "simple")),
    ("pgbench_extended", |port, _| pgbench(port, "extended")),
    ("pgbench_prepared", |port, _| pgbench(port, "prepared")),
    ("dump", |port, _| run(as_trust("pg_dump", port).args(["--table=item", "--table=kinds", "test"]), "")),
    ("logical_replication", logical_replication),
];

const SIMPLE: &str = "
    select id, name, price, made from item order by id;
    begin; insert into item values (9, 'washer'); savepoint a; select 1 / 0; rollback to a; rollback;
    listen jobs; notify jobs, 'work'; drop table if exists nothing;
    declare c cursor with hold for select * from kinds; fetch 1 from c; close c;
    select relacl from pg_class where relname = 'item';
";

const COPY: &str = "
    create temporary table t (a int, b text);
    copy t from stdin;
1\tone
2\t\\N
\\.
    copy t to stdout (format csv, header);
    copy t from stdin;
x\ty
\\.
";

/// The server has no TLS: the programs ask for it first, and are told so.
fn psql(port: u16, server: &Server, user: User, sql: &str) -> Outcome {
    let mut psql = program("psql", port, user.name());
    psql.env("PGPASSWORD", server.password(user).unwrap_or_default());
    run(psql.args(["--no-psqlrc", "--quiet", "--file=-"]), sql)
}

fn pgbench(port: u16, protocol: &str) -> Outcome {
    let mut pgbench = as_trust("pgbench", port);
    pgbench.args(["--no-vacuum", "--transactions=2", "--file=/dev/stdin", "--protocol", protocol]);
    run(
        &mut pgbench,
        "\\set id 1\nselect name from item where id = :id;\nupdate item set price = :id where id = 2;\n",
    )
}

fn logical_replication(port: u16, server: &Server) -> Outcome {
    server.sql(
        "begin; insert into item values (11, 'cog', 2, now()); update item set name = 'gear' where id = 11;
         delete from item where id = 11; commit;
         alter table item replica identity full; update item set price = 3 where id = 2;
         select pg_logical_emit_message(true, 'note', 'said'); create type mood as enum ('glad', 'sad');
         create table moods (id int primary key, mood mood); insert into moods values (1, 'glad'); truncate moods",
    )?;
    let end = server.sql("select pg_current_wal_insert_lsn()")?;
    let end = end.first().and_then(|row| row.first()?.clone()).ok_or("no position")?;
    let mut receive = as_trust("pg_recvlogical", port);
    receive.args(["--dbname=test", "--slot=seeds", "--start", "--no-loop", "--file=-", "--endpos", &end]);
    receive.args([
        "--option=proto_version=1",
        "--option=publication_names=changes",
        "--option=messages=true",
    ]);
    run(&mut receive, "")
}

fn as_trust(name: &str, port: u16) -> Command {
    program(name, port, User::Trust.name())
}

fn program(name: &str, port: u16, user: &str) -> Command {
    let mut program = Command::new(find(name));
    program.env("PGHOST", "127.0.0.1").env("PGPORT", port.to_string()).env("PGDATABASE", "test");
    program.env("PGUSER", user).env("PGSSLMODE", "prefer").env("PGGSSENCMODE", "disable").env("LC_ALL", "C");
    program
}

/// Debian keeps those that it does not wrap where the server is.
fn find(name: &str) -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        folders.map(|folder| folder.path().join("bin").join(name)).filter(|path| path.exists()).max();
    newest.unwrap_or_else(|| name.into())
}

/// What the server refuses in between is part of the conversation.
fn run(program: &mut Command, input: &str) -> Outcome {
    let child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.map_err(|error| format!("{program:?}: {error}"))?;
    child.stdin.take().ok_or("no standard input")?.write_all(input.as_bytes())?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{program:?}: {status}").into()) }
}
