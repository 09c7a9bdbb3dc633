//! What the targets make of a conversation.

use std::fs;
use std::path::{Path, PathBuf};

use molt_db_protocol::message::{BackendMessage, FieldDescription};
use molt_db_protocol::wire::{
    Framed, FrontendTag, Limits, Phase, StartupFrame, Tag, frame, frontend_frame, startup_frame,
};
use molt_db_testkit::proxy::Direction;
use molt_db_testkit::recording::Conversation;

use crate::Outcome;

/// Removes what was recorded before.
pub fn remove_old() -> Outcome {
    for target in fs::read_dir(folder())? {
        for seed in fs::read_dir(target?.path())? {
            let path = seed?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// Writes the seeds of a conversation, none larger than what a target reads.
pub fn write(name: &str, conversation: &Conversation) -> Outcome {
    let talk = Talk::read(conversation)?;
    for (target, seed) in [
        ("frame", talk.answers()),
        ("frontend", talk.questions()),
        ("handshake", talk.handshake()),
        ("server", talk.both_in_order()),
        ("client", talk.script()),
        ("pgwire", talk.messages()),
        ("postgres_protocol", talk.messages()),
        ("replication", talk.copied()),
        ("row", talk.row()),
        ("arrow", talk.rows()),
    ] {
        let folder = folder().join(target);
        if !seed.is_empty() && !is_known(&folder, &seed)? {
            fs::write(folder.join(format!("{PREFIX}{name}")), seed)?;
        }
    }
    Ok(())
}

/// Conversations that differ for one target are the same for another.
fn is_known(folder: &Path, seed: &[u8]) -> Outcome<bool> {
    for known in fs::read_dir(folder)? {
        if fs::read(known?.path())? == seed {
            return Ok(true);
        }
    }
    Ok(false)
}

const PREFIX: &str = "recorded_";
/// `-max_len` of `.ci/fuzz`.
const LARGEST: usize = 4096;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// A conversation as what was said.
struct Talk {
    said: Vec<Said>,
}

enum Said {
    /// The body of a packet before the first message.
    Packet(Vec<u8>),
    /// The one byte that answers a request for encryption.
    Answer(u8),
    Client(FrontendTag, Vec<u8>),
    Server(Tag, Vec<u8>),
}

impl Talk {
    fn read(conversation: &Conversation) -> Outcome<Self> {
        let mut talk = Self { said: Vec::new() };
        let (mut client, mut server) = (Vec::new(), Vec::new());
        for (direction, burst) in &conversation.bursts {
            match direction {
                Direction::ToServer => {
                    client.extend(burst);
                    while let Some((said, size)) = talk.next_of_client(&client)? {
                        talk.said.push(said);
                        client.drain(..size);
                    }
                }
                Direction::ToClient => {
                    server.extend(burst);
                    while let Some((said, size)) = talk.next_of_server(&server)? {
                        talk.said.push(said);
                        server.drain(..size);
                    }
                }
            }
        }
        Ok(talk)
    }

    fn next_of_client(&self, arrived: &[u8]) -> Outcome<Option<(Said, usize)>> {
        if !self.has_begun() {
            return Ok(match startup_frame(arrived, &Limits::FRONTEND)? {
                StartupFrame::Whole(body) => Some((Said::Packet(body.to_vec()), body.len() + 4)),
                StartupFrame::Partial(_) => None,
            });
        }
        Ok(match frontend_frame(arrived, &Limits::FRONTEND, Phase::Session)? {
            Framed::Whole(found) => Some((Said::Client(found.tag, found.body.to_vec()), found.size())),
            Framed::Partial(_) => None,
        })
    }

    fn next_of_server(&self, arrived: &[u8]) -> Outcome<Option<(Said, usize)>> {
        if let (Some(Said::Packet(_)), false, [answer, ..]) = (self.said.last(), self.has_begun(), arrived) {
            return Ok(Some((Said::Answer(*answer), 1)));
        }
        Ok(match frame(arrived, &Limits::BACKEND, Phase::Session)? {
            Framed::Whole(found) => Some((Said::Server(found.tag, found.body.to_vec()), found.size())),
            Framed::Partial(_) => None,
        })
    }

    /// Whether a StartupMessage of protocol 3 was sent.
    fn has_begun(&self) -> bool {
        self.said.iter().any(|said| matches!(said, Said::Packet(body) if body.starts_with(b"\0\x03")))
    }

    fn server(&self) -> impl Iterator<Item = (Tag, &[u8])> {
        self.said.iter().filter_map(|said| match said {
            Said::Server(tag, body) => Some((*tag, &body[..])),
            _ => None,
        })
    }

    fn client(&self) -> impl Iterator<Item = (FrontendTag, &[u8])> {
        self.said.iter().filter_map(|said| match said {
            Said::Client(tag, body) => Some((*tag, &body[..])),
            _ => None,
        })
    }

    fn answers(&self) -> Vec<u8> {
        let messages = self.server().map(|(tag, body)| message(tag.byte(), body));
        whole(Vec::new(), messages)
    }

    fn questions(&self) -> Vec<u8> {
        let messages = self.client().map(|(tag, body)| message(tag.byte(), body));
        let questions = whole(Vec::new(), messages);
        if !questions.is_empty() {
            return questions;
        }
        let packets = self.said.iter().filter_map(|said| match said {
            Said::Packet(body) => Some([&(body.len() as u32 + 4).to_be_bytes(), &body[..]].concat()),
            _ => None,
        });
        whole(Vec::new(), packets)
    }

    fn handshake(&self) -> Vec<u8> {
        let until_ready = self.server().take_while(|(tag, _)| *tag != Tag::ReadyForQuery);
        let messages: Vec<_> = until_ready.map(|(tag, body)| (tag.byte(), body)).collect();
        if !matches!(&messages[..], [(b'R', _), ..]) || self.is_trusted_and_known() {
            return Vec::new();
        }
        let messages = messages.into_iter().chain([(b'Z', &b"I"[..])]);
        whole(b"\0\0\0\x01\0".to_vec(), messages.filter_map(|(kind, body)| record(kind, &[body])))
    }

    /// All sessions without a password begin alike: one of them will do.
    fn is_trusted_and_known(&self) -> bool {
        let is_first = matches!(self.client().next(), Some((FrontendTag::Query, b"select 1\0")));
        matches!(self.server().next(), Some((_, b"\0\0\0\0"))) && !is_first
    }

    fn both_in_order(&self) -> Vec<u8> {
        let mut is_let_in = false;
        let records = self.said.iter().filter_map(|said| match said {
            Said::Packet(body) => record(b'^', &[body]),
            Said::Answer(answer) => record(b'=', &[&[*answer]]),
            Said::Client(tag, body) => record(tag.byte(), &[body]),
            Said::Server(Tag::Authentication, b) if b[..] == [0; 4] => {
                is_let_in = true;
                record(b'=', &[])
            }
            Said::Server(tag, body) if is_let_in => record(b'+', &[&[tag.byte()], body]),
            Said::Server(tag, body) => record(b'=', &[&[tag.byte()], body]),
        });
        whole(b"\0\0\0\x01".to_vec(), records)
    }

    /// The queries of a client that sends nothing else, as scripts, and what the server answers.
    fn script(&self) -> Vec<u8> {
        let is_script = self.client().all(|(tag, _)| {
            matches!(tag, FrontendTag::Query | FrontendTag::Terminate | FrontendTag::Password)
        });
        let queries: Vec<_> = self.client().filter(|(tag, _)| *tag == FrontendTag::Query).collect();
        if !is_script || queries.is_empty() {
            return Vec::new();
        }
        let queries = queries.into_iter().filter_map(|(_, body)| record(b';', &[&body[..body.len() - 1]]));
        let answers = self.server().skip_while(|(tag, _)| *tag != Tag::ReadyForQuery).skip(1);
        let answers = answers.filter_map(|(tag, body)| record(tag.byte(), &[body]));
        whole(b"\x02\0\0\0\x01".to_vec(), queries.chain(answers))
    }

    fn messages(&self) -> Vec<u8> {
        let records = self.said.iter().filter_map(|said| match said {
            Said::Packet(body) => record(b'^', &[body]),
            Said::Answer(_) => None,
            Said::Client(tag, body) => record(tag.byte(), &[body]),
            Said::Server(tag, body) => record(tag.byte(), &[body]),
        });
        whole(Vec::new(), records)
    }

    /// What was carried in CopyData, if both sides could send it.
    fn copied(&self) -> Vec<u8> {
        if !self.server().any(|(tag, _)| tag == Tag::CopyBothResponse) {
            return Vec::new();
        }
        let records = self.said.iter().filter_map(|said| match said {
            Said::Client(FrontendTag::CopyData, body) | Said::Server(Tag::CopyData, body) => {
                let (kind, rest) = body.split_first()?;
                record(*kind, &[rest])
            }
            _ => None,
        });
        whole(b"\0".to_vec(), records)
    }

    fn row(&self) -> Vec<u8> {
        let Some((columns, rows)) = self.result() else { return Vec::new() };
        let Some(row) = rows.first() else { return Vec::new() };
        [&columns[..], row].concat()
    }

    fn rows(&self) -> Vec<u8> {
        let Some((columns, rows)) = self.result() else { return Vec::new() };
        let start = [&b"\0"[..], &columns].concat();
        whole(start, rows.iter().filter_map(|row| record(0, &[row])))
    }

    /// The first result with rows that has at most 15 columns, and its columns as the targets have them.
    fn result(&self) -> Option<(Vec<u8>, Vec<&[u8]>)> {
        let mut columns = None;
        let mut rows = Vec::new();
        for (tag, body) in self.server() {
            match BackendMessage::parse(tag, body) {
                Ok(BackendMessage::RowDescription(fields)) if fields.len() <= 15 => columns = Some(fields),
                Ok(BackendMessage::RowDescription(_)) => columns = None,
                Ok(BackendMessage::DataRow(_)) if columns.is_some() => rows.push(body),
                Ok(BackendMessage::CommandComplete(_)) if !rows.is_empty() => break,
                _ => {}
            }
        }
        let columns = columns.filter(|_| !rows.is_empty())?;
        Some((described(&columns), rows))
    }
}

/// As `molt_db_fuzz::columns` reads them.
fn described(columns: &[FieldDescription]) -> Vec<u8> {
    let kinds = columns.iter().flat_map(|column| {
        let known = molt_db_fuzz::OIDS.iter().position(|oid| oid.0 == column.type_oid);
        let kind = known.unwrap_or(molt_db_fuzz::OIDS.len() - 1) as u8;
        [kind | (u8::from(column.format.code() == 0) << 7), 0]
    });
    std::iter::once(columns.len() as u8).chain(kinds).collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// A record, if it is not too long for one.
fn record(kind: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let body = parts.concat();
    let length = u8::try_from(body.len()).ok()?;
    Some([&[kind, length][..], &body].concat())
}

/// As many of them as fit behind the start; nothing if none does.
fn whole(start: Vec<u8>, parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let (mut seed, empty) = (start.clone(), start.len());
    for part in parts {
        if seed.len() + part.len() > LARGEST {
            break;
        }
        seed.extend(part);
    }
    if seed.len() == empty { Vec::new() } else { seed }
}
