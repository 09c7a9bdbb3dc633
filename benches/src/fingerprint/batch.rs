use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::iterator::ArrayIter;
use molt_db::arrow::array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use molt_db::arrow::array::{Array, ArrayAccessor, RecordBatch};
use molt_db::arrow::schema::{DataType, TimeUnit};

use super::{Fingerprint, RowHash};
use crate::failure::Failure;

impl Fingerprint {
    /// Adds the rows of a batch.
    ///
    /// # Errors
    ///
    /// A column of a type that no table of the benchmarks has.
    pub(crate) fn add_batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let mut rows = vec![RowHash::new(); batch.num_rows()];
        for column in batch.columns() {
            add_column(&mut rows, column)?;
        }
        rows.into_iter().for_each(|row| self.add(row));
        Ok(())
    }
}

fn add_column(rows: &mut [RowHash], column: &dyn Array) -> Result<(), Failure> {
    match column.data_type() {
        DataType::Boolean => add(rows, column.as_boolean(), RowHash::boolean),
        DataType::Int16 => add(rows, column.as_primitive::<Int16Type>(), RowHash::integer),
        DataType::Int32 => add(rows, column.as_primitive::<Int32Type>(), RowHash::integer),
        DataType::Int64 => add(rows, column.as_primitive::<Int64Type>(), RowHash::integer),
        DataType::Float32 => add(rows, column.as_primitive::<Float32Type>(), RowHash::float),
        DataType::Float64 => add(rows, column.as_primitive::<Float64Type>(), RowHash::float),
        DataType::Date32 => add(rows, column.as_primitive::<Date32Type>(), RowHash::date),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            add(rows, column.as_primitive::<TimestampMicrosecondType>(), RowHash::point_in_time);
        }
        DataType::Utf8 => add(rows, column.as_string::<i32>(), RowHash::text),
        DataType::LargeUtf8 => add(rows, column.as_string::<i64>(), RowHash::text),
        DataType::Utf8View => add(rows, column.as_string_view(), RowHash::text),
        DataType::Binary => add(rows, column.as_binary::<i32>(), RowHash::binary),
        DataType::FixedSizeBinary(_) => add(rows, column.as_fixed_size_binary(), RowHash::binary),
        DataType::List(_) => add_lists(rows, column)?,
        DataType::Decimal128(..) => add_decimals(rows, column),
        other => return Err(format!("no hash is defined for {other}").into()),
    }
    Ok(())
}

fn add<A: ArrayAccessor>(rows: &mut [RowHash], column: A, add: impl Fn(&mut RowHash, A::Item)) {
    for (row, value) in rows.iter_mut().zip(ArrayIter::new(column)) {
        match value {
            Some(value) => add(row, value),
            None => row.null(),
        }
    }
}

fn add_decimals(rows: &mut [RowHash], column: &dyn Array) {
    let column = column.as_primitive::<Decimal128Type>();
    for (index, row) in rows.iter_mut().enumerate() {
        if column.is_null(index) {
            row.null();
        } else {
            row.text(&column.value_as_string(index));
        }
    }
}

fn add_lists(rows: &mut [RowHash], column: &dyn Array) -> Result<(), Failure> {
    for (row, list) in rows.iter_mut().zip(column.as_list::<i32>().iter()) {
        let Some(elements) = list else {
            row.null();
            continue;
        };
        row.list(elements.len());
        for index in 0..elements.len() {
            add_column(std::slice::from_mut(row), &elements.slice(index, 1))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use molt_db::arrow::array::types::Int32Type;
    use molt_db::arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
        Float32Array, Int16Array, ListArray, StringArray, StringViewArray, TimestampMicrosecondArray,
        UInt64Array,
    };

    use super::*;

    fn hash(columns: Vec<ArrayRef>) -> Result<Fingerprint, Failure> {
        let named = columns.into_iter().enumerate().map(|(place, column)| (place.to_string(), column));
        let mut hash = Fingerprint::default();
        hash.add_batch(&RecordBatch::try_from_iter(named)?)?;
        Ok(hash)
    }

    #[test]
    fn columns_hash_as_the_values_of_their_rows() {
        let decimals =
            Decimal128Array::from(vec![Some(-1230), None]).with_precision_and_scale(15, 2).unwrap();
        let batch = hash(vec![
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            Arc::new(Int16Array::from(vec![Some(7), None])),
            Arc::new(Float32Array::from(vec![Some(0.5), None])),
            Arc::new(Date32Array::from(vec![Some(10_957), None])),
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec![Some("a"), None])),
            Arc::new(decimals),
        ]);
        let mut full = RowHash::new();
        full.boolean(true);
        full.integer(7_i16);
        full.float(0.5_f32);
        full.date(10_957);
        full.point_in_time(1);
        full.text("a");
        full.text("-12.30");
        let mut nulls = RowHash::new();
        (0..7).for_each(|_| nulls.null());
        let mut expected = Fingerprint::default();
        expected.add(full);
        expected.add(nulls);
        assert_eq!(batch.unwrap(), expected);
    }

    #[test]
    fn layouts_of_text_do_not_matter() {
        let words = vec![Some("a"), None, Some("a text that is too long for a view")];
        let plain = hash(vec![Arc::new(StringArray::from(words.clone()))]);
        assert_eq!(hash(vec![Arc::new(StringViewArray::from(words))]).unwrap(), plain.unwrap());
    }

    #[test]
    fn lists_hash_as_their_length_and_elements() {
        let lists = [Some(vec![Some(7), None]), None, Some(vec![])];
        let batch = hash(vec![Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))]);
        let [mut two, mut null, mut none] = [RowHash::new(); 3];
        two.list(2);
        two.integer(7);
        two.null();
        null.null();
        none.list(0);
        let mut expected = Fingerprint::default();
        [two, null, none].into_iter().for_each(|row| expected.add(row));
        assert_eq!(batch.unwrap(), expected);
    }

    #[test]
    fn bytes_hash_alike_whether_their_length_is_fixed_or_not() {
        let fixed = FixedSizeBinaryArray::try_from_iter([b"ab", b"cd"].into_iter()).unwrap();
        let plain = BinaryArray::from_iter_values([b"ab", b"cd"]);
        assert_eq!(hash(vec![Arc::new(fixed)]).unwrap(), hash(vec![Arc::new(plain)]).unwrap());
    }

    #[test]
    fn types_without_a_hash_are_refused() {
        assert!(hash(vec![Arc::new(UInt64Array::from(vec![1]))]).is_err());
    }
}
