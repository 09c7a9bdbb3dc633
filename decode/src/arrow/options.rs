/// How a result becomes Arrow, where there is a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrowOptions {
    /// What becomes of a proper value that its Arrow type cannot hold.
    pub unfit: Unfit,
    /// The layout of text columns.
    pub text: TextLayout,
    /// Whether fields carry extension types.
    pub extension_types: ExtensionTypes,
}

/// What becomes of a proper value that its Arrow type cannot hold, such as an infinite date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unfit {
    /// The row is an error.
    #[default]
    Error,
    /// The element is NULL.
    Null,
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
