//! The flags of verbs that run until they are stopped, and of recordings.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;

use super::size;
use crate::cli::span as time;

/// The span after which a stream ends by itself.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Span {
    /// Stop after N snapshots.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..),
          env = "MEMCG_TRACE_COUNT")]
    pub(in crate::cli) count: Option<u64>,
    /// Stop after this time.
    #[arg(long, value_name = "TIME", value_parser = time::parse, env = "MEMCG_TRACE_DURATION")]
    pub(in crate::cli) duration: Option<Duration>,
}

impl Span {
    /// The span to watch, unless a recording is read to its end.
    pub(in crate::cli) fn or_usual(duration: Option<Duration>, is_replay: bool) -> Self {
        const USUAL: Duration = Duration::from_secs(10);
        Self {
            count: None,
            duration: duration.or((!is_replay).then_some(USUAL)),
        }
    }

    /// Whether the stream only ends by a signal, or with its source.
    pub(in crate::cli) fn is_endless(&self) -> bool {
        self.count.is_none() && self.duration.is_none()
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Record {
    /// The file to write.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Also ask who pins the zombies, within a budget of 1 % of the time.
    #[arg(long, env = "MEMCG_TRACE_PINS", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) pins: bool,
    /// Also ask who uses cgroups without tasks, within a budget of 1 % of the time.
    #[arg(long, env = "MEMCG_TRACE_ABANDONED", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) abandoned: bool,
    /// Also ask who waits for whom, within a budget of 1 % of the time, and of 10 % while somebody
    /// waits for more than a second.
    #[arg(long, env = "MEMCG_TRACE_LOCKS", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) locks: bool,
    /// Also look into this cache of dentries or inodes, within a budget of 1 % of the time.
    #[arg(long, value_name = "CACHE", env = "MEMCG_TRACE_INSIDE")]
    pub(in crate::cli) inside: Option<OsString>,
    /// Also watch which call sites allocate objects of this cache, for slab --callers --from.
    #[arg(long, value_name = "CACHE", conflicts_with = "trace_acquisitions")]
    pub(in crate::cli) callers: Option<OsString>,
    #[command(flatten)]
    pub(in crate::cli) span: Span,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Sums {
    /// Watch for this time; to the end, for a recording [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = time::parse, env = "MEMCG_TRACE_DURATION")]
    duration: Option<Duration>,
}

impl Sums {
    /// The span to watch.
    pub(in crate::cli) fn span(&self, is_replay: bool) -> Span {
        Span::or_usual(self.duration, is_replay)
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Compare {
    /// A recording, or records as `export` writes them.
    #[arg(value_name = "A")]
    pub(in crate::cli) a: PathBuf,
    /// Another one.
    #[arg(value_name = "B")]
    pub(in crate::cli) b: PathBuf,
}

/// Flags of a dashboard that goes through time.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct Dashboard {
    /// Play a recording N times as fast as it was recorded.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = parse_speed,
          env = "MEMCG_TRACE_SPEED")]
    pub(in crate::cli) speed: f64,
    /// Keep the last samples of this kernel in so many bytes of memory, to go back to them.
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_history,
          env = "MEMCG_TRACE_HISTORY")]
    pub(in crate::cli) history: usize,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            speed: 1.0,
            history: 16 << 20,
        }
    }
}

fn parse_history(text: &str) -> Result<usize, String> {
    let bytes = size::parse(text)?;
    usize::try_from(bytes).map_err(|_| "more than this machine can address".to_owned())
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Replay {
    /// The recording to read.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) dashboard: Dashboard,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("must be a number more than 0".to_owned()),
    }
}
