//! Results in pieces: portals that are fetched from, and scripts with many of them.

use super::*;

const NONE: Arguments<'_> = Arguments::NONE;

fn in_transaction() -> Client {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.prepare("select 1", &[], out).unwrap();
    feed(&mut client, &[msg(b'1', b""), described(&[], &[25]), ready(b'I')].concat(), out).unwrap();
    client.script("begin", out).unwrap();
    feed(&mut client, &[complete("BEGIN"), ready(b'T')].concat(), out).unwrap();
    client
}

#[test]
fn a_portal_is_fetched_from_between_other_commands() {
    let mut client = in_transaction();
    let out = &mut Vec::new();
    let portal = client.portal("select 1", &NONE, 1, out).unwrap();
    assert_eq!(sent(out), "BES");
    assert!(out[5..].starts_with(format!("{portal}\0").as_bytes()), "{out:?}");
    let suspended = [msg(b'2', b""), ROW.to_vec(), msg(b's', b""), ready(b'T')].concat();
    let told = feed(&mut client, &suspended, out).unwrap();
    assert_eq!(told, ["columns", "row of 7", "suspended", "finished "]);
    let description = Arc::clone(client.description().unwrap());
    assert_eq!(description.columns().len(), 1);

    client.query("select 1", &NONE, out).unwrap();
    feed(&mut client, &[msg(b'2', b""), ROW.to_vec(), complete("SELECT 1"), ready(b'T')].concat(), out)
        .unwrap();

    out.clear();
    client.fetch_portal(&portal, &description, 0, out).unwrap();
    assert_eq!(sent(out), "ES");
    assert!(Arc::ptr_eq(client.description().unwrap(), &description));
    let rest = [ROW.to_vec(), complete("SELECT 1"), ready(b'T')].concat();
    for size in [1, rest.len()] {
        let mut client = client.clone();
        assert_eq!(feed_in_chunks(&mut client, &rest, size, out).unwrap(), ["row of 7", "finished SELECT 1"]);
    }
    assert_eq!(feed(&mut client, &rest, out).unwrap(), ["row of 7", "finished SELECT 1"]);

    out.clear();
    client.close_portal(&portal);
    client.query("select 1", &NONE, out).unwrap();
    assert_eq!(sent(out), "CBES");
    assert!(out[5..].starts_with(format!("P{portal}\0").as_bytes()));
}

#[test]
fn portals_have_names_of_their_own() {
    let mut client = in_transaction();
    let out = &mut Vec::new();
    let first = client.portal("select 1", &NONE, 1, out).unwrap();
    assert_eq!(client.portal("select 1", &NONE, 1, out), Err(CommandError::Busy));
    feed(&mut client, &[msg(b'2', b""), complete("SELECT 0"), ready(b'T')].concat(), out).unwrap();
    assert_ne!(client.portal("select 1", &NONE, 1, out).unwrap(), first);
}

#[test]
fn a_script_tells_the_columns_rows_and_end_of_each_statement() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script_results("select; update; select", out).unwrap();
    assert_eq!(sent(out), "Q");
    let columns = &described(&[], &[25])[7..];
    let answer = [
        columns,
        ROW,
        ROW,
        &complete("SELECT 2"),
        &complete("UPDATE 3"),
        columns,
        &complete("SELECT 0"),
        &ready(b'I'),
    ]
    .concat();
    for size in [1, 5, answer.len()] {
        let mut client = client.clone();
        let told = feed_in_chunks(&mut client, &answer, size, out).unwrap();
        assert_eq!(
            told,
            [
                "columns",
                "row of 7",
                "row of 7",
                "completed SELECT 2",
                "completed UPDATE 3",
                "columns",
                "completed SELECT 0",
                "finished SELECT 0"
            ]
        );
    }
}

#[test]
fn the_rows_of_a_script_can_be_walked_and_are_text() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script_results("select", out).unwrap();
    assert!(client.description().is_none());
    feed(&mut client, &described(&[], &[20])[7..], out).unwrap();
    let description = client.description().unwrap();
    assert_eq!((description.columns()[0].type_oid, description.columns()[0].format), (20, WireFormat::Text));
    let input = [ROW, ROW, &complete("SELECT 2")].concat();
    let mut run = client.rows(&input);
    assert!(run.next_row().unwrap().is_some() && run.next_row().unwrap().is_some());
    assert!(run.next_row().unwrap().is_none());
    assert_eq!(run.consumed(), 2 * ROW.len());
}

#[test]
fn an_error_in_a_script_is_its_end() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script_results("select; select 1/0", out).unwrap();
    let columns = &described(&[], &[25])[7..];
    let answer =
        [columns, ROW, &complete("SELECT 1"), columns, &error("ERROR", "22012", ""), &ready(b'I')].concat();
    let told = feed(&mut client, &answer, out).unwrap();
    assert_eq!(told, ["columns", "row of 7", "completed SELECT 1", "columns", "failed 22012"]);
    assert!(client.is_settled());
}

#[test]
fn rows_of_a_script_whose_end_alone_is_wanted_are_dropped() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script("select", out).unwrap();
    let answer = [&described(&[], &[25])[7..], ROW, &complete("SELECT 1"), &ready(b'I')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["finished SELECT 1"]);
}
