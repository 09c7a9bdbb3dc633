//! Threads that share a pool, in every order of taking its lock within bounds: shuttle runs one at a time, and decides at
//! each lock who goes on. It fails when everyone waits for someone else.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex as StdMutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread::{JoinHandle, spawn};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::ledger::{Badge, ConnectPermit, Grant, Shift, Turn};
use crate::{Disposition, Lane};

/// Runs a scenario in many orders: all of them, as far as that goes, and some at random.
fn explore(scenario: fn()) {
    shuttle::check_dfs(scenario, Some(1_000));
    shuttle::check_random(scenario, 500);
    shuttle::check_pct(scenario, 500, 3);
}

/// Makes numbers, and counts those that are gone.
#[derive(Default)]
struct Numbers {
    made: AtomicUsize,
    present: Arc<AtomicUsize>,
}

struct Number(Arc<AtomicUsize>);

impl Drop for Number {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Numbers {
    fn make(&self) -> Number {
        self.made.fetch_add(1, SeqCst);
        self.present.fetch_add(1, SeqCst);
        Number(self.present.clone())
    }
}

impl Manager for Numbers {
    type Connection = Number;
    type Error = Infallible;

    async fn connect(&self) -> Result<Number, Infallible> {
        Ok(self.make())
    }

    fn is_alive(&self, _: &mut Number) -> Liveness {
        Liveness::Alive
    }

    fn on_release(&self, _: &mut Number) -> Disposition {
        Disposition::Keep
    }
}

/// A pool, and the tasks that belong to it, as threads.
#[derive(Clone)]
struct World {
    pool: Pool<Numbers>,
    tasks: Arc<StdMutex<Vec<JoinHandle<()>>>>,
    /// The places of those who were served, in that order.
    served: Arc<StdMutex<Vec<u64>>>,
}

impl World {
    fn new(max_conns: usize) -> Self {
        let lanes = vec![Lane::default(), Lane::new("other")];
        let settings = Settings {
            max_conns,
            max_idle: None,
            max_lifetime: None,
            health_check_interval: None,
            lanes,
            ..Settings::default()
        };
        Self { pool: Pool::new(Numbers::default(), settings), tasks: Arc::default(), served: Arc::default() }
    }

    fn claim(&self, lane: usize) -> Claim {
        let origin = Origin { location: Location::caller(), tag: None };
        Claim { lane, arrived: now(), max_wait: Duration::from_secs(1), origin }
    }

    /// Waits as a caller does, and returns what it gets with its place.
    fn poll(&self, seat: &mut Seat<'_, Numbers>, cx: &mut Context<'_>) -> Poll<Option<Held<Numbers>>> {
        match seat.turn(cx, RUNTIME.handle().id()) {
            Turn::Granted(Grant::Connection(loan)) => Poll::Ready(Some(self.pool.hold(loan))),
            Turn::Granted(Grant::Failure(_)) | Turn::Full(_) | Turn::Late(_) => panic!("nothing fails here"),
            Turn::Closed => Poll::Ready(None),
            Turn::Wait(errands) => {
                errands.connects.into_iter().for_each(|permit| self.connect(permit));
                errands.keeper.into_iter().for_each(|badge| self.keep(badge));
                errands.wakes.wake();
                Poll::Pending
            }
        }
    }

    fn start(&self, task: impl FnOnce() + Send + 'static) {
        // Spawning lets others go on, who must find this unlocked.
        let task = spawn(task);
        self.tasks.lock().unwrap().push(task);
    }

    fn connect(&self, permit: ConnectPermit) {
        let pool = self.pool.clone();
        self.start(move || {
            let (offered, _) = pool.ledger().connected(permit, pool.manager().make(), now());
            pool.conclude(offered);
        });
    }

    fn keep(&self, badge: Badge) {
        let world = self.clone();
        self.start(move || {
            block_on(poll_fn(|cx| {
                loop {
                    let mut waker = Some(cx.waker().clone());
                    let shift = world.pool.ledger().poll_shift(&badge, &mut waker, now());
                    match shift {
                        Shift::Work(chores) => {
                            chores.connects.into_iter().for_each(|permit| world.connect(permit));
                            chores.wakes.wake();
                        }
                        Shift::Sleep(_) => return Poll::Pending,
                        Shift::Over => return Poll::Ready(()),
                    }
                }
            }));
            drop(world.pool.ledger().dismiss(badge));
        });
    }

    /// Acquires, and gives back.
    fn use_once(&self, lane: usize) {
        let mut seat = Seat::new(&self.pool, self.claim(lane));
        let held = block_on(poll_fn(|cx| self.poll(&mut seat, cx)));
        let Some(guard) = held.and_then(Held::into_live) else { return };
        self.served.lock().unwrap().push(seat.place());
        drop(guard);
    }

    /// Begins to wait, and gives up.
    fn give_up(&self, lane: usize) {
        let mut seat = Seat::new(&self.pool, self.claim(lane));
        let polled = self.poll(&mut seat, &mut Context::from_waker(Waker::noop()));
        shuttle::thread::yield_now();
        drop(polled);
    }

    /// Throws a connection away instead of giving it back.
    fn discard(&self) {
        let mut seat = Seat::new(&self.pool, self.claim(0));
        drop(block_on(poll_fn(|cx| self.poll(&mut seat, cx))));
    }

    /// Runs these side by side, then closes the pool. Nothing may be left.
    fn finish(self, callers: &[fn(&Self)]) {
        let callers: Vec<_> = callers
            .iter()
            .map(|&caller| {
                let world = self.clone();
                spawn(move || caller(&world))
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        block_on(self.pool.close());
        loop {
            let Some(task) = self.tasks.lock().unwrap().pop() else { break };
            task.join().unwrap();
        }
        assert_eq!((self.pool.status().total, self.pool.status().waiting), (0, 0));
        assert_eq!(self.pool.manager().present.load(SeqCst), 0);
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

#[test]
fn one_connection_serves_everyone_in_turn() {
    explore(|| {
        let world = World::new(1);
        let (served, pool) = (world.served.clone(), world.pool.clone());
        world.finish(&[|world| world.use_once(0), |world| world.use_once(0), |world| world.use_once(0)]);
        let served = served.lock().unwrap();
        assert!(served.len() == 3 && served.is_sorted(), "{served:?}");
        assert_eq!(pool.manager().made.load(SeqCst), 1);
    });
}

#[test]
fn whoever_gives_up_at_any_moment_passes_on_what_it_was_given() {
    explore(|| {
        let world = World::new(1);
        let served = world.served.clone();
        world.finish(&[|world| world.use_once(0), |world| world.give_up(0), |world| world.use_once(0)]);
        let served = served.lock().unwrap();
        assert!(served.len() == 2 && served.is_sorted(), "{served:?}");
    });
}

#[test]
fn slot_of_a_connection_that_is_thrown_away_serves_the_next() {
    explore(|| {
        let world = World::new(1);
        let served = world.served.clone();
        world.finish(&[|world| world.use_once(0), |world| world.discard(), |world| world.use_once(0)]);
        assert_eq!(served.lock().unwrap().len(), 2);
    });
}

#[test]
fn lanes_share_a_connection_and_each_is_served() {
    explore(|| {
        let world = World::new(1);
        let served = world.served.clone();
        world.finish(&[
            |world| world.use_once(0),
            |world| world.use_once(1),
            |world| world.use_once(1),
            |world| world.give_up(0),
        ]);
        assert_eq!(served.lock().unwrap().len(), 3);
    });
}

#[test]
fn two_connections_serve_three() {
    explore(|| {
        let world = World::new(2);
        let (served, pool) = (world.served.clone(), world.pool.clone());
        world.finish(&[|world| world.use_once(0), |world| world.use_once(0), |world| world.use_once(0)]);
        assert_eq!(served.lock().unwrap().len(), 3);
        assert!(pool.manager().made.load(SeqCst) <= 2);
    });
}

#[test]
fn close_beside_callers_strands_nobody() {
    explore(|| {
        let world = World::new(1);
        world.finish(&[
            |world| world.use_once(0),
            |world| block_on(world.pool.close()),
            |world| {
                world.use_once(0);
            },
        ]);
    });
}

#[test]
fn try_acquire_beside_callers_overtakes_nobody() {
    explore(|| {
        let world = World::new(1);
        let served = world.served.clone();
        world.finish(&[
            |world| world.use_once(0),
            |world| drop(world.pool.try_acquire()),
            |world| {
                world.use_once(0);
            },
        ]);
        let served = served.lock().unwrap();
        assert!(served.len() == 2 && served.is_sorted(), "{served:?}");
    });
}

#[test]
fn polling_again_without_being_woken_changes_nothing() {
    explore(|| {
        let world = World::new(1);
        world.finish(&[
            |world| world.use_once(0),
            |world| {
                let mut seat = Seat::new(&world.pool, world.claim(0));
                let mut waiting = pin!(poll_fn(|cx| world.poll(&mut seat, cx)));
                for _ in 0..2 {
                    if waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                        return;
                    }
                }
                drop(block_on(waiting));
            },
        ]);
    });
}
