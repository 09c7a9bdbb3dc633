//! What a case expects: words of a [transcript](crate::transcript), some of them repeated or left out.

use std::fmt;

use crate::transcript::{ASIDES, NAMES, Word};

/// Sequences of messages, any one of which is right.
///
/// Written as words with blanks between them: `Columns Row* Complete(SELECT *) Ready(I)`. A word without parentheses has
/// any content; a `*` in the content stands for any text. `?` behind a word: it may be missing; `*`: any number; `+`: one
/// or more; `{5000}`: that many. `End` is the end of the connection. ` / ` stands between alternatives.
///
/// Notice, ParameterStatus and NotificationResponse may come anywhere and need not be written. Those that are have to come
/// before the last word, wherever; only as the last word they have a place. With a `!` in front no others may come than
/// those that are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    /// What comes in this order.
    items: Vec<Item>,
    /// What comes at any time.
    asides: Vec<Item>,
    /// What does not come at all.
    barred: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    name: String,
    content: Option<String>,
    least: usize,
    most: usize,
}

/// How far a conversation has come in each alternative.
#[derive(Debug)]
pub(crate) struct Matching<'p> {
    places: Vec<Place<'p>>,
}

#[derive(Debug)]
struct Place<'p> {
    items: &'p [Item],
    barred: &'p [Item],
    seen: usize,
    /// The asides that did not come yet.
    owed: Vec<&'p Item>,
}

/// What a word means for a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Complete,
    More,
    Wrong,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Panics
    ///
    /// When it is malformed, names an unknown message or ends with one that may be missing: a fault of the suite.
    pub fn new(text: &str) -> Self {
        let alternatives = text.split(" / ").map(Alternative::new).collect();
        Self { text: text.to_owned(), alternatives }
    }

    pub(crate) fn begin(&self) -> Matching<'_> {
        Matching { places: self.alternatives.iter().map(Place::begin).collect() }
    }
}

impl Alternative {
    fn new(text: &str) -> Self {
        let (barred, words): (Vec<&str>, Vec<&str>) =
            split(text).into_iter().partition(|word| word.starts_with('!'));
        let barred = barred.into_iter().map(|word| Item::new(&word[1..])).collect();
        let mut items: Vec<Item> = words.into_iter().map(Item::new).collect();
        let last = items.pop().expect("a pattern has words");
        assert!(last.least == last.most, "where does {text:?} end?");
        let (asides, mut items): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| ASIDES.contains(&item.name.as_str()));
        items.push(last);
        Self { items, asides, barred }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Matching<'_> {
    pub(crate) fn take(&mut self, word: &Word) -> Verdict {
        self.places.retain_mut(|place| place.take(word));
        if self.places.is_empty() {
            Verdict::Wrong
        } else if self.places.iter().any(|place| place.items.is_empty()) {
            Verdict::Complete
        } else {
            Verdict::More
        }
    }
}

impl<'p> Place<'p> {
    fn begin(alternative: &'p Alternative) -> Self {
        let Alternative { items, asides, barred } = alternative;
        Self { items, barred, seen: 0, owed: asides.iter().collect() }
    }

    /// Tells whether the word may come here. One that may come anywhere moves nothing unless it is asked for.
    fn take(&mut self, word: &Word) -> bool {
        if let Some(at) = self.owed.iter().position(|item| item.matches(word)) {
            self.owed.remove(at);
            return true;
        }
        let (mut items, mut seen) = (self.items, self.seen);
        while let Some((item, rest)) = items.split_first() {
            if item.matches(word) {
                seen += 1;
                (self.items, self.seen) = if seen == item.most { (rest, 0) } else { (items, seen) };
                return !self.items.is_empty() || self.owed.is_empty();
            }
            if seen < item.least {
                break;
            }
            (items, seen) = (rest, 0);
        }
        word.is_asynchronous() && !self.barred.iter().any(|item| item.matches(word))
    }
}

impl Item {
    fn new(word: &str) -> Self {
        let (word, least, most) = repetition(word);
        let (name, content) = match word.split_once('(') {
            Some((name, rest)) => {
                (name, Some(rest.strip_suffix(')').expect("parentheses are closed").to_owned()))
            }
            None => (word, None),
        };
        assert!(name == Word::END.name || NAMES.contains(&name), "there is no message {name:?}");
        Self { name: name.to_owned(), content, least, most }
    }

    fn matches(&self, word: &Word) -> bool {
        self.name == word.name && self.content.as_ref().is_none_or(|content| glob(content, &word.content))
    }
}

fn repetition(word: &str) -> (&str, usize, usize) {
    if let Some((word, count)) = word.strip_suffix('}').and_then(|word| word.rsplit_once('{')) {
        let count = count.parse().expect("a number of times");
        return (word, count, count);
    }
    for (mark, least, most) in [('?', 0, 1), ('*', 0, usize::MAX), ('+', 1, usize::MAX)] {
        if let Some(word) = word.strip_suffix(mark) {
            return (word, least, most);
        }
    }
    (word, 1, 1)
}

/// Splits at blanks outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let words = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ' ' && depth == 0
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// Tells whether a text is what a pattern says, in which `*` stands for anything.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(tail) = text.strip_prefix(start) else { return false };
    tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| glob(rest, &tail[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(name: &'static str, content: &str) -> Word {
        Word { name, content: content.to_owned() }
    }

    fn verdicts(pattern: &str, words: &[Word]) -> Vec<Verdict> {
        let pattern = Pattern::new(pattern);
        let mut matching = pattern.begin();
        words.iter().map(|word| matching.take(word)).collect()
    }

    #[test]
    fn words_match_by_name_and_by_content_if_there_is_any() {
        let row = word("Row", "1,NULL");
        assert_eq!(verdicts("Row", std::slice::from_ref(&row)), [Verdict::Complete]);
        assert_eq!(verdicts("Row(1,NULL)", std::slice::from_ref(&row)), [Verdict::Complete]);
        assert_eq!(verdicts("Row(1,*)", std::slice::from_ref(&row)), [Verdict::Complete]);
        assert_eq!(verdicts("Row(1)", std::slice::from_ref(&row)), [Verdict::Wrong]);
        assert_eq!(verdicts("Ready", &[row]), [Verdict::Wrong]);
    }

    #[test]
    fn repeated_words_end_where_another_begins() {
        let (row, ready) = (word("Row", "1"), word("Ready", "I"));
        let words = [row.clone(), row.clone(), ready.clone()];
        assert_eq!(verdicts("Row* Ready", &words), [Verdict::More, Verdict::More, Verdict::Complete]);
        assert_eq!(verdicts("Row{2} Ready", &words), [Verdict::More, Verdict::More, Verdict::Complete]);
        assert_eq!(verdicts("Row? Ready", &words), [Verdict::More, Verdict::Wrong, Verdict::Wrong]);
        assert_eq!(verdicts("Row+ Ready", std::slice::from_ref(&ready)), [Verdict::Wrong]);
        assert_eq!(verdicts("Row{3} Ready", &words)[2], Verdict::Wrong);
        assert_eq!(verdicts("Row* Ready", &[ready]), [Verdict::Complete]);
    }

    #[test]
    fn notices_may_come_anywhere_and_can_be_demanded() {
        let (notice, ready) = (word("Notice", "25P01"), word("Ready", "I"));
        assert_eq!(verdicts("Ready", &[notice.clone(), ready.clone()]), [Verdict::More, Verdict::Complete]);
        assert_eq!(verdicts("Notice(25P01) Ready", std::slice::from_ref(&ready)), [Verdict::Wrong]);
        let words = [notice.clone(), word("Row", "1"), ready];
        assert_eq!(verdicts("Row? Ready", &words), [Verdict::More, Verdict::More, Verdict::Complete]);
        assert_eq!(
            verdicts("Notice(25P01)", &[word("Notice", "00000"), notice]),
            [Verdict::More, Verdict::Complete]
        );
    }

    #[test]
    fn notices_can_be_barred() {
        let (status, ready) = (word("Status", "a=1"), word("Ready", "I"));
        assert_eq!(verdicts("!Status Ready", &[status.clone(), ready.clone()])[0], Verdict::Wrong);
        assert_eq!(verdicts("!Status(b=*) Ready", &[status, ready.clone()])[1], Verdict::Complete);
        assert_eq!(verdicts("!Status Ready", std::slice::from_ref(&ready)), [Verdict::Complete]);
        let once = [word("Notify", "a"), word("Notify", "a"), ready];
        assert_eq!(verdicts("!Notify Notify Ready", &once[1..])[1], Verdict::Complete);
        assert_eq!(verdicts("!Notify Notify Ready", &once)[1], Verdict::Wrong);
    }

    #[test]
    fn one_of_the_alternatives_is_enough() {
        let pattern = "Error(34000) Ready / Row Complete Ready";
        let words = [word("Row", "1"), word("Complete", "SELECT 1"), word("Ready", "T")];
        assert_eq!(verdicts(pattern, &words), [Verdict::More, Verdict::More, Verdict::Complete]);
        assert_eq!(verdicts(pattern, &[word("Suspended", "")]), [Verdict::Wrong]);
    }

    #[test]
    fn contents_may_hold_blanks_and_parentheses() {
        let words = [word("Complete", "SELECT 1"), word("Row", "f(x) y"), word("Ready", "I")];
        assert_eq!(verdicts("Complete(SELECT 1) Row(f(x) y) Ready(I)", &words)[2], Verdict::Complete);
    }

    #[test]
    #[should_panic(expected = "no message")]
    fn unknown_words_are_a_fault_of_the_suite() {
        Pattern::new("ReadyForQuery");
    }

    #[test]
    #[should_panic(expected = "where does")]
    fn a_pattern_has_an_end() {
        Pattern::new("Ready Row*");
    }
}
