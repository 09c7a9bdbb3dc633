use crate::ProtocolError;
use crate::exchange::Exchange;
use crate::wire::{Limits, Tag};

/// The rows at the start of an input: whole DataRow messages, one after the other.
///
/// Made by [`Client::rows`](super::Client::rows). Rows do not change the state of a session, so this walks them
/// without its bookkeeping; it stops in front of anything else.
#[derive(Debug)]
pub struct RowRun<'b> {
    rest: &'b [u8],
    consumed: usize,
    limit: i32,
}

impl<'b> RowRun<'b> {
    pub(super) fn new(exchange: &Exchange, input: &'b [u8], limits: Limits) -> Self {
        let rest = if exchange.takes_rows() { input } else { &[] };
        Self { rest, consumed: 0, limit: limits.large }
    }

    /// Returns how many bytes the rows took that were walked so far.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// Returns the body of the next row, `None` in front of anything that is not a whole row.
    ///
    /// # Errors
    ///
    /// A row whose length breaks the limits.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<&'b [u8]>, ProtocolError> {
        let Some((header, rest)) = self.rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [ROW, length @ ..] = *header else { return Ok(None) };
        let length = i32::from_be_bytes(length);
        let fits = (4..=self.limit).contains(&length);
        let (Ok(size), true) = (usize::try_from(length.wrapping_sub(4)), fits) else {
            return Err(ProtocolError::Length { tag: Tag::DataRow, length, limit: self.limit });
        };
        let Some((body, rest)) = rest.split_at_checked(size) else { return Ok(None) };
        self.consumed = self.consumed.saturating_add(HEADER).saturating_add(size);
        self.rest = rest;
        Ok(Some(body))
    }
}

const ROW: u8 = b'D';
const HEADER: usize = 5;
