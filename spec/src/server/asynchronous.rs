//! What a server says unasked.

use crate::case::Group;
use crate::need::Need;
use crate::pattern::Pattern;
use crate::say::{query, run, sync};
use crate::step::{Say, StepKind};

pub(super) fn group() -> Group {
    let mut group = Group::new("async", "protocol-flow.html#PROTOCOL-ASYNC");
    settings(&mut group);
    notifications(&mut group);
    group
        .must("terminated", "A session that is terminated ends with FATAL 57P01.")
        .send([query("select pg_terminate_backend(pg_backend_pid())")])
        .expect("Columns? Row? Complete? Fatal(57P01) End");
    group
        .must(
            "encoding",
            "A value that the encoding of the client does not have is an error, and the session goes on.",
        )
        .needs(Need::Utf8)
        .send([query("set client_encoding = 'LATIN1'")])
        .expect("Complete(SET) Status(client_encoding=LATIN1) Ready(I)")
        .send([query("select U&'\\20AC' as a")])
        .expect("Columns? Error(22P05) Ready(I)")
        .send([query("select 1 as a")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    group
}

fn settings(group: &mut Group) {
    group
        .must("setting", "A setting that is reported is reported when it changes, before ReadyForQuery.")
        .send([query("set application_name = 'pgspec-a'")])
        .expect("Complete(SET) Status(application_name=pgspec-a) Ready(I)");
    group
        .must("setting-rolled-back", "A change that is rolled back is reported again.")
        .send([query("set application_name = 'pgspec-a'")])
        .expect("Complete(SET) Status(application_name=pgspec-a) Ready(I)")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("set application_name = 'pgspec-b'")])
        .expect("Complete(SET) Status(application_name=pgspec-b) Ready(T)")
        .send([query("rollback")])
        .expect("Complete(ROLLBACK) Status(application_name=pgspec-a) Ready(I)");
    group
        .must("setting-local", "The end of a SET LOCAL is reported.")
        .send([query("begin; set local application_name = 'pgspec-c'")])
        .expect("Complete(BEGIN) Complete(SET) Status(application_name=pgspec-c) Ready(T)")
        .send([query("commit")])
        .expect("Complete(COMMIT) Status(application_name=*) Ready(I)");
    group
        .must("setting-extended", "A setting that changes in the extended protocol is reported.")
        .send([run("set application_name = 'pgspec-d'"), sync()])
        .expect("ParseComplete BindComplete Complete(SET) Status(application_name=pgspec-d) Ready(I)");
    group
        .reference("setting-unreported", "A setting that is not reported at the start is not reported later.")
        .send([query("set statement_timeout = '59min'")])
        .expect("Complete(SET) !Status Ready(I)");
    group
        .reference("setting-unchanged", "A setting that is set to what it is already is not reported again.")
        .versions(14..=u32::MAX)
        .send([query("set application_name = 'pgspec-e'")])
        .expect("Complete(SET) Status(application_name=pgspec-e) Ready(I)")
        .send([query("set application_name = 'pgspec-e'")])
        .expect("Complete(SET) !Status Ready(I)");
    group
        .must("setting-datestyle", "Every setting that clients read values by is reported.")
        .send([query("set datestyle = 'German'")])
        .expect("Complete(SET) Status(DateStyle=German, DMY) Ready(I)")
        .send([query("set timezone = 'Asia/Tokyo'")])
        .expect("Complete(SET) Status(TimeZone=Asia/Tokyo) Ready(I)")
        .send([query("set intervalstyle = 'iso_8601'")])
        .expect("Complete(SET) Status(IntervalStyle=iso_8601) Ready(I)")
        .send([query("set standard_conforming_strings = off")])
        .expect("Complete(SET) Status(standard_conforming_strings=off) Ready(I)");
}

fn notifications(group: &mut Group) {
    group
        .must("notify-self", "A session that listens hears itself.")
        .needs(Need::Notify)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .send_unique(|word| query(&format!("notify {word}, 'to myself'")))
        .expect(
            "Complete(NOTIFY) Notify(*,to myself) Ready(I) / Complete(NOTIFY) Ready(I) Notify(*,to myself)",
        );
    group
        .must("notify-once", "A notification comes once.")
        .needs(Need::Notify)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .send_unique(|word| query(&format!("notify {word}")))
        .expect("Complete(NOTIFY) !Notify Notify Ready(I) / Complete(NOTIFY) !Notify Ready(I) Notify")
        .send([query("")])
        .expect("!Notify EmptyQuery Ready(I)");
    group
        .must("notify-channel", "A notification has the name of its channel.")
        .needs(Need::Notify)
        .send([query("listen pgspec")])
        .expect("Complete(LISTEN) Ready(I)")
        .send([query("notify pgspec, 'name'")])
        .expect(
            "Complete(NOTIFY) Notify(pgspec,name) Ready(I) / Complete(NOTIFY) Ready(I) Notify(pgspec,name)",
        );
    group
        .must("notify-process", "A notification has the process of the session that sent it.")
        .needs(Need::Notify)
        .needs(Need::Cancel)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .send_unique(|word| query(&format!("notify {word}")))
        .step(StepKind::NotifiedByItself);
    group
        .must("notify-idle", "A session that listens hears others while it does nothing.")
        .needs(Need::Notify)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .step(StepKind::Other {
            say: Say::Unique(|word| query(&format!("notify {word}, 'hey'"))),
            pattern: Pattern::new("Complete(NOTIFY) Ready(I)"),
        })
        .expect("Notify(*,hey)");
    group
        .must("notify-in-transaction", "Inside of a transaction a notification waits for its end.")
        .needs(Need::Notify)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .step(StepKind::Other {
            say: Say::Unique(|word| query(&format!("notify {word}, 'later'"))),
            pattern: Pattern::new("Complete(NOTIFY) Ready(I)"),
        })
        .send([query("commit")])
        .expect("Complete(COMMIT) Notify(*,later) Ready(I) / Complete(COMMIT) Ready(I) Notify(*,later)");
    group
        .must("notify-rolled-back", "A NOTIFY that is rolled back is heard by nobody.")
        .needs(Need::Notify)
        .send_unique(|word| query(&format!("listen {word}")))
        .expect("Complete(LISTEN) Ready(I)")
        .send_unique(|word| query(&format!("begin; notify {word}, 'never'; rollback")))
        .expect("Complete(BEGIN) Complete(NOTIFY) Complete(ROLLBACK) Ready(I)")
        .send_unique(|word| query(&format!("notify {word}, 'once'")))
        .expect("Complete(NOTIFY) Notify(*,once) Ready(I) / Complete(NOTIFY) Ready(I) Notify(*,once)");
}
