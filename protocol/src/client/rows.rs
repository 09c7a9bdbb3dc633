use super::exchange::Exchange;
use crate::ProtocolError;
use crate::wire::{Framed, Limits, Phase, Tag, frame};

/// The rows at the start of an input: whole DataRow messages, one after the other.
///
/// Made by [`Client::rows`](super::Client::rows). Rows do not change the state of a session, so this walks them without its
/// bookkeeping; it stops in front of anything else.
#[derive(Debug)]
pub struct RowRun<'b> {
    input: &'b [u8],
    consumed: usize,
    limits: Limits,
}

impl<'b> RowRun<'b> {
    pub(super) fn new(exchange: &Exchange, input: &'b [u8], limits: Limits) -> Self {
        let input = if exchange.takes_rows() { input } else { &[] };
        Self { input, consumed: 0, limits }
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
        let rest = self.input.get(self.consumed..).unwrap_or_default();
        if rest.first() != Some(&ROW) {
            return Ok(None);
        }
        match frame(rest, &self.limits, Phase::Session)? {
            Framed::Whole(frame) if frame.tag == Tag::DataRow => {
                self.consumed = self.consumed.saturating_add(frame.size());
                Ok(Some(frame.body))
            }
            Framed::Whole(_) | Framed::Partial(_) => Ok(None),
        }
    }
}

const ROW: u8 = b'D';
