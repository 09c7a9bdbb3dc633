//! Lanes: who is served when there is not enough for everyone.

use std::time::Duration;

use molt_db_pool::{AcquireError, BuildError, Lane, Pool, Request};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fake::{AT_ONCE, Fake, assert_at_rest, millis, planned, poll_once};

const PATIENT: Duration = Duration::from_secs(1000);

fn pool_with(lanes: impl IntoIterator<Item = Lane>, max_conns: usize) -> Pool<Fake> {
    let builder = planned(|_| AT_ONCE).max_conns(max_conns).max_wait(PATIENT);
    lanes.into_iter().fold(builder, molt_db_pool::Builder::lane).build().unwrap()
}

/// Lets tasks of a lane acquire for as long as that, one after the other, and hold for a time each.
fn occupy(pool: &Pool<Fake>, lane: &'static str, tasks: usize, hold: u64, end: Instant) -> JoinSet<()> {
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let pool = pool.clone();
        set.spawn(async move {
            while Instant::now() < end {
                let _guard = pool.acquire_with(Request::new().lane(lane)).await.unwrap();
                sleep(millis(hold)).await;
            }
        });
    }
    set
}

/// Jain's index: 1 if all have the same, 1/n if one has everything.
fn jain(shares: &[f64]) -> f64 {
    let (sum, squares): (f64, f64) = (shares.iter().sum(), shares.iter().map(|share| share * share).sum());
    sum * sum / (shares.len() as f64 * squares)
}

/// What each lane but the default one had, by a measure, against its weight.
fn shares(pool: &Pool<Fake>, measure: impl Fn(&molt_db_pool::LaneStatus) -> f64) -> Vec<f64> {
    pool.lanes().iter().skip(1).map(|lane| measure(lane) / f64::from(lane.weight)).collect()
}

#[tokio::test(start_paused = true)]
async fn flood_in_one_lane_takes_no_more_than_its_share() {
    let pool = pool_with(["a", "b", "c", "flood"].map(Lane::new), 8);
    let end = Instant::now() + millis(4000);
    let sets = [
        occupy(&pool, "a", 8, 2, end),
        occupy(&pool, "b", 8, 2, end),
        occupy(&pool, "c", 8, 2, end),
        occupy(&pool, "flood", 400, 2, end),
    ];
    for set in sets {
        set.join_all().await;
    }
    let grants = jain(&shares(&pool, |lane| lane.grants as f64));
    assert!(grants >= 0.99, "{grants}: {:?}", pool.lanes());
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn lane_that_holds_for_long_takes_no_more_time_than_its_share() {
    let pool = pool_with(["a", "b", "flood", "long"].map(Lane::new), 8);
    let end = Instant::now() + millis(20_000);
    let sets = [
        occupy(&pool, "a", 8, 2, end),
        occupy(&pool, "b", 8, 2, end),
        occupy(&pool, "flood", 200, 2, end),
        occupy(&pool, "long", 20, 50, end),
    ];
    for set in sets {
        set.join_all().await;
    }
    let seconds = jain(&shares(&pool, |lane| lane.held.as_secs_f64()));
    assert!(seconds >= 0.99, "{seconds}: {:?}", pool.lanes());
}

#[tokio::test(start_paused = true)]
async fn lanes_share_by_weight() {
    let lanes = [("one", 1), ("two", 2), ("five", 5)];
    let pool = pool_with(lanes.map(|(name, weight)| Lane::new(name).weight(weight)), 8);
    let end = Instant::now() + millis(4000);
    for set in lanes.map(|(name, _)| occupy(&pool, name, 20, 2, end)) {
        set.join_all().await;
    }
    let seconds = jain(&shares(&pool, |lane| lane.held.as_secs_f64()));
    assert!(seconds >= 0.99, "{seconds}: {:?}", pool.lanes());
}

#[tokio::test(start_paused = true)]
async fn wait_of_a_lane_does_not_grow_with_the_length_of_another() {
    let pool = pool_with(["flood", "few"].map(Lane::new), 2);
    let end = Instant::now() + millis(2000);
    let flood = occupy(&pool, "flood", 1000, 2, end);
    sleep(millis(100)).await;
    for _ in 0..50 {
        let begun = Instant::now();
        drop(pool.acquire_with(Request::new().lane("few")).await.unwrap());
        assert!(begun.elapsed() <= millis(5), "{:?}", begun.elapsed());
        sleep(millis(7)).await;
    }
    flood.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn lane_that_is_alone_has_everything() {
    let pool = pool_with([Lane::new("alone"), Lane::new("absent").weight(1000)], 4);
    let end = Instant::now() + millis(1000);
    let set = occupy(&pool, "alone", 8, 2, end);
    sleep(millis(500)).await;
    assert_eq!((pool.status().in_use, pool.status().waiting), (4, 4));
    set.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn idle_time_buys_no_privilege_and_past_use_costs_none() {
    let pool = pool_with(["early", "late"].map(Lane::new), 2);
    let early = occupy(&pool, "early", 1, 3000, Instant::now() + millis(5000));
    early.join_all().await;
    let end = Instant::now() + millis(2000);
    let sets = ["early", "late"].map(|lane| occupy(&pool, lane, 4, 2, end));
    let before: Vec<_> = pool.lanes().iter().map(|lane| lane.grants).collect();
    for set in sets {
        set.join_all().await;
    }
    let grants: Vec<_> =
        pool.lanes().iter().zip(before).skip(1).map(|(lane, before)| (lane.grants - before) as f64).collect();
    assert!(jain(&grants) >= 0.99, "{grants:?}");
}

#[tokio::test(start_paused = true)]
async fn full_lane_turns_away_at_once_and_the_others_do_not() {
    let pool = pool_with([Lane::new("narrow").max_waiting(2), Lane::new("wide")], 1);
    let narrow = || Box::pin(pool.acquire_with(Request::new().lane("narrow")));
    let held = pool.acquire().await.unwrap();
    let mut waiting = [narrow(), narrow()];
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    let Err(AcquireError::QueueFull(full)) = narrow().await else { panic!("it was let in") };
    assert_eq!((full.lane(), full.status().waiting), ("narrow", 2));
    assert_eq!(
        full.to_string(),
        "too many wait already in lane narrow: 1 of 1 in use (oldest for 0ms), 0 idle, 0 settling, 0 connecting, \
         2 waiting"
    );
    assert!(poll_once(&mut Box::pin(pool.acquire_with(Request::new().lane("wide")))).is_pending());
    assert!(poll_once(&mut Box::pin(pool.acquire())).is_pending());
    let [first, second] = waiting;
    drop(second);
    assert!(poll_once(&mut narrow()).is_pending());
    assert_eq!(pool.metrics().refused, 1);
    drop(first);
    drop(held);
    assert!(narrow().await.is_ok());
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn lane_of_those_that_name_none_has_a_limit_too() {
    let pool = pool_with([Lane::default().max_waiting(0)], 1);
    let held = pool.acquire().await;
    assert!(matches!(held, Err(AcquireError::QueueFull(_))));
    let pool = pool_with([Lane::default().max_waiting(1)], 1);
    let _held = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    let Err(AcquireError::QueueFull(full)) = pool.acquire().await else { panic!("it was let in") };
    assert!(full.to_string().starts_with("too many wait already: 1 of 1"));
}

#[tokio::test(start_paused = true)]
async fn lane_that_is_not_there_is_an_error() {
    let pool = pool_with([Lane::new("there")], 1);
    let there = Request::new().lane("there");
    assert!(pool.acquire_with(there).await.is_ok());
    let not_there = pool.acquire_with(Request::new().lane("not there")).await;
    assert!(matches!(not_there, Err(AcquireError::UnknownLane)));
}

#[test]
fn lanes_that_make_no_sense_are_refused() {
    let build = |lanes: [Lane; 2]| {
        lanes.into_iter().fold(planned(|_| AT_ONCE), molt_db_pool::Builder::lane).build().map(drop)
    };
    assert_eq!(build(["a", "b"].map(Lane::new)), Ok(()));
    assert_eq!(build(["a", "a"].map(Lane::new)), Err(BuildError::LaneTwice("a".into())));
    assert_eq!(build([Lane::new("a"), Lane::new("b").weight(0)]), Err(BuildError::NoWeight("b".into())));
}
