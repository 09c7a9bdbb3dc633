use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::Fields;

use super::Fault;
use super::column::{ColumnBuilder, Growth, NotUtf8, field};
use super::nulls::Nulls;

/// A column of values that consist of a fixed sequence of parts, without lengths between them: a struct of those.
pub(super) struct Parts {
    parts: Vec<Part>,
    fields: Fields,
    nulls: Nulls,
    len: usize,
}

/// One part of every value.
pub(super) struct Part {
    pub(super) builder: Box<dyn ColumnBuilder>,
    /// The bytes it has; without, all that are left.
    pub(super) width: Option<usize>,
}

impl Parts {
    pub(super) fn boxed(parts: Vec<Part>, fields: Fields) -> Box<dyn ColumnBuilder> {
        Box::new(Self { parts, fields, nulls: Nulls::new(), len: 0 })
    }

    fn push_parts(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let mut rest = value;
        for part in &mut self.parts {
            let width = part.width.unwrap_or(rest.len());
            let (first, next) = rest.split_at_checked(width).ok_or(MALFORMED)?;
            part.builder.push(first, bytes)?;
            rest = next;
        }
        if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }
}

const MALFORMED: Fault = Fault::Malformed("its length is not that of the type");

impl ColumnBuilder for Parts {
    fn begin(&mut self) {
        self.parts.iter_mut().for_each(|part| part.builder.begin());
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
        let mut taken = 0;
        let pushed = self.push_parts(value, &mut taken);
        match pushed {
            Ok(()) => {
                self.len = self.len.saturating_add(1);
                *bytes = bytes.saturating_add(taken);
            }
            Err(_) => self.truncate(self.len),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len);
        self.parts.iter_mut().for_each(|part| part.builder.push_null());
        self.len = self.len.saturating_add(1);
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, len: usize) {
        self.parts.iter_mut().for_each(|part| part.builder.truncate(len));
        self.nulls.truncate(len);
        self.len = self.len.min(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let nulls = self.nulls.finish(self.len);
        self.len = 0;
        let finished: Vec<_> = self.parts.iter_mut().map(|part| part.builder.finish()).collect();
        let arrays = finished.into_iter().collect::<Result<_, _>>()?;
        Ok(Arc::new(StructArray::new(self.fields.clone(), arrays, nulls)))
    }

    fn width(&self) -> usize {
        self.parts.iter().map(|part| part.builder.width()).sum()
    }

    fn variable_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.builder.variable_bytes()).sum()
    }

    fn growth(&self) -> Growth {
        let growths = self.parts.iter().map(|part| part.builder.growth());
        growths.fold(Growth::default(), |most, growth| Growth {
            factor: most.factor.max(growth.factor),
            constant: most.constant.saturating_add(growth.constant),
        })
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({} of each, {} elements)", self.parts.len(), self.len)
    }
}
