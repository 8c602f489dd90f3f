//! Pages with holders other than page tables: rings of asynchronous I/O, buffers that are
//! registered with io_uring, merged pages.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::AsRawFd as _;

use rustix::fs::{Advice, fadvise};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, run};
use super::held_by_fd::{AioRing, Ring};
use super::held_files::succeeds;
use super::memory::Memory;
use super::pages::of_pages;
use crate::contract::Document;
use crate::disk;
use crate::host::{Cgroup, Folder, eventually, has_function, reparents_pages};
use crate::tool;

const PAGES: usize = 64;
const KSM: &str = "/sys/kernel/mm/ksm";

/// A context that outlives its creator's cgroup: its ring is page cache without a name.
fn aio_ring(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("aio-ring");
    let ring = cgroup.inside(AioRing::new);
    cgroup.remove();
    let pid = std::process::id();
    let holder = |how: &str| {
        json!({"fs": "aio", "backing": "memory", "how": how, "pid": pid,
               "held": {"refs": 4, "found": 4, "not_checked": []}})
    };
    Fixture {
        refs: Refs::AtLeast(1),
        holders: vec![holder("mapped"), holder("aio")],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        never: &["reclaim", "drop_file_pages", "remove_file"],
        follow: Box::new(move || drop(ring)),
        ..of_pages(cgroup.path(), "page_file", 1)
    }
}

/// Buffers whose mapping is gone: only the ring has their pages.
fn registered_buffer(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("registered-buffer");
    let memory = Memory::private(PAGES);
    cgroup.inside(|| memory.touch());
    cgroup.remove();
    let ring = Ring::new();
    ring.register(&memory);
    drop(memory);
    let pid = std::process::id();
    let refs = PAGES << 10;
    Fixture {
        holders: vec![json!({
            "object": "private_anon", "how": "ring", "pid": pid, "fd": ring.0.as_raw_fd(),
            "user_refs": refs, "held": {"refs": refs, "found": refs, "not_checked": []},
        })],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        never: &["reclaim"],
        follow: Box::new(move || drop(ring)),
        ..of_pages(cgroup.path(), "page_anon", PAGES as u64)
    }
}

/// One page in place of many with the same contents, mapped as often.
fn merged(parent: &Cgroup) -> Fixture {
    let set = |file: &str, value: &str| fs::write(format!("{KSM}/{file}"), value).unwrap();
    // Parts all pages again, and forgets those of an earlier test.
    set("run", "2");
    let cgroup = parent.child("merged");
    let memory = Memory::private(PAGES);
    cgroup.inside(|| memory.touch());
    memory.let_merge();
    set("pages_to_scan", "10000");
    set("sleep_millisecs", "1");
    set("run", "1");
    eventually("they are merged", || {
        let saved = fs::read_to_string(format!("{KSM}/pages_sharing")).unwrap();
        match saved.trim().parse::<usize>() {
            Ok(saved) if saved == PAGES - 1 => Ok(()),
            _ => Err(format!("{saved} pages are saved")),
        }
    });
    set("run", "0");
    cgroup.remove();
    Fixture {
        refs: Refs::Exactly(1),
        holders: vec![json!({
            "object": "private_anon", "how": "mapped", "pid": std::process::id(),
            "user_refs": PAGES, "held": {"refs": PAGES, "found": PAGES, "not_checked": []},
        })],
        advice: vec![("restart_process", vec![format!("[{}]", std::process::id())])],
        follow: Box::new(move || drop(memory)),
        ..of_pages(cgroup.path(), "page_anon", 1)
    }
}

/// Pages of a device that a file system is mounted from: the device keeps its inode, and so does
/// the file system on kernels where it has a file of the device open.
fn mounted_device(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("mounted-device");
    let disk = disk::unused();
    disk::format(&disk, &[]);
    mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
    let mut device = File::open(&disk).unwrap();
    device.seek(SeekFrom::Start(1 << 20)).unwrap();
    cgroup.inside(|| device.read_exact(&mut [0; PAGES * 4096]).unwrap());
    cgroup.remove();
    let has_file = has_function("bdev_file_open_by_dev");
    let refs = if has_file { 4 } else { 1 };
    let mut holder = json!({
        "object": "block_device", "path": disk,
        "held": {"refs": refs, "found": refs, "not_checked": []},
    });
    if has_file {
        holder["how"] = Value::from("mount");
        holder["name"] = Value::from(folder.path());
    }
    let reclaim = parent.dir().join("memory.reclaim");
    let reclaim = reclaim.exists().then_some(reclaim);
    let advised = match &reclaim {
        Some(file) => ("reclaim", file.to_str().unwrap().to_owned()),
        None => ("drop_file_pages", disk),
    };
    let mounted = folder.path().to_owned();
    Fixture {
        refs: Refs::AtLeast(PAGES as u64),
        // On kernels without bdev_alloc(), whoever has the device open keeps its inode.
        holders: Vec::from_iter(has_function("bdev_alloc").then_some(holder)),
        advice: vec![(advised.0, vec![advised.1])],
        never: &["remove_file"],
        follow: Box::new(move || {
            match reclaim {
                Some(file) => drop(fs::write(file, "64M")),
                None => fadvise(&device, 0, None, Advice::DontNeed).unwrap(),
            }
            drop(device);
            // Pages that the file system itself uses go with it.
            unmount(mounted, UnmountFlags::empty()).unwrap();
        }),
        ..of_pages(cgroup.path(), "page_file", PAGES as u64)
    }
}

/// A file that is swapped to, with pages from when it was written.
fn swap_file(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("swap-file");
    let disk = disk::unused();
    disk::format(&disk, &[]);
    mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
    let name = folder.file("swap");
    let pages = vec![1; PAGES * 4096];
    cgroup.inside(|| fs::write(&name, &pages).unwrap());
    succeeds(&["mkswap", &name]);
    succeeds(&["swapon", &name]);
    cgroup.remove();
    let reclaim = parent.dir().join("memory.reclaim");
    let mounted = folder.path().to_owned();
    Fixture {
        refs: Refs::AtLeast(PAGES as u64),
        // Older kernels leave an inode that was written to the dead writeback, as long as it is used.
        company: &["writeback"],
        holders: vec![json!({"object": "file", "path": name, "how": "swap", "pid": null})],
        never: &["remove_file"],
        follow: Box::new(move || {
            if reclaim.exists() {
                // It fails where less than that could be reclaimed.
                drop(fs::write(reclaim, "64M"));
            } else {
                let file = File::open(&name).unwrap();
                fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            }
            succeeds(&["swapoff", &name]);
            unmount(mounted, UnmountFlags::empty()).unwrap();
        }),
        ..of_pages(cgroup.path(), "page_file", PAGES as u64)
    }
}

#[test]
fn pages_without_a_page_table() {
    let (parent, folder) = (Cgroup::new("held-pages"), Folder::new("held-pages"));
    let swapped = Folder::new("swap-file");
    let fixtures = vec![
        mounted_device(&parent, &folder),
        swap_file(&parent, &swapped),
        aio_ring(&parent),
        registered_buffer(&parent),
        merged(&parent),
    ];
    run(&parent, fixtures);
}

/// Asks for one zombie with something hidden, and returns the advice on the kind and one holder of it:
/// one with references that were not found, if there is one.
pub fn asked_without(hide: &str, fixture: &Fixture) -> (Value, Vec<Value>) {
    let holders = eventually("a holder with references that were not found", || {
        let output = tool::hidden(hide, &["pins", "--json", &fixture.path]);
        if output.status.code() != Some(0) {
            // It is no zombie before the kernel has told all CPUs.
            return Err(tool::stderr(&output).to_owned());
        }
        let document = Document::parse(tool::stdout(&output));
        let item = document.items[0].clone();
        println!("{}", item["sentence"]);
        let pins = item["pins"].as_array().unwrap();
        let pin = pins.iter().find(|pin| pin["kind"] == fixture.kind);
        let pin = pin.ok_or_else(|| item.to_string())?;
        let holders = pin["holders"].as_array().unwrap();
        let is_short = |one: &&Value| one["held"]["found"].as_u64() < one["held"]["refs"].as_u64();
        let holder = holders.iter().find(is_short).unwrap_or(&holders[0]).clone();
        let advice = item["advice"].as_array().unwrap().clone();
        Ok((holder, advice))
    });
    let (holder, advice) = holders;
    let of_kind = |one: &Value| one["cause"]["kind"] == fixture.kind;
    (holder, advice.into_iter().filter(of_kind).collect())
}

/// With what has the pages hidden, the output names no holder, and advises nothing.
#[test]
fn pages_whose_holder_is_hidden() {
    if reparents_pages() {
        return;
    }
    let parent = Cgroup::new("hidden-holders");
    let rings = tool::without_symbols(&["io_uring_fops"]);
    let items = ["ksm_rmap_item", "rmap_item"];
    let items = items.into_iter().find_map(tool::without_type).unwrap();
    for (make, hide) in [
        (registered_buffer as fn(&Cgroup) -> Fixture, rings),
        (merged, items),
    ] {
        let fixture = make(&parent);
        let (holder, advice) = asked_without(&hide, &fixture);
        assert_eq!(holder["pid"], Value::Null, "{holder}");
        assert_eq!(holder["held"]["found"], 0, "{holder}");
        assert_ne!(holder["held"]["not_checked"], json!([]), "{holder}");
        let does_nothing = |one: &Value| one["action"] == "nothing";
        assert!(advice.iter().all(does_nothing), "{advice:?}");
        (fixture.follow)();
    }
}

/// With the contexts of asynchronous I/O hidden, their ring is known to have another holder, and no
/// advice promises that it goes.
#[test]
fn a_ring_whose_context_is_hidden() {
    if reparents_pages() {
        return;
    }
    let parent = Cgroup::new("hidden-context");
    let fixture = aio_ring(&parent);
    let hide = tool::without_type("aio_ring_file").unwrap();
    let (holder, advice) = asked_without(&hide, &fixture);
    let held = &holder["held"];
    assert!(held["found"].as_u64() < held["refs"].as_u64(), "{holder}");
    let not_checked = held["not_checked"].to_string();
    assert!(not_checked.contains("asynchronous I/O"), "{holder}");
    let promises = |one: &Value| one["action"] != "nothing" && one["frees_at_most"] == false;
    assert!(!advice.iter().any(promises), "{advice:?}");
    (fixture.follow)();
}
