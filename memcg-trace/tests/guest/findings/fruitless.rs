//! A shrinker that is scanned again and again and frees nothing, beside one that frees as asked.

use std::fs;

use super::{Watch, figure};
use crate::shrinker_module::Shrinkers;

/// Objects of each (xtask/guest/module/shrinkers.c).
const OBJECTS: u64 = 50_000;
const INTERVALS: u64 = 3;

pub fn scanning(watch: &mut Watch) {
    let Some(shrinkers) = Shrinkers::load() else {
        return;
    };
    // The twin alone is scanned as much, and is no finding.
    let drop_caches = || fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
    for _ in 0..=INTERVALS {
        shrinkers.have("all");
        drop_caches();
        watch.next();
    }
    watch.assert_told(&[]);

    shrinkers.have("nothing");
    let found = watch.until_found("fruitless_scanning", |_| {
        shrinkers.have("all");
        drop_caches();
    });
    let figures = &found.data["figures"];
    println!("{figures}");
    assert_eq!(figures["shrinker"], "nothing_scan");
    assert_eq!(figures["cause"], "drop_caches");
    assert_eq!(figure(&found, "intervals"), INTERVALS);
    // In each interval all objects that the shrinker reports.
    assert!(figure(&found, "scanned_objects") >= INTERVALS * OBJECTS);
    assert_eq!(figure(&found, "freed_objects"), 0);

    let frame = watch.fresh();
    let twin = frame
        .of_kind("shrinker")
        .find(|row| row.data["shrinker"] == "all_scan");
    let twin = twin.unwrap_or_else(|| panic!("no twin: {:#?}", frame.records));
    let [scanned, freed] =
        ["scanned_objects_total", "freed_objects_total"].map(|name| twin.number(name));
    println!("the twin: {scanned} scanned, {freed} freed");
    assert!(scanned >= 2 * INTERVALS * OBJECTS * 9 / 10, "{twin:?}");
    assert!(freed >= scanned / 2, "{twin:?}");
    watch.assert_told(&[("fruitless_scanning", Some("/"))]);
}
