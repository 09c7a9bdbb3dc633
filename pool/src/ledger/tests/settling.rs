//! What the ledger does with connections that have to settle.

use super::model::{Op, RUNTIMES, Ready, World};
use super::*;

/// A ledger in which one connection settles, of `max` that there may be.
fn with_one_settling(max: usize) -> World {
    let mut world = World::new(max);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::ReleaseUnsettled(0), Op::RunSettler(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.settling.len(), 1);
    world
}

#[test]
fn slot_of_a_connection_that_settles_is_taken() {
    let mut world = with_one_settling(1);
    world.apply(&Op::Arrive);
    assert_eq!(world.permits.len(), 0);
    world.apply(&Op::GiveUp(0));
    world.apply(&Op::Poll(0));
    assert_eq!(world.permits.len(), 1);
}

#[test]
fn slot_of_a_connection_that_waits_to_settle_is_taken() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::ReleaseUnsettled(0), Op::Arrive];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!((world.permits.len(), world.ledger.status(Instant::now()).settling), (0, 1));
}

#[test]
fn connection_that_settles_is_for_no_waiter() {
    let mut world = with_one_settling(2);
    world.apply(&Op::Arrive);
    assert_eq!(world.permits.len(), 1);
}

#[test]
fn connection_that_came_to_rest_serves_the_oldest_waiter() {
    let mut world = with_one_settling(1);
    [Op::Arrive, Op::Arrive].iter().for_each(|op| world.apply(op));
    let oldest = *world.flags.keys().next().unwrap();
    world.apply(&Op::Settled(0));
    assert_eq!(world.ready.into_iter().collect::<Vec<_>>(), [(oldest, Ready::Conn(1))]);
}

#[test]
fn connection_given_up_rouses_the_oldest_waiter_to_connect() {
    let mut world = with_one_settling(1);
    [Op::Arrive, Op::Arrive, Op::GiveUp(0)].iter().for_each(|op| world.apply(op));
    let woken: Vec<_> = world.flags.values().map(|flag| flag.is_set()).collect();
    assert_eq!(woken, [true, false]);
}

#[test]
fn connection_that_came_to_rest_after_the_close_is_refused() {
    let mut world = with_one_settling(1);
    world.apply(&Op::Close);
    let mut closer = Some(Waker::noop().clone());
    let ticket = world.ledger.draw_ticket();
    assert!(world.ledger.poll_empty(ticket, &mut closer).is_pending());
    world.apply(&Op::Settled(0));
    assert!(world.ledger.poll_empty(ticket, &mut closer).is_ready());
}

#[test]
fn connection_may_come_back_to_settle_after_the_close() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::Close, Op::ReleaseUnsettled(0), Op::RunSettler(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.settling.len(), 1);
    world.drain();
    assert_eq!(world.ledger.total(), 0);
}

#[test]
fn settler_is_wanted_once_in_a_runtime() {
    let mut ledger = Ledger::<u32, u32>::new(1);
    let now = Instant::now();
    let mut wanted = |runtime| {
        let ticket = ledger.draw_ticket();
        match ledger.turn(ticket, &mut None, runtime, now) {
            Turn::Wait(errands) => errands.settler.is_some(),
            Turn::Granted(_) | Turn::Closed => panic!("there is nothing to grant"),
        }
    };
    let [one, two] = *RUNTIMES;
    assert_eq!([one, two, one, two].map(&mut wanted), [true, true, false, false]);
}

#[test]
fn without_a_settler_nothing_can_settle() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::DismissSettler(0), Op::ReleaseUnsettled(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.ledger.total(), 0);
}

#[test]
fn what_waits_to_settle_goes_with_the_last_settler() {
    let mut world = World::new(2);
    let ops = [
        Op::Arrive,
        Op::Arrive,
        Op::Connected,
        Op::Connected,
        Op::Poll(0),
        Op::Poll(0),
        Op::ReleaseUnsettled(0),
        Op::ReleaseUnsettled(0),
        Op::DismissSettler(0),
    ];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!((world.settlers.len(), world.ledger.status(Instant::now()).settling), (1, 2));
    world.apply(&Op::DismissSettler(0));
    assert_eq!(world.ledger.total(), 0);
}
