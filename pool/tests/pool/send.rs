//! Public futures and types may move between threads.

use crate::fake::{Conn, Fake, millis, pool_of};
use molt_db_pool::{Builder, Guard, Holder, Lane, LaneStatus, Metrics, Pool, PoolExhausted, Request, Status};

fn assert_send<T: Send>(_: &T) {}
fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn futures_are_send() {
    let pool = pool_of(1);
    assert_send(&pool.acquire());
    assert_send(&pool.acquire_with(Request::new()));
    assert_send(&pool.close());
    assert_send(&pool.close_within(millis(1)));
}

#[test]
fn types_are_send_and_sync() {
    assert_send_sync::<Conn>();
    assert_send_sync::<Pool<Fake>>();
    assert_send_sync::<Guard<Fake>>();
    assert_send_sync::<Builder<Fake>>();
    assert_send_sync::<(Holder, Lane, LaneStatus, Metrics, PoolExhausted, Request<'_>, Status)>();
}
