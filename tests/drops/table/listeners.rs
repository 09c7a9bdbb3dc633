//! Notifications, on a connection and by a listener.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use molt_db::{Connector, Listener, ListenerEvent};

use super::{Operation, Run};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Connection::listen",
        0,
        40,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.listen("drops").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::unlisten",
        0,
        40,
        Run::Connection(|c, on| {
            Box::pin(async move {
                c.listen("drops").await.unwrap();
                on.begins().await;
                c.unlisten("drops").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::unlisten_all",
        0,
        35,
        Run::Connection(|c, on| {
            Box::pin(async move {
                c.listen("drops").await.unwrap();
                on.begins().await;
                c.unlisten_all().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::notify",
        0,
        230,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.notify("drops", "nobody listens").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::next_notification",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                c.listen("drops").await.unwrap();
                on.place.notify().await;
                on.begins().await;
                assert_eq!(c.next_notification().await.unwrap().payload(), "news");
            })
        }),
    )
    .quick(),
    Operation::new(
        "Notifications::poll_next",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                c.listen("drops").await.unwrap();
                on.place.notify().await;
                on.begins().await;
                let mut notifications = c.notifications();
                let next = poll_fn(|cx| Pin::new(&mut notifications).poll_next(cx)).await;
                assert_eq!(next.unwrap().unwrap().payload(), "news");
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::connect",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                on.begins().await;
                drop(Listener::connect(&place.config).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::connect_by",
        0,
        100,
        Run::Place(|place, on| {
            Box::pin(async move {
                let connector = Connector::new(&place.config).unwrap();
                on.begins().await;
                drop(Listener::connect_by(connector).await.unwrap());
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::listen",
        0,
        40,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut listener = Listener::connect(&place.config).await.unwrap();
                on.begins().await;
                listener.listen("drops").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::unlisten",
        0,
        40,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut listener = Listener::connect(&place.config).await.unwrap();
                listener.listen("drops").await.unwrap();
                on.begins().await;
                listener.unlisten("drops").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::recv",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut listener = Listener::connect(&place.config).await.unwrap();
                listener.listen("drops").await.unwrap();
                place.notify().await;
                on.begins().await;
                assert!(matches!(listener.recv().await.unwrap(), ListenerEvent::Notification(_)));
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::poll_next",
        0,
        20,
        Run::Place(|place, on| {
            Box::pin(async move {
                let mut listener = Listener::connect(&place.config).await.unwrap();
                listener.listen("drops").await.unwrap();
                place.notify().await;
                on.begins().await;
                let next = poll_fn(|cx| Pin::new(&mut listener).poll_next(cx)).await;
                assert!(matches!(next.unwrap().unwrap(), ListenerEvent::Notification(_)));
            })
        }),
    )
    .quick(),
    Operation::new(
        "Listener::close",
        0,
        8,
        Run::Place(|place, on| {
            Box::pin(async move {
                let listener = Listener::connect(&place.config).await.unwrap();
                on.begins().await;
                listener.close().await.unwrap();
            })
        }),
    )
    .quick(),
];
