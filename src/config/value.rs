use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use molt_db_protocol::auth::Secret;

use super::Switch;
use super::error::Problem;
use super::piece::is_blank;

/// What an option is given: bytes, of which only a secret may be other than UTF-8.
pub(super) struct Value(pub(super) Vec<u8>);

/// A type that an option can have.
pub(super) trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, Problem>;
}

impl Value {
    /// Reads the value into a field.
    pub(super) fn put<T: FromValue>(self, field: &mut Option<T>) -> Result<(), Problem> {
        *field = Some(T::from_value(self)?);
        Ok(())
    }

    pub(super) fn text(self) -> Result<String, Problem> {
        String::from_utf8(self.0).map_err(|_| Problem::Expected("UTF-8"))
    }

    /// Reads one of a few words.
    pub(super) fn word<T: Copy>(self, words: &[(&str, T)], expected: &'static str) -> Result<T, Problem> {
        let found = words.iter().find(|(word, _)| word.as_bytes() == self.0);
        found.map(|(_, meaning)| *meaning).ok_or(Problem::Expected(expected))
    }

    /// Reads a list with commas in between, of which each part may be empty, and so may be the whole.
    // PG docs: libpq-connect, "Specifying Multiple Hosts"
    pub(super) fn list<T>(
        self,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Vec<Option<T>>, Problem> {
        let text = self.text()?;
        let parts = text.split(',').filter(|_| !text.is_empty());
        parts.map(|part| if part.is_empty() { Ok(None) } else { read(part).map(Some) }).collect()
    }

    pub(super) fn number<N: FromStr + PartialOrd>(
        self,
        range: RangeInclusive<N>,
        expected: &'static str,
    ) -> Result<N, Problem> {
        number(&self.text()?, range, expected)
    }

    pub(super) fn millis(self) -> Result<Duration, Problem> {
        let millis = self.number(0..=u32::MAX, "a whole number of milliseconds from 0 to 4294967295")?;
        Ok(Duration::from_millis(millis.into()))
    }

    /// 0 stands for no limit.
    pub(super) fn limit_millis(self) -> Result<Option<Duration>, Problem> {
        self.millis().map(|limit| Some(limit).filter(|limit| !limit.is_zero()))
    }

    /// 0 and less stand for none, as in libpq.
    pub(super) fn libpq_seconds(self) -> Result<Option<Duration>, Problem> {
        let seconds = self.number(ANY_INT, "a whole number of seconds")?;
        Ok(positive(seconds).map(Duration::from_secs))
    }

    /// 0 and less stand for none, as in libpq.
    pub(super) fn libpq_millis(self) -> Result<Option<Duration>, Problem> {
        let millis = self.number(ANY_INT, "a whole number of milliseconds")?;
        Ok(positive(millis).map(Duration::from_millis))
    }

    /// Any number but 0 is on, as in libpq.
    pub(super) fn libpq_switch(self) -> Result<Switch, Problem> {
        let number = self.number(ANY_INT, "a whole number")?;
        Ok(if number == 0 { Switch::Off } else { Switch::On })
    }

    /// 0 and less stand for none, as in libpq.
    pub(super) fn libpq_count(self) -> Result<Option<u32>, Problem> {
        let count = self.number(ANY_INT, "a whole number")?;
        Ok(u32::try_from(count).ok().filter(|count| *count > 0))
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.text()
    }
}

impl FromValue for PathBuf {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.text().map(Self::from)
    }
}

impl FromValue for Secret {
    fn from_value(value: Value) -> Result<Self, Problem> {
        Ok(Self::new(value.0))
    }
}

/// Reads a whole number. Blanks around it do not matter, as in libpq.
pub(super) fn number<N: FromStr + PartialOrd>(
    text: &str,
    range: RangeInclusive<N>,
    expected: &'static str,
) -> Result<N, Problem> {
    let number = text.trim_matches(is_blank).parse().ok();
    number.filter(|number| range.contains(number)).ok_or(Problem::Expected(expected))
}

fn positive(number: i32) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

const ANY_INT: RangeInclusive<i32> = i32::MIN..=i32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value(text.into())
    }

    #[test]
    fn whole_numbers_may_have_a_sign_and_blanks_around_them() {
        for (text, expected) in
            [("1", Some(1)), (" +2\t", Some(2)), ("\u{b}-3", Some(-3)), ("2147483648", None)]
        {
            assert_eq!(value(text).number(ANY_INT, "").ok(), expected, "{text:?}");
        }
        for bad in ["", " ", "0x1", "1.0", "1 2", "1s", "one"] {
            assert!(value(bad).number(ANY_INT, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn what_libpq_takes_for_none_is_none() {
        for none in ["0", "-1", "-2147483648"] {
            assert_eq!(value(none).libpq_seconds(), Ok(None));
            assert_eq!(value(none).libpq_millis(), Ok(None));
            assert_eq!(value(none).libpq_count(), Ok(None));
        }
        assert_eq!(value("2").libpq_seconds(), Ok(Some(Duration::from_secs(2))));
        assert_eq!(value("2").libpq_millis(), Ok(Some(Duration::from_millis(2))));
        assert_eq!(value("2147483647").libpq_count(), Ok(Some(2_147_483_647)));
    }

    #[test]
    fn parts_of_a_list_may_be_empty() {
        let list = |text| value(text).list(|part| number(part, 0..=9, "")).ok();
        assert_eq!(list(""), Some(vec![]));
        assert_eq!(list("1"), Some(vec![Some(1)]));
        assert_eq!(list(",2,"), Some(vec![None, Some(2), None]));
        assert_eq!(list("1,x"), None);
    }

    #[test]
    fn texts_are_utf8_and_secrets_need_not_be() {
        assert_eq!(Value(vec![0xff]).text(), Err(Problem::Expected("UTF-8")));
        assert_eq!(Secret::from_value(Value(vec![0xff])), Ok(Secret::new([0xff])));
    }

    #[test]
    fn words_are_read_exactly() {
        let words = [("on", 1), ("off", 2)];
        assert_eq!(value("off").word(&words, "on or off"), Ok(2));
        for bad in ["", "On", "on ", "of"] {
            assert_eq!(value(bad).word(&words, "on or off"), Err(Problem::Expected("on or off")));
        }
    }
}
