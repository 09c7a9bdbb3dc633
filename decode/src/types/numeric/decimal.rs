use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::{ArrowNativeType, i256};

use super::wire::{Finite, Sign};

/// Why a number is no integer of the width that is wanted, at the scale that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::types) enum Misfit {
    /// It is too large.
    Overflow,
    /// It has digits below the scale.
    Inexact,
}

/// An integer that numbers are scaled to.
pub(in crate::types) trait Wide: ArrowNativeTypeOp + ArrowNativeType + Send {
    fn from_u64(value: u64) -> Self;
    fn from_i64(value: i64) -> Self;
}

impl Wide for i128 {
    fn from_u64(value: u64) -> Self {
        value.into()
    }

    fn from_i64(value: i64) -> Self {
        value.into()
    }
}

impl Wide for i256 {
    fn from_u64(value: u64) -> Self {
        Self::from_i128(value.into())
    }

    fn from_i64(value: i64) -> Self {
        Self::from_i128(value.into())
    }
}

/// Returns the number times `10^scale`.
pub(in crate::types) fn scaled<N: Wide>(finite: Finite<'_>, scale: i32) -> Result<N, Misfit> {
    let finite = finite.normal();
    let magnitude = magnitude::<N>(finite, scale)?;
    Ok(match finite.sign {
        Sign::Positive => magnitude,
        Sign::Negative => magnitude.neg_wrapping(),
    })
}

fn magnitude<N: Wide>(finite: Finite<'_>, scale: i32) -> Result<N, Misfit> {
    let Some((last, head)) = finite.groups.split_last() else { return Ok(N::ZERO) };
    let last = group(*last);
    let below = i32::try_from(head.len()).map_err(|_| Misfit::Overflow)? - i32::from(finite.weight);
    // Where the last digit stands, seen from the scale: zeros to add, or digits to cut that have to be zeros.
    let shift = scale - below * 4;
    match (shift, head) {
        (0.., [] | [_] | [_, _] | [_, _, _]) => shifted(N::from_u64(sum(head) * 10_000 + last), shift),
        (0.., _) => shifted(append(horner(head)?, 10_000, last)?, shift),
        (-3..0, _) => {
            let cut = power(-shift).ok_or(Misfit::Inexact)?;
            if !last.is_multiple_of(cut) {
                return Err(Misfit::Inexact);
            }
            let (factor, last) = (10_000 / cut, last / cut);
            match head {
                [] | [_] | [_, _] | [_, _, _] => Ok(N::from_u64(sum(head) * factor + last)),
                _ => append(horner(head)?, factor, last),
            }
        }
        _ => Err(Misfit::Inexact),
    }
}

/// Sums groups, of which there are at most 4.
fn sum(groups: &[[u8; 2]]) -> u64 {
    groups.iter().fold(0, |sum, digits| sum * 10_000 + group(*digits))
}

fn horner<N: Wide>(groups: &[[u8; 2]]) -> Result<N, Misfit> {
    let (short, long) = groups.split_at_checked(4).unwrap_or((groups, &[]));
    long.iter().try_fold(N::from_u64(sum(short)), |sum, digits| append(sum, 10_000, group(*digits)))
}

fn append<N: Wide>(head: N, factor: u64, last: u64) -> Result<N, Misfit> {
    let raised = head.mul_checked(N::from_u64(factor));
    raised.and_then(|raised| raised.add_checked(N::from_u64(last))).map_err(|_| Misfit::Overflow)
}

/// Adds zeros.
fn shifted<N: Wide>(value: N, zeros: i32) -> Result<N, Misfit> {
    let zeros = u32::try_from(zeros).map_err(|_| Misfit::Overflow)?;
    if zeros == 0 {
        return Ok(value);
    }
    let power = N::from_u64(10).pow_checked(zeros);
    power.and_then(|power| value.mul_checked(power)).map_err(|_| Misfit::Overflow)
}

fn power(exponent: i32) -> Option<u64> {
    10_u64.checked_pow(u32::try_from(exponent).ok()?)
}

fn group(digits: [u8; 2]) -> u64 {
    u16::from_be_bytes(digits).into()
}
