//! What is known of the types of a database that are not built in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::arrow::ArrowType;
use crate::{Column, Columns, Format, Oid, TypeName, types};

/// A type of a database, with all that it is made of.
#[derive(Debug)]
pub struct TypeInfo {
    oid: Oid,
    schema: Box<str>,
    name: Box<str>,
    kind: TypeKind,
    /// How many types it is made of, in all depths.
    parts: usize,
    /// How its values become Arrow, if somebody has taught that.
    arrow: Option<Arc<dyn ArrowType>>,
    is_stale: AtomicBool,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeKind {
    /// One of these labels, in their order.
    Enum(Box<[Box<str>]>),
    /// Attributes in a row, those that were dropped left out.
    Composite(Columns),
    /// Values of another type, under conditions.
    Domain(Box<Column>),
    /// Arrays of these elements.
    Array(Box<Column>),
    /// Ranges with these bounds.
    Range(Box<Column>),
    /// Several such ranges.
    Multirange(Box<Column>),
    /// A type of its own, known by the function that sends its values in binary: `hstore_send`, say; empty without one.
    Base {
        /// The function's name in the server or the extension's library.
        send: Box<str>,
    },
}

impl TypeKind {
    fn parts(&self) -> usize {
        let parts = |column: &Column| column.type_info().map_or(1, |info| info.parts);
        match self {
            Self::Enum(_) | Self::Base { .. } => 0,
            Self::Composite(attributes) => attributes.iter().map(parts).fold(0, usize::saturating_add),
            Self::Domain(part) | Self::Array(part) | Self::Range(part) | Self::Multirange(part) => {
                parts(part)
            }
        }
    }
}

impl TypeInfo {
    /// Returns the number of the type.
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Returns the schema that the type is in.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Returns the name of the type, as it stands in the catalogs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the type is made of.
    pub fn kind(&self) -> &TypeKind {
        &self.kind
    }

    pub(crate) fn arrow(&self) -> Option<&Arc<dyn ArrowType>> {
        self.arrow.as_ref()
    }

    /// Says whether values have come that the type cannot have, or a statement that may have changed it. It is to be
    /// looked up anew.
    pub fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Notes that the type is another by now.
    pub fn mark_stale(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }
}

/// Two are equal that say the same.
impl PartialEq for TypeInfo {
    fn eq(&self, other: &Self) -> bool {
        (self.oid, &self.schema, &self.name, &self.kind)
            == (other.oid, &other.schema, &other.name, &other.kind)
    }
}

impl Eq for TypeInfo {}

/// A row of `pg_type` and what belongs to it.
#[derive(Debug, Clone)]
pub struct TypeRow {
    /// The number of the type.
    pub oid: Oid,
    /// The schema that the type is in.
    pub schema: String,
    /// The name of the type.
    pub name: String,
    /// What the type is made of.
    pub definition: Definition,
}

/// What a type is made of, by numbers of types.
#[derive(Debug, Clone)]
pub enum Definition {
    /// Labels, in their order.
    Enum(Vec<String>),
    /// Attributes by name, type and modifier.
    Composite(Vec<(String, Oid, i32)>),
    /// Another type, and its modifier.
    Domain(Oid, i32),
    /// The type of the elements.
    Array(Oid),
    /// The type of the bounds.
    Range(Oid),
    /// The type of the ranges.
    Multirange(Oid),
    /// The function that sends values in binary.
    Base {
        /// Its name in the server or in a library; empty without one.
        send: String,
    },
}

/// The types of one database that were looked up.
///
/// ```
/// use molt_db_decode::{Catalog, Column, Columns, Definition, Format, Oid, TypeKind, TypeRow};
///
/// let mood = TypeRow {
///     oid: Oid(16_400),
///     schema: "public".into(),
///     name: "mood".into(),
///     definition: Definition::Enum(vec!["sad".into(), "ok".into()]),
/// };
/// let columns = Columns::new([Column::new("m", Oid(16_400), -1, Format::Binary)]);
/// let mut catalog = Catalog::default();
/// assert_eq!(catalog.missing(&columns), [Oid(16_400)]);
/// catalog.extend([mood]);
/// let columns = catalog.describe(&columns);
/// let info = columns[0].type_info().ok_or("it was looked up")?;
/// assert_eq!(info.name(), "mood");
/// assert!(matches!(info.kind(), TypeKind::Enum(labels) if labels.len() == 2));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Default)]
pub struct Catalog {
    types: BTreeMap<Oid, Arc<TypeInfo>>,
    names: BTreeMap<TypeName, Oid>,
    taught: Vec<(TypeName, Arc<dyn ArrowType>)>,
}

impl Catalog {
    /// Adds types. Of what they are made of, the types that are not built in have to be among them, or there already;
    /// otherwise nothing is known of those parts. Built-in ones are left out.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = TypeRow>) {
        let rows = rows.into_iter().filter(|row| !types::is_built_in(row.oid));
        let rows: BTreeMap<Oid, TypeRow> = rows.map(|row| (row.oid, row)).collect();
        for oid in rows.keys() {
            self.types.remove(oid);
        }
        for oid in rows.keys() {
            self.resolve(*oid, &rows, 0);
        }
    }

    /// Has the values of a type become Arrow in this way. It holds for what is added from now on, not for built-in types.
    pub fn teach(&mut self, name: TypeName, of: Arc<dyn ArrowType>) {
        self.taught.push((name, of));
    }

    /// Notes which type a name stands for.
    pub fn name(&mut self, name: TypeName, oid: Oid) {
        self.names.insert(name, oid);
    }

    /// Returns which type a name stands for, if that was noted.
    pub fn named(&self, name: TypeName) -> Option<Oid> {
        self.names.get(&name).copied()
    }

    /// Returns what is known of a type.
    pub fn get(&self, oid: Oid) -> Option<&Arc<TypeInfo>> {
        self.types.get(&oid).filter(|info| !info.is_stale())
    }

    /// Returns the types of columns that are neither built in nor known.
    pub fn missing(&self, columns: &Columns) -> Vec<Oid> {
        let mut missing: Vec<_> = columns
            .iter()
            .map(Column::declared)
            .filter(|oid| !types::is_built_in(*oid) && self.get(*oid).is_none())
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Returns the columns with what is known of their types.
    #[must_use]
    pub fn describe(&self, columns: &Columns) -> Columns {
        columns
            .iter()
            .map(|column| self.column(column.name(), column.declared(), column.typmod(), column.format()))
            .collect()
    }

    /// Says which type a value has.
    pub(crate) fn column(&self, name: &str, oid: Oid, typmod: i32, format: Format) -> Column {
        Column::of_type(name, oid, typmod, format, self.get(oid).cloned())
    }

    /// Forgets everything, and lets those know who still hold something of it.
    pub fn clear(&mut self) {
        std::mem::take(&mut self.types).values().for_each(|info| info.mark_stale());
        self.names.clear();
    }

    fn resolve(&mut self, oid: Oid, rows: &BTreeMap<Oid, TypeRow>, depth: usize) {
        let Some(row) = rows.get(&oid).filter(|_| depth < MOST_NESTED && !self.types.contains_key(&oid))
        else {
            return;
        };
        for part in row.definition.parts() {
            self.resolve(part, rows, depth.saturating_add(1));
        }
        let mut info = TypeInfo {
            oid,
            schema: row.schema.as_str().into(),
            name: row.name.as_str().into(),
            parts: 1,
            kind: self.kind(&row.definition),
            arrow: None,
            is_stale: AtomicBool::new(false),
        };
        info.parts = info.kind.parts().saturating_add(1);
        if info.parts > MOST_PARTS {
            info.kind = TypeKind::Base { send: Box::default() };
            info.parts = 1;
        }
        let taught = self.taught.iter().rev().find(|(name, _)| name.is_of(&info));
        info.arrow = taught.map(|(_, of)| Arc::clone(of));
        self.types.insert(oid, Arc::new(info));
    }

    fn kind(&self, definition: &Definition) -> TypeKind {
        let part = |name: &str, oid: Oid, typmod: i32| self.column(name, oid, typmod, Format::Binary);
        let unnamed = |oid: Oid| Box::new(part("", oid, -1));
        match definition {
            Definition::Enum(labels) => {
                TypeKind::Enum(labels.iter().map(|label| label.as_str().into()).collect())
            }
            Definition::Composite(attributes) => TypeKind::Composite(
                attributes.iter().map(|(name, oid, typmod)| part(name, *oid, *typmod)).collect(),
            ),
            Definition::Domain(base, typmod) => TypeKind::Domain(Box::new(part("", *base, *typmod))),
            Definition::Array(element) => TypeKind::Array(unnamed(*element)),
            Definition::Range(bound) => TypeKind::Range(unnamed(*bound)),
            Definition::Multirange(range) => TypeKind::Multirange(unnamed(*range)),
            Definition::Base { send } => TypeKind::Base { send: send.as_str().into() },
        }
    }
}

impl Definition {
    fn parts(&self) -> Vec<Oid> {
        match self {
            Self::Enum(_) | Self::Base { .. } => Vec::new(),
            Self::Composite(attributes) => attributes.iter().map(|(_, oid, _)| *oid).collect(),
            Self::Domain(part, _) | Self::Array(part) | Self::Range(part) | Self::Multirange(part) => {
                vec![*part]
            }
        }
    }
}

/// What is made of more types than this, in all depths, is bytes. A table has 1,600 columns at most.
const MOST_PARTS: usize = 65_536;

/// A server has no type that contains itself. Whoever says so is believed down to this depth, and what is below is bytes.
const MOST_NESTED: usize = 64;
