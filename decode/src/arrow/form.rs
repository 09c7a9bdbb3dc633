//! What a type is in Arrow. Each type has its form beside it, in `types`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json, Opaque, Uuid as UuidExtension};
use arrow_schema::{DataType, Field};

use super::column::ColumnBuilder;
use super::fixed::{Decode, Fixed};
use super::list::List;
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
        let field = Arc::new(element.field("item", asked));
        let (make, oid, unfit) = (Arc::clone(&element.make), asked.oid, asked.options.unfit);
        Self::new(DataType::List(Arc::clone(&field)), move || {
            List::boxed(make(), Arc::clone(&field), oid, unfit)
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
