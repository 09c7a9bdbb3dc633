//! COPY, both ways.

use std::future::poll_fn;
use std::pin::Pin;

use futures_sink::Sink;
use molt_db::arrow::{ArrowOptions, BatchLimits};

use super::{Operation, Run, STORED, Stored, count};

/// Three rows, in the format of COPY.
const LINES: &str = "1\tof the old\n2\tof the old\n3\tof the old\n";
const THREE: &str = "select generate_series(1, 3) as id, text 'of the old' as name";
const TO_STDOUT: &str = "copy (select generate_series(1, 3), text 'of the old') to stdout";
const IN_BINARY: &str = "copy (select generate_series(1, 3), text 'of the old') to stdout (format binary)";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Connection::copy_in",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                copy.send(LINES).await.unwrap();
                assert_eq!(copy.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::send",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                on.begins().await;
                copy.send(LINES).await.unwrap();
                assert_eq!(copy.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::flush",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                copy.send(LINES).await.unwrap();
                on.begins().await;
                copy.flush().await.unwrap();
                assert_eq!(copy.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::finish",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                copy.send(LINES).await.unwrap();
                on.begins().await;
                assert_eq!(copy.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::abort",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                copy.send(LINES).await.unwrap();
                copy.flush().await.unwrap();
                on.begins().await;
                copy.abort("no longer wanted").await.unwrap();
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::poll_ready",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_in("copy drops from stdin").await.unwrap();
                on.begins().await;
                for line in LINES.split_inclusive('\n') {
                    poll_fn(|cx| Pin::new(&mut copy).poll_ready(cx)).await.unwrap();
                    Pin::new(&mut copy).start_send(line.into()).unwrap();
                    poll_fn(|cx| Pin::new(&mut copy).poll_flush(cx)).await.unwrap();
                }
                poll_fn(|cx| Pin::new(&mut copy).poll_close(cx)).await.unwrap();
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyIn::rows",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let statement = c.prepare("select id, name from drops").await.unwrap();
                let copy = c.copy_in("copy drops from stdin (format binary)").await.unwrap();
                on.begins().await;
                let mut rows = copy.rows(statement.columns()).await.unwrap();
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                assert_eq!(rows.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "Connection::copy_in_rows",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut rows = c.copy_in_rows("drops", &["id", "name"]).await.unwrap();
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                assert_eq!(rows.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyInRows::send",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_in_rows("drops", &["id", "name"]).await.unwrap();
                on.begins().await;
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                assert_eq!(rows.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyInRows::flush",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_in_rows("drops", &["id", "name"]).await.unwrap();
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                on.begins().await;
                rows.flush().await.unwrap();
                assert_eq!(rows.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyInRows::finish",
        STORED,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_in_rows("drops", &["id", "name"]).await.unwrap();
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                on.begins().await;
                assert_eq!(rows.finish().await.unwrap(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyInRows::abort",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_in_rows("drops", &["id", "name"]).await.unwrap();
                for id in 1..=3_i32 {
                    rows.send((id, "of the old")).await.unwrap();
                }
                rows.flush().await.unwrap();
                on.begins().await;
                rows.abort("no longer wanted").await.unwrap();
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "Connection::copy_out",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut copy = c.copy_out(TO_STDOUT).await.unwrap();
                while copy.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOut::next",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut copy = c.copy_out(TO_STDOUT).await.unwrap();
                on.begins().await;
                while copy.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOut::finish",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let copy = c.copy_out(TO_STDOUT).await.unwrap();
                on.begins().await;
                assert_eq!(copy.finish().await.unwrap().rows(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyChunks::poll_next",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut chunks = c.copy_out(TO_STDOUT).await.unwrap().chunks();
                on.begins().await;
                assert!(count(&mut chunks).await > 0);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOut::rows_as",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let statement = c.prepare(THREE).await.unwrap();
                let copy = c.copy_out(IN_BINARY).await.unwrap();
                on.begins().await;
                let mut rows = copy.rows_as::<Stored>(statement.columns()).await.unwrap();
                assert_eq!(count(&mut rows).await, 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOut::arrow_with",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let statement = c.prepare(THREE).await.unwrap();
                let copy = c.copy_out(IN_BINARY).await.unwrap();
                on.begins().await;
                let options = ArrowOptions::default();
                let batches = copy.arrow_with(statement.columns(), &options, BatchLimits::default()).await;
                assert_eq!(count(&mut batches.unwrap()).await, 1);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "Connection::copy_out_rows",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut rows = c.copy_out_rows::<Stored>(THREE).await.unwrap();
                assert_eq!(count(&mut rows).await, 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "Connection::copy_out_arrow",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut batches = c.copy_out_arrow(THREE).await.unwrap();
                assert_eq!(count(&mut batches).await, 1);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "Connection::copy_out_arrow_with",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let (options, limits) = (ArrowOptions::default(), BatchLimits::default());
                let mut batches = c.copy_out_arrow_with(THREE, &options, limits).await.unwrap();
                assert_eq!(count(&mut batches).await, 1);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOutRows::next",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_out_rows::<Stored>(THREE).await.unwrap();
                on.begins().await;
                while rows.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOutRows::poll_next",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.copy_out_rows::<Stored>(THREE).await.unwrap();
                on.begins().await;
                assert_eq!(count(&mut rows).await, 3);
            })
        }),
    )
    .quick()
    .on_servers(),
    Operation::new(
        "CopyOutRows::finish",
        0,
        20,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let rows = c.copy_out_rows::<Stored>(THREE).await.unwrap();
                on.begins().await;
                assert_eq!(rows.finish().await.unwrap().rows(), 3);
            })
        }),
    )
    .quick()
    .on_servers(),
];
