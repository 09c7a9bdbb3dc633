use crate::ProtocolError;
use crate::wire::{Limits, Tag};

/// The rows at the start of an input: whole DataRow messages, one after the other. Or the pieces of a copy, CopyData.
///
/// Made by [`Client::rows`](super::Client::rows) and [`Client::copied`](super::Client::copied). Neither message changes the
/// state of a session, so this walks them without its bookkeeping; it stops in front of anything else.
#[derive(Debug)]
pub struct RowRun<'b> {
    tag: Tag,
    rest: &'b [u8],
    consumed: usize,
    limit: i32,
}

impl<'b> RowRun<'b> {
    pub(super) fn new(tag: Tag, input: &'b [u8], limits: Limits) -> Self {
        Self { tag, rest: input, consumed: 0, limit: limits.large }
    }

    /// Returns how many bytes the messages took that were walked so far.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// Returns the body of the next message, `None` in front of anything that is not a whole one of the kind.
    ///
    /// # Errors
    ///
    /// A message whose length breaks the limits.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<&'b [u8]>, ProtocolError> {
        let Some((header, rest)) = self.rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [tag, length @ ..] = *header;
        if tag != self.tag.byte() {
            return Ok(None);
        }
        let length = i32::from_be_bytes(length);
        let fits = (4..=self.limit).contains(&length);
        let (Ok(size), true) = (usize::try_from(length.wrapping_sub(4)), fits) else {
            return Err(ProtocolError::Length { tag: self.tag, length, limit: self.limit });
        };
        let Some((body, rest)) = rest.split_at_checked(size) else { return Ok(None) };
        self.consumed = self.consumed.saturating_add(HEADER).saturating_add(size);
        self.rest = rest;
        Ok(Some(body))
    }
}

const HEADER: usize = 5;
