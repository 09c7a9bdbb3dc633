//! `jsonpath`: text, which strings read.

use crate::arrow::{Asked, Copied, Extension, Form};
use crate::types::Type;
use crate::{Oid, ValueError};

// PG source: jsonpath.c, jsonpath_send.
const VERSION: u8 = 1;
const UNKNOWN_VERSION: &str = "its version of jsonpath is unknown";

/// Takes off what the binary form puts in front of the text.
pub(super) fn strip(value: &[u8]) -> Result<&[u8], ValueError> {
    value.strip_prefix(&[VERSION]).ok_or_else(|| ValueError::malformed(UNKNOWN_VERSION))
}

/// `jsonpath` in Arrow.
pub(crate) const JSONPATH: Type = Type {
    oid: Oid::JSONPATH,
    array: Some(Oid(4073)),
    binary: |asked: &Asked| {
        Form::text(asked, Copied::Behind(VERSION, UNKNOWN_VERSION)).with(Extension::Opaque)
    },
    text: None,
};
