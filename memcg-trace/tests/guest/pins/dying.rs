//! Dead cgroups whose memory cgroup is gone: the kernel's count is explained, and the holder of
//! each is named.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;

use serde_json::{Value, json};

use super::fixture::us;
use super::ledger::{ledgers, zombies};
use crate::host::{Cgroup, eventually, root_stat, use_every_cpu};
use crate::tool;

/// include/uapi/linux/bpf.h.
const MAP_CREATE: i64 = 0;
const MAP_UPDATE_ELEM: i64 = 2;
const PROG_LOAD: i64 = 5;
const OBJ_PIN: i64 = 6;
const LINK_CREATE: i64 = 28;
const CGROUP_SKB: u64 = 8;
const CGROUP_ARRAY: u32 = 8;
/// include/uapi/linux/perf_event.h.
const SOFTWARE: u64 = 1;
const ATTR_BYTES: u64 = 64;
const PID_CGROUP: i64 = 1 << 2;
const CLOEXEC: i64 = 1 << 3;

#[test]
fn kept_by_perf_events_and_bpf_maps() {
    let (parent, other) = (Cgroup::new("units"), Cgroup::new("other"));
    let map = cgroup_map();
    let mut events = Vec::new();
    let mut kept = Vec::new();
    for at in 0..4_u32 {
        let cgroup = parent.child(&format!("unit-{at}"));
        let dir = File::open(cgroup.dir()).unwrap();
        let (kind, holder) = if at < 2 {
            let event = perf_event(&dir);
            let holder = us(&event);
            events.push(event);
            ("controller_css", holder)
        } else {
            put(&map, at, &dir);
            ("bpf_map", us(&map))
        };
        drop(dir);
        cgroup.remove();
        kept.push((cgroup.path(), kind, holder));
    }
    // An open directory or file of a cgroup does not keep the cgroup.
    let open = parent.child("open");
    let opened =
        [open.dir(), open.dir().join("cgroup.procs")].map(|path| File::open(path).unwrap());
    open.remove();
    eventually("all of them are listed", || {
        use_every_cpu(&other);
        let (_, summary) = zombies();
        let dying = &summary["dying"];
        let counted = root_stat("nr_dying_descendants");
        if dying["nr_dying_descendants"].as_u64() != counted || dying["without_memcg"] != 4 {
            return Err(format!("{counted:?} are dying, not {dying}"));
        }
        assert_eq!(dying["not_found"], 0, "{dying}");
        let listed = dying["cgroups"].as_array().unwrap();
        for (path, ..) in &kept {
            let one = listed.iter().find(|one| one["path"] == **path);
            let one = one.ok_or_else(|| format!("no {path} in {dying}"))?;
            let by = one["kept_by"].as_str().ok_or("not asked")?;
            assert!(by.contains(&process()), "{by}");
        }
        Ok(())
    });
    let text = tool::run(&["zombies"]);
    let text = tool::stdout(&text);
    assert!(text.contains("4 dead cgroups without a memcg"), "{text}");
    for (path, kind, holder) in &kept {
        // The memory cgroup's reference goes some time after the memory cgroup has left the list.
        eventually("who keeps it", || {
            let said = ledgers(Some(path));
            let [ledger] = &said[..] else {
                return Err(format!("{path}: {said:?}"));
            };
            let is_it = |found: &Value| ["pid", "fd"].iter().all(|key| found[key] == holder[key]);
            let is_right = ledger.kinds() == [(*kind, 1)]
                && ledger.unexplained() == Some(0)
                && ledger.holders(kind).any(is_it);
            if !is_right {
                return Err(format!("{ledger:?}"));
            }
            println!("{path}: {}", ledger.sentence());
            Ok(())
        });
    }
    drop((events, map, opened));
    eventually("they are released", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(0) => Ok(()),
            dying => Err(format!("{dying:?} are dying")),
        }
    });
    let (_, summary) = zombies();
    assert_eq!(summary["dying"]["without_memcg"], json!(0), "{summary}");
}

/// A map that no process has open, but that has a name: nobody looks for names of maps.
#[test]
fn kept_by_a_map_with_a_name() {
    const NAME: &CStr = c"/sys/fs/bpf/cgroups";
    let (parent, other) = (Cgroup::new("named-map"), Cgroup::new("other"));
    let cgroup = parent.child("kept");
    let map = cgroup_map();
    put(&map, 0, &File::open(cgroup.dir()).unwrap());
    let fd = u64::try_from(map.as_raw_fd()).unwrap();
    let attr = [NAME.as_ptr() as u64, fd];
    bpf(OBJ_PIN, attr.as_ptr().cast(), size_of_val(&attr)).unwrap();
    drop(map);
    cgroup.remove();
    eventually("it is listed with the map", || {
        use_every_cpu(&other);
        let said = ledgers(Some(&cgroup.path()));
        let [ledger] = &said[..] else {
            return Err(format!("{said:?}"));
        };
        if ledger.kinds() != [("bpf_map", 1)] || ledger.unexplained() != Some(0) {
            return Err(format!("{ledger:?}"));
        }
        let holder = ledger.holders("bpf_map").next().unwrap();
        println!("{}", ledger.sentence());
        assert!(holder["pid"].is_null(), "{holder}");
        assert_eq!(holder["held"]["found"], 0, "{holder}");
        let held = holder["held"]["not_checked"].to_string();
        assert!(held.contains("names in bpffs"), "{holder}");
        assert!(!ledger.sentence().contains("nobody"), "{ledger:?}");
        Ok(())
    });
    fs::remove_file(NAME.to_str().unwrap()).unwrap();
    eventually("it is released", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(0) => Ok(()),
            dying => Err(format!("{dying:?} are dying")),
        }
    });
}

/// A socket keeps its cgroup's BPF part (cgroup_bpf), and by that the link through which a program
/// was attached.
#[test]
fn kept_by_a_bpf_link() {
    let (parent, other) = (Cgroup::new("linked"), Cgroup::new("other"));
    // Without a memory controller of its own, which sockets would keep, too.
    let cgroup = Cgroup::new("linked/plain");
    let link = attached(&File::open(cgroup.dir()).unwrap());
    let socket = cgroup.inside(|| UnixDatagram::unbound().unwrap());
    cgroup.remove();
    let path = cgroup.path();
    let kinds = |wanted: &[(&str, u64)]| {
        eventually("its references", || {
            use_every_cpu(&other);
            let said = ledgers(Some(&path));
            let [ledger] = &said[..] else {
                return Err(format!("{said:?}"));
            };
            let mut found = ledger.kinds();
            found.sort_unstable();
            match found == wanted && ledger.unexplained() == Some(0) {
                true => Ok(ledger.holders("bpf_link").cloned().collect::<Vec<_>>()),
                false => Err(format!("{ledger:?}")),
            }
        })
    };
    let holders = kinds(&[("bpf_link", 1), ("cgroup_bpf", 1), ("socket_unix", 1)]);
    let holder = us(&link);
    let is_it = |found: &Value| ["pid", "fd"].iter().all(|key| found[key] == holder[key]);
    assert!(holders.iter().any(is_it), "{holders:?}");
    drop(link);
    kinds(&[("cgroup_bpf", 1), ("socket_unix", 1)]);
    drop(socket);
    eventually("it is released", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(0) => Ok(()),
            dying => Err(format!("{dying:?} are dying")),
        }
    });
}

/// A program that lets everything pass, attached to a cgroup by a link.
fn attached(cgroup: &File) -> OwnedFd {
    /// `r0 = 1`, and exit.
    const PASS: [u64; 2] = [1 << 32 | 0xb7, 0x95];
    let license = c"GPL";
    let attr: [u64; 16] = {
        let mut attr = [0; 16];
        attr[0] = CGROUP_SKB | (PASS.len() as u64) << 32;
        attr[1] = PASS.as_ptr() as u64;
        attr[2] = license.as_ptr() as u64;
        attr
    };
    // A program counts as locked memory like a map, see below.
    let program = eventually("a program", || {
        let fd = bpf(PROG_LOAD, attr.as_ptr().cast(), size_of_val(&attr));
        fd.map(owned).map_err(|error| error.to_string())
    });
    let of = [program.as_raw_fd(), cgroup.as_raw_fd(), 0, 0];
    owned(bpf(LINK_CREATE, of.as_ptr().cast(), size_of_val(&of)).unwrap())
}

/// A name that never existed is not reported as released.
#[test]
fn a_name_that_never_was() {
    let output = tool::run(&["pins", "never-was"]);
    tool::assert_fails(&output, 1, &["never-was was found"]);
    assert!(!tool::stderr(&output).contains("nothing pins"));
}

fn process() -> String {
    format!("{}[{}]", super::fixture::comm(), std::process::id())
}

/// A map whose values are cgroups.
pub fn cgroup_map() -> OwnedFd {
    let attr: [u32; 8] = [CGROUP_ARRAY, 4, 4, 8, 0, 0, 0, 0];
    // Until 5.11 a map counts as locked memory of its user, and so do the maps of a tool that has
    // just ended, which are still being freed.
    eventually("a map", || {
        let fd = bpf(MAP_CREATE, attr.as_ptr().cast(), size_of_val(&attr));
        fd.map(owned).map_err(|error| error.to_string())
    })
}

pub fn put(map: &OwnedFd, key: u32, cgroup: &File) {
    let value = cgroup.as_raw_fd();
    let attr: [u64; 4] = [
        u64::try_from(map.as_raw_fd()).unwrap(),
        (&raw const key) as u64,
        (&raw const value) as u64,
        0,
    ];
    bpf(MAP_UPDATE_ELEM, attr.as_ptr().cast(), size_of_val(&attr)).unwrap();
}

#[expect(unsafe_code, reason = "a system call that nothing here wraps")]
fn bpf(command: i64, attr: *const libc::c_void, bytes: usize) -> io::Result<i64> {
    // SAFETY: the attributes have that length, and their pointers outlive the call.
    match unsafe { libc::syscall(libc::SYS_bpf, command, attr, bytes) } {
        result @ 0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Counts a CPU's time for a cgroup.
#[expect(unsafe_code, reason = "a system call that nothing here wraps")]
pub fn perf_event(cgroup: &File) -> OwnedFd {
    let attr: [u64; 8] = [SOFTWARE | ATTR_BYTES << 32, 0, 0, 0, 0, 0, 0, 0];
    let (group, flags) = (-1_i64, PID_CGROUP | CLOEXEC);
    let (attr, fd) = (attr.as_ptr(), i64::from(cgroup.as_raw_fd()));
    // SAFETY: the attributes have the length that they contain.
    let result = unsafe { libc::syscall(libc::SYS_perf_event_open, attr, fd, 0_i64, group, flags) };
    assert!(result >= 0, "perf: {}", io::Error::last_os_error());
    owned(result)
}

#[expect(unsafe_code, reason = "a descriptor that a system call made")]
fn owned(fd: i64) -> OwnedFd {
    // SAFETY: the descriptor is new, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) }
}
