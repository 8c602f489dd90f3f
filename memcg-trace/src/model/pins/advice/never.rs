//! Actions that are never advised, however much they would free: they destroy needed data, or bring
//! the host down.

use super::backing;
use super::case::Case;
use super::plan::all_found;
use crate::model::pins::words::grouped;
use crate::model::snapshot::Pins;
use crate::sample::Text;
use crate::sample::pins::{Backing, User};
use crate::units::PAGE_BYTES;

/// The least memory for which destroying data is advised.
const LEAST_BYTES: u64 = 1 << 20;

/// Folders of the system and of programs, in which a file is part of something.
const SYSTEM: &[&[u8]] = &[
    b"/bin",
    b"/boot",
    b"/dev",
    b"/efi",
    b"/etc",
    b"/gnu",
    b"/lib",
    b"/lib32",
    b"/lib64",
    b"/libx32",
    b"/nix",
    b"/opt",
    b"/ostree",
    b"/proc",
    b"/root",
    b"/run",
    b"/sbin",
    b"/snap",
    b"/sys",
    b"/sysroot",
    b"/usr",
    b"/var",
];

/// Folders within those that are for files of anybody.
const FOR_ANYBODY: &[&[u8]] = &[b"/dev/shm", b"/dev/hugepages", b"/var/tmp"];

/// Names of folders in which container engines keep their state, wherever they are.
const CONTAINER_STATE: &[&[u8]] = &[
    b"buildkit",
    b"containerd",
    b"containers",
    b"cri-o",
    b"crio",
    b"crun",
    b"docker",
    b"k3s",
    b"kata-containers",
    b"kubelet",
    b"libpod",
    b"lxc",
    b"lxd",
    b"machines",
    b"overlay",
    b"overlay-containers",
    b"overlay2",
    b"podman",
    b"runc",
    b"youki",
];

/// Programs that the host or somebody's session depends on.
const MANAGERS: &[&[u8]] = &[
    b"(sd-pam)",
    b"dbus-broker",
    b"dbus-broker-lau",
    b"dbus-daemon",
    b"dinit",
    b"elogind-daemon",
    b"gdm-session-wor",
    b"init",
    b"lightdm",
    b"login",
    b"openrc-init",
    b"runit",
    b"s6-svscan",
    b"screen",
    b"sddm",
    b"sddm-helper",
    b"sshd",
    b"sshd-auth",
    b"sshd-session",
    b"systemd",
    b"systemd-logind",
    b"tmux",
    b"tmux: server",
    b"upstart",
];

/// This program.
const TOOL: &[u8] = b"memcg-trace";

/// Fails with the reason why the memory of a file or segment must not be destroyed.
pub(super) fn destroys_too_much(case: &Case<'_>) -> Result<(), String> {
    let pages = case.object.pages.unwrap_or(case.object.refs);
    let bytes = pages.saturating_mul(PAGE_BYTES);
    // Its pages are larger, and the number of reserved ones is not known.
    let is_huge = backing::of(case.object) == Backing::HugePages;
    if bytes < LEAST_BYTES && !is_huge {
        return Err(format!(
            "it is {} KiB: too little to destroy data for",
            grouped(bytes >> 10)
        ));
    }
    if !all_found(case.object) {
        return Err("not all who hold it were found, so that to remove it may free nothing".into());
    }
    Ok(())
}

/// Fails with the reason why the file at a path must not be removed.
pub(super) fn keeps_file(case: &Case<'_>, path: &Text) -> Result<(), String> {
    destroys_too_much(case)?;
    match case.object.links {
        Some(1) => {}
        Some(0) => return Err("its name is gone already".into()),
        Some(links) => {
            return Err(format!(
                "it has {} names: to remove one frees nothing",
                grouped(links)
            ));
        }
        None => return Err("whether it has other names is not known".into()),
    }
    let path = path.as_bytes();
    if is_odd(path) {
        return Err("what its path is was not found".into());
    }
    if is_system(path) {
        return Err("it is part of the system or of a program: who made it removes it".into());
    }
    if is_container_state(path) {
        return Err("it belongs to a container engine, which removes it itself".into());
    }
    Ok(())
}

/// Returns whether a path is not absolute, or has empty or dot components.
fn is_odd(path: &[u8]) -> bool {
    let [b'/', rest @ ..] = path else {
        return true;
    };
    rest.split(|byte| *byte == b'/')
        .any(|name| matches!(name, b"" | b"." | b".."))
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn is_system(path: &[u8]) -> bool {
    let is_in = |folders: &[&[u8]]| folders.iter().any(|folder| is_below(path, folder));
    is_in(SYSTEM) && !is_in(FOR_ANYBODY)
}

fn is_container_state(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| {
        CONTAINER_STATE.contains(&name)
            || name.starts_with(b"containers-user-")
            || name.starts_with(b"podman-run-")
            || name.starts_with(b"storage-run-")
    })
}

/// Fails with the reason why a mount must not be unmounted.
pub(super) fn keeps_mount(user: &User, path: &Text) -> Result<(), String> {
    let shown = path.display();
    let path = path.as_bytes();
    let inner = path.strip_prefix(b"/proc/").and_then(|rest| {
        let at = rest.windows(5).position(|part| part == b"/root")?;
        rest.get(at + 5..)
    });
    if user.ns_ino.is_some() && inner.is_none() {
        return Err(format!(
            "the mount {shown} keeps it, in a mount namespace in which no process is"
        ));
    }
    let path = inner.unwrap_or(path);
    let is_needed = |folder: &&[u8]| path == *folder;
    if path.is_empty() || path == b"/" || SYSTEM.iter().any(is_needed) {
        return Err(format!("the mount {shown} keeps it, which is needed"));
    }
    Ok(())
}

/// Returns whether a path is below a mount, so that unmounting changes or ends it.
pub(super) fn goes_with_mount(path: &Text, mount: &Text) -> bool {
    is_below(path.as_bytes(), mount.as_bytes())
}

/// Fails with the reason why a process must not be ended or restarted.
pub(super) fn keeps_process(pins: &Pins, user: &User) -> Result<(), &'static str> {
    let unit = pins
        .memcg(user.memcg_serial_nr)
        .and_then(|memcg| memcg.path.as_bytes().rsplit(|byte| *byte == b'/').next());
    protected(pins, user.pid, &user.comm).map_err(|()| "which must keep running")?;
    if unit == Some(b"init.scope") {
        return Err("which must keep running");
    }
    Ok(())
}

/// Fails for a process that must not be ended, by its id and name alone.
pub(super) fn protected(pins: &Pins, pid: u32, comm: &Text) -> Result<(), ()> {
    let is_tool = pins.look.by_pid == Some(pid) || comm.as_bytes() == TOOL;
    if pid <= 1 || is_tool || MANAGERS.contains(&comm.as_bytes()) {
        return Err(());
    }
    Ok(())
}
