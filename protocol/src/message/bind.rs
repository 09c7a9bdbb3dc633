use super::{Formats, Values, WireFormat};
use crate::wire::{FrontendTag, Reader, message};
use crate::{EncodeError, Malformed};

/// What a Bind binds.
#[derive(Debug, Clone, Copy)]
pub struct Bind<'a> {
    /// The portal to make; the empty name is the unnamed one.
    pub portal: &'a str,
    /// The statement it runs.
    pub statement: &'a str,
    /// A format per parameter, as many as `values` holds.
    pub formats: &'a [WireFormat],
    /// The parameters: for each an `i32` length (-1 for NULL) and its bytes.
    pub values: &'a [u8],
    /// A format per result column; one for all of them, or none (all text), is legal too.
    pub results: &'a [WireFormat],
}

/// Appends a Bind.
///
/// # Errors
///
/// A NUL in a name; more than 65,535 parameters or formats; a message above 2 GiB.
pub fn bind(bind: &Bind<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'B', |body| {
        body.cstr(bind.portal.as_bytes(), "portal name")?;
        body.cstr(bind.statement.as_bytes(), "statement name")?;
        body.count(bind.formats.len(), "parameters")?;
        bind.formats.iter().for_each(|format| body.u16(format.code()));
        body.count(bind.formats.len(), "parameters")?;
        body.bytes(bind.values);
        body.count(bind.results.len(), "result columns")?;
        bind.results.iter().for_each(|format| body.u16(format.code()));
        Ok(())
    })
}

/// A Bind, as a server reads it. `Debug` does not show the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindMessage<'b> {
    /// The portal to make; the empty name is the unnamed one.
    pub portal: &'b str,
    /// The statement it runs.
    pub statement: &'b str,
    /// A format per parameter; one is for all of them, none is text.
    pub formats: Formats<'b>,
    /// The parameters.
    pub values: Values<'b>,
    /// A format per result column; one is for all of them, none is text.
    pub results: Formats<'b>,
}

impl<'b> BindMessage<'b> {
    /// Reads the body of a Bind.
    ///
    /// # Errors
    ///
    /// A body of another shape; a name that is not UTF-8; a number of formats that is neither 0, 1, nor that of the
    /// parameters.
    // PG docs: protocol-message-formats, "Bind"
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let bind = Self {
            portal: reader.text()?,
            statement: reader.text()?,
            formats: Formats::read(&mut reader)?,
            values: Values::read(&mut reader)?,
            results: Formats::read(&mut reader)?,
        };
        reader.finish()?;
        if bind.formats.len() > 1 && bind.formats.len() != bind.values.len() {
            return Err(Malformed::Count);
        }
        Ok(bind)
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// As [`bind`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, FrontendTag::Bind.byte(), |body| {
            body.cstr(self.portal.as_bytes(), "portal name")?;
            body.cstr(self.statement.as_bytes(), "statement name")?;
            self.formats.write(body, "parameters")?;
            self.values.write(body, "parameters")?;
            self.results.write(body, "result columns")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &[u8] = b"\0\0\0\x01a\xff\xff\xff\xff";

    #[test]
    fn bind_carries_formats_values_and_result_formats() {
        let mut out = Vec::new();
        let formats = [WireFormat::Binary, WireFormat::Text];
        let results = [WireFormat::Binary];
        let written =
            Bind { portal: "", statement: "s", formats: &formats, values: VALUES, results: &results };
        bind(&written, &mut out).unwrap();
        assert_eq!(out, b"B\0\0\0\x1c\0s\0\0\x02\0\x01\0\0\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\x01");
        let read = BindMessage::parse(&out[5..]).unwrap();
        assert_eq!((read.portal, read.statement), ("", "s"));
        assert_eq!(read.formats.iter().collect::<Vec<_>>(), formats);
        assert_eq!(read.values.iter().collect::<Vec<_>>(), [Some(&b"a"[..]), None]);
        assert_eq!(read.results.of(9), WireFormat::Binary);
    }

    #[test]
    fn formats_are_none_one_or_as_many_as_parameters() {
        let read = |formats, values| {
            let (formats, values) = (Formats::new(formats).unwrap(), Values::new(values).unwrap());
            let results = Formats::default();
            let bind = BindMessage { portal: "", statement: "", formats, values, results };
            let out = &mut Vec::new();
            bind.encode(out).unwrap();
            BindMessage::parse(&out[5..]).map(|_| ())
        };
        assert_eq!((read(b"", b""), read(b"\0\x01", b"")), (Ok(()), Ok(())));
        assert_eq!((read(b"", VALUES), read(b"\0\x01", VALUES)), (Ok(()), Ok(())));
        assert_eq!(read(b"\0\0\0\x01", VALUES), Ok(()));
        assert_eq!(read(b"\0\0\0\0", b""), Err(Malformed::Count));
        assert_eq!(read(b"\0\0\0\0\0\0", VALUES), Err(Malformed::Count));
    }

    #[test]
    fn parameters_are_counted_up_to_65535() {
        let bytes = vec![0xff; 4 * 65_536];
        let encode = |bytes| {
            let (values, formats) = (Values::new(bytes).unwrap(), Formats::default());
            let bind = BindMessage { portal: "", statement: "", formats, values, results: formats };
            let out = &mut Vec::new();
            bind.encode(out)?;
            assert_eq!(BindMessage::parse(&out[5..]), Ok(bind));
            Ok(())
        };
        assert_eq!(encode(&bytes[4..]), Ok(()));
        assert_eq!(encode(&bytes), Err(EncodeError::TooMany { what: "parameters" }));
    }

    #[test]
    fn parameters_are_not_shown() {
        let read = BindMessage::parse(b"\0\0\0\0\0\x01\0\0\0\x06secret\0\0").unwrap();
        assert!(format!("{read:?}").contains("Values(1)") && !format!("{read:?}").contains("115"));
    }
}
