use super::{FrontendTag, Tag};

/// How large a message may be, by its kind and by the phase of the connection.
///
/// One type for both directions: [`Limits::BACKEND`] is what a client grants to a server's messages, and the default;
/// [`Limits::FRONTEND`] is what a server grants to a client's.
///
/// A limit is checked on the length word, which counts itself, as soon as the five bytes of the header are there:
/// nothing is reserved or awaited for a message that is too long. The packet that starts a session alone is measured
/// without its length word.
///
/// | | from a server | from a client |
/// |---|---|---|
/// | `large` | DataRow, CopyData, RowDescription, ErrorResponse, NoticeResponse, NotificationResponse, FunctionCallResponse | Query, Parse, Bind, FunctionCall, CopyData |
/// | `small` | all others, and ParameterDescription up to 65,535 parameters | all others |
/// | `unauthenticated` | all before AuthenticationOk; Authentication and NegotiateProtocolVersion no more than 2,000 | all before AuthenticationOk |
/// | `startup_packet` | | StartupMessage, CancelRequest, SSLRequest, GSSENCRequest |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Kinds that carry data or text of any size.
    ///
    /// 1,073,741,823 from a server: PostgreSQL builds no message above 1 GiB. 1,073,741,822 from a client.
    pub large: i32,
    /// All others. 30,000 from a server, as in libpq; 10,000 from a client, as in PostgreSQL.
    pub small: i32,
    /// Any message before the client is authenticated. 30,000 from a server, as in libpq; 65,535 from a client, as in
    /// PostgreSQL.
    pub unauthenticated: i32,
    /// The body of the packet that starts a session, which has no type byte. 10,000, as in PostgreSQL.
    pub startup_packet: i32,
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
    /// What a client grants to the messages of a server. The default.
    pub const BACKEND: Self =
        Self { large: 0x3fff_ffff, small: 30_000, unauthenticated: 30_000, startup_packet: 10_000 };

    /// What a server grants to the messages of a client.
    // PG source: protocol.h, PQ_SMALL_MESSAGE_LIMIT and PQ_LARGE_MESSAGE_LIMIT; pqcomm.h, MAX_STARTUP_PACKET_LENGTH;
    // auth.c, PG_MAX_AUTH_TOKEN_LENGTH
    pub const FRONTEND: Self =
        Self { large: 0x3fff_fffe, small: 10_000, unauthenticated: 65_535, startup_packet: 10_000 };

    #[inline]
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

    pub(super) fn of_frontend(&self, tag: FrontendTag, phase: Phase) -> i32 {
        match (phase, tag) {
            (Phase::Startup, _) => self.unauthenticated,
            (
                Phase::Session,
                FrontendTag::Query
                | FrontendTag::Parse
                | FrontendTag::Bind
                | FrontendTag::FunctionCall
                | FrontendTag::CopyData,
            ) => self.large,
            (Phase::Session, _) => self.small,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::BACKEND
    }
}

/// The length word of a ParameterDescription with 65,535 parameters.
const PARAMETER_DESCRIPTION: i32 = 4 + 2 + 4 * 65_535;
