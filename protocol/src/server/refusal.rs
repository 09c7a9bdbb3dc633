//! What a client is told that asks for what a backend does not have.

use std::fmt;

use crate::message::{ServerError, Severity, SqlState};

pub(super) fn no_statement(name: &str) -> ServerError {
    error(SqlState::INVALID_SQL_STATEMENT_NAME, format_args!("there is no {}", statement(name)))
}

pub(super) fn no_portal(name: &str) -> ServerError {
    error(SqlState::INVALID_CURSOR_NAME, format_args!("there is no {}", portal(name)))
}

pub(super) fn statement_exists(name: &str) -> ServerError {
    error(SqlState::DUPLICATE_PREPARED_STATEMENT, format_args!("there is a {} already", statement(name)))
}

pub(super) fn portal_exists(name: &str) -> ServerError {
    error(SqlState::DUPLICATE_CURSOR, format_args!("there is a {} already", portal(name)))
}

pub(super) fn portal_is_spent(name: &str) -> ServerError {
    let code = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    error(code, format_args!("the {} cannot be run again", portal(name)))
}

pub(super) fn parameter_count(given: usize, taken: usize) -> ServerError {
    let code = SqlState::PROTOCOL_VIOLATION;
    error(code, format_args!("the statement takes {taken} parameters, and {given} were bound"))
}

pub(super) fn format_count(given: usize, columns: usize) -> ServerError {
    let code = SqlState::PROTOCOL_VIOLATION;
    error(code, format_args!("the result has {columns} columns, and {given} formats were bound"))
}

pub(super) fn quota(what: &str, most: usize) -> ServerError {
    let code = SqlState::CONFIGURATION_LIMIT_EXCEEDED;
    error(code, format_args!("a session may hold no more than {most} {what}"))
}

pub(super) fn several_statements() -> ServerError {
    error(SqlState::SYNTAX_ERROR, format_args!("a prepared statement cannot hold several commands"))
}

pub(super) fn simple_parameter() -> ServerError {
    error(SqlState::UNDEFINED_PARAMETER, format_args!("a simple query has no parameters"))
}

pub(super) fn no_functions() -> ServerError {
    error(SqlState::FEATURE_NOT_SUPPORTED, format_args!("functions cannot be called by their OID"))
}

pub(super) fn in_failed_block() -> ServerError {
    let code = SqlState::IN_FAILED_SQL_TRANSACTION;
    error(code, format_args!("the transaction has failed, and takes nothing but its end"))
}

fn statement(name: &str) -> String {
    named("prepared statement", name)
}

fn portal(name: &str) -> String {
    named("portal", name)
}

/// A name may be as long as a message: its beginning has to do.
fn named(what: &str, name: &str) -> String {
    if name.is_empty() { format!("unnamed {what}") } else { format!("{what} \"{name:.63}\"") }
}

fn error(code: SqlState, text: fmt::Arguments<'_>) -> ServerError {
    ServerError::new(Severity::Error, code, &text.to_string())
}
