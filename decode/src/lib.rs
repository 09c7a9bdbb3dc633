//! PostgreSQL row bytes into typed values and Arrow buffers, and values into parameters.
//!
//! No IO and no state of a connection: a row arrives as the body of a DataRow (or of a binary COPY tuple, which is
//! the same), with [`Columns`] saying what its fields are.
//!
//! - [`RowLayout`] walks the fields of a row once and lends it as a [`Row`], whose values are read with [`Row::get`]
//!   or, all at once, with [`FromRow`].
//! - [`ArrowPlan`](crate::arrow::ArrowPlan) and [`BatchBuilder`](crate::arrow::BatchBuilder) turn rows into Arrow
//!   record batches.
//! - [`Params`] collects parameters in the form that Bind carries them; [`ToSql`] and [`Parameters`] are what can go
//!   in.
//! - [`copy`] reads and writes the data of COPY.
//! - [`types`] holds one file for each PostgreSQL type, and the value types that the standard library lacks.
//!
//! ```
//! use molt_db_decode::{Column, Columns, Format, Oid, RowLayout};
//!
//! let columns = Columns::new([
//!     Column::new("id", Oid::INT8, -1, Format::Binary),
//!     Column::new("name", Oid::TEXT, -1, Format::Binary),
//! ]);
//! let body = b"\0\x02\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x03Ada";
//!
//! let mut layout = RowLayout::default();
//! let row = layout.row(body, &columns)?;
//! assert_eq!(row.get::<i64>("id")?, 7);
//! assert_eq!(row.get::<&str>(1)?, "Ada");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::allow_attributes,
        reason = "a test may fail"
    )
)]

pub mod arrow;
mod catalog;
mod column;
pub mod copy;
mod error;
mod field_walk;
mod fit;
mod from_row;
mod from_sql;
mod oid;
mod output;
mod params;
mod row;
mod row_store;
mod to_sql;
mod type_name;
pub mod types;

pub use catalog::{Catalog, Definition, TypeInfo, TypeKind, TypeRow};
pub use column::{Column, Columns, Format};
pub use error::{EncodeError, RowError, ValueError};
pub use field_walk::{FieldWalk, ReadError};
pub use from_row::{FromRow, RowPlan};
pub use from_sql::FromSql;
pub use molt_db_derive::{FromRow, FromSql, ToSql};
pub use oid::Oid;
pub use output::Output;
pub use params::{Parameters, Params};
pub use row::{ColumnIndex, OwnedRow, Row, RowLayout};
pub use row_store::RowStore;
pub use to_sql::{IsNull, ToSql};
pub use type_name::TypeName;
pub use types::{
    Bits, Cidr, Date, Inet, Interval, Json, Numeric, Time, TimeTz, Timestamp, TimestampTz, Uuid,
};
