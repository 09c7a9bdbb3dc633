use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, StructArray};
use arrow_schema::{FieldRef, Fields};

use super::Fault;
use super::column::{ColumnBuilder, Growth, Refused, field};
use super::fields::FindElements;
use super::list::Offsets;
use super::nulls::Nulls;

/// A column of keys with their values. No key is NULL.
pub(super) struct Map {
    offsets: Offsets,
    nulls: Nulls,
    keys: Box<dyn ColumnBuilder>,
    values: Box<dyn ColumnBuilder>,
    fields: Fields,
    entries: FieldRef,
    /// Finds pairs of fields, a key and its value each.
    find: FindElements,
}

impl Map {
    pub(super) fn boxed(
        keys: Box<dyn ColumnBuilder>,
        values: Box<dyn ColumnBuilder>,
        fields: Fields,
        entries: FieldRef,
        find: FindElements,
    ) -> Box<dyn ColumnBuilder> {
        Box::new(Self { offsets: Offsets::new(), nulls: Nulls::new(), keys, values, fields, entries, find })
    }

    fn push_pairs(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let (count, mut rest) = (self.find)(value)?;
        for _ in 0..count {
            let (key, behind) = field(rest).ok_or(MALFORMED)?;
            let (value, next) = field(behind).ok_or(MALFORMED)?;
            self.keys.push(key.ok_or(MALFORMED)?, bytes)?;
            match value {
                Some(value) => self.values.push(value, bytes)?,
                None => self.values.push_null(),
            }
            *bytes = bytes.saturating_add(self.keys.width()).saturating_add(self.values.width());
            rest = next;
        }
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        self.offsets.end_at(self.keys.len())
    }
}

const MALFORMED: Fault = Fault::Malformed("its keys and values are none");

impl ColumnBuilder for Map {
    fn begin(&mut self) {
        self.offsets.begin();
        self.keys.begin();
        self.values.begin();
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
        let pushed = self.push_pairs(value, &mut taken);
        match pushed {
            Ok(()) => *bytes = bytes.saturating_add(taken),
            Err(_) => {
                let there = self.offsets.last();
                self.keys.truncate(there);
                self.values.truncate(there);
            }
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len());
        self.offsets.repeat();
    }

    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn truncate(&mut self, len: usize) {
        let there = self.offsets.truncate(len);
        self.keys.truncate(there);
        self.values.truncate(there);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let nulls = self.nulls.finish(self.len());
        let offsets = self.offsets.finish();
        // Both start again, whatever is wrong with one.
        let (keys, values) = (self.keys.finish(), self.values.finish());
        let keys = keys.map_err(|broken| broken.within(&offsets))?;
        let values = values.map_err(|broken| broken.within(&offsets))?;
        debug_assert_eq!(keys.len(), values.len());
        let entries = StructArray::new(self.fields.clone(), vec![keys, values], None);
        Ok(Arc::new(MapArray::new(Arc::clone(&self.entries), offsets, entries, nulls, false)))
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        let fixed = self.keys.width().saturating_add(self.values.width()).saturating_mul(self.keys.len());
        fixed.saturating_add(self.keys.variable_bytes()).saturating_add(self.values.variable_bytes())
    }

    fn growth(&self) -> Growth {
        // A pair takes 8 bytes on the wire at least, and the places of two texts here: 16 bytes each as views.
        Growth { factor: 8, constant: 0 }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({:?} to {:?}, {} maps)", self.keys, self.values, self.len())
    }
}
