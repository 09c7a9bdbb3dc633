//! A proxy that lets bytes pass later than they come, in a process of its own: what it costs is not the lane's.
//!
//! It sleeps in threads, to some 0.1 ms; timers of tokio, and so the proxy of the test kit, would make two milliseconds
//! of one.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use molt_db::Config;
use molt_db::config::Endpoint;

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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let delay = Duration::from_millis(delay_ms);
    thread::spawn(move || {
        for client in listener.incoming() {
            // Whoever cannot be connected sees it: both sockets are closed.
            let _ = client.and_then(|client| carry(client, server, delay));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Carries both ways, in threads of their own.
fn carry(client: TcpStream, server: u16, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let (queue, due) = sync_channel(BURSTS_UNDER_WAY);
        thread::spawn(move || take(from, &queue, delay));
        thread::spawn(move || give(&due, to));
    }
    Ok(())
}

/// Bytes on their way, and when they are due.
type Burst = (Instant, Vec<u8>);

/// Reads to the end; a side that fails has ended.
fn take(mut from: TcpStream, queue: &SyncSender<Burst>, delay: Duration) {
    let mut buffer = vec![0; LARGEST_BURST];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if queue.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

/// Writes what is due, and at the end passes that on.
fn give(queue: &Receiver<Burst>, mut to: TcpStream) {
    for (due, bytes) in queue {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    // It may be closed already.
    let _ = to.shutdown(Shutdown::Write);
}

fn read_port(stdout: ChildStdout) -> Result<u16, Failure> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    line.trim().parse().map_err(|_| "the proxy did not start".into())
}

fn local_port(config: &Config) -> Result<u16, Failure> {
    match config.endpoint() {
        Endpoint::Tcp { host, port, .. } if host == "127.0.0.1" || host == "localhost" => Ok(port),
        _ => Err("--delay-ms takes a server on 127.0.0.1".into()),
    }
}

const LARGEST_BURST: usize = 64 << 10;
const BURSTS_UNDER_WAY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_both_ways_later_and_so_does_the_end() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = TcpStream::connect(outside.local_addr().unwrap()).unwrap();
        let delay = Duration::from_millis(20);
        carry(outside.accept().unwrap().0, server.local_addr().unwrap().port(), delay).unwrap();
        let mut peer = server.accept().unwrap().0;

        let begin = Instant::now();
        client.write_all(b"there").unwrap();
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).unwrap();
        peer.write_all(b"and back").unwrap();
        drop(peer);
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert_eq!((&bytes[..], &back[..]), (&b"there"[..], &b"and back"[..]));
        assert!(begin.elapsed() >= 2 * delay);
    }

    #[test]
    fn only_servers_of_this_machine_are_reached() {
        let port = |url: &str| local_port(&url.parse().unwrap()).ok();
        assert_eq!(port("postgres://a@localhost:7/b"), Some(7));
        assert_eq!(port("postgres://a@db.example:7/b"), None);
    }
}
