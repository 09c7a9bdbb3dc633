use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray};
use arrow_schema::DataType;

use super::Fault;
use super::column::{ColumnBuilder, Growth, Refused};
use super::variable::{Content, Copied, Variable};
use crate::ValueError;

/// How values of a type that this crate does not know become Arrow: of an extension, say, for a crate of its own.
///
/// A [`Catalog`](crate::Catalog) is taught which type of the database it is for. Lists of the type and structs with it are
/// made of it.
///
/// ```
/// use std::sync::Arc;
///
/// use molt_db_decode::arrow::ArrowType;
/// use molt_db_decode::arrow::array::{Array, ArrayRef, BinaryArray, FixedSizeListArray, types::Float32Type};
/// use molt_db_decode::arrow::schema::{DataType, Field};
/// use molt_db_decode::{Catalog, TypeName, ValueError};
///
/// /// `vector(n)` of pgvector: two numbers of 16 bits, the first of which is n, and n numbers of 32 bits.
/// #[derive(Debug)]
/// struct Vector;
///
/// impl ArrowType for Vector {
///     fn data_type(&self, typmod: i32) -> DataType {
///         DataType::new_fixed_size_list(DataType::Float32, typmod, true)
///     }
///
///     fn convert(&self, values: &BinaryArray, typmod: i32) -> Result<ArrayRef, (usize, ValueError)> {
///         let vector = |(row, value): (usize, Option<&[u8]>)| {
///             let Some(value) = value else { return Ok(None) };
///             let (numbers, rest) = value.get(4..).unwrap_or_default().as_chunks::<4>();
///             match usize::try_from(typmod) {
///                 Ok(n) if n == numbers.len() && rest.is_empty() => {
///                     Ok(Some(numbers.iter().map(|bytes| Some(f32::from_be_bytes(*bytes))).collect::<Vec<_>>()))
///                 }
///                 _ => Err((row, ValueError::malformed("it is no vector of the type"))),
///             }
///         };
///         let vectors = values.iter().enumerate().map(vector).collect::<Result<Vec<_>, _>>()?;
///         Ok(Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, typmod)))
///     }
/// }
///
/// let mut catalog = Catalog::default();
/// catalog.teach(TypeName::new("vector"), Arc::new(Vector));
/// ```
pub trait ArrowType: fmt::Debug + Send + Sync {
    /// Returns the Arrow type of a column whose type has this modifier, -1 for none.
    fn data_type(&self, typmod: i32) -> DataType;

    /// Makes an array of [`data_type`](Self::data_type) of values as they are on the wire in binary, as many as there are.
    /// It is called once for a batch.
    ///
    /// # Errors
    ///
    /// The first value that is none, by its place, and what is wrong with it.
    fn convert(&self, values: &BinaryArray, typmod: i32) -> Result<ArrayRef, (usize, ValueError)>;
}

/// A column of such values: their bytes, until a batch is finished.
pub(super) struct Foreign {
    bytes: Box<dyn ColumnBuilder>,
    of: Arc<dyn ArrowType>,
    typmod: i32,
}

impl Foreign {
    pub(super) fn boxed(of: Arc<dyn ArrowType>, typmod: i32) -> Box<dyn ColumnBuilder> {
        Box::new(Self { bytes: Variable::boxed(Content::Bytes, Copied::Whole), of, typmod })
    }

    fn convert(&self, bytes: &ArrayRef) -> Result<ArrayRef, (usize, ValueError)> {
        let Some(values) = bytes.as_any().downcast_ref::<BinaryArray>() else {
            return Err((0, ValueError::other("its bytes are no array of bytes")));
        };
        let array = self.of.convert(values, self.typmod)?;
        if array.len() != bytes.len() || *array.data_type() != self.of.data_type(self.typmod) {
            let problem = format!("{:?} has made an array of another type or length than it said", self.of);
            return Err((0, ValueError::other(problem)));
        }
        Ok(array)
    }
}

impl ColumnBuilder for Foreign {
    fn begin(&mut self) {
        self.bytes.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        self.bytes.take(row, bytes)
    }

    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        self.bytes.take_block(input, rows)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        self.bytes.push(value, bytes)
    }

    fn push_null(&mut self) {
        self.bytes.push_null();
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let bytes = self.bytes.finish()?;
        self.convert(&bytes).map_err(|(element, error)| Refused { element, error })
    }

    fn width(&self) -> usize {
        self.bytes.width()
    }

    fn variable_bytes(&self) -> usize {
        self.bytes.variable_bytes()
    }

    fn growth(&self) -> Growth {
        self.bytes.growth()
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({:?}, {} elements)", self.of, self.len())
    }
}
