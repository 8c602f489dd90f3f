//! A host whose cgroups all read, each within a limit; and one cgroup that has mostly slab.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Watch, figure};
use crate::export::Frame;
use crate::host::{Cgroup, DEADLINE, Process};

/// Snapshots in which a quiet or evenly loaded host is watched.
const LONG: usize = 7;
/// Fewer pages reclaimed of each make the test worthless.
const ENOUGH_PAGES: u64 = 10_000;
const PIPES: u64 = 4_000;
/// A pipe of this size needs an array of records of one 8 KiB slab object (fs/pipe.c).
const PIPE_BYTES: usize = 128 * 4096;
/// Pages of files that fit into a cgroup.
const ROOM: u64 = 24 << 20;

fn read(cgroup: &Cgroup, file: &str) -> Process {
    cgroup.start("exec dd if=\"$1\" of=/dev/null bs=64k 2>&-", &[file])
}

pub fn is_even(watch: &mut Watch, file: &str) {
    for _ in 0..LONG {
        watch.next();
    }
    watch.assert_told(&[]);

    let all = ["even-1", "even-2"].map(Cgroup::new);
    let readers = all.each_ref().map(|cgroup| {
        cgroup.set("memory.max", &ROOM.to_string());
        read(cgroup, file)
    });
    let taken = |frame: &Frame, cgroup: &Cgroup| -> u64 {
        let rows = frame.of_kind("reclaim");
        let rows = rows.filter(|row| row.path() == Some(&cgroup.path()));
        rows.map(|row| row.number("reclaimed_pages_total")).sum()
    };
    // For the same time, and on a slow host until enough is reclaimed.
    let begin = Instant::now();
    let mut seen = 0;
    loop {
        let frame = watch.next();
        seen += 1;
        let taken = all.each_ref().map(|cgroup| taken(&frame, cgroup));
        if seen >= LONG && taken.iter().all(|taken| *taken > ENOUGH_PAGES) {
            println!("{taken:?} pages taken in {seen} snapshots");
            break;
        }
        assert!(begin.elapsed() < DEADLINE, "too little: {taken:?}");
    }
    drop(readers);
    watch.fresh();
    watch.assert_told(&[]);
}

/// The table of this process' descriptors, large enough for all pipes. It lives as long as the
/// process: it must not be charged to a cgroup, which it would pin.
fn room_for_pipes() {
    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit {
        current: limit.current.map(|current| current + 3 * PIPES),
        maximum: limit.maximum.map(|maximum| maximum + 3 * PIPES),
    };
    setrlimit(Resource::Nofile, more).unwrap();
    let last = i32::try_from(3 * PIPES).unwrap();
    drop(fcntl_dupfd_cloexec(std::io::stdin(), last).unwrap());
}

fn pipes() -> Vec<(OwnedFd, OwnedFd)> {
    let pipe = |_| {
        let both = pipe_with(PipeFlags::CLOEXEC).unwrap();
        fcntl_setpipe_size(&both.0, PIPE_BYTES).unwrap();
        both
    };
    (0..PIPES).map(pipe).collect()
}

pub fn is_lopsided(watch: &mut Watch, file: &str) {
    let cgroup = Cgroup::new("lopsided");
    room_for_pipes();
    let pipes = cgroup.inside(pipes);
    let usage: u64 = cgroup.get("memory.current").trim().parse().unwrap();
    cgroup.set("memory.max", &(usage + ROOM).to_string());
    let reader = read(&cgroup, file);
    let found = watch.until_found("lopsided_reclaim", |_| ());
    drop((reader, pipes));
    let [slab, taken] = ["slab_bytes", "slab_taken_bytes"].map(|name| figure(&found, name));
    println!("slab {slab} bytes of {usage}, {taken} taken");
    assert!(slab >= PIPES * 8192, "{found:?}");
    assert!(figure(&found, "pages_taken_bytes") >= 64 << 20, "{found:?}");
    watch.assert_told(&[("lopsided_reclaim", Some("/lopsided"))]);
}
