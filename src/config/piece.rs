use super::error::Place;

/// A part of a connection string that knows where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'s> {
    pub(super) text: &'s str,
    /// The offset of `text` in the whole string, in bytes.
    pub(super) at: usize,
}

impl<'s> Piece<'s> {
    pub(super) fn whole(text: &'s str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Splits before the first character that ends the piece; the second part is empty if there is none.
    pub(super) fn split_before(self, ends: impl Fn(char) -> bool) -> (Self, Self) {
        self.split_at(self.text.find(ends).unwrap_or(self.text.len()))
    }

    pub(super) fn strip(self, prefix: &str) -> Option<Self> {
        self.text.strip_prefix(prefix).map(|text| Self { text, at: self.at + prefix.len() })
    }

    pub(super) fn trim_start(self) -> Self {
        self.split_before(|c| !is_blank(c)).1
    }

    /// Cuts off spaces, and only those, at the start.
    pub(super) fn without_leading_spaces(self) -> Self {
        self.split_before(|c| c != ' ').1
    }

    /// Cuts off spaces, and only those, at the end.
    pub(super) fn without_trailing_spaces(self) -> Self {
        Self { text: self.text.trim_end_matches(' '), at: self.at }
    }

    pub(super) fn place(self) -> Place {
        Place::Byte(self.at)
    }

    pub(super) fn split_at(self, middle: usize) -> (Self, Self) {
        let (head, tail) = self.text.split_at(middle);
        (Self { text: head, at: self.at }, Self { text: tail, at: self.at + middle })
    }
}

/// What C's `isspace` takes for a blank, and so libpq.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}
