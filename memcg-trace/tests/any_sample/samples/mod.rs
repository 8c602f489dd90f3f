//! Arbitrary samples: small numbers, so that keys coincide, and large ones, so that sums overflow.

mod about;
mod callers;
mod names;
mod pin_answers;
mod reclaims;
mod wait_looks;

use memcg_trace::sample::pins::{
    Backing, Held, Inodes, NotChecked, Object, ObjectKind, Pin, PinKind, Pinned, Pins, User,
    UserKind,
};
use memcg_trace::sample::reclaim::OomKill;
use memcg_trace::sample::removals::{Removal, RemovalStep, Removals, WorkItem, WorkPlace, Working};
use memcg_trace::sample::slab_inside::{self, InsideParent, InsideRow, SlabInside, States};
use memcg_trace::sample::slab_walk::{Inherited, Share, SlabWalk, WalkedCache, WalkedSlab};
use memcg_trace::sample::uses::{CgroupUse, CgroupUses};
use memcg_trace::sample::waits::{self, EndsOn, Evidence, Holder, Retry, TaskScan, Wait, Waits};
use memcg_trace::sample::{
    BookedSlab, Cache, DyingCgroup, DyingCgroups, LockCount, LockHold, LockHolder, LockRelease,
    LockTimes, LockWait, Locks, Memcg, MemcgEvent, MemcgEventKind, MemcgWalk, Resource,
    ResourceKind, Sample, Shrinker, Slab, SlabBefore, SlabCount, Task, Text, TimeClass, ZombieCost,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use about::about;
use pin_answers::pins;
use reclaims::{oom_memory, reclaim};
use wait_looks::all_waits;

/// Few different values, so that they coincide.
fn serial_nr() -> impl Strategy<Value = u64> {
    0_u64..6
}

/// Values close to each other, and at the ends.
fn figure() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..40, Just(u64::MAX), any::<u64>()]
}

fn name() -> impl Strategy<Value = Text> {
    vec(any::<u8>(), 0..6).prop_map(Text::from)
}

prop_compose! {
    fn memcg()(
        serial_nr in serial_nr(),
        parent_serial_nr in of(serial_nr()),
        name in name(),
        flags in 0_u32..32,
        killed: bool,
        confirmed: bool,
        refs in of(-1_i64..3),
        populated in of(0_u32..2),
        has_tasks in of(any::<bool>()),
        bytes in of(figure()),
    ) -> Memcg {
        Memcg {
            serial_nr, parent_serial_nr, name, flags, killed, confirmed, refs, populated,
            has_tasks,
            usage_bytes: bytes, high_bytes: bytes, max_bytes: bytes, low_bytes: bytes,
            slab_bytes: bytes, kmem_bytes: bytes, ..Memcg::default()
        }
    }
}

prop_compose! {
    fn life()(
        kind in prop_oneof![
            Just(MemcgEventKind::Online), Just(MemcgEventKind::Offline), Just(MemcgEventKind::Released),
            Just(MemcgEventKind::Freed), Just(MemcgEventKind::Other),
        ],
        time_ns in figure(),
        serial_nr in serial_nr(),
        parent_serial_nr in of(serial_nr()),
        name in name(),
        lru_pages in of(figure()),
    ) -> MemcgEvent {
        MemcgEvent {
            kind, time_ns, serial_nr, parent_serial_nr, cgroup_id: 1, css_id: 1,
            comm: name.clone(), name, pid: 1, lru_pages,
        }
    }
}

prop_compose! {
    fn walk()(
        begin_ns in figure(),
        end_ns in figure(),
        truncated_at in of(figure()),
        reparents_lru in of(any::<bool>()),
        rows in vec(memcg(), 0..8),
    ) -> MemcgWalk {
        MemcgWalk { begin_ns, end_ns, took_ns: begin_ns, truncated_at, reparents_lru, rows }
    }
}

prop_compose! {
    fn cgroup_uses()(
        cgroups in vec((serial_nr(), any::<bool>(), of(figure())), 0..6),
        can_reclaim in of(any::<bool>()),
        not_checked in vec("\\PC{0,4}", 0..2),
    ) -> CgroupUses {
        let used = |(serial_nr, is_used, least_age_ns)| CgroupUse {
            serial_nr, least_age_ns, is_watched: is_used, is_open: is_used,
            live_below: least_age_ns,
        };
        CgroupUses {
            can_reclaim, not_checked,
            cgroups: cgroups.into_iter().map(used).collect(),
            ..CgroupUses::default()
        }
    }
}

prop_compose! {
    fn dying()(
        nr_dying in figure(),
        with_zombie in figure(),
        without_memcg in figure(),
        cgroups in vec((serial_nr(), name(), of(any::<i64>())), 0..4),
        not_checked in of("\\PC{0,4}"),
    ) -> DyingCgroups {
        let cgroup = |(serial_nr, path, refs)| DyingCgroup {
            serial_nr, path, refs, ..DyingCgroup::default()
        };
        DyingCgroups {
            nr_dying, with_zombie, without_memcg, not_checked,
            nr_cgroups: Some(nr_dying),
            cgroups: cgroups.into_iter().map(cgroup).collect(),
            ..DyingCgroups::default()
        }
    }
}

prop_compose! {
    fn slab()(
        as_of_ns in figure(),
        counts in vec((0_u64..3, 0_u64..3, of(serial_nr()), figure(), figure()), 0..6),
        booked in of(vec((of(serial_nr()), 0_u64..3, figure(), figure()), 0..6)),
        cache in 0_u64..3,
        name in name(),
    ) -> Slab {
        let counts = counts.into_iter().map(|(objcg, cache, memcg_serial_nr, alloc, free)| {
            SlabCount { objcg, cache, memcg_serial_nr, alloc_total: alloc, free_total: free }
        });
        let cache = Cache { cache, name, size_bytes: u32::MAX, object_bytes: 0 };
        let counts: Vec<_> = counts.collect();
        let before = booked.map(|booked| {
            let booked = booked.into_iter().map(|(memcg_serial_nr, cache, alloc, free)| {
                BookedSlab { memcg_serial_nr, cache, alloc_total: alloc, free_total: free }
            });
            Box::new(SlabBefore { counts: counts.clone(), booked: booked.collect() })
        });
        Slab { as_of_ns, took_ns: 0, counts, caches: vec![cache], before }
    }
}

prop_compose! {
    fn locks()(
        as_of_ns in figure(),
        since_ns in figure(),
        memcg_serial_nr in of(serial_nr()),
        comm in name(),
        sums in vec((figure(), figure(), 0_u64..2), 0..4),
    ) -> Locks {
        let task = Task { comm, memcg_serial_nr, ..Task::default() };
        let counts = sums.into_iter().map(|(waits_total, wait_ns_total, addr)| LockCount {
            resource: Resource { addr, ..Resource::default() },
            memcg_serial_nr, waits_total, wait_ns_total, max_ns: wait_ns_total,
            unmeasured_total: waits_total,
        });
        let wait = LockWait { task: task.clone(), since_ns, owner: Some(task.clone()), ..LockWait::default() };
        let counts: Vec<LockCount> = counts.collect();
        let classes = |total: u64| {
            let class = |about_ns| TimeClass { about_ns, count_total: total };
            vec![class(7), class(900)]
        };
        let holder = LockHolder { task, since_ns, stack: vec!["f".to_owned()], unconfirmed: true };
        let times = counts.iter().map(|count| LockTimes {
            addr: count.resource.addr, classes: classes(count.waits_total),
        });
        let releases = counts.iter().map(|count| LockRelease {
            addr: count.resource.addr, stack: Vec::new(), seen_total: count.waits_total,
        });
        let holds = counts.iter().map(|count| LockHold {
            addr: count.resource.addr, holds_total: since_ns, hold_ns_total: since_ns,
            classes: classes(since_ns), holders: vec![holder.clone()], ..LockHold::default()
        });
        Locks {
            as_of_ns, waits: vec![wait],
            times: times.collect(), releases: Some(releases.collect()), holds: holds.collect(), counts,
        }
    }
}

prop_compose! {
    fn slab_walk()(
        caches in vec((0_u64..3, name(), of(0_u32..300), figure(), figure()), 0..3),
        rows in vec((of(serial_nr()), 0_u64..3, figure(), figure()), 0..5),
        inherited in vec((serial_nr(), figure(), of(figure())), 0..2),
        truncated_at in of(figure()),
        end_ns in figure(),
    ) -> SlabWalk {
        let share = |objects, bytes| Share {
            objects, touched_pages: bytes, owned_pages: objects, share_bytes: bytes,
        };
        let cache = |(cache, name, order, objects, pages): (_, _, Option<u32>, _, _)| WalkedCache {
            cache, name, order: order.unwrap_or(0), slab_objects: order.unwrap_or(0),
            size_bytes: order.unwrap_or(u32::MAX), slab_pages: pages,
            charged_objects: objects, changed_slabs: pages, unaccounted: share(objects, pages),
            ..WalkedCache::default()
        };
        let row = |(memcg_serial_nr, cache, objects, bytes)| WalkedSlab {
            memcg_serial_nr, cache, share: share(objects, bytes), inherited_objects: bytes,
            uncertain_objects: (bytes % 2 == 0).then_some(objects),
        };
        let inherit = |(memcg_serial_nr, bytes, pages)| Inherited {
            memcg_serial_nr, slab_bytes: bytes, kernel_pages: pages, lru_pages: pages,
            ..Inherited::default()
        };
        SlabWalk {
            end_ns, truncated_at, owner_bytes: u32::MAX,
            caches: caches.into_iter().map(cache).collect(),
            rows: rows.into_iter().map(row).collect(),
            inherited: inherited.into_iter().map(inherit).collect(),
            ..SlabWalk::default()
        }
    }
}

prop_compose! {
    fn slab_inside()(
        cache in name(),
        size_bytes in 0_u32..300,
        rows in vec((of(serial_nr()), figure(), figure(), of(name()), figure()), 0..4),
        end_ns in figure(),
        kind in 0_usize..3,
    ) -> SlabInside {
        use slab_inside::ObjectKind::{Dentry, Inode, Unknown};
        let kinds = [Dentry, Inode, Unknown];
        let row = |(memcg_serial_nr, in_use, negative, name, omitted): (Option<u64>, _, _, _, _)| {
            let states = States { in_use, negative, dirty: omitted, ..States::default() };
            InsideRow {
                memcg_serial_nr, is_charged: memcg_serial_nr.is_some(), states,
                fs: name, parents: vec![InsideParent { path: None, states }],
                parents_omitted: omitted, uncounted_objects: omitted,
                ..InsideRow::default()
            }
        };
        SlabInside {
            end_ns, cache, size_bytes, kind: kinds[kind], unread_objects: end_ns,
            rows: rows.into_iter().map(row).collect(),
            ..SlabInside::default()
        }
    }
}

prop_compose! {
    pub fn sample()(
        mono_ns in figure(),
        unix_ns: i64,
        memcgs in of(walk().boxed()),
        dying in of(dying().boxed()),
        life in of(vec(life(), 0..8).boxed()),
        slab in of(slab().boxed()),
        sums in of(vec((0_u64..2, of(serial_nr()), figure()), 0..4)).boxed(),
        locks in of(locks().boxed()),
        tax in of((of(figure()), of(figure()), of(figure()))).boxed(),
        reclaim in of(reclaim().boxed()),
        kills in of(vec((figure(), of(serial_nr()), name()), 0..3)).boxed(),
        pins in of(pins().boxed()),
        waits in of(all_waits().boxed()),
        slab_walk in of(slab_walk().boxed()),
        slab_inside in of((slab_inside(), of(callers::callers())).boxed()),
        cgroup_uses in of(cgroup_uses().boxed()),
        about in about().boxed(),
    ) -> Sample {
        let shrinkers = sums.map(|sums| {
            let shrinker = |(shrinker, memcg_serial_nr, sum)| Shrinker {
                shrinker, memcg_serial_nr, scanned_objects_total: sum, time_ns_total: sum,
                ..Shrinker::default()
            };
            sums.into_iter().map(shrinker).collect()
        });
        let oom_kills = kills.map(|kills| {
            let kill = |(time_ns, limit_serial_nr, victim_comm): (u64, Option<u64>, Text)| OomKill {
                time_ns, limit_serial_nr, comm: victim_comm.clone(),
                memory: limit_serial_nr.map(|limit| oom_memory(limit, time_ns, &victim_comm)),
                victim_comm,
                ..OomKill::default()
            };
            kills.into_iter().map(kill).collect()
        });
        let (slab_inside, callers) = slab_inside.unzip();
        Sample {
            callers: callers.flatten(),
            mono_ns, unix_ns, memcgs, dying, life, slab, shrinkers, locks, reclaim, oom_kills, pins,
            waits, slab_walk, slab_inside, cgroup_uses,
            zombie_cost: tax.map(|(visits, flushes, dead_flush_ns_total)| ZombieCost {
                reclaim_visits_total: visits, dead_reclaim_visits_total: visits,
                flushes_total: flushes, dead_flushes_total: flushes, dead_flush_ns_total,
                ..ZombieCost::default()
            }),
            ..about
        }
    }
}
