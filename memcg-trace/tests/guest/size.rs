//! The cost of an answer grows with the number of pins, not with the host. Runs in guests of 512
//! MiB and of 8 GiB, with the same bounds.

use std::fs;
use std::os::unix::net::UnixDatagram;

use crate::contract::Document;
use crate::host::{Cgroup, Folder, eventually, reparents_pages, use_every_cpu};
use crate::tool;

const PAGES: u64 = 1000;
/// Per-CPU batches of pages, and other pages on the same list.
const MORE_PAGES: u64 = 512;
/// Tasks, open files, sockets and namespaces of the guest.
const OTHER_OBJECTS: u64 = 5000;

fn memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().next().unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

fn wait_until_dying(parent: &Cgroup, number: u64, other: &Cgroup) {
    eventually("as many dead ones", || {
        use_every_cpu(other);
        let dying = parent.stat("cgroup.stat", "nr_dying_descendants").unwrap();
        if dying == number {
            Ok(())
        } else {
            Err(dying.to_string())
        }
    });
}

fn visited(zombie: &str) -> (u64, u64) {
    let output = tool::run(&["pins", zombie, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    let Document { summary, items, .. } = Document::parse(tool::stdout(&output));
    println!("{} MiB: {summary}", memory_bytes() >> 20);
    assert_eq!(items[0]["unexplained_refs"], 0, "{items:?}");
    assert!(summary["all_pages_because"].is_null());
    let figure = |key: &str| summary[key].as_u64().unwrap();
    (figure("visited_pages"), figure("visited_objects"))
}

#[test]
fn pages() {
    let (other, parent) = (Cgroup::new("other"), Cgroup::new("size-of-pages"));
    let cgroup = parent.child("of-pages");
    let folder = Folder::new("size");
    let file = folder.file("pages");
    let content = vec![1; usize::try_from(PAGES).unwrap() * 4096];
    cgroup.inside(|| fs::write(&file, content).unwrap());
    let path = cgroup.path();
    cgroup.remove();
    // Such kernels reparent the pages, and the tool then looks at none.
    let pins = u64::from(!reparents_pages());
    wait_until_dying(&parent, pins, &other);
    if pins == 0 {
        tool::assert_fails(&tool::run(&["pins", &path]), 1, &[&path]);
        return;
    }
    let (pages, objects) = visited(&path);
    assert!((PAGES..=2 * PAGES + MORE_PAGES).contains(&pages), "{pages}");
    assert!(objects <= OTHER_OBJECTS, "{objects}");
}

#[test]
fn a_socket() {
    let (other, parent) = (Cgroup::new("other"), Cgroup::new("size-of-sockets"));
    let cgroup = parent.child("of-a-socket");
    let path = cgroup.path();
    // By this process: a new process would leave pages of its own for a while.
    let socket = cgroup.inside(|| UnixDatagram::unbound().unwrap());
    cgroup.remove();
    wait_until_dying(&parent, 1, &other);
    let (pages, objects) = visited(&path);
    assert!(pages <= MORE_PAGES, "{pages}");
    assert!(objects <= OTHER_OBJECTS, "{objects}");
    drop(socket);
}
