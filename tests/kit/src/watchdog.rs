//! Cleans up after a test process that ends without doing so.
//!
//! A small shell holds the reading end of a pipe whose writing end is in the test process. However that process ends
//! (a normal exit, a panic, SIGKILL), the pipe reaches its end; the shell then stops the server and removes its folder.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::KitError;

/// Guards one folder that holds a server.
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts to guard `folder`. A server in it has its data in `data`.
    pub(crate) fn guard(folder: &Path) -> Result<Self, KitError> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "molt-db-kit-watchdog"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A ctrl-C at the terminal goes to a whole process group; this one has to outlive it.
            .process_group(0)
            .spawn()
            .map_err(KitError::io("start the watchdog"))?;
        Ok(Self { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Not to wait would leave a zombie; that it failed interests nobody.
        let _ = self.shell.wait();
    }
}

/// `read` returns at the end of the pipe: nothing is ever written to it. A server that stops removes its file
/// `postmaster.pid`, whose first line is its process; one that starts too late finds its folder gone. What is still
/// being copied into the folder is removed again.
const SCRIPT: &str = r#"
folder=$1
lock=$folder/data/postmaster.pid
read -r nothing
tries=0
while [ -e "$folder" ] && [ $tries -lt 200 ]; do
    if pid=$(head -n 1 "$lock" 2>/dev/null) && [ -n "$pid" ]; then
        if [ $tries -lt 100 ]; then kill -QUIT "$pid"; else kill -KILL "$pid"; fi || rm -f "$lock"
    fi
    [ -e "$lock" ] || rm -rf "$folder"
    tries=$((tries + 1))
    [ ! -e "$folder" ] || sleep 0.05
done
rm -rf "$folder"
"#;
