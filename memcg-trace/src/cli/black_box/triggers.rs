//! Triggers of the black box: an OOM kill, a proven deadlock, a critical finding.

use std::collections::{HashMap, HashSet};

use crate::model::snapshot::{FindingKind, Severity, Snapshot};
use crate::sample::Text;
use crate::sample::incident::Cause;

/// The most bytes of a sentence in a header.
const MAX_SENTENCE: usize = 4 << 10;

/// Causes that are told apart: after one was recorded, others of the same wait.
pub(super) type Kind = (Cause, Option<String>);

/// An incident that a snapshot shows for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) path: Option<Text>,
    pub(super) sentence: String,
}

/// Triggers that were seen, and the times of recordings.
#[derive(Debug)]
pub(super) struct Triggers {
    /// Findings and deadlocks of the last snapshot.
    seen: HashSet<String>,
    /// Deadlocks among them that wait for the end of a cooldown: they last.
    waiting: HashSet<String>,
    cooldown_ns: u64,
    /// The time at which each kind was last recorded, since 1970: maybe by an earlier program.
    recorded: HashMap<Kind, i64>,
    /// Deadlocks of this boot that have a recording already.
    deadlocks: HashSet<String>,
}

impl Triggers {
    pub(super) fn new(cooldown_ns: u64) -> Self {
        Self {
            seen: HashSet::new(),
            waiting: HashSet::new(),
            cooldown_ns,
            recorded: HashMap::new(),
            deadlocks: HashSet::new(),
        }
    }

    /// Notes that an incident was recorded.
    pub(super) fn note(&mut self, kind: Kind, id: &str, unix_ns: i64) {
        if kind.0 == Cause::Deadlock {
            self.deadlocks.insert(id.to_owned());
        }
        let last = self.recorded.entry(kind).or_insert(unix_ns);
        *last = unix_ns.max(*last);
    }

    /// Returns the incidents that are new in a snapshot: those to be recorded, and the number of
    /// others, which follow too soon on one of their kind.
    pub(super) fn of(&mut self, snapshot: &Snapshot) -> (Vec<Trigger>, u64) {
        let all: Vec<Trigger> = findings(snapshot).chain(deadlocks(snapshot)).collect();
        let ids: HashSet<_> = all.iter().map(|one| one.id.clone()).collect();
        self.waiting.retain(|id| ids.contains(id));
        let before = std::mem::replace(&mut self.seen, ids);
        let mut skipped = 0;
        let mut fresh: Vec<Trigger> = Vec::new();
        for one in all {
            let is_waiting = self.waiting.contains(&one.id);
            let is_old = before.contains(&one.id) && !is_waiting;
            if is_old || self.deadlocks.contains(&one.id) {
                continue;
            }
            let is_too_soon = self.is_too_soon(&one.kind, snapshot.unix_ns);
            if is_too_soon || fresh.iter().any(|other| other.kind == one.kind) {
                skipped += u64::from(!is_waiting);
                if one.kind.0 == Cause::Deadlock {
                    self.waiting.insert(one.id);
                }
                continue;
            }
            self.waiting.remove(&one.id);
            fresh.push(one);
        }
        (fresh, skipped)
    }

    fn is_too_soon(&self, kind: &Kind, now_ns: i64) -> bool {
        let since_ns = self.recorded.get(kind).map(|ns| now_ns.saturating_sub(*ns));
        // A clock that was set back tells nothing.
        let since_ns = since_ns.and_then(|since_ns| u64::try_from(since_ns).ok());
        since_ns.is_some_and(|since_ns| since_ns < self.cooldown_ns)
    }
}

fn findings(snapshot: &Snapshot) -> impl Iterator<Item = Trigger> {
    let findings = snapshot.findings.items.iter();
    let critical = findings.filter(|one| !one.resolved && one.severity == Severity::Critical);
    critical.map(|one| {
        let kind = one.kind.as_str();
        let path = one.memcg.as_ref().map(|memcg| memcg.path.clone());
        Trigger {
            kind: match one.kind {
                FindingKind::Oom => (Cause::Oom, None),
                _ => (Cause::Finding, Some(kind.to_owned())),
            },
            id: format!("{kind}-{}", one.number),
            path: path.filter(|path| !path.is_empty()),
            sentence: bounded(&one.sentence),
        }
    })
}

fn deadlocks(snapshot: &Snapshot) -> impl Iterator<Item = Trigger> {
    let deadlocks = snapshot.deadlocks.items.iter();
    let proven = deadlocks.filter(|one| one.is_confirmed());
    proven.map(|one| Trigger {
        kind: (Cause::Deadlock, None),
        id: format!("{:016x}", one.found.cycle_id),
        path: None,
        sentence: bounded(&one.found.sentence),
    })
}

fn bounded(sentence: &str) -> String {
    let end = sentence.floor_char_boundary(MAX_SENTENCE);
    sentence[..end].to_owned()
}
