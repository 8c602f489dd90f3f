//! Zombies by where they come from, and cgroups that somebody forgot.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::Command;

use memcg_trace::model::pins::words::grouped;
use rustix::fs::inotify::{self, WatchFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::contract::Document;
use crate::digits::hex;
use crate::host::{Cgroup, Folder, eventually, long_storm};
use crate::tool;

/// Zombies of each origin, in a short run and in a long one.
const EACH: [u64; 2] = [50, 2_000];
/// Abandoned cgroups, likewise.
const FORGOTTEN: [u64; 2] = [12, 500];
/// Descriptors of this process beside those of the sockets.
const OTHER_FILES: u64 = 1_000;

/// The number for the run: the kernels do not differ in what many take.
fn of_run(numbers: [u64; 2]) -> u64 {
    numbers[usize::from(long_storm().is_some())]
}

fn document(args: &[&str]) -> Document {
    let output = tool::run(args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    Document::parse(tool::stdout(&output))
}

fn uuid(number: u64) -> String {
    let digits = hex(number, 32);
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    groups.map(|(from, to)| &digits[from..to]).join("-")
}

/// Makes a cgroup, a socket in it, and removes the cgroup, which the socket keeps.
fn kept(parent: &Cgroup, name: &str) -> OwnedFd {
    let dir = parent.dir().join(name);
    fs::create_dir(&dir).unwrap();
    let enter = |dir: &str| {
        let procs = File::options()
            .write(true)
            .open(format!("{dir}/cgroup.procs"));
        procs.unwrap().write_all(b"0").unwrap();
    };
    enter(dir.to_str().unwrap());
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
    enter("/sys/fs/cgroup");
    eventually("rmdir", || {
        fs::remove_dir(&dir).map_err(|error| error.to_string())
    });
    socket
}

/// Rows of groups, by their path.
fn groups(items: &[Value]) -> BTreeMap<String, &Value> {
    let path = |item: &Value| {
        let parent = item["parent"].as_str().unwrap().trim_end_matches('/');
        format!("{parent}/{}", item["shape"].as_str().unwrap())
    };
    items.iter().map(|item| (path(item), item)).collect()
}

#[test]
fn the_dead_of_five_origins() {
    let parents = ["docker", "run.slice", "user.slice"].map(Cgroup::new);
    for parent in &parents {
        parent.set("cgroup.subtree_control", "+memory");
    }
    let [docker, run, user] = &parents;
    let each = of_run(EACH);
    let files = Some(5 * each + OTHER_FILES);
    let limit = Rlimit {
        current: files,
        maximum: files,
    };
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut sockets = Vec::new();
    for number in 0..each {
        for (parent, name) in [
            (docker, hex(number, 64)),
            (run, format!("run-r{}.service", hex(1000 + number, 32))),
            (run, format!("job@{number}.service")),
            (user, format!("session-{number}.scope")),
            (user, format!("vte-spawn-{}.scope", uuid(2000 + number))),
        ] {
            sockets.push(kept(parent, &name));
        }
    }
    let alive = [500, 501, 502].map(|number| user.child(&format!("session-{number}.scope")));
    let wanted = [
        ("/docker/<hex64>", 0),
        ("/run.slice/job@<n>.service", 0),
        ("/run.slice/run-r<hex32>.service", 0),
        ("/user.slice/session-<n>.scope", 3),
        ("/user.slice/vte-spawn-<uuid>.scope", 0),
    ];
    let ours = |document: &Document| -> Result<(), String> {
        let groups = groups(&document.items);
        for (path, alive) in wanted {
            let group = groups
                .get(path)
                .ok_or_else(|| format!("no {path} in {groups:?}"))?;
            assert_eq!(group["zombies"], each, "{group}");
            assert_eq!(group["alive"], alive, "{group}");
            let of = document.summary["zombies"].as_u64().unwrap();
            let [some, all] = [each, of].map(grouped);
            let begin = format!("{some} of {all} are {path}; ");
            let sentence = group["sentence"].as_str().unwrap();
            assert!(sentence.starts_with(&begin), "{begin:?}: {group}");
            let cost = group["own_cost_bytes"].as_u64().unwrap();
            assert!(cost > 0 && cost.is_multiple_of(each), "{group}");
            assert_eq!(group["died_unseen"], each, "nobody watched: {group}");
        }
        let zombies = document
            .items
            .iter()
            .map(|item| item["zombies"].as_u64().unwrap());
        assert_eq!(document.summary["zombies"], zombies.sum::<u64>());
        Ok(())
    };
    ours(&document(&["zombies", "--by", "origin", "--json"])).unwrap();
    // With their pins: once all are offline, each is kept by its socket.
    eventually("all are pinned by their sockets", || {
        let document = document(&["zombies", "--by", "origin", "--pins", "--json"]);
        for (path, item) in groups(&document.items) {
            let is_ours = wanted.iter().any(|(wanted, _)| *wanted == path);
            if is_ours && item["zombies"] != each {
                return Err(format!("{path}: {item}"));
            }
        }
        ours(&document)?;
        let groups = groups(&document.items);
        println!("{}", groups["/docker/<hex64>"]["sentence"]);
        match wanted
            .iter()
            .all(|(path, _)| groups[*path]["pinned_by"] == "socket_unix")
        {
            true => Ok(()),
            false => Err(format!("{groups:?}")),
        }
    });
    drop((alive, sockets));
    setrlimit(Resource::Nofile, before).unwrap();
}

#[test]
fn forgotten_cgroups() {
    let look = |age: &str| document(&["zombies", "--abandoned", "--min-age", age, "--json"]);
    let fresh = look("1ms");
    assert_eq!(fresh.not_checked, Value::Array(Vec::new()));
    assert_eq!(fresh.summary["abandoned"], 0, "{:?}", fresh.items);

    let folder = Folder::new("forgotten");
    let jobs = Cgroup::new("jobs");
    let charge = |cgroup: &Cgroup| {
        let file = folder.file(&cgroup.path().replace('/', "_"));
        cgroup.run("dd if=/dev/zero of=\"$1\" bs=64k count=4 2>&-", &[&file]);
    };
    let count = of_run(FORGOTTEN);
    let forgotten: Vec<_> = (0..count)
        .map(|number| jobs.child(&format!("job-{number}")))
        .collect();
    forgotten.iter().for_each(charge);
    // Each of these has no task, and is charged: but somebody may need it.
    let twins = ["watched", "opened", "file-opened", "mount.slice"].map(|name| jobs.child(name));
    twins.iter().for_each(charge);
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(
        &watch,
        twins[0].dir().join("cgroup.events"),
        WatchFlags::MODIFY,
    )
    .unwrap();
    let directory = File::open(twins[1].dir()).unwrap();
    let file = File::open(twins[2].dir().join("memory.stat")).unwrap();
    let uncharged = jobs.child("uncharged");
    // A child without the memory controller, and another one in that.
    let nested = jobs.child("nested");
    charge(&nested);
    fs::create_dir_all(nested.dir().join("plain/lower")).unwrap();
    // A task in a child.
    let busy = jobs.child("busy");
    charge(&busy);
    let child = busy.child("child");
    let task = child.start("exec sleep 1000000", &[]);
    eventually("a task in the child", || {
        match child.get("cgroup.events").contains("populated 1") {
            true => Ok(()),
            false => Err(child.get("cgroup.events")),
        }
    });

    let class = |document: &Document, path: &str| -> Option<(String, u64)> {
        let group = groups(&document.items).get(path).copied()?.clone();
        Some((
            group["class"].as_str()?.to_owned(),
            group["cgroups"].as_u64()?,
        ))
    };
    let is = |document: &Document, path: &str, wanted: &str, count: u64| match class(document, path)
    {
        Some(found) if found == (wanted.to_owned(), count) => Ok(()),
        found => Err(format!(
            "{path}: {found:?}, not {wanted}, of {:?}",
            document.items
        )),
    };
    let document = eventually("they are abandoned", || {
        let document = look("1ms");
        assert_eq!(document.not_checked, Value::Array(Vec::new()));
        is(&document, "/jobs/job-<n>", "abandoned", count)?;
        is(&document, "/jobs/uncharged", "uncharged", 1)?;
        is(&document, "/jobs/nested", "abandoned", 1)?;
        Ok(document)
    });
    for (path, wanted) in [
        ("/jobs/watched", "in_use"),
        ("/jobs/opened", "in_use"),
        ("/jobs/file-opened", "in_use"),
        ("/jobs/mount.slice", "by_design"),
    ] {
        is(&document, path, wanted, 1).unwrap();
    }
    assert_eq!(class(&document, "/jobs/busy"), None, "a task is below it");
    assert_eq!(class(&document, "/jobs"), None, "a task is below it");
    assert_eq!(document.summary["abandoned"], count + 1);
    remove_as_told(groups(&document.items)["/jobs/nested"], &nested);
    assert_eq!(groups(&document.items)["/jobs/job-<n>"]["live_below"], 0);
    let usage = || -> u64 {
        { forgotten.iter() }
            .map(|cgroup| cgroup.get("memory.current").trim().parse::<u64>().unwrap())
            .sum()
    };
    // The kernel gives pages back that CPUs keep for a cgroup when it likes.
    let (group, usage) = eventually("their usage, the same before and after", || {
        let before = usage();
        let group = groups(&look("1ms").items)["/jobs/job-<n>"].clone();
        match [before, usage()] {
            [before, after] if before == after => Ok((group, after)),
            changed => Err(format!("{changed:?}")),
        }
    });
    assert_eq!(group["usage_bytes"], usage, "{group}");
    println!("{} {}", group["sentence"], group["commands"]);
    // A young one is not abandoned.
    is(&look("1h"), "/jobs/job-<n>", "young", count).unwrap();

    // Once nobody uses the twins any more, they are abandoned too; and so is the one whose child's
    // task has ended, once that is gone.
    drop((watch, directory, file, task));
    child.remove();
    eventually("the twins are abandoned", || {
        let document = look("1ms");
        for path in [
            "/jobs/watched",
            "/jobs/opened",
            "/jobs/file-opened",
            "/jobs/busy",
        ] {
            is(&document, path, "abandoned", 1)?;
        }
        is(&document, "/jobs", "parent", 1)
    });
    drop((forgotten, twins, uncharged, nested, busy, folder));
}

/// `rmdir` of it alone fails; the command that is shown removes it.
fn remove_as_told(group: &Value, cgroup: &Cgroup) {
    println!("{} {}", group["sentence"], group["commands"]);
    assert_eq!(group["live_below"], 2, "{group}");
    let refused = fs::remove_dir(cgroup.dir()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ResourceBusy);
    let why = tool::run(&["why", &cgroup.path()]);
    let why = tool::stdout(&why).replace('\n', " ");
    assert!(why.contains("2 live cgroups in or below it"), "{why}");
    let command = group["commands"][1].as_str().unwrap();
    let status = Command::new("sh").args(["-c", command]).status();
    assert!(status.unwrap().success(), "{command}");
    assert!(!cgroup.dir().exists(), "{command}");
}
