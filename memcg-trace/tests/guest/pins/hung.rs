//! A cgroup file system that blocks everyone: the answers come from elsewhere.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::RawDir;
use serde_json::Value;

use crate::contract::Document;
use crate::fault::Missing;
use crate::host::{Cgroup, DEADLINE, Process, eventually};
use crate::tool;

const ROOT: &str = "/sys/fs/cgroup";
/// Longer than a read of a directory takes.
const LONG: Duration = Duration::from_millis(500);

/// Returns the result of some work if it ends in time.
fn ends<T: Send + 'static>(
    within: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, done) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    done.recv_timeout(within).ok()
}

#[test]
fn a_hung_cgroup_file_system() {
    let (stuck, zombie) = (Cgroup::new("stuck"), Cgroup::new("answered"));
    let path = zombie.path();
    let socket = zombie.into_zombie();

    // One task stops in the middle of listing a directory, with its rwsem for reading.
    let missing = Missing::new();
    let buffer = missing.buffer();
    let listed = File::open(stuck.dir()).unwrap();
    let lister = thread::spawn(move || {
        RawDir::new(listed, buffer).next().unwrap().unwrap();
    });
    missing.wait_for_reader();
    // Another wants to remove it, with the root's rwsem for writing (fs/namei.c: do_rmdir() and
    // vfs_rmdir()); all others queue behind that writer. Readers alone would not block: those of
    // 5.10 may overtake a writer that waits.
    let rmdir = Command::new("rmdir").arg(stuck.dir()).spawn().unwrap();
    let rmdir = Process(rmdir);
    let stat = format!("/proc/{}/stat", rmdir.0.id());
    eventually("rmdir waits", || {
        let stat = fs::read_to_string(&stat).unwrap();
        if stat.contains(") D ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
    let look = || Path::new(ROOT).join("nobody-looked-this-up-yet").exists();
    assert_eq!(ends(LONG, look), None, "it is not hung");

    let ask = |args: &'static [&str]| ends(DEADLINE, move || tool::run(args));
    let zombies = ask(&["zombies", "--json"]);
    let pins = ask(&["pins", "/answered", "--json"]);
    let all = ask(&["pins", "--json"]);
    assert_eq!(ends(LONG, look), None, "it did not stay hung");
    missing.give();
    lister.join().unwrap();
    let check = |verb: &str, output: Option<Output>| {
        let output = output.unwrap_or_else(|| panic!("{verb} did not answer"));
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        let items = Document::parse(tool::stdout(&output)).items;
        // Zombies of earlier tests may still be there.
        let is_it = |item: &&Value| item["path"] == *path || item["zombie"]["path"] == *path;
        let mut found = items.iter().filter(is_it);
        let item = found.next().unwrap_or_else(|| panic!("{verb}: {items:?}"));
        println!("{verb}: {item}");
        assert!(found.next().is_none(), "{verb}: {items:?}");
        item.clone()
    };
    check("zombies", zombies);
    for pins in [check("pins", pins), check("all pins", all)] {
        assert_eq!(pins["unexplained_refs"], 0);
    }
    drop(socket);
    drop(rmdir);
}
