//! The command line.

mod common;
mod export;
mod post_mortem;
mod questions;
mod report;
mod serve;
mod size;
mod streams;

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::config::{self, Settings};
use super::verb_flags;
pub(super) use common::Common;
#[cfg(feature = "live")]
pub(super) use common::{Attach, Names};
pub(super) use export::{Export, Rotation};
pub(super) use post_mortem::PostMortem;
#[cfg(feature = "live")]
pub(super) use questions::StateFiles;
pub(super) use questions::{
    By, Completions, Doctor, Known, ListIncidents, Locks, Man, Pins, Schema, Slab, SlabSort, Sort,
    Why, Zombies,
};
pub(super) use serve::{Address, Incidents, Serve};
pub(super) use streams::{Compare, Dashboard, Record, Replay, Span, Sums};

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
    Live(Dashboard),
    /// All dead memory cgroups that are still in memory.
    Zombies(Zombies),
    /// Who pins a dead memory cgroup, or all of them, and what would free it.
    Pins(Pins),
    /// Why a removal is slow, a task is stuck or a cgroup is dying: one timeline of causes.
    Why(Why),
    /// Who waits for whom, who for ever, and what holds the others up.
    Locks(Locks),
    /// Who holds slab memory, object by object, and how well its pages are used.
    Slab(Slab),
    /// What shrinkers scan and free, for whom and why.
    Shrinkers(Sums),
    /// Who waits for memory to be reclaimed, under whose limit, and from whom it is taken.
    Reclaim(Sums),
    /// Write records as NDJSON, until stopped.
    Export(Export),
    /// Store samples in a file, to be read with --from or replay.
    Record(Record),
    /// The dashboard on a recording: `live --from FILE`.
    Replay(Replay),
    /// A page for a post-mortem: what a recording shows, as one file of HTML.
    Report(PostMortem),
    /// Metrics for Prometheus, and the newest snapshot, over HTTP; or metrics in a file.
    Serve(Serve),
    /// Recordings of OOM kills, deadlocks and critical findings that `serve --incidents` made.
    Incidents(ListIncidents),
    /// What two runs needed at most, side by side: recordings, or files of records.
    Compare(Compare),
    /// What can be traced here, what cannot, and what would help. Needs no privilege.
    Doctor(Doctor),
    /// Known bugs of the kernel that answers are compared with: what is known of each.
    Known(Known),
    /// What records are like, as JSON Schema: one type, or each of them on a line.
    Schema(Schema),
    /// A page of the manual: of the program, or of one verb.
    Man(Man),
    /// What the state files of container runtimes tell, for the program itself.
    #[cfg(feature = "live")]
    #[command(hide = true)]
    StateFiles(StateFiles),
    /// What a shell needs to complete the command line.
    Completions(Completions),
}

impl Verb {
    /// Says what is no time, though it has to be one.
    fn wrong_time(&self) -> Option<String> {
        match self {
            Self::Report(report) => report.wrong(),
            _ => None,
        }
    }

    /// Whether the verb traces locks as they are taken.
    fn traces_locks(&self) -> bool {
        match self {
            Self::Live(_) | Self::Export(_) | Self::Record(_) | Self::Serve(_) => true,
            Self::Locks(locks) => locks.watch,
            Self::Why(why) => why.watch,
            _ => false,
        }
    }
}

/// The command line as users see it.
pub(super) fn command() -> clap::Command {
    verb_flags::hide(Args::command())
}

impl Args {
    /// Parses the command line, with the values of the configuration file where it has none; prints
    /// errors and ends the program.
    pub(super) fn parse_or_exit() -> Self {
        let mut matches = command().get_matches();
        let mut args = Self::of(&matches);
        let settings = Settings::read(args.common.config.as_deref(), command());
        let settings = settings.unwrap_or_else(|wrong| config::refuse(wrong));
        if !settings.is_empty() {
            let with_defaults = settings.set_defaults(Self::command(), &matches);
            matches = verb_flags::hide(with_defaults).get_matches();
            args = Self::of(&matches);
        }
        args.forget_other_meanings(&matches);
        if let Some(conflict) = args.conflict(&matches) {
            Self::command()
                .error(ErrorKind::ArgumentConflict, conflict)
                .exit();
        }
        args
    }

    fn of(matches: &ArgMatches) -> Self {
        Self::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
    }

    /// The environment and the configuration file name a recording for the flag that is a time for
    /// `report`.
    fn forget_other_meanings(&mut self, matches: &ArgMatches) {
        let own = matches.subcommand().map(|(_, own)| own);
        let source = own.and_then(|own| own.value_source("from"));
        if let (Some(Verb::Report(report)), false) =
            (&mut self.verb, source == Some(ValueSource::CommandLine))
        {
            report.begin = None;
        }
    }

    /// Flags that make no sense with the verb. Flags from the environment and from the
    /// configuration file are ignored, since they are meant for other verbs.
    fn conflict(&self, matches: &ArgMatches) -> Option<Cow<'static, str>> {
        let is_given = |flag: &str| matches.value_source(flag) == Some(ValueSource::CommandLine);
        let own = matches.subcommand().map(|(_, own)| own);
        let is_own = |flag: &str| {
            own.and_then(|own| own.value_source(flag)) == Some(ValueSource::CommandLine)
        };
        if let Some(vain) = verb_flags::vain(matches, is_given) {
            return Some(vain.into());
        }
        if let Some(wrong) = self.verb.as_ref().and_then(Verb::wrong_time) {
            return Some(wrong.into());
        }
        let conflict = match &self.verb {
            Some(Verb::Locks(locks)) if !locks.watch && (is_own("count") || is_own("duration")) => {
                Some("--count and --duration are for locks --watch")
            }
            Some(Verb::Why(why)) if !why.watch && (is_own("count") || is_own("duration")) => {
                Some("--count and --duration are for why --watch")
            }
            Some(Verb::Locks(locks)) if locks.report.report && (locks.watch || locks.dot) => {
                Some("--report is of one answer: not for --watch or --dot")
            }
            Some(Verb::Why(why)) if why.report.report && why.watch => {
                Some("--report is of one answer: not for --watch")
            }
            Some(Verb::Slab(slab)) if slab.report.report && slab.inside.is_some() => {
                Some("--report is of all slabs: not for --inside")
            }
            Some(Verb::Zombies(zombies))
                if (zombies.by.is_some() || zombies.abandoned) && is_own("sort") =>
            {
                Some("--sort is for the list of zombies: groups have an order of their own")
            }
            Some(Verb::Zombies(zombies)) if !zombies.abandoned && is_own("min_age") => {
                Some("--min-age is for zombies --abandoned")
            }
            Some(Verb::Replay(_)) if is_given("from") => {
                Some("replay names its recording itself, without --from")
            }
            Some(Verb::Compare(_)) if is_given("from") => {
                Some("compare names its recordings itself, without --from")
            }
            Some(Verb::Incidents(_)) if is_given("from") => {
                Some("incidents lists a folder: --from FILE is for the verbs that show a recording")
            }
            Some(Verb::Doctor(_)) if is_given("from") => {
                Some("doctor looks at this host, not at a recording")
            }
            Some(Verb::Known(_)) if is_given("from") => {
                Some("known prints a table that is the same for all hosts")
            }
            Some(Verb::Schema(_)) if is_given("from") => {
                Some("schema is the same for all recordings")
            }
            Some(Verb::Man(_) | Verb::Completions(_)) if is_given("from") => {
                Some("the command line is the same for all recordings")
            }
            Some(Verb::Locks(locks)) if locks.kmsg && is_given("from") => {
                Some("--kmsg tells of this host, not of a recording")
            }
            Some(verb) if is_given("trace_acquisitions") && !verb.traces_locks() => Some(
                "--trace-acquisitions is for live, export, record, serve, locks --watch and why \
                 --watch",
            ),
            Some(Verb::Serve(serve)) if serve.is_exposed() => Some(
                "other hosts could reach that address: --insecure-listen says that this is meant",
            ),
            Some(Verb::Export(export)) => export_conflict(export, is_given, is_own),
            Some(Verb::Report(report))
                if report.trace.is_none()
                    && self.common.output.is_none()
                    && io::stdout().is_terminal() =>
            {
                Some("a page of HTML is not for a terminal: -o FILE, or a pipe")
            }
            Some(Verb::Record(_)) if is_given("output") => {
                Some("record names its file itself, without --output")
            }
            _ => None,
        };
        conflict.map(Cow::from)
    }
}

fn export_conflict(
    export: &Export,
    is_given: impl Fn(&str) -> bool,
    is_own: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let of_a_source = ["from", "cgroup", "top"];
    let of_a_stream = ["changes", "whole_every", "count", "duration"];
    let of_files = ["rotate_size", "rotate_time", "rotate_keep"];
    if export.whole.is_some() {
        let all = of_a_source.iter().any(|flag| is_given(flag));
        let own = of_a_stream.iter().chain(&of_files).any(|flag| is_own(flag));
        return (all || own).then_some(
            "--whole rebuilds what is in its file: it takes no other flag but --output",
        );
    }
    if of_files.iter().any(|flag| is_own(flag)) && !is_given("output") {
        return Some("files are rotated with -o FILE only");
    }
    if is_own("rotate_keep") && !export.rotation.is_wanted() {
        return Some("--rotate-keep is for --rotate-size and --rotate-time");
    }
    let is_vain = is_own("whole_every") && !export.changes;
    is_vain.then_some("--whole-every is for export --changes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
