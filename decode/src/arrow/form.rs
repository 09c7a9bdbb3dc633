//! What a type is in Arrow. Each type has its form beside it, in `types`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json, Opaque, Uuid as UuidExtension};
use arrow_schema::{DataType, Field, Fields};

use super::column::ColumnBuilder;
use super::fixed::{Decode, Fixed};
use super::list::{FindElements, Head, List};
use super::parts::{Part, Parts};
use super::ranges::{NAMES, PARTS, Ranges};
use super::repeated::{FindRun, Repeated};
use super::variable::{Content, Copied, Variable};
use super::{ArrowOptions, ExtensionTypes, TextLayout};
use crate::Oid;

/// What a form is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) oid: Oid,
    pub(crate) typmod: i32,
    pub(crate) options: ArrowOptions,
}

/// What a column of one type is in Arrow.
#[derive(Clone)]
pub(crate) struct Form {
    data_type: DataType,
    extension: Option<Extension>,
    make: Arc<dyn Fn() -> Box<dyn ColumnBuilder> + Send + Sync>,
}

/// What an Arrow type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    Uuid,
    Json,
    /// A type that has no counterpart.
    Opaque,
}

impl Form {
    pub(crate) fn new(
        data_type: DataType,
        make: impl Fn() -> Box<dyn ColumnBuilder> + Send + Sync + 'static,
    ) -> Self {
        Self { data_type, extension: None, make: Arc::new(make) }
    }

    /// Values of `WIDTH` bytes, as elements of a fixed width.
    pub(crate) fn fixed<D: Decode<WIDTH>, const WIDTH: usize>(data_type: DataType) -> Self {
        Self::new(data_type.clone(), move || Fixed::<D, WIDTH>::boxed(&data_type))
    }

    /// Text, in the layout that was asked for.
    pub(crate) fn text(asked: &Asked, copied: Copied) -> Self {
        let layout = asked.options.text;
        let data_type = match layout {
            TextLayout::Utf8 => DataType::Utf8,
            TextLayout::Utf8View => DataType::Utf8View,
        };
        Self::new(data_type, move || Variable::boxed(Content::Text(layout), copied))
    }

    /// The bytes of the wire.
    pub(crate) fn bytes() -> Self {
        Self::new(DataType::Binary, || Variable::boxed(Content::Bytes, Copied::Whole))
    }

    /// Arrays of one dimension, whose elements have the form `element`.
    pub(crate) fn list(element: &Self, asked: &Asked) -> Self {
        Self::list_behind(Head::Array(asked.oid), element, asked)
    }

    /// Values that are elements of the form `element`, as `find` finds them.
    pub(crate) fn list_of(element: &Self, asked: &Asked, find: FindElements) -> Self {
        Self::list_behind(Head::Other(find), element, asked)
    }

    fn list_behind(head: Head, element: &Self, asked: &Asked) -> Self {
        let field = Arc::new(element.field("item", asked));
        let (make, unfit) = (Arc::clone(&element.make), asked.options.unfit);
        Self::new(DataType::List(Arc::clone(&field)), move || {
            List::boxed(make(), Arc::clone(&field), head, unfit)
        })
    }

    /// Ranges, with the form of their bounds and that of `bool`.
    pub(crate) fn range(bound: (&Self, &Asked), bit: (&Self, &Asked)) -> Self {
        let parts: [_; PARTS] = [bound, bound, bit, bit, bit];
        let fields: Fields =
            NAMES.iter().zip(parts).map(|(name, (form, asked))| form.field(name, asked)).collect();
        let makes = parts.map(|(form, _)| Arc::clone(&form.make));
        Self::new(DataType::Struct(fields.clone()), move || {
            Ranges::boxed(makes.each_ref().map(|make| make()), fields.clone())
        })
    }

    /// Values that consist of parts in a row, each with the bytes it has (or all that are left), a name, a type and a
    /// form.
    pub(crate) fn parts<const N: usize>(asked: &Asked, parts: [(Option<usize>, &str, Oid, Self); N]) -> Self {
        let field =
            |name, oid, form: &Self| form.field(name, &Asked { oid, typmod: -1, options: asked.options });
        let fields: Fields = parts.iter().map(|(_, name, oid, form)| field(name, *oid, form)).collect();
        let makes = parts.map(|(width, _, _, form)| (width, form.make));
        Self::new(DataType::Struct(fields.clone()), move || {
            let parts = makes.iter().map(|(width, make)| Part { builder: make(), width: *width });
            Parts::boxed(parts.collect(), fields.clone())
        })
    }

    /// Values that are elements of one type in a row, and no array.
    pub(crate) fn repeated(asked: &Asked, oid: Oid, element: &Self, find: FindRun) -> Self {
        let of_element = Asked { oid, typmod: -1, options: asked.options };
        let field = Arc::new(element.field("item", &of_element));
        let make = Arc::clone(&element.make);
        Self::new(DataType::List(Arc::clone(&field)), move || {
            Repeated::boxed(make(), Arc::clone(&field), find)
        })
    }

    pub(crate) fn with(self, extension: Extension) -> Self {
        Self { extension: Some(extension), ..self }
    }

    pub(super) fn builder(&self) -> Box<dyn ColumnBuilder> {
        (self.make)()
    }

    /// Returns the field of a column, or of the elements of one, that has this form.
    pub(super) fn field(&self, name: &str, asked: &Asked) -> Field {
        let mut metadata = HashMap::from([("POSTGRESQL:type".to_owned(), asked.oid.to_string())]);
        if asked.typmod != -1 {
            metadata.insert("POSTGRESQL:typmod".to_owned(), asked.typmod.to_string());
        }
        let field = Field::new(name, self.data_type.clone(), true).with_metadata(metadata);
        match (asked.options.extension_types, self.extension) {
            (ExtensionTypes::Omit, _) | (_, None) => field,
            (ExtensionTypes::Attach, Some(Extension::Uuid)) => attach(field, UuidExtension),
            (ExtensionTypes::Attach, Some(Extension::Json)) => attach(field, Json::default()),
            (ExtensionTypes::Attach, Some(Extension::Opaque)) => {
                attach(field, Opaque::new(asked.oid.to_string(), "PostgreSQL"))
            }
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({})", self.data_type)
    }
}

/// A field whose type the extension does not support stays as it is.
fn attach(mut field: Field, extension: impl ExtensionType) -> Field {
    let plain = field.clone();
    match field.try_with_extension_type(extension) {
        Ok(()) => field,
        Err(_) => plain,
    }
}
