//! The only place that knows Linux: where things are in it, how to observe it, and what can go
//! wrong on a given host.
//!
//! Knowledge is in tables ([`layout`], [`hooks`]), facts about the host are gathered first
//! ([`facts`]), decided upon by pure functions and acted upon in one loop ([`attach`]). What the
//! programs count is read by one module a subject ([`memcgs`], [`slab`], [`shrinkers`],
//! [`locks`], [`tax`], [`reclaim`]) into plain [`crate::sample`] types.
#![expect(
    unsafe_code,
    reason = "the kernel boundary: each use has its SAFETY line"
)]

pub mod attach;
mod baseline;
mod block_devices;
mod bpf_maps;
pub mod btf;
mod causes;
mod census;
pub mod choice;
mod cpus;
mod css;
pub mod doctor;
mod dying;
pub mod facts;
mod fixed;
mod folio;
mod holds;
pub mod hooks;
pub mod layout;
mod lines;
mod links;
mod lock_details;
mod locks;
mod logs;
mod losses;
mod map_memory;
mod mapped;
mod memcgs;
mod memory;
mod mount_namespaces;
mod oom;
mod open_files;
mod page_tables;
mod paths;
mod percpu_rwsem;
mod pins;
pub mod privilege;
mod ram;
mod reader;
mod reclaim;
mod resolver;
mod room;
mod rows;
pub mod session;
mod shrinker_lives;
mod shrinkers;
mod slab;
mod slab_hot;
mod slab_walker;
mod slabs;
mod spans;
mod stalls;
mod stuck;
mod superblocks;
pub mod symbols;
mod tasks;
mod tax;
mod times;
pub mod trial;
mod unix_queues;
mod visible_paths;
mod wait_slots;
mod waits;
mod wire;
mod xarray;

/// What can be observed; a verb asks for those that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Memory cgroups: the walk.
    Memcg,
    /// Their births and deaths.
    Life,
    /// Slab objects charged and uncharged.
    Slab,
    /// Shrinker runs.
    Shrinker,
    /// Waits for locks.
    Lock,
    /// What dead memory cgroups cost those that live.
    Tax,
    /// Who waits for memory to be reclaimed, and from whom it is.
    Reclaim,
    /// Every lock and unlock of `cgroup_mutex`, contended or not: only for those who ask, since
    /// all mutexes of the kernel pay for it.
    Acquisition,
}

impl Subject {
    /// All of them; the last has to be asked for.
    pub const ALL_AND_ACQUISITIONS: &'static [Self] = &[
        Self::Memcg,
        Self::Life,
        Self::Slab,
        Self::Shrinker,
        Self::Lock,
        Self::Tax,
        Self::Reclaim,
        Self::Acquisition,
    ];
    /// All that is observed unless less is asked for.
    pub const ALL: &'static [Self] = Self::ALL_AND_ACQUISITIONS.split_at(7).0;

    /// Its name in records and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memcg => "memcg",
            Self::Life => "life",
            Self::Slab => "slab",
            Self::Shrinker => "shrinker",
            Self::Lock => "lock",
            Self::Tax => "tax",
            Self::Acquisition => "acquisition",
            Self::Reclaim => "reclaim",
        }
    }
}
