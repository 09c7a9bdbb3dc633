use std::collections::VecDeque;
use std::fmt;

use molt_db_protocol::message::Notification as Arrived;

use crate::config::{Config, Hook, NotificationHook};
use crate::error::{Error, Kind, ListenProblem};

/// A message of NOTIFY, to a channel that the session listens on.
///
/// `Debug` shows how long the payload is, and not what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    process: i32,
    /// The payload follows the channel.
    text: Box<str>,
    channel_length: usize,
}

impl Notification {
    fn new(Arrived { process, channel, payload }: Arrived<'_>) -> Self {
        Self { process, text: [channel, payload].concat().into(), channel_length: channel.len() }
    }

    /// Returns the server's process of the session that sent it, as in `pg_stat_activity.pid`.
    pub fn process(&self) -> i32 {
        self.process
    }

    /// Returns the channel.
    pub fn channel(&self) -> &str {
        self.parts().0
    }

    /// Returns what NOTIFY carried, at most 7,999 bytes; nothing if it carried nothing.
    pub fn payload(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.channel_length)
    }

    /// What it takes in memory.
    fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.text.len())
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("process", &self.process)
            .field("channel", &self.channel())
            .field("payload_length", &self.payload().len())
            .finish()
    }
}

/// The notifications that have arrived and that nobody has taken yet, in their order. Where it is full the oldest give
/// way, and are counted. A hook is told instead, if there is one.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: VecDeque<Notification>,
    /// The sum of their sizes.
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
    /// How many gave way since that was last told.
    lost: u64,
    hook: Option<NotificationHook>,
}

impl Inbox {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            max_count: config.get_max_notifications(),
            max_bytes: config.get_max_notification_bytes(),
            lost: 0,
            hook: config.notification_hook().cloned(),
        }
    }

    pub(super) fn take(&mut self, arrived: Arrived<'_>) {
        let notification = Notification::new(arrived);
        if let Some(Hook(hook)) = &self.hook {
            return hook(notification);
        }
        self.bytes = self.bytes.saturating_add(notification.size());
        self.waiting.push_back(notification);
        while self.is_over_full() && self.next().is_some() {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Takes the oldest. That some were lost in front of it is told first, once.
    pub(super) fn pop(&mut self) -> Result<Option<Notification>, Error> {
        match std::mem::take(&mut self.lost) {
            0 => Ok(self.next()),
            lost => Err(Kind::Listening(ListenProblem::Lost(lost)).into()),
        }
    }

    /// Forgets all that has arrived.
    pub(super) fn clear(&mut self) {
        (self.waiting, self.bytes, self.lost) = (VecDeque::new(), 0, 0);
    }

    /// Keeps what arrives from here on, whoever was told before.
    pub(super) fn without_hook(&mut self) {
        self.hook = None;
    }

    /// The latest always has its place.
    fn is_over_full(&self) -> bool {
        let count = self.waiting.len();
        count > 1 && (count > self.max_count || self.bytes > self.max_bytes)
    }

    fn next(&mut self) -> Option<Notification> {
        let notification = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(notification.size());
        Some(notification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(count: usize, bytes: usize) -> Inbox {
        Inbox::new(&Config::new().max_notifications(count).max_notification_bytes(bytes))
    }

    fn arrive(inbox: &mut Inbox, payloads: &[&str]) {
        for payload in payloads {
            inbox.take(Arrived { process: 1, channel: "ch", payload });
        }
    }

    /// Takes all: the payloads, and how many were lost.
    fn drain(inbox: &mut Inbox) -> (Vec<String>, u64) {
        let (mut payloads, mut lost) = (Vec::new(), 0);
        loop {
            match inbox.pop() {
                Ok(Some(notification)) => payloads.push(notification.payload().to_owned()),
                Ok(None) => return (payloads, lost),
                Err(error) => lost += error.lost_notifications().unwrap(),
            }
        }
    }

    #[test]
    fn up_to_the_bounds_none_is_lost_and_behind_them_the_oldest_are() {
        let size = Notification::new(Arrived { process: 1, channel: "ch", payload: "a" }).size();
        for mut inbox in [inbox(3, usize::MAX), inbox(usize::MAX, 3 * size)] {
            arrive(&mut inbox, &["a", "b", "c"]);
            assert_eq!(drain(&mut inbox), (vec!["a".into(), "b".into(), "c".into()], 0));
            arrive(&mut inbox, &["a", "b", "c", "d", "e"]);
            assert_eq!(drain(&mut inbox), (vec!["c".into(), "d".into(), "e".into()], 2));
            assert_eq!(inbox.bytes, 0);
        }
    }

    #[test]
    fn the_latest_is_kept_however_little_room_there_is() {
        let mut inbox = inbox(0, 0);
        arrive(&mut inbox, &["a", "b"]);
        assert_eq!(drain(&mut inbox), (vec!["b".into()], 1));
    }

    #[test]
    fn the_loss_is_told_before_what_was_kept() {
        let mut inbox = inbox(1, usize::MAX);
        arrive(&mut inbox, &["a", "b"]);
        assert_eq!(inbox.pop().unwrap_err().lost_notifications(), Some(1));
        assert_eq!(inbox.pop().unwrap().unwrap().payload(), "b");
        inbox.clear();
        assert!(inbox.pop().unwrap().is_none());
    }

    #[test]
    fn payloads_do_not_print() {
        let notification = Notification::new(Arrived { process: 7, channel: "ch", payload: "private" });
        assert_eq!((notification.process(), notification.channel()), (7, "ch"));
        let printed = format!("{notification:?}");
        assert_eq!(printed, "Notification { process: 7, channel: \"ch\", payload_length: 7 }");
    }
}
