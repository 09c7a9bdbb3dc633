use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, PrimitiveArray, StringArray};

use super::Fault;
use super::column::{ColumnBuilder, Growth, Refused, field};
use super::elements::Elements;
use super::nulls::Nulls;

/// A column of labels: numbers, and in a dictionary what each of them means.
pub(super) struct Dictionary {
    keys: Elements<i32>,
    nulls: Nulls,
    labels: Vec<Box<str>>,
    /// How many of them were known; the others have come in this batch, and are of so many bytes.
    known: usize,
    new_bytes: usize,
    numbers: HashMap<Box<[u8]>, i32>,
    /// The dictionary of the batches so far, as long as no label has come that is not in it.
    array: Option<ArrayRef>,
}

impl Dictionary {
    /// Begins with labels that are known, in their order. Labels that come beside them are added behind.
    pub(super) fn boxed(labels: &[Box<str>]) -> Box<dyn ColumnBuilder> {
        let mut column = Self {
            keys: Elements::new(),
            nulls: Nulls::new(),
            labels: Vec::new(),
            known: 0,
            new_bytes: 0,
            numbers: HashMap::new(),
            array: None,
        };
        for label in labels {
            let _ = column.add(label);
        }
        column.known = column.labels.len();
        Box::new(column)
    }

    fn add(&mut self, label: &str) -> Option<i32> {
        let number = i32::try_from(self.labels.len()).ok()?;
        self.labels.push(label.into());
        self.numbers.insert(label.as_bytes().into(), number);
        self.array = None;
        Some(number)
    }

    #[cold]
    fn number_of_new(&mut self, value: &[u8], bytes: &mut usize) -> Result<i32, Fault> {
        let label = str::from_utf8(value).map_err(|_| Fault::Malformed("its text is not valid UTF-8"))?;
        let number = self.add(label).ok_or(Fault::TooLong)?;
        let taken = value.len().saturating_add(size_of::<i32>());
        self.new_bytes = self.new_bytes.saturating_add(taken);
        *bytes = bytes.saturating_add(taken);
        Ok(number)
    }

    /// Forgets the labels that were not known, which a server that goes on making up others would fill memory with.
    fn forget_new(&mut self) {
        for label in self.labels.drain(self.known..) {
            self.numbers.remove(label.as_bytes());
            self.array = None;
        }
        self.new_bytes = 0;
    }
}

impl ColumnBuilder for Dictionary {
    fn begin(&mut self) {
        self.keys.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.push(value, bytes).ok()?,
            None => self.push_null(),
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let number = match self.numbers.get(value) {
            Some(number) => *number,
            None => self.number_of_new(value, bytes)?,
        };
        self.keys.push(number);
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.keys.len());
        self.keys.push(0);
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn truncate(&mut self, len: usize) {
        self.keys.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let nulls = self.nulls.finish(self.keys.len());
        let keys = PrimitiveArray::<Int32Type>::new(self.keys.finish_scalars(), nulls);
        let labels = &self.labels;
        let values = self.array.get_or_insert_with(|| {
            Arc::new(StringArray::from_iter_values(labels.iter().map(|label| &**label)))
        });
        let array = Arc::new(DictionaryArray::new(keys, Arc::clone(values)));
        self.forget_new();
        Ok(array)
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        self.new_bytes
    }

    fn growth(&self) -> Growth {
        Growth::default()
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({} labels, {} elements)", self.labels.len(), self.keys.len())
    }
}
