//! SCRAM-SHA-256.

use crate::case::Group;
use crate::need::{Method, Need};
use crate::say::{query, raw, sasl_initial, ssl_request};
use crate::scram::{Mistake, Scram};
use crate::step::{StepKind, plain_startup};

pub(super) fn group() -> Group {
    let mut group = Group::new("scram", "sasl-authentication.html#SASL-SCRAM-SHA-256");
    accepted(&mut group);
    refused(&mut group);
    malformed(&mut group);
    bound(&mut group);
    group
}

fn accepted(group: &mut Group) {
    let right = Scram::default();
    for (name, requirement, scram) in [
        (
            "ok",
            "Who proves the password is let in, and the server proves in its last message that it knows it too.",
            right,
        ),
        (
            "user-ignored",
            "The user of the StartupMessage counts, not the one in the exchange.",
            Scram { user: "someone", ..right },
        ),
        (
            "y-without-tls",
            "A client that could bind the channel may say so where the server offers no binding.",
            Scram { gs2: "y,,", ..right },
        ),
        (
            "extension",
            "An extension that is not mandatory is passed over.",
            Scram { extension: ",x=1", ..right },
        ),
    ] {
        group
            .must(name, requirement)
            .asked_for(Method::Scram)
            .needs(Need::Cleartext)
            .send_as(plain_startup)
            .step(StepKind::Exchange(scram))
            .expect("AuthenticationOk Key? Ready(I)");
    }
    group
        .must(
            "no-initial-response",
            "A client may leave its first message out; the server then asks for it with an empty challenge.",
        )
        .asked_for(Method::Scram)
        .send_as(plain_startup)
        .expect("Sasl")
        .send([sasl_initial("SCRAM-SHA-256", -1, b"")])
        .expect("SaslContinue()");
}

fn refused(group: &mut Group) {
    let right = Scram::default();
    let wrong = |mistake| Scram { mistake, ..Scram::default() };
    for (name, requirement, scram, code) in [
        (
            "wrong-password",
            "The proof of another password is refused with 28P01.",
            wrong(Mistake::Password),
            "28P01",
        ),
        ("zero-proof", "A proof of zero bytes is refused with 28P01.", wrong(Mistake::Proof), "28P01"),
        ("no-proof", "The last message of a client has a proof.", wrong(Mistake::NoProof), "08P01"),
        ("proof-not-base64", "A proof is in base64.", wrong(Mistake::ProofNotBase64), "08P01"),
        (
            "changed-nonce",
            "The nonce of the last message is that of the server.",
            wrong(Mistake::Nonce),
            "08P01",
        ),
        (
            "changed-binding",
            "The last message repeats what the first one said about channel binding.",
            wrong(Mistake::Binding),
            "08P01",
        ),
        (
            "unknown-mechanism",
            "A mechanism that was not offered is refused.",
            Scram { mechanism: "SCRAM-PGSPEC", ..right },
            "08P01",
        ),
        (
            "binding-without-mechanism",
            "Channel binding is for the mechanism that has it in its name.",
            Scram { gs2: "p=tls-server-end-point,,", ..right },
            "08P01",
        ),
        (
            "authorization-identity",
            "Acting as somebody else is not supported.",
            Scram { gs2: "n,a=someone,", ..right },
            "0A000",
        ),
        (
            "mandatory-extension",
            "A mandatory extension that the server does not know is refused.",
            Scram { mandatory: "m=x,", ..right },
            "0A000",
        ),
    ] {
        group
            .must(name, requirement)
            .asked_for(Method::Scram)
            .needs(Need::Cleartext)
            .send_as(plain_startup)
            .step(StepKind::Exchange(scram))
            .expect(&format!("Fatal({code}) End"));
    }
    group
        .must(
            "plus-without-tls",
            "Without TLS, the mechanism with channel binding is not offered and not accepted.",
        )
        .asked_for(Method::Scram)
        .needs(Need::Cleartext)
        .send_as(plain_startup)
        .expect("Sasl(SCRAM-SHA-256)")
        .send([sasl_initial("SCRAM-SHA-256-PLUS", 37, b"p=tls-server-end-point,,n=,r=pgspec12")])
        .expect("Fatal(08P01) End");
    group
        .must(
            "unknown-user",
            "A user that does not exist is asked for a proof like any other, and refused with 28P01.",
        )
        .asked_for(Method::Scram)
        .needs(Need::Cleartext)
        .send_as(|me| {
            crate::login::startup(me, crate::say::V3_0, &[("user", &format!("{}_pgspec_unknown", me.user))])
        })
        .step(StepKind::Exchange(right))
        // There may as well be no rule for such a user.
        .expect("Fatal(28P01) End / Fatal(28000) End");
}

fn malformed(group: &mut Group) {
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SASLINITIALRESPONSE");
    for (name, length) in [("length-beyond-message", 100), ("length-negative", -2), ("length-too-short", 3)] {
        group
            .must(name, "The length of the first message is that of its bytes, or -1 without any.")
            .asked_for(Method::Scram)
            .send_as(plain_startup)
            .expect("Sasl")
            .send([sasl_initial("SCRAM-SHA-256", length, b"n,,n=,r=pgspec")])
            .expect("Fatal(08P01) End");
    }
    for (name, first) in
        [("no-attributes", &b"n,,"[..]), ("no-gs2-header", b"n=,r=pgspec"), ("no-nonce", b"n,,n=")]
    {
        group
            .must(name, "The first message of a client has the form that the RFC gives it.")
            .asked_for(Method::Scram)
            .send_as(plain_startup)
            .expect("Sasl")
            .send([sasl_initial("SCRAM-SHA-256", i32::try_from(first.len()).unwrap_or(0), first)])
            .expect("Fatal(08P01) End");
    }
    group
        .must("empty", "A SASLInitialResponse names a mechanism.")
        .asked_for(Method::Scram)
        .send_as(plain_startup)
        .expect("Sasl")
        .send([raw(b'p', b"")])
        .expect("Fatal(08P01) End");
    group
        .must("query-inside", "A Query inside of the exchange is refused.")
        .asked_for(Method::Scram)
        .send_as(plain_startup)
        .expect("Sasl")
        .send([sasl_initial("SCRAM-SHA-256", 14, b"n,,n=,r=pgspec")])
        .expect("SaslContinue(r=pgspec*,s=*,i=*)")
        .send([query("select 1")])
        .expect("Fatal(08P01) End");
    group
        .reference(
            "message-too-long",
            "A message of the exchange that is longer than 1,024 bytes ends the connection.",
        )
        .asked_for(Method::Scram)
        .send_as(plain_startup)
        .expect("Sasl")
        .send([raw(b'p', &[b'x'; 70_000])])
        .step(StepKind::Refusal);
}

fn bound(group: &mut Group) {
    group.source("sasl-authentication.html#SASL-SCRAM-SHA-256");
    let plus = Scram { mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-server-end-point,,", ..Scram::default() };
    for (name, requirement, scram, expected) in [
        (
            "plus",
            "Inside of TLS, a client may bind the exchange to the certificate of the server.",
            plus,
            STARTED,
        ),
        (
            "plus-not-used",
            "Inside of TLS, a client may leave the channel unbound.",
            Scram::default(),
            STARTED,
        ),
        (
            "plus-wrong-binding",
            "A client that is bound to something else is refused.",
            Scram { mistake: Mistake::Binding, ..plus },
            "Fatal(28000) End",
        ),
        (
            "plus-downgrade",
            "A client that says that the server offers no binding, where it does, is refused: somebody took the offer out.",
            Scram { gs2: "y,,", ..Scram::default() },
            "Fatal(28000) End",
        ),
        (
            "plus-unknown-type",
            "A type of channel binding that is not known is refused.",
            Scram { gs2: "p=tls-unique,,", ..plus },
            "Fatal(08P01) End",
        ),
    ] {
        group
            .must(name, requirement)
            .asked_for(Method::Scram)
            .unspoken()
            .needs(Need::Tls)
            .send([ssl_request()])
            .step(StepKind::Byte("S"))
            .step(StepKind::Encrypt { offered: &[], agreed: None })
            .send_as(plain_startup)
            .step(StepKind::Exchange(scram))
            .expect(expected);
    }
}

const STARTED: &str = "AuthenticationOk Key? Ready(I)";
