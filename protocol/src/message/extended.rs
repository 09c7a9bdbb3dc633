use crate::EncodeError;
use crate::wire::message;

/// How a value is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireFormat {
    /// As its text, the form that psql shows.
    #[default]
    Text,
    /// As its type's binary form.
    Binary,
}

impl WireFormat {
    /// Returns the code that stands for it in messages.
    pub const fn code(self) -> u16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// What Describe and Close are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A prepared statement; the empty name is the unnamed one.
    Statement(&'a str),
    /// A portal; the empty name is the unnamed one.
    Portal(&'a str),
}

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

/// Appends a Parse: make the prepared statement `name` out of `sql`.
///
/// # Errors
///
/// A NUL in the name or the SQL; more than 65,535 types; a message above 2 GiB.
pub fn parse(name: &str, sql: &str, types: &[u32], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'P', |body| {
        body.cstr(name.as_bytes(), "statement name")?;
        body.cstr(sql.as_bytes(), "SQL text")?;
        body.count(types.len(), "parameters")?;
        types.iter().for_each(|oid| body.u32(*oid));
        Ok(())
    })
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

/// Appends a Describe.
///
/// # Errors
///
/// A NUL in the name.
pub fn describe(target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    about(b'D', target, out)
}

/// Appends a Close. Closing what does not exist is no error.
///
/// # Errors
///
/// A NUL in the name.
pub fn close(target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    about(b'C', target, out)
}

/// Appends an Execute of `portal` for at most `max_rows` rows; 0 is for all of them.
///
/// # Errors
///
/// A NUL in the name.
pub fn execute(portal: &str, max_rows: i32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'E', |body| {
        body.cstr(portal.as_bytes(), "portal name")?;
        body.i32(max_rows);
        Ok(())
    })
}

/// Appends a Flush: the server sends what it holds back, without ending anything.
pub fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"H\0\0\0\x04");
}

/// Appends a Sync: the implicit transaction ends, and after an error the server listens again.
pub fn sync(out: &mut Vec<u8>) {
    out.extend_from_slice(b"S\0\0\0\x04");
}

fn about(tag: u8, target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, tag, |body| {
        let (kind, name, field) = match target {
            Target::Statement(name) => (b'S', name, "statement name"),
            Target::Portal(name) => (b'P', name, "portal name"),
        };
        body.u8(kind);
        body.cstr(name.as_bytes(), field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_layout() {
        let mut out = Vec::new();
        parse("s", "select $1", &[23], &mut out).unwrap();
        describe(Target::Statement("s"), &mut out).unwrap();
        close(Target::Portal("p"), &mut out).unwrap();
        execute("", 7, &mut out).unwrap();
        flush(&mut out);
        sync(&mut out);
        let expected = [
            &b"P\0\0\0\x16s\0select $1\0\0\x01\0\0\0\x17"[..],
            b"D\0\0\0\x07Ss\0",
            b"C\0\0\0\x07Pp\0",
            b"E\0\0\0\x09\0\0\0\0\x07",
            b"H\0\0\0\x04",
            b"S\0\0\0\x04",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn bind_carries_formats_values_and_result_formats() {
        let mut out = Vec::new();
        let formats = [WireFormat::Binary, WireFormat::Text];
        let values = b"\0\0\0\x01a\xff\xff\xff\xff";
        let results = [WireFormat::Binary];
        bind(&Bind { portal: "", statement: "s", formats: &formats, values, results: &results }, &mut out)
            .unwrap();
        assert_eq!(out, b"B\0\0\0\x1c\0s\0\0\x02\0\x01\0\0\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\x01");
    }

    #[test]
    fn parameters_are_counted_up_to_65535() {
        let types = vec![0; 65_536];
        assert!(parse("", "", &types[1..], &mut Vec::new()).is_ok());
        assert!(parse("", "", &types, &mut Vec::new()).is_err());
    }

    #[test]
    fn no_name_or_text_smuggles_a_nul() {
        let out = &mut Vec::new();
        assert!(parse("a\0", "", &[], out).is_err());
        assert!(parse("", "select 1\0; drop table t", &[], out).is_err());
        assert!(describe(Target::Portal("\0"), out).is_err());
        assert!(execute("\0", 0, out).is_err());
        assert!(out.is_empty());
    }
}
