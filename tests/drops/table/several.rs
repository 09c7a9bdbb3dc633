//! Statements that are prepared, and several at once.

use super::{Operation, Run, STORED};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "Connection::prepare",
        0,
        150,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                // A text of its own, which is not known yet.
                c.prepare("select id, name from drops where id = $1").await.unwrap();
            })
        }),
    )
    .quick(),
    Operation::new(
        "Connection::script",
        2 * STORED,
        650,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                c.script(&format!("{};{}", on.sql, on.sql)).await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Connection::script_results",
        STORED,
        350,
        Run::Connection(|c, on| {
            Box::pin(async move {
                // What leads the next command is sent by itself.
                drop(c.begin().await.unwrap());
                on.begins().await;
                let mut results = c.script_results(on.sql).await.unwrap();
                while results.next().await.unwrap().is_some() {}
            })
        }),
    ),
    Operation::new(
        "ScriptResults::next",
        STORED,
        350,
        Run::Connection(|c, on| {
            Box::pin(async move {
                let mut results = c.script_results(on.sql).await.unwrap();
                on.begins().await;
                while results.next().await.unwrap().is_some() {}
            })
        }),
    ),
    Operation::new(
        "Batch::run",
        2 * STORED,
        700,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut batch = c.batch();
                batch.add(on.sql, ()).add(on.sql, ());
                batch.run().await.unwrap();
            })
        }),
    ),
    Operation::new(
        "Batch::run_all",
        STORED,
        1100,
        Run::Connection(|c, on| {
            Box::pin(async move {
                on.begins().await;
                let mut batch = c.batch();
                batch
                    .add(on.sql, ())
                    .barrier()
                    .add("select 1 / 0", ())
                    .barrier()
                    .add("select $1::int4", (7,));
                let results = batch.run_all().await.unwrap();
                assert_eq!(results.errors().len(), 1);
            })
        }),
    ),
];
