//! Slab totals of a stream: walks in the background say what there is, and events keep it true
//! from one to the next.

use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder};
use crate::slab_walk::walk::{INODES, make_files};

/// Objects that a cgroup has of a cache, how many that is uncertain by, and how many were made
/// since the start; nothing before the first walk.
fn held(frame: &Frame, path: &str) -> Option<(u64, u64, u64)> {
    let mut rows = frame.records.iter();
    let row = rows.find(|row| row.is_of("slab", path) && row.data["cache"] == INODES)?;
    let objects = row.data["objects"].as_u64()?;
    let uncertain = row.number("uncertain_objects");
    Some((objects, uncertain, row.number("alloc_total")))
}

/// Waits until a cgroup has so many objects.
fn until_held(export: &mut Export, path: &str, objects: u64) -> (u64, u64, u64) {
    export.until("objects", |frame| match held(frame, path) {
        Some(held) if held.0 == objects => Ok(held),
        held => Err(format!("{held:?}")),
    })
}

/// Waits for the next walk but one, which began after now, and looks at the frame that it
/// arrives with.
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
    // What was there before the tool was.
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
    // At rest there is nothing to be put right.
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
