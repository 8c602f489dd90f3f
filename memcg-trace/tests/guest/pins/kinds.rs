//! One zombie of each kind of pin: right kind, right count, right holder; and the advice frees it.

use super::fixture::run;
use super::{pages, sockets, tasks};
use crate::host::{Cgroup, Folder};

#[test]
fn pages_of_files() {
    let parent = Cgroup::new("files");
    let folder = Folder::new("files");
    let fixtures = vec![
        pages::tmpfs_file(&parent, &folder),
        pages::open_tmpfs_file(&parent, &folder),
        pages::deleted_file(&parent, &folder),
        pages::memfd(&parent),
        pages::segment(&parent),
    ];
    run(&parent, fixtures);
}

/// Runs alone: the reclaim that is advised would free the pages of other zombies too.
#[test]
fn pages_of_a_file_on_a_disk() {
    let parent = Cgroup::new("disk");
    let fixtures = vec![pages::ext4_file(&parent)];
    run(&parent, fixtures);
}

#[test]
fn pages_of_processes() {
    let parent = Cgroup::new("memory");
    let fixtures = vec![
        pages::shared_memory(&parent),
        pages::moved_memory(&parent),
        pages::locked_memory(&parent),
        pages::full_pipe(&parent),
    ];
    run(&parent, fixtures);
}

#[test]
fn sockets_of_every_family() {
    let parent = Cgroup::new("sockets");
    let folder = Folder::new("sockets");
    let fixtures = vec![
        sockets::inet(&parent),
        sockets::unix(&parent, &folder),
        sockets::netlink(&parent),
        sockets::network_namespace(&parent, &folder),
        sockets::socket_of_a_namespace(&parent),
        sockets::mapped_ring(&parent),
    ];
    run(&parent, fixtures);
}

#[test]
fn dead_tasks_namespaces_watches_and_children() {
    let parent = Cgroup::new("tasks");
    let folder = Folder::new("tasks");
    let mut fixtures = vec![
        tasks::watch(&parent),
        tasks::fanotify(&parent),
        tasks::unreaped_task(&parent),
        tasks::cgroup_namespace(&parent, &folder),
        tasks::shared_css_set(&parent, &folder),
    ];
    fixtures.extend(tasks::child_css(&parent));
    run(&parent, fixtures);
}
