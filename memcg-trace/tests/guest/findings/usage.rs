//! Usage of a cgroup: close to its limit, or high and low in turn.

use super::{Watch, figure};
use crate::host::{Cgroup, Folder};
use crate::pins::memory::Memory;

const MIB: u64 = 1 << 20;
/// Memory that comes and goes again and again.
const TOOTH_MIB: u64 = 80;

/// Memory that cannot be reclaimed, charged to a cgroup: files without a disk. The threads of this
/// process would leave pages there that they happen to touch.
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

/// Memory of this process, charged to a cgroup. It is freed at once, between two walks, however
/// long it takes to fill: a fall over several intervals does not count.
fn huge(cgroup: &Cgroup, mib: u64) -> Memory {
    cgroup.inside(|| {
        let memory = Memory::huge(usize::try_from(mib).unwrap());
        memory.touch();
        memory
    })
}

pub fn collapses_and_refills(watch: &mut Watch) {
    let (cgroup, twin) = (Cgroup::new("sawtooth"), Cgroup::new("steady"));
    // It stays: the usage of neither the twin nor the root, which has both, falls by much.
    let steady = huge(&twin, 2 * TOOTH_MIB);
    let mut tooth = None;
    let found = watch.until_found("sawtooth", |frame| {
        // A walk has to see each state.
        let seen = frame.one("memcg", "/sawtooth").ok();
        let seen = seen.and_then(|one| one.data["usage_bytes"].as_u64());
        let Some(seen) = seen else { return };
        if tooth.is_some() && seen >= TOOTH_MIB * MIB {
            tooth = None;
        } else if tooth.is_none() && seen < TOOTH_MIB * MIB / 2 {
            tooth = Some(huge(&cgroup, TOOTH_MIB));
        }
    });
    drop((steady, tooth));
    assert!(figure(&found, "teeth") >= 3);
    assert!(figure(&found, "peak_bytes") >= TOOTH_MIB * MIB);
    assert!(figure(&found, "trough_bytes") < TOOTH_MIB * MIB / 2);
    watch.assert_told(&[("sawtooth", Some("/sawtooth"))]);
}

pub fn comes_near_its_limit(watch: &mut Watch) {
    let (near, far) = (Cgroup::new("near"), Cgroup::new("far"));
    let both = [&near, &far].map(|cgroup| memory(cgroup, 8));
    // The usage is 97 % and 80 % of the limit.
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
