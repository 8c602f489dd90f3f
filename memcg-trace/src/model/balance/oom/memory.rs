//! The memory of a memcg at a kill, in words and figures.

use super::growth::Grown;
use super::inheritance::{Left, kept_below};
use super::obstacles::{self, Obstacle, path};
use super::parts::{Part, PartKind, parts};
use super::past::Past;
use super::top_caches::TopCaches;
use crate::model::balance::moment::Moment;
use crate::model::snapshot::Figure;
use crate::sample::oom::{OomMemory, ShmemFile};
use crate::sample::reclaim::OomKill;
use crate::sample::sanitized;
use crate::units;

/// The sentence names the largest parts, until they are so many, or leave less than a fifth.
const PARTS: usize = 3;
/// A part is named if it is at least this part of all.
const LEAST_PART: u64 = 20;

/// Memory of removed cgroups.
#[derive(Clone, Copy)]
struct Dead {
    /// What they left when they died.
    left: Left,
    /// What they still have; `None` if it was not read of each.
    kept: Option<Left>,
    /// Whether that is worth a word: a kill for the whole host looks at no memcg's children.
    is_unread: bool,
}

/// Returns what a sentence says of the memory, after its limit, and the figures.
pub(super) fn explain(
    kill: &OomKill,
    memory: &OomMemory,
    caches: &TopCaches,
    past: &Past,
    moment: &Moment<'_>,
) -> (String, Vec<(&'static str, Figure)>) {
    let parts = parts(&memory.composition);
    let mut obstacles = obstacles::of(memory, &parts, moment);
    obstacles.sort_by_key(|one| std::cmp::Reverse(one.bytes));
    let limit = memory.levels.first();
    let usage = limit.and_then(|limit| limit.usage_bytes);
    let left = kill
        .limit_serial_nr
        .map(|limit| past.inheritance.left_to(limit, moment));
    let kept = match past.inheritance.is_on() {
        true => Some(Left::default()),
        false => kill
            .limit_serial_nr
            .and_then(|limit| kept_below(limit, moment)),
    };
    let dead = Dead {
        left: left.unwrap_or_default(),
        kept,
        is_unread: kept.is_none() && kill.limit_serial_nr.is_some(),
    };
    let grown = past.growth.before(kill.time_ns, memory, moment);

    let mut sentence = what(memory, &parts, usage, caches);
    for one in obstacles.iter().take(PARTS - 1) {
        sentence += "; ";
        sentence += &one.text();
    }
    sentence += &whose(memory, usage.unwrap_or(0), dead, grown.as_deref(), moment);
    let figures = figures(kill, memory, &obstacles, dead, grown.as_deref(), moment);
    (sentence, figures)
}

/// The largest parts, and what they are.
fn what(memory: &OomMemory, parts: &[Part], usage: Option<u64>, caches: &TopCaches) -> String {
    let all = parts.iter().map(|part| part.bytes);
    let known = usage.unwrap_or_else(|| all.fold(0, u64::saturating_add));
    let mut named: Vec<String> = Vec::new();
    let mut rest = known;
    let mut has_caches = false;
    for part in parts {
        let is_small = part.bytes < known / LEAST_PART;
        if named.len() == PARTS || is_small || rest < known / 5 {
            break;
        }
        rest = rest.saturating_sub(part.bytes);
        let detail = match part.kind {
            PartKind::Shmem => files(memory),
            PartKind::SlabReclaimable | PartKind::SlabUnreclaimable if !has_caches => {
                has_caches = true;
                let first = caches.first();
                first.map(|(cache, bytes)| format!("{cache} {}", units::bytes(Some(bytes))))
            }
            _ => None,
        };
        let detail = detail
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        named.push(format!(
            "{} {}{detail}",
            units::bytes(Some(part.bytes)),
            part.kind.name(),
        ));
    }
    let of = units::bytes(usage);
    match named.is_empty() {
        true => format!(", and what its {of} were is not known"),
        false => format!(": of its {of}, {} were in use", named.join(" and ")),
    }
}

fn files(memory: &OomMemory) -> Option<String> {
    let file = memory.files.as_ref()?.files.first()?;
    Some(of_file(file))
}

fn of_file(file: &ShmemFile) -> String {
    let about = if file.is_estimate { "about " } else { "" };
    let name = file.path.as_ref().map_or_else(
        || format!("inode {}", file.ino),
        |path| match file.path_of_pid {
            Some(pid) => format!("/proc/{pid}/root{}", path.display()),
            None => path.display().into_owned(),
        },
    );
    let deleted = if file.links == Some(0) {
        ", removed"
    } else {
        ""
    };
    format!("{name}{deleted}: {about}{}", units::bytes(Some(file.bytes)))
}

/// Whose memory it was, where that is not the memcg itself; and who grew.
fn whose(
    memory: &OomMemory,
    usage: u64,
    dead: Dead,
    grown: Option<&[Grown]>,
    moment: &Moment<'_>,
) -> String {
    let mut text = String::new();
    let is_much = |bytes: u64| bytes > 0 && bytes >= usage / 4;
    let mut below = memory.below.iter().rev();
    let lowest = below.find(|one| is_much(one.usage_bytes.unwrap_or(0)));
    if let Some(lowest) = lowest {
        let (path, bytes) = (path(lowest, moment), units::bytes(lowest.usage_bytes));
        text += &format!("; {path} below it had {bytes}");
    }
    match dead.kept {
        Some(kept) if is_much(kept.bytes) => {
            let cgroups = units::things(kept.memcgs, "removed cgroup");
            let bytes = units::bytes(Some(kept.bytes));
            text += &format!("; {bytes} were charged to {cgroups} below it");
        }
        None if dead.is_unread => {
            text += "; what was charged to removed cgroups below it was not read";
        }
        _ => {}
    }
    if is_much(dead.left.bytes) {
        let cgroups = units::things(dead.left.memcgs, "removed cgroup");
        let bytes = units::bytes(Some(dead.left.bytes));
        text += &format!("; {cgroups} had left it {bytes}");
    }
    if let Some(first) = grown
        .and_then(<[Grown]>::first)
        .filter(|one| is_much(one.bytes))
    {
        text += &format!("; what grew: {}", first.text());
    }
    text
}

fn figures(
    kill: &OomKill,
    memory: &OomMemory,
    obstacles: &[Obstacle],
    dead: Dead,
    grown: Option<&[Grown]>,
    moment: &Moment<'_>,
) -> Vec<(&'static str, Figure)> {
    let count = |figure: Option<u64>| figure.map_or(Figure::Unknown, Figure::Count);
    let of = &memory.composition;
    let limit = memory.levels.first();
    let slab = of.slab_reclaimable_bytes.zip(of.slab_unreclaimable_bytes);
    let usage = limit.and_then(|limit| limit.usage_bytes);
    let whole = [of.anon_bytes, of.file_bytes, of.kernel_bytes, of.sock_bytes];
    let whole = whole
        .into_iter()
        .try_fold(0_u64, |sum, part| sum.checked_add(part?));
    let whole = whole.map(|sum| sum.saturating_add(of.hugetlb_bytes.unwrap_or(0)));
    let other = usage
        .zip(whole)
        .map(|(usage, whole)| usage.saturating_sub(whole));
    let reasons = obstacles.iter().map(Obstacle::text);
    let below = memory.below.iter().map(|one| {
        let bytes = units::bytes(one.usage_bytes);
        format!("{} {bytes}", path(one, moment))
    });
    let mut figures = vec![
        (
            "figures_after_ns",
            Figure::Count(memory.time_ns.saturating_sub(kill.time_ns)),
        ),
        ("pending_bytes", count(memory.pending_bytes)),
        ("usage_bytes", count(usage)),
        ("max_bytes", count(limit.and_then(|limit| limit.max_bytes))),
        ("anon_bytes", count(of.anon_bytes)),
        ("file_bytes", count(of.file_bytes)),
        ("shmem_bytes", count(of.shmem_bytes)),
        ("file_dirty_bytes", count(of.file_dirty_bytes)),
        ("file_writeback_bytes", count(of.file_writeback_bytes)),
        ("unevictable_bytes", count(of.unevictable_bytes)),
        ("swapcached_bytes", count(of.swapcached_bytes)),
        ("kernel_bytes", count(of.kernel_bytes)),
        (
            "slab_bytes",
            count(slab.map(|(one, other)| one.saturating_add(other))),
        ),
        ("slab_reclaimable_bytes", count(of.slab_reclaimable_bytes)),
        (
            "slab_unreclaimable_bytes",
            count(of.slab_unreclaimable_bytes),
        ),
        ("kernel_stack_bytes", count(of.kernel_stack_bytes)),
        ("pagetables_bytes", count(of.pagetables_bytes)),
        ("sec_pagetables_bytes", count(of.sec_pagetables_bytes)),
        ("percpu_bytes", count(of.percpu_bytes)),
        ("vmalloc_bytes", count(of.vmalloc_bytes)),
        ("sock_bytes", count(of.sock_bytes)),
        ("hugetlb_bytes", count(of.hugetlb_bytes)),
        ("zswap_bytes", count(of.zswap_bytes)),
        ("unattributed_bytes", count(other)),
        (
            "swap_bytes",
            count(limit.and_then(|limit| limit.swap_bytes)),
        ),
        (
            "swap_max_bytes",
            count(limit.and_then(|limit| limit.swap_max_bytes)),
        ),
        ("host_swap_bytes", count(memory.swap_total_bytes)),
        ("host_swap_free_bytes", count(memory.swap_free_bytes)),
        ("not_reclaimed", Figure::Texts(reasons.collect())),
        ("below", Figure::Texts(below.collect())),
        ("dead_below", count(dead.kept.map(|kept| kept.memcgs))),
        ("dead_below_bytes", count(dead.kept.map(|kept| kept.bytes))),
        ("left_by_dead_bytes", Figure::Count(dead.left.bytes)),
        (
            "grew",
            grown.map_or(Figure::Unknown, |grown| {
                Figure::Texts(grown.iter().map(Grown::text).collect())
            }),
        ),
    ];
    match &memory.files {
        Some(files) => {
            let after_ns = files.end_ns.saturating_sub(kill.time_ns);
            // An empty list would say that there are none.
            let is_unknown = files.files.is_empty() && !files.not_checked.is_empty();
            let texts = files.files.iter().map(of_file).collect();
            figures.push(match is_unknown {
                true => ("shmem_files", Figure::Unknown),
                false => ("shmem_files", Figure::Texts(texts)),
            });
            figures.push(("shmem_files_after_ns", Figure::Count(after_ns)));
            if !files.not_checked.is_empty() {
                let lines = files.not_checked.iter();
                let lines = lines.map(|line| sanitized(line).into_owned()).collect();
                figures.push(("shmem_files_not_checked", Figure::Texts(lines)));
            }
        }
        None => figures.push(("shmem_files", Figure::Unknown)),
    }
    figures
}
