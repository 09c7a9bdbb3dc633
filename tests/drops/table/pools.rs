//! What a pool does.

use std::time::Duration;

use molt_db::Scope;

use super::{Operation, Run, STORED};

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
