//! Rows into Arrow record batches.
//!
//! An [`ArrowPlan`] is compiled once for the columns of a result; a [`BatchBuilder`] takes the rows and gives a
//! [`RecordBatch`](array::RecordBatch) whenever one is full. The crates of Arrow are re-exported, so that there is no
//! second version of them to mix up.
//!
//! # Types
//!
//! | PostgreSQL | Arrow | extension type |
//! |---|---|---|
//! | `bool` | `Boolean` | |
//! | `int2`, `int4`, `int8` | `Int16`, `Int32`, `Int64` | |
//! | `float4`, `float8` | `Float32`, `Float64` | |
//! | `oid`, `regclass` and its like, `xid`, `cid` | `UInt32` | |
//! | `xid8`, `pg_lsn` | `UInt64` | |
//! | `money`, in its smallest units | `Int64` | `arrow.opaque` |
//! | `numeric(p, s)`, up to 38 digits | `Decimal128(p, s)` | |
//! | `numeric(p, s)`, up to 76 digits | `Decimal256(p, s)` | |
//! | any other `numeric` | `Utf8`, the exact text | `arrow.opaque` |
//! | `text`, `varchar`, `bpchar`, `name`, `"char"`, `refcursor`, `unknown` | `Utf8` | |
//! | `xml`, `jsonpath`, `pg_node_tree` | `Utf8` | `arrow.opaque` |
//! | `inet`, `cidr`, `tsvector`, `tsquery`, `pg_snapshot`, as the server writes them | `Utf8` | `arrow.opaque` |
//! | `bit`, `varbit`, as digits | `Utf8` | `arrow.opaque` |
//! | `bytea` | `Binary` | |
//! | `date` | `Date32` | |
//! | `time` | `Time64(Microsecond)` | |
//! | `timestamp` | `Timestamp(Microsecond)` | |
//! | `timestamptz` | `Timestamp(Microsecond, "UTC")` | |
//! | `timetz` | `Struct` of `time` and `offset`, in seconds to the east | `arrow.opaque` |
//! | `interval` | `Interval(MonthDayNano)` | |
//! | `uuid` | `FixedSizeBinary(16)` | `arrow.uuid` |
//! | `json`, `jsonb` | `Utf8` | `arrow.json` |
//! | `macaddr`, `macaddr8` | `FixedSizeBinary(6)`, `FixedSizeBinary(8)` | `arrow.opaque` |
//! | `point` | `Struct` of `x` and `y` | `arrow.opaque` |
//! | `lseg`, `box`, `circle`, `line` | `Struct` of their points and numbers | `arrow.opaque` |
//! | `polygon` | `List` of points | `arrow.opaque` |
//! | `path` | `Struct` of `closed` and `points` | `arrow.opaque` |
//! | `tid` | `Struct` of `block` and `offset` | `arrow.opaque` |
//! | `int2vector`, `oidvector` | `List` of `Int16`, of `UInt32` | |
//! | `int4range`, `int8range`, `numrange`, `tsrange`, `tstzrange`, `daterange` | `Struct` of `lower`, `upper`, `lower_inc`, `upper_inc`, `empty` | `arrow.opaque` |
//! | their multiranges | `List` of it | `arrow.opaque` |
//! | arrays of the above | `List` of it | of the elements |
//! | an enum | `Dictionary(Int32, Utf8)` of its labels, in their order | |
//! | a composite type | `Struct` of its attributes | |
//! | a domain | what it is over | |
//! | ranges, multiranges and arrays of such types | as those of built-in types | as those |
//! | `hstore` | `Map` of `Utf8` to `Utf8` | |
//! | `citext` | `Utf8` | |
//! | `ltree`, `lquery`, `ltxtquery`; `cube`, as the server writes it | `Utf8` | `arrow.opaque` |
//! | what an [`ArrowType`] is for | what that says | |
//! | other types, in binary | `Binary`, the bytes of the wire | `arrow.opaque` |
//! | other types, and all of the above but text and JSON, in text | `Utf8` | `arrow.opaque` |
//!
//! A `numeric` with a negative scale has as many more digits before the point, and scale 0; one with a scale above its
//! precision has the scale as its precision. Types of a database are what is said here where a [`Catalog`](crate::Catalog) has
//! described the columns; without one, they are other types. Each field has the type's name under the metadata key
//! `POSTGRESQL:type`, one of a database its schema under `POSTGRESQL:schema`, and its modifier, if there is one, under
//! `POSTGRESQL:typmod`.
//!
//! # Values that do not fit
//!
//! Nothing is rounded, wrapped or cut off. A proper value that its Arrow type cannot hold is handled as [`Policies`] say
//! for its kind: the row is an error, the element is NULL, or the column is text.
//!
//! | kind | values | of |
//! |---|---|---|
//! | `infinity` | the infinities | `date`, `timestamp`, `timestamptz`, `interval`, `numeric(p, s)` |
//! | `nan` | NaN | `numeric(p, s)` |
//! | `range` | after 294247-01-10; more than 292 years of microseconds; 24:00:00; bytes above 127 | `timestamp`, `timestamptz`; `interval`; `time`, `timetz`; `"char"` |
//! | `digits` | with more digits than the column, which servers do not send | `numeric(p, s)` |
//! | `shape` | with other dimensions or lower bounds than there is a place for | arrays |
//! | `encoding` | text that is not UTF-8: an error or NULL, and never text | text and JSON |
//!
//! A range has the kinds of its bounds. A bound that it lacks is NULL, and both are in an empty range. A bound that does
//! not fit would look like that, so that the whole range does not fit then. Values that are malformed are errors always.
//!
//! The error names row and column, and hands out the value by [`ValueError::value`], but does not print it.
//!
//! **Text.** Under [`Unfit::Text`] for a kind, every column whose type has such values is text, in the layout that was
//! asked for and marked `arrow.opaque`, and all of its values are what the server would write with `DateStyle` ISO,
//! `IntervalStyle` postgres and `TimeZone` UTC. So all of them fit, those of its other kinds too. Types all of whose values
//! fit stay as they are. What does not fit is text as a whole, and no more than that:
//!
//! - A range is text, and a multirange a list of text.
//! - An array is text as a whole where `shape` is to be text: `[2:4]={1,2,3}`. Where only its elements are, it is a list of
//!   text. `Policies::all(Unfit::Text)` makes all arrays text.
//! - Nothing takes memory for each value, but `tsquery`, `path` and `polygon` in arrays.
//! - A `"char"` above 127 is as PostgreSQL 16 and later write it, such as `\351`. In arrays, `money` is its smallest units,
//!   and `regclass` and its like are numbers, as they are outside of them.
//!
//! The metadata key `POSTGRESQL:unfit` of a field says which policy is in force there, if not all values of its type fit:
//! `error`, `null` or `text`; or one for each kind, if they differ, as `infinity=null,range=error`.
//!
//! # Arrays
//!
//! | [`Arrays`] | an array is | what does not fit |
//! |---|---|---|
//! | `Lists` | a `List` of its elements | more than one dimension; a lower bound other than 1 |
//! | `Nested(n)` | `List`s in `List`s, n deep | another number of dimensions; a lower bound other than 1 |
//! | `Structs` | a `Struct` of `dimensions` and `lower_bounds`, which are `List`s of `Int32`, and of `values`, a `List` of all elements | |
//!
//! An array without elements has no dimensions, and is an (outer) list without elements in all of them.
//!
//! # The profile of Molt's IPC contract
//!
//! Under [`Profile::Molt`] these types are others; all others are as above.
//!
//! | PostgreSQL | Arrow | what does not fit |
//! |---|---|---|
//! | arrays | `Struct` of `lower_bounds`, a `List` of `Int32` with one for each dimension, and `values`, a `List`; `List`s n deep with `Arrays::Nested(n)` | another number of dimensions |
//! | ranges | `Struct` of `empty`, and of `lower` and `upper`, each a `Struct` of `value` and `inclusive` | as of the bounds |
//! | multiranges | as an array of these | |
//! | `interval` | `Struct` of `months` and `days`, `Int32`, and `micros`, `Int64` | the infinities |
//!
//! A bound at which a range does not end is a struct whose `value` is NULL and `inclusive` false. An empty range has no
//! bounds: both structs are NULL. The bound `infinity` of dates and timestamps is a value that does not fit. Without a
//! declared number of dimensions there is one: lower bounds alone would not tell the shape of flattened elements. Where the
//! number is not known, `Arrays::Structs` holds all arrays, with their `dimensions`, in this profile too. `int2vector` and
//! `oidvector`, whose lower bound is 0 always, stay lists.
//!
//! ```
//! use molt_db_decode::arrow::{ArrowOptions, ArrowPlan, BatchBuilder, BatchLimits, Filled};
//! use molt_db_decode::{Column, Columns, Format, Oid};
//!
//! let columns = Columns::new([Column::new("id", Oid::INT8, -1, Format::Binary)]);
//! let plan = ArrowPlan::compile(&columns, &ArrowOptions::default());
//! let mut builder = BatchBuilder::new(&plan, BatchLimits::default());
//!
//! let filled = builder.push(b"\0\x01\0\0\0\x08\0\0\0\0\0\0\0\x07")?;
//! assert_eq!(filled, Filled::More);
//! let batch = builder.finish()?.ok_or("there is a row")?;
//! assert_eq!((batch.num_rows(), batch.schema()), (1, plan.schema()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod batch;
mod column;
mod dictionary;
mod elements;
mod error;
mod fields;
mod fixed;
mod foreign;
mod form;
mod limits;
mod list;
mod map;
mod nested;
mod nulls;
mod options;
mod parts;
mod plan;
mod ranges;
mod repeated;
mod structs;
mod unfit;
mod variable;
mod views;

pub use arrow_array as array;
pub use arrow_buffer as buffer;
pub use arrow_schema as schema;

pub(crate) use self::attributes::NO_COMPOSITE;
pub use self::batch::{BatchBuilder, Filled, Pushed};
pub(crate) use self::column::{ColumnBuilder, Field, Refused, field, window};
pub(crate) use self::elements::Elements;
pub use self::error::BatchError;
pub(crate) use self::fixed::{Decode, primitive};
pub use self::foreign::ArrowType;
pub(crate) use self::form::{Asked, Extension, Form};
pub use self::limits::{BatchLimits, ByteLimit, RowLimit};
pub(crate) use self::nulls::Nulls;
pub use self::options::{Arrays, ArrowOptions, Dimensions, ExtensionTypes, Profile, TextLayout};
pub use self::plan::ArrowPlan;
pub(crate) use self::repeated::Run;
pub use self::unfit::{BrokenText, Policies, Unfit};
pub(crate) use self::unfit::{Kind, Kinds};
pub(crate) use self::variable::{Copied, Writer};

use crate::ValueError;

/// Why a value does not become an element of an Arrow column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no value of its type.
    Malformed(&'static str),
    /// Its Arrow type cannot hold it, which is of this kind: the policy decides.
    Unfit(Kind, &'static str),
    /// The column has no room for it in one batch.
    TooLong,
}

impl From<Fault> for ValueError {
    #[cold]
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed(problem) => Self::malformed(problem),
            Fault::Unfit(_, problem) => Self::out_of_range(problem),
            Fault::TooLong => Self::out_of_range("one column of a batch holds at most 2 GiB"),
        }
    }
}

#[cfg(test)]
mod tests;
