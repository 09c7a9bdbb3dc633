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
            numbers: HashMap::new(),
            array: None,
        };
        for label in labels {
            let _ = column.add(label);
        }
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
    fn number_of_new(&mut self, value: &[u8]) -> Result<i32, Fault> {
        let label = str::from_utf8(value).map_err(|_| Fault::Malformed("its text is not valid UTF-8"))?;
        self.add(label).ok_or(Fault::TooLong)
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

    fn push(&mut self, value: &[u8], _bytes: &mut usize) -> Result<(), Fault> {
        let number = match self.numbers.get(value) {
            Some(number) => *number,
            None => self.number_of_new(value)?,
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
        Ok(Arc::new(DictionaryArray::new(keys, Arc::clone(values))))
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        0
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
