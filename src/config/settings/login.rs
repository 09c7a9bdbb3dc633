use std::error::Error;
use std::path::{Path, PathBuf};

use molt_db_protocol::auth::{ChannelBinding, RequireAuth, Secret};

use super::super::callback::Callback;
use super::super::{Config, Endpoint};
use super::{said, said_path, said_secret};

/// # Who connects, and to what
impl Config {
    /// Sets the role to log in as. Default: none, and connecting fails without.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the password, which need not be UTF-8. It replaces what [`Config::password_from`] has set. Default: none.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(Secret::new(password));
        self.password_callback = None;
        self
    }

    /// Sets a function that gives the password for a server. It comes before every other source of passwords.
    ///
    /// It is asked again for every connection, also those of a pool, so that a password may change or expire: once the
    /// server is reached, and over TLS if that is to be, whether the server will want a password or not. The time that
    /// it takes is part of `connect_timeout`. If it fails no other host is tried, and what its error says is part of
    /// ours.
    ///
    /// ```
    /// use molt_db::config::{Config, Endpoint};
    ///
    /// async fn sign(server: Endpoint) -> Result<String, std::io::Error> {
    ///     // Ask the cloud for a token that is good for this host and port.
    /// #   let _ = server;
    ///     Ok("a token of a quarter of an hour".to_owned())
    /// }
    ///
    /// let config = "postgres://app@db.example/shop?sslmode=verify-full".parse::<Config>()?.password_from(sign);
    /// # Ok::<(), molt_db::config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn password_from<F, A, P, E>(mut self, ask: F) -> Self
    where
        F: Fn(Endpoint) -> A + Send + Sync + 'static,
        A: Future<Output = Result<P, E>> + Send + 'static,
        P: Into<Vec<u8>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.password_callback = Some(Callback::new(ask));
        self
    }

    /// Sets a function that gives a bearer token of OAuth for a server. Default: none, and a server that asks for a
    /// token is refused.
    ///
    /// It is asked as [`Config::password_from`] says. A token is shown to the server, and so to everyone who listens:
    /// use TLS that verifies. Where the server takes a password by SCRAM too and there is one, that is preferred.
    // PG docs: sasl-authentication, "OAUTHBEARER Authentication"
    #[must_use]
    pub fn oauth_token_from<F, A, T, E>(mut self, ask: F) -> Self
    where
        F: Fn(Endpoint) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Vec<u8>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.oauth_token_callback = Some(Callback::new(ask));
        self
    }

    /// Sets the password file, which [`Config::or_files`] and [`Config::or_env`] read if there is no password.
    /// Default: none, and that of the user for [`Config::or_env`].
    #[must_use]
    pub fn passfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.passfile = Some(path.into());
        self.password_file = None;
        self
    }

    /// Sets the database. Default: the one that is called like the user.
    #[must_use]
    pub fn dbname(mut self, dbname: impl Into<String>) -> Self {
        self.dbname = Some(dbname.into());
        self
    }

    /// Sets which methods of authentication the server may use. Default: any.
    #[must_use]
    pub fn require_auth(mut self, methods: RequireAuth) -> Self {
        self.require_auth = Some(methods);
        self
    }

    /// Sets whether the login is to be bound to the TLS connection. Default: [`ChannelBinding::Prefer`].
    #[must_use]
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = Some(binding);
        self
    }

    /// Sets the user of the operating system that the server has to run as, if it is reached by a Unix socket. Default:
    /// any.
    #[must_use]
    pub fn require_peer(mut self, user: impl Into<String>) -> Self {
        self.require_peer = Some(user.into());
        self
    }

    /// Sets the client's key for SCRAM, in place of a password. Default: none.
    #[must_use]
    pub fn scram_client_key(mut self, key: [u8; 32]) -> Self {
        self.scram_client_key = Some(Secret::new(key));
        self
    }

    /// Sets the server's key for SCRAM, which goes with [`Config::scram_client_key`]. Default: none.
    #[must_use]
    pub fn scram_server_key(mut self, key: [u8; 32]) -> Self {
        self.scram_server_key = Some(Secret::new(key));
        self
    }

    /// Sets the URL of the issuer of OAuth tokens. Default: none.
    #[must_use]
    pub fn oauth_issuer(mut self, url: impl Into<String>) -> Self {
        self.oauth_issuer = Some(url.into());
        self
    }

    /// Sets our name at the issuer of OAuth tokens. Default: none.
    #[must_use]
    pub fn oauth_client_id(mut self, id: impl Into<String>) -> Self {
        self.oauth_client_id = Some(id.into());
        self
    }

    /// Sets our password at the issuer of OAuth tokens. Default: none.
    #[must_use]
    pub fn oauth_client_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.oauth_client_secret = Some(Secret::new(secret));
        self
    }

    /// Sets what an OAuth token is to be good for, words with blanks in between. Default: what the server asks for.
    #[must_use]
    pub fn oauth_scope(mut self, scope: impl Into<String>) -> Self {
        self.oauth_scope = Some(scope.into());
        self
    }

    /// Returns the role to log in as, if it is set.
    pub fn get_user(&self) -> Option<&str> {
        said(self.user.as_ref())
    }

    /// Returns the password that is set. [`Config::password_for`] knows those of the password file.
    pub fn get_password(&self) -> Option<&Secret> {
        said_secret(self.password.as_ref())
    }

    pub(crate) fn password_callback(&self) -> Option<&Callback> {
        self.password_callback.as_ref()
    }

    pub(crate) fn oauth_token_callback(&self) -> Option<&Callback> {
        self.oauth_token_callback.as_ref()
    }

    /// Returns the password file, if one is set.
    pub fn get_passfile(&self) -> Option<&Path> {
        said_path(self.passfile.as_ref())
    }

    /// Returns the database; if none is set, the user's name.
    pub fn get_dbname(&self) -> Option<&str> {
        said(self.dbname.as_ref()).or_else(|| self.get_user())
    }

    /// Returns which methods of authentication the server may use.
    pub fn get_require_auth(&self) -> RequireAuth {
        self.require_auth.unwrap_or_default()
    }

    /// Returns whether the login is to be bound to the TLS connection.
    pub fn get_channel_binding(&self) -> ChannelBinding {
        self.channel_binding.unwrap_or_default()
    }

    /// Returns the user that a server behind a Unix socket has to run as, if one is set.
    pub fn get_require_peer(&self) -> Option<&str> {
        said(self.require_peer.as_ref())
    }

    /// Returns the client's key for SCRAM, if it is set: 32 bytes.
    pub fn get_scram_client_key(&self) -> Option<&Secret> {
        self.scram_client_key.as_ref()
    }

    /// Returns the server's key for SCRAM, if it is set: 32 bytes.
    pub fn get_scram_server_key(&self) -> Option<&Secret> {
        self.scram_server_key.as_ref()
    }

    /// Returns the URL of the issuer of OAuth tokens, if it is set.
    pub fn get_oauth_issuer(&self) -> Option<&str> {
        said(self.oauth_issuer.as_ref())
    }

    /// Returns our name at the issuer of OAuth tokens, if it is set.
    pub fn get_oauth_client_id(&self) -> Option<&str> {
        said(self.oauth_client_id.as_ref())
    }

    /// Returns our password at the issuer of OAuth tokens, if it is set.
    pub fn get_oauth_client_secret(&self) -> Option<&Secret> {
        said_secret(self.oauth_client_secret.as_ref())
    }

    /// Returns what an OAuth token is to be good for, if that is set.
    pub fn get_oauth_scope(&self) -> Option<&str> {
        said(self.oauth_scope.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_db_protocol::auth::AuthKind;

    #[test]
    fn builders_and_strings_say_the_same() {
        let only_scram = RequireAuth::only(&[AuthKind::ScramSha256]);
        let built = Config::new()
            .user("app")
            .password("pw")
            .passfile("/run/pgpass")
            .dbname("shop")
            .require_auth(only_scram)
            .channel_binding(ChannelBinding::Require)
            .require_peer("postgres")
            .scram_client_key([0; 32])
            .scram_server_key([255; 32])
            .oauth_issuer("https://issuer.example")
            .oauth_client_id("till")
            .oauth_client_secret("hush")
            .oauth_scope("read write");
        let text = "user=app password=pw passfile=/run/pgpass dbname=shop require_auth=scram-sha-256 \
                    channel_binding=require requirepeer=postgres \
                    scram_client_key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
                    scram_server_key=//////////////////////////////////////////8= \
                    oauth_issuer=https://issuer.example oauth_client_id=till oauth_client_secret=hush \
                    oauth_scope='read write'";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!((built.get_user(), built.get_dbname()), (Some("app"), Some("shop")));
        assert_eq!(built.get_password(), Some(&Secret::new("pw")));
        assert_eq!(built.get_passfile(), Some(Path::new("/run/pgpass")));
        assert_eq!(built.get_require_auth(), only_scram);
        assert_eq!(built.get_channel_binding(), ChannelBinding::Require);
        assert_eq!(built.get_require_peer(), Some("postgres"));
        assert_eq!(built.get_scram_client_key(), Some(&Secret::new([0; 32])));
        assert_eq!(built.get_scram_server_key(), Some(&Secret::new([255; 32])));
        assert_eq!(built.get_oauth_issuer(), Some("https://issuer.example"));
        assert_eq!(built.get_oauth_client_id(), Some("till"));
        assert_eq!(built.get_oauth_client_secret(), Some(&Secret::new("hush")));
        assert_eq!(built.get_oauth_scope(), Some("read write"));
    }

    #[test]
    fn empty_is_as_good_as_nothing() {
        let text = "user='' password='' passfile='' dbname='' requirepeer='' oauth_issuer='' oauth_client_id='' \
                    oauth_client_secret='' oauth_scope='' require_auth=''";
        let config: Config = text.parse().unwrap();
        assert_eq!((config.get_user(), config.get_password(), config.get_passfile()), (None, None, None));
        assert_eq!((config.get_dbname(), config.get_require_peer()), (None, None));
        assert_eq!((config.get_oauth_issuer(), config.get_oauth_client_id()), (None, None));
        assert_eq!((config.get_oauth_client_secret(), config.get_oauth_scope()), (None, None));
        assert_eq!(config.get_require_auth(), RequireAuth::default());
    }

    #[test]
    fn the_database_defaults_to_the_user() {
        assert_eq!(Config::new().user("app").get_dbname(), Some("app"));
        assert_eq!(Config::new().user("app").dbname("").get_dbname(), Some("app"));
        assert_eq!(Config::new().user("app").dbname("shop").get_dbname(), Some("shop"));
    }

    #[test]
    fn callbacks_take_the_place_of_passwords_and_print_nothing() {
        let ask = |_| async { Ok::<_, std::io::Error>("s3cr3t") };
        let config = Config::new().password("s3cr3t").password_from(ask).oauth_token_from(ask);
        assert!(config.password_callback().is_some() && config.oauth_token_callback().is_some());
        assert_eq!(config, config.clone());
        assert_ne!(config, config.clone().password_from(ask));
        assert!(!format!("{config:?}").contains("s3cr3t"));
        assert!(config.password("pw").password_callback().is_none());
    }

    #[test]
    fn keys_of_scram_are_32_bytes_in_base64() {
        for bad in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            for option in ["scram_client_key", "scram_server_key"] {
                let error = format!("{option}='{bad}'").parse::<Config>().unwrap_err();
                assert_eq!(error.option(), Some(option), "{bad}");
            }
        }
    }
}
