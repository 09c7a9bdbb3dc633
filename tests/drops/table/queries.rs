//! One command, and the ways in which its rows come.

use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};

use super::{Operation, Run, STORED, Stored, count};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Connection::execute",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(c.execute(on.sql, ()).await.unwrap(), 3);
            })
        }),
    ),
    Operation::new(
        "Query::execute",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(c.query(on.sql).execute().await.unwrap(), 3);
            })
        }),
    ),
    Operation::new(
        "Query::one",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.query(on.sql).one::<Stored>().await.unwrap_err();
            })
        }),
    ),
    Operation::new(
        "Query::optional",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.query(on.sql).optional::<Stored>().await.unwrap_err();
            })
        }),
    ),
    Operation::new(
        "Query::all",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(c.query(on.sql).all::<Stored>().await.unwrap().len(), 3);
            })
        }),
    ),
    Operation::new(
        "Query::rows",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let rows = c.query(on.sql).rows().await.unwrap();
                rows.finish().await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Rows::next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.query(on.sql).rows().await.unwrap();
                on.begins().await;
                while rows.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick(),
    Operation::new(
        "Rows::finish",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let rows = c.query(on.sql).rows().await.unwrap();
                on.begins().await;
                assert_eq!(rows.finish().await.unwrap().rows(), 3);
            })
        }),
    )
    .quick(),
    Operation::new(
        "OwnedRows::poll_next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.query(on.sql).rows().await.unwrap().owned();
                on.begins().await;
                assert_eq!(count(&mut rows).await, 3);
            })
        }),
    )
    .quick(),
    Operation::new(
        "Query::rows_as",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut rows = c.query(on.sql).rows_as::<Stored>().await.unwrap();
                while rows.next().await.unwrap().is_some() {}
            })
        }),
    ),
    Operation::new(
        "TypedRows::next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.query(on.sql).rows_as::<Stored>().await.unwrap();
                on.begins().await;
                while rows.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick(),
    Operation::new(
        "TypedRows::finish",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let rows = c.query(on.sql).rows_as::<Stored>().await.unwrap();
                on.begins().await;
                assert_eq!(rows.finish().await.unwrap().rows(), 3);
            })
        }),
    )
    .quick(),
    Operation::new(
        "TypedRows::poll_next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut rows = c.query(on.sql).rows_as::<Stored>().await.unwrap();
                on.begins().await;
                assert_eq!(count(&mut rows).await, 3);
            })
        }),
    )
    .quick(),
    Operation::new(
        "Query::arrow",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut batches = c.query(on.sql).arrow().await.unwrap();
                while batches.next().await.unwrap().is_some() {}
            })
        }),
    ),
    Operation::new(
        "Query::arrow_with",
        STORED,
        500,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let batches = c.query(on.sql).arrow_with(&ArrowOptions::default(), by_row()).await;
                assert_eq!(count(&mut batches.unwrap()).await, 3);
            })
        }),
    ),
    Operation::new(
        "Batches::next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let batches = c.query(on.sql).arrow_with(&ArrowOptions::default(), by_row()).await;
                let mut batches = batches.unwrap();
                on.begins().await;
                while batches.next().await.unwrap().is_some() {}
            })
        }),
    )
    .quick(),
    Operation::new(
        "Batches::poll_next",
        STORED,
        80,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let batches = c.query(on.sql).arrow_with(&ArrowOptions::default(), by_row()).await;
                let mut batches = batches.unwrap();
                on.begins().await;
                assert_eq!(count(&mut batches).await, 3);
            })
        }),
    )
    .quick(),
];

/// A batch for each row.
fn by_row() -> BatchLimits {
    BatchLimits { rows: RowLimit::new(1), ..BatchLimits::default() }
}
