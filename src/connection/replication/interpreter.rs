use std::collections::HashMap;
use std::sync::Arc;

use molt_db_decode::{Column, Columns, Format, Oid, RowLayout};
use molt_db_protocol::message::Oids;
use molt_db_protocol::replication::pgoutput::{
    Decoder, LogicalMessage, Message, OldTuple, Relation, RollbackPrepared, Tuple as Sent, TupleValue,
    Version,
};
use molt_db_protocol::wire::Tag;
use molt_db_protocol::{Malformed, ProtocolError};

use super::scalar;
use super::{EmittedMessage, OldRow, Prepared, ReplicationEvent, Table, Tuple};

/// Turns the messages of one stream into events: it knows the tables that were told of.
#[derive(Debug)]
pub(super) struct Interpreter {
    decoder: Decoder,
    format: Format,
    tables: HashMap<u32, Known>,
    body: Vec<u8>,
    layout: RowLayout,
}

/// A table, and the formats that its rows have come in.
#[derive(Debug)]
struct Known {
    table: Arc<Table>,
    /// The first is that of the table, and none stands there twice.
    formats: Vec<Columns>,
}

impl Interpreter {
    /// Begins with a stream. Values are expected in this format, and taken in any.
    pub(super) fn new(version: Version, format: Format) -> Self {
        Self {
            decoder: Decoder::new(version),
            format,
            tables: HashMap::new(),
            body: Vec::new(),
            layout: RowLayout::default(),
        }
    }

    /// Reads the data of one XLogData.
    pub(super) fn read(&mut self, data: &[u8]) -> Result<ReplicationEvent, ProtocolError> {
        let message = self.decoder.decode(data).map_err(malformed)?;
        Ok(match message {
            Message::Begin(begin) => ReplicationEvent::Begin(begin),
            Message::Commit(commit) => ReplicationEvent::Commit(commit),
            Message::Origin(origin) => {
                ReplicationEvent::Origin { commit_lsn: origin.commit_lsn, name: origin.name.into() }
            }
            Message::Message(message) => ReplicationEvent::Message(emission(&message)),
            Message::Relation(relation) => ReplicationEvent::Table(self.learn(&relation)?),
            Message::Type(name) => ReplicationEvent::Type {
                oid: name.oid,
                namespace: name.namespace.into(),
                name: name.name.into(),
            },
            Message::Insert(insert) => ReplicationEvent::Insert {
                xid: insert.xid,
                table: self.table(insert.relation)?,
                new: self.tuple(insert.relation, &insert.new)?,
            },
            Message::Update(update) => ReplicationEvent::Update {
                xid: update.xid,
                table: self.table(update.relation)?,
                old: update.old.map(|old| self.old_row(update.relation, &old)).transpose()?,
                new: self.tuple(update.relation, &update.new)?,
            },
            Message::Delete(delete) => ReplicationEvent::Delete {
                xid: delete.xid,
                table: self.table(delete.relation)?,
                old: self.old_row(delete.relation, &delete.old)?,
            },
            Message::Truncate(truncate) => ReplicationEvent::Truncate {
                xid: truncate.xid,
                tables: self.all(truncate.relations)?,
                options: truncate.options,
            },
            Message::StreamStart(start) => ReplicationEvent::StreamStart(start),
            Message::StreamStop => ReplicationEvent::StreamStop,
            Message::StreamCommit(commit) => ReplicationEvent::StreamCommit(commit),
            Message::StreamAbort(abort) => ReplicationEvent::StreamAbort(abort),
            Message::BeginPrepare(prepared) => ReplicationEvent::BeginPrepare(prepared.into()),
            Message::Prepare(prepared) => ReplicationEvent::Prepare(prepared.into()),
            Message::CommitPrepared(prepared) => ReplicationEvent::CommitPrepared(prepared.into()),
            Message::RollbackPrepared(prepared) => ReplicationEvent::RollbackPrepared(rolled_back(&prepared)),
            Message::StreamPrepare(prepared) => ReplicationEvent::StreamPrepare(prepared.into()),
        })
    }

    fn learn(&mut self, relation: &Relation<'_>) -> Result<Arc<Table>, ProtocolError> {
        if self.tables.len() >= MOST_TABLES && !self.tables.contains_key(&relation.oid) {
            return Err(refused("it tells of more tables than are kept"));
        }
        let columns = relation.columns.iter().map(|column| {
            let oid = Oid(column.type_oid);
            let format = if scalar::is_read(oid) { Format::Binary } else { self.format };
            Column::new(column.name, oid, column.type_modifier, format)
        });
        let columns = Columns::new(columns);
        let table = Arc::new(Table {
            oid: relation.oid,
            namespace: relation.namespace.into(),
            name: relation.name.into(),
            identity: relation.replica_identity,
            columns: columns.clone(),
            keys: relation.columns.iter().map(|column| column.is_key()).collect(),
        });
        self.tables.insert(relation.oid, Known { table: Arc::clone(&table), formats: vec![columns] });
        Ok(table)
    }

    fn table(&self, oid: u32) -> Result<Arc<Table>, ProtocolError> {
        let known = self.tables.get(&oid).ok_or_else(|| refused(UNKNOWN))?;
        Ok(Arc::clone(&known.table))
    }

    fn all(&self, relations: Oids<'_>) -> Result<Box<[Arc<Table>]>, ProtocolError> {
        relations.iter().map(|oid| self.table(oid)).collect()
    }

    fn old_row(&mut self, relation: u32, old: &OldTuple<'_>) -> Result<OldRow, ProtocolError> {
        Ok(match old {
            OldTuple::Key(tuple) => OldRow::Key(self.tuple(relation, tuple)?),
            OldTuple::Full(tuple) => OldRow::Full(self.tuple(relation, tuple)?),
        })
    }

    /// Puts a row into the form that DataRow has, which everything else reads.
    fn tuple(&mut self, relation: u32, sent: &Sent<'_>) -> Result<Tuple, ProtocolError> {
        let known = self.tables.get_mut(&relation).ok_or_else(|| refused(UNKNOWN))?;
        let count = u16::try_from(sent.len()).ok().filter(|_| sent.len() == known.table.columns.len());
        let count = count.ok_or_else(|| refused("a row has another number of columns than its table"))?;
        self.body.clear();
        self.body.extend_from_slice(&count.to_be_bytes());
        let mut unchanged = Vec::new();
        let columns = known.columns_for(sent);
        for (position, (value, column)) in sent.iter().zip(columns.iter()).enumerate() {
            match value {
                TupleValue::Null => append(None, &mut self.body)?,
                TupleValue::Unchanged => {
                    unchanged.push(position);
                    append(None, &mut self.body)?;
                }
                TupleValue::Binary(bytes) => append(Some(bytes), &mut self.body)?,
                TupleValue::Text(text) => match scalar::read(column.oid(), text) {
                    Some(read) => {
                        let scalar =
                            read.ok_or_else(|| refused("the text of a value is none of its type"))?;
                        append(Some(&scalar), &mut self.body)?;
                    }
                    None => append(Some(text), &mut self.body)?,
                },
            }
        }
        let row = self.layout.row(&self.body, &columns);
        let row = row.map_err(|_| refused("a row does not have the shape of its table"))?.to_owned();
        Ok(Tuple { row, unchanged: unchanged.into() })
    }
}

impl Known {
    /// Returns the columns in the formats that these values have.
    fn columns_for(&mut self, sent: &Sent<'_>) -> Columns {
        let fits = |columns: &&Columns| {
            let mut pairs = sent.iter().zip(columns.iter());
            pairs.all(|(value, column)| {
                format_of(&value, column).is_none_or(|format| format == column.format())
            })
        };
        if let Some(known) = self.formats.iter().find(fits) {
            return known.clone();
        }
        let table = &self.table.columns;
        let columns: Columns = sent
            .iter()
            .zip(table.iter())
            .map(|(value, column)| {
                let format = format_of(&value, column).unwrap_or_else(|| column.format());
                Column::new(column.name(), column.oid(), column.typmod(), format)
            })
            .collect();
        self.formats.truncate(MOST_FORMATS);
        self.formats.push(columns.clone());
        columns
    }
}

/// Returns the format that a value is kept in; NULL has none.
fn format_of(value: &TupleValue<'_>, column: &Column) -> Option<Format> {
    match value {
        TupleValue::Null | TupleValue::Unchanged => None,
        TupleValue::Binary(_) => Some(Format::Binary),
        TupleValue::Text(_) if scalar::is_read(column.oid()) => Some(Format::Binary),
        TupleValue::Text(_) => Some(Format::Text),
    }
}

fn append(value: Option<&[u8]>, body: &mut Vec<u8>) -> Result<(), ProtocolError> {
    let length = match value {
        None => -1,
        Some(bytes) => i32::try_from(bytes.len()).map_err(|_| refused("a value is too long"))?,
    };
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(value.unwrap_or_default());
    Ok(())
}

fn emission(message: &LogicalMessage<'_>) -> EmittedMessage {
    EmittedMessage {
        xid: message.xid,
        delivery: message.delivery,
        lsn: message.lsn,
        prefix: message.prefix.into(),
        content: message.content.into(),
    }
}

fn rolled_back(prepared: &RollbackPrepared<'_>) -> Prepared {
    Prepared {
        position: prepared.prepare_end_lsn,
        end_lsn: prepared.rollback_end_lsn,
        time: prepared.rollback_time,
        xid: prepared.xid,
        gid: prepared.gid.into(),
    }
}

pub(super) fn malformed(problem: Malformed) -> ProtocolError {
    ProtocolError::Malformed { tag: Tag::CopyData, problem }
}

fn refused(reason: &'static str) -> ProtocolError {
    ProtocolError::Unacceptable { tag: Tag::CopyData, reason }
}

const UNKNOWN: &str = "it names a table that was not told of";
/// A server does not tell a table twice, so all of them are kept. More than this is no database.
const MOST_TABLES: usize = 1 << 20;
/// A type without a binary form comes as text among binary ones: a table has one or two ways to come.
const MOST_FORMATS: usize = 4;

#[cfg(test)]
mod tests {
    use molt_db_protocol::replication::pgoutput::{Insert, RelationColumn, RelationColumns, ReplicaIdentity};

    use super::*;

    /// A table with an int4, a text and an interval.
    fn interpreter(format: Format) -> Interpreter {
        let mut columns = Vec::new();
        for (flags, name, type_oid) in [(1, "id", 23), (0, "name", 25), (0, "took", 1186)] {
            RelationColumn { flags, name, type_oid, type_modifier: -1 }.write(&mut columns).unwrap();
        }
        let mut interpreter = Interpreter::new(Version::V1, format);
        let relation = Message::Relation(Relation {
            xid: None,
            oid: 9,
            namespace: "",
            name: "t",
            replica_identity: ReplicaIdentity::Default,
            columns: RelationColumns::new(&columns).unwrap(),
        });
        let ReplicationEvent::Table(table) = interpret(&mut interpreter, &relation).unwrap() else {
            panic!()
        };
        assert_eq!((table.oid(), table.namespace(), table.name()), (9, "pg_catalog", "t"));
        assert!(table.is_key(0) && !table.is_key(1) && !table.is_key(9));
        interpreter
    }

    fn interpret(
        interpreter: &mut Interpreter,
        message: &Message<'_>,
    ) -> Result<ReplicationEvent, ProtocolError> {
        let mut data = Vec::new();
        message.encode(&mut data).unwrap();
        interpreter.read(&data)
    }

    fn insert(interpreter: &mut Interpreter, values: &[TupleValue<'_>]) -> Result<Tuple, ProtocolError> {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| value.write(&mut bytes).unwrap());
        let new = Sent::new(&bytes).unwrap();
        match interpret(interpreter, &Message::Insert(Insert { xid: None, relation: 9, new }))? {
            ReplicationEvent::Insert { new, .. } => Ok(new),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_typed_whichever_way_they_come() {
        use TupleValue::{Binary, Null, Text};
        for format in [Format::Text, Format::Binary] {
            let mut interpreter = interpreter(format);
            for id in [Text(b"7"), Binary(b"\0\0\0\x07")] {
                let tuple = insert(&mut interpreter, &[id, Text(b"Ada"), Text(b"1 day")]).unwrap();
                assert_eq!(tuple.read::<(i32, String, String)>().unwrap(), (7, "Ada".into(), "1 day".into()));
                let tuple = insert(&mut interpreter, &[id, Binary(b"Ada"), Null]).unwrap();
                assert_eq!(tuple.get::<&str>("name").unwrap(), "Ada");
                assert_eq!((tuple.raw(2), tuple.raw(3)), (Some(None), None));
                assert!(tuple.get::<i64>("none").is_err());
            }
            assert!(interpreter.tables[&9].formats.len() <= MOST_FORMATS + 1);
        }
    }

    #[test]
    fn a_value_that_was_not_sent_is_not_null() {
        use TupleValue::{Null, Text, Unchanged};
        let tuple = insert(&mut interpreter(Format::Text), &[Text(b"7"), Unchanged, Null]).unwrap();
        assert!(tuple.is_unchanged("name").unwrap() && !tuple.is_unchanged(2).unwrap());
        assert!(tuple.get::<Option<&str>>("name").unwrap_err().is_conversion());
        assert!(tuple.read::<(i32, Option<String>, Option<String>)>().is_err());
        assert_eq!(tuple.get::<i32>(0).unwrap(), 7);
        assert!(tuple.is_unchanged(3).is_err());
        assert!(!format!("{tuple:?}").contains('7'));
    }

    #[test]
    fn rows_that_do_not_fit_their_table_are_refused() {
        use TupleValue::{Null, Text};
        let mut interpreter = interpreter(Format::Text);
        assert!(insert(&mut interpreter, &[Null, Null]).is_err());
        assert!(insert(&mut interpreter, &[Text(b"seven"), Null, Null]).is_err());
        let unknown = Message::Insert(Insert { xid: None, relation: 8, new: Sent::default() });
        assert!(interpret(&mut interpreter, &unknown).is_err());
        assert!(interpreter.read(b"").is_err() && interpreter.read(b"?").is_err());
        assert!(insert(&mut interpreter, &[Null, Null, Null]).is_ok());
    }
}
