//! The beginning and the end of a connection, and what brings it to rest.

use std::time::Duration;

use molt_db::config::ResetPolicy;
use molt_db::{Connection, Connector, Scope};

use super::{Operation, Run, SLOW};
use crate::walk::walk_away;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Connection::connect",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                on.begins().await;
                drop(Connection::connect(&place.config).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::connect_with",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                let stream = place.dial().await.unwrap();
                on.begins().await;
                drop(Connection::connect_with(&place.config, stream).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::connect_within",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                on.begins().await;
                drop(Connection::connect_within(&place.config, Scope::default()).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connector::connect_within",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                let connector = Connector::new(&place.config).unwrap();
                on.begins().await;
                drop(connector.connect_within(Scope::within(Duration::from_secs(3600))).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connector::connect",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                let connector = Connector::new(&place.config).unwrap();
                on.begins().await;
                drop(connector.connect().await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::close",
        0,
        8,
        Run::Last(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.close().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::close_or_cancel",
        0,
        100,
        Run::Last(|mut c, on| {
            Box::pin(async move {
                walk_away(c.execute(SLOW, ())).await;
                on.begins().await;
                c.close_or_cancel().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::settle",
        0,
        90,
        Run::Connection(|c, on| {
            Box::pin(async move {
                walk_away(c.execute(SLOW, ())).await;
                on.begins().await;
                c.settle().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::reset",
        0,
        220,
        Run::Connection(|c, on| {
            Box::pin(async move {
                c.listen("drops").await.unwrap();
                on.begins().await;
                c.reset(ResetPolicy::Full).await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Canceller::cancel",
        0,
        20,
        Run::Canceller(|canceller, on| {
            Box::pin(async move {
                on.begins().await;
                canceller.cancel().await.unwrap();
            })
        }),
    )
    .quick(),
];
