use std::fmt::{self, Write};

use crate::arrow::{Asked, Copied, Extension, Fault, Form};
use crate::types::cursor::{Cursor, to_end, whole};
use crate::types::{Type, Utf8};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `tsvector`: the lexemes of a document, with the places where they stand in it. Prints as the server does.
///
/// The server has them sorted and each once; as a parameter they may come in any order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsVector {
    /// The lexemes.
    pub lexemes: Vec<Lexeme>,
}

/// A lexeme of a [`TsVector`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lexeme {
    /// The word, without a zero byte. The server takes up to 2046 bytes.
    pub text: String,
    /// Where it stands, ascending; perhaps nowhere.
    pub positions: Vec<LexemePosition>,
}

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LexemePosition {
    /// The number of the word, from 1; at most 16383.
    pub position: u16,
    /// What part of the document it is in.
    pub weight: Weight,
}

/// What part of a document a lexeme stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weight {
    /// The least important, which is not written.
    #[default]
    D,
    /// Above D.
    C,
    /// Above C.
    B,
    /// The most important.
    A,
}

// PG source: tsvector.c, tsvectorsend; ts_type.h, WordEntryPos.
impl LexemePosition {
    fn from_wire(word: u16) -> Self {
        let weight = match word >> 14 {
            0 => Weight::D,
            1 => Weight::C,
            2 => Weight::B,
            _ => Weight::A,
        };
        Self { position: word & MOST, weight }
    }

    fn to_wire(self) -> Result<u16, EncodeError> {
        let weight = match self.weight {
            Weight::D => 0,
            Weight::C => 1,
            Weight::B => 2,
            Weight::A => 3,
        };
        match self.position {
            0..=MOST => Ok(weight << 14 | self.position),
            _ => Err(EncodeError::OutOfRange("a place of a lexeme is at most 16383")),
        }
    }
}

const MOST: u16 = 0x3fff;

impl fmt::Display for LexemePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::D => "",
            Weight::C => "C",
            Weight::B => "B",
            Weight::A => "A",
        };
        write!(f, "{}{weight}", self.position)
    }
}

/// Writes a word in quotes.
pub(super) fn quote(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('\'')?;
    for piece in text.split_inclusive(['\'', '\\']) {
        out.write_str(piece)?;
        if let Some(special @ ('\'' | '\\')) = piece.chars().next_back() {
            out.write_char(special)?;
        }
    }
    out.write_char('\'')
}

fn show(
    lexeme: &str,
    positions: impl Iterator<Item = LexemePosition>,
    is_first: bool,
    out: &mut impl Write,
) -> fmt::Result {
    if !is_first {
        out.write_char(' ')?;
    }
    quote(lexeme, out)?;
    for (place, position) in positions.enumerate() {
        let before = if place == 0 { ':' } else { ',' };
        write!(out, "{before}{position}")?;
    }
    Ok(())
}

impl fmt::Display for TsVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, lexeme) in self.lexemes.iter().enumerate() {
            show(&lexeme.text, lexeme.positions.iter().copied(), place == 0, f)?;
        }
        Ok(())
    }
}

/// Takes a lexeme, and its positions as the wire has them.
fn lexeme<'r>(cursor: &mut Cursor<'r>) -> Option<(&'r str, &'r [[u8; 2]])> {
    let text = cursor.text()?;
    let count = usize::from(cursor.u16()?);
    let (positions, _) = cursor.bytes(count.checked_mul(2)?)?.as_chunks();
    Some((text, positions))
}

fn of_wire(positions: &[[u8; 2]]) -> impl Iterator<Item = LexemePosition> {
    positions.iter().map(|word| LexemePosition::from_wire(u16::from_be_bytes(*word)))
}

/// A lexeme has a zero byte and a number at least.
const LEAST: usize = 3;
const MALFORMED: &str = "it is no tsvector";

impl FromSql<'_> for TsVector {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TSVECTOR)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, MALFORMED, |cursor| {
            let count = cursor.count(LEAST)?;
            let lexemes = (0..count).map(|_| {
                let (text, positions) = lexeme(cursor)?;
                Some(Lexeme { text: text.to_owned(), positions: of_wire(positions).collect() })
            });
            Some(Self { lexemes: lexemes.collect::<Option<_>>()? })
        })
    }
}

impl ToSql for TsVector {
    fn oid(&self) -> Oid {
        Oid::TSVECTOR
    }

    fn type_oid() -> Oid {
        Oid::TSVECTOR
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let count = i32::try_from(self.lexemes.len()).map_err(|_| EncodeError::TooLong)?;
        out.extend_from_slice(&count.to_be_bytes());
        for lexeme in &self.lexemes {
            write_text(&lexeme.text, &mut out.bytes)?;
            let count = u16::try_from(lexeme.positions.len()).map_err(|_| EncodeError::TooLong)?;
            out.extend_from_slice(&count.to_be_bytes());
            for position in &lexeme.positions {
                out.extend_from_slice(&position.to_wire()?.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }
}

/// Writes a word, and the zero byte that ends it.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if text.contains('\0') {
        return Err(EncodeError::Nul);
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

/// `tsvector` in Arrow: its text.
pub(crate) const TSVECTOR: Type =
    Type { oid: Oid::TSVECTOR, array: Some(Oid(3643)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    Form::text(asked, Copied::Rewritten(append)).with(Extension::Opaque)
}

fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let written = to_end(value, |cursor| {
        let count = cursor.count(LEAST)?;
        (0..count).try_for_each(|place| {
            let (text, positions) = lexeme(cursor)?;
            show(text, of_wire(positions), place == 0, &mut Utf8(out)).ok()
        })
    });
    written.ok_or(Fault::Malformed(MALFORMED))
}
