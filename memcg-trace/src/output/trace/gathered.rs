//! Spans of a span of time, within bounds.

use std::collections::{BTreeMap, HashSet};

use super::seen;
use super::span::{Id, Kind, Span};
use crate::model::snapshot::Snapshot;
use crate::output::plotted::{self, COUNT};
use crate::output::timeline::Timeline;

/// The most spans of a trace.
const MAX_SPANS: usize = 100_000;
/// The most moments of a trace.
const MAX_MOMENTS: usize = 1_000;

/// Something that happened at a moment.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) at_ns: u64,
    pub(super) kind: &'static str,
    pub(super) sentence: String,
}

/// The spans of snapshots, in the order in which they ended.
#[derive(Debug)]
pub struct Spans {
    open: BTreeMap<(Kind, Id), Span>,
    pub(super) ended: Vec<Span>,
    looked_ns: BTreeMap<Kind, u64>,
    pub(super) moments: Vec<Moment>,
    known_moments: HashSet<(&'static str, u64)>,
    pub(super) figures: Timeline<COUNT>,
    /// Spans and moments that are not kept, for there are too many.
    pub(super) left_out: u64,
}

impl Spans {
    /// Begins with the first snapshot.
    #[must_use]
    pub fn beginning_with(first: &Snapshot) -> Self {
        let mut spans = Self {
            open: BTreeMap::new(),
            ended: Vec::new(),
            looked_ns: BTreeMap::new(),
            moments: Vec::new(),
            known_moments: HashSet::new(),
            figures: Timeline::beginning_at(first.mono_ns),
            left_out: 0,
        };
        spans.push(first);
        spans
    }

    /// Adds the next snapshot.
    pub fn push(&mut self, snapshot: &Snapshot) {
        self.figures
            .push(snapshot.mono_ns, plotted::figures(snapshot));
        for kind in Kind::ALL {
            if let Some((as_of_ns, seen)) = seen::of(kind, snapshot) {
                self.look(kind, as_of_ns, seen);
            }
        }
        self.push_moments(snapshot);
    }

    /// Continues the spans that are in progress, and ends the others of their kind.
    fn look(&mut self, kind: Kind, as_of_ns: u64, seen: Vec<Span>) {
        if self.looked_ns.insert(kind, as_of_ns) == Some(as_of_ns) {
            return;
        }
        let mut here = HashSet::new();
        for mut span in seen {
            span.end_ns = as_of_ns.max(span.id.begin_ns);
            here.insert((span.id.tid, span.id.begin_ns, span.id.object));
            let room = self.open.len() + self.ended.len() < MAX_SPANS;
            match self.open.get_mut(&(kind, span.id)) {
                Some(known) => {
                    known.end_ns = known.end_ns.max(span.end_ns);
                    // Who holds a lock may only be known later.
                    known.more = span.more;
                }
                None if room => {
                    self.open.insert((kind, span.id), span);
                }
                None => self.left_out += 1,
            }
        }
        let is_gone = |(of, id): &(Kind, Id)| {
            *of == kind && !here.contains(&(id.tid, id.begin_ns, id.object))
        };
        let gone: Vec<_> = self.open.extract_if(.., |id, _| is_gone(id)).collect();
        self.ended.extend(gone.into_iter().map(|(_, span)| Span {
            gone_by_ns: Some(as_of_ns),
            ..span
        }));
    }

    fn push_moments(&mut self, snapshot: &Snapshot) {
        let findings = snapshot.findings.items.iter();
        let findings = findings.map(|one| Moment {
            at_ns: one.first_ns,
            kind: one.kind.as_str(),
            sentence: one.sentence.clone(),
        });
        let deadlocks = snapshot.deadlocks.items.iter();
        let deadlocks = deadlocks
            .filter(|one| one.is_confirmed())
            .map(|one| Moment {
                at_ns: one.found.confirmed_ns.unwrap_or(snapshot.mono_ns),
                kind: "deadlock",
                sentence: one.found.sentence.clone(),
            });
        for moment in findings.chain(deadlocks) {
            if self.known_moments.len() >= MAX_MOMENTS {
                continue;
            }
            if self.known_moments.insert((moment.kind, moment.at_ns)) {
                self.moments.push(moment);
            }
        }
    }

    /// Ends the spans that are in progress.
    pub(super) fn end(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.ended.extend(open.into_values());
    }
}
