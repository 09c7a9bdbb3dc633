//! Transactions, and what lives in them.

use super::{Operation, Run, STORED};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Begin::into_future",
        STORED,
        700,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut tx = c.begin().await.unwrap();
                tx.execute(on.sql, ()).await.unwrap();
                tx.commit().await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Begin::run",
        STORED,
        700,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.begin().run(async |tx| tx.execute(on.sql, ()).await).await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Transaction::commit",
        STORED,
        70,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                tx.execute(on.sql, ()).await.unwrap();
                on.begins().await;
                tx.commit().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Transaction::rollback",
        0,
        35,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                tx.execute(on.sql, ()).await.unwrap();
                on.begins().await;
                tx.rollback().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Savepoint::commit",
        STORED,
        150,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                let mut savepoint = tx.savepoint().unwrap();
                savepoint.execute(on.sql, ()).await.unwrap();
                on.begins().await;
                savepoint.commit().await.unwrap();
                tx.commit().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Savepoint::rollback",
        STORED,
        240,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                tx.execute(on.sql, ()).await.unwrap();
                let mut savepoint = tx.savepoint().unwrap();
                savepoint.execute(on.sql, ()).await.unwrap();
                on.begins().await;
                savepoint.rollback().await.unwrap();
                tx.commit().await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Query::portal",
        STORED,
        800,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                on.begins().await;
                let mut portal = tx.query(on.sql).portal(2).await.unwrap();
                while portal.fetch(&mut tx).await.unwrap().is_some() {}
                tx.commit().await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Portal::fetch",
        STORED,
        240,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut tx = c.begin().await.unwrap();
                let mut portal = tx.query(on.sql).portal(1).await.unwrap();
                on.begins().await;
                while portal.fetch(&mut tx).await.unwrap().is_some() {}
                tx.commit().await.unwrap();
            })
        }),
    )
    .quick(),
];
