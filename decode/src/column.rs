use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::ptr::fn_addr_eq;
use std::sync::{Arc, OnceLock};

use crate::arrow::ArrowType;
use crate::{FromRow, Oid, RowPlan, TypeInfo, TypeKind, TypeName, ValueError};

/// How a value travels: as the text that `psql` shows, or in the type's own binary form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// As text, in the client's encoding.
    Text,
    /// In the binary form of the type's send and receive functions.
    Binary,
}

impl Format {
    /// Returns the code on the wire: 0 for text, 1 for binary.
    pub fn code(self) -> u16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// What the server says about a column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: Box<str>,
    oid: Oid,
    typmod: i32,
    format: Format,
    /// What is known of the type, if it is not built in, or a domain. It is what `oid` is of, but for domains.
    info: Option<Arc<TypeInfo>>,
}

impl Column {
    /// Describes a column by its name, its type, the modifier of the type (-1 for none) and the format of its values.
    pub fn new(name: impl Into<Box<str>>, oid: Oid, typmod: i32, format: Format) -> Self {
        Self { name: name.into(), oid, typmod, format, info: None }
    }

    /// Describes a column with what is known of its type. A domain is what it is over.
    pub(crate) fn of_type(
        name: &str,
        oid: Oid,
        typmod: i32,
        format: Format,
        info: Option<Arc<TypeInfo>>,
    ) -> Self {
        let (oid, typmod) = match info.as_deref().map(TypeInfo::kind) {
            Some(TypeKind::Domain(base)) => (base.oid(), base.typmod()),
            _ => (oid, typmod),
        };
        Self { name: name.into(), oid, typmod, format, info }
    }

    /// Returns the name that the query gives the column. It need not be unique in a result.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of the type; of a domain, that of the type it is over, which is what the server says as well
    /// wherever it describes a result.
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Returns the type modifier, such as the precision and scale of a `numeric`; -1 says that there is none.
    pub fn typmod(&self) -> i32 {
        self.typmod
    }

    /// Returns the format in which the values of the column arrive.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Describes the same column with values in binary.
    #[must_use]
    pub fn in_binary(self) -> Self {
        Self { format: Format::Binary, ..self }
    }

    /// Returns the name of the type, as far as it is known.
    pub(crate) fn type_name(&self) -> Cow<'_, str> {
        match self.type_info() {
            Some(info) => Cow::Borrowed(info.name()),
            None => Cow::Owned(self.oid.to_string()),
        }
    }

    /// Returns what is known of the type, if it is a domain, or not built in and was looked up.
    pub fn type_info(&self) -> Option<&TypeInfo> {
        self.info.as_deref()
    }

    /// Returns the number of the type, domain or not.
    pub(crate) fn declared(&self) -> Oid {
        self.info.as_deref().map_or(self.oid, TypeInfo::oid)
    }

    /// Returns what the type is made of, domains apart.
    pub(crate) fn kind(&self) -> Option<&TypeKind> {
        match self.type_info()?.kind() {
            TypeKind::Domain(base) => base.kind(),
            kind => Some(kind),
        }
    }

    /// Returns how its values become Arrow, if somebody has taught that.
    pub(crate) fn arrow_type(&self) -> Option<&Arc<dyn ArrowType>> {
        let info = self.type_info()?;
        match info.kind() {
            TypeKind::Domain(base) => info.arrow().or_else(|| base.arrow_type()),
            _ => info.arrow(),
        }
    }

    /// Says whether the type, or what a domain is over, is called that.
    pub(crate) fn is_named(&self, name: TypeName) -> bool {
        self.type_info().is_some_and(|info| match info.kind() {
            TypeKind::Domain(base) => name.is_of(info) || base.is_named(name),
            _ => name.is_of(info),
        })
    }

    /// Says whether what is known of the types holds no more.
    pub fn is_stale(&self) -> bool {
        self.type_info().is_some_and(TypeInfo::is_stale)
    }

    pub(crate) fn is_binary(&self, oid: Oid) -> bool {
        self.oid == oid && self.format == Format::Binary
    }
}

/// The columns of a result, in order. Cheap to clone; derefs to a slice.
#[derive(Clone)]
pub struct Columns(Arc<Inner>);

struct Inner {
    columns: Box<[Column]>,
    /// The plan of the type that rows were first read as, and which type that was.
    plan: OnceLock<(Make, RowPlan)>,
}

/// [`FromRow::plan`] of some type.
type Make = fn(&Columns) -> Result<RowPlan, ValueError>;

impl Columns {
    /// Collects the columns of a result.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self(Arc::new(Inner { columns: columns.into_iter().collect(), plan: OnceLock::new() }))
    }

    /// Returns the plan to read rows as `T`: [`FromRow::plan`], made once for these columns and all of their clones.
    ///
    /// The plan of the first `T` is kept; where rows are read as several types, those of the others are made anew each
    /// time.
    ///
    /// # Errors
    ///
    /// Those of [`FromRow::plan`].
    pub fn planned<'r, T: FromRow<'r>>(&self) -> Result<Cow<'_, RowPlan>, ValueError> {
        // What lifetime a value has is no reason for another plan, so TypeId, which asks for 'static, is of no use.
        // Functions of the same code may share an address; they make the same plan.
        let make: Make = T::plan;
        if let Some((known, plan)) = self.0.plan.get()
            && fn_addr_eq(*known, make)
        {
            return Ok(Cow::Borrowed(plan));
        }
        let plan = make(self)?;
        let (known, kept) = self.0.plan.get_or_init(|| (make, plan.clone()));
        Ok(if fn_addr_eq(*known, make) { Cow::Borrowed(kept) } else { Cow::Owned(plan) })
    }

    /// Finds the columns of that name, by position. Names compare byte for byte, as the server sent them.
    pub fn positions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.iter().enumerate().filter(move |(_, column)| column.name() == name).map(|(position, _)| position)
    }
}

impl Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.0.columns
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Columns {}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Columns").field(&&**self).finish()
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        Self::new(columns)
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::new([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        let column = |name| Column::new(name, Oid::INT4, -1, Format::Binary);
        Columns::new([column("a"), column("b")])
    }

    #[test]
    fn the_plan_of_the_first_type_is_kept_with_the_columns_and_their_clones() {
        let columns = columns();
        assert!(columns.planned::<(String, String)>().is_err(), "an error is not kept");
        assert!(columns.planned::<(i32,)>().is_err());
        for columns in [&columns, &columns.clone()] {
            assert!(matches!(columns.planned::<(i32, i64)>(), Ok(Cow::Borrowed(_))));
        }
        assert!(columns.planned::<(String, String)>().is_err(), "it is no plan for another type");
        assert!(columns.planned::<(i32, i32, i32)>().is_err());
        assert!(columns.planned::<crate::OwnedRow>().is_ok());
        assert!(matches!(columns.planned::<(i32, i64)>(), Ok(Cow::Borrowed(_))));
    }
}
