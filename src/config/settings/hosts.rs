use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use molt_db_protocol::auth::Secret;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::error::Problem;
use super::super::value::{Value, number};
use super::super::{Config, Endpoint, Host, LoadBalanceHosts, TargetSessionAttrs};
use super::{said, said_path};
use crate::net::Dialer;

/// # Where to connect
impl Config {
    /// Sets the host: a name, an address, or the directory of a Unix socket. Default: `localhost`.
    #[must_use]
    pub fn host(self, host: impl Into<Host>) -> Self {
        self.hosts([host])
    }

    /// Sets several hosts, to be tried one after the other. Default: `localhost` alone.
    #[must_use]
    pub fn hosts<H: Into<Host>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts = Some(hosts.into_iter().map(|host| Some(host.into())).collect());
        self
    }

    /// Sets the address to dial instead of resolving the host's name. Default: none.
    #[must_use]
    pub fn hostaddr(self, address: impl Into<IpAddr>) -> Self {
        self.hostaddrs([address.into()])
    }

    /// Sets an address for each host, `None` where its name is to be resolved. If there are hosts too, there have to be
    /// as many. Default: none.
    #[must_use]
    pub fn hostaddrs<A: Into<Option<IpAddr>>>(mut self, addresses: impl IntoIterator<Item = A>) -> Self {
        self.hostaddrs = Some(addresses.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the port of all hosts, which is part of a Unix socket's name too. Default: 5432. 0 is refused by
    /// [`Config::validate`].
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.ports([port])
    }

    /// Sets a port for each host, or one for all of them. Default: 5432.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = Some(ports.into_iter().map(Some).collect());
        self
    }

    /// Sets which kind of server is wanted. Default: [`TargetSessionAttrs::Any`].
    #[must_use]
    pub fn target_session_attrs(mut self, attrs: TargetSessionAttrs) -> Self {
        self.target_session_attrs = Some(attrs);
        self
    }

    /// Sets in which order hosts, and the addresses of each, are tried. Default: as they are given.
    #[must_use]
    pub fn load_balance_hosts(mut self, order: LoadBalanceHosts) -> Self {
        self.load_balance_hosts = Some(order);
        self
    }

    /// Names a section of a service file, which [`Config::or_files`] and [`Config::or_env`] read. Default: none.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self.service_is_read = false;
        self
    }

    /// Sets the service file. Default: that of [`Config::or_files`].
    #[must_use]
    pub fn service_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.service_file = Some(path.into());
        self.service_is_read = false;
        self
    }

    /// Sets how to open a stream to a server, instead of a socket: through a tunnel, or by a cloud's connector. Default:
    /// TCP and Unix sockets.
    ///
    /// It is called for each connection, and again for each request to cancel. It is told which of
    /// [`Config::endpoints`] is wanted; a host is not resolved before. The options of sockets (`keepalives`,
    /// `tcp_user_timeout`) say nothing about such streams, and `requirepeer` refuses them. TLS is spoken over them as
    /// [`Config::ssl_mode`] says: disable it where the stream is encrypted already.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), molt_db::Error> {
    /// use molt_db::config::{Config, Endpoint};
    /// use molt_db::Pool;
    /// use tokio::net::TcpStream;
    ///
    /// let config: Config = "postgres://app:secret@db.internal/shop?sslmode=verify-full".parse()?;
    /// let through_tunnel = config.dial_with(|_: Endpoint| TcpStream::connect(("127.0.0.1", 7000)));
    /// let pool = Pool::builder(through_tunnel).build()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn dial_with<D, F, S>(mut self, dial: D) -> Self
    where
        D: Fn(Endpoint) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.dialer = Some(Dialer::new(dial));
        self
    }

    /// Returns what to dial, in the order given and with the defaults filled in: there is at least one.
    ///
    /// [`Config::validate`] tells whether there are as many addresses and ports as hosts. Where there are not, this
    /// returns what the longer of the lists of hosts and addresses says.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let (hosts, addresses, ports) = (self.get_hosts(), self.get_hostaddrs(), self.get_ports());
        let count = hosts.len().max(addresses.len()).max(1);
        let endpoint = |index| {
            let host = hosts.get(index).and_then(Option::as_ref);
            let address = addresses.get(index).copied().flatten();
            let port = if let [port] = ports { *port } else { ports.get(index).copied().flatten() };
            Endpoint::new(host, address, port.unwrap_or(DEFAULT_PORT))
        };
        (0..count).map(endpoint).collect()
    }

    /// Returns the first of [`Config::endpoints`].
    pub fn endpoint(&self) -> Endpoint {
        self.endpoints().swap_remove(0)
    }

    /// Returns the password for one of [`Config::endpoints`]: the one that is set, otherwise the one that the password
    /// file has for this host, port, database and user.
    pub fn password_for(&self, endpoint: &Endpoint) -> Option<Secret> {
        let from_file = || self.password_file.as_ref()?.find(endpoint, self.get_dbname()?, self.get_user()?);
        self.get_password().cloned().or_else(from_file)
    }

    pub(crate) fn dialer(&self) -> Option<&Dialer> {
        self.dialer.as_ref()
    }

    /// Returns the hosts, none if none are set; `None` is a place in the list that was left empty.
    /// [`Config::endpoints`] knows the defaults.
    pub fn get_hosts(&self) -> &[Option<Host>] {
        self.hosts.as_deref().unwrap_or_default()
    }

    /// Returns the addresses to dial, none if none are set; `None` is a host whose name is to be resolved.
    pub fn get_hostaddrs(&self) -> &[Option<IpAddr>] {
        self.hostaddrs.as_deref().unwrap_or_default()
    }

    /// Returns the ports, none if none are set; `None` is 5432.
    pub fn get_ports(&self) -> &[Option<u16>] {
        self.ports.as_deref().unwrap_or_default()
    }

    /// Returns which kind of server is wanted.
    pub fn get_target_session_attrs(&self) -> TargetSessionAttrs {
        self.target_session_attrs.unwrap_or_default()
    }

    /// Returns in which order hosts are tried.
    pub fn get_load_balance_hosts(&self) -> LoadBalanceHosts {
        self.load_balance_hosts.unwrap_or_default()
    }

    /// Returns the name of the service, if one is set.
    pub fn get_service(&self) -> Option<&str> {
        said(self.service.as_ref())
    }

    /// Returns the service file, if one is set.
    pub fn get_service_file(&self) -> Option<&Path> {
        said_path(self.service_file.as_ref())
    }
}

pub(in crate::config) fn read_hosts(config: &mut Config, value: Value) -> Result<(), Problem> {
    config.hosts = Some(value.list(|part| Ok(Host::from(part)))?);
    Ok(())
}

pub(in crate::config) fn read_hostaddrs(config: &mut Config, value: Value) -> Result<(), Problem> {
    let address = |part: &str| part.parse().map_err(|_| Problem::Expected("numeric IP addresses"));
    config.hostaddrs = Some(value.list(address)?);
    Ok(())
}

pub(in crate::config) fn read_ports(config: &mut Config, value: Value) -> Result<(), Problem> {
    config.ports = Some(value.list(|part| number(part, 1..=u16::MAX, PORT_EXPECTED))?);
    Ok(())
}

const DEFAULT_PORT: u16 = 5432;
pub(in crate::config) const PORT_EXPECTED: &str = "a whole number from 1 to 65535";

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, address: Option<&str>, port: u16) -> Endpoint {
        let address = address.map(|text| text.parse().unwrap());
        Endpoint::Tcp { host: host.into(), address, port }
    }

    fn endpoints(text: &str) -> Vec<Endpoint> {
        text.parse::<Config>().unwrap().endpoints()
    }

    #[test]
    fn lists_are_matched_by_libpqs_rules() {
        let unix = |path: &str| Endpoint::Unix { path: path.into() };
        for (text, expected) in [
            ("", vec![tcp("localhost", None, 5432)]),
            ("host='' port=''", vec![tcp("localhost", None, 5432)]),
            ("port=1", vec![tcp("localhost", None, 1)]),
            ("host=a,b", vec![tcp("a", None, 5432), tcp("b", None, 5432)]),
            ("host=a,b port=1", vec![tcp("a", None, 1), tcp("b", None, 1)]),
            ("host=a,b port=1,2", vec![tcp("a", None, 1), tcp("b", None, 2)]),
            ("host=a,b port=,2", vec![tcp("a", None, 5432), tcp("b", None, 2)]),
            ("host=,/s port=3", vec![tcp("localhost", None, 3), unix("/s/.s.PGSQL.3")]),
            ("host=@s", vec![unix("@s/.s.PGSQL.5432")]),
            (
                "hostaddr=10.0.0.1,::1",
                vec![tcp("10.0.0.1", Some("10.0.0.1"), 5432), tcp("::1", Some("::1"), 5432)],
            ),
            ("host=a,b hostaddr=,::1", vec![tcp("a", None, 5432), tcp("b", Some("::1"), 5432)]),
            ("host='' hostaddr=::1", vec![tcp("::1", Some("::1"), 5432)]),
        ] {
            assert_eq!(endpoints(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_that_do_not_match_are_refused() {
        for (text, option) in [
            ("user=u host=a,b hostaddr=::1", "host"),
            ("user=u host=a hostaddr=::1,::2", "host"),
            ("user=u port=1,2", "port"),
            ("user=u host=a,b port=1,2,3", "port"),
            ("user=u host=a,b,c port=1,2", "port"),
        ] {
            let config: Config = text.parse().unwrap();
            assert_eq!(config.validate().unwrap_err().option(), Some(option), "{text}");
            assert!(!config.endpoints().is_empty());
        }
    }

    #[test]
    fn builders_make_the_same_lists() {
        let address: IpAddr = "::1".parse().unwrap();
        let built = Config::new().hosts(["a", "/s"]).hostaddrs([None, Some(address)]).ports([1, 2]);
        assert_eq!(built, "host=a,/s hostaddr=,::1 port=1,2".parse().unwrap());
        let built = Config::new()
            .target_session_attrs(TargetSessionAttrs::PreferStandby)
            .load_balance_hosts(LoadBalanceHosts::Random)
            .service("orders")
            .service_file("/etc/services");
        let text = "target_session_attrs=prefer-standby load_balance_hosts=random service=orders \
                    servicefile=/etc/services";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!(built.get_target_session_attrs(), TargetSessionAttrs::PreferStandby);
        assert_eq!(built.get_load_balance_hosts(), LoadBalanceHosts::Random);
        assert_eq!(built.get_service(), Some("orders"));
        assert_eq!(built.get_service_file(), Some(Path::new("/etc/services")));
    }
}
