//! Faults, each of which some server really had or could have.

use crate::proxy::{FLOOD, Fault, First, Keys, Memory, SILENCE, message};

const NONE: Fault = Fault::NONE;

pub(crate) const FAULTS: &[Fault] = &[
    // Errors
    Fault {
        name: "an error without its SQLSTATE",
        found_by: &["simple.error-fields"],
        server: |_, tag, body| error(tag, body, |fields| fields.retain(|field| field[0] != b'C')),
        ..NONE
    },
    Fault {
        name: "an error without its untranslated severity",
        found_by: &["simple.error-fields"],
        server: |_, tag, body| error(tag, body, |fields| fields.retain(|field| field[0] != b'V')),
        ..NONE
    },
    Fault {
        name: "one SQLSTATE for all errors",
        found_by: &["parse.error"],
        server: |_, tag, body| error(tag, body, |fields| recode(fields, b"CXX000")),
        ..NONE
    },
    Fault {
        name: "an error twice",
        found_by: &["simple.error"],
        server: |_, tag, body| twice_if(tag == b'E', tag, body),
        ..NONE
    },
    Fault {
        name: "no error",
        found_by: &["simple.error"],
        server: |_, tag, body| none_if(tag == b'E', tag, body),
        ..NONE
    },
    Fault {
        name: "a fatal error that says it is none",
        found_by: &["framing.unknown-type", "startup.no-user"],
        server: |_, tag, body| error(tag, body, |fields| lower(fields)),
        ..NONE
    },
    Fault {
        name: "rows after an error",
        found_by: &["simple.error"],
        server: |_, tag, body| followed_if(tag == b'E', tag, body, &message(b'D', b"\0\0")),
        ..NONE
    },
    Fault {
        name: "a CommandComplete after an error",
        found_by: &["simple.error-after-rows"],
        server: |_, tag, body| followed_if(tag == b'E', tag, body, &message(b'C', b"SELECT 0\0")),
        ..NONE
    },
    // ReadyForQuery
    Fault {
        name: "always idle",
        found_by: &["simple.begin"],
        server: |_, tag, body| changed_if(tag == b'Z', tag, body, b"I"),
        ..NONE
    },
    Fault {
        name: "a failed transaction that looks open",
        found_by: &["simple.begin"],
        server: |_, tag, body| changed_if(tag == b'Z' && body == b"E", tag, body, b"T"),
        ..NONE
    },
    Fault {
        name: "one ReadyForQuery too many after an error",
        found_by: &["extended.skip-until-sync"],
        server: |memory, tag, body| twice_if(tag == b'Z' && memory.last == b'E', tag, body),
        ..NONE
    },
    Fault {
        name: "a ReadyForQuery before Sync",
        found_by: &["extended.skip-flush"],
        server: |_, tag, body| followed_if(tag == b'E', tag, body, &message(b'Z', b"I")),
        ..NONE
    },
    Fault {
        name: "no ReadyForQuery after an error",
        found_by: &["simple.error"],
        server: |memory, tag, body| none_if(tag == b'Z' && memory.last == b'E', tag, body),
        ..NONE
    },
    Fault {
        name: "a Sync that counts twice",
        found_by: &["extended.sync-three"],
        client: |tag, body| twice_if(tag == b'S', tag, body),
        ..NONE
    },
    // Results
    Fault {
        name: "NULL as the empty string",
        found_by: &["simple.select"],
        server: |_, tag, body| replaced_if(tag == b'D', tag, body, b"\xff\xff\xff\xff", b"\0\0\0\0"),
        ..NONE
    },
    Fault {
        name: "a row twice",
        found_by: &["simple.select"],
        server: |_, tag, body| twice_if(tag == b'D', tag, body),
        ..NONE
    },
    Fault {
        name: "a row lost",
        found_by: &["limits.rows-50000"],
        server: |memory, tag, body| {
            memory.count += u32::from(tag == b'D');
            none_if(tag == b'D' && memory.count == 40_000, tag, body)
        },
        ..NONE
    },
    Fault {
        name: "a tag that counts wrong",
        found_by: &["simple.tag-insert"],
        server: |_, tag, body| replaced_if(tag == b'C', tag, body, b"INSERT 0 2", b"INSERT 0 3"),
        ..NONE
    },
    Fault {
        name: "a tag of INSERT without its zero",
        found_by: &["simple.tag-insert"],
        server: |_, tag, body| replaced_if(tag == b'C', tag, body, b"INSERT 0 ", b"INSERT "),
        ..NONE
    },
    Fault {
        name: "the type of a column off by one",
        found_by: &["simple.select"],
        server: |_, tag, body| {
            replaced_if(tag == b'T', tag, body, &23_u32.to_be_bytes(), &24_u32.to_be_bytes())
        },
        ..NONE
    },
    Fault {
        name: "binary columns described as text",
        found_by: &["describe.portal"],
        server: |_, tag, body| {
            if tag == b'T' && body.ends_with(b"\0\x01") {
                message(tag, &[&body[..body.len() - 1], b"\0"].concat())
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "a RowDescription after Execute",
        found_by: &["execute.no-description"],
        server: |memory, tag, body| {
            if tag == b'D' && memory.last == b'2' {
                [message(b'T', b"\0\0"), message(tag, body)].concat()
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "an empty query that completes",
        found_by: &["simple.empty"],
        server: |_, tag, body| if tag == b'I' { message(b'C', b"SELECT 0\0") } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "an empty statement that is answered among others",
        found_by: &["simple.empty-between"],
        server: |memory, tag, body| {
            if tag == b'T' && memory.last == b'C' {
                [message(b'I', b""), message(tag, body)].concat()
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    // The extended protocol
    Fault {
        name: "no ParseComplete",
        found_by: &["parse.ok"],
        server: |_, tag, body| none_if(tag == b'1', tag, body),
        ..NONE
    },
    Fault {
        name: "BindComplete before ParseComplete",
        found_by: &["execute.no-description"],
        server: |_, tag, body| match tag {
            b'1' => message(b'2', body),
            b'2' => message(b'1', body),
            _ => message(tag, body),
        },
        ..NONE
    },
    Fault {
        name: "no NoData",
        found_by: &["describe.portal-without-rows"],
        server: |_, tag, body| none_if(tag == b'n', tag, body),
        ..NONE
    },
    Fault {
        name: "no ParameterDescription",
        found_by: &["describe.statement"],
        server: |_, tag, body| none_if(tag == b't', tag, body),
        ..NONE
    },
    Fault {
        name: "a parameter of another type",
        found_by: &["describe.statement"],
        server: |_, tag, body| {
            replaced_if(tag == b't', tag, body, &23_u32.to_be_bytes(), &20_u32.to_be_bytes())
        },
        ..NONE
    },
    Fault {
        name: "no CloseComplete",
        found_by: &["execute.close-unknown"],
        server: |_, tag, body| none_if(tag == b'3', tag, body),
        ..NONE
    },
    Fault {
        name: "a Close that does nothing",
        found_by: &["execute.close-statement"],
        client: |tag, body| changed_if(tag == b'C', tag, body, b"Spgspec_none\0"),
        ..NONE
    },
    Fault {
        name: "a limit that is not kept",
        found_by: &["execute.limit"],
        client: |tag, body| {
            if tag == b'E' {
                message(tag, &[&body[..body.len() - 4], &[0; 4]].concat())
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "a suspended portal that says it is complete",
        found_by: &["execute.limit"],
        server: |_, tag, body| if tag == b's' { message(b'C', b"SELECT 2\0") } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "a portal that outlives its transaction",
        found_by: &["execute.portal-after-sync", "execute.portal-after-commit"],
        server: |_, tag, body| instead_of_error(tag, body, b"C34000\0", &message(b'C', b"SELECT 0\0")),
        ..NONE
    },
    Fault {
        name: "an unnamed statement that outlives a Query",
        found_by: &["simple.drops-unnamed-statement"],
        server: |_, tag, body| instead_of_error(tag, body, b"C26000\0", &message(b'2', b"")),
        ..NONE
    },
    Fault {
        name: "a Flush that does nothing",
        found_by: &["parse.flush"],
        client: |tag, body| none_if(tag == b'H', tag, body),
        ..NONE
    },
    Fault {
        name: "a Query that is not skipped",
        found_by: &["extended.skip-query"],
        client: |tag, body| {
            if tag == b'Q' { [message(b'S', b""), message(tag, body)].concat() } else { message(tag, body) }
        },
        ..NONE
    },
    // COPY
    Fault {
        name: "a COPY without columns",
        found_by: &["copy-in.columns"],
        server: |_, tag, body| changed_if(tag == b'G', tag, body, b"\0\0\0"),
        ..NONE
    },
    Fault {
        name: "a COPY in another format",
        found_by: &["copy-out.binary"],
        server: |_, tag, body| if tag == b'H' { message(tag, b"\0\0\x01\0\0") } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "no CopyDone",
        found_by: &["copy-out.ok"],
        server: |_, tag, body| none_if(tag == b'c', tag, body),
        ..NONE
    },
    Fault {
        name: "a COPY that fails and is kept",
        found_by: &["copy-in.fail"],
        client: |tag, body| if tag == b'f' { message(b'c', b"") } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "a Sync inside of a COPY that is answered",
        found_by: &["copy-in.flush-and-sync"],
        server: |memory, tag, body| {
            memory.count = if tag == b'G' { 1 } else { memory.count };
            if tag == b'Z' && memory.count == 1 {
                memory.count = 0;
                [message(tag, body), message(tag, body)].concat()
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    // What comes unasked
    Fault {
        name: "no notices",
        found_by: &["simple.notice"],
        server: |_, tag, body| none_if(tag == b'N', tag, body),
        ..NONE
    },
    Fault {
        name: "no warnings",
        found_by: &["pipeline.commit"],
        server: |_, tag, body| none_if(tag == b'N', tag, body),
        ..NONE
    },
    Fault {
        name: "no notifications",
        found_by: &["async.notify-self"],
        server: |_, tag, body| none_if(tag == b'A', tag, body),
        ..NONE
    },
    Fault {
        name: "settings that are reported once",
        found_by: &["async.setting"],
        server: |memory, tag, body| {
            memory.count += u32::from(tag == b'Z');
            none_if(tag == b'S' && memory.count > 0, tag, body)
        },
        ..NONE
    },
    Fault {
        name: "a rolled back setting that is not reported",
        found_by: &["async.setting-rolled-back"],
        server: |memory, tag, body| {
            none_if(
                tag == b'S' && memory.last == b'C' && body.ends_with(b"pgspec-a\0") && {
                    memory.count += 1;
                    memory.count > 1
                },
                tag,
                body,
            )
        },
        ..NONE
    },
    Fault {
        name: "no server_encoding",
        found_by: &["startup.reports-server-encoding"],
        server: |_, tag, body| none_if(body.starts_with(b"server_encoding\0"), tag, body),
        ..NONE
    },
    // Start-up
    Fault {
        name: "a negotiation that lies",
        found_by: &["negotiate.grease"],
        server: |_, tag, body| {
            if tag == b'v' {
                message(tag, &[&0x0003_0001_u32.to_be_bytes(), &body[4..]].concat())
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "no negotiation",
        found_by: &["negotiate.grease"],
        server: |_, tag, body| none_if(tag == b'v', tag, body),
        ..NONE
    },
    Fault {
        name: "two negotiations",
        found_by: &["negotiate.grease"],
        server: |_, tag, body| twice_if(tag == b'v', tag, body),
        ..NONE
    },
    Fault {
        name: "a negotiation without the options",
        found_by: &["negotiate.options"],
        server: |_, tag, body| {
            if tag == b'v' { message(tag, &[&body[..4], &[0; 4]].concat()) } else { message(tag, body) }
        },
        ..NONE
    },
    Fault {
        name: "no key",
        found_by: &["startup.key"],
        server: |_, tag, body| none_if(tag == b'K', tag, body),
        ..NONE
    },
    Fault {
        name: "a key that is too long for its protocol",
        found_by: &["startup.key"],
        server: |_, tag, body| {
            if tag == b'K' { message(tag, &[body, b"x"].concat()) } else { message(tag, body) }
        },
        ..NONE
    },
    Fault {
        name: "a server that does not prove itself",
        found_by: &["scram.ok"],
        server: |_, tag, body| none_if(tag == b'R' && body.starts_with(b"\0\0\0\x0c"), tag, body),
        ..NONE
    },
    Fault {
        name: "a server that proves something else",
        found_by: &["scram.ok"],
        server: |_, tag, body| {
            if tag == b'R' && body.starts_with(b"\0\0\0\x0c") {
                message(tag, &[&body[..6], b"AAAA", &body[10..]].concat())
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "channel binding offered without TLS",
        found_by: &["scram.plus-without-tls"],
        server: |_, tag, body| {
            replaced_if(tag == b'R', tag, body, b"SCRAM-SHA-256\0", b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0")
        },
        ..NONE
    },
    Fault {
        name: "a StartupMessage that is forgiven its missing end",
        found_by: &["startup.no-terminator"],
        packet: |_, packet| First::Forward(completed(packet)),
        ..NONE
    },
    // Cancelling
    Fault {
        name: "a cancel without the right key",
        found_by: &["cancel.wrong-key"],
        packet: cancel_anyway,
        ..NONE
    },
    Fault {
        name: "a cancel that does nothing",
        found_by: &["cancel.ok"],
        packet: |_, packet| {
            if is_cancel(packet) { First::Answer(Vec::new()) } else { First::Forward(packet.to_vec()) }
        },
        ..NONE
    },
    Fault {
        name: "a cancel that is answered",
        found_by: &["cancel.idle"],
        packet: |_, packet| {
            if is_cancel(packet) {
                First::Answer(message(b'C', b"CANCEL\0"))
            } else {
                First::Forward(packet.to_vec())
            }
        },
        ..NONE
    },
    // Framing, functions and ends
    Fault {
        name: "unknown messages that are passed over",
        found_by: &["framing.unknown-type"],
        client: |tag, body| none_if(tag == b'y', tag, body),
        ..NONE
    },
    Fault {
        name: "a Query that needs no end",
        found_by: &["simple.no-terminator"],
        client: |tag, body| {
            if tag == b'Q' && !body.ends_with(b"\0") {
                message(tag, &[body, b"\0"].concat())
            } else {
                message(tag, body)
            }
        },
        ..NONE
    },
    Fault {
        name: "a Terminate that does nothing",
        found_by: &["terminate.idle"],
        client: |tag, body| none_if(tag == b'X', tag, body),
        ..NONE
    },
    Fault {
        name: "a function that returns something else",
        found_by: &["function.text"],
        server: |_, tag, body| changed_if(tag == b'V', tag, body, b"\0\0\0\x016"),
        ..NONE
    },
    Fault {
        name: "an error that is followed by silence",
        found_by: &["simple.error"],
        server: |_, tag, body| if tag == b'E' { SILENCE.to_vec() } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "notices for ever",
        found_by: &["simple.error"],
        server: |_, tag, body| if tag == b'E' { FLOOD.to_vec() } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "garbage",
        found_by: &["simple.error"],
        server: |_, tag, body| if tag == b'E' { b"\x01\x02garbage".to_vec() } else { message(tag, body) },
        ..NONE
    },
    Fault {
        name: "an error that is cut",
        found_by: &["simple.error"],
        server: |_, tag, body| {
            if tag == b'E' { message(tag, &body[..body.len() - 2]) } else { message(tag, body) }
        },
        ..NONE
    },
    Fault {
        name: "a row that is cut",
        found_by: &["simple.select"],
        server: |_, tag, body| {
            if tag == b'D' { message(tag, &body[..body.len() - 1]) } else { message(tag, body) }
        },
        ..NONE
    },
];

fn none_if(hit: bool, tag: u8, body: &[u8]) -> Vec<u8> {
    if hit { Vec::new() } else { message(tag, body) }
}

fn twice_if(hit: bool, tag: u8, body: &[u8]) -> Vec<u8> {
    message(tag, body).repeat(if hit { 2 } else { 1 })
}

fn changed_if(hit: bool, tag: u8, body: &[u8], other: &[u8]) -> Vec<u8> {
    message(tag, if hit { other } else { body })
}

fn followed_if(hit: bool, tag: u8, body: &[u8], next: &[u8]) -> Vec<u8> {
    [&message(tag, body)[..], if hit { next } else { b"" }].concat()
}

/// Replaces the first place where these bytes are.
fn replaced_if(hit: bool, tag: u8, body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match body.windows(from.len()).position(|window| window == from).filter(|_| hit) {
        Some(at) => message(tag, &[&body[..at], to, &body[at + from.len()..]].concat()),
        None => message(tag, body),
    }
}

fn instead_of_error(tag: u8, body: &[u8], code: &[u8], other: &[u8]) -> Vec<u8> {
    let is_it = tag == b'E' && body.windows(code.len()).any(|window| window == code);
    if is_it { other.to_vec() } else { message(tag, body) }
}

/// Changes the fields of an error; the first byte of each is its code.
fn error(tag: u8, body: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    if tag != b'E' {
        return message(tag, body);
    }
    let mut fields: Vec<Vec<u8>> =
        body.split(|byte| *byte == 0).filter(|field| !field.is_empty()).map(<[u8]>::to_vec).collect();
    change(&mut fields);
    let mut body: Vec<u8> = fields.iter().flat_map(|field| [&field[..], b"\0"].concat()).collect();
    body.push(0);
    message(tag, &body)
}

fn recode(fields: &mut [Vec<u8>], code: &[u8]) {
    fields.iter_mut().filter(|field| field[0] == b'C').for_each(|field| *field = code.to_vec());
}

fn lower(fields: &mut [Vec<u8>]) {
    for field in fields.iter_mut().filter(|field| matches!(field[0], b'S' | b'V')) {
        *field = [&field[..1], b"ERROR"].concat();
    }
}

fn is_cancel(packet: &[u8]) -> bool {
    packet[4..8] == 80_877_102_u32.to_be_bytes()
}

/// Puts the right secret into a cancel request.
fn cancel_anyway(keys: &Keys, packet: &[u8]) -> First {
    let secret = is_cancel(packet).then(|| keys.get(&packet[8..12])).flatten();
    let Some(secret) = secret else { return First::Forward(packet.to_vec()) };
    let body = [&packet[4..12], secret].concat();
    let length = u32::try_from(body.len() + 4).unwrap();
    First::Forward([&length.to_be_bytes()[..], &body].concat())
}

fn completed(packet: &[u8]) -> Vec<u8> {
    if packet.ends_with(b"\0\0") {
        return packet.to_vec();
    }
    let body = [&packet[4..], b"\0"].concat();
    [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat()
}

/// Faults of the whole server, for [`crate::broken`].
pub(crate) fn silent(_: &mut Memory, tag: u8, body: &[u8]) -> Vec<u8> {
    if tag == b'1' { SILENCE.to_vec() } else { message(tag, body) }
}
