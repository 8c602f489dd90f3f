//! Findings about OOM kills.

use std::collections::HashMap;
use std::sync::Arc;

use super::list::{Fresh, List};
use super::moment::Moment;
use crate::model::snapshot::{Figure, FindingKind, MemcgId, Severity};
use crate::sample::reclaim::OomKill;
use crate::units;

/// The time for which a kill stays a finding.
const OOM_NS: u64 = 60_000_000_000;
/// The number of caches that are named.
const TOP_CACHES: usize = 5;

/// Adds a finding about a kill: the victim, the limiting memcg and its memory.
pub(super) fn report(kill: &OomKill, moment: &Moment<'_>, list: &mut List) {
    let id = |serial_nr: Option<u64>| -> Option<Arc<MemcgId>> {
        moment.tree.id(serial_nr?).map(Arc::clone)
    };
    let (limit, of) = (id(kill.limit_serial_nr), id(kill.victim_serial_nr));
    let limit_nr = kill.limit_serial_nr;
    let memcg = moment
        .memcgs
        .iter()
        .find(|memcg| Some(memcg.id.serial_nr) == limit_nr);
    let path = |id: &Option<Arc<MemcgId>>| id.as_ref().map(|id| id.path.display().into_owned());
    let victim = format!("{}[{}]", kill.victim_comm.display(), kill.victim_pid);
    let because = match (limit_nr, path(&limit)) {
        (None, _) => "the host is out of memory".to_owned(),
        (Some(_), Some(path)) => format!("{path} is at its memory.max"),
        (Some(serial_nr), None) => format!("the memcg serial_nr:{serial_nr} is at its memory.max"),
    };
    let slab = memcg.and_then(|memcg| memcg.facts.slab_bytes);
    // `memory.oom.group` kills all tasks of a memcg at once.
    let group = kill.chosen_pid.map(|chosen| format!(" with [{chosen}]"));
    let sentence = format!(
        "the kernel killed {victim}{}{}, since {because}; slab of it {}, zombies below it {}",
        path(&of)
            .map(|path| format!(" of {path}"))
            .unwrap_or_default(),
        group.unwrap_or_default(),
        units::bytes(slab),
        units::count(memcg.map(|memcg| memcg.zombies)),
    );
    let count = |figure: Option<u64>| figure.map_or(Figure::Unknown, Figure::Count);
    let text = |text: Option<String>| text.map_or(Figure::Unknown, Figure::Text);
    let figures = vec![
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
        (
            "usage_bytes",
            count(memcg.and_then(|memcg| memcg.facts.usage_bytes)),
        ),
        (
            "max_bytes",
            count(memcg.and_then(|memcg| memcg.facts.max_bytes)),
        ),
        ("slab_bytes", count(slab)),
        ("zombies", count(memcg.map(|memcg| memcg.zombies))),
        (
            "top_caches",
            Figure::Texts(top_caches(limit.as_deref(), moment)),
        ),
    ];
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

/// Returns the caches that hold most of the slab of a memcg and those below it, by the last walk.
fn top_caches(limit: Option<&MemcgId>, moment: &Moment<'_>) -> Vec<String> {
    let is_below = |path: &[u8]| {
        limit.is_none_or(|limit| {
            let rest = path.strip_prefix(limit.path.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    };
    let mut caches: HashMap<String, u64> = HashMap::new();
    for row in moment.slab {
        let path = row.memcg.as_ref().map(|memcg| memcg.path.as_bytes());
        if let (Some(bytes), true) = (row.bytes(), path.is_some_and(is_below)) {
            let sum = caches.entry(row.cache.display().into_owned()).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }
    let mut caches: Vec<_> = caches.into_iter().collect();
    caches.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let top = caches.iter().take(TOP_CACHES);
    top.map(|(cache, bytes)| format!("{cache} {}", units::bytes(Some(*bytes))))
        .collect()
}
