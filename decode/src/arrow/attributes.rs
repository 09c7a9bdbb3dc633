use super::column::{ColumnBuilder, field};
use super::structs::Split;
use super::{Fault, Policies, Unfit};
use crate::Oid;

/// Parts that are the attributes of a composite type, each behind its type and its length.
// PG source: rowtypes.c, record_send: the number of attributes, and of each the type and the value behind its length.
pub(super) struct Attributes {
    pub(super) types: Vec<Oid>,
    pub(super) policies: Policies,
    /// Notes that the type is another than it was known to be.
    pub(super) changed: std::sync::Arc<dyn Fn() + Send + Sync>,
}

impl Attributes {
    #[cold]
    fn is_another(&self) -> Fault {
        (self.changed)();
        Fault::Malformed(
            "its type is another than it was when it was looked up: the next query sees what it is now",
        )
    }
}

impl Split for Attributes {
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault> {
        let (count, mut rest) = value.split_first_chunk().ok_or(NO_COMPOSITE)?;
        if usize::try_from(i32::from_be_bytes(*count)) != Ok(parts.len()) {
            return Err(self.is_another());
        }
        for (part, wanted) in parts.iter_mut().zip(&self.types) {
            let (oid, behind) = rest.split_first_chunk().ok_or(NO_COMPOSITE)?;
            if u32::from_be_bytes(*oid) != wanted.0 {
                return Err(self.is_another());
            }
            let (value, next) = field(behind).ok_or(NO_COMPOSITE)?;
            match value.map(|value| part.push(value, bytes)) {
                Some(Ok(())) => {}
                None => part.push_null(),
                Some(Err(Fault::Unfit(kind, _))) if self.policies.of(kind) == Unfit::Null => part.push_null(),
                Some(Err(fault)) => return Err(fault),
            }
            rest = next;
        }
        if rest.is_empty() { Ok(()) } else { Err(NO_COMPOSITE) }
    }
}

pub(crate) const NO_COMPOSITE: Fault = Fault::Malformed("it is no value of a composite type");
