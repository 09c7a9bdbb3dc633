use std::fmt::Write;
use std::time::Duration;

use molt_db_protocol::replication::Lsn;
use molt_db_protocol::replication::pgoutput::Version;

use super::super::listen::quoted;
use crate::error::Error;

/// How a replication slot is made.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SlotOptions {
    is_temporary: bool,
    snapshot: Snapshot,
    is_two_phase: bool,
}

/// What becomes of the snapshot of the database at the point where a slot begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Snapshot {
    /// It is dropped.
    #[default]
    None,
    /// Others can take it with `SET TRANSACTION SNAPSHOT`, until the next command of this client.
    Export,
    /// The transaction that is open takes it. It has to be REPEATABLE READ, and to have done nothing before.
    Use,
}

impl SlotOptions {
    /// Makes a slot that stays, without a snapshot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the slot dropped with its session, or at an error in it.
    pub fn temporary(mut self) -> Self {
        self.is_temporary = true;
        self
    }

    /// Sets what becomes of the snapshot. Default: [`Snapshot::None`].
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = snapshot;
        self
    }

    /// Has transactions decoded when they are prepared (PostgreSQL 14), for [`ReplicationOptions::two_phase`].
    pub fn two_phase(mut self) -> Self {
        self.is_two_phase = true;
        self
    }

    // PG docs: protocol-replication, "CREATE_REPLICATION_SLOT": every version takes the words without parentheses.
    pub(super) fn command(&self, slot: &str) -> Result<String, Error> {
        let temporary = if self.is_temporary { " TEMPORARY" } else { "" };
        let snapshot = match self.snapshot {
            Snapshot::None => "NOEXPORT_SNAPSHOT",
            Snapshot::Export => "EXPORT_SNAPSHOT",
            Snapshot::Use => "USE_SNAPSHOT",
        };
        let two_phase = if self.is_two_phase { " TWO_PHASE" } else { "" };
        let slot = quoted(slot)?;
        Ok(format!("CREATE_REPLICATION_SLOT {slot}{temporary} LOGICAL pgoutput {snapshot}{two_phase}"))
    }
}

/// What a replication stream brings, and how.
///
/// ```
/// use molt_db::replication::{ReplicationOptions, Streaming};
///
/// let options = ReplicationOptions::new("orders_slot").publication("orders").streaming(Streaming::On);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ReplicationOptions {
    slot: String,
    publications: Vec<String>,
    from: Lsn,
    streaming: Streaming,
    is_two_phase: bool,
    has_messages: bool,
    is_text: bool,
    status_interval: Option<Duration>,
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
}

/// Whether large transactions are sent before they commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streaming {
    /// Every transaction is sent at its commit.
    #[default]
    Off,
    /// Those above `logical_decoding_work_mem` are sent in pieces while they run, and may be rolled back (PostgreSQL 14).
    On,
    /// As that; a rollback says where and when (PostgreSQL 16).
    Parallel,
}

impl ReplicationOptions {
    /// Begins with a slot and no publication.
    pub fn new(slot: impl Into<String>) -> Self {
        Self {
            slot: slot.into(),
            publications: Vec::new(),
            from: Lsn::INVALID,
            streaming: Streaming::Off,
            is_two_phase: false,
            has_messages: false,
            is_text: false,
            status_interval: None,
            max_events: 4096,
            max_bytes: 8 << 20,
        }
    }

    /// Adds a publication: at least one is needed.
    pub fn publication(mut self, name: impl Into<String>) -> Self {
        self.publications.push(name.into());
        self
    }

    /// Sets where to begin. Default: where the slot was confirmed, which is also what an earlier position means; a later
    /// one skips what is in between.
    pub fn from(mut self, position: Lsn) -> Self {
        self.from = position;
        self
    }

    /// Sets whether large transactions are sent before they commit. Default: [`Streaming::Off`].
    pub fn streaming(mut self, streaming: Streaming) -> Self {
        self.streaming = streaming;
        self
    }

    /// Has prepared transactions sent when they are prepared (PostgreSQL 15). The slot has to be made for it.
    pub fn two_phase(mut self) -> Self {
        self.is_two_phase = true;
        self
    }

    /// Has what `pg_logical_emit_message` writes sent too (PostgreSQL 14).
    pub fn messages(mut self) -> Self {
        self.has_messages = true;
        self
    }

    /// Has values sent as text, which every type can be read from as a `String`. Default: in binary from PostgreSQL 14 on,
    /// as text before. As text or not, `bool`, the integers, `oid` and the floats are read as what they are.
    pub fn text(mut self) -> Self {
        self.is_text = true;
        self
    }

    /// Sets how often the server hears from us at least. Default: every ten seconds, or three times within its
    /// `wal_sender_timeout` if that is shorter.
    pub fn status_interval(mut self, interval: Duration) -> Self {
        self.status_interval = Some(interval);
        self
    }

    /// Sets how many events may wait for the caller; then the driver stops reading. Default: 4,096. As many again may
    /// have been taken by the stream.
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// Sets how many bytes they may have, as [`ReplicationOptions::max_events`]; a single event may have more. Default:
    /// 8 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Returns what the caller has: everything before it.
    pub(super) fn begins(&self) -> Lsn {
        self.from
    }

    // PG docs: protocol-logical-replication, "Logical Streaming Replication Parameters"
    pub(super) fn version(&self) -> Version {
        match (self.streaming, self.is_two_phase) {
            (Streaming::Parallel, _) => Version::V4Parallel,
            (_, true) => Version::V3,
            (Streaming::On, false) => Version::V2,
            (Streaming::Off, false) => Version::V1,
        }
    }

    /// Tells whether values come in binary from a server of this major version.
    pub(super) fn is_binary(&self, server: u32) -> bool {
        !self.is_text && server >= 14
    }

    /// Returns how often to report to a server that waits for so long; 0 is for ever.
    pub(super) fn reports_every(&self, wal_sender_timeout: Duration) -> Duration {
        let third = match wal_sender_timeout {
            Duration::ZERO => LONGEST_SILENCE,
            timeout => timeout / 3,
        };
        self.status_interval.unwrap_or_else(|| third.min(LONGEST_SILENCE)).max(SHORTEST_SILENCE)
    }

    pub(super) fn command(&self, server: u32) -> Result<String, Error> {
        let version = match self.version() {
            Version::V1 => '1',
            Version::V2 => '2',
            Version::V3 => '3',
            Version::V4 | Version::V4Parallel => '4',
        };
        let names: Result<Vec<_>, _> = self.publications.iter().map(|name| quoted(name)).collect();
        let mut command = format!(
            "START_REPLICATION SLOT {} LOGICAL {} (proto_version '{version}', publication_names {}",
            quoted(&self.slot)?,
            self.from,
            literal(&names?.join(",")),
        );
        let streaming = match self.streaming {
            Streaming::Off => None,
            Streaming::On => Some(("streaming", "on")),
            Streaming::Parallel => Some(("streaming", "parallel")),
        };
        let options = [
            streaming,
            self.is_two_phase.then_some(("two_phase", "on")),
            self.has_messages.then_some(("messages", "true")),
            self.is_binary(server).then_some(("binary", "true")),
        ];
        for (name, value) in options.into_iter().flatten() {
            let _ = write!(command, ", {name} '{value}'");
        }
        command.push(')');
        Ok(command)
    }
}

// PG source: repl_scanner.l: only the quote itself is doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// That of PostgreSQL's own receivers.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
const SHORTEST_SILENCE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_say_what_was_asked_for_in_the_oldest_version_that_can() {
        let plain = ReplicationOptions::new("s").publication("p");
        let start = "START_REPLICATION SLOT \"s\" LOGICAL 0/0 (proto_version '1', publication_names '\"p\"'";
        assert_eq!(plain.command(13).unwrap(), format!("{start})"));
        assert_eq!(plain.command(14).unwrap(), format!("{start}, binary 'true')"));
        assert_eq!(plain.clone().text().command(18).unwrap(), format!("{start})"));
        let full = plain.clone().from(Lsn(0x1_0000_0002)).publication("a'\"b").two_phase().messages().text();
        assert_eq!(
            full.clone().streaming(Streaming::On).command(15).unwrap(),
            "START_REPLICATION SLOT \"s\" LOGICAL 1/2 (proto_version '3', publication_names '\"p\",\"a''\"\"b\"', \
             streaming 'on', two_phase 'on', messages 'true')"
        );
        assert_eq!(plain.clone().streaming(Streaming::On).version(), Version::V2);
        assert_eq!(plain.streaming(Streaming::Parallel).version(), Version::V4Parallel);
    }

    #[test]
    fn slots_are_made_in_words_that_every_version_takes() {
        assert_eq!(
            SlotOptions::new().command("s\"x").unwrap(),
            "CREATE_REPLICATION_SLOT \"s\"\"x\" LOGICAL pgoutput NOEXPORT_SNAPSHOT"
        );
        assert_eq!(
            SlotOptions::new().temporary().snapshot(Snapshot::Export).two_phase().command("s").unwrap(),
            "CREATE_REPLICATION_SLOT \"s\" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT TWO_PHASE"
        );
        assert!(SlotOptions::new().command("").is_err());
    }

    #[test]
    fn the_server_hears_from_us_well_within_its_patience() {
        let options = ReplicationOptions::new("s");
        let millis = Duration::from_millis;
        for (timeout, interval) in [(60_000, 10_000), (0, 10_000), (300, 100), (3, 10)] {
            assert_eq!(options.reports_every(millis(timeout)), millis(interval));
        }
        assert_eq!(options.status_interval(millis(50)).reports_every(millis(60_000)), millis(50));
    }
}
