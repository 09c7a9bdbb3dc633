//! What a pool does.

use std::time::Duration;

use molt_db::{Request, Scope};

use super::{Operation, Run, STORED, Stored};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Pool::acquire",
        STORED,
        750,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                let mut session = pool.acquire().await.unwrap();
                session.execute(on.sql, ()).await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Pool::session",
        STORED,
        750,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                let mut session = pool.session(Scope::within(Duration::from_secs(3600))).await.unwrap();
                session.execute(on.sql, ()).await.unwrap();
            })
        }),
    ),
    Operation::new(
        "PoolQuery::one",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                pool.query(on.sql).one::<Stored>().await.unwrap_err();
            })
        }),
    ),
    Operation::new(
        "PoolQuery::optional",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                pool.query(on.sql).optional::<Stored>().await.unwrap_err();
            })
        }),
    ),
    Operation::new(
        "PoolQuery::all",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(pool.query(on.sql).all::<Stored>().await.unwrap().len(), 3);
            })
        }),
    ),
    Operation::new(
        "PoolQuery::execute",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(pool.query(on.sql).execute().await.unwrap(), 3);
            })
        }),
    ),
    Operation::new(
        "Pool::acquire_with",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                let mut session = pool.acquire_with(Request::default()).await.unwrap();
                session.execute(on.sql, ()).await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Pool::execute",
        STORED,
        700,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                on.begins().await;
                assert_eq!(pool.execute(on.sql, ()).await.unwrap(), 3);
            })
        }),
    ),
    Operation::new(
        "Pool::close_within",
        0,
        4,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                let session = pool.acquire().await.unwrap();
                on.begins().await;
                let closing = pool.close_within(Duration::from_secs(3600));
                drop(session);
                assert_eq!(closing.await, 0);
            })
        }),
    )
    .quick(),
    Operation::new(
        "Pool::close",
        0,
        4,
        Run::Pool(|pool, on| {
            Box::pin(async move {
                let session = pool.acquire().await.unwrap();
                on.begins().await;
                let closing = pool.close();
                drop(session);
                closing.await;
            })
        }),
    )
    .quick(),
];
