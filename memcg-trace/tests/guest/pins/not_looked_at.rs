//! Files that parts of the kernel hold which nobody looks at: the count shows the reference, and the
//! part is named as one that was not looked at.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::held_by_fd::account_to;
use super::held_files::write;
use super::ledger::ledgers;
use super::module::{check_hidden, said};
use crate::host::{Cgroup, Folder, eventually, reparents_pages, use_every_cpu};
use crate::traces::TRACING;

/// One part of the kernel.
struct Part {
    /// How the answer calls it.
    way: &'static str,
    hold: fn(&str),
    release: fn(),
}

const PARTS: [Part; 3] = [
    Part {
        way: "process accounting",
        hold: |name| account_to(Some(&CString::new(name).unwrap())),
        release: || account_to(None),
    },
    Part {
        way: "probes of user space (perf, BPF, tracefs)",
        hold: |name| set_probe(&format!("p:held/probe {name}:0")),
        release: || set_probe("-:held/probe"),
    },
    Part {
        way: "interpreters that binfmt_misc keeps open",
        hold: interpret_with,
        release: || {
            fs::write(format!("{FORMATS}/held"), "-1").unwrap();
            unmount(FORMATS, UnmountFlags::empty()).unwrap();
        },
    },
];
const FORMATS: &str = "/tmp/formats";

/// Has a file run programs of a new format. With the flag F it is opened at once
/// (Documentation/admin-guide/binfmt-misc.rst).
fn interpret_with(name: &str) {
    fs::set_permissions(name, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(FORMATS).unwrap();
    mount("none", FORMATS, "binfmt_misc", MountFlags::empty(), None).unwrap();
    let format = format!(":held:M::HELD::{name}:F");
    fs::write(format!("{FORMATS}/register"), format).unwrap();
}

fn set_probe(command: &str) {
    // Truncating the file would remove all probes.
    let file = File::options()
        .append(true)
        .open(format!("{TRACING}/uprobe_events"));
    file.unwrap().write_all(command.as_bytes()).unwrap();
}

#[test]
fn each_is_named() {
    if reparents_pages() {
        return;
    }
    let (parent, other) = (Cgroup::new("not-looked-at"), Cgroup::new("other"));
    let folder = Folder::new("not-looked-at");
    let mut files = Vec::new();
    for (at, part) in PARTS.iter().enumerate() {
        let cgroup = parent.child(&format!("part-{at}"));
        let name = folder.file(&format!("file-{at}"));
        drop(write(&cgroup, &name));
        cgroup.remove();
        (part.hold)(&name);
        files.push((cgroup.path(), name));
    }
    eventually("they are dead", || {
        use_every_cpu(&other);
        { files.iter() }.try_for_each(|(path, _)| said(path, "page_shmem").map(drop))
    });
    for ((path, _), part) in files.iter().zip(&PARTS) {
        check_hidden(path, "page_shmem", part.way);
    }
    for ledger in ledgers(None) {
        assert_eq!(ledger.advice("remove_file").next(), None, "{ledger:?}");
    }
    PARTS.iter().for_each(|part| (part.release)());
    for (path, name) in files {
        let (_, sentence) = said(&path, "page_shmem").unwrap();
        assert!(sentence.ends_with("which nobody has open"), "{sentence}");
        fs::remove_file(name).unwrap();
    }
    eventually("they are freed", || {
        use_every_cpu(&other);
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying => Err(format!("{dying} are dying")),
        }
    });
}
