//! sqlx, as `pgspec client --command` calls it: ACTION URL.

use std::process::ExitCode;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

type Done = Result<bool, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // It has no cancel requests and no tokens.
    if !matches!(&*arguments[1], "ask" | "copy" | "parameters" | "zero-byte") {
        return ExitCode::from(77);
    }
    match act(&arguments[1], &arguments[2]).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn act(action: &str, url: &str) -> Done {
    let mut connection = PgConnection::connect(url).await?;
    let done = match action {
        "ask" => {
            let row = sqlx::query("select $1").bind("x").fetch_one(&mut connection).await?;
            row.try_get::<String, _>(0)? == "42"
        }
        "copy" => {
            let mut copy = connection.copy_in_raw("copy pgspec from stdin").await?;
            for row in 0..1000 {
                copy.send(format!("{row}\n").into_bytes()).await?;
            }
            copy.finish().await? == 1000
        }
        "parameters" => {
            let places: Vec<String> = (1..=65_536).map(|number| format!("${number}")).collect();
            let mut query = sqlx::query(AssertSqlSafe(format!("select {}", places.join(","))));
            for _ in 0..65_536 {
                query = query.bind("x");
            }
            query.fetch_one(&mut connection).await?.try_get::<String, _>(0)? == "42"
        }
        "zero-byte" => {
            let row = sqlx::raw_sql("select 'a\0b'").fetch_one(&mut connection).await?;
            row.try_get::<String, _>(0)? == "42"
        }
        _ => false,
    };
    connection.close().await?;
    Ok(done)
}
