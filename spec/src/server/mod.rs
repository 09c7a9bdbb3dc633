//! The cases for servers, a file for each group.

mod asynchronous;
mod auth;
mod bind;
mod cancel;
mod copy_in;
mod copy_out;
mod describe;
mod execute;
mod extended;
mod framing;
mod function;
mod limits;
mod negotiate;
pub(crate) mod oauth;
mod parse;
mod pipeline;
mod replication;
mod scram;
mod simple;
mod startup;
mod terminate;
mod tls;

use crate::case::{Case, Group};

/// Returns every case for servers, in the order of reports.
pub fn cases() -> Vec<Case> {
    let groups: [fn() -> Group; 22] = [
        startup::group,
        negotiate::group,
        tls::group,
        auth::group,
        scram::group,
        oauth::group,
        simple::group,
        parse::group,
        bind::group,
        describe::group,
        execute::group,
        extended::group,
        pipeline::group,
        copy_in::group,
        copy_out::group,
        function::group,
        cancel::group,
        asynchronous::group,
        terminate::group,
        framing::group,
        limits::group,
        replication::group,
    ];
    groups.into_iter().flat_map(|group| group().into_cases()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_of_one_form() {
        let mut seen = BTreeSet::new();
        for case in cases() {
            let (group, name) = case.id.split_once('.').unwrap();
            for part in [group, name] {
                let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(!part.is_empty() && part.chars().all(fine), "{}", case.id);
            }
            assert!(seen.insert(case.id.clone()), "{} is there twice", case.id);
        }
    }

    #[test]
    fn every_case_demands_something_and_says_where_that_is_written() {
        for case in cases() {
            assert!(case.requirement.ends_with('.'), "{}", case.id);
            assert!(case.source.contains(".html#") || case.source.starts_with("RFC"), "{}", case.id);
            assert!(!case.steps.is_empty(), "{}", case.id);
        }
    }
}
