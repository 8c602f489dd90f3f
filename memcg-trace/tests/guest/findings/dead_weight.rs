//! Reclaim that goes through dead cgroups for nothing.

use rustix::net::AddressFamily;

use super::{Watch, figure};
use crate::host::{Cgroup, eventually, use_every_cpu};
use crate::pins::memory::Memory;
use crate::pins::sockets::new_socket;
use crate::tool;

const CHILDREN: usize = 40;

/// Reclaims all memory of the cgroups, with everything that the kernel tries before it gives up.
fn reclaim(parent: &Cgroup) {
    parent.set("memory.high", "0");
    parent.set("memory.high", "max");
}

pub fn is_reclaimed_from(watch: &mut Watch) {
    let (parent, other) = (Cgroup::new("dead_weight"), Cgroup::new("other"));
    // Memory that cannot be reclaimed, so that the kernel searches again and again.
    let alive = parent.child("alive");
    let memory = alive.inside(|| {
        let memory = Memory::private(200);
        memory.touch();
        memory
    });
    let children: Vec<_> = (0..CHILDREN)
        .map(|at| parent.child(&at.to_string()))
        .collect();
    let sockets: Vec<_> = children
        .iter()
        .map(|child| child.inside(|| new_socket(AddressFamily::NETLINK)))
        .collect();
    // Live cgroups are no dead weight.
    for _ in 0..6 {
        reclaim(&parent);
        watch.next();
    }
    watch.assert_told(&[]);

    for child in &children {
        child.remove();
    }
    let found = watch.until_found("dead_weight", |_| reclaim(&parent));
    // Other cgroups may be kept by the pages that they read.
    assert!(figure(&found, "zombies") >= CHILDREN as u64, "{found:?}");
    assert!(figure(&found, "dead_ns") < figure(&found, "reclaim_ns"));
    watch.assert_told(&[("dead_weight", None)]);
    drop((memory, sockets));
    eventually("they are freed", || {
        use_every_cpu(&other);
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying => Err(format!(
                "{dying} are dying: {}",
                tool::stdout(&tool::run(&["pins"]))
            )),
        }
    });
}
