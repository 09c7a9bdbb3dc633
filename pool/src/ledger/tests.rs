//! The ledger, by itself.

mod model;
mod ops;
mod settling;

use proptest::prelude::*;

use super::*;
use model::{Conn, Failure, RUNTIMES, Ready, World, claim, plain};
use ops::Op;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ledger_follows_the_model(settings in ops::settings(), ops in ops::ops()) {
        let mut world = World::with(settings);
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
    assert_eq!(world.ready.into_values().map(|(ready, _)| ready).collect::<Vec<_>>(), [Ready::Conn(1)]);
}

#[test]
fn slot_that_comes_free_rouses_the_keepers_to_connect() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::Arrive, Op::RunKeeper(0), Op::RunKeeper(0)];
    ops.iter().for_each(|op| world.apply(op));
    let roused =
        |world: &World| world.keepers.iter().map(|keeper| keeper.runs_by(world.now)).collect::<Vec<_>>();
    assert_eq!(roused(&world), [false, false]);
    world.apply(&Op::Vacate(0));
    assert_eq!(roused(&world), [true, true]);
    world.apply(&Op::RunKeeper(0));
    assert_eq!(world.permits.len(), 1);
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
    let mut ledger = Ledger::<Conn, Failure>::new(plain(1), Dice::new(1));
    let now = Instant::now();
    let claim = claim(0, now, Duration::from_secs(1));
    let (first, second) = (ledger.lanes.draw(0), ledger.lanes.draw(0));
    let join = |ledger: &mut Ledger<_, _>, ticket| {
        drop(ledger.turn(ticket, &claim, &mut None, RUNTIMES[0], now));
    };
    join(&mut ledger, second);
    join(&mut ledger, first);
    assert_eq!(ledger.lanes.pop(now).map(|(ticket, _)| ticket), Some(first));
}

#[test]
fn oldest_use_is_that_of_the_oldest_lease_left() {
    let mut world = World::new(2);
    let ops =
        [Op::Arrive, Op::Connected, Op::Poll(0), Op::Wait(1999), Op::Arrive, Op::Connected, Op::Poll(0)];
    ops.iter().for_each(|op| world.apply(op));
    let age = |world: &World| world.ledger.status(world.now).oldest_use.map(|age| age.as_millis());
    assert_eq!(age(&world), Some(2004));
    world.apply(&Op::Vacate(0));
    assert_eq!(age(&world), Some(2));
    world.apply(&Op::Vacate(0));
    assert_eq!(age(&world), None);
}
