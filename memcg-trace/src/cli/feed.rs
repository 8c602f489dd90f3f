//! The pipeline from samples to the snapshots that a user asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::args::{Common, Incidents};
use super::black_box::{BlackBox, Stats};
use super::known_cgroup::ensure_known;
use super::lock_queries::LockQueries;
use super::messages::Messages;
use super::open::{self, Needs};
use super::past::{self, Journey};
use super::periodic::Periodic;
use crate::deadlock::Rules;
use crate::model::Model;
use crate::model::select::Selection;
use crate::model::snapshot::Snapshot;
use crate::sample::ask::Ask;
use crate::sample::recording::Host;
use crate::sample::redact::Redactor;
use crate::sample::ring::{Bounds, Ring};
use crate::sample::{Absent, Sample, Text};
use crate::source::Source;
use crate::source::replay::{Pace, Replay};
use crate::tui::{Travel, Visit};

/// A source, the model of its samples, and the selection of rows that is shown.
pub(super) struct Feed {
    source: Source,
    model: Model,
    selection: Selection,
    /// Periodic lock queries, without a user's question.
    lock_queries: Option<LockQueries>,
    /// Other periodic questions, and where to say that one failed.
    periodic: Vec<(Periodic, Messages)>,
    /// The black box that all samples go to.
    black_box: Option<BlackBox>,
    /// The reasons why questions about an incident have no answer, for the next sample.
    unanswered: Vec<Absent>,
    /// Whether the memcg of `--cgroup` was found.
    found: bool,
    /// What replaces names, and the host without its name.
    redacted: Option<(Redactor, Host)>,
    /// The last samples, for a dashboard that can go back to them.
    kept: Option<Ring>,
    near_high: f64,
}

impl Feed {
    /// Opens the source that the flags name.
    pub(super) fn open(
        common: &Common,
        file: Option<&Path>,
        pace: Pace,
        messages: &Messages,
    ) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::All, file, pace, messages)?;
        Ok(Self::of(common, source, common.selection()))
    }

    /// Opens the source that the flags name, for a question about memory cgroups. Shows all rows,
    /// since the largest ones depend on the question.
    pub(super) fn of_memcgs(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::Memcgs, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, all_rows(common)))
    }

    /// Opens the source that the flags name, for questions about memory cgroups and waits. Shows
    /// all rows, for a cause may be anywhere.
    pub(super) fn of_waits(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::Waits, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, Selection::default()))
    }

    /// The same, with the events of removals and of waits for locks.
    pub(super) fn of_removals(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::Locks, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, Selection::default()))
    }

    /// Opens the source that the flags name, for what shrinkers and reclaim do. Shows all rows.
    pub(super) fn of_reclaim(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::Reclaim, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, all_rows(common)))
    }

    /// Opens the source that the flags name, for the call sites of slab objects.
    pub(super) fn of_callers(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::Callers, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, all_rows(common)))
    }

    /// Opens the source that the flags name, for queries about waits; `is_watching` adds the
    /// events of waits.
    pub(super) fn of_locks(
        common: &Common,
        rules: Rules,
        is_watching: bool,
        messages: &Messages,
    ) -> anyhow::Result<Self> {
        let needs = match is_watching {
            true => Needs::Locks,
            false => Needs::Waits,
        };
        let source = open::source(common, needs, None, Pace::Unpaced, messages)?;
        let mut feed = Self::of(common, source, common.selection());
        feed.model = Model::judging(rules);
        let has_queries = is_watching && !feed.is_replay();
        feed.lock_queries = has_queries.then(|| LockQueries::watching(rules.min_wait_ns));
        Ok(feed)
    }

    /// Schedules periodic lock queries on a live source. The answers come with the samples.
    pub(super) fn ask_for_locks(&mut self) {
        let min_wait_ns = Rules::default().min_wait_ns;
        self.lock_queries = (!self.is_replay()).then(|| LockQueries::beside(min_wait_ns));
    }

    /// Asks again and again who pins the zombies, and who uses cgroups without tasks.
    pub(super) fn ask_in_background(&mut self, pins: bool, abandoned: bool, messages: Messages) {
        let pins = pins.then(|| Ask::Pins(Vec::new()));
        let asks = pins.into_iter().chain(abandoned.then_some(Ask::CgroupUses));
        self.periodic = asks.map(|ask| (Periodic::new(ask), messages)).collect();
    }

    /// Records incidents, if that is asked for. Returns what is counted of them.
    pub(super) fn record_incidents(
        &mut self,
        flags: &Incidents,
        messages: Messages,
    ) -> anyhow::Result<Option<Arc<Stats>>> {
        self.black_box = BlackBox::start(flags, self.host(), self.is_replay(), messages)?;
        Ok(self.black_box.as_ref().map(BlackBox::stats))
    }

    /// Ends the recordings of incidents.
    pub(super) fn end_incidents(&mut self) {
        if let Some(black_box) = self.black_box.take() {
            black_box.end();
        }
    }

    /// Opens the source that the flags name. Shows all rows: what is served has bounds of its own.
    pub(super) fn of_whole_host(common: &Common, messages: &Messages) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::All, None, Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, all_rows(common)))
    }

    /// Opens a recording. Shows all rows, since the largest ones are only known at its end.
    pub(super) fn of_recording(
        common: &Common,
        file: &Path,
        messages: &Messages,
    ) -> anyhow::Result<Self> {
        let source = open::source(common, Needs::All, Some(file), Pace::Unpaced, messages)?;
        Ok(Self::of(common, source, all_rows(common)))
    }

    fn of(common: &Common, source: Source, selection: Selection) -> Self {
        Self {
            source,
            model: Model::new().near_high(common.near_high / 100.0),
            lock_queries: None,
            periodic: Vec::new(),
            black_box: None,
            unanswered: Vec::new(),
            selection,
            found: false,
            redacted: None,
            kept: None,
            near_high: common.near_high / 100.0,
        }
    }

    /// Keeps the last samples of a kernel, so many bytes. A recording has them all anyway.
    pub(super) fn keep(&mut self, bytes: usize) {
        let bounds = Bounds {
            bytes,
            age_ns: None,
        };
        self.kept = (!self.is_replay()).then(|| Ring::new(bounds));
    }

    /// The oldest moment that is kept, CLOCK_MONOTONIC.
    pub(super) fn kept_since_ns(&self) -> Option<u64> {
        let oldest = self.kept.as_ref()?.samples().next()?;
        Some(oldest.mono_ns)
    }

    /// Goes to another moment. A recording continues there.
    pub(super) fn visit(&mut self, travel: &Travel) -> anyhow::Result<Visit> {
        let model = Model::new().near_high(self.near_high);
        let mut journey = Journey::new(model);
        if let Some(recording) = self.source.recording() {
            let next = journey.through_recording(recording.index()?, travel)?;
            recording.go_to(next)?;
            let visit = journey.visit(|snapshot| self.selection.of(snapshot))?;
            self.model = journey.model;
            return Ok(visit);
        }
        let kept = self.kept.as_ref().context("no samples are kept")?;
        journey.through_memory(kept, travel)?;
        journey.visit(|snapshot| self.selection.of(snapshot))
    }

    /// Writes a recording of the samples that are kept. Returns its name, and their number.
    pub(super) fn write_kept(&self) -> anyhow::Result<(PathBuf, usize)> {
        match &self.kept {
            Some(kept) => past::write(kept, self.host()),
            None => {
                bail!("this is a recording already; `memcg-trace report FILE` makes a page of it")
            }
        }
    }

    /// Replaces names in all that follows, if that is asked for.
    pub(super) fn redacting(mut self, is_asked: bool) -> Self {
        if is_asked {
            let mut redactor = Redactor::default();
            let host = redactor.host(self.source.host());
            let cgroup = self.selection.cgroup.take();
            self.selection.cgroup = cgroup.map(|path| redactor.path(&path));
            self.redacted = Some((redactor, host));
        }
        self
    }

    /// A cgroup's path or name as samples have it.
    pub(super) fn as_sampled(&mut self, path: Text) -> Text {
        match &mut self.redacted {
            Some((redactor, _)) => redactor.path(&path),
            None => path,
        }
    }

    pub(super) fn host(&self) -> &Host {
        match &self.redacted {
            Some((_, host)) => host,
            None => self.source.host(),
        }
    }

    pub(super) fn is_replay(&self) -> bool {
        self.source.is_replay()
    }

    /// The recording, if it is one.
    pub(super) fn recording(&mut self) -> Option<&mut Replay> {
        self.source.recording()
    }

    /// Waits for the next snapshot; `None` at the end of a recording.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Arc<Snapshot>>> {
        match self.source.next().await? {
            Some(sample) => self.step(sample).map(Some),
            None => Ok(None),
        }
    }

    /// A snapshot of this moment, before the next is due; `None` for a recording.
    pub(super) async fn at_once(&mut self) -> anyhow::Result<Option<Arc<Snapshot>>> {
        match self.source.at_once().await? {
            Some(sample) => self.step(sample).map(Some),
            None => Ok(None),
        }
    }

    fn step(&mut self, mut sample: Sample) -> anyhow::Result<Arc<Snapshot>> {
        if let Some(lock_queries) = &mut self.lock_queries {
            lock_queries.add_to(&mut sample, &mut self.source)?;
        }
        let mut sample = without_names(&mut self.redacted, sample);
        sample.absent.append(&mut self.unanswered);
        if let Some(black_box) = &self.black_box {
            black_box.add_losses(&mut sample);
        }
        let mut snapshot = self.model.step(&sample);
        keep(&mut self.kept, &mut self.black_box, &sample, &self.model)?;
        for (asks, messages) in &mut self.periodic {
            if let Some(answer) = asks.after(&sample, &mut self.source, *messages) {
                let answer = without_names(&mut self.redacted, answer);
                snapshot = self.model.step(&answer);
                keep(&mut self.kept, &mut self.black_box, &answer, &self.model)?;
            }
        }
        if let Some(black_box) = &mut self.black_box
            && black_box.on_snapshot(&snapshot)
        {
            snapshot = self.ask_about_incident(&sample, snapshot)?;
        }
        if let Some(lock_queries) = &mut self.lock_queries {
            lock_queries.on_snapshot(&snapshot);
        }
        if let (Some(cgroup), false) = (&self.selection.cgroup, self.found) {
            ensure_known(cgroup, &snapshot)?;
            self.found = snapshot.memcgs.is_known();
        }
        Ok(self.selection.of(&snapshot))
    }

    /// Asks who waits for whom and who pins the zombies at the moment of an incident.
    fn ask_about_incident(
        &mut self,
        sample: &Sample,
        mut snapshot: Arc<Snapshot>,
    ) -> anyhow::Result<Arc<Snapshot>> {
        let has_waits = sample.waits.is_some();
        let locks = (!has_waits).then_some(("waits", Ask::Locks));
        let asks = locks.into_iter().chain([("pins", Ask::Pins(Vec::new()))]);
        for (section, ask) in asks {
            match self.source.ask(&ask) {
                Ok(Some(answer)) => {
                    let answer = without_names(&mut self.redacted, answer);
                    snapshot = self.model.step(&answer);
                    keep(&mut self.kept, &mut self.black_box, &answer, &self.model)?;
                }
                // A recording has what was asked when it was made.
                Ok(None) => {}
                Err(error) => self.unanswered.push(Absent {
                    section: section.to_owned(),
                    reason: format!("{error:#}"),
                }),
            }
        }
        Ok(snapshot)
    }

    /// The first snapshot of a kernel, or the last of a recording; `None` if there is none.
    pub(super) async fn only(&mut self) -> anyhow::Result<Option<Arc<Snapshot>>> {
        let mut last = None;
        while let Some(snapshot) = self.next().await? {
            last = Some(snapshot);
            if !self.is_replay() {
                break;
            }
        }
        Ok(last)
    }

    /// Asks the source, and returns a snapshot with the answer; `None` for a recording, which
    /// cannot be asked.
    pub(super) fn ask(&mut self, ask: &Ask) -> anyhow::Result<Option<Arc<Snapshot>>> {
        let Some(answer) = self.source.ask(ask)? else {
            return Ok(None);
        };
        let answer = without_names(&mut self.redacted, answer);
        let snapshot = self.model.step(&answer);
        keep(&mut self.kept, &mut self.black_box, &answer, &self.model)?;
        Ok(Some(self.selection.of(&snapshot)))
    }

    /// Releases the source, and prints its messages.
    pub(super) fn close(self, messages: &Messages) {
        for message in self.detach() {
            messages.warn(&message);
        }
    }

    /// Releases the source. Returns messages for the user.
    #[must_use]
    pub(super) fn detach(self) -> Vec<String> {
        self.source.close()
    }
}

/// Keeps a sample that the model has taken in, where samples are kept.
fn keep(
    kept: &mut Option<Ring>,
    black_box: &mut Option<BlackBox>,
    sample: &Sample,
    model: &Model,
) -> anyhow::Result<()> {
    if let Some(black_box) = black_box {
        black_box.on_sample(sample, model);
    }
    if let Some(kept) = kept {
        let pushed = kept.push(sample, || model.slab_so_far());
        pushed.context("cannot keep a sample")?;
    }
    Ok(())
}

/// A sample without names, if that is asked for.
fn without_names(redacted: &mut Option<(Redactor, Host)>, sample: Sample) -> Sample {
    match redacted {
        Some((redactor, _)) => redactor.sample(sample),
        None => sample,
    }
}

/// The selection of the flags, without a limit on rows.
fn all_rows(common: &Common) -> Selection {
    Selection {
        top: None,
        ..common.selection()
    }
}
