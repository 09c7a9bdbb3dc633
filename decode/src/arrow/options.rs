use super::Policies;

/// How a result becomes Arrow, where there is a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrowOptions {
    /// What becomes of proper values that their Arrow types cannot hold.
    pub unfit: Policies,
    /// The layout of text columns.
    pub text: TextLayout,
    /// Whether fields carry extension types.
    pub extension_types: ExtensionTypes,
    /// Which Arrow types arrays, ranges and intervals have.
    pub profile: Profile,
    /// Which arrays there is a place for.
    pub arrays: Arrays,
}

/// The layout of the columns that this crate otherwise calls `Utf8`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TextLayout {
    /// Offsets into one buffer, which every consumer of Arrow reads.
    #[default]
    Utf8,
    /// Views, which short strings lie inside of and which are cheaper to filter.
    Utf8View,
}

/// Whether fields carry the extension types `arrow.uuid`, `arrow.json` and `arrow.opaque`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtensionTypes {
    /// They do.
    #[default]
    Attach,
    /// They do not, for consumers that refuse what they do not know.
    Omit,
}

/// Which Arrow types arrays, ranges and intervals have. The [module](super) says what these are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// Those that consumers of Arrow know: lists, intervals, and structs of five parts for ranges.
    #[default]
    Arrow,
    /// Structs that hold all there is to them, as Molt's IPC contract has them: arrays with their lower bounds, ranges
    /// with bounds that are structs, intervals in months, days and microseconds.
    Molt,
}

/// Which arrays there is a place for: the Arrow type of a column cannot depend on the number of dimensions that its
/// arrays turn out to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Arrays {
    /// Those of one dimension, as lists. Others do not fit.
    #[default]
    Lists,
    /// Those of this many dimensions, as lists in lists. Others do not fit. Without elements, an array has no dimensions
    /// and is an outer list without any.
    Nested(Dimensions),
    /// All of them, as a struct of the lengths of their dimensions, of their lower bounds, and of their elements in one
    /// list, those of the last dimension beside each other.
    Structs,
}

/// A number of dimensions, from 1 to the 6 that arrays have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimensions(u8);

impl Dimensions {
    /// Takes a number; below 1 is taken as 1, and above 6 as 6.
    pub const fn new(count: u8) -> Self {
        Self(match count {
            0 => 1,
            1..=6 => count,
            // PG source: c.h, MAXDIM.
            7.. => 6,
        })
    }

    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Arrays {
    /// How many levels of lists an array is.
    pub(crate) fn levels(self) -> usize {
        match self {
            Self::Lists | Self::Structs => 1,
            Self::Nested(dimensions) => dimensions.get().into(),
        }
    }
}
