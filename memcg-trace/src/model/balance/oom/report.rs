//! The finding about one kill.

use std::sync::Arc;

use super::past::Past;
use super::top_caches::TopCaches;
use super::{memory, top_caches};
use crate::model::balance::list::{Fresh, List};
use crate::model::balance::moment::Moment;
use crate::model::snapshot::{Figure, FindingKind, Memcg, MemcgId, Severity};
use crate::sample::reclaim::OomKill;
use crate::units;

/// The time for which a kill stays a finding.
const OOM_NS: u64 = 60_000_000_000;

/// Adds a finding about a kill: the victim, the limiting memcg and its memory.
pub(in crate::model::balance) fn report(
    kill: &OomKill,
    past: &Past,
    moment: &Moment<'_>,
    list: &mut List,
) {
    let id = |serial_nr: Option<u64>| -> Option<Arc<MemcgId>> {
        moment.tree.id(serial_nr?).map(Arc::clone)
    };
    let (limit, of) = (id(kill.limit_serial_nr), id(kill.victim_serial_nr));
    let limit_nr = kill.limit_serial_nr;
    let memcg = moment
        .memcgs
        .iter()
        .find(|memcg| Some(memcg.id.serial_nr) == limit_nr);
    let shown = |id: &Option<Arc<MemcgId>>| id.as_ref().map(|id| id.shown());
    let path = |id: &Option<Arc<MemcgId>>| id.as_ref().map(|id| id.path.display().into_owned());
    let victim = format!("{}[{}]", kill.victim_comm.display(), kill.victim_pid);
    let because = match (limit_nr, shown(&limit)) {
        (None, _) => "the host is out of memory".to_owned(),
        (Some(_), Some(path)) => format!("{path} is at its memory.max"),
        (Some(serial_nr), None) => format!("the memcg serial_nr:{serial_nr} is at its memory.max"),
    };
    // `memory.oom.group` kills all tasks of a memcg at once.
    let group = kill.chosen_pid.map(|chosen| format!(" with [{chosen}]"));
    let caches = top_caches::of(limit.as_deref(), kill.time_ns, moment);
    let (explained, details) = match &kill.memory {
        Some(memory) => memory::explain(kill, memory, &caches, past, moment),
        None => unexplained(kill, memcg),
    };
    let sentence = format!(
        "the kernel killed {victim}{}{}, since {because}{explained}",
        shown(&of)
            .map(|path| format!(" of {path}"))
            .unwrap_or_default(),
        group.unwrap_or_default(),
    );
    let count = |figure: Option<u64>| figure.map_or(Figure::Unknown, Figure::Count);
    let text = |text: Option<String>| text.map_or(Figure::Unknown, Figure::Text);
    let mut figures = vec![
        ("victim_pid", Figure::Count(kill.victim_pid.into())),
        (
            "victim_comm",
            Figure::Text(kill.victim_comm.display().into_owned()),
        ),
        ("victim_path", text(path(&of))),
        ("limited_by_path", text(path(&limit))),
        ("asked_by_pid", Figure::Count(kill.pid.into())),
        (
            "asked_by_comm",
            Figure::Text(kill.comm.display().into_owned()),
        ),
        (
            "points",
            count(kill.points.and_then(|one| one.try_into().ok())),
        ),
        ("chosen_pid", count(kill.chosen_pid.map(u64::from))),
        ("zombies", count(memcg.map(|memcg| memcg.zombies))),
    ];
    figures.extend(details);
    figures.extend(caches.figures());
    let about = (
        FindingKind::Oom,
        [
            kill.victim_pid.into(),
            kill.time_ns,
            limit_nr.unwrap_or(0),
            0,
        ],
    );
    let fresh = Fresh {
        severity: Severity::Critical,
        memcg: limit,
        sentence,
        figures,
        first_ns: kill.time_ns,
        lasts_until_ns: moment.now_ns.saturating_add(OOM_NS),
    };
    list.find(about, moment.now_ns, fresh);
}

/// What is left to say without the memory of the moment: figures of the last walk, and the reason.
fn unexplained(kill: &OomKill, memcg: Option<&Memcg>) -> (String, Vec<(&'static str, Figure)>) {
    let count = |figure: Option<u64>| figure.map_or(Figure::Unknown, Figure::Count);
    let facts = memcg.map(|memcg| &memcg.facts);
    let slab = facts.and_then(|facts| facts.slab_bytes);
    let why = match (kill.limit_serial_nr, kill.chosen_pid) {
        (_, Some(_)) => "not read: see the kill of the task that was chosen",
        (None, _) => "not read: the host is out of memory, and no memory cgroup",
        (Some(_), None) => "not read: this recording or this kernel does not have it",
    };
    let figures = vec![
        ("memory", Figure::Text(why.to_owned())),
        (
            "usage_bytes",
            count(facts.and_then(|facts| facts.usage_bytes)),
        ),
        ("max_bytes", count(facts.and_then(|facts| facts.max_bytes))),
        ("slab_bytes", count(slab)),
    ];
    let sentence = format!(
        "; slab of it {}, zombies below it {}",
        units::bytes(slab),
        units::count(memcg.map(|memcg| memcg.zombies)),
    );
    (sentence, figures)
}

impl TopCaches {
    /// The caches, and when they were counted: before or after the kill.
    fn figures(self) -> Vec<(&'static str, Figure)> {
        let mut figures = vec![("top_caches", Figure::Texts(self.texts()))];
        figures.extend(match self.as_of {
            Some(Ok(after_ns)) => Some(("top_caches_after_ns", Figure::Count(after_ns))),
            Some(Err(before_ns)) => Some(("top_caches_before_ns", Figure::Count(before_ns))),
            None => None,
        });
        figures
    }
}
