//! The bytes of a conversation, both ways.

use std::fmt::Write as _;

/// Who sent bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Us.
    Client,
    /// The target.
    Server,
}

/// What was sent and received, in order; no more than 2 KiB of it a turn and 32 KiB in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    turns: Vec<Turn>,
    kept: usize,
}

#[derive(Debug, Clone)]
struct Turn {
    side: Side,
    size: usize,
    bytes: Vec<u8>,
}

impl Log {
    pub(crate) fn add(&mut self, side: Side, bytes: &[u8]) {
        if self.turns.last().is_none_or(|turn| turn.side != side) {
            self.turns.push(Turn { side, size: 0, bytes: Vec::new() });
        }
        let Some(turn) = self.turns.last_mut() else { return };
        let room = TURN.saturating_sub(turn.bytes.len()).min(ALL.saturating_sub(self.kept));
        let part = &bytes[..bytes.len().min(room)];
        turn.bytes.extend(part);
        turn.size += bytes.len();
        self.kept += part.len();
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.kept += other.kept;
        self.turns.extend(other.turns);
    }

    /// Returns a hex dump: `>` is what we sent, `<` what the target sent.
    pub(crate) fn dump(&self) -> String {
        let mut out = String::new();
        for turn in &self.turns {
            let arrow = if turn.side == Side::Client { '>' } else { '<' };
            for line in turn.bytes.chunks(WIDTH) {
                let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
                let _ = writeln!(
                    out,
                    "{arrow} {:<width$}  {}",
                    hex.join(" "),
                    printable(line),
                    width = WIDTH * 3 - 1
                );
            }
            if turn.size > turn.bytes.len() {
                let _ = writeln!(out, "{arrow} ... {} bytes more", turn.size - turn.bytes.len());
            }
        }
        out
    }
}

fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
        .collect()
}

const WIDTH: usize = 16;
const TURN: usize = 2 << 10;
const ALL: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_shows_both_sides() {
        let mut log = Log::default();
        log.add(Side::Client, b"Q\0");
        log.add(Side::Client, b"ab");
        log.add(Side::Server, b"Z");
        let lines: Vec<String> = log.dump().lines().map(str::to_owned).collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), [">", "51", "00", "61", "62", "Q.ab"]);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["<", "5a", "Z"]);
    }

    #[test]
    fn what_is_too_long_is_counted() {
        let mut log = Log::default();
        log.add(Side::Server, &vec![0; TURN]);
        assert!(!log.dump().contains("more"));
        log.add(Side::Server, &[0; 7]);
        assert!(log.dump().ends_with("< ... 7 bytes more\n"));
        for _ in 0..20 {
            log.add(Side::Client, &vec![0; TURN]);
            log.add(Side::Server, &vec![0; TURN]);
        }
        assert_eq!(log.kept, ALL);
    }
}
