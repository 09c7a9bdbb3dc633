use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use crate::{EncodeError, ValueError};

/// A value of one type is none of another: nothing is rounded, wrapped or cut off to make it one. Says why, and never shows
/// the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversionError(pub(super) &'static str);

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value has no counterpart: {}", self.0)
    }
}

impl Error for ConversionError {}

impl From<Infallible> for ConversionError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<ConversionError> for ValueError {
    fn from(error: ConversionError) -> Self {
        Self::out_of_range(error.0)
    }
}

impl From<ConversionError> for EncodeError {
    fn from(error: ConversionError) -> Self {
        Self::OutOfRange(error.0)
    }
}

/// Has types read and sent as one of ours, into which they are converted.
macro_rules! by_way_of {
    ($($theirs:ty as $ours:ty,)*) => {
        $(impl $crate::FromSql<'_> for $theirs {
            fn accepts(column: &$crate::Column) -> bool {
                <$ours as $crate::FromSql>::accepts(column)
            }

            #[inline]
            fn from_sql(column: &$crate::Column, value: &[u8]) -> Result<Self, $crate::ValueError> {
                let ours = <$ours as $crate::FromSql>::from_sql(column, value)?;
                Ok(Self::try_from(ours).map_err($crate::types::ConversionError::from)?)
            }
        }

        $crate::types::conversion::sent_by_way_of! { $theirs as $ours, })*
    };
}

/// Has types sent as one of ours, into which they are converted.
macro_rules! sent_by_way_of {
    ($($theirs:ty as $ours:ty,)*) => {
        $(impl $crate::ToSql for $theirs {
            #[inline]
            fn oid(&self) -> $crate::Oid {
                <$ours as $crate::ToSql>::type_oid()
            }

            fn type_oid() -> $crate::Oid {
                <$ours as $crate::ToSql>::type_oid()
            }

            #[inline]
            fn to_sql(&self, out: &mut $crate::Output) -> Result<$crate::IsNull, $crate::EncodeError> {
                let ours = <$ours>::try_from(*self).map_err($crate::types::ConversionError::from)?;
                $crate::ToSql::to_sql(&ours, out)
            }
        })*
    };
}

pub(super) use by_way_of;
pub(super) use sent_by_way_of;
