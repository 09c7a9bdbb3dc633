use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::message::{ErrorField, FieldDescription, Severity, WireFormat};

/// A text without NUL.
pub(super) fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

/// A text without NUL that is not empty.
pub(super) fn name() -> impl Strategy<Value = String> {
    "[^\0]{1,12}"
}

/// Bytes without NUL, of any encoding.
pub(super) fn foreign_text() -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, 0..24)
}

pub(super) fn data() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..48)
}

/// Bytes that come closer to messages than random ones: counts and lengths are small, NULs are frequent.
pub(super) fn anything() -> impl Strategy<Value = Vec<u8>> {
    let likely = prop::sample::select(&[0, 0, 0, 1, 2, 3, b'S', b'P', b'M', b'a', 0x7f, 0xff][..]);
    prop_oneof![data(), vec(likely, 0..48)]
}

pub(super) fn format() -> impl Strategy<Value = WireFormat> {
    prop::sample::select(&[WireFormat::Text, WireFormat::Binary][..])
}

/// Format codes as they stand in messages.
pub(super) fn format_codes(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    vec(format(), count).prop_map(|formats| formats.iter().flat_map(|one| one.code().to_be_bytes()).collect())
}

pub(super) fn values() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    vec(option::of(vec(any::<u8>(), 0..6)), 0..6)
}

/// Values as they stand in messages.
pub(super) fn value_bytes(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        let length = value.as_ref().map_or(-1, |value| value.len() as i32);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    bytes
}

/// Values, and formats for them: none, one, or one for each.
pub(super) fn formatted_values() -> impl Strategy<Value = (Vec<u8>, Vec<Option<Vec<u8>>>)> {
    values().prop_flat_map(|values| {
        let count = prop_oneof![Just(0), Just(1), Just(values.len())];
        (count.prop_flat_map(format_codes), Just(values))
    })
}

pub(super) fn column() -> impl Strategy<Value = FieldDescription> {
    let numbers = (any::<u32>(), any::<i16>(), any::<u32>(), any::<i16>(), any::<i32>());
    (text(), numbers, format()).prop_map(|(name, numbers, format)| {
        let (table, attribute, type_oid, type_size, type_modifier) = numbers;
        FieldDescription { name, table, attribute, type_oid, type_size, type_modifier, format }
    })
}

pub(super) fn severity() -> impl Strategy<Value = Severity> {
    use Severity::{Debug, Error, Fatal, Info, Log, Notice, Panic, Warning};
    prop::sample::select(&[Error, Fatal, Panic, Warning, Notice, Debug, Info, Log][..])
}

pub(super) fn error_field() -> impl Strategy<Value = ErrorField> {
    use ErrorField::{
        Column, Constraint, DataType, Detail, File, Hint, InternalPosition, InternalQuery, Line,
    };
    use ErrorField::{Position, Routine, Schema, Table, Where};
    let first = [Column, Constraint, DataType, Detail, File, Hint, InternalPosition];
    let second = [InternalQuery, Line, Position, Routine, Schema, Table, Where];
    prop::sample::select([first, second].concat())
}
