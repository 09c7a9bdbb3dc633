//! A pgbouncer for a test.
#![allow(dead_code, clippy::allow_attributes, reason = "each file of tests uses its own part of this")]

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use molt_db::{Config, Connection};
use molt_db_interop::program;
use molt_db_testkit::Server;
use tokio::time::timeout;

/// A pgbouncer in front of a server. It ends when this is dropped, and when the process ends in any other way.
pub(crate) struct Bouncer {
    port: u16,
    folder: PathBuf,
    shell: Child,
}

impl Bouncer {
    pub(crate) fn start(server: &Server, settings: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("molt-db-pgbouncer-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        fs::write(folder.join("users.txt"), "\"trust\" \"\"\n").unwrap();
        let ini = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}/users.txt\n{settings}\n",
            server.port(),
            folder.display(),
        );
        fs::write(folder.join("pgbouncer.ini"), ini).unwrap();
        let shell = shell(&folder);
        let mut bouncer = Self { port, folder, shell };
        bouncer.wait_until_ready();
        bouncer
    }

    fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let ended = self.shell.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < LONGEST, "pgbouncer does not start:\n{log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn config(&self) -> Config {
        let text = format!("host=127.0.0.1 port={} user=trust dbname=test sslmode=disable", self.port);
        text.parse().unwrap()
    }

    pub(crate) async fn connect(&self) -> Connection {
        within(Connection::connect(&self.config())).await.unwrap()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts pgbouncer under a shell that ends it at the end of a pipe, which this process holds. It refuses to be root.
fn shell(folder: &PathBuf) -> Child {
    const SCRIPT: &str = r#""$1" "$2" & child=$!; read -r nothing; kill "$child"; wait"#;
    let log = File::create(folder.join("log")).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "pgbouncer"]).arg(program("pgbouncer", "pgbouncer"));
    shell.arg(folder.join("pgbouncer.ini")).current_dir("/").stdin(Stdio::piped());
    shell.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    if fs::metadata(folder).unwrap().uid() == 0 {
        shell.uid(NOBODY).gid(NOBODY);
    }
    shell.spawn().unwrap()
}

/// Waits for what has to end by itself. More than twenty seconds is a hang.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONGEST, future).await.expect("it hangs")
}

const NOBODY: u32 = 65_534;
const LONGEST: Duration = Duration::from_secs(20);
