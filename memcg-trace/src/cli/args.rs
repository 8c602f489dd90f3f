//! The command line.

use std::borrow::Cow;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{
    ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};

use super::fail_on::FailOn;
use super::span;
use super::verb_flags;
use crate::model::NEAR_HIGH;
use crate::model::select::Selection;

/// Who holds slab memory, who pins zombie memory cgroups, who waits for whom.
///
/// Without a verb: a live dashboard on a terminal, one snapshot as text otherwise.
#[derive(Debug, Parser)]
#[command(name = "memcg-trace", version, after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    #[command(flatten)]
    pub(super) common: Common,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 error or nothing looked at, 2 usage, 3 cannot trace here (see `memcg-trace doctor`), 4 what \
--fail-on names was found, 5 --fail-on could not be decided.";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// A live dashboard.
    Live(Pace),
    /// All dead memory cgroups that are still in memory.
    Zombies(Zombies),
    /// Who pins a dead memory cgroup, or all of them, and what would free it.
    Pins(Pins),
    /// Who waits for whom, who for ever, and what holds the others up.
    Locks(Locks),
    /// Who holds slab memory, object by object, and how well its pages are used.
    Slab(Slab),
    /// What shrinkers scan and free, for whom and why.
    Shrinkers(Pressure),
    /// Who waits for memory to be reclaimed, under whose limit, and from whom it is taken.
    Reclaim(Pressure),
    /// Write records as NDJSON, until stopped.
    Export(Span),
    /// Store samples in a file, to be read with --from or replay.
    Record(Record),
    /// The dashboard on a recording: `live --from FILE`.
    Replay(Replay),
    /// What two runs needed at most, side by side: recordings, or files of records.
    Compare(Compare),
    /// What can be traced here, what cannot, and what would help. Needs no privilege.
    Doctor,
}

impl Verb {
    /// Whether it sees locks as they are taken.
    fn traces_locks(&self) -> bool {
        match self {
            Self::Live(_) | Self::Export(_) | Self::Record(_) => true,
            Self::Locks(locks) => locks.watch,
            _ => false,
        }
    }
}

/// Flags of all verbs.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Read a recording instead of the kernel.
    #[arg(long, global = true, value_name = "FILE", env = "MEMCG_TRACE_FROM")]
    pub(super) from: Option<PathBuf>,
    /// Show only this memcg and what is below it, such as /system.slice.
    #[arg(long, global = true, value_name = "PATH", env = "MEMCG_TRACE_CGROUP")]
    cgroup: Option<OsString>,
    /// Show only the N largest rows of each kind.
    #[arg(long, global = true, value_name = "N", env = "MEMCG_TRACE_TOP")]
    top: Option<NonZeroUsize>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true, env = "MEMCG_TRACE_JSON", value_parser = FalseyValueParser::new())]
    pub(super) json: bool,
    /// Write to a file instead of standard output.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "MEMCG_TRACE_OUTPUT"
    )]
    pub(super) output: Option<PathBuf>,
    /// Time between two samples, such as 500ms, 1s or 2m.
    #[arg(short, long, global = true, value_name = "TIME", default_value = "1s",
          value_parser = span::parse_interval, env = "MEMCG_TRACE_INTERVAL")]
    pub(super) interval: Duration,
    /// Part of one CPU that looking at all slabs again and again may take; 0: do not.
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = 1.0,
          value_parser = parse_percent, env = "MEMCG_TRACE_WALK_BUDGET")]
    pub(super) walk_budget: f64,
    /// Also count every lock and unlock of cgroup_mutex, contended or not: who has it, since when,
    /// how long. Costs all mutexes of the kernel a probe when locked and one when unlocked.
    #[arg(long, global = true, env = "MEMCG_TRACE_ACQUISITIONS",
          value_parser = FalseyValueParser::new())]
    pub(super) trace_acquisitions: bool,
    /// Tell of a memcg whose usage comes to this part of its memory.high.
    #[arg(long, global = true, value_name = "PERCENT", default_value_t = NEAR_HIGH * 100.0,
          value_parser = parse_percent, env = "MEMCG_TRACE_NEAR_HIGH")]
    pub(super) near_high: f64,
    /// No warnings, only errors.
    #[arg(short, long, global = true, env = "MEMCG_TRACE_QUIET",
          value_parser = FalseyValueParser::new())]
    pub(super) quiet: bool,
    /// Say more on standard error; twice: also messages of the programs in the kernel.
    #[arg(short, long, global = true, action = ArgAction::Count, env = "MEMCG_TRACE_VERBOSE")]
    pub(super) verbose: u8,
    /// Say on standard error in the end where the time went, a line a step.
    #[arg(long, global = true, env = "MEMCG_TRACE_TIMINGS", value_parser = FalseyValueParser::new())]
    pub(super) timings: bool,
    /// Colours: auto is on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_COLOR"
    )]
    pub(super) color: Color,
    /// Force one family of probes.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_ATTACH"
    )]
    pub(super) attach: Attach,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// How to attach to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Attach {
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

/// When a stream ends by itself.
#[derive(Debug, clap::Args)]
pub(super) struct Span {
    /// Stop after N snapshots.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..),
          env = "MEMCG_TRACE_COUNT")]
    pub(super) count: Option<u64>,
    /// Stop after this time.
    #[arg(long, value_name = "TIME", value_parser = span::parse, env = "MEMCG_TRACE_DURATION")]
    pub(super) duration: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Record {
    /// The file to write.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Also ask who pins the zombies, as often as that takes 1 % of the time.
    #[arg(long, env = "MEMCG_TRACE_PINS", value_parser = FalseyValueParser::new())]
    pub(super) pins: bool,
    /// Also ask who waits for whom, as often as that takes 1 % of the time, and 10 % while
    /// somebody waits for more than a second.
    #[arg(long, env = "MEMCG_TRACE_LOCKS", value_parser = FalseyValueParser::new())]
    pub(super) locks: bool,
    /// Also look into this cache of dentries or inodes, as often as that takes 1 % of the time.
    #[arg(long, value_name = "CACHE", env = "MEMCG_TRACE_INSIDE")]
    pub(super) inside: Option<OsString>,
    #[command(flatten)]
    pub(super) span: Span,
}

#[derive(Debug, clap::Args)]
pub(super) struct Locks {
    /// Watch who waits, until stopped, and answer again and again: at every interval while somebody
    /// waits for long, else as often as that takes 1 % of the time. With --json, records as NDJSON.
    #[arg(long, env = "MEMCG_TRACE_WATCH", value_parser = FalseyValueParser::new())]
    pub(super) watch: bool,
    /// Print the graph of waits for graphviz: `memcg-trace locks --dot | dot -Tsvg`.
    #[arg(long, conflicts_with_all = ["watch", "json"])]
    pub(super) dot: bool,
    /// Write proven deadlocks to the kernel's log too: who writes other logs may be in them.
    #[arg(long, env = "MEMCG_TRACE_KMSG", value_parser = FalseyValueParser::new())]
    pub(super) kmsg: bool,
    /// Look only into waits that are as long as this.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span::parse,
          env = "MEMCG_TRACE_MIN_WAIT")]
    pub(super) min_wait: Duration,
    #[command(flatten)]
    pub(super) span: Span,
    #[command(flatten)]
    pub(super) verdict: Verdict,
}

#[derive(Debug, clap::Args)]
pub(super) struct Zombies {
    /// Sort by this; figures from the largest.
    #[arg(
        long,
        value_name = "COLUMN",
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_SORT"
    )]
    pub(super) sort: Sort,
    #[command(flatten)]
    pub(super) verdict: Verdict,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pins {
    /// Which one: /path, name, css:N (css id) or ino:N (inode of its directory); all if none.
    #[arg(value_name = "ZOMBIE")]
    pub(super) zombie: Option<OsString>,
    #[command(flatten)]
    pub(super) verdict: Verdict,
}

#[derive(Debug, clap::Args)]
pub(super) struct Slab {
    /// Show only this cache, such as dentry.
    #[arg(long, value_name = "NAME", env = "MEMCG_TRACE_CACHE")]
    pub(super) cache: Option<OsString>,
    /// Look into one cache of dentries or inodes, such as dentry or ext4_inode_cache: of which
    /// file systems its objects are, in which state and in which directories.
    #[arg(long, value_name = "CACHE", conflicts_with_all = ["cache", "sort"])]
    pub(super) inside: Option<OsString>,
    /// Sort by this; figures from the largest, utilization from the lowest.
    #[arg(
        long,
        value_name = "COLUMN",
        value_enum,
        default_value_t,
        env = "MEMCG_TRACE_SLAB_SORT"
    )]
    pub(super) sort: SlabSort,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pressure {
    /// Look on for this time; to the end, for a recording [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = span::parse, env = "MEMCG_TRACE_DURATION")]
    duration: Option<Duration>,
}

impl Pressure {
    /// How long to look on.
    pub(super) fn span(&self, is_replay: bool) -> Span {
        const USUAL: Duration = Duration::from_secs(10);
        Span {
            count: None,
            duration: self.duration.or((!is_replay).then_some(USUAL)),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Compare {
    /// A recording, or records as `export` writes them.
    #[arg(value_name = "A")]
    pub(super) a: PathBuf,
    /// Another one.
    #[arg(value_name = "B")]
    pub(super) b: PathBuf,
}

/// What slab rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SlabSort {
    /// Share of the pages that the objects are on.
    #[default]
    Share,
    /// Objects.
    Objects,
    /// What the objects take.
    Bytes,
    /// Part of the share that the objects take.
    Utilization,
    /// What of the share the objects do not take.
    Waste,
    /// Objects that were charged to a child that is dead.
    Inherited,
    /// Name of the cache.
    Cache,
    /// Path of the memcg.
    Path,
}

/// What the exit code is to say.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Verdict {
    /// Exit with 4 if this is found, and with 5 if it cannot be decided: deadlock (of locks),
    /// zombies=N, for N zombies or more, or finding=KIND, such as zombie_growth (in a recording: it
    /// takes three samples).
    #[arg(long, value_name = "WHAT", value_parser = FailOn::parse, env = "MEMCG_TRACE_FAIL_ON")]
    pub(super) fail_on: Option<FailOn>,
}

/// What zombies are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
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

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Pace {
    /// Play a recording N times as fast as it was recorded.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = parse_speed,
          env = "MEMCG_TRACE_SPEED")]
    pub(super) speed: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { speed: 1.0 }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// The recording to read.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pace: Pace,
}

impl Replay {
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("must be a number more than 0".to_owned()),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("must be a number from 0 to 100".to_owned()),
    }
}

impl Args {
    /// Parses the command line; where it makes no sense, says so and ends the program.
    pub(super) fn parse_or_exit() -> Self {
        let matches = verb_flags::hide(Self::command()).get_matches();
        let args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let Some(conflict) = args.conflict(&matches) {
            Self::command()
                .error(ErrorKind::ArgumentConflict, conflict)
                .exit();
        }
        args
    }

    /// Flags that do not go with the verb. Those of the environment are meant for others.
    fn conflict(&self, matches: &ArgMatches) -> Option<Cow<'static, str>> {
        let is_given = |flag: &str| matches.value_source(flag) == Some(ValueSource::CommandLine);
        let own = matches.subcommand().map(|(_, own)| own);
        let is_own = |flag: &str| {
            own.and_then(|own| own.value_source(flag)) == Some(ValueSource::CommandLine)
        };
        if let Some(vain) = verb_flags::vain(matches, is_given) {
            return Some(vain.into());
        }
        let conflict = match &self.verb {
            Some(Verb::Locks(locks)) if !locks.watch && (is_own("count") || is_own("duration")) => {
                Some("--count and --duration are for locks --watch")
            }
            Some(Verb::Replay(_)) if is_given("from") => {
                Some("replay names its recording itself, without --from")
            }
            Some(Verb::Compare(_)) if is_given("from") => {
                Some("compare names its recordings itself, without --from")
            }
            Some(Verb::Doctor) if is_given("from") => {
                Some("doctor looks at this host, not at a recording")
            }
            Some(Verb::Locks(locks)) if locks.kmsg && is_given("from") => {
                Some("--kmsg tells of this host, not of a recording")
            }
            Some(verb) if is_given("trace_acquisitions") && !verb.traces_locks() => {
                Some("--trace-acquisitions is for live, export, record and locks --watch")
            }
            Some(Verb::Record(_)) if is_given("output") => {
                Some("record names its file itself, without --output")
            }
            _ => None,
        };
        conflict.map(Cow::from)
    }
}

impl Common {
    /// What is to be seen.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            cgroup: self
                .cgroup
                .as_ref()
                .map(|path| Selection::cgroup_path(path.as_bytes())),
            top: self.top(),
        }
    }

    /// Whether nothing is left out on purpose.
    pub(super) fn is_whole(&self) -> bool {
        let cgroup = self.selection().cgroup;
        cgroup.is_none_or(|cgroup| cgroup.as_bytes() == b"/")
    }

    /// How many rows of each kind.
    pub(super) fn top(&self) -> Option<usize> {
        self.top.map(NonZeroUsize::get)
    }

    /// Whether to use colours on an output that is, or is not, a terminal.
    pub(super) fn colour(&self, is_terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        verb_flags::hide(Args::command()).debug_assert();
    }
}
