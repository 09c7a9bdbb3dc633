/// When a batch is full: at whichever limit is reached first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchLimits {
    /// The rows that a batch has at most.
    pub rows: RowLimit,
    /// The bytes after which a batch takes no further row.
    pub bytes: ByteLimit,
}

/// A number of rows, at least 1. Unless given, 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowLimit(usize);

impl RowLimit {
    /// Takes a number of rows; 0 is taken as 1.
    pub fn new(rows: usize) -> Self {
        Self(rows.max(1))
    }

    /// Returns the number of rows.
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for RowLimit {
    fn default() -> Self {
        Self(65_536)
    }
}

/// A number of bytes of a batch: of its values and offsets, without its validity bitmaps. Unless given, 16 MiB.
///
/// A batch goes beyond it by its last row at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteLimit(usize);

impl ByteLimit {
    /// The largest limit, 1 GiB: a value of PostgreSQL is at most that long, and both together fit the 32 bit offsets
    /// of Arrow.
    pub const MAX: Self = Self((1 << 30) - 1);

    /// Takes a number of bytes; above [`MAX`](Self::MAX) it is taken as that.
    pub fn new(bytes: usize) -> Self {
        Self(bytes.min(Self::MAX.0))
    }

    /// Returns the number of bytes.
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for ByteLimit {
    fn default() -> Self {
        Self(16 << 20)
    }
}
