//! Twenty tasks that sleep over memory.high at once.

use super::{assert_pressure, assert_reclaims, of, sum};
use crate::export::Export;
use crate::host::{Cgroup, Folder};

const SLEEPERS: usize = 20;

pub fn lose_nothing(export: &mut Export) {
    let cgroup = Cgroup::new("sleepers");
    let folder = Folder::new("sleepers");
    cgroup.set("memory.high", "1M");
    // Pages of tmpfs that cannot be reclaimed: each task is over the limit, and sleeps.
    let writers: Vec<_> = (0..SLEEPERS)
        .map(|at| {
            let name = folder.file(&format!("{at}"));
            cgroup.start(
                "exec dd if=/dev/zero of=\"$1\" bs=4k count=128 2>&-",
                &[&name],
            )
        })
        .collect();
    export.until("they have slept", |frame| {
        let slept = sum(frame, "/sleepers", Some("high"), "throttles_total");
        match slept >= SLEEPERS as u64 {
            true => Ok(()),
            false => Err(format!("{slept}")),
        }
    });
    drop(writers);
    let frame = export.fresh();
    assert_reclaims(&frame, &cgroup, "high");
    for row in of(&frame, "/sleepers", Some("high")) {
        assert_eq!(row.data["limited_by_path"], "/sleepers", "{row:?}");
    }
    assert_pressure(export, &cgroup);
}
