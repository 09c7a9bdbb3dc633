/// Walks the elements of DER: a tag, a length, a content. It goes only as deep as it is asked to, and reserves nothing.
///
/// Only what certificates hold is read: tags of one byte, definite lengths in their shortest form.
// ITU-T X.690 §8.1 and §10.1
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the next element, which has to have this tag, and returns its content.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    /// Takes the next element, if there is one, whatever its tag.
    pub(super) fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        // 31 in the low bits says that the tag goes on.
        if tag & 0x1f == 0x1f {
            return None;
        }
        self.0 = rest;
        Some((*tag, content))
    }

    /// Tells whether nothing is left. An element that could not be taken is.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed. `[1]` and so on follow it.
pub(super) const CONTEXT_0: u8 = 0xa0;

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let digits = match first {
        0..=0x7f => return Some((usize::from(*first), rest)),
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(digits)?;
    let length = digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
    let is_shortest = length > 0x7f && digits.first() != Some(&0);
    is_shortest.then_some((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(bytes: &[u8]) -> Option<(u8, usize)> {
        Der::new(bytes).next().map(|(tag, content)| (tag, content.len()))
    }

    fn of(header: &[u8], length: usize) -> Vec<u8> {
        [header, &vec![0; length]].concat()
    }

    #[test]
    fn lengths_are_read_in_their_shortest_form_only() {
        assert_eq!(element(&of(&[0x30, 0], 0)), Some((0x30, 0)));
        assert_eq!(element(&of(&[0x30, 0x7f], 127)), Some((0x30, 127)));
        assert_eq!(element(&of(&[0x30, 0x81, 0x80], 128)), Some((0x30, 128)));
        assert_eq!(element(&of(&[0x30, 0x82, 1, 0], 256)), Some((0x30, 256)));
        assert_eq!(element(&of(&[0x30, 0x83, 1, 0, 0], 65_536)), Some((0x30, 65_536)));
        for bad in
            [&[0x30, 0x80][..], &[0x30, 0x81, 0x7f], &[0x30, 0x82, 0, 0x80], &[0x30, 0x85, 1, 0, 0, 0, 0]]
        {
            assert_eq!(element(&of(bad, 300)), None, "{bad:?}");
        }
    }

    #[test]
    fn nothing_reaches_behind_the_end() {
        for bad in [&[][..], &[0x30], &[0x30, 1], &[0x30, 0x82, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]]
        {
            assert_eq!(element(bad), None, "{bad:?}");
        }
        assert_eq!(element(&[0x3f, 1, 0]), None, "a tag of several bytes");
    }

    #[test]
    fn an_element_of_another_tag_is_not_taken() {
        assert_eq!(Der::new(&[OID, 1, 7]).take(OID), Some(&[7][..]));
        assert_eq!(Der::new(&[OID, 1, 7]).take(SEQUENCE), None);
    }
}
