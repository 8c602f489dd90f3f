//! The flags of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;

use super::size;
use super::streams::Span;
use crate::cli::span as time;

/// A port that no exporter has in Prometheus's list of default ports.
const DEFAULT: &str = "127.0.0.1:10977";
/// The least bound on series: those of the host and its sections are always written.
const LEAST_SERIES: u64 = 250;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Serve {
    /// Where to listen: an address of this host, or unix:PATH [default: 127.0.0.1:10977; nowhere
    /// with --textfile]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, env = "MEMCG_TRACE_LISTEN")]
    listen: Option<Address>,
    /// Listen on an address that other hosts can reach: whoever reaches it can read all.
    #[arg(long, env = "MEMCG_TRACE_INSECURE_LISTEN", value_parser = FalseyValueParser::new())]
    insecure_listen: bool,
    /// Also write the metrics to this file, for the textfile collector of node_exporter.
    #[arg(long, value_name = "FILE", env = "MEMCG_TRACE_TEXTFILE")]
    pub(in crate::cli) textfile: Option<PathBuf>,
    /// The most series to show. What it leaves out is counted in memcg_trace_rows_omitted.
    #[arg(long, value_name = "N", default_value_t = 2_000, env = "MEMCG_TRACE_MAX_SERIES",
          value_parser = clap::value_parser!(u64).range(LEAST_SERIES..=1_000_000))]
    pub(in crate::cli) max_series: u64,
    /// Also ask who pins the zombies, within a budget of 1 % of the time.
    #[arg(long, env = "MEMCG_TRACE_PINS", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) pins: bool,
    /// Also ask who uses cgroups without tasks, within a budget of 1 % of the time.
    #[arg(long, env = "MEMCG_TRACE_ABANDONED", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) abandoned: bool,
    #[command(flatten)]
    pub(in crate::cli) incidents: Incidents,
    #[command(flatten)]
    pub(in crate::cli) span: Span,
}

/// The black box.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Incidents {
    /// Record OOM kills, proven deadlocks and critical findings in this folder, with the time before
    /// and after.
    #[arg(long, value_name = "DIR", env = "MEMCG_TRACE_INCIDENTS")]
    pub(in crate::cli) incidents: Option<PathBuf>,
    /// Keep so many recordings of incidents: the oldest are removed.
    #[arg(long, value_name = "N", default_value_t = 20, env = "MEMCG_TRACE_INCIDENTS_MAX",
          value_parser = parse_number)]
    pub(in crate::cli) incidents_max: usize,
    /// Keep so many bytes of them.
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = size::parse,
          env = "MEMCG_TRACE_INCIDENTS_MAX_BYTES")]
    pub(in crate::cli) incidents_max_bytes: u64,
    /// Record so much of the time before an incident, as far as --incidents-ring allows.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time::parse,
          env = "MEMCG_TRACE_INCIDENTS_BEFORE")]
    pub(in crate::cli) incidents_before: Duration,
    /// Record so much of the time after it.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time::parse,
          env = "MEMCG_TRACE_INCIDENTS_AFTER")]
    pub(in crate::cli) incidents_after: Duration,
    /// After an incident, record no other of its kind for so long.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time::parse,
          env = "MEMCG_TRACE_INCIDENTS_COOLDOWN")]
    pub(in crate::cli) incidents_cooldown: Duration,
    /// Memory for the samples of the time before an incident.
    #[arg(long, value_name = "SIZE", default_value = "24M", value_parser = size::parse,
          env = "MEMCG_TRACE_INCIDENTS_RING")]
    pub(in crate::cli) incidents_ring: u64,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Serve {
    /// Where to listen; `None` where only a file is written.
    pub(in crate::cli) fn address(&self) -> Option<Address> {
        let default = || self.textfile.is_none().then(|| parse_address(DEFAULT).ok());
        self.listen.clone().or_else(|| default().flatten())
    }

    /// Whether other hosts could reach the address, and the user did not say that this is meant.
    pub(super) fn is_exposed(&self) -> bool {
        match self.address() {
            Some(Address::Tcp(address)) => !address.ip().is_loopback() && !self.insecure_listen,
            Some(Address::Unix(_)) | None => false,
        }
    }
}

/// Parses a number of files that is not 0.
fn parse_number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be more than 0".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("must be a number".to_owned()),
    }
}

fn parse_address(text: &str) -> Result<Address, String> {
    match text.strip_prefix("unix:") {
        Some("") => Err("unix: needs the path of a socket".to_owned()),
        Some(path) => Ok(Address::Unix(path.into())),
        None => text.parse().map(Address::Tcp).map_err(|_| {
            "write it like 127.0.0.1:10977, [::1]:10977 or unix:/run/x.sock".to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_users_write_them() {
        assert!(parse_address(DEFAULT).is_ok());
        assert_eq!(parse_address("unix:/a"), Ok(Address::Unix("/a".into())));
        for wrong in ["", "10977", "localhost:10977", "unix:", "127.0.0.1", "/a"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }
}
