use super::{Formats, WireFormat};
use crate::wire::{Body, Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// What CopyInResponse, CopyOutResponse and CopyBothResponse say of the data: the three have one form.
// PG docs: protocol-message-formats, "CopyInResponse", "CopyOutResponse", "CopyBothResponse"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyResponse<'b> {
    /// The form of the whole: lines of text (CSV is such), or PostgreSQL's binary COPY.
    pub format: WireFormat,
    /// A format per column. Empty for replication.
    pub columns: Formats<'b>,
}

/// Which way a COPY goes, as its response tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyDirection {
    /// CopyInResponse: the client sends.
    In,
    /// CopyOutResponse: the server sends.
    Out,
    /// CopyBothResponse: both send, as in streaming replication.
    Both,
}

impl<'b> CopyResponse<'b> {
    /// Reads the body of any of the three.
    ///
    /// # Errors
    ///
    /// An unknown format, a count that the body has no room for, bytes behind the last format.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let response = Self {
            format: WireFormat::from_code(u16::from(reader.u8()?))?,
            columns: Formats::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(response)
    }

    /// Appends the message of this direction.
    ///
    /// # Errors
    ///
    /// More than 65,535 columns.
    pub fn encode(&self, direction: CopyDirection, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write(direction, self.format, out, |body| self.columns.write(body, "columns"))
    }
}

/// Appends the response that starts a COPY in this direction.
///
/// # Errors
///
/// More than 65,535 columns.
pub fn copy_response(
    direction: CopyDirection,
    format: WireFormat,
    columns: &[WireFormat],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write(direction, format, out, |body| {
        body.count(columns.len(), "columns")?;
        columns.iter().for_each(|column| body.u16(column.code()));
        Ok(())
    })
}

fn write(
    direction: CopyDirection,
    format: WireFormat,
    out: &mut Vec<u8>,
    columns: impl FnOnce(&mut Body<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let tag = match direction {
        CopyDirection::In => Tag::CopyInResponse,
        CopyDirection::Out => Tag::CopyOutResponse,
        CopyDirection::Both => Tag::CopyBothResponse,
    };
    message(out, tag.byte(), |body| {
        body.u8(match format {
            WireFormat::Text => 0,
            WireFormat::Binary => 1,
        });
        columns(body)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_written_and_read() {
        let out = &mut Vec::new();
        let columns = [WireFormat::Binary, WireFormat::Binary];
        copy_response(CopyDirection::In, WireFormat::Binary, &columns, out).unwrap();
        assert_eq!(*out, b"G\0\0\0\x0b\x01\0\x02\0\x01\0\x01");
        let read = CopyResponse::parse(&out[5..]).unwrap();
        assert_eq!((read.format, read.columns.len()), (WireFormat::Binary, 2));
        let again = &mut Vec::new();
        read.encode(CopyDirection::In, again).unwrap();
        assert_eq!(again, out);
    }

    #[test]
    fn replication_has_no_columns() {
        let read = CopyResponse::parse(b"\0\0\0").unwrap();
        assert_eq!((read.format, read.columns.is_empty()), (WireFormat::Text, true));
    }

    #[test]
    fn unknown_formats_and_wrong_counts_are_refused() {
        assert_eq!(CopyResponse::parse(b"\x02\0\0"), Err(Malformed::Code));
        assert_eq!(CopyResponse::parse(b"\0\0\x01\0\x02"), Err(Malformed::Code));
        assert_eq!(CopyResponse::parse(b"\0\xff\xff\0\0"), Err(Malformed::Count));
        assert_eq!(CopyResponse::parse(b"\0\0\0\0"), Err(Malformed::TrailingBytes));
    }

    #[test]
    fn columns_are_counted_up_to_65535() {
        let columns = vec![WireFormat::Text; 65_536];
        let respond = |columns| copy_response(CopyDirection::Out, WireFormat::Text, columns, &mut Vec::new());
        assert!(respond(&columns[1..]).is_ok());
        assert_eq!(respond(&columns), Err(EncodeError::TooMany { what: "columns" }));
    }
}
