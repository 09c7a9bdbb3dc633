//! libpq itself, as psycopg's wheel carries it, in a Python of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use molt_db_interop::python;

/// What libpq makes of a string: its options, or an error.
pub(crate) type Parsed = Option<BTreeMap<String, Vec<u8>>>;

/// A process that asks libpq. It ends when this is dropped.
pub(crate) struct Oracle {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start() -> Self {
        Self::with_service_file(Path::new("/no/such/file"))
    }

    /// Starts it where services are looked for in a file.
    pub(crate) fn with_service_file(file: &Path) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/libpq/oracle.py");
        let mut command = Command::new(psycopg());
        // Neither variables nor files of this machine are to answer.
        command.env_clear().env("HOME", "/no/such/home").env("LC_ALL", "C.UTF-8");
        command.env("PGSERVICEFILE", file).arg(script);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, questions, answers }
    }

    /// Returns the number of libpq's version: 180006 for 18.6.
    pub(crate) fn version(&mut self) -> u32 {
        self.ask("version", b"").parse().unwrap()
    }

    /// Returns every option that libpq knows, and its variable, if it has one.
    pub(crate) fn options(&mut self) -> Vec<(String, Option<String>)> {
        let answer = self.ask("options", b"");
        let option = |pair: &str| {
            let (name, variable) = pair.split_once('=').unwrap();
            (name.to_owned(), Some(variable.to_owned()).filter(|variable| !variable.is_empty()))
        };
        answer.split(' ').map(option).collect()
    }

    /// Splits a string into options.
    pub(crate) fn parse(&mut self, text: &str) -> Parsed {
        parsed(&self.ask("parse", text.as_bytes()))
    }

    /// Splits a string into options, and adds those of its service and its password file.
    pub(crate) fn look_up(&mut self, text: &str) -> Parsed {
        parsed(&self.ask("look_up", text.as_bytes()))
    }

    /// Dials port 1 of 127.0.0.1, where nobody is. Returns why libpq did not even get there.
    pub(crate) fn refuses(&mut self, text: &str) -> Option<String> {
        let answer = self.ask("connect", text.as_bytes());
        let message = answer.strip_prefix("error ")?;
        Some(String::from_utf8_lossy(&from_hex(message)).into_owned())
    }

    fn ask(&mut self, kind: &str, text: &[u8]) -> String {
        let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(self.questions.as_mut().unwrap(), "{kind} {hex}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "the oracle has died of {kind} {:?}", String::from_utf8_lossy(text));
        answer.trim_end().to_owned()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}

/// Returns a Python that has psycopg with its own libpq, in a folder of this build.
fn psycopg() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        python(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("psycopg"), &[("psycopg[binary]", PSYCOPG)])
    })
}

fn parsed(answer: &str) -> Parsed {
    let mut words = answer.split(' ');
    let is_ok = words.next() == Some("ok");
    let options = words.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), from_hex(value))
    });
    is_ok.then(|| options.collect())
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The version whose wheel carries libpq 18.
const PSYCOPG: &str = "3.3.9";
