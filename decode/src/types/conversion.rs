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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::types::{Array, Inet, Range};
    use crate::{Column, Format, FromSql, Oid, Output, ToSql};

    fn read<T: for<'r> FromSql<'r>>(oid: Oid, value: &[u8]) -> Result<T, ValueError> {
        T::from_sql(&Column::new("c", oid, -1, Format::Binary), value)
    }

    fn encode(value: &impl ToSql) -> Vec<u8> {
        let mut out = Output::default();
        let _ = value.to_sql(&mut out).unwrap();
        out.as_bytes().to_vec()
    }

    #[test]
    fn what_goes_by_way_of_another_type_goes_as_that() {
        for text in ["10.1.2.3", "::1"] {
            let (addr, inet) = (text.parse::<IpAddr>().unwrap(), text.parse::<Inet>().unwrap());
            assert_eq!(
                (addr.oid(), IpAddr::type_oid(), IpAddr::array_oid()),
                (Oid::INET, Oid::INET, Oid(1041))
            );
            assert_eq!(encode(&addr), encode(&inet));
            assert_eq!(read::<IpAddr>(Oid::INET, &encode(&inet)).unwrap(), addr);
            let list = encode(&vec![addr, addr]);
            assert_eq!(read::<Array<IpAddr>>(Oid(1041), &list).unwrap().elements(), [addr, addr]);
            assert_eq!(Range::new(addr..).oid(), Oid::UNSPECIFIED);
        }
        assert!(IpAddr::accepts(&Column::new("c", Oid::INET, -1, Format::Text)));
        assert!(!IpAddr::accepts(&Column::new("c", Oid::CIDR, -1, Format::Binary)));
    }

    #[test]
    fn errors_say_why_and_never_show_the_value() {
        let network = encode(&"10.1.2.3/8".parse::<Inet>().unwrap());
        let error = read::<IpAddr>(Oid::INET, &network).unwrap_err();
        assert!(error.is_out_of_range() && error.to_string().contains("netmask"), "{error}");
        assert!(!error.to_string().contains("10.1"), "{error}");
        assert!(read::<IpAddr>(Oid::INET, b"1").unwrap_err().is_malformed());
        let error = EncodeError::from(ConversionError("it is odd"));
        assert_eq!(error.to_string(), "a parameter is out of range: it is odd");
        assert_eq!(ConversionError("it is odd").to_string(), "the value has no counterpart: it is odd");
    }
}
