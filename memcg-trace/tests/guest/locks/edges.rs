//! The deadlock without one of its edges: the waits are the same but for one task, and none is for
//! ever. Two more edges are left out one at a time in `four_tasks`.
#![expect(
    unsafe_code,
    reason = "vmsplice(2) has no safe face; it is used to keep a page where it is"
)]

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::coredump::{Coredump, Then, spare_blocks};
use super::lock_module::Taker;
use super::look;
use crate::host::eventually;
use crate::tool;

const PAGE: usize = 4096;
/// Pages of a block (128 MiB).
const BLOCK_PAGES: u64 = 1 << 15;
const MAX_STACK: &str = "/proc/sys/kernel/perf_event_max_stack";

/// A page of ours in a block, with a reference from a pipe.
struct Kept {
    _memory: Vec<Vec<u8>>,
    _pipe: (PipeReader, PipeWriter),
}

impl Kept {
    fn within(block: &Path) -> Self {
        let number = block.file_name().unwrap().to_str().unwrap();
        let number: u64 = number.strip_prefix("memory").unwrap().parse().unwrap();
        let pfns = number * BLOCK_PAGES..(number + 1) * BLOCK_PAGES;
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        // Movable memory comes first, but not the block that we want.
        let mut memory: Vec<Vec<u8>> = Vec::new();
        let page = loop {
            assert!(memory.len() < 60, "no page of ours in {}", block.display());
            let some = vec![1; 1024 * PAGE];
            let begin = (some.as_ptr() as usize).next_multiple_of(PAGE);
            let found = (0..1023).map(|at| begin + at * PAGE).find(|page| {
                let mut entry = [0; 8];
                let at = (page / PAGE * 8) as u64;
                pagemap.read_exact_at(&mut entry, at).unwrap();
                // Documentation/admin-guide/mm/pagemap.rst.
                pfns.contains(&(u64::from_ne_bytes(entry) & ((1 << 55) - 1)))
            });
            memory.push(some);
            if let Some(page) = found {
                break page;
            }
        };
        let pipe = io::pipe().unwrap();
        let part = libc::iovec {
            iov_base: page as *mut libc::c_void,
            iov_len: PAGE,
        };
        // SAFETY: the page is memory of ours, and nobody writes to it while it is in the pipe.
        let spliced = unsafe { libc::vmsplice(pipe.1.as_raw_fd(), &raw const part, 1, 0) };
        assert_eq!(spliced, 4096, "{}", io::Error::last_os_error());
        Self {
            _memory: memory,
            _pipe: pipe,
        }
    }
}

/// A limit on the length of kept stacks, until it is dropped.
struct ShortStacks;

impl ShortStacks {
    fn of(functions: u32) -> Self {
        // The limit cannot change while stacks are kept, as those of a tool that has just ended
        // still are.
        eventually(MAX_STACK, || {
            fs::write(MAX_STACK, functions.to_string()).map_err(|error| error.to_string())
        });
        Self
    }
}

impl Drop for ShortStacks {
    fn drop(&mut self) {
        let _ = fs::write(MAX_STACK, "127");
    }
}

/// Threads that wait for something of a name or kind, and the threads that are to act for it.
type Edge = (u32, &'static str, Vec<u32>);

/// Checks that these tasks wait for each other, and that no deadlock is seen; with status 5 it is
/// not excluded either. A scan may miss the pages that the offliner tries to move.
fn none(edges: &[Edge], status: i32) {
    eventually("these waits", || {
        let (data, code) = look::answer(&["--min-wait", "10ms"]);
        let items = data["items"].as_array().unwrap();
        assert!(
            items.iter().all(|item| item.get("cycle_id").is_none()),
            "{items:#?}"
        );
        let are_there = edges
            .iter()
            .all(|edge| items.iter().any(|item| is_edge(item, edge)));
        match code == Some(status) && are_there {
            true => Ok(()),
            false => Err(format!("{code:?}: {items:#?}")),
        }
    });
}

fn is_edge(item: &Value, (tid, resource, holders): &Edge) -> bool {
    let of = &item["resource"];
    let is_it = of["name"] == *resource || of["kind"] == *resource;
    let found = item["holders"].as_array().into_iter().flatten();
    let found = found.map(|holder| holder["tid"].as_u64().unwrap());
    let is_wait = item["tid"] == *tid && item.get("waited_ns").is_some();
    is_it && is_wait && found.eq(holders.iter().copied().map(u64::from))
}

/// In the first case the owner of `cgroup_mutex` waits for nobody; in the second the block going
/// offline has no page of the dumper's, but one of a task that waits for nobody.
#[test]
fn not_without_the_mutex_nor_the_page() {
    let stacks = ShortStacks::of(32);
    let doctor = tool::run(&["doctor"]);
    assert!(tool::stdout(&doctor).contains("of up to 32 functions"));
    // The owner ends only after the offliner, also if this test fails.
    let mut owner = Taker::with(&[]);
    let mut coredump = Coredump::start(Then::MakeCgroup);
    coredump.take_memory();
    let blocks = spare_blocks();
    let stuck = blocks.iter().find(|block| state(block) == "going-offline");
    let stuck = stuck.unwrap().clone();
    owner.take("g0");
    coredump.go();
    let (reader, dumper) = (coredump.reader, coredump.dumper.0.id());
    let offliner = |coredump: &Coredump| coredump.offliner.as_ref().unwrap().0.id();
    none(
        &[
            (reader, "cgroup_mutex", vec![owner.tid()]),
            (offliner(&coredump), "page_ref", vec![dumper]),
        ],
        0,
    );
    drop(stacks);

    coredump.leave_memory();
    let block: &PathBuf = blocks.iter().find(|block| **block != stuck).unwrap();
    if state(block) == "offline" {
        fs::write(block.join("state"), "online_movable").unwrap();
    }
    let kept = Kept::within(block);
    coredump.take(std::slice::from_ref(block));
    owner.want("h0");
    // The holder of the page is not found.
    none(
        &[
            (reader, "cgroup_mutex", vec![owner.tid()]),
            (owner.tid(), "mem_hotplug_lock", vec![offliner(&coredump)]),
            (offliner(&coredump), "page_ref", vec![]),
        ],
        5,
    );

    coredump.leave_memory();
    drop((kept, owner));
    coredump.undo();
}

fn state(block: &Path) -> String {
    let state = fs::read_to_string(block.join("state")).unwrap();
    state.trim().to_owned()
}
