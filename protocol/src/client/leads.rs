use std::borrow::Cow;

use crate::EncodeError;
use crate::message::{self, Bind};

/// Statements that travel in front of a query, in the same write: BEGIN, SAVEPOINT, ROLLBACK TO.
///
/// They take nothing and return nothing, so they run unnamed and undescribed, and no state of the session is needed.
#[derive(Debug, Default, Clone)]
pub(super) struct Leads {
    leads: Vec<Lead>,
    answered: usize,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    pub(super) number: Leading,
    pub(super) text: Cow<'static, str>,
}

/// Which statement is to lead a query, of all that ever were on its session. See [`Client::lead`](super::Client::lead).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leading(u64);

impl Leading {
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Leads {
    pub(super) fn new(leads: Vec<Lead>) -> Self {
        Self { leads, answered: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.leads.len()
    }

    pub(super) fn into_vec(self) -> Vec<Lead> {
        self.leads
    }

    /// Tells whether the server is not done with all of them.
    pub(super) fn are_due(&self) -> bool {
        self.answered < self.leads.len()
    }

    /// Notes that the server is done with the first that was due.
    pub(super) fn one_over(&mut self) {
        self.answered = self.answered.saturating_add(1);
    }

    /// Puts a statement in front of them.
    pub(super) fn push_front(&mut self, text: &'static str) {
        self.leads.insert(0, Lead { number: Leading::default(), text: Cow::Borrowed(text) });
    }

    /// Begins once more.
    pub(super) fn rewind(&mut self) {
        self.answered = 0;
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.leads.iter().try_for_each(|lead| write(&lead.text, out))
    }
}

fn write(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message::parse("", text, &[], out)?;
    message::bind(&Bind { portal: "", statement: "", formats: &[], values: &[], results: &[] }, out)?;
    message::execute("", 0, out)
}
