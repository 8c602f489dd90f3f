//! The black box itself: it keeps the last samples, and passes them on when something happens.

use std::sync::Arc;

use super::folder::Folder;
use super::recording::{Order, crowded};
use super::stats::Stats;
use super::triggers::{Trigger, Triggers};
use super::writer::Writer;
use super::{known, recording};
use crate::cli::args::Incidents;
use crate::cli::messages::Messages;
use crate::model::Model;
use crate::model::snapshot::Snapshot;
use crate::sample::incident::Incident;
use crate::sample::recording::{Encoded, FORMAT, Header, Host};
use crate::sample::ring::{Bounds, Ring};
use crate::sample::{Loss, Sample};
use crate::units;

/// The most recordings at a time.
const MAX_OPEN: usize = 4;
/// The place of losses.
const LOSS: &str = "incidents";

/// A recording in progress.
struct Open {
    number: u64,
    until_ns: u64,
    /// Each sample since the moment was passed on.
    is_complete: bool,
}

/// The black box of a program.
pub(in crate::cli) struct BlackBox {
    flags: Incidents,
    host: Host,
    ring: Ring,
    triggers: Triggers,
    open: Vec<Open>,
    begun: u64,
    writer: Writer,
    stats: Arc<Stats>,
    messages: Messages,
    has_failed: bool,
}

impl BlackBox {
    /// Starts it, and tidies up its folder; `None` if it is not asked for.
    pub(in crate::cli) fn start(
        flags: &Incidents,
        host: &Host,
        is_replay: bool,
        messages: Messages,
    ) -> anyhow::Result<Option<Self>> {
        let Some(path) = &flags.incidents else {
            return Ok(None);
        };
        let folder = Folder::make(path)?;
        let mut triggers = Triggers::new(nanoseconds(flags.incidents_cooldown));
        known::tidy(&folder, host, &mut triggers, messages)?;
        let stats = Arc::new(Stats::default());
        let bounds: recording::Bounds = (flags.incidents_max, flags.incidents_max_bytes);
        Ok(Some(Self {
            flags: flags.clone(),
            host: host.clone(),
            ring: Ring::new(Bounds {
                bytes: usize::try_from(flags.incidents_ring).unwrap_or(usize::MAX),
                age_ns: Some(nanoseconds(flags.incidents_before)),
            }),
            triggers,
            open: Vec::new(),
            begun: 0,
            writer: Writer::start(folder, bounds, is_replay, &stats, messages)?,
            stats,
            messages,
            has_failed: false,
        }))
    }

    /// Numbers of incidents that were recorded, cut off, failed or skipped.
    pub(in crate::cli) fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Adds to a sample how many incidents lack something.
    pub(in crate::cli) fn add_losses(&self, sample: &mut Sample) {
        // A recording may have those of its own host.
        sample.losses.retain(|loss| loss.place != LOSS);
        sample.losses.push(Loss {
            place: LOSS.to_owned(),
            lost_total: Some(self.stats.lost.get()),
        });
    }

    /// Keeps a sample, or an answer, that the model has taken in.
    pub(in crate::cli) fn on_sample(&mut self, sample: &Sample, model: &Model) {
        match self.ring.push(sample, || model.slab_so_far()) {
            Ok(encoded) => {
                self.pass_on(&encoded);
                self.stats.ring_bytes.set(self.ring.bytes() as u64);
                self.stats.ring_ns.set(self.ring.reach_ns(sample.mono_ns));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    self.messages.warn(&format!("incidents: {error}"));
                }
                self.stats.lost.add(1);
            }
        }
    }

    /// Begins recordings of what is new in a snapshot. Returns whether there is one, to which
    /// answers belong.
    pub(in crate::cli) fn on_snapshot(&mut self, snapshot: &Snapshot) -> bool {
        let (fresh, skipped) = self.triggers.of(snapshot);
        self.stats.skipped.add(skipped);
        let mut is_any = false;
        for trigger in fresh {
            if self.open.len() >= MAX_OPEN {
                self.stats.skipped.add(1);
                continue;
            }
            self.triggers
                .note(trigger.kind.clone(), &trigger.id, snapshot.unix_ns);
            is_any |= self.begin(trigger, snapshot);
        }
        is_any
    }

    fn begin(&mut self, trigger: Trigger, snapshot: &Snapshot) -> bool {
        let (mono_ns, unix_ns) = (snapshot.mono_ns, snapshot.unix_ns);
        let (cause, finding) = trigger.kind;
        self.messages.inform(&format!(
            "incidents: {}, {}",
            cause.as_str(),
            trigger.sentence
        ));
        let wanted_after_ns = nanoseconds(self.flags.incidents_after);
        let reach_ns = self.ring.reach_ns(mono_ns);
        let incident = Incident {
            cause,
            finding,
            id: trigger.id,
            path: trigger.path,
            sentence: trigger.sentence,
            mono_ns,
            unix_ns,
            wanted_before_ns: nanoseconds(self.flags.incidents_before),
            wanted_after_ns,
            ..Incident::default()
        };
        let order = Order {
            header: Header {
                format: FORMAT,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                host: self.host.clone(),
                start_unix_ns: unix_ns.saturating_sub_unsigned(reach_ns),
                incident: None,
            },
            incident,
            past: self.ring.segments(),
            short: match self.ring.is_crowded(mono_ns) {
                true => crowded(self.flags.incidents_ring),
                false => format!(
                    "there are samples of {} only",
                    units::duration(Some(reach_ns))
                ),
            },
        };
        self.begun += 1;
        let is_begun = self.writer.begin(self.begun, order);
        if is_begun {
            self.open.push(Open {
                number: self.begun,
                until_ns: mono_ns.saturating_add(wanted_after_ns),
                is_complete: true,
            });
        }
        is_begun
    }

    /// Passes a sample on to the recordings in progress, and ends those whose time is over.
    fn pass_on(&mut self, sample: &Encoded) {
        for open in &mut self.open {
            let is_added = self.writer.add(open.number, sample.clone());
            if open.is_complete && !is_added {
                open.is_complete = false;
                self.stats.lost.add(1);
            }
        }
        let writer = &self.writer;
        self.open.retain(|open| {
            let is_in_progress = sample.mono_ns < open.until_ns;
            if !is_in_progress {
                writer.end(open.number, open.is_complete);
            }
            is_in_progress
        });
    }

    /// Ends all recordings, and waits until they are written.
    pub(in crate::cli) fn end(self) {
        self.writer.finish(self.messages);
    }
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
