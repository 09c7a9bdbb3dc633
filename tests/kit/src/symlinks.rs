//! A reader for one small file: the list of links in a server package.
//!
//! The file holds `[{"source":"a/b.so.1","target":"a/b.so"}, ...]`, nothing deeper.

use crate::error::KitError;

/// One link to make.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// What the link leads to.
    pub(crate) source: String,
    /// Where the link lies.
    pub(crate) target: String,
}

/// Parses the list. Anything that is not exactly of this shape is an error; escapes in strings are too.
pub(crate) fn parse(text: &str) -> Result<Vec<Link>, KitError> {
    let mut input = Input { rest: text };
    let links = input.links().and_then(|links| input.rest.trim().is_empty().then_some(links));
    links.ok_or_else(|| {
        let near: String = input.rest.chars().take(40).collect();
        KitError::Setting(format!("the list of links in the package is malformed near {near:?}"))
    })
}

struct Input<'a> {
    rest: &'a str,
}

impl Input<'_> {
    fn links(&mut self) -> Option<Vec<Link>> {
        self.list('[', ']', Self::link)
    }

    fn link(&mut self) -> Option<Link> {
        let mut link = Link::default();
        for (key, value) in self.list('{', '}', Self::member)? {
            let place = match key.as_str() {
                "source" => &mut link.source,
                "target" => &mut link.target,
                _ => return None,
            };
            if !place.is_empty() {
                return None;
            }
            *place = value;
        }
        (!link.source.is_empty() && !link.target.is_empty()).then_some(link)
    }

    fn member(&mut self) -> Option<(String, String)> {
        let key = self.string()?;
        self.take(':').then_some(())?;
        Some((key, self.string()?))
    }

    fn list<T>(
        &mut self,
        open: char,
        close: char,
        element: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.take(open).then_some(())?;
        let mut elements = Vec::new();
        if self.take(close) {
            return Some(elements);
        }
        loop {
            elements.push(element(self)?);
            if self.take(close) {
                return Some(elements);
            }
            self.take(',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take('"').then_some(())?;
        let (string, rest) = self.rest.split_once('"')?;
        if string.contains(|c: char| c == '\\' || c.is_control()) {
            return None;
        }
        self.rest = rest;
        Some(string.to_owned())
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(source: &str, target: &str) -> Link {
        Link { source: source.to_owned(), target: target.to_owned() }
    }

    #[test]
    fn links_are_read_in_order_with_any_white_space_and_key_order() {
        let text = " [ {\"source\":\"l/a.so.1\",\"target\":\"l/a.so\"},\n {\"target\" : \"t\" , \"source\":\"s\"} ] \n";
        assert_eq!(parse(text).unwrap(), [link("l/a.so.1", "l/a.so"), link("s", "t")]);
        assert_eq!(parse("[]").unwrap(), []);
    }

    #[test]
    fn every_cut_of_a_good_list_is_an_error() {
        let text = r#"[{"source":"a","target":"b"},{"source":"c","target":"d"}]"#;
        assert_eq!(parse(text).unwrap().len(), 2);
        for end in 0..text.len() {
            assert!(parse(&text[..end]).is_err(), "{}", &text[..end]);
        }
    }

    #[test]
    fn other_shapes_are_errors() {
        for bad in [
            "{}",
            "[1]",
            r#"["a"]"#,
            r#"[{"source":"a"}]"#,
            r#"[{"source":"a","target":""}]"#,
            r#"[{"source":"a","target":"b","mode":"c"}]"#,
            r#"[{"source":"a","source":"b","target":"c"}]"#,
            r#"[{"source":"a","target":"b\u0000"}]"#,
            r#"[{"source":"a","target":"b"},]"#,
            r#"[{"source":"a","target":"b"}] x"#,
            "[{\"source\":\"a\",\"target\":\"b\nc\"}]",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
