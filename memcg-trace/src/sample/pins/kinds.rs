//! Kinds of pins, and of the objects that hold them.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// The kind of a reference.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum PinKind {
    /// Page cache of a file system with storage behind it.
    PageFile,
    /// Pages of tmpfs, memfd and SysV segments.
    PageShmem,
    /// Private anonymous pages.
    PageAnon,
    /// Shared anonymous memory (`MAP_SHARED`), which is shmem without a name.
    PageAnonShared,
    /// Pages of the kernel's own (pipes, stacks; 5.10).
    PageKmem,
    /// Huge pages of hugetlbfs that are charged.
    PageHugetlb,
    /// Pages in swap: all of them have one reference, through the memcg's id.
    Swap,
    /// Sockets of AF_INET and AF_INET6.
    SocketInet,
    /// Sockets of AF_UNIX.
    SocketUnix,
    /// Sockets of any other family.
    SocketOther,
    /// inotify and fanotify groups.
    Fsnotify,
    /// css_sets that only a cgroup namespace keeps.
    CgroupNs,
    /// css_sets that tasks are in, unreaped and exiting ones too.
    Task,
    /// css_sets of which neither a task nor a namespace was found.
    CssSet,
    /// Address spaces that MGLRU walks.
    LruGenMm,
    /// Writeback of a device on the memcg's behalf.
    Writeback,
    /// Charges that a CPU keeps in stock.
    Stock,
    /// Memory cgroups below it; of a cgroup without a memory cgroup, cgroups below it.
    ChildCss,
    /// Csses of other controllers, of a cgroup without a memory cgroup.
    ControllerCss,
    /// Entries of BPF maps, of a cgroup without a memory cgroup.
    BpfMap,
    /// The BPF part of a cgroup without a memory cgroup, which BPF programs run for.
    CgroupBpf,
    /// Links that attached those programs.
    BpfLink,
    /// Not known to this version.
    #[default]
    #[serde(other)]
    Other,
}

/// The kind of an object, beyond the kind of its pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ObjectKind {
    /// A file that has a name.
    File,
    /// A file whose last name is gone.
    DeletedFile,
    /// A block device itself, whose page cache it is.
    BlockDevice,
    /// `memfd_create(2)`.
    Memfd,
    /// A SysV segment: its inode number is its id.
    SysvShm,
    /// Memory shared by `mmap(2)` without a file.
    SharedAnon,
    /// Private memory of a process.
    PrivateAnon,
    /// A socket of a process.
    Socket,
    /// A socket of the kernel itself, that a network namespace keeps.
    KernelSocket,
    /// An inotify instance.
    Inotify,
    /// A fanotify instance.
    Fanotify,
    /// A css_set.
    CssSet,
    /// The writeback state of a device.
    Writeback,
    /// A CPU.
    Cpu,
    /// A memory cgroup below.
    Memcg,
    /// A cgroup below.
    Cgroup,
    /// A css; `fs` has the name of its controller.
    Css,
    /// A BPF map: its inode number is its id, its path its name.
    BpfMap,
    /// The part of a cgroup that BPF programs run for.
    CgroupBpf,
    /// A BPF link: its inode number is its id.
    BpfLink,
    /// The stack that a task has in the kernel.
    KernelStack,
    /// The page tables of a process.
    PageTables,
    /// A pipe, with what it carries.
    Pipe,
    /// The memcg's id in swap.
    SwapId,
    /// Free places in swap that a CPU has not given back yet.
    SwapSlots,
    /// An address space.
    Mm,
    /// Not known.
    #[default]
    #[serde(other)]
    Unknown,
}
