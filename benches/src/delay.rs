//! A proxy that lets bytes pass later than they come, in a process of its own: what it costs is not the lane's.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use molt_db::Config;
use molt_db::config::Endpoint;
use molt_db_testkit::proxy::{Direction, Proxy};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

use crate::failure::Failure;

/// The proxy as those see it who connect through it. Dropping it ends its process.
#[derive(Debug)]
pub(crate) struct Delay {
    process: Child,
    port: u16,
}

impl Delay {
    /// Starts a proxy in front of the server that the configuration names.
    pub(crate) fn start(config: &Config, delay_ms: u64) -> Result<Self, Failure> {
        let server = local_port(config)?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["proxy", "--port", &server.to_string(), "--delay-ms", &delay_ms.to_string()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take();
        let mut delay = Self { process, port: 0 };
        delay.port = read_port(stdout.ok_or("the proxy has no stdout")?)?;
        Ok(delay)
    }

    /// Sends what connects with this configuration through the proxy.
    pub(crate) fn redirect(&self, config: Config) -> Config {
        config.port(self.port)
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Its stdin is closed, so it ends; if it cannot be waited for, it has.
        let _ = self.process.wait();
    }
}

/// Runs a proxy in front of the server on that port, prints the port of its own, and waits for the end of stdin.
pub(crate) fn serve(server: u16, delay_ms: u64) -> Result<(), Failure> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let proxy = Proxy::start(server)?;
        for direction in [Direction::ToServer, Direction::ToClient] {
            proxy.set_latency(direction, Duration::from_millis(delay_ms));
        }
        println!("{}", proxy.port());
        spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
        Ok(())
    })
}

fn read_port(stdout: ChildStdout) -> Result<u16, Failure> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    line.trim().parse().map_err(|_| "the proxy did not start".into())
}

/// The proxy of the test kit knows one host.
fn local_port(config: &Config) -> Result<u16, Failure> {
    match config.endpoint() {
        Endpoint::Tcp { host, port, .. } if host == "127.0.0.1" || host == "localhost" => Ok(port),
        _ => Err("--delay-ms takes a server on 127.0.0.1".into()),
    }
}
