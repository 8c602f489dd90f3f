//! `why --watch`: the timeline from the start of a removal to its end, anew whenever it changes.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

use super::args::{self, Common};
use super::fail_on::{exit_code, nothing_seen};
use super::feed::Feed;
use super::messages::Messages;
use super::oneshot;
use super::output_file::OutputFile;
use super::signals::Stop;
use super::until::Until;
use super::why;
use crate::model::snapshot::{Phase, Snapshot};
use crate::model::why::{self as model, Seen, Subject, Target, Wanted, Why};
use crate::model::zombies;
use crate::output::ndjson::Ndjson;
use crate::output::text::Style;
use crate::output::why as text;
use crate::sample::ask::Ask;
use crate::sample::recording::Host;

/// Inverse of the part of the time that questions may take while nothing is known to wait, and
/// while a removal is in progress.
const CALM: u32 = 100;
const URGENT: u32 = 2;

/// Prints timelines until the memory cgroup is released or the task has ended, the span is over, the
/// source ends, a signal comes or the output is closed.
pub(super) async fn run(
    common: &Common,
    args: &args::Why,
    messages: &Messages,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let stop = Stop::on_signals(nothing_seen(fail_on))?;
    let mut feed = Feed::of_removals(common, messages)?;
    let result = watch(common, args, &mut feed, &stop).await;
    feed.close(messages);
    result
}

async fn watch(
    common: &Common,
    args: &args::Why,
    feed: &mut Feed,
    stop: &Stop,
) -> anyhow::Result<u8> {
    let fail_on = args.condition.fail_on;
    let file = OutputFile::create(common.output.as_deref())?;
    let name = file.name();
    let host = feed.host().clone();
    let mut view = match common.json {
        true => View::Records(Ndjson::new(file, host)),
        false => View::Text(file, oneshot::style(common), host),
    };
    let mut until = Until::new(&args.span, stop).or_by_the_clock(feed.is_replay());
    let mut watched = Watched::new(Wanted::parse(args.subject.as_bytes()));
    let mut code = nothing_seen(fail_on);
    while let Some(snapshot) = until.next(feed.next()).await? {
        let is_over = until.is_over(snapshot.mono_ns);
        let before = Arc::clone(&snapshot);
        let (snapshot, why, has_ended) = watched.look(feed, snapshot)?;
        let failed = || format!("cannot write to {name}");
        if snapshot.frame != before.frame {
            view.pass(&before).with_context(failed)?;
        }
        match why.filter(|why| watched.is_news(why)) {
            Some(why) => {
                view.write(&snapshot, &why, &watched.told)
                    .with_context(failed)?;
                watched.tell(&why);
            }
            None => view.pass(&snapshot).with_context(failed)?,
        }
        code = exit_code(fail_on, &snapshot, snapshot.memcgs.is_known());
        stop.exits_with(code);
        let is_found = fail_on.is_some_and(|fail_on| fail_on.is_met(&snapshot) == Some(true));
        if is_over || is_found || has_ended {
            break;
        }
    }
    Ok(code)
}

/// The output of timelines.
enum View {
    Records(Ndjson<OutputFile>),
    Text(OutputFile, Style, Host),
}

impl View {
    /// Counts a snapshot without news: each has a record.
    fn pass(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        match self {
            Self::Records(records) => records.write_why(snapshot, std::iter::empty()),
            Self::Text(..) => Ok(()),
        }
    }

    /// Writes a timeline; as records, the steps that were not told before.
    fn write(&mut self, snapshot: &Snapshot, why: &Why, told: &HashSet<String>) -> io::Result<()> {
        match self {
            Self::Records(records) => {
                let new = why.steps.iter().filter(|step| !told.contains(&key(step)));
                records.write_why(snapshot, new)
            }
            Self::Text(file, style, host) => {
                let text = text::render(snapshot, why, host, *style) + "\n";
                file.write_all(text.as_bytes())
            }
        }
    }
}

/// The identity of a step. A later time makes no new step; an exact one in place of bounds does.
fn key(step: &model::Step) -> String {
    let is_exact = step.when.at_ns.is_some();
    format!(
        "{:?} {:?} {} {} {is_exact}",
        step.what, step.state, step.depth, step.text
    )
}

/// The memory cgroup or task that is watched.
struct Watched {
    wanted: Wanted,
    seen: Seen,
    target: Option<Target>,
    /// The steps of the last timeline that was written.
    told: HashSet<String>,
    /// When the next question is due while nothing is known to wait.
    calm_due: Instant,
    /// When it is due while a removal is in progress.
    due: Instant,
    /// References at the last question about pins.
    refs: Option<Option<i64>>,
}

impl Watched {
    fn new(wanted: Wanted) -> Self {
        let named = match &wanted {
            Wanted::Memcg(named) => Some(named.clone()),
            Wanted::Task(_) => None,
        };
        Self {
            wanted,
            seen: Seen::new(named),
            target: None,
            told: HashSet::new(),
            calm_due: Instant::now(),
            due: Instant::now(),
            refs: None,
        }
    }

    /// Asks what is due, and returns the timeline and whether it has ended.
    fn look(
        &mut self,
        feed: &mut Feed,
        snapshot: Arc<Snapshot>,
    ) -> anyhow::Result<(Arc<Snapshot>, Option<Why>, bool)> {
        self.seen.see(&snapshot);
        let named = match &self.wanted {
            Wanted::Task(pid) => {
                let pid = *pid;
                let snapshot = self.ask(feed, snapshot, &Ask::Task(pid), URGENT)?;
                let why = model::of_task(&snapshot, pid);
                let has_ended = why.is_none() && !feed.is_replay();
                return Ok((snapshot, why, has_ended));
            }
            Wanted::Memcg(named) => named.clone(),
        };
        let target = match &self.target {
            Some(target) => target.later(&snapshot),
            None => why::find(&snapshot, &named, &self.seen)?,
        };
        let snapshot = self.asked(feed, snapshot, &target)?;
        let target = target.later(&snapshot);
        let why = model::follow(&snapshot, &target, &mut self.seen);
        // The event that tells when it went offline may come after the list in which it is missing.
        let was_gone = self.target.as_ref().is_some_and(Target::is_gone);
        let has_ended = was_gone && target.is_gone() && !feed.is_replay();
        self.target = Some(target);
        Ok((snapshot, Some(why), has_ended))
    }

    /// The snapshot with the answer that a memory cgroup needs now.
    fn asked(
        &mut self,
        feed: &mut Feed,
        snapshot: Arc<Snapshot>,
        target: &Target,
    ) -> anyhow::Result<Arc<Snapshot>> {
        let serial_nr = target.id.serial_nr;
        let mut items = snapshot.memcgs.items.iter();
        let memcg = items.find(|memcg| memcg.id.serial_nr == serial_nr);
        let refs = memcg.and_then(|memcg| memcg.facts.refs);
        let is_offline = memcg.is_some_and(|memcg| memcg.phase == Some(Phase::Pinned));
        let is_removed = self.told.iter().any(|told| told.starts_with("rmdir now"));
        match target.subject {
            Subject::Gone => Ok(snapshot),
            Subject::Alive if !is_removed && snapshot.lock_waits.items.is_empty() => {
                self.ask(feed, snapshot, &Ask::Removal(serial_nr), CALM)
            }
            Subject::Dead if is_offline => {
                let is_new = self.refs.replace(refs) != Some(refs);
                let is_answered = zombies::pins_of(&snapshot, serial_nr).is_some();
                match is_new || !is_answered {
                    true => self.ask(feed, snapshot, &Ask::Pins(vec![serial_nr]), URGENT),
                    false => Ok(snapshot),
                }
            }
            Subject::DeadCgroup => self.ask(feed, snapshot, &Ask::Pins(vec![serial_nr]), CALM),
            Subject::Alive | Subject::Dead => {
                self.ask(feed, snapshot, &Ask::Removal(serial_nr), URGENT)
            }
        }
    }

    /// Asks, if that is due; a recording has its answers in its samples.
    fn ask(
        &mut self,
        feed: &mut Feed,
        snapshot: Arc<Snapshot>,
        ask: &Ask,
        parts: u32,
    ) -> anyhow::Result<Arc<Snapshot>> {
        let begin = Instant::now();
        let due = match parts {
            CALM => self.calm_due,
            _ => self.due,
        };
        if due > begin {
            return Ok(snapshot);
        }
        let answered = feed.ask(ask)?.unwrap_or(snapshot);
        let took = begin.elapsed();
        self.due = begin + took * URGENT;
        self.calm_due = begin + took * CALM;
        Ok(answered)
    }

    fn is_news(&self, why: &Why) -> bool {
        let steps: HashSet<String> = why.steps.iter().map(key).collect();
        steps != self.told
    }

    fn tell(&mut self, why: &Why) {
        self.told = why.steps.iter().map(key).collect();
    }
}
