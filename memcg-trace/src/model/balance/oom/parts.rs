//! The parts of a memory.

use crate::sample::oom::Composition;

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Anon,
    Shmem,
    File,
    SlabReclaimable,
    SlabUnreclaimable,
    KernelStack,
    PageTables,
    PerCpu,
    Vmalloc,
    Socket,
    HugePages,
    Zswap,
    OtherKernel,
}

impl PartKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Anon => "anonymous memory",
            Self::Shmem => "shmem",
            Self::File => "pages of files",
            Self::SlabReclaimable => "slab that has shrinkers",
            Self::SlabUnreclaimable => "slab without shrinkers",
            Self::KernelStack => "kernel stacks",
            Self::PageTables => "page tables",
            Self::PerCpu => "per-CPU memory",
            Self::Vmalloc => "vmalloc memory",
            Self::Socket => "socket buffers",
            Self::HugePages => "huge pages",
            Self::Zswap => "compressed pages",
            Self::OtherKernel => "other kernel memory",
        }
    }

    /// Why it stays; `None` where that has other causes, or it does not stay.
    pub(super) fn obstacle(self) -> Option<&'static str> {
        Some(match self {
            Self::Anon | Self::Shmem | Self::File => return None,
            Self::SlabReclaimable => "slab whose shrinkers freed no more of it",
            Self::SlabUnreclaimable => "slab that no shrinker frees",
            Self::KernelStack => "kernel stacks, which live as long as their tasks",
            Self::PageTables => "page tables, which live as long as their processes",
            Self::Socket => "socket buffers, which wait to be read or sent",
            Self::HugePages => "huge pages, which are never reclaimed",
            Self::PerCpu | Self::Vmalloc | Self::Zswap | Self::OtherKernel => {
                "memory of the kernel that is never reclaimed"
            }
        })
    }
}

/// A part of a memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) bytes: u64,
}

/// Returns the parts that are known, largest first.
pub(super) fn parts(of: &Composition) -> Vec<Part> {
    use PartKind as Kind;
    let less = |all: Option<u64>, parts: &[Option<u64>]| {
        let parts = parts.iter().flatten();
        all.map(|all| parts.fold(all, |left, part| left.saturating_sub(*part)))
    };
    let page_tables = of.pagetables_bytes.map(|bytes| {
        let more = of.sec_pagetables_bytes.unwrap_or(0);
        bytes.saturating_add(more)
    });
    let of_kernel = [
        of.slab_reclaimable_bytes,
        of.slab_unreclaimable_bytes,
        of.kernel_stack_bytes,
        page_tables,
        of.percpu_bytes,
        of.vmalloc_bytes,
        of.zswap_bytes,
    ];
    let all = [
        (Kind::Anon, of.anon_bytes),
        (Kind::Shmem, of.shmem_bytes),
        (Kind::File, less(of.file_bytes, &[of.shmem_bytes])),
        (Kind::SlabReclaimable, of.slab_reclaimable_bytes),
        (Kind::SlabUnreclaimable, of.slab_unreclaimable_bytes),
        (Kind::KernelStack, of.kernel_stack_bytes),
        (Kind::PageTables, page_tables),
        (Kind::PerCpu, of.percpu_bytes),
        (Kind::Vmalloc, of.vmalloc_bytes),
        (Kind::Socket, of.sock_bytes),
        (Kind::HugePages, of.hugetlb_bytes),
        (Kind::Zswap, of.zswap_bytes),
        (Kind::OtherKernel, less(of.kernel_bytes, &of_kernel)),
    ];
    let known = all.into_iter().filter_map(|(kind, bytes)| {
        let bytes = bytes.filter(|bytes| *bytes > 0)?;
        Some(Part { kind, bytes })
    });
    let mut known: Vec<Part> = known.collect();
    known.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    known
}
