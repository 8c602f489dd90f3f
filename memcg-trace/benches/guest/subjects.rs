//! Cost of each program of the default set, under a workload for all of them.

use anyhow::Result;
use memcg_trace::kernel::hooks::facts::Facts;

use crate::cases::Case;
use crate::guest;
use crate::programs;
use crate::storm::{Storm, churn};
use crate::table::Table;

pub fn report(facts: &Facts) -> Result<()> {
    let storm = Storm::new()?;
    let before = programs::ids()?;
    let mut attached = Case::All.attach(facts)?;
    attached.warm_up(|| storm.run().map(drop))?;
    let runs = programs::during(&before, || {
        storm.run()?;
        guest::leave()?;
        churn()
    })?;
    drop((storm, attached));
    let mut table = Table::new(
        "All subjects: a storm, cgroups that come and go in three threads, caches dropped",
        &["program", "runs", "time ns", "ns/run"],
    );
    for (name, runs) in runs {
        table.row([
            name,
            runs.count.to_string(),
            runs.ns.to_string(),
            format!("{:.1}", runs.per_run()),
        ]);
    }
    table.print();
    Ok(())
}
