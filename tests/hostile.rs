//! A server that lets the driver in and then breaks the protocol, or goes away: what the caller is told.

mod common;

use std::fs;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use common::{assert_usable, code, open, within};
use futures_core::Stream;
use molt_db::{Connection, Error};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::shared_servers;
use tokio::task::JoinSet;
use tokio::time::timeout;

const INT4: u32 = 23;

/// What the peer does after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Hang,
    Close,
    Reset,
}

/// How the caller takes the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Rows,
    Typed,
    Owned,
    One,
    All,
    Arrow,
    Execute,
}

const WAYS: [Way; 7] = [Way::Rows, Way::Typed, Way::Owned, Way::One, Way::All, Way::Arrow, Way::Execute];
/// Those that look into the rows.
const READING_WAYS: [Way; 6] = [Way::Rows, Way::Typed, Way::Owned, Way::One, Way::All, Way::Arrow];

/// Logs a client in and answers its first query, which is a new one, with these bytes.
fn peer(answer: Vec<u8>, piece: usize, then: Then) -> Peer {
    let script = Peer::script(move |mut p| async move {
        p.login().await?;
        p.expect_all(b"PDBES").await?;
        // A driver that has seen enough closes before all of it is there.
        let sent = if piece == 0 { p.send(&answer).await } else { p.send_in_pieces(&answer, piece).await };
        match (sent, then) {
            (Ok(()), Then::Close) => p.close().await,
            (Ok(()), Then::Reset) => p.reset(),
            (Ok(()), Then::Hang) => {
                p.hang().await;
                Ok(())
            }
            (Err(_), _) => Ok(()),
        }
    });
    script.unwrap()
}

async fn login(peer: &Peer, options: &str) -> Connection {
    let text =
        format!("host=127.0.0.1 port={} user=u sslmode=disable type_lookup=never {options}", peer.port());
    open(&text).await.unwrap()
}

/// Runs a query and returns what was read of it and its outcome.
async fn run(connection: &mut Connection, way: Way) -> (Vec<i32>, Result<(), Error>) {
    let mut read = Vec::new();
    let outcome = try_run(connection, way, &mut read).await;
    (read, outcome)
}

async fn try_run(connection: &mut Connection, way: Way, read: &mut Vec<i32>) -> Result<(), Error> {
    let query = connection.query("select n from t");
    match way {
        Way::Rows => {
            let mut rows = query.rows().await?;
            while let Some(row) = rows.next().await? {
                read.push(row.get(0)?);
            }
        }
        Way::Typed => {
            let mut rows = query.rows_as::<(i32,)>().await?;
            while let Some((number,)) = rows.next().await? {
                read.push(number);
            }
        }
        Way::Owned => {
            let mut rows = pin!(query.rows().await?.owned());
            while let Some(row) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
                read.push(row?.get(0)?);
            }
        }
        Way::One => read.push(query.one::<(i32,)>().await?.0),
        Way::All => read.extend(query.all::<(i32,)>().await?.into_iter().map(|(number,)| number)),
        Way::Arrow => {
            let mut batches = query.arrow().await?;
            while let Some(batch) = batches.next().await? {
                read.extend((0..batch.num_rows()).map(|_| 7));
            }
        }
        Way::Execute => drop(query.execute().await?),
    }
    Ok(())
}

/// Asserts that the connection is of no use, says so, and does not wait for the server to find out.
async fn assert_over(connection: &mut Connection, case: &str) {
    assert!(!connection.is_usable(), "{case}");
    assert!(connection.execute("select 1", ()).await.is_err(), "{case}");
    assert!(!connection.is_usable(), "{case}");
}

fn start() -> Vec<u8> {
    described(&messages::row_description(&[("n", INT4, 0)]))
}

fn described(description: &[u8]) -> Vec<u8> {
    [
        &messages::parse_complete(),
        &messages::parameter_description(&[]),
        description,
        &messages::bind_complete(),
    ]
    .concat()
}

fn seven() -> Vec<u8> {
    messages::data_row(&[Some(&7_i32.to_be_bytes())])
}

fn end() -> Vec<u8> {
    [messages::command_complete("SELECT 1"), messages::ready(b'I')].concat()
}

fn good() -> Vec<u8> {
    [start(), seven(), end()].concat()
}

/// A tag with a length word that may lie.
fn header(tag: u8, length: i32) -> Vec<u8> {
    [&[tag][..], &length.to_be_bytes()].concat()
}

/// A DataRow of any bytes.
fn row(count: i16, fields: &[u8]) -> Vec<u8> {
    messages::message(b'D', &[&count.to_be_bytes()[..], fields].concat())
}

#[tokio::test]
async fn a_proper_answer_is_read_in_every_way_and_in_every_piece() {
    let mut all = JoinSet::new();
    for way in WAYS {
        for piece in [0, 1, 2, 7] {
            all.spawn(async move {
                let peer = peer(good(), piece, Then::Hang);
                let mut connection = login(&peer, "").await;
                let (read, outcome) = within(run(&mut connection, way)).await;
                outcome.unwrap_or_else(|error| panic!("{way:?} {piece}: {error}"));
                assert_eq!(read, if way == Way::Execute { vec![] } else { vec![7] }, "{way:?} {piece}");
                assert!(connection.is_usable(), "{way:?} {piece}");
                drop(connection);
                within(peer.finish()).await.unwrap();
            });
        }
    }
    all.join_all().await;
}

/// Runs each answer in every way, whole and byte by byte, while the peer waits for more: each must be refused.
async fn all_are_violations(answers: &[(&'static str, Vec<u8>)], ways: &[Way]) {
    let mut all = JoinSet::new();
    for (name, answer) in answers {
        let name = *name;
        for way in ways.iter().copied() {
            for piece in [0, 1] {
                let peer = peer(answer.clone(), piece, Then::Hang);
                all.spawn(async move {
                    let judged = refused_violation(peer, way).await;
                    judged.err().map(|problem| format!("{name}, {way:?}, pieces of {piece}: {problem}"))
                });
            }
        }
    }
    let mut failures: Vec<String> = all.join_all().await.into_iter().flatten().collect();
    failures.sort();
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}

async fn refused_violation(peer: Peer, way: Way) -> Result<(), String> {
    let mut connection = login(&peer, "").await;
    let (_, outcome) =
        timeout(LONGEST, run(&mut connection, way)).await.map_err(|_| "it hangs".to_owned())?;
    let error = outcome.err().ok_or("it was accepted")?;
    if !error.is_protocol_violation() || error.server().is_some() {
        return Err(format!("{error:?}"));
    }
    assert_over(&mut connection, "a violation").await;
    drop(connection);
    within(peer.finish()).await.map_err(|error| error.to_string())
}

/// What all of these cases, beside each other, take at the very most.
const LONGEST: Duration = Duration::from_secs(15);

#[tokio::test]
async fn lengths_and_types_that_cannot_be_are_violations() {
    let behind = |what: Vec<u8>| [start(), what].concat();
    let cases = [
        ("an unknown type", behind(messages::message(b'?', b""))),
        ("a type of the frontend", behind(messages::message(b'Q', b"select 1\0"))),
        ("a length of 0", behind(header(b'C', 0))),
        ("a length of 3", behind(header(b'C', 3))),
        ("a length of -1", behind(header(b'C', -1))),
        ("the smallest length", behind(header(b'D', i32::MIN))),
        ("a long CommandComplete", behind(header(b'C', 30_001))),
        ("a long DataRow", behind(header(b'D', 0x4000_0000))),
        ("the largest length", behind(header(b'D', i32::MAX))),
    ];
    all_are_violations(&cases, &WAYS).await;
}

#[tokio::test]
async fn malformed_bodies_are_violations() {
    let behind = |what: Vec<u8>| [start(), what, end()].concat();
    let mut many_columns = messages::row_description(&[("n", INT4, 0)]);
    many_columns[5..7].copy_from_slice(&9_u16.to_be_bytes());
    let mut negative_columns = messages::row_description(&[("n", INT4, 0)]);
    negative_columns[5..7].copy_from_slice(&(-1_i16).to_be_bytes());
    let parsed = messages::parse_complete();
    let cases = [
        ("more columns than the body holds", described(&many_columns)),
        ("a negative number of columns", described(&negative_columns)),
        ("columns that the body is too long for", described(&messages::message(b'T', b"\0\0x"))),
        ("more parameters than the body holds", [parsed, messages::message(b't', b"\xff\xff")].concat()),
        ("an error without its end", behind(messages::message(b'E', b"SERROR\0"))),
        ("an error without its terminator", behind(messages::message(b'E', b"SERROR\0\0Mx"))),
        ("an empty error", behind(messages::message(b'E', b""))),
        ("an empty notice", behind(messages::message(b'N', b""))),
        ("a tag without its end", behind(messages::message(b'C', b"SELECT 1"))),
        ("a setting without its value", behind(messages::message(b'S', b"name\0"))),
        ("a notification without its payload", behind(messages::message(b'A', b"\0\0\0\x01channel\0"))),
        (
            "a state that does not exist",
            [start(), messages::command_complete("X"), messages::ready(b'?')].concat(),
        ),
        (
            "a state of two bytes",
            [start(), messages::command_complete("X"), messages::message(b'Z', b"II")].concat(),
        ),
        ("no state", [start(), messages::command_complete("X"), messages::message(b'Z', b"")].concat()),
    ];
    all_are_violations(&cases, &WAYS).await;
}

#[tokio::test]
async fn messages_out_of_order_are_violations() {
    let (parsed, bound) = (messages::parse_complete(), messages::bind_complete());
    let (ready, complete) = (messages::ready(b'I'), messages::command_complete("SELECT 1"));
    let cases = [
        ("BindComplete first", [&bound[..], &good()].concat()),
        ("ReadyForQuery first", [&ready[..], &good()].concat()),
        ("a row before BindComplete", [&parsed[..], &seven()].concat()),
        ("ReadyForQuery behind ParseComplete", [&parsed[..], &ready].concat()),
        ("ParseComplete twice", [&parsed[..], &good()].concat()),
        ("ReadyForQuery among the rows", [&start()[..], &seven(), &ready].concat()),
        (
            "another description among the rows",
            [&start()[..], &seven(), &messages::row_description(&[])].concat(),
        ),
        ("CommandComplete twice", [&start()[..], &complete, &complete].concat()),
        ("a row behind CommandComplete", [&start()[..], &complete, &seven()].concat()),
        ("PortalSuspended unasked", [&start()[..], &seven(), &messages::portal_suspended()].concat()),
        ("CloseComplete unasked", [&start()[..], &messages::close_complete()].concat()),
        ("copied data", [&start()[..], &messages::message(b'd', b"1\n")].concat()),
        ("the end of a copy", [&start()[..], &messages::message(b'c', b"")].concat()),
        ("CopyBoth", [&start()[..], &messages::message(b'W', b"\0\0\0")].concat()),
        ("a new authentication", [&start()[..], &messages::auth_ok()].concat()),
        ("a new negotiation", [&start()[..], &messages::negotiate_version(0x0003_0000, &[])].concat()),
    ];
    all_are_violations(&cases, &WAYS).await;
}

#[tokio::test]
async fn malformed_rows_are_violations_in_every_way_that_looks_into_them() {
    let behind = |row: Vec<u8>| [start(), row].concat();
    let cases = [
        ("no count", behind(messages::message(b'D', b""))),
        ("fewer fields", behind(messages::data_row(&[]))),
        ("more fields", behind(messages::data_row(&[Some(b"\0\0\0\x07"), None]))),
        ("a negative count", behind(row(-1, b""))),
        ("a length of -2", behind(row(1, &(-2_i32).to_be_bytes()))),
        ("a field beyond the body", behind(row(1, b"\0\0\0\x05\0\0\0\x07"))),
        ("the longest field", behind(row(1, b"\x7f\xff\xff\xff\0\0\0\x07"))),
        ("bytes behind the last field", behind(row(1, b"\0\0\0\x04\0\0\0\x07!"))),
    ];
    all_are_violations(&cases, &READING_WAYS).await;
}

#[tokio::test]
async fn a_malformed_row_is_not_stepped_over() {
    let answer = [start(), seven(), row(1, b"\0\0"), seven(), end()].concat();
    let peer = peer(answer, 0, Then::Hang);
    let mut connection = login(&peer, "").await;
    let mut rows = connection.query("select n from t").rows().await.unwrap();
    assert!(rows.next().await.unwrap().is_some());
    assert!(rows.next().await.unwrap_err().is_protocol_violation());
    let after = within(rows.next()).await;
    assert!(!matches!(after, Ok(Some(_))), "{after:?}");
    drop(rows);
    assert_over(&mut connection, "a malformed row").await;
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_and_never_a_short_result() {
    let whole =
        [start(), seven(), seven(), messages::command_complete("SELECT 2"), messages::ready(b'I')].concat();
    for way in [Way::Rows, Way::Owned, Way::All, Way::Arrow, Way::Execute] {
        let mut all = JoinSet::new();
        for cut in 0..whole.len() {
            let answer = whole[..cut].to_vec();
            let then = if cut % 2 == 0 { Then::Close } else { Then::Reset };
            all.spawn(async move {
                let peer = peer(answer, 0, then);
                let mut connection = login(&peer, "").await;
                let (_, outcome) = within(run(&mut connection, way)).await;
                let error = outcome.err().unwrap_or_else(|| panic!("{way:?}, cut at {cut}: accepted"));
                assert!(error.is_connection_lost(), "{way:?}, cut at {cut}: {error:?}");
                assert!(error.is_outcome_unknown(), "{way:?}, cut at {cut}: {error:?}");
                assert_over(&mut connection, "cut").await;
                within(peer.finish()).await.unwrap();
            });
        }
        all.join_all().await;
    }
}

#[tokio::test]
async fn one_row_is_not_believed_before_the_end() {
    let whole = good();
    for cut in [whole.len() - 1, whole.len() - messages::ready(b'I').len(), start().len() + seven().len()] {
        let peer = peer(whole[..cut].to_vec(), 0, Then::Close);
        let mut connection = login(&peer, "").await;
        let (read, outcome) = within(run(&mut connection, Way::One)).await;
        assert!(outcome.unwrap_err().is_outcome_unknown());
        assert!(read.is_empty());
    }
}

#[tokio::test]
async fn an_error_without_fields_is_still_the_servers() {
    let answer = [start(), messages::message(b'E', b"\0"), messages::ready(b'I')].concat();
    let peer = peer(answer, 1, Then::Hang);
    let mut connection = login(&peer, "").await;
    let error = within(connection.execute("select n from t", ())).await.unwrap_err();
    assert_eq!(code(&error), "XX000");
    assert!(!error.is_protocol_violation() && !error.is_connection_lost(), "{error:?}");
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_second_ready_for_query_is_noticed_by_the_next_use() {
    for way in WAYS {
        let peer = peer([good(), messages::ready(b'I')].concat(), 0, Then::Hang);
        let mut connection = login(&peer, "").await;
        within(run(&mut connection, way)).await.1.unwrap();
        let error = within(run(&mut connection, way)).await.1.unwrap_err();
        assert!(error.is_protocol_violation(), "{way:?}: {error:?}");
        assert_over(&mut connection, "a second ReadyForQuery").await;
    }
}

#[tokio::test]
async fn a_session_that_is_ended_between_the_command_and_its_commit_has_an_unknown_outcome() {
    let fatal = messages::error("FATAL", "57P01", "terminating connection due to administrator command");
    for way in WAYS {
        for piece in [0, 1] {
            let answer = [start(), seven(), messages::command_complete("SELECT 1"), fatal.clone()].concat();
            let peer = peer(answer, piece, Then::Close);
            let mut connection = login(&peer, "").await;
            let (_, outcome) = within(run(&mut connection, way)).await;
            let error = outcome.unwrap_err();
            assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{way:?}: {error:?}");
            assert_eq!(code(&error), "57P01");
            assert!(error.to_string().contains("unknown"), "{error}");
            assert_over(&mut connection, "ended").await;
        }
    }
}

#[tokio::test]
async fn a_statement_that_fails_at_its_commit_has_failed() {
    let error = messages::error("ERROR", "23503", "a deferred constraint is violated");
    for way in WAYS {
        let complete = messages::command_complete("INSERT 0 1");
        let answer = [start(), seven(), complete, error.clone(), messages::ready(b'I')].concat();
        let peer = peer(answer, 0, Then::Hang);
        let mut connection = login(&peer, "").await;
        let error = within(run(&mut connection, way)).await.1.unwrap_err();
        assert_eq!(code(&error), "23503", "{way:?}");
        assert!(connection.is_usable(), "{way:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_row_that_claims_a_gigabyte_takes_no_memory_and_ends_with_query_timeout() {
    for way in [Way::Rows, Way::Arrow, Way::Execute] {
        let before = peak_kib();
        let claim =
            [header(b'D', 0x3fff_ffff), b"\0\x01\x3f\xff\xff\xf5".to_vec(), vec![b'x'; 50_000]].concat();
        let peer = peer([start(), claim].concat(), 0, Then::Hang);
        let mut connection = login(&peer, "query_timeout_ms=300").await;
        let error = within(run(&mut connection, way)).await.1.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{way:?}: {error:?}");
        assert!(peak_kib() - before < 64 * 1024, "{way:?}: from {before} to {} KiB", peak_kib());
        assert!(largest_mapping() < 512 << 20, "{way:?}: a mapping of {} bytes", largest_mapping());
        assert_over(&mut connection, "a claim").await;
    }
}

/// The most memory that this process has held so far.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The largest piece of writable address space: what is reserved shows here before it is touched.
#[cfg(target_os = "linux")]
fn largest_mapping() -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let writable = maps.lines().filter(|line| line.contains(" rw"));
    let sizes = writable.map(|line| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        u64::from_str_radix(end, 16).unwrap() - u64::from_str_radix(start, 16).unwrap()
    });
    sizes.max().unwrap()
}

#[tokio::test]
async fn a_flood_of_notices_is_bounded() {
    const COUNT: usize = 100_000;
    let notices: Vec<u8> =
        (0..COUNT).flat_map(|n| messages::notice("NOTICE", "00000", &format!("number {n}"))).collect();
    let peer = peer([start(), notices, seven(), end()].concat(), 0, Then::Hang);
    let mut connection = login(&peer, "").await;
    let (read, outcome) = within(run(&mut connection, Way::Rows)).await;
    outcome.unwrap();
    assert_eq!(read, [7]);
    let kept: Vec<_> = connection.take_notices().map(|notice| notice.message().into_owned()).collect();
    let expected: Vec<_> = (COUNT - 64..COUNT).map(|n| format!("number {n}")).collect();
    assert_eq!(kept, expected);
    assert_eq!(connection.take_notices().count(), 0);
    assert!(connection.is_usable());
}

/// A server that does not read before its own words are taken waits for ever on a driver that does not read before its
/// own words are sent.
#[tokio::test]
async fn neither_side_waits_for_the_other_to_read_first() {
    const NOTICES: usize = 20_000;
    let notice = messages::notice("NOTICE", "00000", &"x".repeat(1000));
    let peer = Peer::script(move |mut p| async move {
        p.login().await?;
        p.send(&notice.repeat(NOTICES)).await?;
        p.expect_all(b"PDBES").await?;
        p.send(
            &[described(&messages::no_data()), messages::command_complete("UPDATE 3"), messages::ready(b'I')]
                .concat(),
        )
        .await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut connection = login(&peer, "").await;
    let large = vec![7_u8; 20 << 20];
    assert_eq!(within(connection.execute("update t set b = $1", (large,))).await.unwrap(), 3);
    assert!(connection.is_usable());
}

#[tokio::test]
async fn the_last_words_of_a_server_are_heard_while_a_large_parameter_is_sent() {
    let fatal = messages::error("FATAL", "57P01", "terminating connection due to administrator command");
    for then in [Then::Close, Then::Reset, Then::Hang] {
        let fatal = fatal.clone();
        let peer = Peer::script(move |mut p| async move {
            p.login().await?;
            p.expect_all(b"PD").await?;
            p.send(&fatal).await?;
            // What a reset overtakes is lost.
            p.pause(Duration::from_millis(100)).await;
            match then {
                Then::Close => p.close().await,
                Then::Reset => p.reset(),
                Then::Hang => {
                    p.hang().await;
                    Ok(())
                }
            }
        })
        .unwrap();
        let mut connection = login(&peer, "").await;
        let large = vec![7_u8; 32 << 20];
        let error = within(connection.execute("update t set b = $1", (large,))).await.unwrap_err();
        assert!(error.is_connection_lost(), "{then:?}: {error:?}");
        assert_eq!(code(&error), "57P01", "{then:?}");
        assert_over(&mut connection, "ended").await;
    }
}

#[tokio::test]
async fn unasked_messages_may_come_anywhere() {
    let unasked = [
        messages::notice("NOTICE", "00000", "by the way"),
        messages::parameter_status("TimeZone", "Europe/Paris"),
        messages::notification(9, "channel", "payload"),
    ]
    .concat();
    let answer = [
        messages::parse_complete(),
        messages::parameter_description(&[]),
        messages::row_description(&[("n", INT4, 0)]),
        messages::bind_complete(),
        seven(),
        messages::command_complete("SELECT 1"),
        messages::ready(b'I'),
    ];
    let answer = answer.iter().flat_map(|message| [&unasked[..], message].concat()).collect::<Vec<u8>>();
    for way in WAYS {
        for piece in [0, 5] {
            let peer = peer(answer.clone(), piece, Then::Hang);
            let mut connection = login(&peer, "").await;
            let (read, outcome) = within(run(&mut connection, way)).await;
            outcome.unwrap_or_else(|error| panic!("{way:?}: {error}"));
            assert_eq!(read.len(), usize::from(way != Way::Execute), "{way:?}");
            assert_eq!(connection.take_notices().count(), 7, "{way:?}");
            assert_eq!(connection.parameter("TimeZone"), Some("Europe/Paris"));
        }
    }
}

#[tokio::test]
async fn what_comes_in_another_encoding_is_not_read_until_it_is_utf8_again() {
    for server in shared_servers() {
        let mut connection = common::connect(server).await;
        assert_usable(&mut connection).await;
        connection.execute("set client_encoding to latin1", ()).await.unwrap();
        for way in READING_WAYS {
            let error = run_sql(&mut connection, "select 7", way).await.unwrap_err();
            assert!(error.is_foreign_encoding() && error.to_string().contains("LATIN1"), "{way:?}: {error}");
            assert!(connection.is_usable(), "{way:?}: the next query is refused");
        }
        connection.execute("set client_encoding to utf8", ()).await.unwrap();
        assert_usable(&mut connection).await;
    }
}

async fn run_sql(connection: &mut Connection, sql: &str, way: Way) -> Result<(), Error> {
    let query = connection.query(sql);
    match way {
        Way::Rows => within(query.rows()).await.map(drop),
        Way::Typed => within(query.rows_as::<(i32,)>()).await.map(drop),
        Way::Owned => within(query.rows()).await.map(|rows| drop(rows.owned())),
        Way::One => within(query.one::<(i32,)>()).await.map(drop),
        Way::All => within(query.all::<(i32,)>()).await.map(drop),
        Way::Arrow => within(query.arrow()).await.map(drop),
        Way::Execute => within(query.execute()).await.map(drop),
    }
}

#[tokio::test]
async fn an_encoding_that_the_server_changes_by_itself_is_noticed() {
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        p.expect_all(b"PDBES").await?;
        p.send(&[messages::parameter_status("client_encoding", "LATIN1"), good()].concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let mut connection = login(&peer, "").await;
    let error = within(run(&mut connection, Way::Rows)).await.1.unwrap_err();
    assert!(error.is_foreign_encoding() && error.to_string().contains("LATIN1"), "{error}");
    assert!(!error.is_protocol_violation() && !error.is_connection_lost(), "{error:?}");
}
