use arrow_schema::DataType;

use crate::arrow::{Extension, Form};
use crate::types::integer::Int8;
use crate::types::{Type, fixed};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `money`, in the smallest unit of its currency, such as a cent.
///
/// How many of those are one of the currency is `lc_monetary`'s to say, which the server keeps to itself: it is 100 in
/// the locale C. That is why it does not print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i64);

impl FromSql<'_> for Money {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::MONEY)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Self(i64::from_be_bytes(fixed(value)?)))
    }
}

impl ToSql for Money {
    fn oid(&self) -> Oid {
        Oid::MONEY
    }

    fn type_oid() -> Oid {
        Oid::MONEY
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `money` in Arrow: the units.
pub(crate) const MONEY: Type = Type {
    oid: Oid::MONEY,
    array: Some(Oid(791)),
    // The server writes it as `lc_monetary` has it, which nobody here knows: the smallest units.
    binary: |_| {
        let form = Form::fixed::<Int8, 8>(DataType::Int64).with(Extension::Opaque);
        form.shown_as::<i64>(Oid::INT8)
    },
    text: None,
};
