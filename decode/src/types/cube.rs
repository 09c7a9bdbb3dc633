use std::fmt::{self, Write};

use crate::arrow::Fault;
use crate::types::Utf8;
use crate::types::cursor::Cursor;
use crate::types::geometry::Shortest;
use crate::{
    Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, TypeKind, TypeName, ValueError,
};

/// A `cube`, of the extension of that name: a point or a box in any number of dimensions up to 100. From PostgreSQL 14 on
/// it has a binary form; before, it comes as text.
///
/// It is sent as the type `cube`, which is looked up along the `search_path`. Prints as the server does.
///
/// ```
/// use molt_db_decode::types::Cube;
///
/// assert_eq!(Cube::Point(vec![1.0, 2.5]).to_string(), "(1, 2.5)");
/// assert_eq!(Cube::Box(vec![(0.0, 1.0), (2.0, 3.0)]).to_string(), "(0, 2),(1, 3)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Cube {
    /// A point.
    Point(Vec<f64>),
    /// Of each dimension, where the box has one corner and where the opposite one.
    Box(Vec<(f64, f64)>),
}

impl Cube {
    /// Of a cube's kind: its corners are the same.
    const POINT: u32 = 0x8000_0000;
    // PG source: contrib/cube, cubedata.h, CUBE_MAX_DIM.
    const MAX_DIMENSIONS: usize = 100;
}

impl fmt::Display for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(point) => corner(point.iter().copied(), f),
            Self::Box(sides) => {
                corner(sides.iter().map(|(first, _)| *first), f)?;
                f.write_char(',')?;
                corner(sides.iter().map(|(_, second)| *second), f)
            }
        }
    }
}

fn corner(numbers: impl Iterator<Item = f64>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('(')?;
    for (position, number) in numbers.enumerate() {
        write!(f, "{}{}", if position == 0 { "" } else { ", " }, Shortest(number))?;
    }
    f.write_char(')')
}

/// Says whether values of a type are cubes.
pub(crate) fn is_cube(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Base { send } if &**send == "cube_send")
}

// PG source: contrib/cube, cube.c, cube_send: the number of dimensions and whether it is a point, one corner, and the other
// one unless it is a point.
fn read(value: &[u8]) -> Option<Cube> {
    let mut cursor = Cursor(value);
    let head = cursor.u32()?;
    let dimensions =
        usize::try_from(head & !Cube::POINT).ok().filter(|count| *count <= Cube::MAX_DIMENSIONS)?;
    let mut corner = || (0..dimensions).map(|_| cursor.f64()).collect::<Option<Vec<_>>>();
    let first = corner()?;
    let cube = match head & Cube::POINT {
        0 => Cube::Box(first.into_iter().zip(corner()?).collect()),
        _ => Cube::Point(first),
    };
    cursor.is_empty().then_some(cube)
}

/// Writes a value as the server does.
pub(crate) fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let cube = read(value).ok_or(Fault::Malformed("it is no cube"))?;
    write!(Utf8(out), "{cube}").map_err(|fmt::Error| Fault::TooLong)
}

impl FromSql<'_> for Cube {
    fn accepts(column: &Column) -> bool {
        column.format() == Format::Binary && column.kind().is_some_and(is_cube)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        read(value).ok_or_else(|| ValueError::malformed("it is no cube"))
    }
}

const NAME: TypeName = TypeName::new("cube");

impl ToSql for Cube {
    fn oid(&self) -> Oid {
        Oid::UNSPECIFIED
    }

    fn type_name() -> Option<TypeName> {
        Some(NAME)
    }

    fn declared_name(&self) -> Option<TypeName> {
        Some(NAME)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let (count, kind) = match self {
            Self::Point(point) => (point.len(), Self::POINT),
            Self::Box(sides) => (sides.len(), 0),
        };
        let dimensions = u32::try_from(count).ok().filter(|_| count <= Self::MAX_DIMENSIONS);
        let dimensions = dimensions.ok_or(EncodeError::OutOfRange("a cube has at most 100 dimensions"))?;
        out.extend_from_slice(&(dimensions | kind).to_be_bytes());
        let mut write = |number: &f64| out.extend_from_slice(&number.to_be_bytes());
        match self {
            Self::Point(point) => point.iter().for_each(write),
            Self::Box(sides) => {
                sides.iter().for_each(|(first, _)| write(first));
                sides.iter().for_each(|(_, second)| write(second));
            }
        }
        Ok(IsNull::No)
    }
}
