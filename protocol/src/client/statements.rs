use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Description;
use crate::message::Target;

/// The prepared statements that the server keeps for us, found by SQL text and declared types.
///
/// It changes by what the server confirms: an entry is there from ParseComplete on, and a statement that gave way is
/// closed together with the next command.
#[derive(Clone)]
pub(super) struct Statements {
    known: HashMap<Arc<str>, Vec<Statement>>,
    /// The one that was found last: many queries in a row have the same text.
    latest: Option<Statement>,
    count: usize,
    /// What they take together, about.
    bytes: usize,
    capacity: usize,
    clock: u64,
    named: u64,
    /// The process that the server named to us. Behind a pooler other sessions' statements are on the same server
    /// connection: under a name of ours, theirs would be run instead of an error.
    process: Option<i32>,
    /// What is to be closed, the oldest first; the messages for the first `close_sent` of them are on their way.
    closing: Vec<Closing>,
    close_sent: usize,
}

/// A statement as it is parsed: its text, the types that are declared for it, and the name that the server knows it by.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) sql: Arc<str>,
    pub(super) declared: Box<[u32]>,
}

/// A statement that the server has.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) named: Arc<Named>,
    pub(super) description: Arc<Description>,
    inferred: Inferred,
    used: u64,
}

/// What the server is to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closing {
    Statement(Arc<str>),
    Portal(Arc<str>),
}

impl Closing {
    pub(super) fn target(&self) -> Target<'_> {
        match self {
            Self::Statement(name) => Target::Statement(name),
            Self::Portal(name) => Target::Portal(name),
        }
    }
}

/// Whether the types of a statement were left to the server when it was prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inferred {
    Yes,
    No,
}

impl Statements {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            known: HashMap::new(),
            latest: None,
            count: 0,
            bytes: 0,
            capacity,
            clock: 0,
            named: 0,
            process: None,
            closing: Vec::new(),
            close_sent: 0,
        }
    }

    /// Has names tell sessions apart.
    pub(super) fn learn_process(&mut self, process: i32) {
        self.process = Some(process);
    }

    /// Finds a statement and counts the use.
    pub(super) fn find(&mut self, sql: &str, declared: &[u32]) -> Option<&Statement> {
        let is_latest = |latest: &Statement| *latest.named.sql == *sql && *latest.named.declared == *declared;
        if !self.latest.as_ref().is_some_and(is_latest) {
            self.clock = self.clock.saturating_add(1);
            let variants = self.known.get_mut(sql)?;
            let found = variants.iter_mut().find(|statement| *statement.named.declared == *declared)?;
            found.used = self.clock;
            self.latest = Some(found.clone());
        }
        self.latest.as_ref()
    }

    /// As [`Statements::find`], for a statement that is only to be prepared: without types, one whose types were
    /// inferred is it.
    pub(super) fn find_prepared(&mut self, sql: &str, types: &[u32]) -> Option<&Statement> {
        let is_inferred = |statement: &&Statement| types.is_empty() && statement.inferred == Inferred::Yes;
        let inferred =
            self.known.get(sql)?.iter().find(is_inferred).map(|statement| statement.named.declared.clone());
        self.find(sql, inferred.as_deref().unwrap_or(types))
    }

    /// Names a statement that is to be parsed: anew, or not at all where it is not to be kept.
    pub(super) fn name(&mut self, sql: &str, declared: &[u32]) -> Arc<Named> {
        let name = if self.keeps() && sql.len() <= LONGEST { self.next_name() } else { Arc::default() };
        Arc::new(Named { name, sql: sql.into(), declared: declared.into() })
    }

    /// Returns the name for a new portal.
    pub(super) fn name_portal(&mut self) -> Arc<str> {
        self.next_name()
    }

    /// Tells whether any statement is kept.
    pub(super) fn keeps(&self) -> bool {
        self.capacity > 0
    }

    fn next_name(&mut self) -> Arc<str> {
        self.named = self.named.saturating_add(1);
        match self.process {
            Some(process) => format!("molt_{process:x}_{}", self.named).into(),
            None => format!("molt_{}", self.named).into(),
        }
    }

    /// Keeps a statement that the server has confirmed. The one that was not used for longest may give way. One that is
    /// there already under another name is not needed twice.
    pub(super) fn keep(&mut self, named: &Arc<Named>, inferred: Inferred, description: &Arc<Description>) {
        if named.name.is_empty() {
            return;
        }
        let bytes = size(named, description);
        if self.has(named) || bytes > MOST_BYTES {
            self.closing.push(Closing::Statement(Arc::clone(&named.name)));
            return;
        }
        while self.count >= self.capacity.max(1) || self.bytes.saturating_add(bytes) > MOST_BYTES {
            self.evict_oldest();
        }
        // No two are used at the same time: which one gives way must not be left to chance.
        self.clock = self.clock.saturating_add(1);
        let (named, description) = (Arc::clone(named), Arc::clone(description));
        let sql = Arc::clone(&named.sql);
        let statement = Statement { named, inferred, description, used: self.clock };
        self.known.entry(sql).or_default().push(statement);
        self.latest = None;
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Puts another description in the place of a kept statement's.
    pub(super) fn redescribe(&mut self, named: &Named, description: &Arc<Description>) {
        self.latest = None;
        let variants = self.known.get_mut(&named.sql).into_iter().flatten();
        for statement in variants.filter(|statement| statement.named.name == named.name) {
            self.bytes = self.bytes.saturating_sub(statement.description.size());
            self.bytes = self.bytes.saturating_add(description.size());
            statement.description = Arc::clone(description);
        }
    }

    /// Forgets a statement. The server is told with the next command; that it may not know it does not matter.
    pub(super) fn forget(&mut self, named: &Named) {
        self.latest = None;
        let Some(variants) = self.known.get_mut(&named.sql) else { return };
        if let Some(at) = variants.iter().position(|statement| statement.named.name == named.name) {
            let gone = variants.remove(at);
            self.count = self.count.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(size(&gone.named, &gone.description));
            self.closing.push(Closing::Statement(Arc::clone(&gone.named.name)));
        }
        if variants.is_empty() {
            self.known.remove(&named.sql);
        }
    }

    /// Forgets all of them: the server has done so too.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
        self.latest = None;
        (self.count, self.bytes) = (0, 0);
    }

    /// Notes that a statement has to be closed that is not kept.
    pub(super) fn abandon(&mut self, named: &Named) {
        if !named.name.is_empty() {
            self.closing.push(Closing::Statement(Arc::clone(&named.name)));
        }
    }

    pub(super) fn close_portal(&mut self, name: Arc<str>) {
        self.closing.push(Closing::Portal(name));
    }

    /// Returns what to close with the next command.
    pub(super) fn to_close(&self) -> &[Closing] {
        self.closing.get(self.close_sent..).unwrap_or_default()
    }

    /// Notes that the messages that close them are sent. Returns how many that were. A name stays until
    /// [`Statements::closed`].
    pub(super) fn close_sent(&mut self) -> usize {
        let count = self.to_close().len();
        self.close_sent = self.closing.len();
        count
    }

    /// Notes that the server has closed the first of them.
    pub(super) fn closed(&mut self) {
        if self.close_sent > 0 {
            self.closing.remove(0);
            self.close_sent = self.close_sent.saturating_sub(1);
        }
    }

    /// Notes that nothing is on its way any more: what was not closed by now has been skipped behind an error.
    pub(super) fn at_rest(&mut self) {
        self.close_sent = 0;
    }

    fn has(&self, named: &Named) -> bool {
        let mut variants = self.known.get(&named.sql).into_iter().flatten();
        variants.any(|statement| statement.named.declared == named.declared)
    }

    fn evict_oldest(&mut self) {
        let oldest = self.known.values().flatten().min_by_key(|statement| statement.used);
        match oldest.map(|statement| Arc::clone(&statement.named)) {
            Some(named) => self.forget(&named),
            None => (self.count, self.bytes) = (0, 0),
        }
    }
}

/// Shows the names of what is kept, the one that was not used for longest first.
impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kept: Vec<&Statement> = self.known.values().flatten().collect();
        kept.sort_by_key(|statement| statement.used);
        let kept: Vec<&str> = kept.iter().map(|statement| &*statement.named.name).collect();
        f.debug_struct("Statements")
            .field("kept", &kept)
            .field("named", &self.named)
            .field("closing", &self.closing)
            .field("close_sent", &self.close_sent)
            .finish_non_exhaustive()
    }
}

/// What a statement takes, about.
fn size(named: &Named, description: &Description) -> usize {
    named.sql.len().saturating_add(size_of_val(&*named.declared)).saturating_add(description.size())
}

/// What all of them take at most, 8 MiB. One of a table of 1,600 columns takes 150 KiB.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Longer texts run as unnamed statements, 16 KiB: they are made up by programs and hardly come twice.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{FieldDescription, WireFormat};

    fn keep(statements: &mut Statements, sql: &str, declared: &[u32]) -> Arc<Named> {
        statements.find(sql, declared);
        let named = statements.name(sql, declared);
        statements.keep(&named, Inferred::No, &Arc::default());
        named
    }

    fn closes(named: &[Arc<Named>]) -> Vec<Closing> {
        named.iter().map(|named| Closing::Statement(Arc::clone(&named.name))).collect()
    }

    fn found(statements: &mut Statements, sql: &str, declared: &[u32]) -> Arc<str> {
        Arc::clone(&statements.find(sql, declared).unwrap().named.name)
    }

    #[test]
    fn names_are_those_of_one_session() {
        let [mut one, mut other, mut nameless] = [0; 3].map(|_| Statements::new(8));
        one.learn_process(0x1f);
        other.learn_process(-1);
        assert_eq!(
            [one.name("select 1", &[]).name.clone(), one.name_portal()].map(|name| name.to_string()),
            ["molt_1f_1", "molt_1f_2"]
        );
        assert_eq!(&*other.name("select 1", &[]).name, "molt_ffffffff_1");
        assert_eq!(&*nameless.name("select 1", &[]).name, "molt_1");
    }

    #[test]
    fn statements_are_told_apart_by_text_and_types() {
        let mut statements = Statements::new(8);
        let int = keep(&mut statements, "select $1", &[23]);
        let text = keep(&mut statements, "select $1", &[25]);
        for _ in 0..2 {
            assert_eq!(found(&mut statements, "select $1", &[25]), text.name);
            assert_eq!(found(&mut statements, "select $1", &[23]), int.name);
            assert_eq!(found(&mut statements, "select $1", &[23]), int.name);
        }
        assert!(statements.find("select $1", &[]).is_none());
        assert!(statements.find("select 1", &[23]).is_none());
    }

    #[test]
    fn the_least_recently_used_gives_way_and_is_closed() {
        let mut statements = Statements::new(2);
        let first = keep(&mut statements, "1", &[]);
        let second = keep(&mut statements, "2", &[]);
        statements.find("1", &[]);
        keep(&mut statements, "3", &[]);
        assert!(statements.find("2", &[]).is_none());
        assert_eq!(found(&mut statements, "1", &[]), first.name);
        assert_eq!(statements.to_close(), closes(&[second]));
        assert_eq!(statements.close_sent(), 1);
        assert!(statements.to_close().is_empty());
        statements.at_rest();
        assert_eq!(statements.close_sent(), 1, "it was skipped");
        statements.closed();
        assert!(statements.closing.is_empty());
    }

    /// Queries that are on their way together are looked up before any of them is kept.
    #[test]
    fn what_was_kept_first_gives_way_first() {
        for _ in 0..32 {
            let mut statements = Statements::new(4);
            let named = ["1", "2", "3", "4"].map(|sql| statements.name(sql, &[]));
            named.iter().for_each(|named| statements.keep(named, Inferred::No, &Arc::default()));
            keep(&mut statements, "5", &[]);
            keep(&mut statements, "6", &[]);
            assert_eq!(statements.to_close(), closes(&named[..2]));
        }
    }

    #[test]
    fn nothing_is_kept_without_room_or_above_the_longest() {
        let long = "x".repeat(LONGEST + 1);
        let mut none = Statements::new(0);
        assert_eq!(&*keep(&mut none, "select 1", &[]).name, "");
        let mut some = Statements::new(2);
        assert_eq!(&*keep(&mut some, &long, &[]).name, "");
        assert_ne!(&*keep(&mut some, &long[1..], &[]).name, "");
        assert!(none.find("select 1", &[]).is_none() && some.find(&long, &[]).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes() {
        let mut statements = Statements::new(65_536);
        let text = |number: usize| format!("{number:0LONGEST$}");
        let fits = MOST_BYTES / LONGEST;
        for number in 0..fits {
            keep(&mut statements, &text(number), &[]);
        }
        assert_eq!((statements.count, statements.bytes), (fits, MOST_BYTES));
        let named = keep(&mut statements, "1", &[]);
        assert_eq!((statements.count, statements.bytes), (fits, MOST_BYTES - LONGEST + 1));
        assert!(statements.find(&text(0), &[]).is_none() && statements.find(&text(1), &[]).is_some());
        statements.forget(&named);
        assert_eq!(statements.bytes, MOST_BYTES - LONGEST);
    }

    #[test]
    fn a_statement_that_takes_more_than_all_may_is_not_kept() {
        let column = |length| FieldDescription {
            name: "c".repeat(length),
            table: 0,
            attribute: 0,
            type_oid: 25,
            type_size: -1,
            type_modifier: -1,
            format: WireFormat::Binary,
        };
        for (length, kept) in [(MOST_BYTES, false), (MOST_BYTES / 2, true)] {
            let mut statements = Statements::new(2);
            let description = Arc::new(Description::new(Box::default(), Box::new([column(length)])));
            let named = statements.name("1", &[]);
            statements.keep(&named, Inferred::No, &description);
            assert_eq!(statements.find("1", &[]).is_some(), kept);
            assert_eq!(statements.to_close().is_empty(), kept);
        }
    }

    #[test]
    fn a_forgotten_statement_makes_room() {
        let mut statements = Statements::new(1);
        let named = keep(&mut statements, "1", &[]);
        assert!(statements.find("1", &[]).is_some());
        statements.forget(&named);
        statements.forget(&named);
        assert_eq!(statements.to_close().len(), 1);
        assert!(statements.find("1", &[]).is_none());
        keep(&mut statements, "2", &[]);
        assert!(statements.find("2", &[]).is_some());
    }
}
