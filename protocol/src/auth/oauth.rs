//! OAUTHBEARER: the client shows a token that somebody else gave it. RFC 7628, in PostgreSQL 18 and later.
//!
//! The client sends [`BearerToken::initial_response`]. The server, which reads it with [`parse_initial_response`],
//! answers AuthenticationOk at once; or it sends [`OAuthFailure::to_json`] as AuthenticationSASLContinue, awaits
//! [`ABORT`], and ends with an ErrorResponse.
//!
//! ```
//! use molt_db_protocol::auth::Secret;
//! use molt_db_protocol::auth::oauth::{BearerToken, OAuthRequest, parse_initial_response};
//!
//! let token = BearerToken::new(Secret::new("mF_9.B5f-4.1JqM"))?;
//! let response = token.initial_response();
//! let OAuthRequest::Bearer(shown) = parse_initial_response(response.expose())? else { panic!("there is a token") };
//! assert_eq!(shown.expose(), b"mF_9.B5f-4.1JqM");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
use std::error::Error;
use std::fmt;

use crate::auth::Secret;

/// The name of the mechanism.
pub const OAUTHBEARER: &str = "OAUTHBEARER";

/// What a client answers to the server's failure: it has understood, and the server may end the exchange.
// RFC 7628 §3.2.3
pub const ABORT: &[u8] = b"\x01";

/// A bearer token: whoever has it is let in. It never prints and is wiped when dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerToken(Secret);

impl BearerToken {
    /// Takes a token over, without the word `Bearer`.
    ///
    /// # Errors
    ///
    /// It is empty, or holds anything but letters, digits, `-._~+/` and `=` at its end.
    pub fn new(token: Secret) -> Result<Self, InvalidToken> {
        if is_b64token(token.expose()) { Ok(Self(token)) } else { Err(InvalidToken) }
    }

    /// Returns the token itself.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Returns what the client begins with. It holds the token.
    // RFC 7628 §3.1
    pub fn initial_response(&self) -> Secret {
        Secret::new([b"n,,\x01auth=Bearer ", self.expose(), b"\x01\x01"].concat())
    }
}

/// A text cannot be a bearer token. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidToken;

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a bearer token: only letters, digits, `-._~+/`, and `=` at the end, are allowed")
    }
}

impl Error for InvalidToken {}

/// What a client wants of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthRequest<'m> {
    /// To be let in.
    Bearer(ShownToken<'m>),
    /// To know where tokens are to be had: the server answers with a failure that tells.
    Discovery,
}

/// The token that a client shows, lent from its message. It never prints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShownToken<'m>(&'m [u8]);

impl<'m> ShownToken<'m> {
    /// Returns the token itself. To compare it with another one, put both into a [`Secret`].
    pub fn expose(self) -> &'m [u8] {
        self.0
    }
}

impl fmt::Debug for ShownToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Reads what a client begins with.
///
/// # Errors
///
/// A malformed message, a token that cannot be one, channel binding, or an authorization identity.
// RFC 7628 §3.1; PG source: auth-oauth.c, oauth_exchange
pub fn parse_initial_response(message: &[u8]) -> Result<OAuthRequest<'_>, OAuthRefusal> {
    let mut fields = message.splitn(3, |byte| *byte == b',');
    match fields.next() {
        Some(b"n" | b"y") => {}
        Some([b'p', b'=', ..]) => {
            return Err(malformed("it binds to the channel, which this mechanism cannot"));
        }
        _ => return Err(malformed("it does not start with a channel binding flag")),
    }
    match fields.next() {
        Some(b"") => {}
        Some([b'a', b'=', ..]) => return Err(OAuthRefusal::AuthorizationIdentity),
        _ => return Err(malformed("no authorization identity follows the channel binding flag")),
    }
    let pairs = fields.next().and_then(|pairs| pairs.strip_prefix(b"\x01"));
    let auth = read_auth(pairs.ok_or_else(|| malformed("no key and value follow its header"))?)?;
    if auth.is_empty() { Ok(OAuthRequest::Discovery) } else { read_bearer(auth) }
}

/// Why a server refuses a client before it looks at its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuthRefusal {
    /// The client's message does not have the form that the mechanism gives it.
    Malformed {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The client wants to act as another user, which PostgreSQL does not know.
    AuthorizationIdentity,
}

impl OAuthRefusal {
    /// Returns the SQLSTATE that PostgreSQL answers with.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "08P01",
            Self::AuthorizationIdentity => "0A000",
        }
    }
}

impl fmt::Display for OAuthRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { problem } => {
                write!(f, "the client's OAUTHBEARER message is malformed: {problem}")
            }
            Self::AuthorizationIdentity => {
                f.write_str("the client uses an authorization identity, which is not supported")
            }
        }
    }
}

impl Error for OAuthRefusal {}

/// Why a server does not accept a token, and where to get a better one.
// RFC 7628 §3.2.2
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OAuthFailure<'a> {
    /// An error code of RFC 6750, mostly `invalid_token`.
    pub status: &'a str,
    /// The scopes that a token needs, with spaces in between.
    pub scope: Option<&'a str>,
    /// Where the issuer tells about itself: an address.
    pub openid_configuration: Option<&'a str>,
}

impl OAuthFailure<'_> {
    /// Returns the failure as the body of an AuthenticationSASLContinue.
    pub fn to_json(self) -> Vec<u8> {
        let members = [
            ("status", Some(self.status)),
            ("openid-configuration", self.openid_configuration),
            ("scope", self.scope),
        ];
        let members: Vec<_> = members
            .into_iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":\"{}\"", escaped(value?))))
            .collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

/// Finds the one `auth` among pairs that each end with 0x01, as does their list.
fn read_auth(pairs: &[u8]) -> Result<&[u8], OAuthRefusal> {
    let pairs = pairs.strip_suffix(b"\x01\x01").ok_or_else(|| malformed("its list of pairs does not end"))?;
    let mut auth = None;
    for pair in pairs.split(|byte| *byte == 1) {
        let (key, value) = read_pair(pair).ok_or_else(|| malformed("a pair in it is no key and value"))?;
        if key == b"auth" && auth.replace(value).is_some() {
            return Err(malformed("it shows two tokens"));
        }
    }
    auth.ok_or_else(|| malformed("it has no auth value"))
}

fn read_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)?;
    let value = value.strip_prefix(b"=")?;
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let is_pair = !key.is_empty() && key.iter().all(u8::is_ascii_alphabetic) && value.iter().all(is_text);
    is_pair.then_some((key, value))
}

// RFC 6750 §2.1; RFC 9110 §11.1: the scheme is the same in any case of its letters.
fn read_bearer(auth: &[u8]) -> Result<OAuthRequest<'_>, OAuthRefusal> {
    let (scheme, token) = auth.split_at_checked(BEARER.len()).unwrap_or((auth, b""));
    if !scheme.eq_ignore_ascii_case(BEARER) {
        return Err(malformed("its auth value is no bearer token"));
    }
    let token = token.trim_ascii_start();
    if is_b64token(token) {
        Ok(OAuthRequest::Bearer(ShownToken(token)))
    } else {
        Err(malformed("its bearer token holds what no token may"))
    }
}

// RFC 6750 §2.1, b64token
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = token.get(..token.len().saturating_sub(padding)).unwrap_or_default();
    let is_legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !body.is_empty() && body.iter().all(is_legal)
}

// RFC 8259 §7
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if c < ' ' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
        escaped
    })
}

fn malformed(problem: &'static str) -> OAuthRefusal {
    OAuthRefusal::Malformed { problem }
}

const BEARER: &[u8] = b"Bearer ";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(text: &str) -> Result<BearerToken, InvalidToken> {
        BearerToken::new(Secret::new(text))
    }

    fn problem(message: &[u8]) -> &'static str {
        match parse_initial_response(message) {
            Err(OAuthRefusal::Malformed { problem }) => problem,
            other => panic!("not malformed: {other:?}"),
        }
    }

    #[test]
    fn a_token_has_the_syntax_of_rfc_6750() {
        for good in ["a", "AZaz09-._~+/", "abc=", "abc==", "mF_9.B5f-4.1JqM", "a====="] {
            assert!(token(good).is_ok(), "{good}");
        }
        for bad in ["", "=", "==", "a=b", "a b", "a,b", "a\u{1}", "a\0", "a\n", "ü", "Bearer a", "a\"", "a:"]
        {
            assert_eq!(token(bad), Err(InvalidToken), "{bad:?}");
        }
    }

    #[test]
    fn a_token_never_prints() {
        let printed = format!("{:?}", token("s3cr3t").unwrap());
        let response = token("s3cr3t").unwrap().initial_response();
        let shown = format!("{response:?}{:?}", parse_initial_response(response.expose()));
        assert!(!printed.contains("s3cr3t") && !shown.contains("s3cr3t"));
        assert!(!InvalidToken.to_string().contains("s3cr3t"));
    }

    #[test]
    fn the_initial_response_has_its_documented_layout() {
        assert_eq!(token("abc").unwrap().initial_response().expose(), b"n,,\x01auth=Bearer abc\x01\x01");
    }

    // RFC 7628 §4.1, without its authorization identity
    #[test]
    fn other_pairs_are_passed_over() {
        let message = b"n,,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        let shown = ShownToken(b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        assert_eq!(parse_initial_response(message), Ok(OAuthRequest::Bearer(shown)));
        let loud = parse_initial_response(b"y,,\x01auth=bEARER   abc\x01\x01");
        assert_eq!(loud, Ok(OAuthRequest::Bearer(ShownToken(b"abc"))));
    }

    #[test]
    fn an_empty_value_asks_where_tokens_are_to_be_had() {
        assert_eq!(parse_initial_response(b"n,,\x01auth=\x01\x01"), Ok(OAuthRequest::Discovery));
    }

    #[test]
    fn a_message_of_another_shape_is_refused() {
        for (message, expected) in [
            (&b""[..], "it does not start with a channel binding flag"),
            (b"x,,\x01auth=Bearer a\x01\x01", "it does not start with a channel binding flag"),
            (
                b"p=tls-server-end-point,,\x01auth=Bearer a\x01\x01",
                "it binds to the channel, which this mechanism cannot",
            ),
            (b"n", "no authorization identity follows the channel binding flag"),
            (b"n,u,\x01", "no authorization identity follows the channel binding flag"),
            (b"n,", "no key and value follow its header"),
            (b"n,,", "no key and value follow its header"),
            (b"n,,auth=Bearer a\x01\x01", "no key and value follow its header"),
            (b"n,,\x01", "its list of pairs does not end"),
            (b"n,,\x01auth=Bearer a\x01", "its list of pairs does not end"),
            (b"n,,\x01auth=Bearer a\x01\x01x", "its list of pairs does not end"),
            (b"n,,\x01\x01\x01", "a pair in it is no key and value"),
            (b"n,,\x01=a\x01\x01", "a pair in it is no key and value"),
            (b"n,,\x01a1=a\x01\x01", "a pair in it is no key and value"),
            (b"n,,\x01auth=Bearer a\0\x01\x01", "a pair in it is no key and value"),
            (b"n,,\x01host=a\x01\x01", "it has no auth value"),
            (b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", "it shows two tokens"),
            (b"n,,\x01auth=\x01auth=\x01\x01", "it shows two tokens"),
            (b"n,,\x01auth=Basic abc\x01\x01", "its auth value is no bearer token"),
            (b"n,,\x01auth=Bearer\x01\x01", "its auth value is no bearer token"),
            (b"n,,\x01auth=Bearer \x01\x01", "its bearer token holds what no token may"),
            (b"n,,\x01auth=Bearer a b\x01\x01", "its bearer token holds what no token may"),
        ] {
            assert_eq!(problem(message), expected, "{}", message.escape_ascii());
        }
        assert_eq!(malformed("x").sqlstate(), "08P01");
    }

    #[test]
    fn an_authorization_identity_is_refused() {
        let refused = parse_initial_response(b"n,a=root,\x01auth=Bearer a\x01\x01").unwrap_err();
        assert_eq!((refused, refused.sqlstate()), (OAuthRefusal::AuthorizationIdentity, "0A000"));
    }

    #[test]
    fn a_failure_is_an_object_of_json() {
        let failure = OAuthFailure {
            status: "invalid_token",
            scope: Some("a \"b\" \\ \n"),
            openid_configuration: Some("https://issuer.example/ü"),
        };
        let expected = r#"{"status":"invalid_token","openid-configuration":"https://issuer.example/ü","scope":"a \"b\" \\ \u000a"}"#;
        assert_eq!(failure.to_json(), expected.as_bytes());
        let bare = OAuthFailure { status: "x", scope: None, openid_configuration: None };
        assert_eq!(bare.to_json(), br#"{"status":"x"}"#);
    }

    proptest! {
        #[test]
        fn every_token_arrives_as_it_was_sent(text in "[-._~+/0-9A-Za-z]{1,60}={0,3}") {
            let response = token(&text).unwrap().initial_response();
            let arrived = parse_initial_response(response.expose());
            prop_assert_eq!(arrived, Ok(OAuthRequest::Bearer(ShownToken(text.as_bytes()))));
        }

        #[test]
        fn any_bytes_are_refused_or_hold_a_token(tail in prop::collection::vec(any::<u8>(), 0..60)) {
            for start in [&b""[..], b"n,,\x01auth=Bearer ", b"n,,\x01"] {
                if let Ok(OAuthRequest::Bearer(token)) = parse_initial_response(&[start, &tail].concat()) {
                    prop_assert!(is_b64token(token.expose()));
                }
            }
        }
    }
}
