//! References of css_sets: each holds one, however many tasks and namespaces are in it
//! (kernel/cgroup/cgroup.c: find_css_set(), put_css_set_locked()).

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::ledger::{Visited, Zombie};
use super::namespaces::Namespaces;
use super::users::set_users;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{self, Tasks};
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Held, Object, ObjectKind, PinKind, UserKind};

/// Bound on the css_sets of one cgroup, and the tasks of one css_set.
const MAX_LISTED: usize = 10_000;
/// Possible holders of a css_set that leave no trace.
const HIDDEN: &str = "cgroup namespaces that no process, mount or open file leads to, and tasks \
                      that are gone but for a reference of the kernel's";
/// A `struct list_head`.
const HEAD_BYTES: u64 = 16;

pub(super) fn count(
    reader: &Reader<'_>,
    tasks: &Tasks,
    namespaces: &Namespaces,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Result<(), Unreadable> {
    let controller = reader.resolved.memory_cgrp_id;
    let list = reader.offset(Field::CgroupECsets)? + controller * HEAD_BYTES;
    let node = reader.offset(Field::CssSetECsetNode)? + controller * HEAD_BYTES;
    let head = reader.word(zombie.css, Field::CssCgroup)? + list;
    let first = reader.word_at(head)?;
    let mut found = Vec::new();
    reader.memory.chain(first, head, 0, |nodes| {
        found.extend(nodes.iter().map(|at| at.wrapping_sub(node)));
        if found.len() < MAX_LISTED {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    visited.objects += found.len() as u64;
    for css_set in found {
        // A cgroup whose controller was disabled and enabled again has css_sets with either css.
        if tasks::memcg(reader, css_set) == Some(zombie.css) {
            one(reader, tasks, namespaces, zombie, css_set)?;
        }
    }
    Ok(())
}

/// Counts the reference of one css_set, with the holders of the css_set.
pub(super) fn one(
    reader: &Reader<'_>,
    tasks: &Tasks,
    namespaces: &Namespaces,
    zombie: &mut Zombie,
    css_set: u64,
) -> Result<(), Unreadable> {
    let mut members = HashSet::new();
    for list in [
        Field::CssSetTasks,
        Field::CssSetMgTasks,
        Field::CssSetDyingTasks,
    ] {
        let head = css_set + reader.offset(list)?;
        members.extend(reader.list(head, Field::TaskCgList, MAX_LISTED)?.0);
    }
    // A task that exited is on no list, and keeps its css_set until it is reaped (cgroup_exit(),
    // cgroup_free()).
    let all = tasks.processes.iter();
    let unreaped = all.filter(|process| process.css_set == css_set);
    members.extend(unreaped.map(|process| process.task));
    let rooted = namespaces.of_css_set(css_set);
    if members.is_empty() && rooted.is_empty() {
        // Threads that their tracer has not reaped.
        members.extend(tasks::threads_in(reader, tasks, css_set)?);
    }
    let members = members.into_iter();
    let mut users: Vec<_> = members
        .filter_map(|task| tasks::user(reader, task, UserKind::Member))
        .collect();
    let has_tasks = !users.is_empty();
    let found = (users.len() + rooted.len()) as u64;
    let mut object = Object {
        kind: ObjectKind::CssSet,
        refs: 1,
        ..Object::default()
    };
    for namespace in rooted {
        object.ns_ino = object.ns_ino.or(Some(namespace.ino));
        object.ns_mount = object.ns_mount.or(namespaces.mount(namespace.ino));
        users.extend(namespaces.users(reader, namespace.ino));
    }
    set_users(&mut object, users);
    let refs = reader.word(css_set, Field::CssSetRefcount)?;
    object.held = Some(Held {
        refs,
        found: found.min(refs),
        not_checked: match found < refs {
            true => namespaces.not_read().chain([HIDDEN.to_owned()]).collect(),
            false => Vec::new(),
        },
    });
    let kind = match (has_tasks, rooted) {
        (true, _) => PinKind::Task,
        (false, []) => PinKind::CssSet,
        (false, _) => PinKind::CgroupNs,
    };
    zombie.add(kind, object);
    Ok(())
}
