//! `oid`, and the types that are numbers of something in the catalogues, and names of it as text.

use arrow_array::ArrayRef;
use arrow_array::types::UInt32Type;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form, primitive};
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// Says whether the type is an `oid` that the server shows as a name.
pub(crate) fn is_alias(oid: Oid) -> bool {
    ALIASES.iter().any(|alias| alias.oid == oid)
}

impl FromSql<'_> for u32 {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::OID || (is_alias(column.oid()) && column.format() == Format::Binary)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self::from_be_bytes(fixed(value)?)),
            Format::Text => parse(value),
        }
    }
}

impl FromSql<'_> for Oid {
    fn accepts(column: &Column) -> bool {
        u32::accepts(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        u32::from_sql(column, value).map(Self)
    }
}

impl ToSql for u32 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::OID
    }

    fn type_oid() -> Oid {
        Oid::OID
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for Oid {
    #[inline]
    fn oid(&self) -> Oid {
        Self::OID
    }

    fn type_oid() -> Oid {
        Self::OID
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.0.to_sql(out)
    }
}

/// `oid` in Arrow.
#[derive(Debug)]
pub(crate) struct OidNumber;

impl Decode<4> for OidNumber {
    type Element = u32;

    fn decode(value: [u8; 4]) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<UInt32Type>(elements, len, nulls, data_type)
    }
}

/// `oid` in Arrow.
pub(crate) const OID: Type = Type {
    oid: Oid::OID,
    array: Some(Oid(1028)),
    binary: |_| Form::fixed::<OidNumber, 4>(DataType::UInt32).shown_as::<u32>(Oid::OID),
    text: None,
};

/// `regproc` in Arrow.
pub(crate) const REGPROC: Type = alias(Oid::REGPROC, Oid(1008));
/// `regprocedure` in Arrow.
pub(crate) const REGPROCEDURE: Type = alias(Oid::REGPROCEDURE, Oid(2207));
/// `regoper` in Arrow.
pub(crate) const REGOPER: Type = alias(Oid::REGOPER, Oid(2208));
/// `regoperator` in Arrow.
pub(crate) const REGOPERATOR: Type = alias(Oid::REGOPERATOR, Oid(2209));
/// `regclass` in Arrow.
pub(crate) const REGCLASS: Type = alias(Oid::REGCLASS, Oid(2210));
/// `regtype` in Arrow.
pub(crate) const REGTYPE: Type = alias(Oid::REGTYPE, Oid(2211));
/// `regconfig` in Arrow.
pub(crate) const REGCONFIG: Type = alias(Oid::REGCONFIG, Oid(3735));
/// `regdictionary` in Arrow.
pub(crate) const REGDICTIONARY: Type = alias(Oid::REGDICTIONARY, Oid(3770));
/// `regnamespace` in Arrow.
pub(crate) const REGNAMESPACE: Type = alias(Oid::REGNAMESPACE, Oid(4090));
/// `regrole` in Arrow.
pub(crate) const REGROLE: Type = alias(Oid::REGROLE, Oid(4097));
/// `regcollation` in Arrow.
pub(crate) const REGCOLLATION: Type = alias(Oid::REGCOLLATION, Oid(4192));

const ALIASES: [Type; 11] = [
    REGPROC,
    REGPROCEDURE,
    REGOPER,
    REGOPERATOR,
    REGCLASS,
    REGTYPE,
    REGCONFIG,
    REGDICTIONARY,
    REGNAMESPACE,
    REGROLE,
    REGCOLLATION,
];

const fn alias(oid: Oid, array: Oid) -> Type {
    Type { oid, array: Some(array), ..OID }
}
