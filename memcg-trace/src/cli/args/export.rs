//! The flags of `export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;

use super::streams::Span;
use crate::cli::span as time;

/// Units of sizes, and their bytes.
const UNITS: [(&str, u64); 4] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("", 1)];

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// Write only what changed since the snapshot before.
    #[arg(long, env = "MEMCG_TRACE_CHANGES", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) changes: bool,
    /// With --changes: one snapshot in N is whole.
    #[arg(long, value_name = "N", default_value_t = 60, env = "MEMCG_TRACE_WHOLE_EVERY",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) whole_every: u64,
    /// Rebuild the whole snapshots of what was written with --changes; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) whole: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) rotation: Rotation,
    #[command(flatten)]
    pub(in crate::cli) span: Span,
}

/// Bounds of a file of `-o`, after which the next one begins.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Rotation {
    /// Start a new file of -o once it has so many bytes, such as 64M or 1G.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "MEMCG_TRACE_ROTATE_SIZE")]
    pub(in crate::cli) rotate_size: Option<u64>,
    /// Start a new file of -o after this time.
    #[arg(long, value_name = "TIME", value_parser = time::parse, env = "MEMCG_TRACE_ROTATE_TIME")]
    pub(in crate::cli) rotate_time: Option<Duration>,
    /// Keep so many old files.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 24,
        env = "MEMCG_TRACE_ROTATE_KEEP"
    )]
    pub(in crate::cli) rotate_keep: usize,
}

impl Rotation {
    /// One file, however large.
    pub(in crate::cli) fn none() -> Self {
        Self {
            rotate_size: None,
            rotate_time: None,
            rotate_keep: 0,
        }
    }

    /// Returns whether a file has a bound at all.
    pub(in crate::cli) fn is_wanted(&self) -> bool {
        self.rotate_size.is_some() || self.rotate_time.is_some()
    }
}

/// Parses a size that is not 0.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim_end_matches('B').trim_end_matches('i');
    let found = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let size = found.and_then(|(number, bytes)| number.parse::<u64>().ok()?.checked_mul(bytes));
    match size {
        Some(0) => Err("must be more than 0".to_owned()),
        Some(size) => Ok(size),
        None => Err("write it like 500K, 64M or 1G".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_users_write_them() {
        for (text, bytes) in [("7", 7), ("2K", 2048), ("64MiB", 64 << 20), ("1G", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0M", "M", "-1", "1.5G", "1T", "99999999999G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
