use std::sync::Arc;

use arrow_array::{Array, StringArray, StringViewArray};
use arrow_buffer::{Buffer, ScalarBuffer};

use super::column::window;

/// Makes views of texts. Those that are not short stay where they are.
// Arrow's own conversion appends view by view and costs three times as much: see the lane `ours-views` of the benches.
#[expect(unsafe_code, reason = "the safe constructor checks every text once more, which is most of the cost")]
pub(super) fn views_of(texts: &StringArray) -> StringViewArray {
    let values = texts.values().as_slice();
    let first = texts.value_offsets().first().and_then(|first| usize::try_from(*first).ok());
    let (mut start, mut has_long) = (first.unwrap_or(0), false);
    let views = texts.value_offsets().iter().skip(1).map(|end| {
        let end = usize::try_from(*end).unwrap_or(start);
        let (view, is_long) = view(values, start, end);
        (start, has_long) = (end, has_long | is_long);
        view
    });
    let views: Vec<u128> = views.collect();
    let buffers: Vec<Buffer> = if has_long { vec![texts.values().clone()] } else { Vec::new() };
    // SAFETY: a view is either a text itself, or names bytes of the one buffer that there is then, with their first four.
    // Both are of `texts`, so they are UTF-8, and lie within the buffer.
    unsafe {
        StringViewArray::new_unchecked(ScalarBuffer::from(views), Arc::from(buffers), texts.nulls().cloned())
    }
}

/// Makes the view of the bytes from `start` to `end`, and tells whether it is one of bytes that lie elsewhere.
// Arrow columnar format, "Variable-size Binary View Layout": length, then twelve bytes of a short one; of a long one the
// first four bytes, the number of the buffer, and where it begins in it.
#[inline]
fn view(values: &[u8], start: usize, end: usize) -> (u128, bool) {
    let length = end.saturating_sub(start);
    let first = window(values, start).copied().unwrap_or_else(|| last_bytes(values, start));
    let first = u128::from_le_bytes(first);
    let head = widened(length);
    if length <= SHORT {
        let kept = first & !(u128::MAX << (8 * length));
        (head | (kept << 32), false)
    } else {
        (head | ((first & 0xffff_ffff) << 32) | (widened(start) << 96), true)
    }
}

/// The longest text that a view holds itself.
const SHORT: usize = 12;

/// Returns the bytes from `start` on, where there are fewer than sixteen, and zeros.
#[cold]
fn last_bytes(values: &[u8], start: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(values.get(start..).unwrap_or_default()).for_each(|(byte, value)| *byte = *value);
    bytes
}

fn widened(value: usize) -> u128 {
    u128::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_same(texts: &[Option<String>]) {
        let texts: StringArray = texts.iter().cloned().collect();
        let views = views_of(&texts);
        views.to_data().validate_full().unwrap();
        assert!(views.iter().eq(texts.iter()));
        assert_eq!(views, StringViewArray::from(&texts));
    }

    #[test]
    fn texts_of_every_length_around_the_limits_are_seen() {
        for length in 0..40 {
            let text = "0123456789abcdefghijklmnopqrstuvwxyzäöü"[..length.min(35)].to_owned();
            assert_same(&[Some(text.clone())]);
            assert_same(&[Some("x".to_owned()), Some(text.clone()), None, Some(text), Some(String::new())]);
        }
        assert_same(&[]);
    }

    #[test]
    fn a_part_of_an_array_is_seen_alone() {
        let texts: StringArray =
            [Some("left out"), Some("short"), None, Some("long enough to lie outside")].into_iter().collect();
        let part = texts.slice(1, 3);
        assert!(views_of(&part).iter().eq(part.iter()));
    }

    #[test]
    fn short_texts_hold_nothing_alive() {
        let short: StringArray = [Some("short"), None, Some("twelve bytes")].into_iter().collect();
        assert!(views_of(&short).data_buffers().is_empty());
        let long: StringArray = [Some("thirteen byte")].into_iter().collect();
        assert_eq!(views_of(&long).data_buffers().len(), 1);
    }

    proptest! {
        #[test]
        fn any_texts_are_what_they_are_by_arrow(texts: Vec<Option<String>>) {
            assert_same(&texts);
        }
    }
}
