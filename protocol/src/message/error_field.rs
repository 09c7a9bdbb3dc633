/// A field of an ErrorResponse or a NoticeResponse.
// PG docs: protocol-error-fields
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorField {
    /// `S`: `ERROR` and its like, in the server's language.
    Severity,
    /// `V`: the same, never translated.
    SeverityNonLocalized,
    /// `C`: the SQLSTATE.
    Code,
    /// `M`: what happened, in one line.
    Message,
    /// `D`: more about what happened.
    Detail,
    /// `H`: what may help.
    Hint,
    /// `P`: where in the SQL text, a count of characters from 1, as decimal digits.
    Position,
    /// `p`: where in an internally made query.
    InternalPosition,
    /// `q`: the internally made query.
    InternalQuery,
    /// `W`: what the server was doing: a line per function or query.
    Where,
    /// `s`: the schema that it is about.
    Schema,
    /// `t`: the table that it is about.
    Table,
    /// `c`: the column that it is about.
    Column,
    /// `d`: the data type that it is about.
    DataType,
    /// `n`: the constraint that it is about.
    Constraint,
    /// `F`: the source file of the server that reported it.
    File,
    /// `L`: the line in that file, as decimal digits.
    Line,
    /// `R`: the function of the server that reported it.
    Routine,
}

impl ErrorField {
    /// Returns the byte that stands for it in messages.
    pub const fn code(self) -> u8 {
        match self {
            Self::Severity => b'S',
            Self::SeverityNonLocalized => b'V',
            Self::Code => b'C',
            Self::Message => b'M',
            Self::Detail => b'D',
            Self::Hint => b'H',
            Self::Position => b'P',
            Self::InternalPosition => b'p',
            Self::InternalQuery => b'q',
            Self::Where => b'W',
            Self::Schema => b's',
            Self::Table => b't',
            Self::Column => b'c',
            Self::DataType => b'd',
            Self::Constraint => b'n',
            Self::File => b'F',
            Self::Line => b'L',
            Self::Routine => b'R',
        }
    }
}
