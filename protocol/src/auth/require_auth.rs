use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Which authentication methods a server may use, as libpq's `require_auth` says it.
///
/// It is read from a list with commas in between: either the methods that are allowed (`scram-sha-256,oauth`) or,
/// each with a `!`, those that are not (`!password,!md5`). The default, which is also the empty text, allows all of
/// them.
///
/// ```
/// use molt_db_protocol::auth::{AuthKind, RequireAuth};
///
/// let required: RequireAuth = "scram-sha-256".parse()?;
/// assert!(required.allows(AuthKind::ScramSha256));
/// assert!(!required.allows(AuthKind::None));
///
/// let required: RequireAuth = "!password,!md5".parse()?;
/// assert_eq!(required.to_string(), "gss,sspi,scram-sha-256,oauth,none");
/// # Ok::<(), molt_db_protocol::auth::InvalidRequireAuth>(())
/// ```
// PG docs: libpq-connect, "require_auth"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequireAuth {
    /// A bit for each kind that is allowed.
    allowed: u8,
}

impl RequireAuth {
    /// Allows these kinds and no other.
    pub fn only(kinds: &[AuthKind]) -> Self {
        Self { allowed: kinds.iter().fold(0, |allowed, kind| allowed | kind.bit()) }
    }

    /// Tells whether the server may use a method of this kind.
    pub fn allows(&self, kind: AuthKind) -> bool {
        self.allowed & kind.bit() != 0
    }

    fn allow(&mut self, kind: AuthKind) {
        self.allowed |= kind.bit();
    }

    fn forbid(&mut self, kind: AuthKind) {
        self.allowed &= !kind.bit();
    }
}

impl Default for RequireAuth {
    /// Allows all kinds.
    fn default() -> Self {
        Self::only(&AuthKind::ALL)
    }
}

// PG source: fe-connect.c, pqConnectOptions2
impl FromStr for RequireAuth {
    type Err = InvalidRequireAuth;

    fn from_str(list: &str) -> Result<Self, InvalidRequireAuth> {
        let is_negative = list.starts_with('!');
        let start = if is_negative || list.is_empty() { Self::default() } else { Self::only(&[]) };
        let mut names = list.split(',').filter(|_| !list.is_empty());
        names.try_fold(start, |mut required, name| {
            let invalid = |problem| InvalidRequireAuth { name: name.to_owned(), problem };
            let kind = match (name.strip_prefix('!'), is_negative) {
                (Some(kind), true) => kind,
                (None, false) => name,
                _ => return Err(invalid("allowed methods cannot be mixed with forbidden ones")),
            };
            let kind = AuthKind::find(kind).ok_or_else(|| invalid("there is no such method"))?;
            if required.allows(kind) != is_negative {
                return Err(invalid("it is named twice"));
            }
            if is_negative {
                required.forbid(kind);
            } else {
                required.allow(kind);
            }
            Ok(required)
        })
    }
}

impl fmt::Display for RequireAuth {
    /// Writes a list that reads as the same set: nothing for all kinds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |prefix: &str, kinds: &mut dyn Iterator<Item = AuthKind>| {
            kinds.map(|kind| format!("{prefix}{kind}")).collect::<Vec<_>>().join(",")
        };
        f.write_str(&match *self {
            all if all == Self::default() => String::new(),
            Self { allowed: 0 } => names("!", &mut AuthKind::ALL.into_iter()),
            some => names("", &mut AuthKind::ALL.into_iter().filter(|kind| some.allows(*kind))),
        })
    }
}

/// A kind of authentication, as far as [`RequireAuth`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthKind {
    /// The password in the clear: `password`.
    Password,
    /// `md5`.
    Md5,
    /// `gss`.
    Gss,
    /// `sspi`.
    Sspi,
    /// SCRAM-SHA-256, bound to the channel or not: `scram-sha-256`.
    ScramSha256,
    /// A bearer token: `oauth`.
    OAuth,
    /// The server asks for nothing: `none`.
    None,
}

impl AuthKind {
    const ALL: [Self; 7] =
        [Self::Password, Self::Md5, Self::Gss, Self::Sspi, Self::ScramSha256, Self::OAuth, Self::None];

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Gss => "gss",
            Self::Sspi => "sspi",
            Self::ScramSha256 => "scram-sha-256",
            Self::OAuth => "oauth",
            Self::None => "none",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::Md5 => 2,
            Self::Gss => 4,
            Self::Sspi => 8,
            Self::ScramSha256 => 16,
            Self::OAuth => 32,
            Self::None => 64,
        }
    }
}

impl fmt::Display for AuthKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is no list of authentication methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRequireAuth {
    name: String,
    problem: &'static str,
}

impl fmt::Display for InvalidRequireAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "require_auth does not understand {:?}: {}", self.name, self.problem)
    }
}

impl Error for InvalidRequireAuth {}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &str) -> Vec<&'static str> {
        let required: RequireAuth = list.parse().unwrap();
        AuthKind::ALL.into_iter().filter(|kind| required.allows(*kind)).map(AuthKind::name).collect()
    }

    fn problem(list: &str) -> String {
        list.parse::<RequireAuth>().unwrap_err().to_string()
    }

    #[test]
    fn a_list_allows_what_it_names_or_forbids_what_it_negates() {
        assert_eq!(allowed("").len(), 7);
        assert_eq!(allowed("scram-sha-256"), ["scram-sha-256"]);
        assert_eq!(allowed("none,password"), ["password", "none"]);
        assert_eq!(allowed("!none"), ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth"]);
        assert_eq!(allowed("!password,!md5,!none"), ["gss", "sspi", "scram-sha-256", "oauth"]);
    }

    #[test]
    fn what_libpq_refuses_is_refused() {
        for mixed in ["!none,password", "password,!none"] {
            assert!(
                problem(mixed).ends_with("allowed methods cannot be mixed with forbidden ones"),
                "{mixed}"
            );
        }
        for unknown in [",", "password,", ",md5", "!", "!!md5", " md5", "MD5", "scram", "none,,md5", "ldap\n"]
        {
            let problem = problem(unknown);
            assert!(problem.ends_with("there is no such method"), "{unknown:?}: {problem}");
            assert!(!problem.contains('\n'));
        }
        for twice in ["md5,md5", "!md5,!md5", "none,md5,none", "!none,!none"] {
            assert!(problem(twice).ends_with("it is named twice"), "{twice}");
        }
    }

    #[test]
    fn every_set_is_written_as_it_is_read() {
        for allowed in 0..128 {
            let set = RequireAuth { allowed };
            assert_eq!(set.to_string().parse(), Ok(set), "{set}");
        }
    }
}
