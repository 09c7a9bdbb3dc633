//! Every order of what can happen, of commands that somebody walks away from at any point.
//!
//! From each state every step is tried that could be the next one: bytes go out or do not, the server answers, fails,
//! suspends, dies or takes its time, messages arrive one by one, the caller goes away, requests to cancel arrive late
//! or never, time passes. In all of them the session comes to rest or is closed, within its bound, and the next
//! command gets its own answer and nothing else.

mod backend;
mod world;

use std::collections::HashSet;

use crate::client::OpenTransaction;
use crate::message::{CopyDirection, TransactionStatus};
use world::{Command, Heeds, Key, Scenario, Stage, Step, World};

/// What was seen.
#[derive(Debug, Default)]
struct Explored {
    states: usize,
    transitions: usize,
    done: usize,
    closed: usize,
    /// How often a copy was walked away from and the session came to rest.
    copies: usize,
}

fn explore(scenario: Scenario) -> Explored {
    let mut explored = Explored::default();
    let mut seen = HashSet::new();
    let mut worlds = vec![(World::new(scenario), Vec::new())];
    while let Some((world, way)) = worlds.pop() {
        explored.states += 1;
        match world.stage() {
            Stage::Done => explored.done += 1,
            Stage::Closed => explored.closed += 1,
            Stage::First | Stage::Between | Stage::Last => {
                let steps = world.steps();
                assert!(!steps.is_empty(), "{}: nothing can happen after {way:?}", scenario.name);
                for step in steps {
                    explored.transitions += 1;
                    let mut next = world.clone();
                    let made = Way { steps: &way, last: step };
                    next.make(step);
                    drop(made);
                    explored.copies += usize::from(next.has_settled_a_copy());
                    if seen.insert(next.fingerprint()) {
                        worlds.push((next, [&way[..], &[step]].concat()));
                    }
                }
            }
        }
    }
    #[expect(clippy::disallowed_macros, reason = "a test tells what it has seen")]
    {
        println!("{:<36} {explored:?}", scenario.name);
    }
    explored
}

/// A step that is being made, and the way to it: a failure tells both.
struct Way<'p> {
    steps: &'p [Step],
    last: Step,
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_macros, reason = "a test tells how it failed")]
        if std::thread::panicking() {
            println!("the way to it: {:?}, {:?}", self.steps, self.last);
        }
    }
}

const BASE: Scenario = Scenario {
    name: "",
    status: TransactionStatus::Idle,
    prepared: &[],
    capacity: 4,
    commands: &[],
    key: Key::Known,
    heeds: Heeds::Cancels,
    harm: true,
    transaction: OpenTransaction::Fails,
};

/// Explores, and checks that all ends were reached.
fn check(scenario: Scenario) {
    let explored = explore(scenario);
    assert!(explored.done > 0, "the next command never runs");
    assert!(explored.closed > 0 || !scenario.harm, "the session never ends");
}

#[test]
fn a_query() {
    check(Scenario { name: "cold", commands: &[Command::Query("select 1")], ..BASE });
    check(Scenario {
        name: "prepared",
        prepared: &["select 1"],
        commands: &[Command::Query("select 1")],
        ..BASE
    });
    check(Scenario { name: "without a result", commands: &[Command::Query("insert")], harm: false, ..BASE });
}

#[test]
fn a_query_in_a_transaction() {
    let transaction = Scenario { status: TransactionStatus::InTransaction, ..BASE };
    check(Scenario {
        name: "cold, in a transaction",
        commands: &[Command::Query("select 1")],
        ..transaction
    });
    check(Scenario {
        name: "prepared, in a transaction",
        prepared: &["select 1"],
        commands: &[Command::Query("select 1")],
        ..transaction
    });
}

#[test]
fn a_transaction_that_is_rolled_back_when_somebody_walks_away() {
    let rolled_back = Scenario { transaction: OpenTransaction::IsRolledBack, ..BASE };
    check(Scenario {
        name: "rolled back",
        status: TransactionStatus::InTransaction,
        prepared: &["select 1"],
        commands: &[Command::Query("select 1")],
        ..rolled_back
    });
    check(Scenario {
        name: "rolled back, begun with the query",
        commands: &[Command::Lead("BEGIN"), Command::Query("select 1")],
        ..rolled_back
    });
}

#[test]
fn a_query_that_begins_a_transaction() {
    use Command::{Lead, Query, Queue, Sync};
    check(Scenario { name: "led, cold", commands: &[Lead("BEGIN"), Query("select 1")], ..BASE });
    check(Scenario {
        name: "led, prepared",
        prepared: &["select 1"],
        commands: &[Lead("BEGIN"), Query("select 1")],
        ..BASE
    });
    check(Scenario {
        name: "two in one, led",
        prepared: &["select 1"],
        commands: &[Lead("BEGIN"), Queue("select 1", 0), Queue("insert", 0), Sync],
        harm: false,
        ..BASE
    });
    check(Scenario {
        name: "in a failed transaction, led by its end",
        status: TransactionStatus::Failed,
        prepared: &["select 1"],
        commands: &[Lead("ROLLBACK"), Query("select 1")],
        ..BASE
    });
    check(Scenario { name: "nothing but a lead", commands: &[Lead("BEGIN"), Sync], ..BASE });
}

#[test]
fn a_portal() {
    check(Scenario {
        name: "portal",
        status: TransactionStatus::InTransaction,
        prepared: &["select 1"],
        commands: &[Command::Portal("select 1", 1)],
        ..BASE
    });
}

#[test]
fn a_query_that_only_a_cancel_ends() {
    let sleep = Scenario { commands: &[Command::Query("sleep")], harm: false, ..BASE };
    check(Scenario { name: "sleep", ..sleep });
    for (name, key, heeds) in [
        ("sleep, without a key", Key::Unknown, Heeds::Cancels),
        ("sleep, deaf to cancels", Key::Known, Heeds::Nothing),
    ] {
        let explored = explore(Scenario { name, key, heeds, ..sleep });
        assert!(explored.done == 0 && explored.closed > 0, "only closing ends it");
    }
}

#[test]
fn a_preparation() {
    check(Scenario { name: "prepare", commands: &[Command::Prepare("select 1")], ..BASE });
}

#[test]
fn a_script() {
    check(Scenario { name: "script", commands: &[Command::Script("select 1")], ..BASE });
    check(Scenario { name: "script with results", commands: &[Command::Results("select 1")], ..BASE });
    check(Scenario {
        name: "script that sleeps",
        commands: &[Command::Script("sleep")],
        harm: false,
        ..BASE
    });
}

#[test]
fn a_copy() {
    for (sql, direction) in
        [("copy_in", CopyDirection::In), ("copy_out", CopyDirection::Out), ("copy_both", CopyDirection::Both)]
    {
        let commands: &'static [Command] = Box::leak(Box::new([Command::Copy(sql, direction)]));
        check(Scenario { name: sql, commands, ..BASE });
        let alone = Scenario { name: sql, commands, key: Key::Unknown, harm: false, ..BASE };
        assert!(explore(alone).copies > 0, "{sql}: it takes a cancel to end it");
    }
}

#[test]
fn a_copy_that_nobody_asked_for() {
    check(Scenario { name: "copy in a query", commands: &[Command::Query("copy_in")], harm: false, ..BASE });
    check(Scenario {
        name: "copy out of a query",
        commands: &[Command::Query("copy_out")],
        harm: false,
        ..BASE
    });
    check(Scenario { name: "copy in a script", commands: &[Command::Script("copy_in")], ..BASE });
    check(Scenario {
        name: "copy both in a script",
        commands: &[Command::Script("copy_both")],
        harm: false,
        ..BASE
    });
    check(Scenario {
        name: "out where in was asked for",
        commands: &[Command::Copy("copy_out", CopyDirection::In)],
        harm: false,
        ..BASE
    });
}

#[test]
fn several_segments() {
    use Command::{Queue, Sync};
    check(Scenario {
        name: "two segments",
        commands: &[Queue("select 1", 0), Sync, Queue("select 2", 0), Sync],
        harm: false,
        ..BASE
    });
    check(Scenario {
        name: "two that sleep",
        prepared: &["sleep 1", "sleep 2"],
        commands: &[Queue("sleep 1", 0), Sync, Queue("sleep 2", 0), Sync],
        harm: false,
        ..BASE
    });
    check(Scenario {
        name: "two in one, prepared",
        prepared: &["select 1", "select 2"],
        commands: &[Queue("select 1", 0), Queue("select 2", 0), Sync],
        ..BASE
    });
    check(Scenario {
        name: "two of one text, in a transaction",
        status: TransactionStatus::InTransaction,
        commands: &[Queue("select 1", 0), Queue("select 1", 0), Sync],
        harm: false,
        ..BASE
    });
}

#[test]
fn an_open_segment() {
    use Command::{Flush, Queue};
    check(Scenario { name: "suspended", commands: &[Queue("select 1", 1), Flush], ..BASE });
    check(Scenario { name: "open, sleeping", commands: &[Queue("sleep", 0), Flush], harm: false, ..BASE });
}

#[test]
fn statements_that_give_way() {
    check(Scenario {
        name: "room for one",
        prepared: &["select 1", "select 2"],
        capacity: 1,
        commands: &[Command::Query("select 1")],
        harm: false,
        ..BASE
    });
}
