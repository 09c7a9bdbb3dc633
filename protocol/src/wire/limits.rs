use super::Tag;

/// How large a message may be, by its kind and by the phase of the connection.
///
/// A limit is checked on the length word, which counts itself, as soon as the five bytes of the header are there:
/// nothing is reserved or awaited for a message that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Kinds that carry data or text of any size: DataRow, CopyData, RowDescription, ErrorResponse, NoticeResponse,
    /// NotificationResponse, FunctionCallResponse. Default 1,073,741,823: PostgreSQL builds no message above 1 GiB.
    pub large: i32,
    /// All others. Default 30,000, as in libpq. ParameterDescription alone may be longer: 65,535 parameters fit.
    pub small: i32,
    /// Any message before the server has authenticated us. Default 30,000, as in libpq.
    pub unauthenticated: i32,
}

/// Where a connection stands, as far as limits care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before AuthenticationOk.
    Startup,
    /// After it.
    Session,
}

impl Limits {
    pub(super) fn of(&self, tag: Tag, phase: Phase) -> i32 {
        // PG source: fe-protocol3.c, pqParseInput3 (VALID_LONG_MESSAGE_TYPE) and fe-connect.c (30,000 and 2,000)
        match (phase, tag) {
            (Phase::Startup, Tag::Authentication | Tag::NegotiateProtocolVersion) => {
                self.unauthenticated.min(2000)
            }
            (Phase::Startup, _) => self.unauthenticated,
            (
                Phase::Session,
                Tag::DataRow
                | Tag::CopyData
                | Tag::RowDescription
                | Tag::ErrorResponse
                | Tag::NoticeResponse
                | Tag::NotificationResponse
                | Tag::FunctionCallResponse,
            ) => self.large,
            (Phase::Session, Tag::ParameterDescription) => self.small.max(PARAMETER_DESCRIPTION),
            (Phase::Session, _) => self.small,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { large: 0x3fff_ffff, small: 30_000, unauthenticated: 30_000 }
    }
}

/// The length word of a ParameterDescription with 65,535 parameters.
const PARAMETER_DESCRIPTION: i32 = 4 + 2 + 4 * 65_535;
