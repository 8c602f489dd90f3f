//! Zombies by where they come from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use serde_json::Value;

use crate::contract::Document;
use crate::host::{Cgroup, eventually};
use crate::tool;

/// Zombies of each origin.
const EACH: u64 = 50;

fn document(args: &[&str]) -> Document {
    let output = tool::run(args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    Document::parse(tool::stdout(&output))
}

/// Digits that look random, others for each number.
fn hex(number: u64, digits: usize) -> String {
    let mut state = number + 1;
    let mut text = String::new();
    while text.len() < digits {
        // The constants of Knuth's MMIX.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text += &format!("{:08x}", state >> 32);
    }
    text.truncate(digits);
    text
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
    let mut sockets = Vec::new();
    for number in 0..EACH {
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
            assert_eq!(group["zombies"], EACH, "{group}");
            assert_eq!(group["alive"], alive, "{group}");
            let cost = group["own_cost_bytes"].as_u64().unwrap();
            assert!(cost > 0 && cost.is_multiple_of(EACH), "{group}");
            assert_eq!(group["died_unseen"], EACH, "nobody watched: {group}");
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
            if is_ours && item["zombies"] != EACH {
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
}
