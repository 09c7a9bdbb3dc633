//! Derive macros of molt-db. Use them through `molt_db`, which re-exports them beside the traits they implement.

mod from_row;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `FromRow`, which reads a row of a result as a struct.
///
/// A struct with named fields reads each from the column of the field's name; columns that no field asks for are
/// left alone. A tuple struct reads its fields by position, from a result with exactly that many columns. The types of
/// the fields implement `FromSql`. At most one lifetime parameter is allowed: that of what the fields borrow from
/// the row.
///
/// - `#[molt(rename = "column")]` on a named field reads it from a column of another name.
/// - `#[molt(crate = "path")]` on the struct names the path of the crate with the traits, `::molt_db::decode` unless
///   it is given.
///
/// ```text
/// #[derive(FromRow)]
/// struct Order<'r> {
///     id: i64,
///     #[molt(rename = "customer name")]
///     customer: &'r str,
///     shipped: Option<Date>,
/// }
/// ```
#[proc_macro_derive(FromRow, attributes(molt))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    from_row::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
