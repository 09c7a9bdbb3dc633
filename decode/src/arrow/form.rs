//! What a type is in Arrow. Each type has its form beside it, in `types`.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json, Opaque, Uuid as UuidExtension};
use arrow_schema::{DataType, Field, FieldRef, Fields};

use super::attributes::Attributes;
use super::column::ColumnBuilder;
use super::dictionary::Dictionary;
use super::fields::{FindElements, Head, ListedFields};
use super::fixed::{Decode, Fixed};
use super::foreign::{ArrowType, Foreign};
use super::list::List;
use super::map::Map;
use super::nested::{Lower, Nested};
use super::parts::{Check, EachOfAll, InPlaces, InSequence};
use super::ranges::{self, RangeParts};
use super::repeated::{FindRun, Repeated};
use super::structs::{Split, Struct};
use super::variable::{Content, Copied, Variable, Writer};
use super::{Arrays, ArrowOptions, ExtensionTypes, Fault, Kind, Kinds, Profile, TextLayout};
use crate::types::{self, Utf8};
use crate::{Column, Format, FromSql, Oid, TypeInfo};

/// What a form is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) oid: Oid,
    pub(crate) typmod: i32,
    pub(crate) options: ArrowOptions,
}

impl Asked {
    /// Asks for another type in its place, which has no modifier.
    pub(crate) fn instead(&self, oid: Oid) -> Self {
        Self { oid, typmod: -1, options: self.options }
    }
}

/// What a column of one type is in Arrow.
#[derive(Clone)]
pub(crate) struct Form {
    data_type: DataType,
    extension: Option<Extension>,
    /// Of which kinds its values can be that do not fit.
    kinds: Kinds,
    /// Whether there is text in its values that nobody has looked at.
    has_unchecked_text: bool,
    /// Writes a value as the server does.
    writer: Option<Writer>,
    /// The type of the database that it is, if that is not built in.
    named: Option<(Box<str>, Box<str>)>,
    make: Make,
}

type Make = Arc<dyn Fn() -> Box<dyn ColumnBuilder> + Send + Sync>;

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
        Self {
            data_type,
            extension: None,
            kinds: Kinds::NONE,
            has_unchecked_text: false,
            writer: None,
            named: None,
            make: Arc::new(make),
        }
    }

    /// Values of `WIDTH` bytes, as elements of a fixed width.
    pub(crate) fn fixed<D: Decode<WIDTH>, const WIDTH: usize>(data_type: DataType) -> Self {
        Self::new(data_type.clone(), move || Fixed::<D, WIDTH>::boxed(&data_type)).unfit(D::UNFIT)
    }

    /// Text, in the layout that was asked for.
    pub(crate) fn text(asked: &Asked, copied: Copied) -> Self {
        let (layout, encoding) = (asked.options.text, asked.options.unfit.encoding);
        let data_type = match layout {
            TextLayout::Utf8 => DataType::Utf8,
            TextLayout::Utf8View => DataType::Utf8View,
        };
        let (content, writer, is_unchecked) =
            (Content::Text(layout, encoding), copied.writer(), copied.is_unchecked());
        let form = Self::new(data_type, move || Variable::boxed(content, copied.clone())).written(writer);
        if is_unchecked { form.with_unchecked_text() } else { form }
    }

    /// The bytes of the wire.
    pub(crate) fn bytes() -> Self {
        Self::new(DataType::Binary, || Variable::boxed(Content::Bytes, Copied::Whole))
    }

    /// Arrays of the type `array`, whose elements are what was `asked` for and have the form `element`.
    pub(crate) fn list(array: Oid, element: &Self, asked: &Asked) -> Self {
        let options = asked.options;
        let (levels, oid) = (options.arrays.levels(), asked.oid);
        let values = match (options.profile, options.arrays) {
            (_, Arrays::Structs) => Self::list_behind(Head::Any(oid), element, asked),
            (Profile::Arrow, _) if levels == 1 => Self::list_behind(Head::Array(oid), element, asked),
            (Profile::Molt, _) if levels == 1 => Self::list_behind(Head::Line(oid), element, asked),
            (Profile::Arrow, _) => Self::nested(levels, Lower::One, array, element, asked),
            (Profile::Molt, _) => Self::nested(levels, Lower::Any, array, element, asked),
        };
        let asked = Asked { oid: array, ..*asked };
        let ints = |find| (types::INT4_ARRAY, Self::ints(&asked, find));
        let lower = || ints(types::lower_bounds);
        let form = match (options.profile, options.arrays) {
            (_, Arrays::Structs) => {
                let (lengths, lower) = (ints(types::lengths), lower());
                Self::each_of(
                    &asked,
                    [("dimensions", lengths), ("lower_bounds", lower), ("values", (array, values))],
                )
            }
            (Profile::Molt, _) => {
                Self::each_of(&asked, [("lower_bounds", lower()), ("values", (array, values))])
                    .unfit(Kinds::of(Kind::Shape))
            }
            (Profile::Arrow, _) => values.unfit(Kinds::of(Kind::Shape)),
        };
        let writer = element.writer.clone().map(|element| types::array_writer(oid, element));
        Self { writer, has_unchecked_text: element.has_unchecked_text, ..form }
    }

    /// Values that are elements of the form `element`, as `find` finds them.
    pub(crate) fn list_of(element: &Self, asked: &Asked, find: FindElements) -> Self {
        Self::list_behind(Head::Other(find), element, asked)
    }

    fn list_behind(head: Head, element: &Self, asked: &Asked) -> Self {
        let field = Arc::new(element.field("item", asked));
        let fill = ListedFields { head, policies: asked.options.unfit };
        let make = Arc::clone(&element.make);
        Self::new(DataType::List(Arc::clone(&field)), move || List::boxed(make(), Arc::clone(&field), fill))
    }

    /// Arrays of so many dimensions. The lists inside of them are no values of a type.
    fn nested(levels: usize, lower: Lower, array: Oid, element: &Self, asked: &Asked) -> Self {
        let mut fields = vec![Arc::new(element.field("item", asked))];
        let list = |field: &FieldRef| DataType::List(Arc::clone(field));
        while let (true, Some(inner)) = (fields.len() < levels, fields.first()) {
            let metadata = HashMap::from([("POSTGRESQL:type".to_owned(), array.to_string())]);
            fields.insert(0, Arc::new(Field::new("item", list(inner), true).with_metadata(metadata)));
        }
        let data_type = fields.first().map_or(DataType::Null, list);
        let (make, oid, policies) = (Arc::clone(&element.make), asked.oid, asked.options.unfit);
        Self::new(data_type, move || Nested::boxed(make(), &fields, oid, lower, policies))
    }

    /// Numbers that stand in the head of an array.
    pub(crate) fn ints(asked: &Asked, find: FindRun) -> Self {
        let int = types::raw(&asked.instead(Oid::INT4));
        Self::repeated(asked, Oid::INT4, &int, find)
    }

    /// Ranges, with the form of their bounds and that of `bool`.
    pub(crate) fn range(bound: (&Self, &Asked), bit: (&Self, &Asked)) -> Self {
        let parts: [_; ranges::PARTS] = [bound, bound, bit, bit, bit];
        let profile = bound.1.options.profile;
        let fields = ranges::fields(profile, |place, name| match parts.get(place) {
            Some((form, asked)) => form.part(name, asked),
            None => Field::new(name, DataType::Null, true),
        });
        let makes = parts.map(|(form, _)| Arc::clone(&form.make));
        let form = Self::new(DataType::Struct(fields.clone()), move || {
            Struct::boxed(makes.iter().map(|make| make()).collect(), fields.clone(), RangeParts { profile })
        });
        form.unfit(bound.0.kinds.without(Kind::Encoding))
    }

    /// Values that consist of parts in a row, each with the bytes it has (or all that are left), a name, a type and a
    /// form.
    pub(crate) fn parts<const N: usize>(asked: &Asked, parts: [(Option<usize>, &str, Oid, Self); N]) -> Self {
        let widths: Vec<_> = parts.iter().map(|(width, ..)| *width).collect();
        let parts = parts.map(|(_, name, oid, form)| (name, (oid, form)));
        Self::structure(asked, parts, move || InSequence { widths: widths.clone() })
    }

    /// Values that have parts in these places, unless there is something wrong with them.
    pub(crate) fn places<const N: usize>(
        asked: &Asked,
        check: Check,
        parts: [(std::ops::Range<usize>, &str, Oid, Self); N],
    ) -> Self {
        let places: Vec<_> = parts.iter().map(|(place, ..)| place.clone()).collect();
        let parts = parts.map(|(_, name, oid, form)| (name, (oid, form)));
        Self::structure(asked, parts, move || InPlaces { check, places: places.clone() })
    }

    /// Values that are looked at by each part of a struct.
    pub(crate) fn each_of<const N: usize>(asked: &Asked, parts: [(&str, (Oid, Self)); N]) -> Self {
        Self::structure(asked, parts, || EachOfAll).with(Extension::Opaque)
    }

    fn structure<S: Split, const N: usize>(
        asked: &Asked,
        parts: [(&str, (Oid, Self)); N],
        split: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        let fields = parts.iter().map(|(name, (oid, form))| form.part(name, &asked.instead(*oid)));
        let fields: Fields = fields.collect();
        let kinds = parts.iter().fold(Kinds::NONE, |all, (_, (_, form))| all.union(form.kinds));
        let makes = parts.map(|(_, (_, form))| form.make);
        let form = Self::new(DataType::Struct(fields.clone()), move || {
            Struct::boxed(makes.iter().map(|make| make()).collect(), fields.clone(), split())
        });
        form.unfit(kinds.without(Kind::Encoding))
    }

    /// Values that somebody else makes an array of.
    pub(crate) fn foreign(of: &Arc<dyn ArrowType>, typmod: i32) -> Self {
        let (data_type, of) = (of.data_type(typmod), Arc::clone(of));
        Self::new(data_type, move || Foreign::boxed(Arc::clone(&of), typmod))
    }

    /// Labels, of which these are known.
    pub(crate) fn dictionary(labels: &[Box<str>]) -> Self {
        let labels: Arc<[Box<str>]> = labels.into();
        let data_type = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        Self::new(data_type, move || Dictionary::boxed(&labels))
    }

    /// Values of a composite type, whose attributes have names, forms and types. `changed` notes that it has others.
    pub(crate) fn composite(
        parts: &[(&str, Self, Asked)],
        asked: &Asked,
        changed: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let fields: Fields = parts.iter().map(|(name, form, asked)| form.field(name, asked)).collect();
        let types: Vec<_> = parts.iter().map(|(_, _, asked)| asked.oid).collect();
        let makes: Vec<_> = parts.iter().map(|(_, form, _)| Arc::clone(&form.make)).collect();
        let policies = asked.options.unfit;
        let kinds = parts.iter().fold(Kinds::NONE, |all, (_, form, _)| all.union(form.kinds));
        let form = Self::new(DataType::Struct(fields.clone()), move || {
            let split = Attributes { types: types.clone(), policies, changed: Arc::clone(&changed) };
            Struct::boxed(makes.iter().map(|make| make()).collect(), fields.clone(), split)
        });
        form.unfit(kinds.without(Kind::Encoding))
    }

    /// Keys and values, as `find` finds them.
    pub(crate) fn map(asked: &Asked, find: FindElements) -> Self {
        let text = Self::text(asked, Copied::Whole);
        let plain = |name: &str, is_nullable| Field::new(name, text.data_type.clone(), is_nullable);
        let fields = Fields::from(vec![plain("keys", false), plain("values", true)]);
        let entries = Arc::new(Field::new("entries", DataType::Struct(fields.clone()), false));
        let make = text.make;
        let form = Self::new(DataType::Map(Arc::clone(&entries), false), move || {
            Map::boxed(make(), make(), fields.clone(), Arc::clone(&entries), find)
        });
        form.with_unchecked_text()
    }

    /// Values that are elements of one type in a row, and no array.
    pub(crate) fn repeated(asked: &Asked, oid: Oid, element: &Self, find: FindRun) -> Self {
        let field = Arc::new(element.field("item", &asked.instead(oid)));
        let make = Arc::clone(&element.make);
        Self::new(DataType::List(Arc::clone(&field)), move || {
            List::boxed(make(), Arc::clone(&field), Repeated { find })
        })
    }

    fn with_unchecked_text(self) -> Self {
        Self { kinds: self.kinds.and(Kind::Encoding), has_unchecked_text: true, ..self }
    }

    /// Says of which kinds values can be that do not fit.
    pub(crate) fn unfit(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }

    /// Says how a value is written as the server does.
    pub(crate) fn written(self, writer: Writer) -> Self {
        Self { writer: Some(writer), ..self }
    }

    /// Says that a value is written as one of a Rust type prints.
    pub(crate) fn shown_as<T: for<'r> FromSql<'r> + fmt::Display>(self, oid: Oid) -> Self {
        let column = Column::new("", oid, -1, Format::Binary);
        self.written(Arc::new(move |value, out| {
            let value =
                T::from_sql(&column, value).map_err(|_| Fault::Malformed("it is no value of the type"))?;
            write!(Utf8(out), "{value}").map_err(|fmt::Error| Fault::TooLong)
        }))
    }

    /// Says which type of the database it is.
    pub(crate) fn of_type(self, info: &TypeInfo) -> Self {
        Self { named: Some((info.schema().into(), info.name().into())), ..self }
    }

    /// Returns what writes a value as the server does.
    pub(crate) fn writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    /// Returns the form under the policies that were asked for: text, if one of them wants that.
    pub(crate) fn under(self, asked: &Asked) -> Self {
        match &self.writer {
            Some(writer) if self.kinds.is_text(&asked.options.unfit) => {
                let text = Self::text(asked, Copied::Written(Arc::clone(writer))).unfit(self.kinds);
                let text = if self.has_unchecked_text { text.with_unchecked_text() } else { text };
                text.with(Extension::Opaque)
            }
            _ => self,
        }
    }

    pub(crate) fn with(self, extension: Extension) -> Self {
        Self { extension: Some(extension), ..self }
    }

    pub(super) fn builder(&self) -> Box<dyn ColumnBuilder> {
        (self.make)()
    }

    /// Returns the field of a part of a struct, which does not fit if the part does not.
    fn part(&self, name: &str, asked: &Asked) -> Field {
        let encoding = if self.kinds.has(Kind::Encoding) { Kinds::of(Kind::Encoding) } else { Kinds::NONE };
        self.clone().unfit(encoding).field(name, asked)
    }

    /// Returns the field of a column, or of the elements of one, that has this form.
    pub(super) fn field(&self, name: &str, asked: &Asked) -> Field {
        let type_name =
            self.named.as_ref().map_or_else(|| asked.oid.to_string(), |(_, name)| name.to_string());
        let mut metadata = HashMap::from([("POSTGRESQL:type".to_owned(), type_name.clone())]);
        if let Some((schema, _)) = self.named.as_ref().filter(|(schema, _)| !schema.is_empty()) {
            metadata.insert("POSTGRESQL:schema".to_owned(), schema.to_string());
        }
        if asked.typmod != -1 {
            metadata.insert("POSTGRESQL:typmod".to_owned(), asked.typmod.to_string());
        }
        if let Some(in_force) = self.kinds.in_force(&asked.options.unfit) {
            metadata.insert("POSTGRESQL:unfit".to_owned(), in_force);
        }
        let field = Field::new(name, self.data_type.clone(), true).with_metadata(metadata);
        match (asked.options.extension_types, self.extension) {
            (ExtensionTypes::Omit, _) | (_, None) => field,
            (ExtensionTypes::Attach, Some(Extension::Uuid)) => attach(field, UuidExtension),
            (ExtensionTypes::Attach, Some(Extension::Json)) => attach(field, Json::default()),
            (ExtensionTypes::Attach, Some(Extension::Opaque)) => {
                attach(field, Opaque::new(type_name, "PostgreSQL"))
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
