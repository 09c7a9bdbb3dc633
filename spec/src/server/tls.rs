//! Encryption, and what may not stand around it.

use crate::case::Group;
use crate::need::Need;
use crate::say::{framed, gss_request, packet, ssl_request};
use crate::step::{StepKind, plain_startup};

pub(super) fn group() -> Group {
    let mut group = Group::new("tls", "protocol-flow.html#PROTOCOL-FLOW-SSL");
    requests(&mut group);
    sessions(&mut group);
    direct(&mut group);
    group.source("protocol-flow.html#PROTOCOL-FLOW-GSSAPI");
    gssapi(&mut group);
    group
}

fn requests(group: &mut Group) {
    group
        .must("request", "An SSLRequest is answered by one byte, S or N, and nothing else.")
        .unspoken()
        .send([ssl_request()])
        .step(StepKind::Byte("SN"));
    group
        .must("refused", "After an N the session may go on in the clear, or be refused with an error.")
        .unspoken()
        .send([gss_request()])
        .needs(Need::NoGss)
        .step(StepKind::Byte("N"))
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I) / Fatal End");
    group
        .must("plain-behind-request", "Bytes in the clear that were sent behind an SSLRequest are never taken for a part of the encrypted session (CVE-2021-23214).")
        .unspoken()
        .needs(Need::Tls)
        .send_as(|me| [ssl_request(), plain_startup(me)].concat())
        .step(StepKind::Byte("S"))
        .step(StepKind::EncryptInVain { offered: &[] });
    group
        .info("length-9", "An SSLRequest has eight bytes; PostgreSQL does not look.")
        .unspoken()
        .needs(Need::Tls)
        .send([packet(&[&80_877_103_u32.to_be_bytes()[..], b"\0"].concat())])
        .step(StepKind::Byte("S"));
}

fn sessions(group: &mut Group) {
    group
        .must("session", "After an S and a handshake, the session is as in the clear.")
        .unspoken()
        .needs(Need::Tls)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::Encrypt { offered: &[], agreed: None })
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I)");
    group
        .reference("alpn", "A client that offers the protocol `postgresql` by ALPN gets it.")
        .unspoken()
        .needs(Need::Tls)
        .versions(17..=u32::MAX)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::Encrypt { offered: &["postgresql"], agreed: Some("postgresql") })
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I)");
    group
        .reference("alpn-ignored", "A server that knows no ALPN goes on without.")
        .unspoken()
        .needs(Need::Tls)
        .versions(0..=16)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::Encrypt { offered: &["postgresql"], agreed: None })
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I)");
    group
        .reference("alpn-other", "A client that offers other protocols only is refused.")
        .unspoken()
        .needs(Need::Tls)
        .versions(17..=u32::MAX)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::EncryptInVain { offered: &["h2"] });
    group
        .must("twice", "An SSLRequest inside of TLS is refused.")
        .unspoken()
        .needs(Need::Tls)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::Encrypt { offered: &[], agreed: None })
        .send([ssl_request()])
        .expect("Fatal(0A000) End");
    group
        .must("gss-inside", "A GSSENCRequest inside of TLS is refused.")
        .unspoken()
        .needs(Need::Tls)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .step(StepKind::Encrypt { offered: &[], agreed: None })
        .send([gss_request()])
        .expect("Fatal(0A000) End");
    group
        .must("garbage", "What is no handshake ends the connection.")
        .unspoken()
        .needs(Need::Tls)
        .send([ssl_request()])
        .step(StepKind::Byte("S"))
        .send([framed(b'Q', 5, b"\0"), vec![0x41; 64]])
        .step(StepKind::Ends);
}

fn direct(group: &mut Group) {
    group
        .must("direct", "A session may begin with a handshake that offers the protocol `postgresql` by ALPN.")
        .unspoken()
        .needs(Need::Tls)
        .versions(17..=u32::MAX)
        .step(StepKind::Encrypt { offered: &["postgresql"], agreed: Some("postgresql") })
        .send_as(plain_startup)
        .authenticate()
        .expect("AuthenticationOk Key? Ready(I)");
    group
        .must(
            "direct-without-alpn",
            "A handshake at the beginning that does not offer the protocol is refused.",
        )
        .unspoken()
        .needs(Need::Tls)
        .versions(17..=u32::MAX)
        .step(StepKind::EncryptInVain { offered: &[] });
    group
        .reference(
            "direct-too-old",
            "A server that does not know TLS at the beginning closes the connection.",
        )
        .unspoken()
        .needs(Need::Tls)
        .versions(0..=16)
        .step(StepKind::EncryptInVain { offered: &["postgresql"] });
}

fn gssapi(group: &mut Group) {
    group
        .must("gss", "A GSSENCRequest is answered by one byte, G or N.")
        .unspoken()
        .send([gss_request()])
        .step(StepKind::Byte("GN"));
    group
        .must("gss-then-ssl", "After an N to a GSSENCRequest, an SSLRequest is answered.")
        .unspoken()
        .needs(Need::NoGss)
        .send([gss_request()])
        .step(StepKind::Byte("N"))
        .send([ssl_request()])
        .step(StepKind::Byte("SN"));
    group
        .reference("gss-twice", "A second GSSENCRequest is refused.")
        .unspoken()
        .needs(Need::NoGss)
        .send([gss_request()])
        .step(StepKind::Byte("N"))
        .send([gss_request()])
        .expect("Fatal(0A000) End");
    group
        .must("plain-behind-gss", "Bytes in the clear that were sent behind a GSSENCRequest are refused.")
        .unspoken()
        .needs(Need::NoGss)
        .versions(18..=u32::MAX)
        .send_as(|me| [gss_request(), plain_startup(me)].concat())
        .step(StepKind::Byte("N"))
        .step(StepKind::Refusal);
}
