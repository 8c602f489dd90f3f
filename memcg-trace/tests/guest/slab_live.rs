//! Slab totals of a stream: background walks are the base, and events update it until the next
//! walk.

use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder};
use crate::slab_walk::walk::{INODES, make_files};

/// Objects that a cgroup has of a cache, their uncertainty, and the number made since the start;
/// `None` before the first walk.
fn held(frame: &Frame, path: &str) -> Option<(u64, u64, u64)> {
    let row = row(frame, path)?;
    let objects = row.data["objects"].as_u64()?;
    let uncertain = row.number("uncertain_objects");
    Some((objects, uncertain, row.number("alloc_total")))
}

/// The row of the cgroup and the cache; `None` before the first walk.
fn row<'a>(frame: &'a Frame, path: &str) -> Option<&'a Record> {
    let mut rows = frame.records.iter();
    let row = rows.find(|row| row.is_of("slab", path) && row.data["cache"] == INODES)?;
    row.data["objects"].is_u64().then_some(row)
}

/// Waits until a cgroup has so many objects.
fn until_held(export: &mut Export, path: &str, objects: u64) -> (u64, u64, u64) {
    export.until("objects", |frame| match held(frame, path) {
        Some(held) if held.0 == objects => Ok(held),
        held => Err(format!("{held:?}")),
    })
}

/// Waits for the next walk but one, which began after now, and returns `look` of the frame that
/// contains it.
fn after_walks<T>(export: &mut Export, look: impl Fn(&Frame) -> T) -> T {
    let mut walks = 0;
    export.until("two walks", |frame| {
        let mut records = frame.records.iter();
        walks += u32::from(records.any(|record| record.kind == "slab_cache"));
        if walks == 2 {
            Ok(look(frame))
        } else {
            Err(format!("{walks} walks ended"))
        }
    })
}

#[test]
fn totals_of_a_stream_stay_true() {
    let folder = Folder::new("live-slab");
    let parent = Cgroup::new("live-slab");
    let child = parent.child("child");
    let (path, heir) = (child.path(), parent.path());
    // Objects from before the start of the tool.
    make_files(&child, &folder, 0..1000);
    let mut export = Export::start(&["--walk-budget", "20"]);
    let (objects, uncertain, made) = until_held(&mut export, &path, 1000);
    println!("before: {objects} objects, uncertain by {uncertain}, {made} of them made since");
    assert_eq!((uncertain, made), (0, 0));

    make_files(&child, &folder, 1000..1500);
    let frame = export.fresh();
    let (objects, uncertain, made) = held(&frame, &path).unwrap();
    println!("made: {objects} objects, uncertain by {uncertain}, {made} of them made since");
    assert_eq!(made, 500);
    assert!(objects.abs_diff(1500) <= uncertain);
    // At rest there is nothing to correct.
    let found = after_walks(&mut export, |frame| held(frame, &path));
    assert_eq!(found, Some((1500, 0, 500)));

    child.remove();
    let (_, _, made) = until_held(&mut export, &heir, 1500);
    assert_eq!(made, 0, "they were not made in it");
    let (row, memcg) = after_walks(&mut export, |frame| {
        let mut rows = frame.records.iter();
        let row = rows.find(|row| row.is_of("slab", &heir) && row.data["cache"] == INODES);
        let memcg = frame.one("memcg", &heir).unwrap();
        (row.unwrap().clone(), memcg.clone())
    });
    println!("{}", row.data);
    assert_eq!(row.number("objects"), 1500);
    assert_eq!(row.number("inherited_objects"), 1500);
    assert!(memcg.number("slab_objects") >= 4500, "{:?}", memcg.data);
    assert!(
        memcg.number("inherited_bytes") >= 1500 * 600,
        "{:?}",
        memcg.data
    );
    export.stop();
}

/// A cgroup's own files come and go: the figures contain all that certainly exists, and at rest
/// they are exact again, with a drift no bigger than the uncertainty.
#[test]
fn totals_of_a_churning_cgroup_are_within_their_bound() {
    const KEPT: u64 = 1000;
    let (folder, storm) = (Folder::new("churn-kept"), Folder::new("churn-storm"));
    let cgroup = Cgroup::new("churn");
    let path = cgroup.path();
    make_files(&cgroup, &folder, 0..1000);
    let script = "while :; do i=0; while [ $i -lt 50 ]; do : > $1/$i; i=$((i+1)); done; \
                  rm $1/*; done";
    let blower = cgroup.start(script, &[storm.path()]);
    let mut export = Export::start(&["--walk-budget", "20"]);
    let mut walks = 0;
    let mut bounds = Vec::new();
    export.until("three walks in the storm", |frame| {
        let mut records = frame.records.iter();
        let walked = records.any(|record| record.kind == "slab_cache");
        let Some(row) = row(frame, &path) else {
            return Err("no walk yet".to_owned());
        };
        let (objects, uncertain) = (row.number("objects"), row.number("uncertain_objects"));
        assert!(objects + uncertain >= KEPT, "{}", row.data);
        if walked {
            bounds.push(uncertain);
            walks += 1;
        }
        // The first base is uncertain by the objects that its walk missed, and so is the next one.
        if let (Some(drift), [.., before, now]) = (row.data["drift_objects"].as_i64(), &bounds[..])
        {
            println!("{objects} objects, uncertain by {before} and {now}, drift {drift}");
            assert!(drift.unsigned_abs() <= before + now);
        }
        if walks == 3 {
            Ok(())
        } else {
            Err(format!("{walks} walks"))
        }
    });
    drop(blower);
    // Freed objects are gone after a grace period.
    let left = export.until("rest", |frame| match held(frame, &path) {
        Some((objects, 0, _)) if (KEPT..=KEPT + 50).contains(&objects) => Ok(objects),
        held => Err(format!("{held:?}")),
    });
    let files = std::fs::read_dir(&storm.0).unwrap().count() as u64;
    println!("{left} objects at rest, {files} files of the storm are left");
    export.stop();
}
