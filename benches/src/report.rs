use std::fmt;
use std::str::FromStr;

use crate::measure::Cost;

/// The outcome of a run. Displays as one line of JSON, and is read from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) lane: String,
    pub(crate) job: String,
    pub(crate) table: String,
    /// How much was asked for: rows, or selects.
    pub(crate) n: u64,
    /// Connections.
    pub(crate) conc: u64,
    pub(crate) tls: bool,
    /// Each way, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of user and system time.
    pub(crate) cpu: f64,
    pub(crate) rows: u64,
    pub(crate) nbytes: u64,
    pub(crate) peak_mb: f64,
    pub(crate) hash: Option<String>,
}

/// What a lane has done, and at what cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) cost: Cost,
    pub(crate) hash: Option<String>,
}

/// What a lane has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    /// Bytes of decoded values; of a lane that decodes nothing, bytes of the wire.
    pub(crate) nbytes: u64,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.nbytes += other.nbytes;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, job, table, n, conc, tls, delay_ms, wall, cpu, rows, nbytes, peak_mb, hash } = self;
        write!(f, r#"{{"lane":"{lane}","job":"{job}","table":"{table}","n":{n},"conc":{conc},"#)?;
        write!(f, r#""tls":{tls},"delay_ms":{delay_ms},"#)?;
        write!(
            f,
            r#""wall":{wall:.6},"cpu":{cpu:.6},"rows":{rows},"nbytes":{nbytes},"peak_mb":{peak_mb:.1}"#
        )?;
        if let Some(hash) = hash {
            write!(f, r#","hash":"{hash}""#)?;
        }
        f.write_str("}")
    }
}

impl FromStr for Report {
    type Err = String;

    /// Reads what [`Report`] displays, and no other JSON: strings hold neither quotes nor commas.
    fn from_str(line: &str) -> Result<Self, String> {
        Ok(Self {
            lane: field(line, "lane")?,
            job: field(line, "job")?,
            table: field(line, "table")?,
            n: field(line, "n")?,
            conc: field(line, "conc")?,
            tls: field(line, "tls")?,
            delay_ms: field(line, "delay_ms")?,
            wall: field(line, "wall")?,
            cpu: field(line, "cpu")?,
            rows: field(line, "rows")?,
            nbytes: field(line, "nbytes")?,
            peak_mb: field(line, "peak_mb")?,
            hash: field(line, "hash").ok(),
        })
    }
}

fn field<T: FromStr>(line: &str, name: &str) -> Result<T, String> {
    let key = format!("\"{name}\":");
    let value = line.split_once(&key).and_then(|(_, rest)| rest.split([',', '}']).next());
    let parsed = value.and_then(|value| value.trim().trim_matches('"').parse().ok());
    parsed.ok_or_else(|| format!("no {name} in {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(hash: Option<&str>) -> Report {
        Report {
            lane: "ours".to_owned(),
            job: "arrow".to_owned(),
            table: "w_fixed".to_owned(),
            n: 1000,
            conc: 1,
            tls: true,
            delay_ms: 2,
            wall: 0.25,
            cpu: 0.125,
            rows: 1000,
            nbytes: 39_000,
            peak_mb: 12.5,
            hash: hash.map(str::to_owned),
        }
    }

    #[test]
    fn a_report_is_one_line_of_json() {
        let expected = concat!(
            r#"{"lane":"ours","job":"arrow","table":"w_fixed","n":1000,"conc":1,"tls":true,"#,
            r#""delay_ms":2,"wall":0.250000,"cpu":0.125000,"rows":1000,"nbytes":39000,"peak_mb":12.5,"hash":"00ab"}"#
        );
        assert_eq!(report(Some("00ab")).to_string(), expected);
        assert!(report(None).to_string().ends_with(r#""peak_mb":12.5}"#));
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for hash in [None, Some("00ab")] {
            assert_eq!(report(hash).to_string().parse(), Ok(report(hash)));
        }
    }

    #[test]
    fn a_line_that_lacks_a_field_is_no_report() {
        let line = report(None).to_string().replace("cpu", "gpu");
        assert!(line.parse::<Report>().unwrap_err().starts_with("no cpu"));
    }
}
