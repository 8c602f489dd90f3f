//! Runs of BPF programs, as the kernel counted them while `BPF_ENABLE_STATS` was on.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use aya::programs::loaded_programs;
use aya::sys::{Stats, enable_stats};

/// Characters of a program's name that the kernel keeps.
const NAME: usize = 15;

/// Runs of a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runs {
    pub count: u64,
    pub ns: u64,
}

impl Runs {
    /// Nanoseconds; not a number if it never ran.
    pub fn per_run(self) -> f64 {
        self.ns as f64 / self.count as f64
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            ns: self.ns + other.ns,
        }
    }
}

/// Ids of the programs that are loaded now, which are not measured.
pub fn ids() -> Result<HashSet<u32>> {
    loaded_programs().map(|info| Ok(info?.id())).collect()
}

/// Runs of the programs that are not in `before`, during `work`.
pub fn during(
    before: &HashSet<u32>,
    work: impl FnOnce() -> Result<()>,
) -> Result<BTreeMap<String, Runs>> {
    let on = enable_stats(Stats::RunTime)?;
    let begin = counters(before)?;
    work()?;
    drop(on);
    let mut runs: BTreeMap<String, Runs> = BTreeMap::new();
    for (id, (name, end)) in counters(before)? {
        let begin = begin.get(&id).map_or(Runs::default(), |(_, runs)| *runs);
        let more = Runs {
            count: end.count - begin.count,
            ns: end.ns - begin.ns,
        };
        if more.count != 0 {
            let sum = runs.entry(name).or_default();
            *sum = sum.plus(more);
        }
    }
    Ok(runs)
}

/// The part of a program's name that the kernel keeps.
pub fn short(name: &str) -> &str {
    name.get(..NAME).unwrap_or(name)
}

fn counters(before: &HashSet<u32>) -> Result<BTreeMap<u32, (String, Runs)>> {
    let mut all = BTreeMap::new();
    for info in loaded_programs() {
        let info = info?;
        if before.contains(&info.id()) {
            continue;
        }
        let runs = Runs {
            count: info.run_count(),
            ns: u64::try_from(info.run_time().as_nanos()).unwrap_or(u64::MAX),
        };
        let name = info.name_as_str().unwrap_or("?").to_owned();
        all.insert(info.id(), (name, runs));
    }
    Ok(all)
}
