//! Passwords in clear text, MD5, and what a server accepts while it waits for them.

use crate::case::{Case, Group};
use crate::need::Method;
use crate::say::{password, query, raw};
use crate::step::{StepKind, plain_startup};
use crate::target::Account;

pub(super) fn group() -> Group {
    let mut group = Group::new("auth", "protocol-flow.html#PROTOCOL-FLOW-START-UP");
    cleartext(&mut group);
    md5(&mut group);
    waiting(&mut group);
    group
}

fn cleartext(group: &mut Group) {
    group
        .must("cleartext", "A password in clear text is taken as it is, up to its zero byte.")
        .answered(|me| password(&me.password))
        .expect(STARTED);
    group
        .must("cleartext-wrong", "A wrong password is refused with 28P01.")
        .answered(|me| password(&format!("{}x", me.password)))
        .expect("Fatal(28P01) End");
    group
        .must("cleartext-empty", "An empty password is refused with 28P01.")
        .answered(|_| password(""))
        .expect("Fatal(28P01) End");
    group
        .must("cleartext-unterminated", "A password ends with a zero byte.")
        .answered(|me| raw(b'p', me.password.as_bytes()))
        .expect("Fatal(08P01) End");
    group
        .must("cleartext-trailing-bytes", "Nothing follows the zero byte of a password.")
        .answered(|me| raw(b'p', format!("{}\0x", me.password).as_bytes()))
        .expect("Fatal(08P01) End");
    group
        .reference("cleartext-too-long", "An answer that is longer than 65,535 bytes ends the connection.")
        .answered(|_| password(&"x".repeat(65_600)))
        .step(StepKind::Refusal);
    group
        .must("cleartext-none", "A client that goes instead of answering harms nobody.")
        .asked_for(Method::Cleartext)
        .send_as(plain_startup)
        .expect("Cleartext")
        .finish()
        .step(StepKind::Refusal);
}

fn md5(group: &mut Group) {
    group
        .must("md5", "An MD5 digest of password, user and salt is accepted.")
        .asked_for(Method::Md5)
        .send_as(plain_startup)
        .step(StepKind::Md5 { password: None })
        .expect(STARTED);
    group
        .must("md5-wrong", "The digest of another password is refused with 28P01.")
        .asked_for(Method::Md5)
        .send_as(plain_startup)
        .step(StepKind::Md5 { password: Some("not the password") })
        .expect("Fatal(28P01) End");
    group
        .must("md5-cleartext", "The password itself is no digest.")
        .asked_for(Method::Md5)
        .send_as(plain_startup)
        .expect("Md5")
        .send_as(|me| password(&me.password))
        .expect("Fatal(28P01) End");
}

fn waiting(group: &mut Group) {
    for (name, method, request) in [
        ("query-cleartext", Method::Cleartext, "Cleartext"),
        ("query-md5", Method::Md5, "Md5"),
        ("query-scram", Method::Scram, "Sasl"),
    ] {
        group
            .must(name, "Nothing but an answer is accepted while a server waits for one.")
            .asked_for(method)
            .send_as(plain_startup)
            .expect(request)
            .send([query("select 1")])
            .expect("Fatal(08P01) End");
    }
}

impl Case {
    /// Answers the request for a password in clear text.
    fn answered(&mut self, answer: fn(&Account) -> Vec<u8>) -> &mut Self {
        self.asked_for(Method::Cleartext).send_as(plain_startup).expect("Cleartext").send_as(answer)
    }
}

const STARTED: &str = super::startup::STARTED;
