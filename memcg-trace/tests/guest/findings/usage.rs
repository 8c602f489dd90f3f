//! How much a cgroup uses: next to its limit, or all and nothing in turn.

use std::fs;

use super::{Watch, figure};
use crate::host::{Cgroup, Folder};

const MIB: u64 = 1 << 20;
/// What is read and forgotten again and again.
const CACHE_MIB: u64 = 80;

/// Memory that nobody can take away, charged to a cgroup: files without a disk. This process has
/// threads at work, and would leave there what they happen to touch.
fn memory(cgroup: &Cgroup, mib: u64) -> Folder {
    let folder = Folder::new(cgroup.path().trim_start_matches('/'));
    let (file, count) = (
        format!("of={}", folder.file("memory")),
        format!("count={mib}"),
    );
    cgroup.run("dd if=/dev/zero \"$1\" bs=1M \"$2\" 2>&-", &[&file, &count]);
    folder
}

fn usage_bytes(cgroup: &Cgroup) -> u64 {
    cgroup.get("memory.current").trim().parse().unwrap()
}

pub fn collapses_and_refills(watch: &mut Watch, file: &str) {
    let (cgroup, twin) = (Cgroup::new("sawtooth"), Cgroup::new("steady"));
    // Nobody can take it away: neither this one nor the root, which has both, falls by much.
    let steady = memory(&twin, 2 * CACHE_MIB);
    let mut is_full = false;
    let read = format!("exec dd if=\"$1\" of=/dev/null bs=1M count={CACHE_MIB} 2>&-");
    let found = watch.until_found("sawtooth", |frame| {
        // A walk has to see each.
        let seen = frame.one("memcg", "/sawtooth").ok();
        let seen = seen.and_then(|one| one.data["usage_bytes"].as_u64());
        let Some(seen) = seen else { return };
        if is_full && seen >= CACHE_MIB * MIB {
            fs::write("/proc/sys/vm/drop_caches", "1").unwrap();
            is_full = false;
        } else if !is_full && seen < CACHE_MIB * MIB / 2 {
            cgroup.run(&read, &[file]);
            is_full = true;
        }
    });
    drop(steady);
    assert!(figure(&found, "teeth") >= 3);
    assert!(figure(&found, "peak_bytes") >= CACHE_MIB * MIB);
    assert!(figure(&found, "trough_bytes") < CACHE_MIB * MIB / 2);
    watch.assert_told(&[("sawtooth", Some("/sawtooth"))]);
}

pub fn comes_near_its_limit(watch: &mut Watch) {
    let (near, far) = (Cgroup::new("near"), Cgroup::new("far"));
    let both = [&near, &far].map(|cgroup| memory(cgroup, 8));
    // 97 % and 80 % of it.
    near.set("memory.high", &(usage_bytes(&near) * 100 / 97).to_string());
    far.set("memory.high", &(usage_bytes(&far) * 100 / 80).to_string());
    let found = watch.until_found("near_high", |_| ());
    let headroom = figure(&found, "headroom_bytes");
    assert!(0 < headroom && headroom < MIB / 2, "{found:?}");
    near.set("memory.high", "max");
    watch.until_over(&found);
    drop(both);
    watch.assert_told(&[("near_high", Some("/near"))]);
}
