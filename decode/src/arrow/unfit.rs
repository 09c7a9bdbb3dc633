//! Values that do not fit: of which kinds they are, and what becomes of them.

use std::fmt;

/// What becomes of a proper value that its Arrow type cannot hold, such as an infinite date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unfit {
    /// The row is an error.
    #[default]
    Error,
    /// The element is NULL.
    Null,
    /// The column is text: all of its values are what the server would write, so that nothing is lost. A schema stands
    /// before the first row, so this is so of every column whose type has values of the kind, whether they come or not.
    Text,
}

/// What becomes of text that is not UTF-8, as a server has it whose encoding is `SQL_ASCII`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BrokenText {
    /// The batch is an error.
    #[default]
    Error,
    /// The element is NULL.
    Null,
}

/// What becomes of values that do not fit, for each kind of them. `Policies::from(unfit)` is the same for all kinds.
///
/// A column whose type has values of several kinds, one of which is to be text, is text; then all of its values fit.
///
/// ```
/// use molt_db_decode::arrow::{ArrowOptions, Policies, Unfit};
///
/// let all = ArrowOptions { unfit: Unfit::Null.into(), ..ArrowOptions::default() };
/// let unfit = Policies { infinity: Unfit::Text, shape: Unfit::Null, ..Policies::default() };
/// let some = ArrowOptions { unfit, ..ArrowOptions::default() };
/// # let _ = (all, some);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policies {
    /// The infinities of `date`, `timestamp`, `timestamptz`, `interval`, and of a `numeric` that is a decimal.
    pub infinity: Unfit,
    /// NaN of a `numeric` that is a decimal.
    pub nan: Unfit,
    /// What lies beyond the Arrow type: timestamps after 294247-01-10, more than 292 years of microseconds in an
    /// `interval`, the time 24:00:00, a byte above 127 of a `"char"`.
    pub range: Unfit,
    /// A `numeric` with more digits than its column, before or after the point. Servers do not send these.
    pub digits: Unfit,
    /// An array whose dimensions or lower bounds its Arrow type cannot tell.
    pub shape: Unfit,
    /// Text that is not UTF-8. It cannot be kept as text.
    pub encoding: BrokenText,
}

impl Policies {
    /// Returns the same for all kinds of values that do not fit. Text that is not UTF-8 stays an error.
    pub const fn all(unfit: Unfit) -> Self {
        Self {
            infinity: unfit,
            nan: unfit,
            range: unfit,
            digits: unfit,
            shape: unfit,
            encoding: BrokenText::Error,
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> Unfit {
        match kind {
            Kind::Infinity => self.infinity,
            Kind::NaN => self.nan,
            Kind::Range => self.range,
            Kind::Digits => self.digits,
            Kind::Shape => self.shape,
            Kind::Encoding => match self.encoding {
                BrokenText::Error => Unfit::Error,
                BrokenText::Null => Unfit::Null,
            },
        }
    }
}

impl From<Unfit> for Policies {
    fn from(unfit: Unfit) -> Self {
        Self::all(unfit)
    }
}

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Infinity,
    NaN,
    Range,
    Digits,
    Shape,
    Encoding,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Infinity, Self::NaN, Self::Range, Self::Digits, Self::Shape, Self::Encoding];

    /// Returns its name, which is that of its field in [`Policies`].
    fn name(self) -> &'static str {
        match self {
            Self::Infinity => "infinity",
            Self::NaN => "nan",
            Self::Range => "range",
            Self::Digits => "digits",
            Self::Shape => "shape",
            Self::Encoding => "encoding",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Infinity => 1,
            Self::NaN => 2,
            Self::Range => 4,
            Self::Digits => 8,
            Self::Shape => 16,
            Self::Encoding => 32,
        }
    }
}

/// Of which kinds the values of a type can be that do not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn of(kind: Kind) -> Self {
        Self(kind.bit())
    }

    pub(crate) const fn and(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, kind: Kind) -> Self {
        Self(self.0 & !kind.bit())
    }

    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }

    /// Says whether a column with such values is to be text.
    pub(crate) fn is_text(self, policies: &Policies) -> bool {
        self.iter().any(|kind| policies.of(kind) == Unfit::Text)
    }

    /// Writes what is in force for a column: one word, or one for each kind if they differ. `None` if all values fit.
    pub(crate) fn in_force(self, policies: &Policies) -> Option<String> {
        let is_text = self.is_text(policies);
        let each = self.iter().map(|kind| match kind {
            Kind::Encoding => (kind, policies.of(kind)),
            _ if is_text => (kind, Unfit::Text),
            _ => (kind, policies.of(kind)),
        });
        let each: Vec<_> = each.collect();
        let (_, first) = *each.first()?;
        if each.iter().all(|(_, unfit)| *unfit == first) {
            return Some(first.to_string());
        }
        let named = each.iter().map(|(kind, unfit)| format!("{}={unfit}", kind.name()));
        Some(named.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for Unfit {
    /// Writes the word that stands in the metadata of a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Null => "null",
            Self::Text => "text",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_what_is_in_force_in_a_word_or_by_kind() {
        let moments = Kinds::of(Kind::Infinity).and(Kind::Range);
        let mixed = Policies { infinity: Unfit::Null, ..Policies::default() };
        assert_eq!(Kinds::NONE.in_force(&mixed), None);
        assert_eq!(moments.in_force(&Policies::default()).unwrap(), "error");
        assert_eq!(moments.in_force(&mixed).unwrap(), "infinity=null,range=error");
        assert_eq!(Kinds::of(Kind::Infinity).in_force(&mixed).unwrap(), "null");
        let text = Policies { range: Unfit::Text, ..mixed };
        assert_eq!(moments.in_force(&text).unwrap(), "text");
        assert_eq!(
            moments.and(Kind::Encoding).in_force(&text).unwrap(),
            "infinity=text,range=text,encoding=error"
        );
        let broken = Policies { encoding: BrokenText::Null, ..Policies::default() };
        assert_eq!(Kinds::of(Kind::Encoding).in_force(&broken).unwrap(), "null");
    }
}
