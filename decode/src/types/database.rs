//! What the types of a database are in Arrow.

use std::sync::Arc;

use crate::arrow::{ArrowOptions, Asked, Copied, Extension, Form, NO_COMPOSITE, Writer, field};
use crate::types::cursor::Cursor;
use crate::types::extension::{Sent, UNKNOWN_VERSION, VERSION};
use crate::types::{cube, form, hstore, is_blank, quote, range, raw};
use crate::{Column, Columns, Format, TypeKind};

/// Returns what a column is in Arrow, and what was asked for.
pub(crate) fn form_of(column: &Column, options: &ArrowOptions) -> (Form, Asked) {
    let asked = Asked { oid: column.declared(), typmod: column.typmod(), options: *options };
    let Some(info) = column.type_info() else {
        return (form(column.format(), &asked), asked);
    };
    let of_type = match (column.kind(), column.format()) {
        (None, format) => form(format, &Asked { oid: column.oid(), ..asked }),
        (Some(TypeKind::Enum(_)), Format::Text) => Form::text(&asked, Copied::Whole),
        (Some(_), Format::Text) => Form::text(&asked, Copied::Whole).with(Extension::Opaque),
        (Some(kind), Format::Binary) => binary(column, kind, &asked).under(&asked),
    };
    (of_type.of_type(info), asked)
}

/// Returns the same for values in binary, whatever becomes of those that do not fit.
fn raw_of(column: &Column, options: &ArrowOptions) -> (Form, Asked) {
    let asked = Asked { oid: column.declared(), typmod: column.typmod(), options: *options };
    match (column.type_info(), column.kind()) {
        (Some(info), Some(kind)) => (binary(column, kind, &asked).of_type(info), asked),
        (Some(info), None) => (raw(&Asked { oid: column.oid(), ..asked }).of_type(info), asked),
        (None, _) => (raw(&asked), asked),
    }
}

fn binary(column: &Column, kind: &TypeKind, asked: &Asked) -> Form {
    if let Some(of) = column.arrow_type() {
        return Form::foreign(of, column.typmod());
    }
    match kind {
        TypeKind::Enum(labels) => Form::dictionary(labels).written(Copied::Whole.writer()),
        TypeKind::Composite(attributes) if attributes.is_empty() => opaque(),
        TypeKind::Composite(attributes) => composite(column, attributes, asked),
        TypeKind::Array(element) => {
            let (of_element, asked_of) = form_of(element, &asked.options);
            Form::list(asked.oid, &of_element, &asked_of)
        }
        TypeKind::Range(bound) => range_form(bound, asked),
        TypeKind::Multirange(of_ranges) => multirange_form(of_ranges, asked),
        // A domain is what it is over.
        TypeKind::Domain(_) => opaque(),
        TypeKind::Base { .. } => base(kind, asked),
    }
}

fn base(kind: &TypeKind, asked: &Asked) -> Form {
    match Sent::of(kind) {
        Some(Sent::Text) => Form::text(asked, Copied::Whole),
        Some(Sent::Versioned) => {
            Form::text(asked, Copied::Behind(VERSION, UNKNOWN_VERSION)).with(Extension::Opaque)
        }
        None if hstore::is_hstore(kind) => {
            Form::map(asked, hstore::pairs_as_fields).written(Arc::new(hstore::append))
        }
        None if cube::is_cube(kind) => {
            Form::text(asked, Copied::Rewritten(cube::append)).with(Extension::Opaque)
        }
        None => opaque(),
    }
}

fn opaque() -> Form {
    Form::bytes().with(Extension::Opaque)
}

fn composite(column: &Column, attributes: &Columns, asked: &Asked) -> Form {
    let parts: Vec<_> = attributes
        .iter()
        .map(|attribute| {
            let (form, asked) = form_of(attribute, &asked.options);
            (attribute.name(), form, asked)
        })
        .collect();
    let writers: Option<Vec<_>> = parts.iter().map(|(_, form, _)| form.writer().cloned()).collect();
    let column = column.clone();
    let changed = Arc::new(move || {
        let _ = crate::types::composite::changed(&column);
    });
    let form = Form::composite(&parts, asked, changed);
    match writers {
        Some(writers) => form.written(row_writer(writers)),
        None => form,
    }
}

fn range_form(bound: &Column, asked: &Asked) -> Form {
    let bit = asked.instead(crate::Oid::BOOL);
    let (of_bound, asked_of) = raw_of(bound, &asked.options);
    let form = Form::range((&of_bound, &asked_of), (&raw(&bit), &bit)).with(Extension::Opaque);
    match of_bound.writer() {
        Some(writer) => form.written(range::range_writer(Arc::clone(writer))),
        None => form,
    }
}

fn multirange_form(of_ranges: &Column, asked: &Asked) -> Form {
    let (of_range, asked_of) = form_of(of_ranges, &asked.options);
    range::multirange_of(&of_range, &asked_of, asked)
}

/// Returns what writes composite values as the server does, whose attributes are written by these.
// PG source: rowtypes.c, record_out.
fn row_writer(writers: Vec<Writer>) -> Writer {
    Arc::new(move |value, out| {
        let mut cursor = Cursor(value);
        let count = cursor.i32().and_then(|count| usize::try_from(count).ok());
        if count != Some(writers.len()) {
            return Err(NO_COMPOSITE);
        }
        out.push(b'(');
        for (position, write) in writers.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            cursor.u32().ok_or(NO_COMPOSITE)?;
            let (value, rest) = field(cursor.0).ok_or(NO_COMPOSITE)?;
            cursor = Cursor(rest);
            let Some(value) = value else { continue };
            let start = out.len();
            write(value, out)?;
            let text = out.get(start..).unwrap_or_default();
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || is_blank(*byte);
            if text.is_empty() || text.iter().any(is_special) {
                quote(out, start, |byte| matches!(byte, b'"' | b'\\').then_some(byte));
            }
        }
        out.push(b')');
        if cursor.is_empty() { Ok(()) } else { Err(NO_COMPOSITE) }
    })
}
