//! Composite types: attributes in a row, each with its type. What `#[derive]` makes of a struct is made of these.

use crate::arrow::field;
use crate::types::cursor::Cursor;
use crate::types::nested::{SOME_TYPE, part, put};
use crate::{Column, Columns, EncodeError, Format, FromSql, Oid, Output, ToSql, TypeKind, ValueError};

/// What an attribute is called, and whether columns of its type can be read: [`FromSql::accepts`].
pub type Attribute = (&'static str, fn(&Column) -> bool);

/// Says whether a column has values of a composite type with these attributes, in this order, or records of no declared
/// type, which are looked at one by one.
pub fn accepts(column: &Column, attributes: &[Attribute]) -> bool {
    if column.format() != Format::Binary {
        return false;
    }
    match column.kind() {
        Some(TypeKind::Composite(of_type)) => {
            of_type.len() == attributes.len()
                && of_type
                    .iter()
                    .zip(attributes)
                    .all(|(of_type, (name, accepts))| of_type.name() == *name && accepts(of_type))
        }
        _ => column.oid() == Oid::RECORD,
    }
}

/// Reads the attributes of a composite value, in order.
///
/// ```
/// use molt_db_decode::types::composite::{self, Attributes};
/// use molt_db_decode::{Column, FromSql, ValueError};
///
/// struct Item {
///     name: String,
///     price: Option<i64>,
/// }
///
/// impl<'r> FromSql<'r> for Item {
///     fn accepts(column: &Column) -> bool {
///         composite::accepts(column, &[("name", String::accepts), ("price", Option::<i64>::accepts)])
///     }
///
///     fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
///         let mut attributes = Attributes::new(column, value, 2)?;
///         Ok(Self { name: attributes.read()?, price: attributes.read()? })
///     }
/// }
/// ```
// PG source: rowtypes.c, record_send: the number of attributes, and of each the type and the value behind its length.
#[derive(Debug)]
pub struct Attributes<'c, 'r> {
    column: &'c Column,
    /// Of the type, if it is a declared one.
    of_type: Option<&'c Columns>,
    position: usize,
    rest: &'r [u8],
}

impl<'c, 'r> Attributes<'c, 'r> {
    /// Begins with the first of so many attributes.
    ///
    /// # Errors
    ///
    /// There is another number of them: the type has been changed if it had so many, which is noted.
    pub fn new(column: &'c Column, value: &'r [u8], count: usize) -> Result<Self, ValueError> {
        let of_type = match column.kind() {
            Some(TypeKind::Composite(of_type)) => Some(of_type),
            _ => None,
        };
        let mut cursor = Cursor(value);
        let found = cursor.i32().ok_or_else(malformed)?;
        if usize::try_from(found) == Ok(count) {
            return Ok(Self { column, of_type, position: 0, rest: cursor.0 });
        }
        match of_type {
            Some(_) => Err(changed(column)),
            None => Err(ValueError::out_of_range("the record has another number of fields")),
        }
    }

    /// Reads the next attribute; the last one has to be the last of the value.
    ///
    /// # Errors
    ///
    /// There is none, it has another type, or is no `T`.
    pub fn read<T: FromSql<'r>>(&mut self) -> Result<T, ValueError> {
        let mut cursor = Cursor(self.rest);
        let oid = Oid(cursor.u32().ok_or_else(malformed)?);
        let (value, rest) = field(cursor.0).ok_or_else(malformed)?;
        self.rest = rest;
        let position = self.position;
        self.position = position.saturating_add(1);
        match self.of_type {
            Some(of_type) => {
                let attribute = of_type.get(position).filter(|attribute| attribute.declared() == oid);
                let attribute = attribute.ok_or_else(|| changed(self.column))?;
                if self.position == of_type.len() && !rest.is_empty() {
                    return Err(malformed());
                }
                read(attribute, value)
            }
            None => read(&part(oid, -1), value),
        }
    }
}

fn read<'r, T: FromSql<'r>>(column: &Column, value: Option<&'r [u8]>) -> Result<T, ValueError> {
    if !T::accepts(column) {
        return Err(ValueError::mismatch(column));
    }
    match value {
        Some(value) => T::from_sql(column, value),
        None => T::from_null(column),
    }
}

/// Notes that a type is not what it was known to be.
#[cold]
pub(crate) fn changed(column: &Column) -> ValueError {
    if let Some(info) = column.type_info() {
        info.mark_stale();
    }
    ValueError::malformed(
        "the type is another than it was when it was looked up: the next query sees what it is now",
    )
}

#[cold]
fn malformed() -> ValueError {
    ValueError::malformed("it is no composite value")
}

/// Writes the attributes of a composite value.
///
/// ```
/// use molt_db_decode::types::composite::AttributeWriter;
/// use molt_db_decode::{EncodeError, IsNull, Oid, Output, ToSql, TypeName};
///
/// struct Item<'a> {
///     name: &'a str,
///     price: Option<i64>,
/// }
///
/// const ITEM: TypeName = TypeName::new("item");
///
/// impl ToSql for Item<'_> {
///     fn oid(&self) -> Oid {
///         Oid::UNSPECIFIED
///     }
///
///     fn type_name() -> Option<TypeName> {
///         Some(ITEM)
///     }
///
///     fn declared_name(&self) -> Option<TypeName> {
///         Some(ITEM)
///     }
///
///     fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
///         let mut attributes = AttributeWriter::new(out, 2);
///         attributes.write(&self.name)?;
///         attributes.write(&self.price)?;
///         Ok(IsNull::No)
///     }
/// }
/// ```
#[derive(Debug)]
pub struct AttributeWriter<'o> {
    out: &'o mut Output,
}

impl<'o> AttributeWriter<'o> {
    /// Begins a value with so many attributes.
    pub fn new(out: &'o mut Output, count: u16) -> Self {
        out.extend_from_slice(&i32::from(count).to_be_bytes());
        Self { out }
    }

    /// Writes the next attribute. Whether it is what the type has in its place is seen when the type is known.
    ///
    /// # Errors
    ///
    /// Those of the value; its Rust type does not say what type it is.
    pub fn write<T: ToSql>(&mut self, value: &T) -> Result<(), EncodeError> {
        let oid = match (T::type_name(), T::element_oid()) {
            (Some(name), _) => {
                self.out.push_type(name);
                SOME_TYPE
            }
            (None, Oid::UNSPECIFIED) => {
                return Err(EncodeError::Other(
                    "the Rust type of an attribute does not say what type it is".into(),
                ));
            }
            (None, oid) => {
                self.out.extend_from_slice(&oid.0.to_be_bytes());
                oid
            }
        };
        let _ = put(value, oid, self.out)?;
        Ok(())
    }
}
