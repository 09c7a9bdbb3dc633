//! However a test process ends, its server ends with it.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use molt_db_testkit::Server;

/// What the other tests start, and kill.
#[test]
#[ignore = "the other tests of this file run it in a process of its own"]
fn a_process_with_a_server() {
    let server = Server::shared();
    println!("\nserver {} {}", server.port(), server.socket_dir().display());
    // Until whoever started this closes its end.
    let _ = io::stdin().read_line(&mut String::new());
}

/// A folder for the servers of one child, so that whatever is left is seen.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("kit-{name}-{}", process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { path }
    }

    fn start_child(&self) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "a_process_with_a_server"])
            .env("TMPDIR", &self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn wait_until_empty(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while fs::read_dir(&self.path).unwrap().next().is_some() {
            assert!(Instant::now() < deadline, "{} is not empty", self.path.display());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).unwrap();
    }
}

/// Reads what the child says about its server: the port and the folder. The child needs its output to stay open.
fn server_of(stdout: &mut BufReader<ChildStdout>) -> (u16, PathBuf) {
    let mut lines = stdout.lines();
    let line = lines.find_map(|line| line.unwrap().strip_prefix("server ").map(str::to_owned)).unwrap();
    let (port, folder) = line.split_once(' ').unwrap();
    (port.parse().unwrap(), PathBuf::from(folder))
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn process_in(folder: &Path) -> String {
    let lock = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    lock.lines().next().unwrap().to_owned()
}

/// Tells whether a process runs; one that ended and that nobody has waited for does not.
fn runs(process: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[test]
fn a_killed_process_leaves_neither_server_nor_folder() {
    let place = Place::new("killed");
    let mut child = place.start_child();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (port, folder) = server_of(&mut stdout);
    let process = process_in(&folder);
    assert!(runs(&process) && listens(port) && folder.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    place.wait_until_empty();
    assert!(!runs(&process) && !listens(port));
}

#[test]
fn a_process_that_ends_normally_leaves_neither_shared_server_nor_folder() {
    let place = Place::new("ended");
    let mut child = place.start_child();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (port, folder) = server_of(&mut stdout);
    let process = process_in(&folder);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    place.wait_until_empty();
    assert!(!runs(&process) && !listens(port));
}

#[test]
fn a_process_that_is_killed_while_it_starts_a_server_leaves_no_folder() {
    let place = Place::new("early");
    // A data folder to copy is made by the first start; the moments below are those of later ones.
    let _ = Server::shared();
    for milliseconds in (0..300).step_by(25) {
        let mut child = place.start_child();
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        place.wait_until_empty();
    }
}
