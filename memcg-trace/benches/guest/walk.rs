//! Cost of the walk of memory cgroups, and of a complete sample.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;

use crate::guest::now_ns;
use crate::table::{Table, median, ms, per};

const WALKS: usize = 5;

pub fn report(facts: &Facts) -> Result<()> {
    let columns = ["what", "memcgs", "ms", "memcgs/s", "ns/memcg"];
    let mut table = Table::new("The walk, and a sample around it, medians", &columns);
    for (name, subjects) in [
        ("memcg alone", &[Subject::Memcg][..]),
        ("all", Subject::ALL),
    ] {
        let begin = now_ns();
        let mut session = Session::open(facts, subjects, None, false)?;
        let opened_ns = (now_ns() - begin) as f64;
        let (mut walks, mut samples, mut memcgs) = (Vec::new(), Vec::new(), 0);
        for _ in 0..WALKS {
            let begin = now_ns();
            let sample = session.sample()?;
            samples.push((now_ns() - begin) as f64);
            let walk = sample.memcgs.context("a sample without a walk")?;
            memcgs = walk.rows.len();
            walks.push(walk.took_ns as f64);
            // The walk is not due again before that.
            thread::sleep(Duration::from_nanos(walk.took_ns * 100));
        }
        let mut row = |what: String, ns: f64| {
            let count = memcgs as f64;
            table.row([
                what,
                memcgs.to_string(),
                ms(ns),
                format!("{:.0}", count * 1e9 / ns),
                per(ns, count),
            ]);
        };
        row(format!("{name}: walk"), median(&walks));
        row(format!("{name}: sample"), median(&samples));
        table.row([format!("{name}: open"), "-".to_owned(), ms(opened_ns)]);
    }
    table.print();
    Ok(())
}
