use crate::wire::{Reader, message};
use crate::{EncodeError, Malformed};

/// What a server sends in the CopyData messages of a BASE_BACKUP, from PostgreSQL 15 on.
// PG docs: protocol-replication, "BASE_BACKUP"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseBackupMessage<'b> {
    /// `n`: the data that follows belongs to this archive.
    NewArchive {
        /// The name of its file, such as `base.tar`.
        name: &'b str,
        /// Where the tablespace is on the server; empty for the main data directory.
        path: &'b str,
    },
    /// `m`: the data that follows belongs to the backup manifest.
    Manifest,
    /// `d`: data of the archive or the manifest.
    Data(&'b [u8]),
    /// `p`: this many bytes of the tablespace are done.
    Progress(i64),
}

impl<'b> BaseBackupMessage<'b> {
    /// Reads the body of a CopyData.
    ///
    /// # Errors
    ///
    /// An unknown type, a body that does not have its shape to the byte, a name that is not UTF-8.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = match reader.u8()? {
            b'n' => Self::NewArchive { name: reader.text()?, path: reader.text()? },
            b'm' => Self::Manifest,
            b'd' => Self::Data(reader.rest()),
            b'p' => Self::Progress(reader.i64()?),
            _ => return Err(Malformed::Code),
        };
        reader.finish()?;
        Ok(message)
    }

    /// Appends the CopyData message.
    ///
    /// # Errors
    ///
    /// A NUL in a name or a path; a message above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, b'd', |body| {
            match self {
                Self::NewArchive { name, path } => {
                    body.u8(b'n');
                    body.cstr(name.as_bytes(), "name of an archive")?;
                    body.cstr(path.as_bytes(), "path of a tablespace")?;
                }
                Self::Manifest => body.u8(b'm'),
                Self::Data(data) => {
                    body.u8(b'd');
                    body.bytes(data);
                }
                Self::Progress(done) => {
                    body.u8(b'p');
                    body.i64(*done);
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn submessages_have_their_documented_layout() {
        let new = BaseBackupMessage::NewArchive { name: "base.tar", path: "" };
        let messages: [(&[u8], _); 4] = [
            (b"nbase.tar\0\0", new),
            (b"m", BaseBackupMessage::Manifest),
            (b"dtar", BaseBackupMessage::Data(b"tar")),
            (b"p\0\0\0\0\0\0\0\x09", BaseBackupMessage::Progress(9)),
        ];
        for (body, message) in messages {
            assert_eq!(BaseBackupMessage::parse(body), Ok(message));
            let out = &mut Vec::new();
            message.encode(out).unwrap();
            assert_eq!(out[5..], *body);
        }
    }

    #[test]
    fn cut_or_too_long_they_are_refused() {
        for whole in [&b"nbase.tar\0/ts\0"[..], b"m", b"p\0\0\0\0\0\0\0\x09"] {
            for end in 0..whole.len() {
                assert!(BaseBackupMessage::parse(&whole[..end]).is_err(), "{end}");
            }
            let trailing = [whole, b"x"].concat();
            assert_eq!(BaseBackupMessage::parse(&trailing), Err(Malformed::TrailingBytes));
        }
        assert_eq!(BaseBackupMessage::parse(b"x"), Err(Malformed::Code));
        let lie = BaseBackupMessage::NewArchive { name: "a\0b", path: "" };
        assert!(lie.encode(&mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_were(name in "[^\0]{0,9}", path in "[^\0]{0,9}", data: Vec<u8>, done: i64) {
            let messages = [
                BaseBackupMessage::NewArchive { name: &name, path: &path },
                BaseBackupMessage::Data(&data),
                BaseBackupMessage::Progress(done),
            ];
            for message in messages {
                let out = &mut Vec::new();
                message.encode(out).unwrap();
                prop_assert_eq!(BaseBackupMessage::parse(&out[5..]), Ok(message));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>, byte in prop::sample::select(&b"nmdp"[..])) {
            let body = [&[byte][..], &body].concat();
            if let Ok(message) = BaseBackupMessage::parse(&body) {
                let out = &mut Vec::new();
                message.encode(out).unwrap();
                prop_assert_eq!(&out[5..], &body[..]);
            }
        }
    }
}
