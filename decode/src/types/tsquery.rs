use std::fmt::{self, Write};

use super::tsvector::{quote, write_text};
use crate::arrow::{Asked, Copied, Extension, Fault, Form};
use crate::types::cursor::{Cursor, to_end};
use crate::types::{Type, Utf8};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `tsquery`: what is searched for in a [`TsVector`](super::TsVector). Prints as the server does.
///
/// ```
/// use molt_db_decode::types::{TsNode, TsQuery};
///
/// let word = |text: &str| TsNode::Lexeme { text: text.to_owned(), weights: 0, prefix: false };
/// let query = TsQuery::from_postfix(vec![word("fat"), word("cat"), TsNode::Phrase(1), TsNode::Not]);
/// assert_eq!(query.ok_or("no query")?.to_string(), "!( 'fat' <-> 'cat' )");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsQuery {
    /// Operands before their operators, the left one first; one tree, or nothing.
    nodes: Vec<TsNode>,
}

/// A part of a [`TsQuery`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TsNode<T = String> {
    /// A word to look for.
    Lexeme {
        /// The word, without a zero byte.
        text: T,
        /// In which parts of a document, one bit for each: 8 for A, 4 for B, 2 for C, 1 for D. 0 is everywhere.
        weights: u8,
        /// Whether any word that begins with it will do.
        prefix: bool,
    },
    /// What the operand does not match.
    Not,
    /// What both operands match.
    And,
    /// What one of the operands matches.
    Or,
    /// What the operands match so many places from each other, the left one first.
    Phrase(u16),
}

impl TsQuery {
    /// Takes the nodes of a tree: operands before their operators, the left one first. No nodes are a query that
    /// matches nothing; what is not one whole tree is no query.
    pub fn from_postfix(nodes: Vec<TsNode>) -> Option<Self> {
        starts(&nodes)?;
        Some(Self { nodes })
    }

    /// Returns the nodes: operands before their operators, the left one first.
    pub fn as_postfix(&self) -> &[TsNode] {
        &self.nodes
    }
}

/// Finds where the operands of each node begin, if the nodes are one tree, or none.
fn starts<T>(nodes: &[TsNode<T>]) -> Option<Vec<usize>> {
    let (mut starts, mut open) = (Vec::with_capacity(nodes.len()), Vec::new());
    for (place, node) in nodes.iter().enumerate() {
        let start = match node {
            TsNode::Lexeme { .. } => place,
            TsNode::Not => open.pop()?,
            TsNode::And | TsNode::Or | TsNode::Phrase(_) => {
                open.pop()?;
                open.pop()?
            }
        };
        starts.push(start);
        open.push(start);
    }
    (open.len() <= 1).then_some(starts)
}

/// What is still to be written: some of it lies behind what is written now.
enum Step {
    Node { at: usize, parent: u8, right_of_phrase: bool },
    Text(&'static str),
    Distance(u16),
}

impl<T: AsRef<str>> TsNode<T> {
    // PG source: tsquery.c, tsearch_op_priority.
    fn priority(&self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Phrase(_) => 3,
            Self::Not => 4,
            Self::Lexeme { .. } => 5,
        }
    }

    fn write_lexeme(text: &T, weights: u8, prefix: bool, out: &mut impl Write) -> fmt::Result {
        quote(text.as_ref(), out)?;
        if weights != 0 || prefix {
            out.write_char(':')?;
        }
        if prefix {
            out.write_char('*')?;
        }
        let letters = [(8, 'A'), (4, 'B'), (2, 'C'), (1, 'D')];
        letters.into_iter().filter(|(bit, _)| weights & bit != 0).try_for_each(|(_, it)| out.write_char(it))
    }
}

/// Writes a tree, without recursion: it may be as deep as it is long.
// PG source: tsquery.c, infix.
fn show<T: AsRef<str>>(nodes: &[TsNode<T>], starts: &[usize], out: &mut impl Write) -> fmt::Result {
    let Some(root) = nodes.len().checked_sub(1) else { return Ok(()) };
    let mut steps = vec![Step::Node { at: root, parent: 0, right_of_phrase: false }];
    while let Some(step) = steps.pop() {
        let (at, parent, right_of_phrase) = match step {
            Step::Node { at, parent, right_of_phrase } => (at, parent, right_of_phrase),
            Step::Text(text) => {
                out.write_str(text)?;
                continue;
            }
            Step::Distance(1) => {
                out.write_str(" <-> ")?;
                continue;
            }
            Step::Distance(distance) => {
                write!(out, " <{distance}> ")?;
                continue;
            }
        };
        let (Some(node), Some(right)) = (nodes.get(at), at.checked_sub(1).or(Some(0))) else { break };
        let priority = node.priority();
        let is_phrase = matches!(node, TsNode::Phrase(_));
        let in_parentheses = priority < parent || is_phrase && right_of_phrase;
        if let TsNode::Lexeme { text, weights, prefix } = node {
            TsNode::write_lexeme(text, *weights, *prefix, out)?;
            continue;
        }
        if in_parentheses {
            out.write_str("( ")?;
            steps.push(Step::Text(" )"));
        }
        steps.push(Step::Node { at: right, parent: priority, right_of_phrase: is_phrase });
        match node {
            TsNode::Not => {
                out.write_char('!')?;
                continue;
            }
            TsNode::And => steps.push(Step::Text(" & ")),
            TsNode::Or => steps.push(Step::Text(" | ")),
            TsNode::Phrase(distance) => steps.push(Step::Distance(*distance)),
            TsNode::Lexeme { .. } => {}
        }
        let left = starts.get(right).and_then(|start| start.checked_sub(1)).unwrap_or(0);
        steps.push(Step::Node { at: left, parent: priority, right_of_phrase: false });
    }
    Ok(())
}

impl fmt::Display for TsQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = starts(&self.nodes).unwrap_or_default();
        show(&self.nodes, &starts, f)
    }
}

// PG source: tsquery.c, tsquerysend; ts_type.h, QI_VAL and the operators.
fn node<'r>(cursor: &mut Cursor<'r>) -> Option<TsNode<&'r str>> {
    match cursor.u8()? {
        1 => {
            let (weights, prefix) = (cursor.u8()?, cursor.u8()?);
            let sane = weights <= 0xf && prefix <= 1;
            let text = cursor.text()?;
            sane.then_some(TsNode::Lexeme { text, weights, prefix: prefix == 1 })
        }
        2 => match cursor.u8()? {
            1 => Some(TsNode::Not),
            2 => Some(TsNode::And),
            3 => Some(TsNode::Or),
            4 => cursor.u16().map(TsNode::Phrase),
            _ => None,
        },
        _ => None,
    }
}

/// Reads the nodes, which the wire has the other way round: each operator before its operands, the right one first.
fn nodes(value: &[u8]) -> Option<Vec<TsNode<&str>>> {
    to_end(value, |cursor| {
        // A node has two bytes at least.
        let count = cursor.count(2)?;
        let mut nodes = (0..count).map(|_| node(cursor)).collect::<Option<Vec<_>>>()?;
        nodes.reverse();
        Some(nodes)
    })
}

const MALFORMED: &str = "it is no tsquery";

impl FromSql<'_> for TsQuery {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TSQUERY)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let nodes = nodes(value).ok_or_else(|| ValueError::malformed(MALFORMED))?;
        let owned = nodes.into_iter().map(|node| match node {
            TsNode::Lexeme { text, weights, prefix } => {
                TsNode::Lexeme { text: text.to_owned(), weights, prefix }
            }
            TsNode::Not => TsNode::Not,
            TsNode::And => TsNode::And,
            TsNode::Or => TsNode::Or,
            TsNode::Phrase(distance) => TsNode::Phrase(distance),
        });
        Self::from_postfix(owned.collect()).ok_or_else(|| ValueError::malformed(MALFORMED))
    }
}

impl ToSql for TsQuery {
    fn oid(&self) -> Oid {
        Oid::TSQUERY
    }

    fn type_oid() -> Oid {
        Oid::TSQUERY
    }

    /// Text where there is nothing, which servers take in no other form.
    fn format(&self) -> Format {
        if self.nodes.is_empty() { Format::Text } else { Format::Binary }
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        if self.nodes.is_empty() {
            return Ok(IsNull::No);
        }
        let count = i32::try_from(self.nodes.len()).map_err(|_| EncodeError::TooLong)?;
        out.extend_from_slice(&count.to_be_bytes());
        for node in self.nodes.iter().rev() {
            match node {
                TsNode::Lexeme { text, weights, prefix } => {
                    out.extend_from_slice(&[1, *weights, (*prefix).into()]);
                    write_text(text, &mut out.bytes)?;
                }
                TsNode::Not => out.extend_from_slice(&[2, 1]),
                TsNode::And => out.extend_from_slice(&[2, 2]),
                TsNode::Or => out.extend_from_slice(&[2, 3]),
                TsNode::Phrase(distance) => {
                    out.extend_from_slice(&[2, 4]);
                    out.extend_from_slice(&distance.to_be_bytes());
                }
            }
        }
        Ok(IsNull::No)
    }
}

/// `tsquery` in Arrow: its text. To find it takes memory for each value.
pub(crate) const TSQUERY: Type = Type { oid: Oid::TSQUERY, array: Some(Oid(3645)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    Form::text(asked, Copied::Rewritten(append)).with(Extension::Opaque)
}

fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let written = nodes(value).and_then(|nodes| {
        let starts = starts(&nodes)?;
        show(&nodes, &starts, &mut Utf8(out)).ok()
    });
    written.ok_or(Fault::Malformed(MALFORMED))
}
