//! Memory in swap: its pages are gone, and all of them share one reference.

use std::process::Command;

use serde_json::json;

use super::fixture::{Fixture, Refs, run};
use super::memory::Memory;
use super::pages::of_private;
use crate::disk;
use crate::host::{Cgroup, eventually};

const PAGES: u64 = 400;

pub fn succeeds(program: &str, disk: &str) {
    let status = Command::new(program).arg(disk).status().unwrap();
    assert!(status.success(), "{program}: {status}");
}

/// A RAM disk that is used as swap.
pub fn swap() -> String {
    let disk = disk::unused();
    succeeds("mkswap", &disk);
    succeeds("swapon", &disk);
    disk
}

fn bytes(cgroup: &Cgroup, file: &str) -> u64 {
    cgroup.get(file).trim().parse().unwrap()
}

#[test]
fn pages_in_swap() {
    let disk = swap();
    let parent = Cgroup::new("swap");
    let cgroup = parent.child("swapped");
    let memory = Memory::private(usize::try_from(PAGES).unwrap());
    cgroup.inside(|| memory.touch());
    let in_swap = eventually("it is in swap", || {
        cgroup.set("memory.high", "0");
        let [left, swapped] =
            ["memory.current", "memory.swap.current"].map(|file| bytes(&cgroup, file) / 4096);
        println!("{swapped} pages in swap, {left} in memory");
        if swapped >= PAGES {
            Ok(swapped)
        } else {
            Err(format!("{left} pages are left"))
        }
    });
    cgroup.remove();
    let fixture = Fixture {
        pins: true,
        kind: "swap",
        refs: Refs::Exactly(1),
        // A page may be in memory as well until that memory is needed.
        company: &["page_anon"],
        holders: vec![json!({"object": "swap_id", "pages": in_swap})],
        advice: vec![("swapoff", vec![])],
        follow: Box::new(move || {
            // The pages return to the memory of their owners, in the owners' present cgroup.
            succeeds("swapoff", &disk);
            drop(memory);
        }),
        ..of_private(&cgroup, PAGES)
    };
    run(&parent, vec![fixture]);
}
