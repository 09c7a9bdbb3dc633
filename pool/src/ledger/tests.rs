//! The ledger, by itself.

mod model;
mod settling;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use model::{Conn, Failure, Op, RUNTIMES, Ready, World, ops};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ledger_follows_the_model(max in 1usize..5, ops in ops()) {
        let mut world = World::new(max);
        ops.iter().for_each(|op| world.apply(op));
        world.drain();
    }
}

/// Runs one waiter's life up to `steps` steps, then lets it leave; a second waiter stands behind it.
fn leave_after(steps: usize) -> World {
    let mut world = World::new(1);
    let holder = [Op::Arrive, Op::Connected, Op::Poll(0)];
    holder.iter().for_each(|op| world.apply(op));
    let life = [Op::Arrive, Op::Arrive, Op::Poll(0), Op::Release(0), Op::Poll(0), Op::Release(0)];
    life[..steps].iter().for_each(|op| world.apply(op));
    world.apply(&Op::Leave(0));
    world
}

#[test]
fn leaving_at_any_step_strands_nobody() {
    (0..=6).for_each(|steps| leave_after(steps).drain());
}

#[test]
fn waiter_that_leaves_a_granted_connection_passes_it_on() {
    let world = leave_after(4);
    assert_eq!(world.ready.into_values().collect::<Vec<_>>(), [Ready::Conn(1)]);
}

#[test]
fn waiter_asked_to_connect_passes_the_request_on_when_it_leaves() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::Arrive, Op::Arrive, Op::Vacate(0)];
    ops.iter().for_each(|op| world.apply(op));
    let woken = |world: &World| world.flags.values().map(|flag| flag.is_set()).collect::<Vec<_>>();
    assert_eq!(woken(&world), [true, false]);
    world.apply(&Op::Leave(0));
    assert_eq!(woken(&world), [true]);
}

#[test]
fn connects_are_started_for_waiters_that_none_is_in_progress_for() {
    let mut world = World::new(3);
    for expected in [1, 2, 3, 3] {
        world.apply(&Op::Arrive);
        assert_eq!(world.permits.len(), expected);
    }
    world.apply(&Op::Connected);
    world.apply(&Op::Poll(0));
    world.apply(&Op::Poll(0));
    assert_eq!(world.permits.len(), 2);
}

#[test]
fn waiter_that_has_to_queue_again_keeps_its_place() {
    let mut ledger = Ledger::<Conn, Failure>::new(1);
    let now = Instant::now();
    let (first, second) = (ledger.draw_ticket(), ledger.draw_ticket());
    let join = |ledger: &mut Ledger<_, _>, ticket| drop(ledger.turn(ticket, &mut None, RUNTIMES[0], now));
    join(&mut ledger, second);
    join(&mut ledger, first);
    assert_eq!(ledger.queue.pop().map(|(ticket, _)| ticket), Some(first));
}

#[test]
fn oldest_use_is_that_of_the_oldest_lease_left() {
    let mut ledger = Ledger::<Conn, Failure>::new(2);
    let start = Instant::now();
    ledger.idle = vec![1, 2];
    let first = ledger.take_idle(start).unwrap();
    let second = ledger.take_idle(start + Duration::from_secs(2)).unwrap();
    let age = |ledger: &Ledger<_, _>| ledger.status(start + Duration::from_secs(5)).oldest_use;
    assert_eq!(age(&ledger), Some(Duration::from_secs(5)));
    ledger.vacate(first.lease).wake();
    assert_eq!(age(&ledger), Some(Duration::from_secs(3)));
    ledger.vacate(second.lease).wake();
    assert_eq!(age(&ledger), None);
}
