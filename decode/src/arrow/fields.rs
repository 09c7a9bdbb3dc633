use super::column::{ColumnBuilder, Growth, field};
use super::list::Fill;
use super::{Fault, Kind, Policies, Unfit};
use crate::Oid;
use crate::types::ArrayHead;

/// Elements that are as the fields of a row, each behind its length, as those of arrays are.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListedFields {
    pub(super) head: Head,
    pub(super) policies: Policies,
}

/// What stands in front of the elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head {
    /// That of an array of one dimension that begins at 1, whose elements have this type.
    Array(Oid),
    /// That of an array of one dimension, wherever it begins.
    Line(Oid),
    /// That of any array.
    Any(Oid),
    /// Something else.
    Other(FindElements),
}

/// Returns how many elements a value has, and where they begin. They are as the fields of a row.
pub(crate) type FindElements = fn(&[u8]) -> Result<(usize, &[u8]), Fault>;

impl Head {
    #[inline]
    fn read(self, value: &[u8]) -> Result<(usize, &[u8]), Fault> {
        match self {
            Self::Array(oid) => header(value, oid),
            _ => self.read_other(value),
        }
    }

    #[inline(never)]
    fn read_other(self, value: &[u8]) -> Result<(usize, &[u8]), Fault> {
        match self {
            Self::Array(oid) => header(value, oid),
            Self::Line(oid) => match array(value, oid)? {
                head if head.dimensions().len() > 1 => Err(DIMENSIONS),
                head => Ok((head.count, head.elements)),
            },
            Self::Any(oid) => array(value, oid).map(|head| (head.count, head.elements)),
            Self::Other(find) => find(value),
        }
    }
}

/// Reads the head of any array.
pub(super) fn array(value: &[u8], oid: Oid) -> Result<ArrayHead<'_>, Fault> {
    ArrayHead::read(value).filter(|head| head.element == oid).ok_or(MALFORMED)
}

/// Reads how many elements an array of one dimension from 1 on has, and where they begin.
// PG source: arrayfuncs.c, array_send: dimensions, flag for NULLs, type of the elements, and of each dimension the size
// and the lower bound.
#[inline]
fn header(value: &[u8], oid: Oid) -> Result<(usize, &[u8]), Fault> {
    let (head, rest) = value.split_first_chunk::<12>().ok_or(MALFORMED)?;
    let [d0, d1, d2, d3, f0, f1, f2, f3, o0, o1, o2, o3] = *head;
    if !matches!([f0, f1, f2, f3], [0, 0, 0, 0 | 1]) || [o0, o1, o2, o3] != oid.0.to_be_bytes() {
        return Err(MALFORMED);
    }
    match [d0, d1, d2, d3] {
        [0, 0, 0, 1] => {
            let ([n0, n1, n2, n3, lower @ ..], rest) = rest.split_first_chunk::<8>().ok_or(MALFORMED)?;
            if *lower != [0, 0, 0, 1] {
                return Err(LOWER_BOUND);
            }
            let count = u32::from_be_bytes([*n0, *n1, *n2, *n3]);
            let count = usize::try_from(count).map_err(|_| MALFORMED)?;
            // An element has a length at least, so no more are believed in than the value has room for.
            if count > rest.len() / 4 { Err(MALFORMED) } else { Ok((count, rest)) }
        }
        [0, 0, 0, 0] if rest.is_empty() => Ok((0, rest)),
        // PG source: c.h, MAXDIM.
        [0, 0, 0, 2..=6] => Err(DIMENSIONS),
        _ => Err(MALFORMED),
    }
}

pub(super) const MALFORMED: Fault = Fault::Malformed("it is no array of the type");
const DIMENSIONS: Fault = Fault::Unfit(Kind::Shape, "it has more than one dimension");
pub(super) const LOWER_BOUND: Fault = Fault::Unfit(Kind::Shape, "its lower bound is not 1");

/// Appends elements one by one, and says what is wrong with the first that cannot be one.
pub(super) fn push_fields(
    mut rest: &[u8],
    count: usize,
    elements: &mut dyn ColumnBuilder,
    policies: &Policies,
    bytes: &mut usize,
) -> Result<(), Fault> {
    for _ in 0..count {
        let (value, next) = field(rest).ok_or(MALFORMED)?;
        match value.map(|value| elements.push(value, bytes)) {
            Some(Ok(())) => {}
            None => elements.push_null(),
            Some(Err(Fault::Unfit(kind, _))) if policies.of(kind) == Unfit::Null => elements.push_null(),
            Some(Err(fault)) => return Err(fault),
        }
        *bytes = bytes.saturating_add(elements.width());
        rest = next;
    }
    if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

impl Fill for ListedFields {
    #[inline]
    fn take(&self, value: &[u8], elements: &mut dyn ColumnBuilder, there: usize) -> Option<usize> {
        let (count, fields) = self.head.read(value).ok()?;
        let end = there.checked_add(count)?;
        elements.take_run(fields, count)?.is_empty().then_some(end)
    }

    fn push(&self, value: &[u8], elements: &mut dyn ColumnBuilder, bytes: &mut usize) -> Result<(), Fault> {
        let (count, fields) = self.head.read(value)?;
        push_fields(fields, count, elements, &self.policies, bytes)
    }

    /// A NULL takes the 4 bytes of its length on the wire, and up to 32 here. What is rewritten has no bound that is of
    /// use.
    fn growth(&self, Growth { factor, constant }: Growth) -> Growth {
        Growth { factor: if constant == 0 { factor.max(8) } else { usize::MAX }, constant: 0 }
    }
}
