/// A `numeric` as it lies on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'a> {
    NaN,
    Infinity,
    NegInfinity,
    Finite(Finite<'a>),
}

/// A number: its value is the sum of `groups[i] * 10000^(weight - i)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finite<'a> {
    pub(in crate::types) sign: Sign,
    pub(in crate::types) weight: i16,
    /// How many digits are shown after the point.
    pub(in crate::types) dscale: u16,
    /// Four decimal digits each, 0 to 9999, big-endian.
    pub(in crate::types) groups: &'a [[u8; 2]],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::types) enum Sign {
    Positive,
    Negative,
}

impl Sign {
    pub(in crate::types) fn of(negative: bool) -> Self {
        if negative { Self::Negative } else { Self::Positive }
    }
}

pub(in crate::types) const MALFORMED: &str = "it is no numeric";
pub(in crate::types) const MAX_DSCALE: u16 = 0x3fff;

// PG source: numeric.c, numeric_send: count of groups, weight, sign, dscale, groups.
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEG_INFINITY: u16 = 0xf000;

impl<'a> View<'a> {
    /// Reads the binary form; `None` says that it is malformed. Digits below the dscale are not looked for.
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        let ([c0, c1, w0, w1, s0, s1, d0, d1], rest) = value.split_first_chunk()?;
        let (groups, left) = rest.as_chunks::<2>();
        let count = usize::from(u16::from_be_bytes([*c0, *c1]));
        let sane = left.is_empty()
            && groups.len() == count
            && groups.iter().all(|group| u16::from_be_bytes(*group) <= 9_999);
        if !sane {
            return None;
        }
        let weight = i16::from_be_bytes([*w0, *w1]);
        let dscale = Some(u16::from_be_bytes([*d0, *d1])).filter(|dscale| *dscale <= MAX_DSCALE)?;
        let finite = |sign| Self::Finite(Finite { sign, weight, dscale, groups });
        match u16::from_be_bytes([*s0, *s1]) {
            POSITIVE => Some(finite(Sign::Positive)),
            NEGATIVE => Some(finite(Sign::Negative)),
            NAN => Some(Self::NaN),
            INFINITY => Some(Self::Infinity),
            NEG_INFINITY => Some(Self::NegInfinity),
            _ => None,
        }
    }

    /// Passes a value on if its dscale shows all of its digits.
    pub(crate) fn exact(self) -> Option<Self> {
        match self {
            Self::Finite(finite) if finite.fraction_digits() > i32::from(finite.dscale) => None,
            Self::Finite(_) | Self::NaN | Self::Infinity | Self::NegInfinity => Some(self),
        }
    }

    pub(in crate::types) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::NaN => encode(&[], 0, NAN, 0, out),
            Self::Infinity => encode(&[], 0, INFINITY, 0, out),
            Self::NegInfinity => encode(&[], 0, NEG_INFINITY, 0, out),
            Self::Finite(Finite { sign, weight, dscale, groups }) => {
                let sign = match sign {
                    Sign::Positive => POSITIVE,
                    Sign::Negative => NEGATIVE,
                };
                encode(groups, weight, sign, dscale, out);
            }
        }
    }
}

/// No number has more groups than a `u16` counts: the digits of 2^15 groups before and of 2^12 behind the point.
fn encode(groups: &[[u8; 2]], weight: i16, sign: u16, dscale: u16, out: &mut Vec<u8>) {
    let count = u16::try_from(groups.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&dscale.to_be_bytes());
    out.extend_from_slice(groups.as_flattened());
}

impl<'a> Finite<'a> {
    /// Returns the group that stands for `10000^-place`, so that 0 is the one before the point.
    pub(in crate::types) fn group(&self, place: i32) -> u16 {
        let index = usize::try_from(i32::from(self.weight) + place);
        let group = index.ok().and_then(|index| self.groups.get(index));
        group.map_or(0, |group| u16::from_be_bytes(*group))
    }

    /// Takes off the zero groups at both ends, and the sign of zero.
    pub(in crate::types) fn normal(mut self) -> Self {
        while let Some(([0, 0], rest)) = self.groups.split_first() {
            self.groups = rest;
            self.weight = self.weight.saturating_sub(1);
        }
        while let Some(([0, 0], rest)) = self.groups.split_last() {
            self.groups = rest;
        }
        if self.groups.is_empty() { Self { sign: Sign::Positive, weight: 0, ..self } } else { self }
    }

    /// Counts the digits after the point up to the last one that is not zero; below 0 if there are zeros before it.
    fn fraction_digits(self) -> i32 {
        let Self { weight, groups, .. } = self.normal();
        let Some(last) = groups.last().map(|group| u16::from_be_bytes(*group)) else { return 0 };
        let zeros = [10, 100, 1_000].iter().filter(|power| last % **power == 0).count();
        let below = i32::try_from(groups.len()).unwrap_or(i32::MAX) - 1 - i32::from(weight);
        below * 4 - i32::try_from(zeros).unwrap_or(0)
    }
}
