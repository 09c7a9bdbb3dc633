use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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
    /// How often a thread gave up its CPU to wait.
    pub(crate) sleeps: u64,
    pub(crate) peak_mib: f64,
    pub(crate) hash: Option<String>,
    pub(crate) times: Option<Times>,
}

/// What a lane has done, and at what cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) cost: Cost,
    pub(crate) hash: Option<String>,
    pub(crate) times: Option<Times>,
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

/// How long each of many took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Times {
    pub(crate) median: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99: f64,
}

impl Times {
    /// Returns `None` if there are none.
    pub(crate) fn of(mut all: Vec<Duration>) -> Option<Self> {
        all.sort_unstable();
        let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
        Some(Self { median: at(50)?.as_secs_f64(), p99: at(99)?.as_secs_f64() })
    }

    fn read(line: &str) -> Option<Self> {
        Some(Self { median: field(line, "median").ok()?, p99: field(line, "p99").ok()? })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, job, table, n, conc, tls, delay_ms, .. } = self;
        let Self { wall, cpu, rows, nbytes, sleeps, peak_mib, hash, times, .. } = self;
        write!(f, r#"{{"lane":"{lane}","job":"{job}","table":"{table}","n":{n},"conc":{conc},"#)?;
        write!(f, r#""tls":{tls},"delay_ms":{delay_ms},"#)?;
        write!(f, r#""wall":{wall:.6},"cpu":{cpu:.6},"rows":{rows},"nbytes":{nbytes},"#)?;
        write!(f, r#""sleeps":{sleeps},"peak_mib":{peak_mib:.1}"#)?;
        if let Some(hash) = hash {
            write!(f, r#","hash":"{hash}""#)?;
        }
        if let Some(Times { median, p99 }) = times {
            write!(f, r#","median":{median:.6},"p99":{p99:.6}"#)?;
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
            sleeps: field(line, "sleeps")?,
            peak_mib: field(line, "peak_mib")?,
            hash: field(line, "hash").ok(),
            times: Times::read(line),
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
            sleeps: 6,
            peak_mib: 12.5,
            hash: hash.map(str::to_owned),
            times: None,
        }
    }

    #[test]
    fn a_report_is_one_line_of_json() {
        let expected = concat!(
            r#"{"lane":"ours","job":"arrow","table":"w_fixed","n":1000,"conc":1,"tls":true,"#,
            r#""delay_ms":2,"wall":0.250000,"cpu":0.125000,"rows":1000,"nbytes":39000,"sleeps":6,"peak_mib":12.5,"hash":"00ab"}"#
        );
        assert_eq!(report(Some("00ab")).to_string(), expected);
        assert!(report(None).to_string().ends_with(r#""peak_mib":12.5}"#));
    }

    #[test]
    fn the_times_of_many_are_their_median_and_their_last_hundredth() {
        let times = Times::of((1..=200).map(Duration::from_millis).collect()).unwrap();
        assert_eq!(times, Times { median: 0.101, p99: 0.199 });
        assert_eq!(Times::of(vec![Duration::from_secs(7)]), Some(Times { median: 7.0, p99: 7.0 }));
        assert_eq!(Times::of(Vec::new()), None);
        let report = Report { times: Some(times), ..report(None) };
        assert_eq!(report.to_string().parse(), Ok(report));
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
