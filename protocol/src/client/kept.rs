use super::Arguments;
use super::tape::{Place, Tape};
use crate::message::WireFormat;

/// The arguments of the queries that are on their way, kept for the case that they have to be sent later, or again.
#[derive(Debug, Default, Clone)]
pub(super) struct Kept {
    formats: Tape<WireFormat>,
    values: Tape<u8>,
}

/// Where the arguments of a query are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    formats: Place,
    values: Place,
}

impl Kept {
    pub(super) fn keep(&mut self, arguments: &Arguments<'_>) -> Places {
        Places { formats: self.formats.push(arguments.formats), values: self.values.push(arguments.values) }
    }

    /// Returns arguments as they were given; `types` are those that their statement declares.
    pub(super) fn arguments<'a>(&'a self, places: &Places, types: &'a [u32]) -> Arguments<'a> {
        Arguments {
            types,
            formats: self.formats.get(&places.formats),
            values: self.values.get(&places.values),
        }
    }

    /// Takes back the arguments that were kept last.
    pub(super) fn undo(&mut self, last: &Places) {
        self.formats.truncate(last.formats.start);
        self.values.truncate(last.values.start);
    }

    /// Forgets these arguments and all that were kept before them.
    pub(super) fn forget(&mut self, places: &Places) {
        self.formats.forget(places.formats.end);
        self.values.forget(places.values.end);
    }
}
