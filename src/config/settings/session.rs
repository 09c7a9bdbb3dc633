use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db_decode::TypeName;
use molt_db_decode::arrow::ArrowType;
use molt_db_protocol::message::ServerError;

use super::super::{
    Config, Hook, LeakHook, NoticeHook, NotificationHook, ProtocolVersion, Replication, SessionHook, SlowHook,
};
use super::said;
use crate::connection::{Connection, Notification, SlowStatement};

/// # The session
impl Config {
    /// Sets the name under which the server lists and logs the connection. Default: none.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// Sets what takes the place of [`Config::application_name`] if nobody sets that. Default: none.
    #[must_use]
    pub fn fallback_application_name(mut self, name: impl Into<String>) -> Self {
        self.fallback_application_name = Some(name.into());
        self
    }

    /// Sets command-line options for the server, `-c statement_timeout=5s` for example. Default: none.
    #[must_use]
    pub fn options(mut self, options: impl Into<String>) -> Self {
        self.options = Some(options.into());
        self
    }

    /// Sets whether the session replicates. Default: [`Replication::Off`].
    #[must_use]
    pub fn replication(mut self, replication: Replication) -> Self {
        self.replication = Some(replication);
        self
    }

    /// Sets the oldest version of the protocol to put up with. Default: 3.0.
    #[must_use]
    pub fn min_protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.min_protocol_version = Some(version);
        self
    }

    /// Sets the version of the protocol to ask for. Default: 3.0, or the latest if
    /// [`Config::min_protocol_version`] is later than that.
    #[must_use]
    pub fn max_protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.max_protocol_version = Some(version);
        self
    }

    /// Has the values of a type of the database become Arrow in this way, on all connections made with the configuration.
    /// The name is as in SQL, with a schema or without. It is not for built-in types.
    ///
    /// See [`ArrowType`] for an example.
    #[must_use]
    pub fn arrow_type(mut self, name: TypeName, of: impl ArrowType + 'static) -> Self {
        self.arrow_types.push((name, Hook(Arc::new(of))));
        self
    }

    pub(crate) fn arrow_types(&self) -> impl Iterator<Item = (TypeName, Arc<dyn ArrowType>)> + '_ {
        self.arrow_types.iter().map(|(name, of)| (*name, Arc::clone(&of.0)))
    }

    /// Sets who is told of the server's notices and warnings, as they come. Default: the latest 64 are kept for
    /// [`Connection::take_notices`](crate::Connection::take_notices).
    ///
    /// It is called in the middle of whatever its connection is doing, so it is to be quick.
    ///
    /// ```
    /// use molt_db::Config;
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let config = config.on_notice(|notice| eprintln!("{}: {}", notice.severity(), notice.message()));
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_notice(mut self, hook: impl Fn(&ServerError) + Send + Sync + 'static) -> Self {
        self.notice_hook = Some(Hook(Arc::new(hook)));
        self
    }

    /// Sets who is told of notifications, as they are read. Default: they are kept for
    /// [`Connection::next_notification`](crate::Connection::next_notification), up to
    /// [`Config::max_notifications`].
    ///
    /// It is called in the middle of whatever its connection is doing, so it is to be quick. Nothing is read from a
    /// connection on which no call is under way.
    ///
    /// ```
    /// use molt_db::Config;
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let (sender, receiver) = std::sync::mpsc::sync_channel(1000);
    /// let config = config.on_notification(move |notification| drop(sender.try_send(notification)));
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_notification(mut self, hook: impl Fn(Notification) + Send + Sync + 'static) -> Self {
        self.notification_hook = Some(Hook(Arc::new(hook)));
        self
    }

    /// Sets how many notifications a connection keeps that nobody has taken yet. Default: 65,536. One more, and the
    /// oldest gives way, which [`Error::lost_notifications`](crate::Error::lost_notifications) tells; the latest is
    /// always kept.
    #[must_use]
    pub fn max_notifications(mut self, count: usize) -> Self {
        self.max_notifications = Some(count);
        self
    }

    /// Sets how many bytes of memory they may take, as [`Config::max_notifications`]. Default: 16 MiB.
    #[must_use]
    pub fn max_notification_bytes(mut self, bytes: usize) -> Self {
        self.max_notification_bytes = Some(bytes);
        self
    }

    /// Sets who is told of statements that take longer than a bound, failed ones too. Default: nobody. The clock is
    /// read only where somebody is.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use molt_db::Config;
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let config = config.on_slow_statement(Duration::from_millis(100), |slow| {
    ///     eprintln!("{:?} for {}", slow.elapsed, slow.sql);
    /// });
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_slow_statement(
        mut self,
        bound: Duration,
        hook: impl Fn(&SlowStatement<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.slow_hook = Some(SlowHook { bound, call: Hook(Arc::new(hook)) });
        self
    }

    /// Sets what every session goes through before anybody else gets it. Default: nothing.
    ///
    /// It is a part of connecting: it has what is left of `connect_timeout`, an error of it is one of connecting, and
    /// so is a panic to a pool. What it leaves open is rolled back. What it does is how a session begins: a pool has
    /// it run again when it has [reset](Config::reset) the session. Plain settings are cheaper in
    /// [`Config::options`].
    ///
    /// ```
    /// use molt_db::Config;
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let config = config.after_connect(|session| {
    ///     Box::pin(async move {
    ///         session.script("create temp table seen (id bigint); set role app_reader").await?;
    ///         Ok::<_, molt_db::Error>(())
    ///     })
    /// });
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    #[must_use]
    pub fn after_connect<F, E>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection) -> Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>
            + Send
            + Sync
            + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.session_hook = Some(SessionHook::new(hook));
        self
    }

    pub(crate) fn acquire_hook(&self) -> Option<&SessionHook> {
        self.acquire_hook.as_ref()
    }

    pub(crate) fn set_acquire_hook(&mut self, hook: SessionHook) {
        self.acquire_hook = Some(hook);
    }

    pub(crate) fn release_hook(&self) -> Option<&SessionHook> {
        self.release_hook.as_ref()
    }

    pub(crate) fn set_release_hook(&mut self, hook: SessionHook) {
        self.release_hook = Some(hook);
    }

    pub(crate) fn leak_hook(&self) -> Option<&LeakHook> {
        self.leak_hook.as_ref()
    }

    pub(crate) fn set_leak_hook(&mut self, hook: LeakHook) {
        self.leak_hook = Some(hook);
    }

    pub(crate) fn session_hook(&self) -> Option<&SessionHook> {
        self.session_hook.as_ref()
    }

    pub(crate) fn notice_hook(&self) -> Option<&NoticeHook> {
        self.notice_hook.as_ref()
    }

    pub(crate) fn notification_hook(&self) -> Option<&NotificationHook> {
        self.notification_hook.as_ref()
    }

    pub(crate) fn slow_hook(&self) -> Option<&SlowHook> {
        self.slow_hook.as_ref()
    }

    /// Returns the name under which the server lists the connection, if it or its fallback is set. One that is set to
    /// nothing has no fallback.
    pub fn get_application_name(&self) -> Option<&str> {
        said(self.application_name.as_ref().or(self.fallback_application_name.as_ref()))
    }

    /// Returns the command-line options for the server, if they are set.
    pub fn get_options(&self) -> Option<&str> {
        said(self.options.as_ref())
    }

    /// Returns how many notifications a connection keeps that nobody has taken yet.
    pub fn get_max_notifications(&self) -> usize {
        self.max_notifications.unwrap_or(65_536)
    }

    /// Returns how many bytes of memory they may take.
    pub fn get_max_notification_bytes(&self) -> usize {
        self.max_notification_bytes.unwrap_or(16 << 20)
    }

    /// Returns whether the session replicates.
    pub fn get_replication(&self) -> Replication {
        self.replication.unwrap_or(Replication::Off)
    }

    /// Returns the oldest version of the protocol to put up with.
    pub fn get_min_protocol_version(&self) -> ProtocolVersion {
        self.min_protocol_version.unwrap_or(ProtocolVersion::V3_0)
    }

    /// Returns the version of the protocol to ask for.
    pub fn get_max_protocol_version(&self) -> ProtocolVersion {
        self.max_protocol_version.unwrap_or_else(|| self.get_min_protocol_version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_and_strings_say_the_same() {
        let built = Config::new()
            .application_name("till")
            .fallback_application_name("shop")
            .options("-c work_mem=1MB")
            .replication(Replication::Logical)
            .min_protocol_version(ProtocolVersion::V3_0)
            .max_protocol_version(ProtocolVersion::V3_2);
        let text = "application_name=till fallback_application_name=shop options='-c work_mem=1MB' \
                    replication=database min_protocol_version=3.0 max_protocol_version=latest";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!(
            (built.get_application_name(), built.get_options()),
            (Some("till"), Some("-c work_mem=1MB"))
        );
        assert_eq!(built.get_replication(), Replication::Logical);
        assert_eq!(built.get_min_protocol_version(), ProtocolVersion::V3_0);
        assert_eq!(built.get_max_protocol_version(), ProtocolVersion::V3_2);
    }

    #[test]
    fn the_name_falls_back_unless_it_is_set_to_nothing() {
        let fallback = Config::new().fallback_application_name("shop");
        assert_eq!(fallback.get_application_name(), Some("shop"));
        assert_eq!(fallback.application_name("").get_application_name(), None);
    }

    #[test]
    fn a_later_minimum_raises_the_maximum() {
        assert_eq!(Config::new().get_max_protocol_version(), ProtocolVersion::V3_0);
        let later = Config::new().min_protocol_version(ProtocolVersion::V3_2);
        assert_eq!(later.get_max_protocol_version(), ProtocolVersion::V3_2);
    }
}
