//! The cases for clients.

use molt_db_protocol::message::Authentication;

use super::change::{asides, attribute, before, error, instead, instead_of_request, keep, request};
use super::{Asks, ClientCase, Delivery, Demand, Memory, Script};
use crate::case::Level;
use crate::say::{framed, raw};

/// Returns every case for clients, in the order of reports.
pub fn cases() -> Vec<ClientCase> {
    [session(), framing(), results(), startup(), passwords(), scram()].concat()
}

type Change = fn(&mut Memory, u8, &[u8]) -> Vec<u8>;

const SCRIPT: Script = Script { ssl: b"N", asks: Asks::Nothing, change: keep, delivery: Delivery::Whole };

fn case(
    id: &'static str,
    requirement: &'static str,
    source: &'static str,
    demand: Demand,
    change: Change,
) -> ClientCase {
    let script = Script { change, ..SCRIPT };
    ClientCase { id, requirement, source, level: Level::Must, demand, options: "", script }
}

impl ClientCase {
    fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    fn asking(self, asks: Asks) -> Self {
        Self { script: Script { asks, ..self.script }, ..self }
    }

    fn with(self, options: &'static str) -> Self {
        Self { options, ..self }
    }

    fn tls(self, ssl: &'static [u8]) -> Self {
        Self { options: "sslmode=require", script: Script { ssl, ..self.script }, ..self }
    }
}

/// What may come, and has to be borne.
fn session() -> Vec<ClientCase> {
    let succeeds = |id, requirement, change| case(id, requirement, ASYNC, Demand::Succeed, change);
    let bytewise = succeeds("client-session.bytewise", "Messages may arrive byte by byte.", keep);
    vec![
        succeeds("client-session.ok", "An honest server is understood.", keep),
        ClientCase { script: Script { delivery: Delivery::Bytes, ..bytewise.script }, ..bytewise },
        succeeds(
            "client-session.asides",
            "Notices, settings and notifications may come between any two messages of a session.",
            |memory, tag, body| {
                // Before the first ReadyForQuery no notification may come.
                memory.rows += u32::from(tag == b'Z');
                if memory.rows > 0 && tag != b'Z' {
                    [asides(), raw(tag, body)].concat()
                } else {
                    raw(tag, body)
                }
            },
        ),
        succeeds(
            "client-session.notice-at-start",
            "A notice may come before the first ReadyForQuery.",
            |_, tag, body| before(b'K', tag, body, &raw(b'N', b"SWARNING\0VWARNING\0C01000\0Mpgspec\0\0")),
        ),
        succeeds(
            "client-session.unknown-setting",
            "A setting that is not known is passed over.",
            |_, tag, body| before(b'K', tag, body, &raw(b'S', b"pgspec_unknown\0x\0")),
        ),
        succeeds(
            "client-session.unknown-field",
            "A field of a notice that is not known is passed over.",
            |_, tag, body| {
                before(b'K', tag, body, &raw(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mpgspec\0?what\0\0"))
            },
        ),
        succeeds("client-session.no-key", "A session may have no key.", |_, tag, body| {
            instead(b'K', tag, body, b"")
        })
        .level(Level::Info),
        succeeds(
            "client-session.odd-tag",
            "The tag of a command is a text that may be anything.",
            |_, tag, body| instead(b'C', tag, body, &raw(b'C', b"PGSPEC 99999999999999999999\0")),
        )
        .level(Level::Reference),
        case(
            "client-session.shutdown",
            "A FATAL error in the middle of a query is an error.",
            ASYNC,
            Demand::Fail,
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                instead(b'D', tag, body, &error(b"SFATAL\0VFATAL\0C57P01\0Mterminating\0"))
            },
        ),
    ]
}

/// Lengths and types that are none.
fn framing() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, CONCEPTS, Demand::Fail, change);
    vec![
        fails(
            "client-framing.unknown-type",
            "A message of an unknown type ends the session.",
            |_, tag, body| before(b'D', tag, body, &raw(b'?', b"")),
        ),
        fails("client-framing.length-0", "A length of 0 counts not even itself.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', 0, body))
        }),
        fails("client-framing.length-3", "A length of 3 counts not all of itself.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', 3, body))
        }),
        fails("client-framing.length-negative", "A length is not below zero.", |_, tag, body| {
            instead(b'D', tag, body, &framed(b'D', u32::MAX, body))
        }),
        fails(
            "client-framing.length-2-gib",
            "A message that carries no data has not 2 GiB.",
            |_, tag, body| instead(b'C', tag, body, &framed(b'C', 0x7fff_ffff, body)),
        ),
        fails(
            "client-framing.end-in-message",
            "The end of the connection in the middle of a row is an error, and no shorter result.",
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                if tag == b'D' { raw(tag, body)[..9].to_vec() } else { raw(tag, body) }
            },
        ),
        fails(
            "client-framing.end-between-messages",
            "The end of the connection before CommandComplete is an error, and no shorter result.",
            |memory, tag, body| {
                memory.is_over = tag == b'C';
                instead(b'C', tag, body, b"")
            },
        ),
        fails(
            "client-framing.end-at-once",
            "The end of the connection before anything is an error.",
            |memory, _, _| {
                memory.is_over = true;
                Vec::new()
            },
        ),
        fails("client-framing.http", "An answer of another protocol is an error.", |memory, _, _| {
            memory.is_over = true;
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()
        }),
    ]
}

/// Rows that do not fit, and errors.
fn results() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, FORMATS, Demand::Fail, change);
    vec![
        fails(
            "client-result.row-too-wide",
            "A row has as many values as there are columns, not more.",
            |_, tag, body| instead(b'D', tag, body, &raw(b'D', b"\0\x02\0\0\0\x0242\0\0\0\x0242")),
        ),
        fails(
            "client-result.row-too-narrow",
            "A row has as many values as there are columns, not fewer.",
            |_, tag, body| instead(b'D', tag, body, &raw(b'D', b"\0\0")),
        ),
        fails("client-result.value-beyond-message", "A value ends inside of its message.", |_, tag, body| {
            instead(b'D', tag, body, &raw(b'D', b"\0\x01\0\0\0\x6442"))
        }),
        fails("client-result.value-length-negative", "-1 is the only length below zero.", |_, tag, body| {
            instead(b'D', tag, body, &raw(b'D', b"\0\x01\xff\xff\xff\xfe42"))
        })
        .level(Level::Reference),
        fails(
            "client-result.columns-beyond-message",
            "There are as many columns as the count says.",
            |_, tag, body| {
                if tag == b'T' { raw(tag, &[b"\xff\xff", &body[2..]].concat()) } else { raw(tag, body) }
            },
        ),
        fails("client-result.format-2", "There are formats 0 and 1.", |_, tag, body| {
            if tag == b'T' {
                raw(tag, &[&body[..body.len() - 2], b"\0\x02"].concat())
            } else {
                raw(tag, body)
            }
        })
        .level(Level::Info),
        fails(
            "client-result.row-without-description",
            "A row without a description is no result.",
            |_, tag, body| instead(b'T', tag, body, b""),
        ),
        fails("client-result.error-after-row", "An error after rows is an error.", |_, tag, body| {
            instead(b'C', tag, body, &error(b"SERROR\0VERROR\0C22012\0Mdivision by zero\0"))
        }),
        fails(
            "client-result.error-without-code",
            "An error without an SQLSTATE is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0VERROR\0Mpgspec\0")),
        )
        .level(Level::Reference),
        fails(
            "client-result.error-of-old-servers",
            "An error without the untranslated severity is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0C22012\0Mpgspec\0")),
        ),
        fails(
            "client-result.error-with-unknown-field",
            "An error with a field that is not known is an error.",
            |_, tag, body| instead(b'C', tag, body, &error(b"SERROR\0VERROR\0C22012\0Mpgspec\0?what\0")),
        ),
        fails("client-result.error-empty", "An error without fields is an error.", |_, tag, body| {
            instead(b'C', tag, body, &error(b""))
        })
        .level(Level::Reference),
        fails(
            "client-result.copy-in",
            "A client that did not ask for a COPY ends it, and reports an error.",
            |memory, tag, body| {
                memory.is_over = tag == b'D';
                if tag == b'D' { raw(b'G', b"\0\0\0") } else { raw(tag, body) }
            },
        )
        .level(Level::Reference),
    ]
}

/// The beginning of a session.
fn startup() -> Vec<ClientCase> {
    let fails = |id, requirement, change| case(id, requirement, STARTUP, Demand::Fail, change);
    vec![
        fails(
            "client-tls.bytes-behind-answer",
            "Bytes behind the S are never taken for a part of the encrypted session (CVE-2021-23222).",
            keep,
        )
        .tls(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"),
        fails("client-tls.error", "An error in place of the answer ends the connection.", keep)
            .tls(b"E\0\0\0\x1aSFATAL\0C08P01\0Mforged\0\0"),
        fails("client-tls.refused", "A client that requires TLS does not go on without.", keep).tls(b"N"),
        fails("client-tls.garbage", "A byte that is neither S nor N ends the connection.", keep).tls(b"?"),
        fails(
            "client-startup.version-above",
            "A version above the one that was asked for is refused.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0063, 0, b"")),
        ),
        fails("client-startup.version-below", "A version below 3.0 is refused.", |_, tag, body| {
            before(b'R', tag, body, &negotiate(0x0002_0000, 0, b""))
        }),
        fails(
            "client-startup.option-not-sent",
            "An option of the protocol that was not sent is not refused by an honest server.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, 1, b"_pq_.pgspec_not_sent\0")),
        )
        .level(Level::Reference),
        fails(
            "client-startup.negotiation-late",
            "A negotiation after AuthenticationOk is refused.",
            |_, tag, body| before(b'K', tag, body, &negotiate(0x0003_0000, 0, b"")),
        ),
        fails(
            "client-startup.option-count",
            "The number of options is that of the options that follow.",
            |_, tag, body| before(b'R', tag, body, &negotiate(0x0003_0000, u32::MAX, b"")),
        ),
        fails("client-startup.key-too-short", "A key has four bytes or more.", |_, tag, body| {
            instead(b'K', tag, body, &raw(b'K', b"\0\0\0\x01key"))
        })
        .level(Level::Reference),
        fails("client-startup.key-too-long", "A key has 256 bytes or fewer.", |_, tag, body| {
            instead(b'K', tag, body, &raw(b'K', &[1; 4 + 257]))
        })
        .level(Level::Reference),
        fails(
            "client-startup.unknown-method",
            "A method of authentication that does not exist is refused.",
            |_, tag, body| instead_of_request(0, tag, body, &raw(b'R', b"\0\0\0\x63")),
        ),
        fails(
            "client-startup.ready-before-ok",
            "ReadyForQuery before AuthenticationOk is refused.",
            |_, tag, body| instead_of_request(0, tag, body, b""),
        ),
        fails(
            "client-startup.error",
            "An error in place of AuthenticationOk is an error.",
            |memory, tag, body| {
                memory.is_over = tag == b'R';
                instead(b'R', tag, body, &error(b"SFATAL\0VFATAL\0C28P01\0Mno\0"))
            },
        ),
    ]
}

/// What a client that requires SCRAM does not do.
fn passwords() -> Vec<ClientCase> {
    let fails =
        |id, requirement| case(id, requirement, LIBPQ, Demand::Fail, keep).with("require_auth=scram-sha-256");
    let ok = case(
        "client-auth.ok",
        "A client that requires SCRAM goes through an honest exchange.",
        LIBPQ,
        Demand::Succeed,
        keep,
    );
    vec![
        ok.with("require_auth=scram-sha-256").asking(Asks::Scram),
        fails(
            "client-auth.cleartext-instead",
            "A client that requires SCRAM does not send its password in clear text.",
        )
        .asking(Asks::Request(Authentication::CleartextPassword)),
        fails("client-auth.md5-instead", "A client that requires SCRAM does not answer a request for MD5.")
            .asking(Asks::Request(Authentication::Md5Password(*b"salt"))),
        fails(
            "client-auth.nothing-instead",
            "A client that requires SCRAM does not go on when nothing is asked.",
        ),
    ]
}

fn scram() -> Vec<ClientCase> {
    let scram =
        |id, requirement, demand, change| case(id, requirement, RFC, demand, change).asking(Asks::Scram);
    let fails = |id, requirement, change| scram(id, requirement, Demand::Fail, change);
    vec![
        scram("client-scram.ok", "An honest exchange is understood.", Demand::Succeed, keep),
        scram(
            "client-scram.unknown-mechanisms",
            "Mechanisms that are not known are passed over.",
            Demand::Succeed,
            |_, tag, body| request(10, tag, body, |list| format!("PGSPEC\0{list}")),
        ),
        fails(
            "client-scram.no-mechanism-known",
            "Without a mechanism that is known there is no exchange.",
            |_, tag, body| request(10, tag, body, |_| "PGSPEC\0\0".to_owned()),
        ),
        fails("client-scram.no-mechanisms", "A list without mechanisms is refused.", |_, tag, body| {
            request(10, tag, body, |_| "\0".to_owned())
        }),
        fails(
            "client-scram.list-without-end",
            "A list of mechanisms ends with an empty one.",
            |_, tag, body| request(10, tag, body, |_| "SCRAM-SHA-256".to_owned()),
        ),
        fails(
            "client-scram.plus-without-tls",
            "Channel binding that is offered without TLS is refused.",
            |_, tag, body| request(10, tag, body, |list| format!("SCRAM-SHA-256-PLUS\0{list}")),
        )
        .level(Level::Reference),
        fails(
            "client-scram.ok-at-once",
            "A server that lets a client in without any proof has not proved itself.",
            |memory, tag, body| {
                memory.is_over = body.starts_with(b"\0\0\0\x0b");
                instead_of_request(11, tag, body, &let_in())
            },
        )
        .level(Level::Reference),
        fails(
            "client-scram.no-final",
            "A server that lets a client in without its own proof is refused.",
            |_, tag, body| instead_of_request(12, tag, body, b""),
        ),
        fails("client-scram.wrong-signature", "A server whose proof is wrong is refused.", |_, tag, body| {
            request(12, tag, body, |_| "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned())
        }),
        fails("client-scram.signature-cut", "A proof that is too short is refused.", |_, tag, body| {
            request(12, tag, body, |text| text[..10].to_owned())
        }),
        fails("client-scram.signature-empty", "An empty proof is refused.", |_, tag, body| {
            request(12, tag, body, |_| "v=".to_owned())
        }),
        fails("client-scram.signature-not-base64", "A proof is in base64.", |_, tag, body| {
            request(12, tag, body, |_| "v=&&&&".to_owned())
        }),
        fails(
            "client-scram.error-attribute",
            "An error in place of the proof is an error.",
            |_, tag, body| request(12, tag, body, |_| "e=other-error".to_owned()),
        ),
        fails(
            "client-scram.nonce-of-another",
            "The nonce of the server begins with that of the client.",
            |_, tag, body| attribute("r", tag, body, |nonce| format!("x{nonce}")),
        ),
        fails(
            "client-scram.nonce-not-extended",
            "The nonce of the server adds something to that of the client.",
            |_, tag, body| attribute("r", tag, body, |nonce| nonce[..24].to_owned()),
        )
        .level(Level::Info),
        fails("client-scram.iterations-0", "There is at least one iteration.", |_, tag, body| {
            attribute("i", tag, body, |_| "0".to_owned())
        }),
        fails(
            "client-scram.iterations-negative",
            "The number of iterations is not below zero.",
            |_, tag, body| attribute("i", tag, body, |_| "-1".to_owned()),
        ),
        fails(
            "client-scram.iterations-not-a-number",
            "The number of iterations is a number and nothing else.",
            |_, tag, body| attribute("i", tag, body, |count| format!("{count}x")),
        ),
        fails(
            "client-scram.iterations-too-many",
            "A client does not work for minutes because a server says so.",
            |_, tag, body| attribute("i", tag, body, |_| "2147483647".to_owned()),
        )
        .level(Level::Info),
        fails(
            "client-scram.iterations-overflow",
            "A number of iterations that no integer holds is refused.",
            |_, tag, body| attribute("i", tag, body, |_| "99999999999999999999".to_owned()),
        ),
        fails("client-scram.salt-empty", "A salt is not empty.", |_, tag, body| {
            attribute("s", tag, body, |_| String::new())
        })
        .level(Level::Reference),
        fails("client-scram.salt-not-base64", "A salt is in base64.", |_, tag, body| {
            attribute("s", tag, body, |_| "&&&&".to_owned())
        }),
        fails("client-scram.challenge-empty", "A challenge is not empty.", |_, tag, body| {
            request(11, tag, body, |_| String::new())
        }),
        fails(
            "client-scram.final-first",
            "The last message of the server does not come first.",
            |memory, tag, body| {
                memory.is_over = body.starts_with(b"\0\0\0\x0b");
                instead_of_request(
                    11,
                    tag,
                    body,
                    &raw(b'R', b"\0\0\0\x0cv=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                )
            },
        ),
        fails("client-scram.challenge-twice", "There is one challenge.", |memory, tag, body| {
            memory.is_over = body.starts_with(b"\0\0\0\x0c");
            instead_of_request(12, tag, body, &raw(b'R', b"\0\0\0\x0br=x,s=QQ==,i=4096"))
        }),
    ]
}

fn negotiate(version: u32, count: u32, options: &[u8]) -> Vec<u8> {
    raw(b'v', &[&version.to_be_bytes()[..], &count.to_be_bytes(), options].concat())
}

fn let_in() -> Vec<u8> {
    [raw(b'R', &[0; 4]), raw(b'K', b"\0\0\0\x01key!"), raw(b'Z', b"I")].concat()
}

const ASYNC: &str = "protocol-flow.html#PROTOCOL-ASYNC";
const CONCEPTS: &str = "protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS";
const FORMATS: &str = "protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-DATAROW";
const STARTUP: &str = "protocol-flow.html#PROTOCOL-FLOW-START-UP";
const LIBPQ: &str = "libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH";
const RFC: &str = "RFC 5802 §5";
