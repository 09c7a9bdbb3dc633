//! Derive macros of molt-db. Use them through `molt_db`, which re-exports them beside the traits they implement.

mod from_row;
mod from_sql;
mod shape;
mod to_sql;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `FromRow`, which reads a row of a result as a struct.
///
/// A struct with named fields reads each from the column of the field's name; columns that no field asks for are
/// left alone. A tuple struct reads its fields by position, from a result with exactly that many columns. The types of
/// the fields implement `FromSql`. At most one lifetime parameter is allowed: that of what the fields borrow from
/// the row.
///
/// - `#[molt(rename = "column")]` on a named field reads it from a column of another name, and `rename_all` on the struct
///   has all names of fields follow a rule, as for [`FromSql`](macro@FromSql).
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

/// Derives `FromSql`, which reads values of a type of the database, or of another Rust type under a new name.
///
/// - An enum without fields reads the labels of an enum: the names of its variants, unless they are renamed. A label that
///   is none of them is an error.
/// - A struct with named fields reads a composite type, or a record of no declared type. The type has attributes of the
///   names of the fields, in their order, and types that those of the fields read.
/// - A struct with one unnamed field reads what the field does: a domain is read as what it is over.
///
/// Options stand in `#[molt(...)]`: on the type `rename_all = "snake_case"` (or `lowercase`, `UPPERCASE`,
/// `SCREAMING_SNAKE_CASE`, `kebab-case`, `camelCase`, `PascalCase`), `crate = "path"` and `name = "..."`, of which the
/// last is for `ToSql`; on a variant or a named field `rename = "..."`.
///
/// ```text
/// #[derive(FromSql, ToSql)]
/// #[molt(rename_all = "snake_case")]
/// enum Mood {
///     Sad,
///     #[molt(rename = "so-so")]
///     SoSo,
/// }
///
/// #[derive(FromSql, ToSql)]
/// #[molt(name = "shop.item")]
/// struct Item<'a> {
///     name: &'a str,
///     price: Option<i64>,
/// }
///
/// #[derive(FromSql, ToSql)]
/// struct Positive(i32);
/// ```
#[proc_macro_derive(FromSql, attributes(molt))]
pub fn from_sql(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    from_sql::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Derives `ToSql`, which sends values as a type of the database, or as another Rust type under a new name.
///
/// Shapes and options are those of `FromSql`. The type is called what the Rust type is, in `snake_case`, or what `name`
/// says: as SQL has it, with its schema or without.
///
/// - An enum goes as the text of a label, whose type the server infers.
/// - A composite type goes in binary. Its number is looked up by its name, once for all connections of a pool.
/// - A newtype goes as what is in it; with a `name`, it declares that type: a range over `float8`, say.
#[proc_macro_derive(ToSql, attributes(molt))]
pub fn to_sql(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    to_sql::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
