//! What PostgreSQL 18.4 was measured to say, case by case, said by a [`Backend`](crate::server::Backend).
//!
//! The SQL is the toy's; the messages and their order are the server's. `|` is where the client waits.

use proptest::prelude::*;

use super::requests::*;
use super::toy::{Toy, transcript};
use crate::message::WireFormat::{Binary, Text};
use crate::server::Quota;

/// A name, what the client sends before each wait, and what it hears.
type Case = (&'static str, Vec<Vec<Vec<u8>>>, &'static str);

#[rustfmt::skip]
fn simple() -> Vec<Case> {
    vec![
        ("simple/select", vec![vec![q("rows 1")]], "RowDesc(n:23) Row(1) CC[SELECT 1] RFQ(I)"),
        ("simple/empty", vec![vec![q("")]], "EmptyQuery RFQ(I)"),
        ("simple/semis", vec![vec![q(";;;")]], "EmptyQuery RFQ(I)"),
        ("simple/multi", vec![vec![q("rows 1; rows 2;")]],
            "RowDesc(n:23) Row(1) CC[SELECT 1] RowDesc(n:23) Row(1) Row(2) CC[SELECT 2] RFQ(I)"),
        ("simple/multi-empty", vec![vec![q("insert;;rows 0")]],
            "CC[INSERT 0 1] RowDesc(n:23) CC[SELECT 0] RFQ(I)"),
        ("simple/err-mid", vec![vec![q("insert; boom 0; insert")]],
            "CC[INSERT 0 1] RowDesc(n:23) Error[22012] RFQ(I)"),
        ("simple/syntax-late", vec![vec![q("insert; selct 2")]], "Error[42601] RFQ(I)"),
        ("simple/err-midrows", vec![vec![q("boom 2")]], "RowDesc(n:23) Row(1) Row(2) Error[22012] RFQ(I)"),
        ("simple/begin-err", vec![vec![q("begin; boom 0; rollback")], vec![q("rows 1")], vec![q("rollback")]],
            "CC[BEGIN] RowDesc(n:23) Error[22012] RFQ(E) | Error[25P02] RFQ(E) | CC[ROLLBACK] RFQ(I)"),
        ("simple/failed-commit", vec![vec![q("begin")], vec![q("selct")], vec![q("commit")]],
            "CC[BEGIN] RFQ(T) | Error[42601] RFQ(E) | CC[ROLLBACK] RFQ(I)"),
        ("simple/implicit-rollback", vec![vec![q("insert; boom 0")], vec![q("stored")]],
            "CC[INSERT 0 1] RowDesc(n:23) Error[22012] RFQ(I) | RowDesc(count:20) Row(0) CC[SELECT 1] RFQ(I)"),
        ("simple/explicit-commit-mid",
            vec![vec![q("begin; insert; commit; insert; boom 0")], vec![q("stored")]],
            "CC[BEGIN] CC[INSERT 0 1] CC[COMMIT] CC[INSERT 0 1] RowDesc(n:23) Error[22012] RFQ(I) \
             | RowDesc(count:20) Row(1) CC[SELECT 1] RFQ(I)"),
        ("simple/no-cols", vec![vec![q("nothing")]], "RowDesc() Row() CC[SELECT 1] RFQ(I)"),
        ("simple/zero-rows", vec![vec![q("rows 0")]], "RowDesc(n:23) CC[SELECT 0] RFQ(I)"),
        ("simple/param", vec![vec![q("echo 1")]], "Error[42P02] RFQ(I)"),
        ("simple/two-queued", vec![vec![q("selct"), q("insert")]],
            "Error[42601] RFQ(I) CC[INSERT 0 1] RFQ(I)"),
        ("simple/destroys-unnamed", vec![vec![p("", "rows 1"), s()], vec![q("insert")], vec![b("", ""), s()]],
            "ParseComplete RFQ(I) | CC[INSERT 0 1] RFQ(I) | Error[26000] RFQ(I)"),
    ]
}

#[rustfmt::skip]
fn statements() -> Vec<Case> {
    vec![
        ("parse/ok", vec![vec![p("s", "rows 1"), s()]], "ParseComplete RFQ(I)"),
        ("parse/flush", vec![vec![p("s", "rows 1"), h()], vec![s()]], "ParseComplete | RFQ(I)"),
        ("parse/multi", vec![vec![p("", "rows 1; rows 2"), s()]], "Error[42601] RFQ(I)"),
        ("parse/empty", vec![vec![p("", ""), ds(""), b("", ""), dp(""), e("", 0), s()]],
            "ParseComplete ParamDesc() NoData BindComplete NoData EmptyQuery RFQ(I)"),
        ("parse/dup-name", vec![vec![p("s", "rows 1"), s()], vec![p("s", "rows 1"), s()]],
            "ParseComplete RFQ(I) | Error[42P05] RFQ(I)"),
        ("parse/dup-unnamed", vec![vec![p("", "rows 1"), p("", "rows 2"), b("", ""), e("", 0), s()]],
            "ParseComplete ParseComplete BindComplete Row(1) Row(2) CC[SELECT 2] RFQ(I)"),
        ("parse/infer", vec![vec![p("", "echo 1"), ds(""), s()]],
            "ParseComplete ParamDesc(25) RowDesc(c0:25) RFQ(I)"),
        ("parse/longname", vec![vec![p(&"n".repeat(200), "rows 1"), b("", &"n".repeat(200)), e("", 0), s()]],
            "ParseComplete BindComplete Row(1) CC[SELECT 1] RFQ(I)"),
        ("parse/error-keeps", vec![vec![p("", "rows 1"), s()], vec![p("", "selct"), s()], vec![b("", ""), s()]],
            "ParseComplete RFQ(I) | Error[42601] RFQ(I) | Error[26000] RFQ(I)"),
        ("desc/stmt", vec![vec![p("s", "echo 2"), ds("s"), s()]],
            "ParseComplete ParamDesc(25,25) RowDesc(c0:25,c1:25) RFQ(I)"),
        ("desc/stmt-nodata", vec![vec![p("", "insert"), ds(""), s()]], "ParseComplete ParamDesc() NoData RFQ(I)"),
        ("desc/portal", vec![vec![p("", "rows 1"), bound("", "", &[], &[Binary]), dp(""), s()]],
            "ParseComplete BindComplete RowDesc(n:23b) RFQ(I)"),
        ("desc/none-s", vec![vec![ds("none"), s()]], "Error[26000] RFQ(I)"),
        ("desc/none-p", vec![vec![dp("none"), s()]], "Error[34000] RFQ(I)"),
        ("desc/unnamed-none", vec![vec![ds(""), s()]], "Error[26000] RFQ(I)"),
        ("desc/failed-tx", vec![vec![p("s", "rows 1"), s()], vec![q("begin")], vec![q("selct")], vec![ds("s"), s()]],
            "ParseComplete RFQ(I) | CC[BEGIN] RFQ(T) | Error[42601] RFQ(E) | Error[25P02] RFQ(E)"),
        ("close/none", vec![vec![cs("none"), cp("none"), s()]], "CloseComplete CloseComplete RFQ(I)"),
        ("close/stmt", vec![vec![p("s", "rows 1"), cs("s"), b("", "s"), s()]],
            "ParseComplete CloseComplete Error[26000] RFQ(I)"),
        ("close/stmt-portal", vec![vec![q("begin")], vec![p("s", "rows 1"), b("p", "s"), cs("s"), e("p", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete CloseComplete Row(1) CC[SELECT 1] RFQ(T)"),
        ("close/portal", vec![vec![p("", "rows 1"), b("p", ""), cp("p"), e("p", 0), s()]],
            "ParseComplete BindComplete CloseComplete Error[34000] RFQ(I)"),
        ("close/unnamed", vec![vec![p("", "rows 1"), cs(""), b("", ""), s()]],
            "ParseComplete CloseComplete Error[26000] RFQ(I)"),
        ("close/failed-tx", vec![vec![p("s", "rows 1"), s()], vec![q("begin")], vec![q("selct")], vec![cs("s"), s()]],
            "ParseComplete RFQ(I) | CC[BEGIN] RFQ(T) | Error[42601] RFQ(E) | CloseComplete RFQ(E)"),
    ]
}

#[rustfmt::skip]
fn portals() -> Vec<Case> {
    let begun = || vec![q("begin")];
    vec![
        ("bind/nostmt", vec![vec![b("", "none"), s()]], "Error[26000] RFQ(I)"),
        ("bind/nounnamed", vec![vec![b("", ""), s()]], "Error[26000] RFQ(I)"),
        ("bind/few", vec![vec![p("", "echo 2"), bound("", "", &[Some("a")], &[]), s()]],
            "ParseComplete Error[08P01] RFQ(I)"),
        ("bind/many", vec![vec![p("", "echo 1"), bound("", "", &[Some("a"), None], &[]), s()]],
            "ParseComplete Error[08P01] RFQ(I)"),
        ("bind/rfmt-mismatch", vec![vec![p("", "rows 1"), bound("", "", &[], &[Text, Text]), s()]],
            "ParseComplete Error[08P01] RFQ(I)"),
        ("bind/rfmt-one",
            vec![vec![p("", "echo 2"), bound("", "", &[Some("a"), Some("b")], &[Binary]), dp(""), e("", 0), s()]],
            "ParseComplete BindComplete RowDesc(c0:25b,c1:25b) Row(a,b) CC[SELECT 1] RFQ(I)"),
        ("bind/null", vec![vec![p("", "echo 2"), bound("", "", &[None, Some("")], &[]), e("", 0), s()]],
            "ParseComplete BindComplete Row(NULL,) CC[SELECT 1] RFQ(I)"),
        ("bind/dup-portal", vec![begun(), vec![p("", "rows 1"), b("p", ""), b("p", ""), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Error[42P03] RFQ(E)"),
        ("bind/dup-unnamed", vec![vec![p("", "rows 1"), b("", ""), b("", ""), e("", 0), s()]],
            "ParseComplete BindComplete BindComplete Row(1) CC[SELECT 1] RFQ(I)"),
        ("exec/limit", vec![begun(), vec![p("", "rows 5"), b("", ""), e("", 2), e("", 2), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Row(1) Row(2) Suspended Row(3) Row(4) Suspended Row(5) \
             CC[SELECT 1] RFQ(T)"),
        ("exec/limit-exact", vec![begun(), vec![p("", "rows 2"), b("", ""), e("", 2), e("", 2), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Row(1) Row(2) Suspended CC[SELECT 0] RFQ(T)"),
        ("exec/limit-sync", vec![vec![p("", "rows 5"), b("", ""), e("", 2), s()], vec![e("", 2), s()]],
            "ParseComplete BindComplete Row(1) Row(2) Suspended RFQ(I) | Error[34000] RFQ(I)"),
        ("exec/neg", vec![vec![p("", "rows 3"), b("", ""), e("", -1), s()]],
            "ParseComplete BindComplete Row(1) Row(2) Row(3) CC[SELECT 3] RFQ(I)"),
        ("exec/again", vec![begun(), vec![p("", "rows 1"), b("", ""), e("", 0), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Row(1) CC[SELECT 1] CC[SELECT 0] RFQ(T)"),
        ("exec/dml-again", vec![begun(), vec![p("", "insert"), b("", ""), e("", 0), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete CC[INSERT 0 1] Error[55000] RFQ(E)"),
        ("exec/noportal", vec![vec![e("none", 0), s()]], "Error[34000] RFQ(I)"),
        ("exec/portal-next-tx", vec![vec![p("", "rows 1"), b("p", ""), s()], vec![e("p", 0), s()]],
            "ParseComplete BindComplete RFQ(I) | Error[34000] RFQ(I)"),
        ("exec/portal-in-tx", vec![begun(), vec![p("", "rows 1"), b("p", ""), s()], vec![e("p", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete RFQ(T) | Row(1) CC[SELECT 1] RFQ(T)"),
        ("exec/two-portals",
            vec![begun(), vec![p("", "rows 3"), b("a", ""), b("b", ""), e("a", 1), e("b", 2), e("a", 1), e("b", 1), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete BindComplete Row(1) Suspended Row(1) Row(2) Suspended \
             Row(2) Suspended Row(3) Suspended RFQ(T)"),
        ("exec/limit-dml", vec![vec![p("", "insert"), b("", ""), e("", 1), s()]],
            "ParseComplete BindComplete CC[INSERT 0 1] RFQ(I)"),
        ("exec/limit-returning", vec![begun(), vec![p("", "returning 3"), b("", ""), e("", 1), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Row(1) Suspended Row(2) Row(3) CC[INSERT 0 2] RFQ(T)"),
        ("exec/failed-tx",
            vec![
                vec![p("s", "rows 1"), s()], begun(), vec![q("selct")], vec![b("", "s"), e("", 0), s()],
                vec![p("", "rollback"), b("", ""), e("", 0), s()],
            ],
            "ParseComplete RFQ(I) | CC[BEGIN] RFQ(T) | Error[42601] RFQ(E) | Error[25P02] RFQ(E) \
             | ParseComplete BindComplete CC[ROLLBACK] RFQ(I)"),
    ]
}

#[rustfmt::skip]
fn segments() -> Vec<Case> {
    let run = |sql| [p("", sql), b("", ""), e("", 0)].concat();
    vec![
        ("sync/idle", vec![vec![s()]], "RFQ(I)"),
        ("sync/three", vec![vec![s(), s(), s()]], "RFQ(I) RFQ(I) RFQ(I)"),
        ("flush/idle", vec![vec![h()], vec![s()]], " | RFQ(I)"),
        ("skip/until-sync", vec![vec![p("", "selct"), p("", "rows 1"), b("", ""), ds(""), e("", 0), cs(""), h(), s()]],
            "Error[42601] RFQ(I)"),
        ("skip/flush-gets-error", vec![vec![p("", "selct"), h()], vec![s()]], "Error[42601] | RFQ(I)"),
        ("skip/query-skipped", vec![vec![p("", "selct"), q("insert"), s()]], "Error[42601] RFQ(I)"),
        ("skip/func-skipped", vec![vec![p("", "selct"), call(), s()]], "Error[42601] RFQ(I)"),
        ("skip/terminate", vec![vec![p("", "selct"), goodbye()]], "Error[42601]"),
        ("skip/copy-dropped", vec![vec![copy("1\n"), done(), give_up()], vec![q("insert")]],
            " | CC[INSERT 0 1] RFQ(I)"),
        ("pipe/two-seg", vec![vec![run("selct"), s(), run("insert"), s()]],
            "Error[42601] RFQ(I) ParseComplete BindComplete CC[INSERT 0 1] RFQ(I)"),
        ("pipe/implicit-rollback",
            vec![vec![run("insert"), run("insert"), run("boom 0"), s()], vec![q("stored")]],
            "ParseComplete BindComplete CC[INSERT 0 1] ParseComplete BindComplete CC[INSERT 0 1] ParseComplete \
             BindComplete Error[22012] RFQ(I) | RowDesc(count:20) Row(0) CC[SELECT 1] RFQ(I)"),
        ("pipe/implicit-commit",
            vec![vec![run("insert"), s(), run("insert"), run("boom 0"), s()], vec![q("stored")]],
            "ParseComplete BindComplete CC[INSERT 0 1] RFQ(I) ParseComplete BindComplete CC[INSERT 0 1] ParseComplete \
             BindComplete Error[22012] RFQ(I) | RowDesc(count:20) Row(1) CC[SELECT 1] RFQ(I)"),
        ("pipe/begin-in", vec![vec![run("begin"), s()], vec![q("rollback")]],
            "ParseComplete BindComplete CC[BEGIN] RFQ(T) | CC[ROLLBACK] RFQ(I)"),
        ("pipe/query-mixed", vec![vec![run("rows 1"), q("rows 1")]],
            "ParseComplete BindComplete Row(1) CC[SELECT 1] RowDesc(n:23) Row(1) CC[SELECT 1] RFQ(I)"),
        ("pipe/bind-before-err", vec![vec![p("s", "rows 1"), p("", "selct"), s()], vec![b("", "s"), e("", 0), s()]],
            "ParseComplete Error[42601] RFQ(I) | BindComplete Row(1) CC[SELECT 1] RFQ(I)"),
        ("a deferred constraint", vec![vec![run("defer"), s()], vec![run("rows 1"), s()]],
            "ParseComplete BindComplete CC[INSERT 0 1] Error[23505] RFQ(I) \
             | ParseComplete BindComplete Row(1) CC[SELECT 1] RFQ(I)"),
        ("func, which is refused", vec![vec![call()], vec![q("insert")]], "Error[0A000] RFQ(I) | CC[INSERT 0 1] RFQ(I)"),
        ("term/x-pipelined", vec![vec![q("insert"), goodbye()]], "CC[INSERT 0 1] RFQ(I)"),
    ]
}

#[rustfmt::skip]
fn copies() -> Vec<Case> {
    vec![
        ("copyin/ok", vec![vec![q("copyin")], vec![copy("1\n2\n"), done()]], "CopyIn(0,2) | CC[COPY 2] RFQ(I)"),
        ("copyin/split", vec![vec![q("copyin")], vec![copy("1"), copy("\n"), done()]],
            "CopyIn(0,2) | CC[COPY 1] RFQ(I)"),
        ("copyin/empty", vec![vec![q("copyin")], vec![copy(""), done()]], "CopyIn(0,2) | CC[COPY 0] RFQ(I)"),
        ("copyin/fail", vec![vec![q("copyin")], vec![copy("1\n"), give_up()], vec![q("stored")]],
            "CopyIn(0,2) | Error[57014] RFQ(I) | RowDesc(count:20) Row(0) CC[SELECT 1] RFQ(I)"),
        ("copyin/badrow", vec![vec![q("copyin")], vec![copy("bad")], vec![copy("1\n"), done()], vec![q("insert")]],
            "CopyIn(0,2) | Error[22P04] RFQ(I) |  | CC[INSERT 0 1] RFQ(I)"),
        ("copyin/flush-sync", vec![vec![q("copyin")], vec![h(), s()], vec![copy("1\n"), done()]],
            "CopyIn(0,2) |  | CC[COPY 1] RFQ(I)"),
        ("copyin/multi", vec![vec![q("copyin; rows 1")], vec![copy("1\n"), done()]],
            "CopyIn(0,2) | CC[COPY 1] RowDesc(n:23) Row(1) CC[SELECT 1] RFQ(I)"),
        ("copyin/two", vec![vec![q("copyin; copyin")], vec![copy("1\n"), done()], vec![copy("1\n"), done()]],
            "CopyIn(0,2) | CC[COPY 1] CopyIn(0,2) | CC[COPY 1] RFQ(I)"),
        ("copyin/ext", vec![vec![p("", "copyin"), b("", ""), dp(""), e("", 0), h()], vec![copy("1\n"), done()], vec![s()]],
            "ParseComplete BindComplete NoData CopyIn(0,2) | CC[COPY 1] | RFQ(I)"),
        ("copyin/ext-sync-early",
            vec![vec![p("", "copyin"), b("", ""), e("", 0), s()], vec![h()], vec![copy("1\n"), done(), s()]],
            "ParseComplete BindComplete CopyIn(0,2) |  | CC[COPY 1] RFQ(I)"),
        ("copyin/ext-fail", vec![vec![p("", "copyin"), b("", ""), e("", 0), h()], vec![give_up()], vec![h()], vec![s()]],
            "ParseComplete BindComplete CopyIn(0,2) | Error[57014] |  | RFQ(I)"),
        ("copyout/ok", vec![vec![q("copyout 2")]],
            r#"CopyOut(0,1) CopyData("1\n") CopyData("2\n") CopyDone CC[COPY 2] RFQ(I)"#),
        ("copyout/empty", vec![vec![q("copyout 0")]], "CopyOut(0,1) CopyDone CC[COPY 0] RFQ(I)"),
        ("copyout/err", vec![vec![q("copyboom 1")]], r#"CopyOut(0,1) CopyData("1\n") Error[22012] RFQ(I)"#),
        ("copyout/ext", vec![vec![p("", "copyout 1"), ds(""), b("", ""), dp(""), e("", 0), s()]],
            r#"ParseComplete ParamDesc() NoData BindComplete NoData CopyOut(0,1) CopyData("1\n") CopyDone CC[COPY 1] RFQ(I)"#),
        ("copyout/limit", vec![vec![p("", "copyout 2"), b("", ""), e("", 1), s()]],
            r#"ParseComplete BindComplete CopyOut(0,1) CopyData("1\n") CopyData("2\n") CopyDone CC[COPY 2] RFQ(I)"#),
    ]
}

/// Tried against PostgreSQL 15 beyond the list of cases.
#[rustfmt::skip]
fn others() -> Vec<Case> {
    let begun = || vec![q("begin")];
    vec![
        ("INSERT RETURNING again", vec![begun(), vec![p("", "returning 2"), b("", ""), e("", 0), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete Row(1) Row(2) CC[INSERT 0 2] CC[INSERT 0 0] RFQ(T)"),
        ("an empty text again", vec![begun(), vec![p("", ""), b("", ""), e("", 0), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete EmptyQuery EmptyQuery RFQ(T)"),
        ("a simple query drops the unnamed portal",
            vec![begun(), vec![p("", "rows 1"), b("", ""), s(), q("insert"), e("", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete RFQ(T) CC[INSERT 0 1] RFQ(T) Error[34000] RFQ(E)"),
        ("COMMIT in a pipeline drops portals",
            vec![begun(), vec![p("", "rows 1"), b("p", ""), p("c", "commit"), b("c", "c"), e("c", 0), e("p", 0), s()]],
            "CC[BEGIN] RFQ(T) | ParseComplete BindComplete ParseComplete BindComplete CC[COMMIT] Error[34000] RFQ(I)"),
        ("the name of an empty text is taken", vec![vec![p("e", ""), s()], vec![p("e", ""), s()]],
            "ParseComplete RFQ(I) | Error[42P05] RFQ(I)"),
        ("formats for columns that are not there", vec![vec![p("", "insert"), bound("", "", &[], &[Text, Text]), e("", 0), s()]],
            "ParseComplete BindComplete CC[INSERT 0 1] RFQ(I)"),
    ]
}

fn cases() -> Vec<Case> {
    [simple(), statements(), portals(), segments(), copies(), others()].concat()
}

/// Sends each part in pieces of this size, and writes down what comes.
fn heard(parts: &[Vec<Vec<u8>>], size: usize) -> String {
    let mut toy = Toy::new(Quota::default());
    let hear = |part: &Vec<Vec<u8>>| {
        let part = part.concat();
        let heard: Vec<_> = part.chunks(size).flat_map(|piece| toy.feed(piece).unwrap()).collect();
        transcript(&heard)
    };
    parts.iter().map(hear).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_backend_says_what_postgresql_says() {
    for (name, parts, expected) in cases() {
        assert_eq!(heard(&parts, usize::MAX), expected, "{name}");
        assert_eq!(heard(&parts, 1), expected, "{name}, byte by byte");
    }
}

/// `bind/65535`
#[test]
fn a_statement_takes_65535_parameters() {
    let values = vec![Some("x"); 65_535];
    let mut toy = Toy::new(Quota::default());
    let input = [p("", "echo 65535"), bound("", "", &values, &[]), e("", 0), s()].concat();
    let heard = transcript(&toy.feed(&input).unwrap());
    assert!(heard.starts_with("ParseComplete BindComplete Row(x,x,"), "{}", &heard[..60]);
    assert!(heard.ends_with(",x,x) CC[SELECT 1] RFQ(I)"));
}

/// `pipe/5000`
#[test]
fn five_thousand_segments_in_one_go_are_answered() {
    let mut toy = Toy::new(Quota::default());
    let segment = [p("", "rows 1"), b("", ""), e("", 0), s()].concat();
    let heard = transcript(&toy.feed(&segment.repeat(5_000)).unwrap());
    assert_eq!(heard.matches("RFQ(I)").count(), 5_000);
}

proptest! {
    #[test]
    fn a_backend_says_the_same_to_input_in_pieces(size in 1_usize..60) {
        for (name, parts, expected) in cases() {
            prop_assert_eq!(heard(&parts, size), expected, "{}", name);
        }
    }
}
