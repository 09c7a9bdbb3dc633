//! The counts compare because both sides do the same: they find the same in what they receive, and send the same.

#[path = "../benches/protocol/theirs.rs"]
mod theirs;

use bytes::BytesMut;
use molt_db_decode::Params;
use molt_db_instructions::input::{self, COLUMNS};
use molt_db_instructions::ours::{self, RowReader, Session};
use molt_db_instructions::{TIMES, Tally};

fn received(input: &[u8]) -> BytesMut {
    BytesMut::from(input)
}

#[test]
fn both_find_the_same_frames() {
    let input = input::messages(TIMES);
    assert_eq!(ours::frames(&input), TIMES);
    assert_eq!(theirs::headers(&input), TIMES);
    assert_eq!(theirs::messages(&mut received(&input)), TIMES);
}

#[test]
fn all_walks_find_the_same_fields() {
    let input = input::rows(TIMES);
    let session = Session::streaming();
    let found = theirs::rows(&mut received(&input));
    assert_eq!(found.fields, TIMES * COLUMNS);
    assert_eq!(ours::framed_values(&input), found);
    assert_eq!(ours::run_values(session.rows(&input)), found);
    assert_eq!(theirs::rows_collected(&mut received(&input), &mut Vec::new()), found);
    assert_eq!(ours::run_located(session.rows(&input), &mut RowReader::default()), found.fields);
    assert_eq!(ours::run_layout(session.rows(&input), &mut RowReader::default()), found);
}

#[test]
fn both_write_the_same_bind() {
    let (mut params, mut out) = (Params::default(), Vec::new());
    ours::binds_with_parameters(&mut params, &mut out);
    let mut bind = Vec::new();
    ours::binds(params.values(), &mut bind);
    let (mut with_parameters, mut encoded) = (BytesMut::new(), BytesMut::new());
    theirs::binds_with_parameters(&mut with_parameters);
    theirs::binds(&theirs::encoded(), &mut encoded);
    assert_eq!((&out[..], &bind[..]), (&with_parameters[..], &encoded[..]));
    assert_eq!(out, bind);
}

#[test]
fn both_have_the_same_conversation() {
    let answers = input::answers(TIMES);
    let (mut session, mut out) = (Session::warm(), BytesMut::new());
    let found = theirs::converse(&mut received(&answers), &mut out);
    assert_eq!(found, theirs::rows(&mut received(&input::rows(TIMES))));
    assert_ne!(found, Tally::default());
    assert_eq!(session.converse(&answers), found);
    assert_eq!(session.sent(), &out[..]);
}
