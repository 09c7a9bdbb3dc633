//! What molt-db promises, as clauses with stable names, read from the Markdown files that people read.
//!
//! A clause is a heading that is its id, a requirement in a sentence or two, and four fields:
//!
//! ```
//! use molt_db_spec::{ClauseLevel, parse};
//!
//! let clauses = parse("## `cancel.eof`
//!
//! A cancel counts as done when the server closes its connection.
//!
//! - Level: MUST
//! - Source: PG docs, protocol-flow, \"Canceling Requests in Progress\"
//! - Versions: 13 to 18
//! - Proved by: `tests/cancel.rs::a_cancel_ends_with_the_end_of_its_connection`
//! ")?;
//! assert_eq!((clauses[0].id.as_str(), clauses[0].level), ("cancel.eof", ClauseLevel::Must));
//! assert_eq!(clauses[0].proofs[0].test, "a_cancel_ends_with_the_end_of_its_connection");
//! # Ok::<(), molt_db_spec::ClauseError>(())
//! ```

use std::error::Error;
use std::fmt;

/// One thing that is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// A topic and a name, such as `cancel.eof`. It stays what it is as long as the promise does.
    pub id: String,
    /// What has to hold, in Markdown.
    pub requirement: String,
    /// Where the promise comes from.
    pub level: Level,
    /// The place in the documentation or the source of PostgreSQL, an RFC, or the reason.
    pub source: String,
    /// The versions of PostgreSQL that it is about.
    pub versions: String,
    /// The tests that fail where it does not hold: one or more.
    pub proofs: Vec<Proof>,
}

/// What makes a clause binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `MUST`: PostgreSQL's documentation or an RFC demands it.
    Must,
    /// `REFERENCE`: not written down, but what PostgreSQL's own server or libpq does.
    Reference,
    /// `PROMISE`: a choice of molt-db that its users may rely on.
    Promise,
}

/// A test, by its file and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The file, from the root of the repository.
    pub file: String,
    /// The name of the function.
    pub test: String,
}

/// Why a text is not a list of clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseError {
    /// The heading of the clause, as it stands there.
    pub heading: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Reads the clauses of a file, in order. What stands in front of the first `## ` is an introduction and passed over.
///
/// # Errors
///
/// An id of another form than `topic.name` in backticks, a clause without requirement, or one of the four fields
/// missing, empty or malformed.
pub fn parse(markdown: &str) -> Result<Vec<Clause>, ClauseError> {
    let sections = markdown.split("\n## ").enumerate();
    // The first section follows no line break if the file has no introduction.
    sections
        .filter_map(|(at, section)| if at == 0 { section.strip_prefix("## ") } else { Some(section) })
        .map(clause)
        .collect()
}

fn clause(section: &str) -> Result<Clause, ClauseError> {
    let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
    let refuse = |problem| ClauseError { heading: heading.to_owned(), problem };
    let (requirement, fields) = body.split_once("\n- Level:").ok_or_else(|| refuse("it has no level"))?;
    let fields = format!("- Level:{fields}");
    let field = |key, problem| field(&fields, key).ok_or_else(|| refuse(problem));
    let requirement = requirement.trim();
    if requirement.is_empty() {
        return Err(refuse("it requires nothing"));
    }
    Ok(Clause {
        id: id(heading).ok_or_else(|| refuse("its id is not `topic.name`, in lower case"))?,
        requirement: requirement.to_owned(),
        level: level(&field("Level", "it has no level")?).ok_or_else(|| refuse("its level is unknown"))?,
        source: field("Source", "it has no source")?,
        versions: field("Versions", "it names no versions")?,
        proofs: proofs(&field("Proved by", "it has no proof")?)
            .ok_or_else(|| refuse("its proofs are not `file::test`, separated by commas"))?,
    })
}

fn id(heading: &str) -> Option<String> {
    let id = heading.strip_prefix('`')?.strip_suffix('`')?;
    let (topic, name) = id.split_once('.')?;
    let slug = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    (slug(topic) && slug(name)).then(|| id.to_owned())
}

/// Finds a field: the rest of its line and the indented lines below it, as one line.
fn field(fields: &str, key: &str) -> Option<String> {
    let mut lines = fields.lines();
    let first = lines.find_map(|line| line.strip_prefix("- ")?.strip_prefix(key)?.strip_prefix(':'))?;
    let further = lines.take_while(|line| line.starts_with("  "));
    let words: Vec<&str> = std::iter::once(first).chain(further).flat_map(str::split_whitespace).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn level(name: &str) -> Option<Level> {
    match name {
        "MUST" => Some(Level::Must),
        "REFERENCE" => Some(Level::Reference),
        "PROMISE" => Some(Level::Promise),
        _ => None,
    }
}

fn proofs(list: &str) -> Option<Vec<Proof>> {
    list.split(", ").map(proof).collect()
}

fn proof(item: &str) -> Option<Proof> {
    let (file, test) = item.strip_prefix('`')?.strip_suffix('`')?.split_once("::")?;
    let name = test.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (file.ends_with(".rs") && name && !test.is_empty())
        .then(|| Proof { file: file.to_owned(), test: test.to_owned() })
}

impl fmt::Display for ClauseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clause {}: {}", self.heading, self.problem)
    }
}

impl Error for ClauseError {}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# Topic

An introduction.

## `topic.first-one`

It holds,
and | a | table | too.

- Level: PROMISE
- Source: a reason that is
  longer than a line
- Versions: all
- Proved by: `a/b.rs::one`,
  `c.rs::two_2`

## `topic.second`

So does this.

- Level: REFERENCE
- Source: PG source, x.c
- Versions: 13 to 18
- Proved by: `d.rs::three`
";

    fn problem(from: &str, to: &str) -> &'static str {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replacen(from, to, 1)).expect_err(to).problem
    }

    #[test]
    fn clauses_are_read_in_order_with_all_their_fields() {
        let clauses = parse(GOOD).unwrap();
        let ids: Vec<_> = clauses.iter().map(|clause| clause.id.as_str()).collect();
        assert_eq!(ids, ["topic.first-one", "topic.second"]);
        assert_eq!(clauses[0].requirement, "It holds,\nand | a | table | too.");
        assert_eq!((clauses[0].level, clauses[1].level), (Level::Promise, Level::Reference));
        assert_eq!(clauses[0].source, "a reason that is longer than a line");
        let proof = |file: &str, test: &str| Proof { file: file.to_owned(), test: test.to_owned() };
        assert_eq!(clauses[0].proofs, [proof("a/b.rs", "one"), proof("c.rs", "two_2")]);
        assert_eq!((clauses[1].versions.as_str(), clauses[1].proofs.len()), ("13 to 18", 1));
    }

    #[test]
    fn a_file_may_begin_with_its_first_clause_or_have_none() {
        let start = GOOD.find("## ").unwrap();
        assert_eq!(parse(&GOOD[start..]), parse(GOOD));
        assert_eq!(parse("# Nothing\n\nyet\n"), Ok(Vec::new()));
    }

    #[test]
    fn incomplete_clauses_are_named_and_refused() {
        assert_eq!(problem("`topic.second`", "topic.second"), "its id is not `topic.name`, in lower case");
        assert_eq!(problem("`topic.second`", "`topic`"), "its id is not `topic.name`, in lower case");
        assert_eq!(problem("`topic.second`", "`Topic.second`"), "its id is not `topic.name`, in lower case");
        assert_eq!(problem("So does this.\n", ""), "it requires nothing");
        assert_eq!(problem("- Level: REFERENCE\n", ""), "it has no level");
        assert_eq!(problem("REFERENCE", "SHOULD"), "its level is unknown");
        assert_eq!(problem("- Source: PG source, x.c\n", ""), "it has no source");
        assert_eq!(problem("PG source, x.c", ""), "it has no source");
        assert_eq!(problem("- Versions: 13 to 18\n", ""), "it names no versions");
        assert_eq!(problem("- Proved by: `d.rs::three`\n", ""), "it has no proof");
        let shape = "its proofs are not `file::test`, separated by commas";
        for bad in ["`d.rs::three", "d.rs::three", "`d.rs`", "`d.rs::`", "`d.md::three`", "`d.rs::Three`"] {
            assert_eq!(problem("`d.rs::three`", bad), shape, "{bad}");
        }
    }
}
