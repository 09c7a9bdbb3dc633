//! Connection strings, valid and not, the same in every run.

/// Makes choices by xorshift64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub(crate) fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }

    /// Is true once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Returns a string of one kind or the other, in one of three cases damaged.
pub(crate) fn connection_string(dice: &mut Dice) -> String {
    let text = if dice.once_in(2) { uri(dice) } else { list(dice) };
    if dice.once_in(3) { damaged(dice, &text) } else { text }
}

/// Returns an option's name, and a value that it may well have.
pub(crate) fn setting(dice: &mut Dice) -> (&'static str, String) {
    let (name, values) = VALUES[dice.below(VALUES.len())];
    let value = if dice.once_in(12) { text(dice) } else { dice.pick(values).to_owned() };
    (name, value)
}

/// Writes a value so that a list of names and values takes it as it is.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Returns a password file of a few lines, some of which may fit `h:1:d:u`.
pub(crate) fn password_file(dice: &mut Dice) -> String {
    let mut file = String::new();
    for _ in 0..dice.below(6) {
        let fields =
            [["h", "*", "\\h", "hh"], ["1", "*", "\\1", "2"], ["d", "*", "e", ""], ["u", "*", "u ", "\\*"]];
        let mut line: Vec<_> = fields.iter().map(|words| dice.pick(&words[..]).to_owned()).collect();
        line.push(if dice.once_in(2) { text(dice) } else { "pw".to_owned() });
        line.truncate(if dice.once_in(9) { 4 } else { 5 });
        file += if dice.once_in(9) { "#" } else { "" };
        file += &line.join(":");
        file += dice.pick(&["\n", "\n", "\r\n", "\n\n"]);
    }
    file
}

/// Returns a service file of a few lines, mostly with a section `x`.
pub(crate) fn service_file(dice: &mut Dice) -> String {
    const NAMES: &[&str] = &["user", "dbname", "password", "options", "service", "nonsense", "usr", "user "];
    let mut file = dice.pick(&["", "# y\n", "[y]\nuser=y\n", "nonsense\n"]).to_owned();
    for _ in 0..dice.below(8) {
        let line = match dice.below(5) {
            0 => dice.pick(&["[x]", "[xx]", " [x] y", "[x", "[]", "[ x ]"]).to_owned(),
            1 => text(dice),
            // Those that are known more often than the others.
            _ => {
                let known = if dice.once_in(9) { NAMES } else { &NAMES[..4] };
                dice.pick(known).to_owned() + "=" + &text(dice)
            }
        };
        file += &(if dice.once_in(4) { blanks(dice) } else { String::new() } + &line + "\n");
        file += if dice.once_in(3) { "[x]\n" } else { "" };
    }
    file
}

fn list(dice: &mut Dice) -> String {
    let mut list = blanks(dice);
    for _ in 0..dice.below(7) {
        let (name, value) = setting(dice);
        list += name;
        list += &(blanks(dice) + "=" + &blanks(dice));
        list += &match dice.below(3) {
            0 => quoted(&value),
            1 => value.chars().flat_map(|c| ['\\', c]).collect(),
            _ => value,
        };
        list += dice.pick(&[" ", "\n", "\t \r", "  "]);
    }
    list
}

fn uri(dice: &mut Dice) -> String {
    let mut uri = dice.pick(&["postgres://", "postgresql://"]).to_owned();
    if dice.once_in(2) {
        uri += &part(dice, &["app", "user name", "ü", ""]);
        if dice.once_in(2) {
            uri += &(":".to_owned() + &part(dice, &["secret", "p@ss/w:rd", "100%", "", "ä"]));
        }
        uri.push('@');
    }
    let hosts = 1 + if dice.once_in(3) { dice.below(4) } else { 0 };
    for index in 0..hosts {
        uri += if index > 0 { "," } else { "" };
        uri += &match dice.below(3) {
            0 => dice.pick(&["[::1]", "[2001:db8::1]", "[fe80::1%25eth0]", "10.0.0.1"]).to_owned(),
            _ => part(dice, &["db", "db.example", "/var/run/postgresql", "@app", "", "ö.example"]),
        };
        uri += dice.pick(&["", "", ":5432", ":1", ":65535", ":"]);
    }
    if dice.once_in(2) {
        uri += &("/".to_owned() + &part(dice, &["shop", "a b", "x?y", "", "d/e"]));
    }
    if dice.once_in(2) {
        uri.push('?');
        for _ in 0..dice.below(4) {
            let (name, value) = setting(dice);
            uri += &(part(dice, &[name]) + "=" + &part(dice, &[&value]) + "&");
        }
        if dice.once_in(4) {
            uri += "ssl=true";
        }
    }
    uri
}

/// Returns one of the words, as a part of a URI: escaped where it must be, or more than that, or with spaces around it.
fn part(dice: &mut Dice, words: &[&str]) -> String {
    let word = dice.pick(words);
    let escapes_all = dice.once_in(4);
    let mut part = String::new();
    for byte in word.bytes() {
        if escapes_all || !(byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
            part += &if dice.once_in(2) { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        } else {
            part.push(char::from(byte));
        }
    }
    if dice.once_in(8) { format!(" {part} ") } else { part }
}

fn damaged(dice: &mut Dice, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(chars.len() + 1);
        match dice.below(3) {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 => chars.truncate(at.max(11)),
            _ => chars.insert(at, DISTURBING[dice.below(DISTURBING.len())]),
        }
    }
    chars.into_iter().collect()
}

fn text(dice: &mut Dice) -> String {
    (0..dice.below(9)).map(|_| DISTURBING[dice.below(DISTURBING.len())]).collect()
}

fn blanks(dice: &mut Dice) -> String {
    if dice.once_in(4) { dice.pick(&[" ", "\t", "\n\r ", "\u{b}\u{c}"]).to_owned() } else { String::new() }
}

const DISTURBING: &[char] = &[
    '\'', '\\', '=', ' ', '&', '?', '/', ':', '@', '%', ',', '[', ']', '#', '\n', '\t', 'a', 'F', '0', '4',
    '1', 'ä', '\u{a0}', '€', '!', '*', '+', '-',
];

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const FILES: &[&str] = &["", "/etc/a file", "c:\\x", "it's"];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "10",
    " 7",
    "8 ",
    "+9",
    "007",
    "2147483647",
    "2147483648",
    "1.5",
    "x",
    "",
    "1e3",
    "0x10",
];
const SWITCHES: &[&str] = &["0", "1"];
const TEXTS: &[&str] = &["", "app", "a b", "it's", "back\\slash", "ü€", "x=y&z", "100%", " x "];
const TLS: &[&str] = &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "tlsv1.2", "", "SSLv3", "TLSv1.4"];
const VERSIONS: &[&str] = &["3.0", "3.2", "latest", "3.1", "2.0", "", "3"];

/// Every option of libpq 18, and values to try.
pub(crate) const VALUES: &[(&str, &[&str])] = &[
    ("application_name", TEXTS),
    ("channel_binding", &["disable", "prefer", "require", "", "Require"]),
    ("client_encoding", &["UTF8", "utf-8", "auto", "LATIN1", ""]),
    ("connect_timeout", NUMBERS),
    ("dbname", TEXTS),
    ("fallback_application_name", TEXTS),
    ("gssdelegation", SWITCHES),
    ("gssencmode", &["disable", "prefer", "", "always"]),
    ("gsslib", &["", "gssapi"]),
    ("host", &["db", "a,b", "", ",", "/tmp", "@app", "/tmp,db", "10.0.0.1", "::1", "ö.example"]),
    (
        "hostaddr",
        &["127.0.0.1", "::1", "", "10.0.0.1,::1", ",::1", "localhost", "10.0.0", "10.0.0.1 ", "::g"],
    ),
    ("keepalives", NUMBERS),
    ("keepalives_count", NUMBERS),
    ("keepalives_idle", NUMBERS),
    ("keepalives_interval", NUMBERS),
    ("krbsrvname", &["postgres", "", "pg"]),
    ("load_balance_hosts", &["disable", "random", "", "on"]),
    ("max_protocol_version", VERSIONS),
    ("min_protocol_version", VERSIONS),
    ("oauth_client_id", TEXTS),
    ("oauth_client_secret", TEXTS),
    ("oauth_issuer", &["https://issuer.example", ""]),
    ("oauth_scope", TEXTS),
    ("options", &["", "-c work_mem=1MB", "-c search_path=a\\ b"]),
    ("passfile", FILES),
    ("password", TEXTS),
    ("port", &["5432", "1", "65535", "", "1,2", "1,,3", ",", "0", "65536", "x", " 5432 ", "+1", "54 32"]),
    ("replication", &["", "true", "database", "0", "off", "yes"]),
    (
        "require_auth",
        &[
            "",
            "scram-sha-256",
            "md5,password",
            "!md5,!none",
            "oauth",
            "md5,md5",
            "md5,!none",
            "ldap",
            ",",
            "!",
        ],
    ),
    ("requirepeer", TEXTS),
    ("scram_client_key", &[KEY, "", "AAAA", "x"]),
    ("scram_server_key", &[KEY, "", "AAAA", "x"]),
    ("service", TEXTS),
    ("sslcert", FILES),
    ("sslcertmode", &["disable", "allow", "require", "", "prefer"]),
    ("sslcompression", SWITCHES),
    ("sslcrl", FILES),
    ("sslcrldir", FILES),
    ("sslkey", FILES),
    ("sslkeylogfile", FILES),
    ("sslmode", &["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "", "on"]),
    ("sslnegotiation", &["postgres", "direct", "", "tls"]),
    ("sslpassword", TEXTS),
    ("sslrootcert", &["", "/ca.pem", "system"]),
    ("sslsni", SWITCHES),
    ("ssl_max_protocol_version", TLS),
    ("ssl_min_protocol_version", TLS),
    (
        "target_session_attrs",
        &["any", "read-write", "read-only", "primary", "standby", "prefer-standby", "", "master"],
    ),
    ("tcp_user_timeout", NUMBERS),
    ("user", TEXTS),
    // These two are not of the list that libpq gives out.
    ("requiressl", SWITCHES),
    ("nonsense", TEXTS),
];
