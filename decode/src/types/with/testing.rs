//! What the tests of all crates need.
#![allow(dead_code, clippy::allow_attributes, reason = "each crate uses its own part of this")]

use std::fmt::Debug;

use crate::types::{Array, Range};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

pub(super) fn read<T: for<'r> FromSql<'r>>(oid: Oid, value: &[u8]) -> Result<T, ValueError> {
    let column = Column::new("c", oid, -1, Format::Binary);
    assert!(T::accepts(&column), "{oid}");
    T::from_sql(&column, value)
}

pub(super) fn encode(value: &impl ToSql) -> Vec<u8> {
    let mut out = Output::default();
    assert_eq!(value.to_sql(&mut out).unwrap(), IsNull::No);
    out.as_bytes().to_vec()
}

/// Asserts that a value goes as one of ours, and comes back from what that is: alone, in a list and in an array.
pub(super) fn same<T, U>(theirs: &T, ours: &U)
where
    T: ToSql + Clone + PartialEq + Debug + for<'r> FromSql<'r>,
    U: ToSql + Clone,
{
    assert_eq!(
        (theirs.oid(), T::type_oid(), T::element_oid()),
        (ours.oid(), U::type_oid(), U::element_oid())
    );
    assert_eq!((T::array_oid(), theirs.format()), (U::array_oid(), ours.format()));
    let bytes = encode(ours);
    assert_eq!(encode(theirs), bytes, "{theirs:?}");
    assert_eq!(&read::<T>(ours.oid(), &bytes).unwrap(), theirs);
    let list = encode(&vec![ours.clone(); 2]);
    assert_eq!(encode(&vec![theirs.clone(); 2]), list);
    assert_eq!(read::<Vec<T>>(U::array_oid(), &list).unwrap(), vec![theirs.clone(); 2]);
    assert_eq!(read::<Array<T>>(U::array_oid(), &list).unwrap(), Array::from(vec![theirs.clone(); 2]));
}

/// Asserts that a range of values goes as one of ours, and comes back from what that is.
pub(super) fn same_range<T, U>(theirs: T, ours: U)
where
    T: ToSql + Clone + PartialEq + Debug + for<'r> FromSql<'r>,
    U: ToSql + Clone,
{
    let (theirs, ours) = (Range::new(theirs..), Range::new(ours..));
    assert_eq!(theirs.oid(), ours.oid());
    assert_eq!(encode(&theirs), encode(&ours));
    assert_eq!(read::<Range<T>>(ours.oid(), &encode(&ours)).unwrap(), theirs);
}

/// Asserts that a value of ours is beyond what theirs can be, and that the error says why.
pub(super) fn unread<T: Debug + for<'r> FromSql<'r>>(ours: &impl ToSql, why: &str) {
    let error = read::<T>(ours.oid(), &encode(ours)).unwrap_err();
    assert!(error.is_out_of_range() && error.to_string().contains(why), "{error}");
}

/// Asserts that a value is none that PostgreSQL has, and that the error says why.
pub(super) fn unsent(theirs: &impl ToSql, why: &str) {
    match theirs.to_sql(&mut Output::default()) {
        Err(EncodeError::OutOfRange(problem)) if problem.contains(why) => {}
        other => panic!("{other:?}"),
    }
}
