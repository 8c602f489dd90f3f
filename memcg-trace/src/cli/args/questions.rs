//! The flags of verbs that answer a question: about zombies, pins, locks and slab.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::FalseyValueParser;

use super::report::ReportArgs;
use super::streams::Span;
use crate::cli::fail_on::FailOn;
use crate::cli::span;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Zombies {
    /// Sort by this; figures from the largest.
    #[arg(
        long,
        value_name = "COLUMN",
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_SORT"
    )]
    pub(in crate::cli) sort: Sort,
    /// Group them by where they come from: parent, shape of the name and kind of pin.
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(in crate::cli) by: Option<By>,
    /// Show live ones without a task in or below them instead, and which of these nobody seems to
    /// need any more.
    #[arg(long, conflicts_with = "by")]
    pub(in crate::cli) abandoned: bool,
    /// With --abandoned: only those that are at least so old.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = span::parse)]
    pub(in crate::cli) min_age: Duration,
    /// With --by origin: also ask what pins each of them, which takes longer.
    #[arg(long, requires = "by")]
    pub(in crate::cli) pins: bool,
    #[command(flatten)]
    pub(in crate::cli) condition: FailOnArgs,
}

/// The grouping of zombies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum By {
    /// By their origin
    Origin,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Pins {
    /// Which one: /path, name, css:N (css id) or ino:N (inode of its directory); all if none.
    #[arg(value_name = "ZOMBIE")]
    pub(in crate::cli) zombie: Option<OsString>,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
    #[command(flatten)]
    pub(in crate::cli) condition: FailOnArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Why {
    /// Which cgroup, dead or alive: /path, name, css:N (css id) or ino:N (inode of its directory);
    /// or which process or thread: its number.
    #[arg(value_name = "CGROUP|PID")]
    pub(in crate::cli) subject: OsString,
    /// Watch, from before a removal until the release, and print the timeline whenever it changes.
    /// With --json, new steps as NDJSON.
    #[arg(long, env = "MEMCG_TRACE_WATCH", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) watch: bool,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
    #[command(flatten)]
    pub(in crate::cli) span: Span,
    #[command(flatten)]
    pub(in crate::cli) condition: FailOnArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Known {
    /// Which one, such as rmdir_reap; all if none.
    #[arg(value_name = "BUG")]
    pub(in crate::cli) bug: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Schema {
    /// Of which type of records, such as memcg.
    #[arg(value_name = "TYPE")]
    pub(in crate::cli) kind: Option<String>,
    /// Schema for readers: missing or unknown figures are no error.
    #[arg(long)]
    pub(in crate::cli) lenient: bool,
}

/// Sort keys of zombies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Sort {
    /// Path.
    Path,
    /// Time since they went offline.
    Age,
    /// References.
    #[default]
    Refs,
    /// Pages on their LRU lists.
    Pages,
    /// Memory of the kernel that they take by themselves.
    Cost,
    /// Pages in swap.
    Swap,
    /// How far they have come.
    Phase,
    /// Last component of the path.
    Name,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Locks {
    /// Watch waits until stopped, and answer repeatedly: at every interval while somebody waits for
    /// long, else within a budget of 1 % of the time. With --json, records as NDJSON.
    #[arg(long, env = "MEMCG_TRACE_WATCH", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) watch: bool,
    /// Print the graph of waits for graphviz: `memcg-trace locks --dot | dot -Tsvg`.
    #[arg(long, conflicts_with_all = ["watch", "json"])]
    pub(in crate::cli) dot: bool,
    /// Write proven deadlocks to the kernel's log too: writers of other logs may be deadlocked.
    #[arg(long, env = "MEMCG_TRACE_KMSG", value_parser = FalseyValueParser::new())]
    pub(in crate::cli) kmsg: bool,
    /// Judge only waits that are at least as long as this.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span::parse,
          env = "MEMCG_TRACE_MIN_WAIT")]
    pub(in crate::cli) min_wait: Duration,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
    #[command(flatten)]
    pub(in crate::cli) span: Span,
    #[command(flatten)]
    pub(in crate::cli) condition: FailOnArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Slab {
    /// Show only this cache, such as dentry.
    #[arg(long, value_name = "NAME", env = "MEMCG_TRACE_CACHE")]
    pub(in crate::cli) cache: Option<OsString>,
    /// Look into one cache of dentries or inodes, such as dentry or ext4_inode_cache: of which
    /// file systems its objects are, in which state and in which directories.
    #[arg(long, value_name = "CACHE", conflicts_with_all = ["cache", "sort"])]
    pub(in crate::cli) inside: Option<OsString>,
    /// Watch which call sites allocate objects of one cache, charged or not, and how many of these
    /// are not freed.
    #[arg(long, value_name = "CACHE", 
          conflicts_with_all = ["cache", "inside", "sort", "report", "cgroup"])]
    pub(in crate::cli) callers: Option<OsString>,
    /// With --callers: watch for this time; to the end, for a recording [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = span::parse, requires = "callers")]
    duration: Option<Duration>,
    /// Sort by this; figures from the largest, utilization from the lowest.
    #[arg(
        long,
        value_name = "COLUMN",
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_SLAB_SORT"
    )]
    pub(in crate::cli) sort: SlabSort,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
}

impl Slab {
    /// The span for which callers are watched.
    pub(in crate::cli) fn callers_span(&self, is_replay: bool) -> Span {
        Span::or_usual(self.duration, is_replay)
    }
}

/// Sort keys of slab rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SlabSort {
    /// Share of the pages that the objects are on.
    #[default]
    Share,
    /// Objects.
    Objects,
    /// Memory of the objects.
    Bytes,
    /// Part of the share that the objects take.
    Utilization,
    /// Part of the share that the objects do not take.
    Waste,
    /// Objects that were charged to a child that is dead.
    Inherited,
    /// Name of the cache.
    Cache,
    /// Path of the memcg.
    Path,
}

/// The condition that the exit code reports.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct FailOnArgs {
    /// Exit with 4 if this is found, and with 5 if it cannot be decided: deadlock (of locks),
    /// zombies=N, for N zombies or more, or finding=KIND, such as zombie_growth (in a recording: it
    /// takes three samples).
    #[arg(long, value_name = "WHAT", value_parser = FailOn::parse, env = "MEMCG_TRACE_FAIL_ON")]
    pub(in crate::cli) fail_on: Option<FailOn>,
}

/// Flags of `doctor`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Doctor {
    /// Report on the kernel that this file describes instead: a copy of its
    /// /sys/kernel/btf/vmlinux. Hooks are not tried then
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) btf: Option<PathBuf>,
    /// Symbols of that kernel: a copy of its /proc/kallsyms as root sees it, or its System.map
    #[arg(long, value_name = "FILE", requires = "btf")]
    pub(in crate::cli) symbols: Option<PathBuf>,
    /// Report on this crash dump instead: what it tells of its kernel, without any other file
    #[arg(long, value_name = "FILE", conflicts_with = "btf")]
    pub(in crate::cli) core: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListIncidents {
    /// The folder of `serve --incidents`.
    #[arg(value_name = "DIR", env = "MEMCG_TRACE_INCIDENTS")]
    pub(in crate::cli) folder: PathBuf,
}

#[cfg(feature = "live")]
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StateFiles {
    /// The folder that they are below, as from the root.
    #[arg(value_name = "FOLDER")]
    pub(in crate::cli) root: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Man {
    /// The verb.
    #[arg(value_name = "VERB")]
    pub(in crate::cli) verb: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub(in crate::cli) shell: clap_complete::Shell,
}
