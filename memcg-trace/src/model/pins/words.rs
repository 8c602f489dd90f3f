//! Names of pins, their objects and users, fit for a terminal.

use crate::model::snapshot::{MemcgId, Pins};
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind, User, UserKind};

/// Returns a number as people write it: `6,400`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the name of a kind of pin in records.
#[must_use]
pub fn kind(kind: PinKind) -> &'static str {
    kind.into()
}

/// Returns a count of references of a kind in words: `1 inet socket`, `300 anonymous pages`.
#[must_use]
pub fn counted(of: PinKind, count: u64) -> String {
    let (one, many) = match of {
        PinKind::PageFile => ("file page", "file pages"),
        PinKind::PageShmem => ("tmpfs page", "tmpfs pages"),
        PinKind::PageAnon => ("anonymous page", "anonymous pages"),
        PinKind::PageAnonShared => ("shared anonymous page", "shared anonymous pages"),
        PinKind::PageKmem => ("page of the kernel", "pages of the kernel"),
        PinKind::PageHugetlb => ("hugetlb page", "hugetlb pages"),
        PinKind::Swap => ("id in swap", "ids in swap"),
        PinKind::SocketInet => ("inet socket", "inet sockets"),
        PinKind::SocketUnix => ("unix socket", "unix sockets"),
        PinKind::SocketOther => ("socket", "sockets"),
        PinKind::Fsnotify => ("watch group", "watch groups"),
        PinKind::CgroupNs => ("cgroup namespace", "cgroup namespaces"),
        PinKind::Task => ("css_set with tasks", "css_sets with tasks"),
        PinKind::CssSet => ("css_set", "css_sets"),
        PinKind::LruGenMm => ("address space", "address spaces"),
        PinKind::Writeback => ("writeback", "writebacks"),
        PinKind::Stock => ("stock of a CPU", "stocks of CPUs"),
        PinKind::ChildCss => ("child cgroup", "child cgroups"),
        PinKind::ControllerCss => ("css of another controller", "csses of other controllers"),
        PinKind::BpfMap => ("entry of a BPF map", "entries of BPF maps"),
        PinKind::CgroupBpf => ("set of BPF programs", "sets of BPF programs"),
        PinKind::BpfLink => ("BPF link", "BPF links"),
        PinKind::Other => ("reference of another kind", "references of other kinds"),
    };
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Returns the name of a process: `redis[812]`, or `redis[812] fd 7` where the descriptor is known.
#[must_use]
pub fn user(user: &User) -> String {
    let name = user_text(user).display().into_owned();
    match user.kind {
        UserKind::Loop => format!("loop device {name}{}", used_by(user)),
        UserKind::Device => format!("device {name}{}", used_by(user)),
        UserKind::Mount if name.starts_with("/proc/") || user.ns_ino.is_none() => {
            format!("mount {name}")
        }
        UserKind::Mount => format!("mount {name} of mount namespace {}", known(user.ns_ino)),
        UserKind::Swap => format!("swap {name}"),
        _ => name,
    }
}

/// Returns the users of a device, after its name.
fn used_by(device: &User) -> String {
    let Some(first) = device.held_by.first() else {
        return String::new();
    };
    let how = match first.kind {
        UserKind::Mount => format!("mounted at {}", user_text(first).display()),
        UserKind::Swap => "which is swap".to_owned(),
        UserKind::Device => format!("below {}", user(first)),
        UserKind::Kernel => format!("used by {}", user(first)),
        _ => format!("which {} has open", user(first)),
    };
    match device.held_by.len() - 1 {
        0 => format!(", {how}"),
        more => format!(", {how} and {} more", grouped(more as u64)),
    }
}

/// Returns the name of a process with its unit: `redis[812] fd 7 of redis.service`.
#[must_use]
pub fn user_of_unit(pins: &Pins, one: &User) -> String {
    match unit(pins, one) {
        Some(unit) => format!("{} of {}", user(one), unit.display()),
        None => user(one),
    }
}

/// Returns the unit of a process: the lowest cgroup of its memcg's path that is a unit, else the
/// last component.
#[must_use]
pub fn unit(pins: &Pins, user: &User) -> Option<Text> {
    const KINDS: [&[u8]; 4] = [b".service", b".scope", b".mount", b".swap"];
    let path = pins.memcg(user.memcg_serial_nr)?.path.as_bytes();
    let mut names = path
        .rsplit(|byte| *byte == b'/')
        .filter(|name| !name.is_empty());
    let last = names.clone().next()?;
    let unit = names.find(|name| KINDS.iter().any(|kind| name.ends_with(kind)));
    Some(Text::from(unit.unwrap_or(last)))
}

/// Returns the name of a user with the raw bytes of its `comm`.
pub(super) fn user_text(user: &User) -> Text {
    if let (0, Some(name)) = (user.pid, &user.name) {
        return name.clone();
    }
    let process = process(user.pid, &user.comm);
    match (user.kind, user.fd) {
        (
            UserKind::Open
            | UserKind::NamespaceFd
            | UserKind::NamespaceFile
            | UserKind::NamespaceSocket
            | UserKind::FileSystem
            | UserKind::Receives
            | UserKind::Accepts
            | UserKind::Peer
            | UserKind::InPipe
            | UserKind::Ring,
            Some(fd),
        ) => Text::from([process.as_bytes(), format!(" fd {fd}").as_bytes()].concat()),
        _ => process,
    }
}

/// Returns `redis[812]`, with the raw bytes of the name.
pub(super) fn process(pid: u32, comm: &Text) -> Text {
    Text::from([comm.as_bytes(), format!("[{pid}]").as_bytes()].concat())
}

/// Returns the words for an object that holds references of a pin.
#[must_use]
pub fn object(pins: &Pins, object: &Object) -> String {
    match object.kind {
        ObjectKind::File => path_or_inode(object),
        ObjectKind::BlockDevice => format!("block device {}", device(object)),
        ObjectKind::DeletedFile => format!("deleted file {}", path_or_inode(object)),
        ObjectKind::Memfd => format!("memfd {}", memfd_name(object)),
        ObjectKind::SysvShm => format!("SysV segment {}", known(object.ino)),
        ObjectKind::SharedAnon => "shared anonymous memory".to_owned(),
        ObjectKind::PrivateAnon => "private memory".to_owned(),
        ObjectKind::Socket => socket(object),
        ObjectKind::KernelSocket => {
            let protocol = object
                .fs
                .as_ref()
                .map_or_else(String::new, |protocol| format!("{} ", protocol.display()));
            format!(
                "kernel {protocol}socket of network namespace {}",
                known(object.ns_ino)
            )
        }
        ObjectKind::Inotify => "inotify instance".to_owned(),
        ObjectKind::Fanotify => "fanotify group".to_owned(),
        ObjectKind::CssSet if object.ns_ino.is_some() => {
            format!("cgroup namespace {}", known(object.ns_ino))
        }
        ObjectKind::CssSet => "css_set".to_owned(),
        ObjectKind::Writeback => format!("writeback to {}", device(object)),
        ObjectKind::Cpu => format!("stock of CPU {}", known(object.cpu.map(u64::from))),
        ObjectKind::Memcg => child(pins.memcg(object.memcg_serial_nr), object),
        ObjectKind::Cgroup => format!("child cgroup {}", path_or_inode(object)),
        ObjectKind::Css => css(object),
        ObjectKind::BpfMap => bpf_map(object),
        ObjectKind::CgroupBpf => "BPF programs attached to it".to_owned(),
        ObjectKind::BpfLink => format!("BPF link of id {}", known(object.ino)),
        ObjectKind::KernelStack => "kernel stack".to_owned(),
        ObjectKind::PageTables => "page tables".to_owned(),
        ObjectKind::Pipe => "pipe".to_owned(),
        ObjectKind::SwapId => "pages in swap".to_owned(),
        ObjectKind::SwapSlots => {
            let cpu = known(object.cpu.map(u64::from));
            format!("free places in swap that CPU {cpu} keeps")
        }
        ObjectKind::Mm => "address space".to_owned(),
        ObjectKind::Unknown if object.path.is_some() || object.ino.is_some() => {
            path_or_inode(object)
        }
        ObjectKind::Unknown => "not known by what".to_owned(),
    }
}

/// Returns the word for the missing use of an object: `open`, `attached` or `mapped`. `None` if it
/// has users, or if not all references that the kernel counts to it were found.
#[must_use]
pub fn nobody(kind: PinKind, object: &Object) -> Option<&'static str> {
    match object.kind {
        _ if !is_unheld(object) => None,
        ObjectKind::SysvShm => Some("attached"),
        ObjectKind::Socket => Some("open"),
        ObjectKind::PrivateAnon => Some("mapped"),
        ObjectKind::File if kind == PinKind::PageShmem => Some("open"),
        _ => None,
    }
}

/// Returns whether an object surely has no users: the kernel's own count of its references closes.
pub(super) fn is_unheld(object: &Object) -> bool {
    let is_nobody = object.users.is_empty() && object.users_omitted == 0;
    let is_closed = (object.held.as_ref()).is_some_and(|held| held.found >= held.refs);
    is_nobody && is_closed
}

/// Returns the references to an object that the kernel counts and that were not found.
#[must_use]
pub fn not_found(object: &Object) -> Option<u64> {
    let held = object.held.as_ref()?;
    Some(held.refs.saturating_sub(held.found)).filter(|refs| *refs > 0)
}

/// Returns the words for references that were not found.
#[must_use]
pub fn not_found_text(object: &Object) -> Option<String> {
    let refs = not_found(object)?;
    if object.kind == ObjectKind::SwapId {
        let which = match object.pages == Some(refs) {
            true => "they".to_owned(),
            false => format!("{} of them", grouped(refs)),
        };
        return Some(format!("whose {which} are was not found"));
    }
    let verb = if refs == 1 { "was" } else { "were" };
    let references = if refs == 1 { "reference" } else { "references" };
    Some(format!(
        "{} {references} to it {verb} not found",
        grouped(refs)
    ))
}

/// Returns a figure, or `?`.
fn known(figure: Option<u64>) -> String {
    figure.map_or_else(|| "?".to_owned(), |figure| figure.to_string())
}

/// Returns a device's name, else its number.
#[must_use]
pub fn device(object: &Object) -> String {
    let dev = object.dev_name.as_ref().or(object.dev.as_ref());
    let dev = dev.filter(|dev| !dev.is_empty());
    dev.map_or_else(
        || "an unknown device".to_owned(),
        |dev| dev.display().into_owned(),
    )
}

fn inode(object: &Object) -> String {
    match object.ino {
        Some(ino) => format!("inode {ino} of {}", device(object)),
        None => "without a name".to_owned(),
    }
}

fn path_or_inode(object: &Object) -> String {
    path(object).map_or_else(|| inode(object), |path| path.display().into_owned())
}

/// Returns a path that leads to the file from here: in another mount namespace, through a process
/// in that. Only the last component where no more is known.
#[must_use]
pub fn path(object: &Object) -> Option<Text> {
    let path = object.path.as_ref().filter(|path| !path.is_empty())?;
    Some(match object.path_of_pid {
        Some(pid) if path.as_bytes().starts_with(b"/") => {
            Text::from([format!("/proc/{pid}/root").as_bytes(), path.as_bytes()].concat())
        }
        _ => path.clone(),
    })
}

/// Returns the name of a memfd without the prefix `memfd:` of `memfd_create(2)`.
fn memfd_name(object: &Object) -> String {
    let name = path_or_inode(object);
    name.strip_prefix("/memfd:")
        .or_else(|| name.strip_prefix("memfd:"))
        .map_or_else(|| name.clone(), str::to_owned)
}

fn socket(object: &Object) -> String {
    let mut text = match &object.fs {
        Some(protocol) if !protocol.is_empty() => format!("{} socket", protocol.display()),
        _ => "socket".to_owned(),
    };
    for (before, end) in [
        (" ", &object.path),
        (" ", &object.local),
        (" to ", &object.remote),
    ] {
        if let Some(end) = end.as_ref().filter(|end| !end.is_empty()) {
            text += before;
            text += &end.display();
        }
    }
    text
}

/// Returns the words for the css that a controller still has of a cgroup.
fn css(object: &Object) -> String {
    let name = object.fs.as_ref().map(|name| name.display().into_owned());
    match name.as_deref() {
        Some("perf_event") if !object.users.is_empty() => {
            "perf event that counts for it".to_owned()
        }
        Some(name) => format!("css of the controller {name}"),
        None => "css of a controller".to_owned(),
    }
}

fn bpf_map(object: &Object) -> String {
    let id = known(object.ino);
    match &object.path {
        Some(name) if !name.is_empty() => format!("BPF map {} (id {id})", name.display()),
        _ => format!("BPF map of id {id}"),
    }
}

fn child(id: Option<&MemcgId>, object: &Object) -> String {
    match id {
        Some(id) if !id.path.is_empty() => format!("child cgroup {}", id.shown()),
        _ => format!(
            "child cgroup of serial_nr {}",
            known(object.memcg_serial_nr)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups() {
        let shown = [0, 7, 999, 1_000, 6_400, 1_234_567, u64::MAX].map(grouped);
        assert_eq!(
            shown,
            [
                "0",
                "7",
                "999",
                "1,000",
                "6,400",
                "1,234,567",
                "18,446,744,073,709,551,615"
            ]
        );
    }

    #[test]
    fn kinds_go_by_their_name_in_records() {
        for of in [
            PinKind::PageFile,
            PinKind::PageAnonShared,
            PinKind::SocketOther,
            PinKind::CgroupNs,
            PinKind::LruGenMm,
            PinKind::ChildCss,
        ] {
            assert_eq!(
                serde_json::to_value(of).unwrap(),
                serde_json::Value::from(kind(of))
            );
        }
    }
}
