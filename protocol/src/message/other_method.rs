use std::fmt;

use crate::wire::Reader;

/// An authentication method that this crate has no answer to.
///
/// It is shown by its number in the protocol, and its name where it has one.
// PG docs: protocol-message-formats; the numbers that have gone from there: PG source, protocol.h
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherMethod<'b> {
    /// 2: Kerberos V5, which no supported server asks for.
    KerberosV5,
    /// 6: credentials of a local socket, which no supported server asks for.
    ScmCredential,
    /// 7: GSSAPI.
    Gss,
    /// 8: the next token of a GSSAPI or SSPI exchange.
    GssContinue(&'b [u8]),
    /// 9: SSPI.
    Sspi,
    /// A number without a name here.
    Unknown {
        /// The number.
        code: i32,
        /// What follows it.
        data: &'b [u8],
    },
}

impl<'b> OtherMethod<'b> {
    /// Returns the number that stands for it in the message.
    pub const fn code(&self) -> i32 {
        match self {
            Self::KerberosV5 => 2,
            Self::ScmCredential => 6,
            Self::Gss => 7,
            Self::GssContinue(_) => 8,
            Self::Sspi => 9,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// Returns what follows the number.
    pub const fn data(&self) -> &'b [u8] {
        match self {
            Self::KerberosV5 | Self::ScmCredential | Self::Gss | Self::Sspi => &[],
            Self::GssContinue(data) | Self::Unknown { data, .. } => data,
        }
    }

    pub(super) fn read(code: i32, reader: &mut Reader<'b>) -> Self {
        match code {
            2 => Self::KerberosV5,
            6 => Self::ScmCredential,
            7 => Self::Gss,
            8 => Self::GssContinue(reader.rest()),
            9 => Self::Sspi,
            code => Self::Unknown { code, data: reader.rest() },
        }
    }
}

impl fmt::Display for OtherMethod<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::KerberosV5 => "Kerberos V5",
            Self::ScmCredential => "SCM credential",
            Self::Gss | Self::GssContinue(_) => "GSSAPI",
            Self::Sspi => "SSPI",
            Self::Unknown { code, .. } => return write!(f, "{code}"),
        };
        write!(f, "{} ({name})", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_shown_by_number_and_name() {
        assert_eq!(OtherMethod::Gss.to_string(), "7 (GSSAPI)");
        assert_eq!(OtherMethod::Unknown { code: 99, data: b"" }.to_string(), "99");
    }
}
