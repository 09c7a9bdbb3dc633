//! Public futures and types may move between threads.

use crate::fake::{Conn, Fake, pool_of};
use molt_db_pool::{Builder, Guard, Pool};

fn assert_send<T: Send>(_: &T) {}
fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn futures_are_send() {
    let pool = pool_of(1);
    assert_send(&pool.acquire());
    assert_send(&pool.close());
}

#[test]
fn types_are_send_and_sync() {
    assert_send_sync::<Conn>();
    assert_send_sync::<Pool<Fake>>();
    assert_send_sync::<Guard<Fake>>();
    assert_send_sync::<Builder<Fake>>();
}
