use crate::{ColumnIndex, Columns, FieldWalk, FromSql, OwnedRow, ReadError, Row, RowLayout, ValueError};

/// A type that whole rows can be read as.
///
/// Tuples of up to 12 values read by position, from a result with exactly that many columns; `(T,)` reads a single one.
/// A struct reads by name and a tuple struct by position, with `#[derive(FromRow)]`. [`OwnedRow`] takes any row as
/// it is.
///
/// ```
/// use molt_db_decode::{Column, Columns, Format, FromRow, Oid, RowLayout};
///
/// let columns = Columns::new([
///     Column::new("id", Oid::INT4, -1, Format::Binary),
///     Column::new("note", Oid::TEXT, -1, Format::Binary),
/// ]);
/// let plan = <(i64, Option<String>)>::plan(&columns)?;
///
/// let mut layout = RowLayout::default();
/// for body in [b"\0\x02\0\0\0\x04\0\0\0\x01\xff\xff\xff\xff", b"\0\x02\0\0\0\x04\0\0\0\x02\xff\xff\xff\xff"] {
///     let (id, note) = <(i64, Option<String>)>::from_row(&plan, layout.row(body, &columns)?)?;
///     assert!(id > 0 && note.is_none());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A struct names what it reads:
///
/// ```
/// use molt_db_decode::{Column, Columns, Date, Format, FromRow, Oid, RowLayout};
///
/// #[derive(FromRow)]
/// # #[molt(crate = "molt_db_decode")]
/// struct Order<'r> {
///     id: i64,
///     #[molt(rename = "customer name")]
///     customer: &'r str,
///     shipped: Option<Date>,
/// }
///
/// let columns = Columns::new([
///     Column::new("shipped", Oid::DATE, -1, Format::Binary),
///     Column::new("customer name", Oid::TEXT, -1, Format::Binary),
///     Column::new("not asked for", Oid::TEXT, -1, Format::Binary),
///     Column::new("id", Oid::INT8, -1, Format::Binary),
/// ]);
/// let body = b"\0\x04\xff\xff\xff\xff\0\0\0\x03Ada\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x07";
///
/// let mut layout = RowLayout::default();
/// let order: Order<'_> = layout.row(body, &columns)?.read()?;
/// assert_eq!((order.id, order.customer, order.shipped), (7, "Ada", None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FromRow<'r>: Sized {
    /// Checks the columns of a result, once for all of its rows: that they are there and of types that can be read.
    ///
    /// # Errors
    ///
    /// A column is missing, named twice or of a type that its field does not read; for what reads by position, the
    /// count is another.
    fn plan(columns: &Columns) -> Result<RowPlan, ValueError>;

    /// Reads a row of the result that the plan was made for.
    ///
    /// # Errors
    ///
    /// A value is NULL where there is no place for it, malformed, or out of range.
    fn from_row(plan: &RowPlan, row: Row<'r>) -> Result<Self, ValueError>;

    /// Reads a row of that result from its bytes, in one walk where the plan takes all fields in order. `layout` is for
    /// the others, and is reused from row to row.
    ///
    /// # Errors
    ///
    /// As [`from_row`](Self::from_row); the row is malformed.
    fn from_body(
        plan: &RowPlan,
        body: &'r [u8],
        columns: &'r Columns,
        layout: &'r mut RowLayout,
    ) -> Result<Self, ReadError> {
        Ok(Self::from_row(plan, layout.row(body, columns)?)?)
    }
}

/// Where in a row each field of a [`FromRow`] type stands. Made once for a result.
///
/// An implementation of [`FromRow`] makes one with [`by_position`](Self::by_position) or [`by_name`](Self::by_name),
/// adds its fields in order and reads them back in that order.
#[derive(Debug, Clone)]
pub struct RowPlan {
    positions: Positions,
    fields: usize,
}

#[derive(Debug, Clone)]
enum Positions {
    InOrder,
    /// One position for each field.
    Listed(Vec<usize>),
}

impl RowPlan {
    /// Starts a plan for fields that stand in the order of the columns.
    ///
    /// # Errors
    ///
    /// The result does not have exactly `count` columns.
    pub fn by_position(columns: &Columns, count: usize) -> Result<Self, ValueError> {
        if columns.len() != count {
            return Err(ValueError::column_count(count, columns.len()));
        }
        Ok(Self { positions: Positions::InOrder, fields: 0 })
    }

    /// Starts a plan for fields that are found by name. Columns that no field asks for are not read.
    pub fn by_name() -> Self {
        Self { positions: Positions::Listed(Vec::new()), fields: 0 }
    }

    /// Adds the next field, of type `T`, at the next position.
    ///
    /// # Errors
    ///
    /// There is no such column, or `T` does not read its type.
    pub fn next<'r, T: FromSql<'r>>(&mut self, columns: &Columns) -> Result<(), ValueError> {
        self.add::<T>(columns, self.fields)
    }

    /// Adds the next field, of type `T`, from the column of that name.
    ///
    /// # Errors
    ///
    /// There is no such column or more than one, or `T` does not read its type.
    pub fn named<'r, T: FromSql<'r>>(&mut self, columns: &Columns, name: &str) -> Result<(), ValueError> {
        self.add::<T>(columns, name.position(columns)?)
    }

    /// Tells whether the fields of the plan are all columns, in order: a row can be read by a
    /// [`FieldWalk`](crate::FieldWalk) then.
    #[inline]
    pub fn is_in_order(&self, columns: &Columns) -> bool {
        let in_order = match &self.positions {
            Positions::InOrder => true,
            Positions::Listed(positions) => positions.iter().copied().eq(0..self.fields),
        };
        in_order && self.fields == columns.len()
    }

    /// Reads the value of a field, counted from 0 in the order in which the fields were added.
    ///
    /// # Errors
    ///
    /// The value is NULL and `T` is no `Option`, it is malformed or out of the range of `T`, or the plan has no such
    /// field.
    pub fn read<'r, T: FromSql<'r>>(&self, row: Row<'r>, field: usize) -> Result<T, ValueError> {
        let position = match &self.positions {
            Positions::InOrder => Some(field),
            Positions::Listed(positions) => positions.get(field).copied(),
        };
        match position {
            Some(position) => row.read_at(position),
            None => Err(ValueError::no_such_position(field, self.fields)),
        }
    }

    fn add<'r, T: FromSql<'r>>(&mut self, columns: &Columns, position: usize) -> Result<(), ValueError> {
        let column =
            columns.get(position).ok_or_else(|| ValueError::no_such_position(position, columns.len()))?;
        if !T::accepts(column) {
            return Err(ValueError::mismatch(column).at::<T>(position, column));
        }
        if let Positions::Listed(positions) = &mut self.positions {
            positions.push(position);
        }
        self.fields = self.fields.saturating_add(1);
        Ok(())
    }
}

impl<'r> FromRow<'r> for OwnedRow {
    fn plan(_columns: &Columns) -> Result<RowPlan, ValueError> {
        Ok(RowPlan::by_name())
    }

    fn from_row(_plan: &RowPlan, row: Row<'r>) -> Result<Self, ValueError> {
        Ok(row.to_owned())
    }
}

/// Implements [`FromRow`] for one length of tuple: a language without variadic generics has no other way.
macro_rules! tuple {
    ($count:literal: $($field:literal $value:ident),+) => {
        impl<'r, $($value: FromSql<'r>),+> FromRow<'r> for ($($value,)+) {
            fn plan(columns: &Columns) -> Result<RowPlan, ValueError> {
                let mut plan = RowPlan::by_position(columns, $count)?;
                $(plan.next::<$value>(columns)?;)+
                Ok(plan)
            }

            fn from_row(plan: &RowPlan, row: Row<'r>) -> Result<Self, ValueError> {
                Ok(($(plan.read::<$value>(row, $field)?,)+))
            }

            #[inline]
            fn from_body(
                _plan: &RowPlan,
                body: &'r [u8],
                columns: &'r Columns,
                _layout: &'r mut RowLayout,
            ) -> Result<Self, ReadError> {
                let mut fields = FieldWalk::new(body, columns)?;
                let row = ($(fields.read::<$value>()?,)+);
                fields.finish()?;
                Ok(row)
            }
        }
    };
}

tuple!(1: 0 A);
tuple!(2: 0 A, 1 B);
tuple!(3: 0 A, 1 B, 2 C);
tuple!(4: 0 A, 1 B, 2 C, 3 D);
tuple!(5: 0 A, 1 B, 2 C, 3 D, 4 E);
tuple!(6: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F);
tuple!(7: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G);
tuple!(8: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H);
tuple!(9: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I);
tuple!(10: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J);
tuple!(11: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K);
tuple!(12: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);

/// A field has to be of a type that is read from a column.
///
/// ```compile_fail,E0277
/// #[derive(molt_db_decode::FromRow)]
/// #[molt(crate = "molt_db_decode")]
/// struct Wrong {
///     id: std::net::TcpStream,
/// }
/// ```
///
/// What is borrowed lives as long as the row.
///
/// ```compile_fail
/// #[derive(molt_db_decode::FromRow)]
/// #[molt(crate = "molt_db_decode")]
/// struct Wrong {
///     name: &'static str,
/// }
/// ```
#[cfg(doctest)]
struct RefusedByTheCompiler;
