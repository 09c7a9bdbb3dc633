//! What can happen to a ledger, at random.

use std::time::Duration;

use proptest::prelude::*;

use crate::Lane;
use crate::settings::{Backoff, Settings};

/// Something to do. Numbers choose among those there are.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Arrive,
    ArriveIn(usize),
    TakeIdle,
    Poll(usize),
    Leave(usize),
    Release(usize),
    Vacate(usize),
    ReleaseUnsettled(usize),
    RunKeeper(usize),
    DismissKeeper(usize),
    CaredFor(usize),
    GiveUp(usize),
    Connected,
    ConnectFailed,
    ConnectFailedForNow,
    ConnectAbandoned,
    /// Milliseconds.
    Wait(u64),
    Resize {
        min: usize,
        max: usize,
    },
    Drain,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let callers = prop_oneof![
        6 => any::<usize>().prop_map(Op::ArriveIn),
        1 => Just(Op::TakeIdle),
        6 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::Leave),
        6 => any::<usize>().prop_map(Op::Release),
        2 => any::<usize>().prop_map(Op::Vacate),
        4 => any::<usize>().prop_map(Op::ReleaseUnsettled),
    ];
    let tasks = prop_oneof![
        5 => any::<usize>().prop_map(Op::RunKeeper),
        1 => any::<usize>().prop_map(Op::DismissKeeper),
        3 => any::<usize>().prop_map(Op::CaredFor),
        1 => any::<usize>().prop_map(Op::GiveUp),
        4 => Just(Op::Connected),
        1 => Just(Op::ConnectFailed),
        1 => Just(Op::ConnectFailedForNow),
        1 => Just(Op::ConnectAbandoned),
    ];
    let others = prop_oneof![
        8 => (0u64..60).prop_map(Op::Wait),
        1 => (0u64..2000).prop_map(Op::Wait),
        1 => (0usize..3, 1usize..5).prop_map(|(min, max)| Op::Resize { min, max }),
        1 => Just(Op::Drain),
    ];
    prop_oneof![27 => callers, 17 => tasks, 4 => others]
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let close = prop::option::weighted(0.2, Just(Op::Close));
    (prop::collection::vec(op(), 1..160), close, prop::collection::vec(op(), 0..40)).prop_map(
        |(mut ops, close, rest)| {
            ops.extend(close);
            ops.extend(rest);
            ops
        },
    )
}

/// Settings under which a few hundred milliseconds see everything happen.
pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let limit = |millis| prop::option::of(Just(Duration::from_millis(millis)));
    let sizes = (0usize..3, 1usize..5, 1usize..4);
    let limits = (limit(90), limit(900), limit(60), limit(50));
    let waiting = prop_oneof![Just(usize::MAX), Just(2)];
    (sizes, limits, prop::collection::vec((1u32..4, waiting), 1..4)).prop_map(
        |((min, max, max_connecting), (max_idle, max_lifetime, health_check_interval, leak_after), lanes)| {
            Settings {
                min_conns: min.min(max),
                max_conns: max,
                max_connecting,
                max_idle,
                max_lifetime,
                health_check_interval,
                leak_after,
                grant_timeout: Duration::from_millis(20),
                backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(40) },
                lanes: lanes
                    .into_iter()
                    .map(|(weight, waiting)| Lane::default().weight(weight).max_waiting(waiting))
                    .collect(),
                ..Settings::default()
            }
        },
    )
}
