//! Dead cgroups whose memory cgroup was released, so that no list of memory cgroups has them.
//!
//! A dead cgroup stays among its parent's children until it is released, and every cgroup counts
//! the dead ones below it (kernel/cgroup/cgroup.c: cgroup_destroy_locked(), css_release_work_fn()).
//! So only cgroups with dead descendants are scanned, and only if zombies are not all of these.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashSet;

use memcg_trace_common::memcg::css_flags;

use crate::kernel::counted::memcgs::DeadCss;
use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::{DyingCgroup, DyingCgroups};

/// Most cgroups that are visited.
const MAX_VISITED: usize = 1_000_000;
/// Most dead cgroups that are listed.
const MAX_LISTED: usize = 1_000;

/// A dead cgroup without a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeadCgroup {
    /// Address of the cgroup.
    pub(crate) cgroup: u64,
    /// `cgroup.self`: the css that keeps the cgroup, and its identity.
    pub(crate) own: DeadCss,
}

/// The result of a scan for dead cgroups.
#[derive(Debug, Default)]
pub(crate) struct Dying {
    /// The counts that users get.
    pub(crate) counts: DyingCgroups,
    /// All dead cgroups.
    pub(crate) cgroups: Vec<DeadCgroup>,
    /// All cgroups with dead descendants, the root first.
    pub(crate) above: Vec<u64>,
}

/// Scans for dead cgroups. `zombies` are the dead memory cgroups, whose cgroups are known already.
pub(crate) fn look(reader: &Reader<'_>, zombies: &[DeadCss]) -> Dying {
    let mut dying = Dying::default();
    if let Err(why) = fill(reader, zombies, &mut dying) {
        dying.counts.not_checked = Some(why.to_string());
    }
    dying
}

/// The root of the hierarchy with the memory controller.
pub(crate) fn root(reader: &Reader<'_>) -> Result<u64, Unreadable> {
    let memcg = reader.word_at(reader.symbol(Symbol::RootMemCgroup)?)?;
    reader.word(memcg, Field::CssCgroup)
}

fn fill(reader: &Reader<'_>, zombies: &[DeadCss], dying: &mut Dying) -> Result<(), Unreadable> {
    let root = root(reader)?;
    let of_zombies = cgroups_of(reader, zombies)?;
    dying.counts.nr_dying = reader.word(root, Field::CgroupNrDying)?;
    dying.counts.with_zombie = of_zombies.len() as u64;
    let hierarchy = reader.word(root, Field::CgroupRoot);
    let count = hierarchy.and_then(|hierarchy| reader.word(hierarchy, Field::RootNrCgroups));
    dying.counts.nr_cgroups = count.ok();
    if dying.counts.nr_dying <= dying.counts.with_zombie {
        return Ok(());
    }
    let outcome = walk(reader, root, &of_zombies, dying);
    let more = leave_out_zombies(reader, dying)?;
    dying.counts.with_zombie += more;
    dying.counts.without_memcg = dying.cgroups.len() as u64;
    let listed = dying.cgroups.iter().take(MAX_LISTED);
    dying.counts.cgroups = listed
        .filter_map(|dead| describe(reader, dead).ok())
        .collect();
    outcome
}

/// The cgroups of zombies that are dead themselves: where the memory controller is switched off,
/// the memory cgroup dies alone.
fn cgroups_of(reader: &Reader<'_>, zombies: &[DeadCss]) -> Result<HashSet<u64>, Unreadable> {
    let csses: Vec<_> = zombies.iter().map(|zombie| zombie.css).collect();
    let cgroups = reader.column(&csses, Field::CssCgroup)?;
    let cgroups: Vec<_> = cgroups.into_iter().flatten().collect();
    let flags = own_flags(reader, &cgroups)?;
    let dead = cgroups.into_iter().zip(flags);
    Ok(dead
        .filter_map(|(cgroup, flags)| is_dead(flags?).then_some(cgroup))
        .collect())
}

fn own_flags(reader: &Reader<'_>, cgroups: &[u64]) -> Result<Vec<Option<u64>>, Unreadable> {
    let own = reader.offset(Field::CgroupSelf)?;
    let csses: Vec<_> = cgroups.iter().map(|cgroup| cgroup + own).collect();
    reader.column(&csses, Field::CssFlags)
}

/// The test of the kernel's own cgroup_is_dead().
fn is_dead(flags: u64) -> bool {
    flags & u64::from(css_flags::ONLINE) == 0
}

fn walk(
    reader: &Reader<'_>,
    root: u64,
    of_zombies: &HashSet<u64>,
    dying: &mut Dying,
) -> Result<(), Unreadable> {
    let own = reader.offset(Field::CgroupSelf)?;
    let mut visited = 0;
    dying.above.push(root);
    let mut at = 0;
    while let Some(cgroup) = dying.above.get(at).copied() {
        at += 1;
        let children = css::children(reader, cgroup + own, MAX_VISITED - visited)?;
        visited += children.len();
        let cgroups: Vec<_> = children.iter().map(|css| css.wrapping_sub(own)).collect();
        let flags = reader.column(&children, Field::CssFlags)?;
        let serials = reader.column(&children, Field::CssSerialNr)?;
        let below = reader.column(&cgroups, Field::CgroupNrDying)?;
        let rows = cgroups.into_iter().zip(flags).zip(serials).zip(below);
        for (((cgroup, flags), serial_nr), below) in rows {
            let (Some(flags), Some(serial_nr)) = (flags, serial_nr) else {
                continue;
            };
            if is_dead(flags) && !of_zombies.contains(&cgroup) {
                let own = DeadCss {
                    css: cgroup + own,
                    serial_nr,
                };
                dying.cgroups.push(DeadCgroup { cgroup, own });
            }
            if below.is_some_and(|below| below > 0) {
                dying.above.push(cgroup);
            }
        }
        if visited >= MAX_VISITED {
            return Err(Unreadable::Failed(format!(
                "looking for dead cgroups stopped after {visited}"
            )));
        }
    }
    Ok(())
}

/// Leaves out the cgroups that died after the list of zombies was made: they have a memory cgroup,
/// and are in the next list.
fn leave_out_zombies(reader: &Reader<'_>, dying: &mut Dying) -> Result<u64, Unreadable> {
    if dying.cgroups.is_empty() {
        return Ok(0);
    }
    let memcg = reader.word_at(reader.symbol(Symbol::RootMemCgroup)?)?;
    let above = dying.above.iter().copied().collect();
    let csses = csses_below(reader, memcg, &above)?;
    let with_memcg: HashSet<u64> = csses.into_iter().map(|(_, cgroup)| cgroup).collect();
    let before = dying.cgroups.len();
    dying
        .cgroups
        .retain(|dead| !with_memcg.contains(&dead.cgroup));
    Ok((before - dying.cgroups.len()) as u64)
}

/// The csses of a controller and their cgroups, if these are descendants of one of `above`.
pub(crate) fn csses_below(
    reader: &Reader<'_>,
    root_css: u64,
    above: &HashSet<u64>,
) -> Result<Vec<(u64, u64)>, Unreadable> {
    let mut open = vec![root_css];
    let mut found = Vec::new();
    while let Some(parent) = open.pop() {
        let children = css::children(reader, parent, MAX_VISITED - found.len())?;
        let cgroups = reader.column(&children, Field::CssCgroup)?;
        for (child, cgroup) in children.into_iter().zip(cgroups) {
            let Some(cgroup) = cgroup else { continue };
            if above.contains(&cgroup) {
                open.push(child);
            }
            found.push((child, cgroup));
        }
        if found.len() >= MAX_VISITED {
            break;
        }
    }
    Ok(found)
}

fn describe(reader: &Reader<'_>, dead: &DeadCgroup) -> Result<DyingCgroup, Unreadable> {
    let node = reader.word(dead.cgroup, Field::CgroupKn)?;
    Ok(DyingCgroup {
        serial_nr: dead.own.serial_nr,
        cgroup_id: reader.word(node, Field::KernfsId)?,
        path: paths::of_kernfs(reader, node).unwrap_or_default(),
        refs: css::refs(reader, dead.own.css, dead.own.serial_nr)?,
    })
}
