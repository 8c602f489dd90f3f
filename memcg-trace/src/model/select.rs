//! Selection of a part of a snapshot: one subtree, and the largest rows.

use std::cmp::Reverse;
use std::sync::Arc;

use super::snapshot::{
    self, CacheContents, ContentsRow, Dying, LockMemcg, LockStats, MemcgId, Section, Snapshot,
    Totals,
};
use crate::sample::Text;

/// The part of a snapshot that a user selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this memcg and those below it.
    pub cgroup: Option<Text>,
    /// Only the largest rows of each kind, this many: memcgs by usage, slab by objects a second,
    /// shrinkers and reclaim by time, waits by duration, locks by the sum of waits, pins by
    /// references.
    pub top: Option<usize>,
}

/// Mount points of the memory controller of version 1 and of unified hierarchies.
const MOUNTS: [&[u8]; 2] = [b"/sys/fs/cgroup/memory", b"/sys/fs/cgroup"];

impl Selection {
    /// Parses a path as users write it: with or without the mount point, a leading and a final
    /// slash.
    #[must_use]
    pub fn cgroup_path(written: &[u8]) -> Text {
        let below = MOUNTS
            .iter()
            .filter_map(|mount| written.strip_prefix(*mount))
            .find(|below| below.is_empty() || below.starts_with(b"/"))
            .unwrap_or(written);
        let names = below
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty());
        let path: Vec<u8> = names.flat_map(|name| [b"/", name].concat()).collect();
        if path.is_empty() {
            Text::from("/")
        } else {
            Text::from(path)
        }
    }

    /// Returns the selected part of a snapshot.
    #[must_use]
    pub fn of(&self, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        if *self == Self::default() {
            return Arc::clone(snapshot);
        }
        let mut part = Snapshot::clone(snapshot);
        if let Some(cgroup) = self
            .cgroup
            .as_ref()
            .filter(|cgroup| cgroup.as_bytes() != b"/")
        {
            below(&mut part, cgroup);
        }
        if let Some(top) = self.top {
            largest(&mut part, top);
        }
        Arc::new(part)
    }
}

fn is_below(id: &MemcgId, cgroup: &Text) -> bool {
    let rest = id.path.as_bytes().strip_prefix(cgroup.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn below(part: &mut Snapshot, cgroup: &Text) {
    let is_in =
        |memcg: &Option<Arc<MemcgId>>| memcg.as_ref().is_some_and(|memcg| is_below(memcg, cgroup));
    part.memcgs = filtered(&part.memcgs, |memcg| is_below(&memcg.id, cgroup));
    if part.memcgs.is_known() {
        part.totals = Totals::of(&part.memcgs.items);
    }
    // The kernel's counts are of the whole host; the listed cgroups are those below.
    part.dying = part.dying.as_ref().map(|dying| {
        let mut part = Dying::clone(dying);
        part.cgroups.retain(|dead| is_below(&dead.id, cgroup));
        Arc::new(part)
    });
    part.pins = filtered(&part.pins, |pins| is_below(&pins.zombie, cgroup));
    part.reparents = filtered(&part.reparents, |one| is_below(&one.memcg, cgroup));
    part.findings = filtered(&part.findings, |one| is_in(&one.memcg));
    part.slab = filtered(&part.slab, |row| is_in(&row.memcg));
    part.inherited = filtered(&part.inherited, |row| is_below(&row.memcg, cgroup));
    part.slab_inside = with_rows(&part.slab_inside, |rows| {
        rows.retain(|row| is_in(&row.memcg));
    });
    part.shrinkers = filtered(&part.shrinkers, |row| is_in(&row.memcg));
    // A limit of a memcg in the subtree that throttles others concerns it, too.
    part.reclaim = filtered(&part.reclaim, |row| {
        is_in(&row.memcg) || is_in(&row.limited_by)
    });
    part.lock_waits = filtered(&part.lock_waits, |wait| is_in(&wait.memcg));
    // A deadlock concerns each memcg with a task in it or behind it.
    part.deadlocks = filtered(&part.deadlocks, |one| {
        let mut memcgs = one.memcgs.values().chain(&one.blocked_zombies);
        memcgs.any(|memcg| is_below(memcg, cgroup))
    });
    part.convoys = filtered(&part.convoys, |convoy| is_in(&convoy.memcg));
    part.waits = filtered(&part.waits, |wait| is_in(&wait.memcg));
    let locks = part.lock_stats.items.iter().filter_map(|lock| {
        let memcgs: Vec<LockMemcg> = lock
            .memcgs
            .iter()
            .filter(|memcg| is_in(&memcg.memcg))
            .cloned()
            .collect();
        (!memcgs.is_empty()).then(|| lock.of_some(memcgs))
    });
    let mut locks: Vec<LockStats> = locks.collect();
    locks.sort_by_key(|lock| Reverse((lock.wait_ns_total, lock.waits_total)));
    part.lock_stats = Arc::new(part.lock_stats.with_items(locks));
}

/// Returns the same caches with other rows.
fn with_rows(
    section: &Section<CacheContents>,
    change: impl Fn(&mut Vec<ContentsRow>),
) -> Arc<Section<CacheContents>> {
    let mut items = section.items.clone();
    items
        .iter_mut()
        .for_each(|contents| change(&mut contents.rows));
    Arc::new(section.with_items(items))
}

fn filtered<T: Clone>(section: &Section<T>, keep: impl Fn(&T) -> bool) -> Arc<Section<T>> {
    let items = section
        .items
        .iter()
        .filter(|item| keep(item))
        .cloned()
        .collect();
    Arc::new(section.with_items(items))
}

/// Numbers of the rows that [`largest`] leaves out, by type of record.
fn rows(part: &Snapshot) -> [(&'static str, usize); 10] {
    let memcgs = &part.memcgs.items;
    let contents = part.slab_inside.items.iter();
    [
        ("memcg", memcgs.len()),
        (
            "zombie",
            memcgs.iter().filter(|one| one.phase.is_some()).count(),
        ),
        ("pins", part.pins.items.len()),
        ("slab", part.slab.items.len()),
        ("slab_inside", contents.map(|cache| cache.rows.len()).sum()),
        ("shrinker", part.shrinkers.items.len()),
        ("reclaim", part.reclaim.items.len()),
        (
            "lock_wait",
            part.lock_waits.items.len() + part.waits.items.len(),
        ),
        ("convoy", part.convoys.items.len()),
        ("lock_stats", part.lock_stats.items.len()),
    ]
}

fn largest(part: &mut Snapshot, top: usize) {
    let before = rows(part);
    cut(part, top);
    let both = before.into_iter().zip(rows(part));
    let omitted = both.map(|((of, before), (_, after))| (of, (before - after) as u64));
    part.omitted = omitted.filter(|(_, rows)| *rows > 0).collect();
}

fn cut(part: &mut Snapshot, top: usize) {
    part.memcgs = highest(&part.memcgs, top, |memcg| memcg.facts.usage_bytes);
    part.pins = highest(&part.pins, top, |pins| pins.found.refs);
    part.slab = highest(&part.slab, top, |row| {
        let rate = row.alloc_per_sec.unwrap_or(0.0) + row.free_per_sec.unwrap_or(0.0);
        // Rates are never negative, and then their bits are in the order of their values.
        (
            rate.to_bits(),
            row.alloc_total
                .zip(row.free_total)
                .map(|(a, b)| a.saturating_add(b)),
            row.share_bytes(),
        )
    });
    part.inherited = highest(&part.inherited, top, snapshot::Inherited::bytes);
    // The rows with the most objects come first.
    part.slab_inside = with_rows(&part.slab_inside, |rows| rows.truncate(top));
    part.shrinkers = highest(&part.shrinkers, top, |row| row.count.time_ns_total);
    part.reclaim = highest(&part.reclaim, top, |row| {
        let count = &row.count;
        (count.stall_ns_total, count.background_ns_total)
    });
    part.lock_waits = highest(&part.lock_waits, top, |wait| wait.waited_ns);
    part.convoys = highest(&part.convoys, top, |convoy| convoy.found.max_wait_ns);
    part.waits = highest(&part.waits, top, |wait| wait.waited_ns);
    part.lock_stats = highest(&part.lock_stats, top, |lock| lock.wait_ns_total);
}

/// Returns the `top` items with the highest figures, in their original order.
fn highest<T: Clone, K: Ord>(
    section: &Arc<Section<T>>,
    top: usize,
    figure: impl Fn(&T) -> K,
) -> Arc<Section<T>> {
    if section.items.len() <= top {
        return Arc::clone(section);
    }
    let mut order: Vec<usize> = (0..section.items.len()).collect();
    order.sort_by_cached_key(|at| Reverse(figure(&section.items[*at])));
    order.truncate(top);
    order.sort_unstable();
    let items = order
        .into_iter()
        .map(|at| section.items[at].clone())
        .collect();
    Arc::new(section.with_items(items))
}

/// Checks that a memcg of that path is in the snapshot.
///
/// # Errors
/// Paths that the user may have meant, best first; empty if none is similar.
pub fn find(snapshot: &Snapshot, cgroup: &Text) -> Result<(), Vec<Text>> {
    let paths = || snapshot.memcgs.items.iter().map(|memcg| &memcg.id.path);
    if paths().any(|path| path == cgroup) {
        return Ok(());
    }
    Err(near(paths(), cgroup))
}

/// Returns the paths whose last component is similar to that of a path or name, best first.
#[must_use]
pub fn near<'a>(paths: impl Iterator<Item = &'a Text>, cgroup: &Text) -> Vec<Text> {
    let last = |path: &Text| -> Text {
        path.as_bytes()
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
            .into()
    };
    let wanted = last(cgroup);
    let mut near: Vec<(usize, &Text)> = paths
        .map(|path| (distance(wanted.as_bytes(), last(path).as_bytes()), path))
        .filter(|(distance, _)| *distance <= 1 + wanted.as_bytes().len() / 3)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter()
        .take(3)
        .map(|(_, path)| path.clone())
        .collect()
}

/// Returns the edit distance of two names in bytes; 0 if one contains the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if !a.is_empty() && !b.is_empty() {
        let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
        if short.len() >= 3 && long.windows(short.len()).any(|part| part == short) {
            return 0;
        }
    }
    strsim::generic_levenshtein(&a.to_vec(), &b.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_users_write_them() {
        for (written, path) in [
            ("/", "/"),
            ("", "/"),
            ("/sys/fs/cgroup", "/"),
            ("/sys/fs/cgroup/system.slice/", "/system.slice"),
            ("/sys/fs/cgroup/memory/a", "/a"),
            ("system.slice//x", "/system.slice/x"),
            ("/sys/fs/cgroups/a", "/sys/fs/cgroups/a"),
        ] {
            assert_eq!(
                Selection::cgroup_path(written.as_bytes()),
                Text::from(path),
                "{written}"
            );
        }
    }

    #[test]
    fn distances_are_edits() {
        assert_eq!(distance(b"nginx", b"nginxx-service"), 0);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"ab"), 2);
        assert_eq!(distance(b"a", b"a"), 0);
    }
}
