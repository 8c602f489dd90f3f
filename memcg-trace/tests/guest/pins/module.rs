//! References that no known object explains: they are reported, and stay unexplained.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::process::Command;

use rustix::net::AddressFamily;
use serde_json::{Value, json};

use super::handed_over::open_in_namespace;
use super::ledger::{ledgers, zombies};
use super::sockets::new_socket;
use crate::host::{Cgroup, Folder, eventually, reparents_pages, use_every_cpu};

/// Built by xtask; without it xtask skips these tests and says so.
const MODULE: &str = "/bin/css_ref.ko";
const HOLDS: &str = "/bin/holds.ko";
const OF_MODULES: &str = "modules of the kernel";

#[test]
fn a_reference_of_a_module() {
    let (other, parent) = (Cgroup::new("other"), Cgroup::new("referenced"));
    let cgroup = parent.child("by-a-module");
    let path = cgroup.path();
    let fd = cgroup.inside(|| new_socket(AddressFamily::NETLINK));
    let of_cgroup = format!("cgroup={path}");
    let loaded = Command::new("insmod").args([MODULE, &of_cgroup]).status();
    assert!(loaded.unwrap().success());
    cgroup.remove();
    let see = |refs: i64, kinds: &[(&str, u64)]| {
        eventually("its references", || {
            use_every_cpu(&other);
            let ledgers = ledgers(None);
            let ledger = ledgers.iter().find(|ledger| ledger.path() == path);
            let ledger = ledger.ok_or("it is no zombie")?;
            let is_seen = ledger.refs() == Some(refs)
                && ledger.unexplained() == Some(1)
                && !ledger.not_checked().is_empty()
                && ledger.kinds() == kinds;
            println!("{}", ledger.sentence());
            if is_seen {
                Ok(())
            } else {
                Err(format!("{ledger:?}"))
            }
        });
    };
    see(2, &[("socket_other", 1)]);
    drop(fd);
    see(1, &[]);
    unload(&parent, &other);
}

/// A reference to a cgroup whose memory cgroup is gone: it is listed, and no holder is named.
#[test]
fn a_reference_to_the_cgroup_itself() {
    let (other, parent) = (Cgroup::new("other"), Cgroup::new("keeper"));
    let cgroup = parent.child("kept");
    let path = cgroup.path();
    let of_cgroup = format!("cgroup={path}");
    let loaded = Command::new("insmod")
        .args([MODULE, &of_cgroup, "itself=1"])
        .status();
    assert!(loaded.unwrap().success());
    cgroup.remove();
    eventually("its reference", || {
        use_every_cpu(&other);
        let (_, summary) = zombies();
        if summary["dying"]["without_memcg"] != 1 || summary["dying"]["not_found"] != 0 {
            return Err(summary.to_string());
        }
        let ledgers = ledgers(Some(&path));
        let ledger = ledgers.first().ok_or("it has no ledger")?;
        println!("{}", ledger.sentence());
        let is_seen = ledger.refs() == Some(1)
            && ledger.unexplained() == Some(1)
            && ledger.kinds().is_empty()
            && !ledger.not_checked().is_empty();
        if is_seen {
            Ok(())
        } else {
            Err(format!("{ledger:?}"))
        }
    });
    unload(&parent, &other);
}

fn unload(parent: &Cgroup, other: &Cgroup) {
    let unloaded = Command::new("rmmod").arg("css_ref").status();
    assert!(unloaded.unwrap().success());
    eventually("it is freed", || {
        use_every_cpu(other);
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying => Err(format!("{dying} are dying")),
        }
    });
}

/// Gives the module objects to hold: their names, and descriptors of them.
fn hold(things: &[(&str, OwnedFd)]) {
    let mut insmod = Command::new("insmod");
    insmod.arg(HOLDS);
    for (name, fd) in things {
        insmod.arg(format!("{name}={}", fd.as_raw_fd()));
    }
    assert!(insmod.status().unwrap().success());
}

/// A descriptor that a child process inherits.
fn inherited(fd: impl AsFd) -> OwnedFd {
    rustix::io::dup(fd).unwrap()
}

/// The answer for the file or the socket that pins a cgroup: one holder, and the sentence.
pub fn said(path: &str, kind: &str) -> Result<(Value, String), String> {
    let ledgers = ledgers(None);
    let ledger = ledgers.iter().find(|ledger| ledger.path() == path);
    let ledger = ledger.ok_or("it is no zombie")?;
    let holder = ledger.holders(kind).next();
    let holder = holder.ok_or_else(|| format!("no {kind}: {ledger:?}"))?;
    Ok((holder.clone(), ledger.sentence().to_owned()))
}

/// Checks a hidden holder: the count shows it, and the output claims neither a process nor that
/// there is none; `way` is among those that were not looked at.
pub fn check_hidden(path: &str, kind: &str, way: &str) {
    let (holder, sentence) = said(path, kind).unwrap();
    println!("{path}: {sentence} {}", holder["held"]);
    assert_eq!(holder["pid"], Value::Null, "{holder}");
    let missing =
        holder["held"]["refs"].as_u64().unwrap() - holder["held"]["found"].as_u64().unwrap();
    assert_eq!(missing, 1, "{holder}");
    let not_checked = holder["held"]["not_checked"].as_array().unwrap();
    assert!(not_checked.contains(&json!(way)), "{holder}");
    assert!(
        sentence.contains("1 reference to it was not found"),
        "{sentence}"
    );
    assert!(!sentence.contains("nobody"), "{sentence}");
}

/// A css_set of a namespace without known tasks is not reported to have tasks.
#[test]
fn a_cgroup_file_that_a_module_holds() {
    let (parent, other) = (Cgroup::new("openers"), Cgroup::new("other"));
    let cgroup = parent.child("opener");
    let path = cgroup.path();
    let file = open_in_namespace(&cgroup);
    hold(&[("file", inherited(&file))]);
    drop(file);
    cgroup.remove();
    eventually("a css_set of nobody", || {
        use_every_cpu(&other);
        let ledgers = ledgers(Some(&path));
        let ledger = ledgers.first().ok_or("it is no zombie")?;
        let holder = ledger.holders("css_set").next();
        let holder = holder.ok_or_else(|| format!("{ledger:?}"))?;
        println!("{}: {}", ledger.sentence(), holder["held"]);
        let held = &holder["held"];
        let is_right = ledger.kinds() == [("css_set", 1)]
            && holder["pid"].is_null()
            && held["refs"] == 1
            && held["found"] == 0
            && held["not_checked"] != json!([]);
        if is_right {
            Ok(())
        } else {
            Err(format!("{ledger:?}"))
        }
    });
    let unloaded = Command::new("rmmod").arg("holds").status();
    assert!(unloaded.unwrap().success());
    eventually("it is freed", || {
        use_every_cpu(&other);
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying => Err(format!("{dying} are dying")),
        }
    });
}

/// A file, an inode, a name and a socket that only a module holds.
#[test]
fn what_a_module_holds() {
    let (parent, other) = (Cgroup::new("held"), Cgroup::new("other"));
    let folder = Folder::new("held");
    let mut things = Vec::new();
    let mut files = Vec::new();
    for what in ["inode", "dentry", "quiet"] {
        let cgroup = parent.child(what);
        let name = folder.file(what);
        let mut file = File::create(&name).unwrap();
        cgroup.inside(|| file.write_all(&[1; 40_960])).unwrap();
        cgroup.remove();
        if what != "quiet" {
            things.push((what, inherited(&file)));
        }
        files.push((cgroup.path(), name));
    }
    let cgroup = parent.child("socket");
    let socket = cgroup.inside(|| new_socket(AddressFamily::NETLINK));
    cgroup.remove();
    things.push(("file", inherited(&socket)));
    drop(socket);
    hold(&things);
    drop(things);
    let of_socket = cgroup.path();
    eventually("the socket is found", || {
        use_every_cpu(&other);
        said(&of_socket, "socket_other").map(|_| ())
    });
    check_hidden(&of_socket, "socket_other", OF_MODULES);
    if !reparents_pages() {
        for (path, _) in &files[..2] {
            check_hidden(path, "page_shmem", OF_MODULES);
        }
        let (_, sentence) = said(&files[2].0, "page_shmem").unwrap();
        assert!(sentence.ends_with("which nobody has open"), "{sentence}");
    }
    let unloaded = Command::new("rmmod").arg("holds").status();
    assert!(unloaded.unwrap().success());
    if !reparents_pages() {
        for (path, _) in &files {
            let (_, sentence) = said(path, "page_shmem").unwrap();
            assert!(sentence.ends_with("which nobody has open"), "{sentence}");
        }
    }
    for (_, name) in files {
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
