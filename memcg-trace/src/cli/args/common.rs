//! The flags that all verbs have.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, ValueEnum};

use crate::cli::span;
use crate::model::NEAR_HIGH;
use crate::model::select::Selection;

/// Flags of all verbs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Common {
    /// Read values of flags from this file [default: /etc/memcg-trace.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE", env = "MEMCG_TRACE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Read a recording instead of the kernel.
    #[arg(long, global = true, value_name = "FILE", env = "MEMCG_TRACE_FROM")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Show only this memcg and what is below it, such as /system.slice.
    #[arg(long, global = true, value_name = "PATH", env = "MEMCG_TRACE_CGROUP")]
    cgroup: Option<OsString>,
    /// Show only the N largest rows of each kind.
    #[arg(long, global = true, value_name = "N", env = "MEMCG_TRACE_TOP")]
    top: Option<NonZeroUsize>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true, env = "MEMCG_TRACE_JSON", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) json: bool,
    /// Write to a file instead of standard output.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "MEMCG_TRACE_OUTPUT"
    )]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Time between two samples, such as 500ms, 1s or 2m.
    #[arg(short, long, global = true, value_name = "TIME", default_value = "1s",
          value_parser = span::parse_interval, env = "MEMCG_TRACE_INTERVAL")]
    pub(in crate::cli) interval: Duration,
    /// Part of one CPU that repeated walks of all slabs may use; 0 for no walks.
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = 1.0,
          value_parser = parse_percent, env = "MEMCG_TRACE_WALK_BUDGET")]
    pub(in crate::cli) walk_budget: f64,
    /// Also trace every lock and unlock of cgroup_mutex, contended or not: its holder, since when,
    /// for how long. Costs one probe for each lock and each unlock of any mutex of the kernel.
    #[arg(long, global = true, env = "MEMCG_TRACE_ACQUISITIONS",
          value_parser = FalseyValueParser::new())]
    pub(in crate::cli) trace_acquisitions: bool,
    /// Report a memcg whose usage reaches this part of its memory.high.
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = NEAR_HIGH * 100.0,
          value_parser = parse_percent, env = "MEMCG_TRACE_NEAR_HIGH")]
    pub(in crate::cli) near_high: f64,
    /// No warnings, only errors.
    #[arg(short, long, global = true, env = "MEMCG_TRACE_QUIET",
          value_parser = FalseyValueParser::new())]
    pub(in crate::cli) quiet: bool,
    /// Say more on standard error; twice: also messages of the programs in the kernel.
    #[arg(short, long, global = true, action = ArgAction::Count, env = "MEMCG_TRACE_VERBOSE")]
    pub(in crate::cli) verbose: u8,
    /// Print the duration of each step on standard error at the end, a line each.
    #[arg(long, global = true, env = "MEMCG_TRACE_TIMINGS", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) timings: bool,
    /// Colours: auto is on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_COLOR"
    )]
    pub(in crate::cli) color: Color,
    /// Source of the names of containers and pods; a recording has those that were recorded.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_NAMES"
    )]
    pub(in crate::cli) names: Names,
    /// Force one family of probes.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_ATTACH"
    )]
    pub(in crate::cli) attach: Attach,
}

/// The source of the names of containers and pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Names {
    /// The paths of cgroups alone, which have ids.
    #[default]
    Paths,
    /// The state files of Docker, containerd, CRI-O, podman and the kubelet, too.
    Files,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// The family of hooks to attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Attach {
    /// The safest that the kernel offers.
    #[default]
    Auto,
    /// Tracepoints.
    Tracepoint,
    /// Kprobes at function entries.
    Kprobe,
    /// Trampolines for slab, where the kernel allows them: cheaper on some kernels, but
    /// detaching may have to wait for a host that is stuck.
    Trampoline,
}

impl Common {
    /// The rows to be shown.
    pub(in crate::cli) fn selection(&self) -> Selection {
        Selection {
            cgroup: self
                .cgroup
                .as_ref()
                .map(|path| Selection::cgroup_path(path.as_bytes())),
            top: self.top(),
        }
    }

    /// Whether the selection covers the whole host.
    pub(in crate::cli) fn is_whole(&self) -> bool {
        let cgroup = self.selection().cgroup;
        cgroup.is_none_or(|cgroup| cgroup.as_bytes() == b"/")
    }

    /// Maximum number of rows of each kind.
    pub(in crate::cli) fn top(&self) -> Option<usize> {
        self.top.map(NonZeroUsize::get)
    }

    /// Whether to use colours on an output that is, or is not, a terminal.
    pub(in crate::cli) fn colour(&self, is_terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("must be a number from 0 to 100".to_owned()),
    }
}
