/// Tells whether a text is a COPY from or to the client.
///
/// Outside of scripts a text is one statement at most, so its first word says what it is.
pub(super) fn is_copy(sql: &str) -> bool {
    let mut words = behind_blank(sql).split(|c: char| !is_of_word(c));
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("copy"))
        && words.any(|word| word.eq_ignore_ascii_case("stdin") || word.eq_ignore_ascii_case("stdout"))
}

/// Returns what stands behind whitespace, comments and empty statements.
// PG docs: sql-syntax-lexical, "Comments"
fn behind_blank(mut sql: &str) -> &str {
    loop {
        let rest = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c', ';']);
        if let Some(comment) = rest.strip_prefix("--") {
            sql = comment.find(['\n', '\r']).and_then(|end| comment.get(end..)).unwrap_or_default();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            sql = behind_comment(comment);
        } else {
            return rest;
        }
    }
}

/// Returns what stands behind a comment that has been opened. Comments nest.
fn behind_comment(mut rest: &str) -> &str {
    let mut depth: usize = 1;
    while let Some(tail) = rest.find(['*', '/']).and_then(|place| rest.get(place..)) {
        if let Some(inner) = tail.strip_prefix("/*") {
            depth = depth.saturating_add(1);
            rest = inner;
        } else if let Some(outer) = tail.strip_prefix("*/") {
            depth = depth.saturating_sub(1);
            rest = outer;
        } else {
            rest = tail.get(1..).unwrap_or_default();
        }
        if depth == 0 {
            return rest;
        }
    }
    ""
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_first_word() {
        for sql in [
            "copy t from stdin",
            "COPY t TO STDOUT",
            " \t\r\n\x0b\x0c;;copy(select 1)to stdout",
            "-- why\ncopy t from stdin",
            "--\rcopy t from/**/stdin",
            "/* a /* nested */ ** / */copy t from stdin with csv",
            "/*/ */ /**/ Copy \"t\" From Stdin;",
        ] {
            assert!(is_copy(sql), "{sql:?}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for sql in [
            "",
            "select 'copy t from stdin'",
            "-- copy t from stdin",
            "/* copy t from stdin */",
            "/* /* */ copy t from stdin",
            "copying from stdin",
            "copy$ from stdin",
            "\"copy\" from stdin",
            "copy t from '/a/file'",
            "copy t to program 'cat'",
            "copyé stdin",
            "/",
            "-",
            "/*",
            "--",
        ] {
            assert!(!is_copy(sql), "{sql:?}");
        }
    }
}
