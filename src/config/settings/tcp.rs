use std::time::Duration;

use super::super::{Config, Switch};

/// # TCP
///
/// None of it matters to a Unix socket.
impl Config {
    /// Sets whether the operating system asks a silent peer for a sign of life. Default: on.
    #[must_use]
    pub fn keepalives(mut self, keepalives: Switch) -> Self {
        self.keepalives = Some(keepalives);
        self
    }

    /// Sets after how much silence it first asks, in whole seconds, rounded up. `None`, the default, is the operating
    /// system's choice.
    #[must_use]
    pub fn keepalives_idle(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.keepalives_idle = Some(silence.into());
        self
    }

    /// Sets how long it waits for an answer before it asks again, in whole seconds, rounded up. `None`, the default, is
    /// the operating system's choice.
    #[must_use]
    pub fn keepalives_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.keepalives_interval = Some(interval.into());
        self
    }

    /// Sets how often it asks before it gives the connection up, at least once. `None`, the default, is the operating
    /// system's choice.
    #[must_use]
    pub fn keepalives_count(mut self, count: impl Into<Option<u32>>) -> Self {
        self.keepalives_count = Some(count.into());
        self
    }

    /// Sets how long what was sent may stay without an acknowledgement before the connection is given up, in whole
    /// milliseconds. `None`, the default, is the operating system's choice. Only Linux, Android and Fuchsia have it; it
    /// is refused by others.
    #[must_use]
    pub fn tcp_user_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.tcp_user_timeout = Some(limit.into());
        self
    }

    /// Returns whether the operating system asks a silent peer for a sign of life.
    pub fn get_keepalives(&self) -> Switch {
        self.keepalives.unwrap_or(Switch::On)
    }

    /// Returns after how much silence it first asks; `None` is its choice.
    pub fn get_keepalives_idle(&self) -> Option<Duration> {
        self.keepalives_idle.flatten()
    }

    /// Returns how long it waits before it asks again; `None` is its choice.
    pub fn get_keepalives_interval(&self) -> Option<Duration> {
        self.keepalives_interval.flatten()
    }

    /// Returns how often it asks; `None` is its choice.
    pub fn get_keepalives_count(&self) -> Option<u32> {
        self.keepalives_count.flatten()
    }

    /// Returns how long what was sent may stay without an acknowledgement; `None` is the operating system's choice.
    pub fn get_tcp_user_timeout(&self) -> Option<Duration> {
        self.tcp_user_timeout.flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_and_strings_say_the_same() {
        let built = Config::new()
            .keepalives(Switch::On)
            .keepalives_idle(Duration::from_secs(1))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_count(3)
            .tcp_user_timeout(Duration::from_millis(4));
        let text =
            "keepalives=7 keepalives_idle=1 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=4";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!(built.get_keepalives(), Switch::On);
        assert_eq!(built.get_keepalives_idle(), Some(Duration::from_secs(1)));
        assert_eq!(built.get_keepalives_interval(), Some(Duration::from_secs(2)));
        assert_eq!(built.get_keepalives_count(), Some(3));
        assert_eq!(built.get_tcp_user_timeout(), Some(Duration::from_millis(4)));
    }

    #[test]
    fn zero_is_the_choice_of_the_operating_system() {
        let text =
            "keepalives=0 keepalives_idle=0 keepalives_interval=0 keepalives_count=0 tcp_user_timeout=0";
        let config: Config = text.parse().unwrap();
        assert_eq!(config.get_keepalives(), Switch::Off);
        assert_eq!((config.get_keepalives_idle(), config.get_keepalives_interval()), (None, None));
        assert_eq!((config.get_keepalives_count(), config.get_tcp_user_timeout()), (None, None));
    }
}
