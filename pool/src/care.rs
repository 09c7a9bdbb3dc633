//! A connection in the pool's own care: it comes to rest, or is asked for a sign of life.

use crate::bounded::{Ended, bounded};
use crate::ledger::{CarePermit, Need, Ward};
use crate::seams::now;
use crate::{Liveness, Manager, Pool};

/// A connection in care. Dropped as it is, it is given up: first the connection goes, then its slot is freed. That
/// order is the order of the fields.
pub(crate) struct Care<M: Manager> {
    conn: M::Connection,
    slot: CareSlot<M>,
}

impl<M: Manager> Care<M> {
    pub(crate) fn new(pool: Pool<M>, Ward { permit, conn }: Ward<M::Connection>) -> Self {
        Self { conn, slot: CareSlot { need: permit.need, pool, permit: Some(permit) } }
    }

    /// Does what is needed, and passes the connection on.
    pub(crate) async fn run(self) {
        let Self { conn, slot } = self;
        let pool = &slot.pool;
        // A future dropped here drops the connection first and then, with `slot`, frees the slot.
        let caring = async {
            match slot.need {
                Need::Settling => pool.manager().settle(conn).await,
                Need::Check { .. } => checked(pool.manager(), conn).await,
            }
        };
        let limit = pool.settings().settle_timeout;
        if let Ended::Done(Some(conn)) = bounded(limit, pool.forced(), caring).await {
            slot.succeed(conn);
        }
    }
}

async fn checked<M: Manager>(manager: &M, mut conn: M::Connection) -> Option<M::Connection> {
    match manager.check(&mut conn).await {
        Liveness::Alive => Some(conn),
        Liveness::Dead => None,
    }
}

/// The slot of a connection in care. Freed on drop, if the permit is still there.
struct CareSlot<M: Manager> {
    pool: Pool<M>,
    need: Need,
    permit: Option<CarePermit>,
}

impl<M: Manager> CareSlot<M> {
    fn succeed(mut self, conn: M::Connection) {
        let Some(permit) = self.permit.take() else { return };
        let now = now();
        self.pool.counters().count(|metrics| match permit.need {
            Need::Settling => {
                metrics.settles += 1;
                metrics.settle_time.observe(now.saturating_duration_since(permit.since));
            }
            Need::Check { .. } => metrics.checks += 1,
        });
        let offered = self.pool.ledger().cared_for(permit, conn, now);
        self.pool.conclude(offered);
    }
}

impl<M: Manager> Drop for CareSlot<M> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let now = now();
        self.pool.counters().count(|metrics| {
            metrics.discarded += 1;
            match permit.need {
                Need::Settling => {
                    metrics.settles_failed += 1;
                    metrics.settle_time.observe(now.saturating_duration_since(permit.since));
                }
                Need::Check { .. } => metrics.checks_failed += 1,
            }
        });
        let wakes = self.pool.ledger().given_up(permit, now);
        wakes.wake();
    }
}
