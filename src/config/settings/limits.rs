use std::time::Duration;

use super::super::{AfterCancel, Config, Observe, ResetPolicy, TypeLookup, Wakeups};
use super::said;

/// # Limits, statements and pools
impl Config {
    /// Sets how long connecting to an address may take, from resolving the name to the server's readiness. Where there
    /// are several, each has this time to itself. `None` is for ever. Default: 10 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = Some(limit.into());
        self
    }

    /// Sets how long a call may wait for the server: a whole `execute`, `one`, `optional`, `all`, `script` or
    /// `prepare`; of a stream, the wait for its beginning, and then each silence of the server. A connection on which
    /// the limit passes is unsettled, as if the call had been dropped: a pool cancels what still runs and goes on with the
    /// connection, [`Connection::settle`](crate::Connection::settle) does the same. `None`, the default, is for ever.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.query_timeout = Some(limit.into());
        self
    }

    /// Has the server itself end each statement that takes longer (57014), at most 24 days. Fractions of a millisecond
    /// are rounded up. `None`, the default, leaves it to the server's own setting.
    ///
    /// It holds where this process cannot act any more: it was killed, or the network is gone. It goes out with the start-up
    /// message as `-c statement_timeout` in front of [`Config::options`], which may set it to something else; it is what
    /// `RESET` comes back to, and costs nothing. A pooler may refuse `options`, by name.
    /// [`Begin::statement_timeout`](crate::Begin::statement_timeout) sets it for one transaction.
    // PG docs: runtime-config-client, "statement_timeout"
    #[must_use]
    pub fn statement_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.statement_timeout = Some(limit.into());
        self
    }

    /// Sets whether a connection goes on after a request to cancel was sent for it because somebody walked away from what
    /// ran on it. Default: [`AfterCancel::Reuse`].
    ///
    /// A server closes the connection of a request when it has taken it: that is waited for, and nothing later is hit.
    /// Behind a pooler or a proxy that closes it earlier nobody can know, and [`AfterCancel::Close`] is the safe choice.
    /// Behind pgbouncer from 1.18 on [`AfterCancel::Reuse`] will do: of 20,000 requests near the end of their queries, in
    /// session and in transaction mode, none has hit another query, of whatever client. Earlier ones do not see to that.
    #[must_use]
    pub fn after_cancel(mut self, choice: AfterCancel) -> Self {
        self.after_cancel = Some(choice);
        self
    }

    /// Sets how often a connection is woken for a large result. Default: [`Wakeups::Few`], which is most of what such a
    /// result costs a client saved, for a pause of a millisecond or two at its end.
    #[must_use]
    pub fn wakeups(mut self, wakeups: Wakeups) -> Self {
        self.wakeups = Some(wakeups);
        self
    }

    /// Sets how many prepared statements a connection keeps, 0 to 65,536. Default: 256. Texts above 16 KiB are not kept,
    /// and all together take 8 MiB at most.
    ///
    /// 0 keeps none, and nothing of a session is needed then: a text is parsed each time, in the same round trip. That
    /// is for poolers that give every transaction another session and know nothing of statements.
    #[must_use]
    pub fn statement_cache_size(mut self, statements: usize) -> Self {
        self.statement_cache_size = Some(statements);
        self
    }

    /// Sets how many connections a pool keeps open at least, 0 to `max_conns`. Default: 0.
    #[must_use]
    pub fn min_conns(mut self, connections: u32) -> Self {
        self.min_conns = Some(connections);
        self
    }

    /// Sets how many connections a pool may have, 1 to 262,143. Default: 10.
    #[must_use]
    pub fn max_conns(mut self, connections: u32) -> Self {
        self.max_conns = Some(connections);
        self
    }

    /// Sets how long a connection of a pool may be idle before it is closed. `None` is for ever. Default: 10 minutes.
    #[must_use]
    pub fn max_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_idle = Some(limit.into());
        self
    }

    /// Sets how long to wait for a connection of a pool. Default: 5 seconds. Zero does not wait.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = Some(limit);
        self
    }

    /// Sets how long a connection of a pool may be idle before the server is asked for a sign of life. `None` never asks.
    /// Default: 30 seconds.
    #[must_use]
    pub fn health_check_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.health_check_interval = Some(interval.into());
        self
    }

    /// Sets what becomes of the state of a session that comes back to a pool. Default: [`ResetPolicy::Cheap`].
    #[must_use]
    pub fn reset(mut self, policy: ResetPolicy) -> Self {
        self.reset = Some(policy);
        self
    }

    /// Sets whether queries are measured. Default: [`Observe::Off`].
    #[must_use]
    pub fn observe(mut self, observe: Observe) -> Self {
        self.observe = Some(observe);
        self
    }

    /// Sets what a pool is called in measurements. Default: the server's address, its port and the database, as in
    /// `db.example:5432/shop`; of several hosts the first.
    #[must_use]
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.pool_name = Some(name.into());
        self
    }

    /// Returns how long connecting may take; `None` is for ever.
    pub fn get_connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout.unwrap_or(Some(Duration::from_secs(10)))
    }

    /// Returns how long a query may take; `None` is for ever.
    pub fn get_query_timeout(&self) -> Option<Duration> {
        self.query_timeout.flatten()
    }

    /// Returns when the server ends a statement; `None` is its own setting.
    pub fn get_statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout.flatten()
    }

    /// Sets whether types that are not built in are looked up. Default: [`TypeLookup::OnDemand`].
    #[must_use]
    pub fn type_lookup(mut self, choice: TypeLookup) -> Self {
        self.type_lookup = Some(choice);
        self
    }

    /// Returns what becomes of a connection after a request to cancel.
    pub fn get_after_cancel(&self) -> AfterCancel {
        self.after_cancel.unwrap_or(AfterCancel::Reuse)
    }

    /// Returns how often a connection is woken for a large result.
    pub fn get_wakeups(&self) -> Wakeups {
        self.wakeups.unwrap_or_default()
    }

    /// Returns whether types that are not built in are looked up.
    pub fn get_type_lookup(&self) -> TypeLookup {
        self.type_lookup.unwrap_or_default()
    }

    /// Returns how many prepared statements a connection keeps.
    pub fn get_statement_cache_size(&self) -> usize {
        self.statement_cache_size.unwrap_or(256)
    }

    /// Returns how many connections a pool keeps open at least.
    pub fn get_min_conns(&self) -> u32 {
        self.min_conns.unwrap_or(0)
    }

    /// Returns how many connections a pool may have.
    pub fn get_max_conns(&self) -> u32 {
        self.max_conns.unwrap_or(10)
    }

    /// Returns how long a connection of a pool may be idle; `None` is for ever.
    pub fn get_max_idle(&self) -> Option<Duration> {
        self.max_idle.unwrap_or(Some(Duration::from_secs(10 * 60)))
    }

    /// Returns how long to wait for a connection of a pool.
    pub fn get_max_wait(&self) -> Duration {
        self.max_wait.unwrap_or(Duration::from_secs(5))
    }

    /// Returns how long a connection of a pool may be idle before the server is asked for a sign of life; `None` never
    /// asks.
    pub fn get_health_check_interval(&self) -> Option<Duration> {
        self.health_check_interval.unwrap_or(Some(Duration::from_secs(30)))
    }

    /// Returns whether queries are measured.
    pub fn get_observe(&self) -> Observe {
        self.observe.unwrap_or_default()
    }

    /// Returns what a pool is called in measurements, if that is set.
    pub fn get_pool_name(&self) -> Option<&str> {
        said(self.pool_name.as_ref())
    }

    /// Returns what becomes of the state of a session that comes back to a pool.
    pub fn get_reset(&self) -> ResetPolicy {
        self.reset.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_and_strings_say_the_same() {
        let millis = Duration::from_millis;
        let built = Config::new()
            .connect_timeout(millis(1500))
            .query_timeout(millis(2))
            .statement_timeout(millis(9))
            .after_cancel(AfterCancel::Close)
            .wakeups(Wakeups::Every)
            .type_lookup(TypeLookup::Never)
            .statement_cache_size(3)
            .min_conns(4)
            .max_conns(5)
            .max_idle(millis(6))
            .max_wait(millis(7))
            .health_check_interval(millis(8))
            .reset(ResetPolicy::Full)
            .observe(Observe::WithText)
            .pool_name("p");
        let text = "connect_timeout_ms=1500 query_timeout_ms=2 statement_timeout_ms=9 cancel=close wakeups=every type_lookup=never statement_cache_size=3 min_conns=4 \
                    max_conns=5 max_idle_ms=6 max_wait_ms=7 health_check_interval_ms=8 reset=full observe=text pool_name=p";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!(built.get_connect_timeout(), Some(millis(1500)));
        assert_eq!(built.get_query_timeout(), Some(millis(2)));
        assert_eq!(built.get_statement_timeout(), Some(millis(9)));
        assert_eq!(built.get_after_cancel(), AfterCancel::Close);
        assert_eq!(built.get_wakeups(), Wakeups::Every);
        assert_eq!(Config::new().get_wakeups(), Wakeups::Few);
        assert_eq!(built.get_type_lookup(), TypeLookup::Never);
        assert_eq!(Config::new().get_type_lookup(), TypeLookup::OnDemand);
        assert_eq!(built.get_statement_cache_size(), 3);
        assert_eq!((built.get_min_conns(), built.get_max_conns()), (4, 5));
        assert_eq!((built.get_max_idle(), built.get_max_wait()), (Some(millis(6)), millis(7)));
        assert_eq!(built.get_health_check_interval(), Some(millis(8)));
        assert_eq!((built.get_observe(), built.get_pool_name()), (Observe::WithText, Some("p")));
        assert_eq!((built.get_reset(), Config::new().get_reset()), (ResetPolicy::Full, ResetPolicy::Cheap));
    }

    #[test]
    fn zero_is_no_limit() {
        let text = "connect_timeout_ms=0 query_timeout_ms=0 statement_timeout_ms=0 max_idle_ms=0 max_wait_ms=0 \
                    health_check_interval_ms=0";
        let config: Config = text.parse().unwrap();
        assert_eq!((config.get_connect_timeout(), config.get_query_timeout()), (None, None));
        assert_eq!(config.get_statement_timeout(), None);
        assert_eq!((config.get_max_idle(), config.get_health_check_interval()), (None, None));
        assert_eq!(config.get_max_wait(), Duration::ZERO);
        let seconds: Config = "connect_timeout=-1".parse().unwrap();
        assert_eq!(seconds.get_connect_timeout(), None);
    }
}
