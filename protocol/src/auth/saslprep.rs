use std::borrow::Cow;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Prepares a password for SCRAM, byte for byte as PostgreSQL does.
///
/// ASCII stays as it is. Other text is mapped and normalised (NFKC). Where the rules forbid the password, where nothing
/// is left of it, or where it is not UTF-8, its raw bytes are used instead: there is no error.
///
/// PostgreSQL departs from the letter of SASLprep in three ways, and its stored verifiers depend on them: ASCII
/// controls alone are allowed, U+200B becomes a space, and the prohibitions are tested before the normalisation.
// RFC 4013 §2, as PostgreSQL's pg_saslprep reads it
pub fn saslprep(password: &[u8]) -> Cow<'_, [u8]> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    match str::from_utf8(password).ok().and_then(prepare) {
        Some(prepared) => Cow::Owned(prepared),
        None => Cow::Borrowed(password),
    }
}

fn prepare(password: &str) -> Option<Vec<u8>> {
    let mut mapped = Zeroizing::new(String::with_capacity(password.len()));
    mapped.extend(password.chars().filter_map(map));
    let usable = !mapped.is_empty() && !mapped.chars().any(is_forbidden) && has_legal_direction(&mapped);
    usable.then(|| mapped.nfkc().collect::<String>().into_bytes())
}

/// U+200B is in both tables, and the spaces are asked first.
fn map(c: char) -> Option<char> {
    if tables::non_ascii_space_character(c) {
        Some(' ')
    } else if tables::commonly_mapped_to_nothing(c) {
        None
    } else {
        Some(c)
    }
}

// RFC 4013 §2.3 and §2.5
fn is_forbidden(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

// RFC 3454 §6
fn has_legal_direction(text: &str) -> bool {
    let mut ends = text.chars().next().into_iter().chain(text.chars().next_back());
    !text.chars().any(tables::bidi_r_or_al)
        || (ends.all(tables::bidi_r_or_al) && !text.chars().any(is_left_to_right))
}

/// Table D.2, which is Unicode 3.2. These characters changed their direction later, and `tables` tells the later one.
// RFC 3454 §D.2
fn is_left_to_right(c: char) -> bool {
    match c {
        '\u{17b4}' | '\u{17b5}' | '\u{1885}' | '\u{1886}' | '\u{1d6a8}'..='\u{1d7c9}' => true,
        '\u{cbf}' | '\u{cc6}' | '\u{1734}' | '\u{2132}' | '\u{302e}' | '\u{302f}' => false,
        '\u{2800}'..='\u{28ff}' => false,
        c => tables::bidi_l(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prepared(password: &str) -> String {
        String::from_utf8(saslprep(password.as_bytes()).into_owned()).unwrap()
    }

    fn assert_raw(password: &[u8]) {
        assert_eq!(saslprep(password), password);
    }

    #[test]
    fn ascii_is_untouched_controls_included() {
        for password in ["", "user", "USER", "\u{7}", "a\nb\u{7f}", " "] {
            assert_eq!(prepared(password), password);
        }
    }

    #[test]
    fn text_is_mapped_and_normalised() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("\u{aa}"), "a");
        assert_eq!(prepared("\u{2168}"), "IX");
        assert_eq!(prepared("a\u{a0}b"), "a b");
        assert_eq!(prepared("e\u{301}"), "é");
        assert_eq!(prepared("\u{301}"), "\u{301}");
        assert_eq!(prepared("\u{a0}"), " ");
    }

    #[test]
    fn the_zero_width_space_becomes_a_space() {
        assert_eq!(prepared("a\u{200b}b"), "a b");
        assert_eq!(prepared("\u{200b}"), " ");
    }

    #[test]
    fn a_password_of_which_nothing_is_left_stays_raw() {
        assert_raw("\u{ad}".as_bytes());
        assert_raw("\u{ad}\u{feff}\u{2060}".as_bytes());
    }

    #[test]
    fn forbidden_and_unassigned_characters_leave_the_password_raw() {
        for password in ["\u{7}\u{aa}", "\u{221}\u{aa}", "\u{e000}\u{aa}", "\u{fffd}\u{aa}", "\u{aa}\u{340}"]
        {
            assert_raw(password.as_bytes());
        }
    }

    #[test]
    fn illegal_directions_leave_the_password_raw() {
        assert_raw("\u{627}1".as_bytes());
        assert_raw("1\u{627}".as_bytes());
        assert_raw("\u{627}\u{aa}\u{627}".as_bytes());
        assert_raw("\u{627}1\u{2168}\u{627}".as_bytes());
        assert_eq!(prepared("\u{627}1\u{a0}\u{628}"), "\u{627}1 \u{628}");
    }

    #[test]
    fn directions_are_those_of_unicode_3_2() {
        assert_raw("\u{fb21}\u{17b4}\u{627}".as_bytes());
        assert_raw("\u{fb21}\u{1d6c1}\u{627}".as_bytes());
        assert_eq!(prepared("\u{fb21}\u{2800}\u{627}"), "\u{5d0}\u{2800}\u{627}");
        assert_eq!(prepared("\u{fb21}\u{cbf}\u{627}"), "\u{5d0}\u{cbf}\u{627}");
    }

    #[test]
    fn directions_are_tested_before_normalisation() {
        assert_eq!(prepared("\u{2135}1"), "\u{5d0}1");
    }

    #[test]
    fn invalid_utf8_stays_raw() {
        assert_raw(b"\xff\xc2\xaa");
        assert_raw(b"\xed\xa0\x80");
    }

    proptest! {
        #[test]
        fn any_bytes_are_prepared(password: Vec<u8>) {
            let _ = saslprep(&password);
        }

        #[test]
        fn preparing_keeps_utf8(password: String) {
            prop_assert!(String::from_utf8(saslprep(password.as_bytes()).into_owned()).is_ok());
        }
    }
}
