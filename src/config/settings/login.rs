use std::path::{Path, PathBuf};

use molt_db_protocol::auth::{ChannelBinding, RequireAuth, Secret};

use super::super::Config;
use super::{said, said_path, said_secret};

/// # Who connects, and to what
impl Config {
    /// Sets the role to log in as. Default: none, and connecting fails without.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the password, which need not be UTF-8. Default: none.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(Secret::new(password));
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
    fn keys_of_scram_are_32_bytes_in_base64() {
        for bad in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            for option in ["scram_client_key", "scram_server_key"] {
                let error = format!("{option}='{bad}'").parse::<Config>().unwrap_err();
                assert_eq!(error.option(), Some(option), "{bad}");
            }
        }
    }
}
