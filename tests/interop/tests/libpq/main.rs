//! Connection strings as libpq 18 reads them: its own parser is the judge.

mod oracle;
mod strings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use molt_db::{Config, ConfigError};

use oracle::Oracle;
use strings::{Dice, VALUES, connection_string, password_file, quoted, service_file, setting};

#[test]
fn strings_mean_what_they_mean_to_libpq() {
    let mut oracle = Oracle::start();
    let mut dice = Dice(0x5eed_11b9);
    let mut outcomes = BTreeMap::<_, usize>::new();
    for _ in 0..STRINGS {
        let text = connection_string(&mut dice);
        let outcome = compare(&mut oracle, &text).unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    for outcome in [Outcome::Same, Outcome::Malformed, Outcome::BadValue] {
        assert!(outcomes[&outcome] > STRINGS / 20, "{outcomes:?}");
    }
}

#[test]
fn the_strings_of_libpqs_own_tests_mean_the_same() {
    let mut oracle = Oracle::start();
    for text in LIBPQ_TESTS {
        compare(&mut oracle, text).unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
    }
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("molt-db-libpq-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file that only its owner may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What both made of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The same configuration.
    Same,
    /// An error of both.
    Malformed,
    /// libpq only splits it, and refuses the value when it connects.
    BadValue,
    /// One of [`DIFFERENCES`], or of [`VALUE_DIFFERENCES`].
    Different,
}

fn compare(oracle: &mut Oracle, text: &str) -> Result<Outcome, String> {
    match (oracle.parse(text), text.parse::<Config>()) {
        (None, Err(_)) => Ok(Outcome::Malformed),
        (None, Ok(config)) => Err(format!("libpq refuses it, and we read {config:?}")),
        (Some(theirs), Ok(ours)) => {
            check_texts(&theirs, &ours)?;
            let again = rebuilt(&theirs)
                .map_err(|error| format!("we do not read what libpq makes of it: {error}"))?;
            if again == ours {
                Ok(Outcome::Same)
            } else {
                Err(format!("{ours:?} where libpq reads {again:?}"))
            }
        }
        (Some(theirs), Err(error)) => judge(oracle, text, &theirs, &error),
    }
}

/// Finds out whether we refuse for a reason what libpq can split.
fn judge(
    oracle: &mut Oracle,
    text: &str,
    theirs: &BTreeMap<String, Vec<u8>>,
    error: &ConfigError,
) -> Result<Outcome, String> {
    let Some(option) = error.option() else {
        let is_listed = DIFFERENCES.iter().any(|(_, applies)| applies(text, error));
        return if is_listed { Ok(Outcome::Different) } else { Err(format!("libpq reads it: {error}")) };
    };
    let value = theirs.get(option).ok_or_else(|| format!("libpq does not see `{option}` in it: {error}"))?;
    // To us only secrets may be other than UTF-8, which the sessions are in.
    let Ok(value) = str::from_utf8(value) else { return Ok(Outcome::Different) };
    if refusal(oracle, &[(option, value.to_owned())]).is_some() {
        Ok(Outcome::BadValue)
    } else if is_listed(option, value) {
        Ok(Outcome::Different)
    } else {
        Err(format!("libpq takes {value:?} for `{option}`: {error}"))
    }
}

/// Compares what we read as text with what libpq reads.
fn check_texts(theirs: &BTreeMap<String, Vec<u8>>, ours: &Config) -> Result<(), String> {
    let secret =
        |secret: Option<&molt_db::protocol::auth::Secret>| secret.map(|secret| secret.expose().to_vec());
    let text = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    for (name, ours) in [
        ("user", text(ours.get_user())),
        ("password", secret(ours.get_password())),
        ("options", text(ours.get_options())),
        ("requirepeer", text(ours.get_require_peer())),
        ("oauth_client_secret", secret(ours.get_oauth_client_secret())),
        ("oauth_scope", text(ours.get_oauth_scope())),
        ("sslpassword", secret(ours.get_ssl_password())),
    ] {
        let theirs = theirs.get(name).filter(|value| !value.is_empty());
        if theirs != ours.as_ref() {
            return Err(format!("`{name}` is {ours:?}, and {theirs:?} to libpq"));
        }
    }
    Ok(())
}

/// Reads what libpq has split, written in the plainest way.
fn rebuilt(options: &BTreeMap<String, Vec<u8>>) -> Result<Config, ConfigError> {
    let mut list = String::new();
    let mut secrets = Vec::new();
    for (name, value) in options {
        match str::from_utf8(value) {
            Ok(value) => list += &format!("{name}={} ", quoted(value)),
            Err(_) => secrets.push((name.as_str(), value.clone())),
        }
    }
    let config = list.parse();
    secrets.into_iter().fold(config, |config, (name, value)| match name {
        "password" => config.map(|config: Config| config.password(value)),
        "sslpassword" => config.map(|config| config.ssl_password(value)),
        "oauth_client_secret" => config.map(|config| config.oauth_client_secret(value)),
        _ => panic!("we read {name}, which is not UTF-8"),
    })
}

#[test]
fn values_are_refused_where_libpq_refuses_them() {
    let mut oracle = Oracle::start();
    let mut settings: Vec<Vec<(&str, String)>> = Vec::new();
    for (name, values) in VALUES {
        settings.extend(values.iter().map(|value| vec![(*name, (*value).to_owned())]));
    }
    let mut dice = Dice(0x0dd5);
    settings.extend((0..COMBINATIONS).map(|_| (0..3).map(|_| setting(&mut dice)).collect()));
    let mut refused = 0;
    for settings in settings {
        if settings.iter().any(|(name, _)| LEADS_ELSEWHERE.contains(name)) {
            continue;
        }
        if settings.iter().any(|(name, value)| is_listed(name, value)) {
            continue;
        }
        let theirs = refusal(&mut oracle, &settings);
        let ours = our_refusal(&settings);
        if ours.as_ref().is_some_and(lacks_company) {
            continue;
        }
        assert_eq!(ours.is_some(), theirs.is_some(), "{settings:?}: {ours:?}, and libpq: {theirs:?}");
        refused += usize::from(ours.is_some());
    }
    assert!(refused > 100, "{refused}");
}

/// Returns why libpq does not even dial with these settings.
fn refusal(oracle: &mut Oracle, settings: &[(&str, String)]) -> Option<String> {
    oracle.refuses(&(HARMLESS.to_owned() + &written(settings)))
}

/// Returns why we would not dial, but for what is only not done yet.
fn our_refusal(settings: &[(&str, String)]) -> Option<ConfigError> {
    let checked =
        (HARMLESS.to_owned() + &written(settings)).parse::<Config>().and_then(|config| config.validate());
    checked.err().filter(|error| !error.is_unsupported())
}

/// A difference that no single value shows: a certificate goes with its key, and to require one takes TLS. libpq looks
/// for the other half in the user's home, and at none of it where it does not encrypt.
fn lacks_company(error: &ConfigError) -> bool {
    let text = error.to_string();
    text.contains("needs its key")
        || text.contains("needs its certificate")
        || text.contains("sslcertmode=require")
}

fn written(settings: &[(&str, String)]) -> String {
    settings.iter().map(|(name, value)| format!(" {name}={}", quoted(value))).collect()
}

fn is_listed(option: &str, value: &str) -> bool {
    VALUE_DIFFERENCES.iter().any(|(name, _, applies)| *name == option && applies(value))
}

#[test]
fn password_files_give_the_passwords_that_they_give_to_libpq() {
    let mut oracle = Oracle::start();
    let folder = Folder::new();
    let path = folder.0.join("passwords");
    let mut dice = Dice(0x9a55);
    let mut found = 0;
    for _ in 0..FILES {
        let file = password_file(&mut dice);
        folder.write("passwords", &file);
        let text = format!("hostaddr=127.0.0.1 host=h port=1 dbname=d user=u passfile='{}'", path.display());
        let theirs =
            oracle.look_up(&text).unwrap().remove("password").filter(|password| !password.is_empty());
        let config = text.parse::<Config>().unwrap().or_files().unwrap();
        let ours = config.password_for(&config.endpoint()).map(|password| password.expose().to_vec());
        assert_eq!(ours, theirs, "{file:?}");
        found += usize::from(ours.is_some());
    }
    assert!(found > FILES / 20 && found < FILES, "{found}");
}

#[test]
fn service_files_say_what_they_say_to_libpq() {
    let folder = Folder::new();
    let path = folder.0.join("services");
    let mut oracle = Oracle::with_service_file(&path);
    let mut dice = Dice(0x5e41);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..FILES {
        let file = service_file(&mut dice);
        folder.write("services", &file);
        let theirs = oracle.look_up("hostaddr=127.0.0.1 port=1 service=x");
        let config = Config::new().host("h").service_file(&path).service("x").or_files();
        match (theirs, config) {
            (None, Err(_)) => refused += 1,
            (Some(theirs), Ok(ours)) => {
                let text = |name: &str| theirs.get(name).filter(|value| !value.is_empty()).cloned();
                let options = ours.get_options().map(|text| text.as_bytes().to_vec());
                assert_eq!(options, text("options"), "{file:?}");
                let password = ours.get_password().map(|password| password.expose().to_vec());
                assert_eq!(password, text("password"), "{file:?}");
                if let Some(user) = ours.get_user() {
                    assert_eq!(Some(user.as_bytes().to_vec()), text("user"), "{file:?}");
                }
                read += 1;
            }
            (theirs, ours) => panic!("{file:?}: {ours:?}, and libpq: {theirs:?}"),
        }
    }
    assert!(read > FILES / 10 && refused > FILES / 10, "{read} {refused}");
}

#[test]
fn every_option_of_libpq_is_honoured_or_refused_by_name() {
    let mut oracle = Oracle::start();
    assert_eq!(oracle.version() / 10_000, 18);
    let options = oracle.options();
    assert!(options.len() >= 50, "{options:?}");
    let tried: BTreeSet<_> = VALUES.iter().map(|(name, _)| *name).collect();
    let source: String =
        include_str!("../../../../src/config/option.rs").split_whitespace().collect::<Vec<_>>().concat();
    for (name, variable) in &options {
        assert!(tried.contains(name.as_str()), "no value is tried for `{name}`");
        let row = match variable {
            Some(variable) => format!("option(\"{name}\",\"{variable}\","),
            None => format!("without_variable(\"{name}\","),
        };
        assert!(source.contains(&row), "{row}");
        let (_, asking) = ASKING.iter().find(|(asked, _)| asked == name).unwrap_or(&("", "1"));
        let (_, company) = COMPANY.iter().find(|(asked, _)| asked == name).unwrap_or(&("", ""));
        let text = format!("user=u host=db {name}={} {company}", quoted(asking));
        let config: Config = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        match config.validate() {
            Ok(()) => assert_ne!(config, "user=u host=db".parse().unwrap(), "`{name}` changes nothing"),
            Err(error) => {
                assert_eq!(error.option(), Some(name.as_str()), "{error}");
                let is_file_to_be_read = ["service", "passfile"].contains(&name.as_str());
                assert!(error.is_unsupported() || is_file_to_be_read, "{error}");
            }
        }
    }
}

const STRINGS: usize = 20_000;
const COMBINATIONS: usize = 3_000;
const FILES: usize = 3_000;

/// What a string begins with to reach nobody.
const HARMLESS: &str = "hostaddr=127.0.0.1 port=1 user=u connect_timeout=5 sslmode=disable";

/// These change what is dialled, or which files are read.
const LEADS_ELSEWHERE: &[&str] =
    &["host", "hostaddr", "port", "service", "passfile", "requiressl", "nonsense"];

/// What an option cannot be without.
const COMPANY: &[(&str, &str)] = &[
    ("sslcert", "sslkey=1"),
    ("sslkey", "sslcert=1"),
    ("sslcertmode", "sslcert=1 sslkey=1 sslmode=require"),
];

/// What asks for something else than is done anyway, where it is not `1`.
const ASKING: &[(&str, &str)] = &[
    ("channel_binding", "require"),
    ("client_encoding", "LATIN1"),
    ("gssencmode", "require"),
    ("host", "other"),
    ("hostaddr", "::1"),
    ("load_balance_hosts", "random"),
    ("max_protocol_version", "3.2"),
    ("min_protocol_version", "3.2"),
    ("replication", "database"),
    ("require_auth", "scram-sha-256"),
    ("scram_client_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("scram_server_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("sslcertmode", "require"),
    ("sslmode", "verify-full"),
    ("sslnegotiation", "postgres"),
    ("sslrootcert", "/ca.pem"),
    ("sslsni", "0"),
    ("ssl_max_protocol_version", "TLSv1.2"),
    ("ssl_min_protocol_version", "TLSv1.3"),
    ("target_session_attrs", "primary"),
    ("user", "other"),
];

type Applies = fn(&str, &ConfigError) -> bool;

/// Strings that libpq splits and we refuse, and why.
const DIFFERENCES: &[(&str, Applies)] = &[(
    "an `@` in the host or the path of a URI most likely belongs to a password: the rest of it must not be looked up \
     as a host or shown as a database",
    |text, error| {
        let is_uri = text.starts_with("postgres://") || text.starts_with("postgresql://");
        is_uri && error.offset().is_some_and(|at| text[at..].starts_with('@'))
    },
)];

type Judges = fn(&str) -> bool;

/// Values that only one of us takes when connecting, and why.
const VALUE_DIFFERENCES: &[(&str, &str, Judges)] = &[
    ("hostaddr", "an address is written in full: `127.1` is refused", |value| {
        value.split(',').any(|part| !part.is_empty() && part.parse::<std::net::IpAddr>().is_err())
    }),
    ("keepalives", "0 keeps libpq from looking at the three below", |value| value.trim().parse() == Ok(0)),
    ("keepalives_count", SYSTEM_DECIDES, |value| !is_between(value, 127)),
    ("keepalives_idle", SYSTEM_DECIDES, |value| !is_between(value, 32_767)),
    ("keepalives_interval", SYSTEM_DECIDES, |value| !is_between(value, 32_767)),
    ("sslmode", "no file of authorities is read from the user's home", |value| value == "verify-ca"),
    ("sslsni", "anything but 1 is 0 to libpq", |value| !["0", "1"].contains(&value)),
    ("sslcompression", "libpq does not look at it", |value| !["0", "1"].contains(&value)),
    ("gssdelegation", "anything but 1 is 0 to libpq", |value| !["0", "1"].contains(&value)),
    ("replication", "libpq leaves it to the server", |value| {
        !["", "0", "1", "true", "false", "on", "off", "yes", "no", "database"].contains(&value)
    }),
    ("user", "the user of the process is only asked for by `Config::or_env`", str::is_empty),
];

const SYSTEM_DECIDES: &str = "0 and less is the system's default, as libpq's documentation has it, but it hands them on \
                              and the system refuses; what is too large is refused on dialling";

/// Tells whether a whole number is one that Linux takes for a keepalive; what is no number is nothing for the system.
fn is_between(value: &str, largest: i64) -> bool {
    value
        .trim()
        .parse()
        .map_or(true, |number: i64| (1..=largest).contains(&number) || i32::try_from(number).is_err())
}

/// Strings out of the tests of libpq, in the order of its documentation.
const LIBPQ_TESTS: &[&str] = &[
    "postgresql://uri-user:secret@host:12345/db",
    "postgresql://uri-user@host:12345/db",
    "postgresql://uri-user@host/db",
    "postgresql://host:12345/db",
    "postgresql://host/db",
    "postgresql://uri-user@host:12345/",
    "postgresql://uri-user@host/",
    "postgresql://uri-user@",
    "postgresql://host:12345/",
    "postgresql://host:12345",
    "postgresql://host/",
    "postgresql://host",
    "postgresql://",
    "postgresql://?hostaddr=127.0.0.1",
    "postgresql://example.com?hostaddr=63.1.2.4",
    "postgresql://%68ost/",
    "postgresql://host/db?user=uri-user",
    "postgresql://host/db?user=uri-user&port=12345",
    "postgresql://host/db?u%73er=someotheruser&port=12345",
    "postgresql://host/db?u%7aer=someotheruser&port=12345",
    "postgresql://host:12345?user=uri-user",
    "postgresql://host?user=uri-user",
    "postgresql://host?",
    "postgresql://[::1]:12345/db",
    "postgresql://[::1]/db",
    "postgresql://[2001:db8::1234]/",
    "postgresql://[200z:db8::1234]/",
    "postgresql://[::1]",
    "postgres://",
    "postgres:///",
    "postgres:///db",
    "postgres://uri-user@/db",
    "postgres://?host=/path/to/socket/dir",
    "postgresql://host?uzer=",
    "postgre://",
    "postgres://[::1",
    "postgres://[]",
    "postgres://[::1]z",
    "postgresql://host?zzz",
    "postgresql://host?value1&value2",
    "postgresql://host?key=key=value",
    "postgres://host?dbname=%XXfoo",
    "postgresql://a%00b",
    "postgresql://%zz",
    "postgresql://%1",
    "postgresql://%",
    "postgres://@host",
    "postgres://host:/",
    "postgres://:12345/",
    "postgres://otheruser@?host=/no/such/directory",
    "postgres://otheruser@/?host=/no/such/directory",
    "postgres://otheruser@:12345?host=/no/such/socket/path",
    "postgres://otheruser@:12345/db?host=/path/to/socket",
    "postgres://:12345/db?host=/path/to/socket",
    "postgres://:12345?host=/path/to/socket",
    "postgres://%2Fvar%2Flib%2Fpostgresql/dbname",
    "postgresql://host1,host2/db",
    "postgresql://host1:1,host2:2,host3:3/db?target_session_attrs=read-write",
    "postgresql://host?sslmode=disable",
    "postgresql://host?sslmode=verify-full",
    "postgresql://host/db?user=uri user",
    "postgresql:// host / db ? user = uri-user ",
    "user=uri-user password = 'it\\'s' host=a,b port=1,2",
    "dbname",
    "=x",
    "user='x",
    "",
];
