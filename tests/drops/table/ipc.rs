//! Results as Arrow IPC streams.

use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};

use super::{Operation, Run, STORED, count};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Batches::into_ipc",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut stream = c.query(on.sql).arrow().await.unwrap().into_ipc();
                assert_eq!(count(&mut stream).await, 3);
            })
        }),
    ),
    Operation::new(
        "IpcStream::next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let batches = c.query(on.sql).arrow_with(&ArrowOptions::default(), by_row()).await;
                let mut stream = batches.unwrap().into_ipc();
                on.begins().await;
                while stream.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick(),
    Operation::new(
        "IpcStream::poll_next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let batches = c.query(on.sql).arrow_with(&ArrowOptions::default(), by_row()).await;
                let mut stream = batches.unwrap().into_ipc();
                on.begins().await;
                // The schema, a piece for each row, and the end.
                assert_eq!(count(&mut stream).await, 5);
            })
        }),
    )
    .quick(),
];

/// A batch for each row.
fn by_row() -> BatchLimits {
    BatchLimits { rows: RowLimit::new(1), ..BatchLimits::default() }
}
