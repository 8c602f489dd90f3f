//! Pins of dead memory cgroups: the answer to one query, from the kernel's memory.
//!
//! A *pin* is a reference that keeps a css; an *object* (a file, a socket, a css_set, …) holds
//! pins, and a *user* keeps the object. References are counted by object and never by user: three
//! tasks on one css_set are one reference.

mod kinds;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::Text;
pub use kinds::{ObjectKind, PinKind};

/// The pins of some zombies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pins {
    /// The start of the scan, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// The end of the scan, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// The time that the scan took.
    pub took_ns: u64,
    /// Page descriptors that were read, on lists or one after the other.
    pub visited_pages: u64,
    /// Other objects of the kernel that were read.
    pub visited_objects: u64,
    /// The reason for scanning all pages of the host; `None` if that was not needed.
    pub all_pages_because: Option<String>,
    /// Whether this kernel has `memory.reclaim`; `None` if that is not known.
    pub can_reclaim: Option<bool>,
    /// Swap space of the host that is free; `None` if that is not known.
    pub free_swap_bytes: Option<u64>,
    /// Swap space of the host that is in use; `None` if that is not known.
    pub used_swap_bytes: Option<u64>,
    /// Memory that can be had without swap (`MemAvailable`); `None` if that is not known.
    pub available_bytes: Option<u64>,
    /// Process id of the scanning process; `None` if that is not known.
    pub by_pid: Option<u32>,
    /// The zombies that were asked for and found.
    pub zombies: Vec<Pinned>,
    /// Dead cgroups whose memory cgroup is gone, with the references to the cgroup itself.
    pub cgroups: Vec<Pinned>,
}

/// The pins of one zombie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pinned {
    /// Its serial number.
    pub serial_nr: u64,
    /// References at the end of the scan; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
    /// Whether it went away, or its references changed, during the scan.
    pub changed: bool,
    /// The pins that were found, a row for each kind.
    pub pins: Vec<Pin>,
    /// Things that could not be read.
    pub not_checked: Vec<NotChecked>,
}

/// References of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pin {
    /// The kind.
    pub kind: PinKind,
    /// The number of references, counted one by one.
    pub refs: u64,
    /// Pages of 4 KiB behind them; `None` where they are no pages.
    pub pages: Option<u64>,
    /// The objects that hold them, the most references first.
    pub objects: Vec<Object>,
    /// Objects that are not in the list, for it is bounded. Their references are counted.
    pub objects_omitted: u64,
    /// The number of references after which a bound stopped the count, if one did.
    pub truncated_at: Option<u64>,
}

/// An object that holds references. Fields that do not apply to its kind are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Object {
    /// Its kind.
    pub kind: ObjectKind,
    /// References that it holds.
    pub refs: u64,
    /// Pages of 4 KiB that it stands for; for [`ObjectKind::SwapId`], pages in swap.
    pub pages: Option<u64>,
    /// References of pages that reclaim cannot evict, such as locked ones; `None` where they are no
    /// pages, or where that was not seen.
    pub unevictable_refs: Option<u64>,
    /// File system (`file_system_type.name`), or the protocol of a socket (`proto.name`).
    pub fs: Option<Text>,
    /// Device, `major:minor`; of writeback, its name.
    pub dev: Option<Text>,
    /// The device's name, `/dev/sda1`; `None` where it is no device, or the name is not known.
    pub dev_name: Option<Text>,
    /// Inode number of a file or socket.
    pub ino: Option<u64>,
    /// The path of a file or Unix socket; only the last component where no more is known.
    pub path: Option<Text>,
    /// Inode number of the namespace that keeps it.
    pub ns_ino: Option<u64>,
    /// The place where that namespace is mounted.
    pub ns_mount: Option<Text>,
    /// Local end of a socket.
    pub local: Option<Text>,
    /// Remote end of a socket.
    pub remote: Option<Text>,
    /// Number of a CPU.
    pub cpu: Option<u32>,
    /// Serial number of a memcg below.
    pub memcg_serial_nr: Option<u64>,
    /// Its references by the kernel's count, against those that were found; `None` where the count
    /// was not read.
    pub held: Option<Held>,
    /// The inodes of a writeback.
    pub inodes: Option<Inodes>,
    /// Names that its inode has (`i_nlink`).
    pub links: Option<u64>,
    /// Where reclaim can move a file's pages; `None` where that was not read.
    pub backing: Option<Backing>,
    /// Whether a file's file system can be mounted. No path leads to files of those that only the
    /// kernel itself mounts.
    pub is_mountable: Option<bool>,
    /// The process in whose mount namespace `path` is a path, as `/proc/PID/root` shows it; `None`
    /// where it is a path in ours.
    pub path_of_pid: Option<u32>,
    /// The users that keep it.
    pub users: Vec<User>,
    /// Users that are not in the list, for it is bounded.
    pub users_omitted: u64,
}

/// The place to which reclaim can move a file's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Backing {
    /// A device, a server, other files: pages are dropped, and read again.
    Storage,
    /// Swap, if there is some.
    Swap,
    /// None: they stay in memory as long as the file has them.
    Memory,
    /// None, and they are huge ones.
    HugePages,
    /// Not known to this version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The inodes of a writeback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inodes {
    /// Inodes that are written, or wait for it.
    pub dirty: u64,
    /// Inodes that are merely attached.
    pub clean: u64,
    /// Whether the kernel gives clean ones to another writeback when a memcg is removed.
    pub are_given_away: bool,
}

/// The references to an object, as the kernel counts them, against those that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Held {
    /// References that the kernel counts (`f_count`, `i_count`, `sk_refcnt`, …).
    pub refs: u64,
    /// References that were found, one by one: those of users, and those that the kernel itself
    /// always has (a dentry's reference to its inode, say).
    pub found: u64,
    /// Ways to hold such an object that were not checked, with the reason.
    pub not_checked: Vec<String>,
}

/// The way in which a process keeps an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum UserKind {
    /// By a file descriptor.
    Open,
    /// By a mapping.
    Mapped,
    /// By being a member of it.
    Member,
    /// By being in the namespace that keeps it.
    Namespace,
    /// By a file descriptor of the namespace that keeps it.
    NamespaceFd,
    /// By executing it.
    Runs,
    /// By having it as its working or root directory.
    WorksIn,
    /// By a socket in whose queue the object is, in a message that was not received.
    Receives,
    /// By a socket in whose queue the object is, as a connection that was not accepted.
    Accepts,
    /// By a socket whose other end it is.
    Peer,
    /// By a file of the cgroup file system, opened in the namespace that keeps it.
    NamespaceFile,
    /// By an end of the pipe that it is in.
    InPipe,
    /// By a socket in the namespace that keeps it, though the process is in another.
    NamespaceSocket,
    /// By keeping the file system that it is in, which no process sees mounted: with a directory or
    /// another file of it, or with a descriptor or a mount (`name`) of its mount namespace.
    FileSystem,
    /// By watching it.
    Watches,
    /// No process: something of the kernel's own, which `name` names.
    Kernel,
    /// No process: a loop device that it backs; `held_by` has the users of that.
    Loop,
    /// No process: a block device that is made of it (device-mapper, md); `held_by` has the users of
    /// that.
    Device,
    /// No process: a mount whose root it is; `name` is the mount's path.
    Mount,
    /// No process: swap is on it; `name` is its path.
    Swap,
    /// By an io_uring that it is registered with; `fd` is the ring's.
    Ring,
    /// By asynchronous I/O (`io_setup(2)`): as the ring, or in a request.
    Aio,
    /// Not known to this version.
    #[default]
    #[serde(other)]
    Other,
}

/// A process that keeps an object, or with process id 0 something of the kernel's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The way it keeps the object.
    pub kind: UserKind,
    /// Process id.
    pub pid: u32,
    /// Thread id, where one thread keeps it.
    pub tid: Option<u32>,
    /// Its name.
    pub comm: Text,
    /// When it was started, CLOCK_MONOTONIC.
    pub start_ns: Option<u64>,
    /// Its state as in `ps`: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`.
    pub state: Option<char>,
    /// The file descriptor.
    pub fd: Option<u32>,
    /// The memcg that it is in, which would be charged if the object were charged anew.
    pub memcg_serial_nr: Option<u64>,
    /// The process that must reap an unreaped one: process id and name.
    pub parent: Option<(u32, Text)>,
    /// References to the object that it has; `None` in recordings that did not say.
    pub refs: Option<u64>,
    /// Its name, where it is no process (process id 0): a device, a mount's path, …
    pub name: Option<Text>,
    /// Inode number of the mount namespace that the mount is in, where it is not ours; its path is
    /// then `/proc/PID/root/…`, if a process is in there.
    pub ns_ino: Option<u64>,
    /// The users that keep it in turn, where it is no process: users of a device.
    pub held_by: Vec<User>,
}

/// Something that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NotChecked {
    /// The kind of pin.
    pub kind: PinKind,
    /// The reason in one line.
    pub reason: String,
}
