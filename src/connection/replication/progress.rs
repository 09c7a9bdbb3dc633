use molt_db_protocol::replication::{Lsn, PgTimestamp, Reply, StandbyStatusUpdate};

use super::ReplicationEvent;

/// How far a stream is, and what of that the server may hear.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Behind everything that the server has sent or passed over.
    received: Lsn,
    /// Behind the last that the reader has to confirm.
    owed: Lsn,
    confirmed: Lsn,
    place: Place,
    reported: Lsn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Between,
    InTransaction,
}

impl Progress {
    /// Begins where the reader says that it has everything.
    pub(super) fn new(from: Lsn) -> Self {
        Self { received: from, owed: from, confirmed: from, reported: from, ..Self::default() }
    }

    pub(super) fn sent(&mut self, event: &ReplicationEvent) {
        self.place = match event {
            ReplicationEvent::Begin(_)
            | ReplicationEvent::BeginPrepare(_)
            | ReplicationEvent::StreamStart(_) => Place::InTransaction,
            ReplicationEvent::Commit(_) | ReplicationEvent::Prepare(_) | ReplicationEvent::StreamStop => {
                Place::Between
            }
            _ => self.place,
        };
        if let Some(end) = event.end_lsn() {
            self.owed = self.owed.max(end);
            self.received = self.received.max(end);
        }
    }

    /// The server has nothing for this reader before this position that it has not sent.
    pub(super) fn passed(&mut self, position: Lsn) {
        self.received = self.received.max(position);
    }

    pub(super) fn confirm(&mut self, position: Lsn) {
        self.confirmed = self.confirmed.max(position.min(self.received));
    }

    /// Returns the position that nothing is needed from before. That of others counts where nothing is owed.
    // PG source: worker.c, get_flush_position and send_feedback
    fn flushed(&self) -> Lsn {
        let owes_nothing = self.confirmed >= self.owed && self.place == Place::Between;
        if owes_nothing { self.received } else { self.confirmed }
    }

    /// Tells whether the server does not know yet what the reader has confirmed.
    pub(super) fn is_news(&self) -> bool {
        self.confirmed > self.reported
    }

    pub(super) fn report(&mut self, time: PgTimestamp) -> StandbyStatusUpdate {
        let flushed = self.flushed();
        self.reported = self.reported.max(flushed);
        StandbyStatusUpdate {
            written: self.received,
            flushed,
            applied: flushed,
            time,
            reply: Reply::Unneeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use molt_db_protocol::replication::pgoutput::{Begin, Commit};

    use super::*;

    const TIME: PgTimestamp = PgTimestamp::from_micros(0);

    fn begin(progress: &mut Progress) {
        progress.sent(&ReplicationEvent::Begin(Begin { final_lsn: Lsn(0), commit_time: TIME, xid: 1 }));
    }

    fn commit(progress: &mut Progress, end: u64) {
        let commit = Commit { commit_lsn: Lsn(end - 1), end_lsn: Lsn(end), commit_time: TIME };
        progress.sent(&ReplicationEvent::Commit(commit));
    }

    fn flushed(progress: &mut Progress) -> u64 {
        progress.report(TIME).flushed.0
    }

    #[test]
    fn what_is_not_confirmed_is_not_flushed() {
        let mut progress = Progress::new(Lsn(10));
        assert_eq!(flushed(&mut progress), 10);
        begin(&mut progress);
        progress.passed(Lsn(50));
        assert_eq!(flushed(&mut progress), 10, "a transaction is on its way");
        commit(&mut progress, 100);
        progress.passed(Lsn(200));
        assert_eq!(flushed(&mut progress), 10, "it is not confirmed");
        progress.confirm(Lsn(99));
        assert!(progress.is_news());
        assert_eq!(flushed(&mut progress), 99);
        assert!(!progress.is_news());
    }

    #[test]
    fn where_all_is_confirmed_the_log_of_others_is_let_go() {
        let mut progress = Progress::default();
        progress.passed(Lsn(40));
        assert_eq!(flushed(&mut progress), 40);
        begin(&mut progress);
        commit(&mut progress, 100);
        progress.confirm(Lsn(100));
        progress.passed(Lsn(200));
        assert_eq!(flushed(&mut progress), 200);
    }

    #[test]
    fn nobody_confirms_what_has_not_come() {
        let mut progress = Progress::default();
        progress.passed(Lsn(40));
        progress.confirm(Lsn(u64::MAX));
        assert_eq!(flushed(&mut progress), 40);
        begin(&mut progress);
        commit(&mut progress, 100);
        assert_eq!(flushed(&mut progress), 40);
    }
}
