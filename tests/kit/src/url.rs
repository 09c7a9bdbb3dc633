//! Connection URLs as libpq reads them.

/// Builds a URL; names, values and the password are escaped as needed.
pub(crate) fn build(
    user: &str,
    password: Option<&str>,
    authority: &str,
    database: &str,
    options: &[(&str, &str)],
) -> String {
    let password = password.map_or_else(String::new, |word| format!(":{}", escape(word)));
    let mut url = format!("postgresql://{}{password}@{authority}/{}", escape(user), escape(database));
    for (at, (name, value)) in options.iter().enumerate() {
        url += if at == 0 { "?" } else { "&" };
        url += &format!("{name}={}", escape(value));
    }
    url
}

// RFC 3986 §2.3; the slash is left as it is, for paths in the query.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_could_end_a_part_is_escaped() {
        let url = build("a@b", Some("p:w"), "127.0.0.1:1", "d?b", &[("sslrootcert", "/a b/c&d"), ("x", "1")]);
        assert_eq!(url, "postgresql://a%40b:p%3Aw@127.0.0.1:1/d%3Fb?sslrootcert=/a%20b/c%26d&x=1");
    }

    #[test]
    fn without_a_password_there_is_no_colon() {
        assert_eq!(build("u", None, "h:2", "d", &[]), "postgresql://u@h:2/d");
    }
}
