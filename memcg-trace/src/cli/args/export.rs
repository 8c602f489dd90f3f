//! The flags of `export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;

use super::size;
use super::streams::Span;
use crate::cli::span as time;

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
    #[arg(long, value_name = "SIZE", value_parser = size::parse, env = "MEMCG_TRACE_ROTATE_SIZE")]
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
