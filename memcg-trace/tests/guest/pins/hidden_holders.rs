//! Fixtures of other tests with the way to their holder hidden: the count shows that somebody holds
//! the thing, the way is among those that were not looked at, and nothing is promised.

use serde_json::Value;

use super::fixture::Fixture;
use super::held_pages::asked_without;
use super::{held_files, pages, programs, queues};
use crate::host::{Cgroup, Folder, reparents_pages};
use crate::tool;

/// A fixture with its holder hidden.
struct Hidden {
    fixture: Fixture,
    /// A script that hides what leads to the holder.
    hide: String,
    /// A part of what the answer calls the way to hold it.
    way: &'static str,
}

fn without_symbol(name: &str) -> String {
    tool::without_symbols(&[name])
}

fn without_type(name: &str) -> String {
    tool::without_type(name).unwrap()
}

fn check(hidden: Hidden) {
    let (holder, advice) = asked_without(&hidden.hide, &hidden.fixture);
    let held = &holder["held"];
    assert!(held["found"].as_u64() < held["refs"].as_u64(), "{holder}");
    let not_checked = held["not_checked"].as_array().unwrap();
    let is_named = |what: &Value| what.as_str().unwrap().contains(hidden.way);
    assert!(not_checked.iter().any(is_named), "{holder}");
    // What holds some of several objects may be known.
    let is_all = |one: &Value| one["frees_refs"] == one["of_refs"];
    let promises = |one: &&Value| one["frees_at_most"] == false && is_all(one);
    let promises = |one: &&Value| one["action"] != "nothing" && promises(one);
    assert_eq!(advice.iter().find(promises), None, "{holder}");
    (hidden.fixture.follow)();
}

#[test]
fn of_files() {
    if reparents_pages() {
        return;
    }
    let (parent, folder) = (Cgroup::new("hidden-files"), Folder::new("hidden-files"));
    check(Hidden {
        fixture: held_files::bind_mount(&parent, &folder),
        hide: without_type("s_mounts"),
        way: "mounts",
    });
    check(Hidden {
        fixture: held_files::overlay(&parent, &folder),
        hide: without_symbol("ovl_file_operations"),
        way: "overlayfs",
    });
    check(Hidden {
        fixture: held_files::ring(&parent, &folder),
        hide: without_symbol("io_uring_fops"),
        way: "files registered with io_uring",
    });
    check(Hidden {
        fixture: pages::segment(&parent),
        hide: without_type("shmid_kernel"),
        way: "SysV segments",
    });
    check(Hidden {
        fixture: queues::memory_in_a_message(&parent),
        hide: without_type("sk_receive_queue"),
        way: "messages of Unix sockets",
    });
}

#[test]
fn of_programs() {
    if reparents_pages() {
        return;
    }
    let parent = Cgroup::new("hidden-programs");
    for (field, way) in [
        ("exe_file", "executables of processes"),
        ("i_mmap", "mappings of processes"),
    ] {
        let folder = Folder::new(field);
        check(Hidden {
            fixture: programs::that_runs(&parent, &folder),
            hide: without_type(field),
            way,
        });
    }
}

#[test]
fn of_sockets() {
    let (parent, folder) = (Cgroup::new("hidden-socks"), Folder::new("hidden-socks"));
    let others = Folder::new("hidden-peers");
    check(Hidden {
        fixture: queues::connections(&parent, &folder),
        hide: without_type("sk_receive_queue"),
        way: "connections to be accepted",
    });
    check(Hidden {
        fixture: queues::connections(&parent, &others),
        hide: without_type("unix_sock"),
        way: "peers of Unix sockets",
    });
    check(Hidden {
        fixture: queues::message(&parent),
        hide: without_type("sk_receive_queue"),
        way: "messages of Unix sockets",
    });
    check(Hidden {
        fixture: queues::lingering(&parent),
        hide: without_type("skc_state"),
        way: "connections that linger",
    });
}
