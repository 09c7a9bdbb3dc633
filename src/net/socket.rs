use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::{Config, Switch};

/// What a connection demands of its socket, and of who is at the other end of it.
#[derive(Debug, Clone)]
pub(crate) struct SocketOptions {
    keepalive: Option<TcpKeepalive>,
    user_timeout: Option<Duration>,
    owner: Option<String>,
}

impl SocketOptions {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            keepalive: (config.get_keepalives() == Switch::On).then(|| keepalive(config)),
            user_timeout: config.get_tcp_user_timeout(),
            owner: config.get_require_peer().map(ToOwned::to_owned),
        }
    }

    /// Opens a TCP connection.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(super) async fn tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Every write is a whole batch: waiting for more to come only adds latency.
        socket.set_nodelay(true)?;
        // Before it connects, so that the limits hold for that too.
        self.apply(SockRef::from(&socket))?;
        socket.connect(address).await
    }

    fn apply(&self, socket: SockRef<'_>) -> io::Result<()> {
        if let Some(keepalive) = &self.keepalive {
            socket.set_tcp_keepalive(keepalive)?;
        }
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}

/// Has the socket count as readable when so many bytes are there, or it has ended. Returns whether it does.
#[cfg(target_os = "linux")]
pub(super) fn set_low_water(stream: &TcpStream, bytes: usize) -> bool {
    use nix::libc;
    use nix::sys::socket::SetSockOpt;
    use nix::sys::socket::sockopt::SetStruct;

    #[derive(Debug, Clone, Copy)]
    struct ReceiveLowWater;
    nix::setsockopt_impl!(ReceiveLowWater, libc::SOL_SOCKET, libc::SO_RCVLOWAT, i32, SetStruct<'_, i32>);

    i32::try_from(bytes).is_ok_and(|bytes| ReceiveLowWater.set(stream, &bytes).is_ok())
}

/// Elsewhere the mark may hold back the rest of a result for good: only Linux is known to look again when it is lowered.
#[cfg(not(target_os = "linux"))]
pub(super) fn set_low_water(_stream: &TcpStream, _bytes: usize) -> bool {
    false
}

#[cfg(unix)]
pub(super) use of_unix::connect;

#[cfg(unix)]
mod of_unix {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use nix::unistd::{Uid, User};
    use tokio::net::UnixStream;

    use super::SocketOptions;
    use crate::error::ConnectCause;

    /// Opens a Unix socket to the owner that is required, if one is.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(in crate::net) async fn connect(
        path: &Path,
        options: &SocketOptions,
    ) -> Result<UnixStream, ConnectCause> {
        let stream = UnixStream::connect(native(path)).await?;
        match &options.owner {
            Some(required) => check_owner(stream, required).await,
            None => Ok(stream),
        }
    }

    /// The abstract namespace begins with a NUL, which texts write as `@`.
    fn native(path: &Path) -> PathBuf {
        match path.as_os_str().as_bytes().strip_prefix(b"@") {
            Some(name) => OsString::from_vec([b"\0", name].concat()).into(),
            None => path.to_owned(),
        }
    }

    // PG docs: libpq-connect, "requirepeer"
    async fn check_owner(stream: UnixStream, required: &str) -> Result<UnixStream, ConnectCause> {
        let uid = stream.peer_cred()?.uid();
        // Names may come from a directory elsewhere in the network.
        let looked_up = tokio::task::spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
        let user = looked_up.map_err(std::io::Error::other)?.map_err(std::io::Error::from)?;
        match user {
            Some(user) if user.name == required => Ok(stream),
            other => Err(ConnectCause::Owner {
                required: required.to_owned(),
                found: other.map_or_else(|| format!("the nameless {uid}"), |user| user.name),
            }),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_at_in_front_is_the_nul_of_the_abstract_namespace() {
            assert_eq!(native(Path::new("@app/.s.PGSQL.1")), Path::new("\0app/.s.PGSQL.1"));
            assert_eq!(native(Path::new("/tmp/@app")), Path::new("/tmp/@app"));
        }
    }
}

fn keepalive(config: &Config) -> TcpKeepalive {
    let mut keepalive = TcpKeepalive::new();
    if let Some(silence) = config.get_keepalives_idle() {
        keepalive = keepalive.with_time(whole_seconds(silence));
    }
    if let Some(interval) = config.get_keepalives_interval() {
        keepalive = keepalive.with_interval(whole_seconds(interval));
    }
    if let Some(count) = config.get_keepalives_count() {
        keepalive = keepalive.with_retries(count);
    }
    keepalive
}

/// Rounds up: few operating systems know fractions, and 0 would be refused.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    async fn connect(config: &Config) -> TcpStream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        SocketOptions::new(config).tcp(listener.local_addr().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_socket_is_set_up_as_configured() {
        let text = "keepalives_idle=77 keepalives_interval=7 keepalives_count=3 tcp_user_timeout=4321";
        let stream = connect(&text.parse().unwrap()).await;
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && stream.nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(4321)));
    }

    #[tokio::test]
    async fn keepalives_are_on_unless_switched_off() {
        for (text, expected) in [("", true), ("keepalives=0 keepalives_idle=1", false)] {
            let stream = connect(&text.parse().unwrap()).await;
            assert_eq!(SockRef::from(&stream).keepalive().unwrap(), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn fractions_of_a_second_are_rounded_up() {
        let (idle, interval) = (Duration::from_millis(1), Duration::from_millis(1001));
        let stream = connect(&Config::new().keepalives_idle(idle).keepalives_interval(interval)).await;
        let socket = SockRef::from(&stream);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(1));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(2));
    }
}
