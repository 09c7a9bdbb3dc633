//! What the ledger does with connections that have to settle.

use super::*;

/// A ledger in which one connection settles, of `max` that there may be.
fn with_one_settling(max: usize) -> World {
    let mut world = World::new(max);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::ReleaseUnsettled(0), Op::RunKeeper(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.wards.len(), 1);
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
    let oldest = *world.callers.keys().next().unwrap();
    world.apply(&Op::CaredFor(0));
    assert_eq!(world.ready.remove(&oldest).map(|(ready, _)| ready), Some(Ready::Conn(1)));
}

#[test]
fn connection_given_up_rouses_the_keeper_to_connect() {
    let mut world = with_one_settling(1);
    [Op::Arrive, Op::RunKeeper(0), Op::RunKeeper(0), Op::GiveUp(0)].iter().for_each(|op| world.apply(op));
    assert!(world.keepers[0].runs_by(world.now));
    world.apply(&Op::RunKeeper(0));
    assert_eq!(world.permits.len(), 1);
}

#[test]
fn connection_that_came_to_rest_after_the_close_is_refused() {
    let mut world = with_one_settling(1);
    world.apply(&Op::Close);
    let mut closer = Some(Waker::noop().clone());
    let ticket = world.ledger.draw_closer();
    assert!(world.ledger.poll_empty(ticket, &mut closer).is_pending());
    world.apply(&Op::CaredFor(0));
    assert!(world.ledger.poll_empty(ticket, &mut closer).is_ready());
}

#[test]
fn connection_may_come_back_to_settle_after_the_close() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::Close, Op::ReleaseUnsettled(0), Op::RunKeeper(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.wards.len(), 1);
    world.drain();
    assert_eq!(world.ledger.total(), 0);
}

#[test]
fn keeper_is_wanted_once_in_a_runtime() {
    let mut ledger = Ledger::<u32, u32>::new(plain(1), Dice::new(1));
    let now = Instant::now();
    let claim = claim(0, now, Duration::from_secs(1));
    let mut wanted = |runtime| match ledger.arrive(&claim, &mut None, runtime, now).1 {
        Turn::Wait(errands) => errands.keeper.is_some(),
        Turn::Granted(_) | Turn::Full(_) | Turn::Late(_) | Turn::Closed => {
            panic!("there is nothing to grant")
        }
    };
    let [one, two] = *RUNTIMES;
    assert_eq!([one, two, one, two].map(&mut wanted), [true, true, false, false]);
}

#[test]
fn without_a_keeper_nothing_can_settle() {
    let mut world = World::new(1);
    let ops = [Op::Arrive, Op::Connected, Op::Poll(0), Op::DismissKeeper(0), Op::ReleaseUnsettled(0)];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!(world.ledger.total(), 0);
}

#[test]
fn what_waits_to_settle_goes_with_the_last_keeper() {
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
        Op::DismissKeeper(0),
    ];
    ops.iter().for_each(|op| world.apply(op));
    assert_eq!((world.keepers.len(), world.ledger.status(Instant::now()).settling), (1, 2));
    world.apply(&Op::DismissKeeper(0));
    assert_eq!(world.ledger.total(), 0);
}
