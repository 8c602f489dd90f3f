//! Memory cgroups and zombies, against the cgroup file system and `cgroup.stat`.

use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder, directories, memcgs, root_stat, use_every_cpu};

/// Checks that counts and paths of a snapshot are the kernel's, with so many zombies more than the
/// kernel counts.
fn agrees(frame: &Frame, uncounted: u64) -> Result<String, String> {
    let (paths, live) = (memcgs(), frame.live());
    let dying = root_stat("nr_dying_descendants").unwrap();
    // Newer kernels also count a dead memory controller of a live cgroup.
    let dying_memory = root_stat("nr_dying_subsys_memory");
    let zombies = frame.zombies();
    let said = format!(
        "{} live of {} directories, {zombies} zombies; nr_dying_descendants {dying}, \
         nr_dying_subsys_memory {dying_memory:?}",
        live.len(),
        directories()
    );
    if paths != live {
        return Err(format!("{said}: {live:?}, but the kernel has {paths:?}"));
    }
    let of_root = frame.one("memcg", "/")?.number("zombies");
    let agrees = zombies == dying + uncounted
        && of_root == zombies
        && dying_memory.is_none_or(|dying| dying == zombies);
    if agrees { Ok(said) } else { Err(said) }
}

/// A zombie that a socket pins, and nothing else.
fn pinned(frame: &Frame, path: &str) -> Result<(), String> {
    let zombie = frame.one("zombie", path)?;
    let phase = zombie.data["phase"].as_str().unwrap();
    if phase == "pinned" {
        // The references are counted once a walk finds the zombie confirmed dead; the socket has
        // one.
        let refs = zombie.data["refs"].as_i64();
        let refs = refs.ok_or_else(|| format!("{path} has no refs yet"))?;
        assert!(refs > 0, "{zombie:?}");
        return Ok(());
    }
    // A worker of the kernel has not reached it yet.
    assert!(
        ["kill_pending", "offline_queued"].contains(&phase),
        "{zombie:?}"
    );
    Err(format!("{path} is {phase}"))
}

/// All tests in one start of the tool.
#[test]
fn memcgs_and_zombies_are_those_of_the_kernel() {
    let mut export = counts_and_paths();
    a_file_left_behind(&mut export);
    a_memory_controller_that_dies_alone(&mut export);
    usage_and_limits_are_those_of_the_files(&mut export);
    export.stop();
}

/// Cgroups from before the start are counted as well.
fn counts_and_paths() -> Export {
    let other = Cgroup::new("other");
    let parent = Cgroup::new("life");
    let before = [
        parent.child("b1"),
        parent.child("b2"),
        Cgroup::new("life-3"),
    ];
    let deep = before[0].child("deep");
    let mut sockets = vec![parent.child("z1").into_zombie()];
    sockets.push(before[1].child("z2").into_zombie());

    let mut export = Export::start(&[]);
    let said = export.until("before the start", |frame| {
        pinned(frame, "/life/z1")?;
        pinned(frame, "/life/b2/z2")?;
        assert_eq!(
            frame.one("zombie", "/life/z1")?.data["creator"],
            serde_json::Value::Null
        );
        assert_eq!(frame.one("memcg", "/life")?.number("zombies"), 2);
        let deep_record = frame.one("memcg", "/life/b1/deep")?;
        assert_eq!(deep_record.number("cgroup_id"), deep.id());
        assert_eq!(deep_record.number("parent_cgroup_id"), before[0].id());
        agrees(frame, 0)
    });
    println!("before the start: {said}");

    let born = Cgroup::new("life-born");
    sockets.push(parent.child("z3").into_zombie());
    let said = export.until("while it runs", |frame| {
        pinned(frame, "/life/z3")?;
        let zombie = frame.one("zombie", "/life/z3")?;
        assert_eq!(
            zombie.data["creator"]["pid"].as_u64(),
            Some(std::process::id().into())
        );
        let age_ns = zombie.data["age_ns"].as_u64();
        let age_ns = age_ns.ok_or("its death was seen, but no age")?;
        assert!(age_ns > 0 && age_ns < 120_000_000_000, "{age_ns}");
        assert_eq!(frame.one("memcg", "/life")?.number("zombies"), 3);
        agrees(frame, 0)
    });
    println!("while it runs: {said}");

    drop((born, deep, sockets));
    let said = export.until("released", |frame| {
        let left = frame
            .of_kind("zombie")
            .find(|zombie| zombie.path().unwrap().starts_with("/life"));
        let said = agrees(frame, 0)?;
        let Some(zombie) = left else {
            return Ok(said);
        };
        let why = format!("still there, as the kernel says: {said} {zombie:?}");
        use_every_cpu(&other);
        Err(why)
    });
    println!("released: {said}");
    export
}

/// Pages of a file pin the cgroup that wrote them, until 7.x reparents them; the kernel's own count
/// is the reference.
fn a_file_left_behind(export: &mut Export) {
    let other = Cgroup::new("other");
    let folder = Folder::new("left-behind");
    let file = folder.file("pages");
    let writer = Cgroup::new("writer");
    writer.run("dd if=/dev/zero of=\"$1\" bs=64k count=32 2>&-", &[&file]);
    let is_there = |frame: &Frame| frame.one("zombie", "/writer").is_ok();
    export.until("its usage", |frame| {
        let usage = &frame.one("memcg", "/writer")?.data["usage_bytes"];
        let usage = usage.as_u64().ok_or("known by its birth, not walked yet")?;
        let current: u64 = writer.get("memory.current").trim().parse().unwrap();
        if usage == current && usage >= 2 << 20 {
            Ok(())
        } else {
            Err(format!("{usage}, but memory.current {current}"))
        }
    });
    writer.remove();
    let (said, zombie) = export.until("after rmdir", |frame| {
        Ok((agrees(frame, 0)?, is_there(frame)))
    });
    println!("after rmdir: {said}; a zombie: {zombie}");
    drop(folder);
    let said = export.until("after rm", |frame| {
        let said = agrees(frame, 0)?;
        if is_there(frame) {
            use_every_cpu(&other);
            return Err(format!("still there, as the kernel says: {said}"));
        }
        Ok(said)
    });
    println!("after rm: {said}");
}

/// `-memory` kills the controller of a live cgroup. Only `nr_dying_subsys_memory` counts such
/// controllers, and kernels before 6.12 do not have it.
fn a_memory_controller_that_dies_alone(export: &mut Export) {
    let other = Cgroup::new("other");
    let parent = Cgroup::new("alone");
    let child = parent.child("c");
    let socket = child.socket();
    parent.set("cgroup.subtree_control", "-memory");
    assert!(
        !child.dir().join("memory.current").exists(),
        "the kernel kept it"
    );
    let said = export.until("a zombie without rmdir", |frame| {
        pinned(frame, "/alone/c")?;
        agrees(frame, 1)
    });
    println!("dead: {said}");
    parent.set("cgroup.subtree_control", "+memory");
    let said = export.until("dead and alive", |frame| {
        let all: Vec<_> = frame
            .records
            .iter()
            .filter(|record| record.is_of("memcg", "/alone/c"))
            .collect();
        if all.len() != 2 {
            return Err(format!("{} memcgs /alone/c", all.len()));
        }
        // One directory, two controllers.
        assert!(
            all.iter()
                .all(|memcg| memcg.number("cgroup_id") == child.id())
        );
        assert_ne!(all[0].number("serial_nr"), all[1].number("serial_nr"));
        agrees(frame, 1)
    });
    println!("another one: {said}");
    drop(socket);
    let said = export.until("released", |frame| {
        use_every_cpu(&other);
        frame.one("memcg", "/alone/c")?;
        agrees(frame, 0)
    });
    println!("released: {said}");
}

fn usage_and_limits_are_those_of_the_files(export: &mut Export) {
    let (quiet, open) = (Cgroup::new("quiet"), Cgroup::new("open"));
    quiet.set("memory.high", "67108864");
    quiet.set("memory.max", "134217728");
    quiet.set("memory.low", "33554432");
    let folder = Folder::new("quiet");
    quiet.run(
        "dd if=/dev/zero of=\"$1\" bs=64k count=48 2>&-",
        &[&folder.file("a")],
    );
    let usage = export.until("its usage", |frame| {
        let memcg = frame.one("memcg", "/quiet")?;
        if memcg.data["usage_bytes"].is_null() {
            return Err("known by its birth, not walked yet".to_owned());
        }
        assert_eq!(memcg.number("high_bytes"), 64 << 20);
        assert_eq!(memcg.number("max_bytes"), 128 << 20);
        let low: u64 = quiet.get("memory.low").trim().parse().unwrap();
        assert_eq!(memcg.number("low_bytes"), low);
        let usage = memcg.number("usage_bytes");
        let current: u64 = quiet.get("memory.current").trim().parse().unwrap();
        if usage == current {
            Ok(usage)
        } else {
            Err(format!("{usage}, but memory.current {current}"))
        }
    });
    println!("/quiet: usage {usage} bytes");
    assert!(usage >= 3 << 20, "{usage}");
    // "max" is the largest value of the counter, as the kernel's own files show it in version 1.
    let frame = export.fresh();
    let memcg = frame.one("memcg", "/open").unwrap();
    for (field, file) in [("high_bytes", "memory.high"), ("max_bytes", "memory.max")] {
        assert_eq!(open.get(file), "max\n");
        assert_eq!(memcg.number(field), (i64::MAX as u64 / 4096) * 4096);
    }
    assert_eq!(open.get("memory.low"), "0\n");
    assert_eq!(memcg.number("low_bytes"), 0);
}
