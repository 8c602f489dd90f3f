//! css_sets: each holds one reference, however many tasks and namespaces are in it
//! (kernel/cgroup/cgroup.c: find_css_set(), put_css_set_locked()).

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::Found;
use super::ledger::{Visited, Zombie, set_users};
use super::namespaces::Namespaces;
use crate::kernel::layout::fields::Field;
use crate::kernel::reader::Reader;
use crate::kernel::tasks::{self, Tasks};
use crate::sample::pins::{Object, ObjectKind, PinKind, UserKind};

/// css_sets of one cgroup, and tasks of one css_set, that are looked at.
const MOST: usize = 10_000;
/// A `struct list_head`.
const HEAD_BYTES: u64 = 16;

pub(super) fn count(
    reader: &Reader<'_>,
    tasks: &Tasks,
    namespaces: &Namespaces,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Found {
    let controller = reader.resolved.memory_cgrp_id;
    let list = reader.offset(Field::CgroupECsets)? + controller * HEAD_BYTES;
    let node = reader.offset(Field::CssSetECsetNode)? + controller * HEAD_BYTES;
    let head = reader.word(zombie.css, Field::CssCgroup)? + list;
    let first = reader.word_at(head)?;
    let mut found = Vec::new();
    reader.memory.chain(first, head, 0, |nodes| {
        found.extend(nodes.iter().map(|at| at.wrapping_sub(node)));
        if found.len() < MOST {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    visited.objects += found.len() as u64;
    for css_set in found {
        // A cgroup whose controller was switched off and on again has css_sets of both.
        if tasks::memcg(reader, css_set) == Some(zombie.css) {
            one(reader, tasks, namespaces, zombie, css_set)?;
        }
    }
    Ok(())
}

fn one(
    reader: &Reader<'_>,
    tasks: &Tasks,
    namespaces: &Namespaces,
    zombie: &mut Zombie,
    css_set: u64,
) -> Found {
    let mut members = HashSet::new();
    for list in [
        Field::CssSetTasks,
        Field::CssSetMgTasks,
        Field::CssSetDyingTasks,
    ] {
        let head = css_set + reader.offset(list)?;
        members.extend(reader.list(head, Field::TaskCgList, MOST)?.0);
    }
    // One that exited is on no list, and keeps its css_set until it is reaped (cgroup_exit(),
    // cgroup_free()).
    let all = tasks.processes.iter();
    let unreaped = all.filter(|process| process.css_set == css_set);
    members.extend(unreaped.map(|process| process.task));
    let namespace = namespaces.of_css_set(css_set);
    if members.is_empty() && namespace.is_none() {
        // A thread that its tracer has not reaped.
        members.extend(tasks::threads_in(reader, tasks, css_set)?);
    }
    let members = members.into_iter();
    let mut users: Vec<_> = members
        .filter_map(|task| tasks::user(reader, task, UserKind::Member))
        .collect();
    let has_tasks = !users.is_empty();
    let mut object = Object {
        kind: ObjectKind::CssSet,
        refs: 1,
        ..Object::default()
    };
    if let Some(namespace) = namespace {
        object.ns_ino = Some(namespace.ino);
        object.ns_mount = namespaces.mount(namespace.ino);
        users.extend(namespaces.users(reader, namespace.ino));
    }
    set_users(&mut object, users);
    let kind = if !has_tasks && namespace.is_some() {
        PinKind::CgroupNs
    } else {
        PinKind::Task
    };
    zombie.add(kind, object);
    Ok(())
}
