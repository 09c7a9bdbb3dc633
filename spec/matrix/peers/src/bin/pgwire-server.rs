//! A server of the pgwire crate, on the port that is given. It knows no SQL: a text with a number is one row of it, and
//! any other text an error. What is tested is the crate's side of the protocol.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, stream};
use pgwire::api::auth::StartupHandler;
use pgwire::api::auth::noop::NoopStartupHandler;
use pgwire::api::portal::Portal;
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{
    DataRowEncoder, DescribePortalResponse, DescribeStatementResponse, FieldFormat, FieldInfo, QueryResponse, Response,
    Tag,
};
use pgwire::api::stmt::{NoopQueryParser, StoredStatement};
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireServerHandlers, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::tokio::process_socket;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Calculator;

#[derive(Clone)]
struct House(Arc<Calculator>);

impl NoopStartupHandler for Calculator {}

impl PgWireServerHandlers for House {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.0)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.0)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.0)
    }
}

/// Answers one statement.
fn answer(sql: &str) -> PgWireResult<Response> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    match words.as_slice() {
        ["begin"] => Ok(Response::TransactionStart(Tag::new("BEGIN"))),
        ["commit"] => Ok(Response::TransactionEnd(Tag::new("COMMIT"))),
        ["rollback"] => Ok(Response::TransactionEnd(Tag::new("ROLLBACK"))),
        ["select", number] | ["select", number, "as", _] => {
            let number: i32 = number.parse().map_err(|_| error("22012"))?;
            let columns = Arc::new(columns(sql));
            let mut row = DataRowEncoder::new(Arc::clone(&columns));
            row.encode_field(&number)?;
            Ok(Response::Query(QueryResponse::new(columns, stream::iter([Ok(row.take_row())]))))
        }
        _ => Err(error("42601")),
    }
}

fn columns(sql: &str) -> Vec<FieldInfo> {
    let name = sql.rsplit_once(" as ").map_or("?column?", |(_, name)| name);
    vec![FieldInfo::new(name.to_owned(), None, None, Type::INT4, FieldFormat::Text)]
}

fn error(code: &str) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), "no".to_owned())))
}

#[async_trait]
impl SimpleQueryHandler for Calculator {
    async fn do_query<C>(&self, _: &mut C, text: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        text.split(';').map(str::trim).filter(|sql| !sql.is_empty()).map(answer).collect()
    }
}

#[async_trait]
impl ExtendedQueryHandler for Calculator {
    type Statement = String;
    type QueryParser = NoopQueryParser;

    fn query_parser(&self) -> Arc<Self::QueryParser> {
        Arc::new(NoopQueryParser)
    }

    async fn do_query<C>(&self, _: &mut C, portal: &Portal<String>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        answer(&portal.statement.statement)
    }

    async fn do_describe_statement<C>(
        &self,
        _: &mut C,
        statement: &StoredStatement<String>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Ok(DescribeStatementResponse::new(vec![], columns(&statement.statement)))
    }

    async fn do_describe_portal<C>(&self, _: &mut C, portal: &Portal<String>) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Ok(DescribePortalResponse::new(columns(&portal.statement.statement)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let house = House(Arc::new(Calculator));
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(process_socket(stream, None, house.clone()));
    }
}
