//! Logical replication. The slots are temporary, and go with their sessions.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use molt_db::replication::{ReplicationClient, ReplicationOptions, SlotOptions};

use super::{Operation, Run};
use crate::place::Place;

fn options() -> ReplicationOptions {
    ReplicationOptions::new("drops").publication("drops").messages()
}

/// Writes something that streams tell of.
async fn emit(place: &Place) {
    let mut writer = place.connect().await;
    writer.script("select pg_logical_emit_message(true, 'drops', 'news')").await.unwrap();
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "ReplicationClient::connect",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                on.begins().await;
                drop(ReplicationClient::connect(&place.config).await.unwrap());
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationClient::identify_system",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                on.begins().await;
                client.identify_system().await.unwrap();
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationClient::create_slot",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                on.begins().await;
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationClient::drop_slot",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
                on.begins().await;
                client.drop_slot("drops").await.unwrap();
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationClient::close",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let client = ReplicationClient::connect(&place.config).await.unwrap();
                on.begins().await;
                client.close().await.unwrap();
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationClient::start",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
                on.begins().await;
                drop(client.start(&options()).await.unwrap());
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationStream::next",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
                let (mut stream, driver) = client.start(&options()).await.unwrap();
                emit(place).await;
                on.begins().await;
                tokio::select! {
                    event = stream.next() => drop(event.unwrap().unwrap()),
                    ended = driver => panic!("{ended:?}"),
                }
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationStream::poll_next",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
                let (mut stream, driver) = client.start(&options()).await.unwrap();
                emit(place).await;
                on.begins().await;
                let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
                tokio::select! {
                    event = next => drop(event.unwrap().unwrap()),
                    ended = driver => panic!("{ended:?}"),
                }
            })
        }),
    )
    .quick()
    .on_logical_servers(),
    Operation::new(
        "ReplicationDriver::poll",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut client = ReplicationClient::connect(&place.config).await.unwrap();
                client.create_slot("drops", &SlotOptions::new().temporary()).await.unwrap();
                let (stream, driver) = client.start(&options()).await.unwrap();
                on.begins().await;
                stream.stop();
                driver.await.unwrap();
            })
        }),
    )
    .quick()
    .on_logical_servers(),
];
