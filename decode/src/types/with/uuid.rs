//! `uuid`.

use crate::types::Uuid;
use crate::types::conversion::by_way_of;

by_way_of! {
    uuid::Uuid as Uuid,
}

impl From<Uuid> for uuid::Uuid {
    fn from(id: Uuid) -> Self {
        Self::from_bytes(id.0)
    }
}

impl From<uuid::Uuid> for Uuid {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::types::with::testing::same;
    use crate::{Column, Format, FromSql, Oid, Uuid};

    #[test]
    fn bytes_keep_their_order() {
        let bytes = *b"0123456789abcdef";
        let theirs = uuid::Uuid::from_bytes(bytes);
        same(&theirs, &Uuid(bytes));
        same(&uuid::Uuid::nil(), &Uuid([0; 16]));
        assert_eq!(theirs.to_string(), Uuid(bytes).to_string());
        let column = Column::new("c", Oid::UUID, -1, Format::Text);
        assert_eq!(uuid::Uuid::from_sql(&column, theirs.to_string().as_bytes()).unwrap(), theirs);
    }
}
