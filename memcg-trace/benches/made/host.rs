//! A made-up host with many memory cgroups.
//!
//! In each second one memory cgroup in twenty runs: it charges and frees objects of six caches, and
//! its usage changes. A walk of all slabs ends every half a minute.

use memcg_trace::sample::slab_walk::{Share, SlabWalk, WalkedCache, WalkedSlab};
use memcg_trace::sample::{Cache, Loss, Memcg, MemcgWalk, Sample, Slab, SlabCount};

const CONTAINERS: u64 = 4;
const ZOMBIES: u64 = 50;
/// One memory cgroup in so many runs in a second.
const ONE_IN: u64 = 20;
/// So many caches does it use then.
const USED_CACHES: u64 = 6;
const WALK_EVERY: u64 = 30;
pub const SECOND: u64 = 1_000_000_000;
const ALIVE: u32 = 1 << 1;
const DEAD: u32 = 1 << 4;
const CACHES: [(&str, u32); 16] = [
    ("dentry", 192),
    ("inode_cache", 600),
    ("ext4_inode_cache", 1184),
    ("proc_inode_cache", 680),
    ("shmem_inode_cache", 760),
    ("sock_inode_cache", 832),
    ("filp", 256),
    ("vm_area_struct", 184),
    ("anon_vma", 104),
    ("anon_vma_chain", 64),
    ("mm_struct", 1408),
    ("signal_cache", 1152),
    ("pid", 128),
    ("kmalloc-cg-64", 64),
    ("kmalloc-cg-192", 192),
    ("kmalloc-cg-1k", 1024),
];

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub struct MadeHost {
    random: Random,
    pub memcgs: Vec<Memcg>,
    counts: Vec<SlabCount>,
}

fn caches() -> Vec<Cache> {
    let caches = (0_u64..).zip(CACHES);
    let caches = caches.map(|(cache, (name, size_bytes))| Cache {
        cache,
        name: name.into(),
        size_bytes,
        object_bytes: size_bytes,
    });
    caches.collect()
}

impl MadeHost {
    /// A host with so many pods, of four containers each.
    pub fn of(pods: u64) -> Self {
        let mut random = Random(1);
        let memcg = |serial_nr: u64, parent: Option<u64>, name: String, flags: u32| Memcg {
            serial_nr,
            parent_serial_nr: parent,
            cgroup_id: 1000 + serial_nr,
            name: name.as_str().into(),
            flags,
            killed: flags == DEAD,
            confirmed: flags == DEAD,
            refs: (flags == DEAD).then_some(3),
            populated: Some(u32::from(flags == ALIVE)),
            usage_bytes: Some(serial_nr << 20),
            high_bytes: Some(u64::MAX >> 1),
            max_bytes: Some(1 << 30),
            low_bytes: Some(0),
            slab_bytes: Some(serial_nr << 12),
            kmem_bytes: Some(serial_nr << 13),
            own_cost_bytes: Some(40_000),
            lru_pages: Some(20),
            ..Memcg::default()
        };
        let mut memcgs = vec![
            memcg(1, None, String::new(), ALIVE),
            memcg(2, Some(1), "kubepods.slice".to_owned(), ALIVE),
        ];
        let mut hex = || format!("{:08x}{:08x}", random.below(1 << 31), random.below(1 << 31));
        for _ in 0..pods {
            let pod = 1 + memcgs.len() as u64;
            memcgs.push(memcg(pod, Some(2), format!("pod{}", hex()), ALIVE));
            for _ in 0..CONTAINERS {
                let own = 1 + memcgs.len() as u64;
                let name = format!("cri-containerd-{}{}.scope", hex(), hex());
                memcgs.push(memcg(own, Some(pod), name, ALIVE));
            }
        }
        for _ in 0..ZOMBIES {
            let own = 1 + memcgs.len() as u64;
            memcgs.push(memcg(own, Some(2), format!("pod{}", hex()), DEAD));
        }
        let alive = memcgs.iter().filter(|memcg| memcg.flags == ALIVE);
        let numbers = alive.map(|memcg| memcg.serial_nr);
        let caches = 0..CACHES.len() as u64;
        let counts = numbers.flat_map(|memcg| {
            caches.clone().map(move |cache| SlabCount {
                objcg: memcg,
                cache,
                memcg_serial_nr: Some(memcg),
                alloc_total: 1 + memcg * 7 + cache * 3,
                free_total: 0,
            })
        });
        let counts = counts.collect();
        Self {
            random,
            memcgs,
            counts,
        }
    }

    /// The sample of a second after the start: the first has everything, the others what changed.
    pub fn sample(&mut self, second: u64) -> Sample {
        // Readings are never at a whole second.
        let mono_ns = (1_000 + second) * SECOND + self.random.below(3_000_000);
        let mut moved = Vec::new();
        let alive = self.memcgs.iter_mut().filter(|memcg| memcg.flags == ALIVE);
        for memcg in alive {
            if self.random.below(ONE_IN) > 0 {
                continue;
            }
            let pages = self.random.below(500);
            memcg.usage_bytes = memcg
                .usage_bytes
                .map(|bytes| bytes + pages * 4096 - 250 * 4096);
            memcg.kmem_bytes = memcg.kmem_bytes.map(|bytes| bytes + pages * 40);
            let first = (memcg.serial_nr - 1) * CACHES.len() as u64;
            let from = self.random.below(CACHES.len() as u64);
            for cache in 0..USED_CACHES {
                let at = first + (from + cache) % CACHES.len() as u64;
                let count = &mut self.counts[usize::try_from(at).unwrap_or(0)];
                let more = self.random.below(60);
                count.alloc_total += more;
                count.free_total += more.saturating_sub(self.random.below(4));
                moved.push(count.clone());
            }
        }
        if second == 0 {
            moved.clone_from(&self.counts);
        }
        let losses = (0..20).map(|place| Loss {
            place: format!("place {place}"),
            lost_total: Some(0),
        });
        Sample {
            mono_ns,
            unix_ns: 1_790_000_000_000_000_000 + i64::try_from(mono_ns).unwrap_or(0),
            memcgs: Some(MemcgWalk {
                begin_ns: mono_ns - 2_000_000,
                end_ns: mono_ns,
                took_ns: 1_500_000 + self.random.below(100_000),
                rows: self.memcgs.clone(),
                ..MemcgWalk::default()
            }),
            life: Some(Vec::new()),
            slab: Some(Slab {
                as_of_ns: mono_ns,
                took_ns: 400_000 + self.random.below(100_000),
                counts: moved,
                caches: if second == 0 { caches() } else { Vec::new() },
                before: None,
            }),
            slab_walk: second
                .is_multiple_of(WALK_EVERY)
                .then(|| self.walk(mono_ns)),
            losses: losses.collect(),
            ..Sample::default()
        }
    }

    fn walk(&self, end_ns: u64) -> SlabWalk {
        let row = |count: &SlabCount| {
            let objects = count.alloc_total.saturating_sub(count.free_total);
            let (_, size) = CACHES[usize::try_from(count.cache).unwrap_or(0)];
            WalkedSlab {
                memcg_serial_nr: count.memcg_serial_nr,
                cache: count.cache,
                share: Share {
                    objects,
                    touched_pages: objects / 8 + 1,
                    owned_pages: objects / 20,
                    share_bytes: objects * u64::from(size) * 5 / 4,
                },
                inherited_objects: 0,
                uncertain_objects: Some(0),
            }
        };
        let caches = (0_u64..)
            .zip(CACHES)
            .map(|(cache, (name, size))| WalkedCache {
                cache,
                name: name.into(),
                size_bytes: size,
                object_bytes: size,
                slab_objects: 21,
                slabs: 1000,
                slab_pages: 8000,
                capacity_objects: 21_000,
                ..WalkedCache::default()
            });
        SlabWalk {
            begin_ns: end_ns - 40_000_000,
            end_ns,
            took_ns: 20_000_000,
            visited_pages: 262_144,
            owner_bytes: 8,
            caches: caches.collect(),
            rows: self.counts.iter().map(row).collect(),
            ..SlabWalk::default()
        }
    }
}
