//! Figures of slab: charges of memcgs, caches, and objects inherited from dead memcgs.

use crate::model::snapshot::slab::Held;
use crate::model::snapshot::{Inherited, Reclaimable, Slab, SlabCache};
use crate::output::figures::{Name, Order, Rounded, Row, Shown, Tied, Unit, Visitor};
use crate::output::records::MemcgName;
use crate::output::slab as words;
use crate::sample::Text;
use crate::units::PAGE_BYTES;

impl Row for Slab {
    const MEANING: &'static str = "Objects of a cache charged to a memory cgroup: what there is \
        by the last walk of all slabs and the events since, pages as of that walk, and what \
        events counted.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        let held = |row: &Slab| row.held;
        to.part(|row| MemcgName::of(row.memcg.as_deref()));
        to.figure("cache", "CACHE", "Name of the cache.", |row| {
            Name::of(Some(&row.cache))
        });
        to.figure(
            "objects",
            "OBJECTS",
            "Objects that are charged to it now, if slabs were walked.",
            Slab::objects,
        );
        to.figure(
            "bytes",
            "BYTES",
            "What these take in their slabs.",
            Slab::bytes,
        );
        to.figure(
            "touched_pages",
            "PAGES",
            "Pages with at least one of them.",
            move |row| held(row).map(|held| held.share.touched_pages),
        );
        to.figure(
            "owned_pages",
            "EXCLUSIVE",
            "Pages with objects of no other memcg.",
            move |row| held(row).map(|held| held.share.owned_pages),
        );
        to.figure(
            "share_bytes",
            "SLAB",
            "Its share of the pages under its objects.",
            Slab::share_bytes,
        );
        to.figure(
            "utilization",
            "USED",
            "Part of its share that the objects take.",
            |row| Rounded(row.utilization()),
        );
        to.figure(
            "alloc_total",
            "ALLOC",
            "Objects charged since the start.",
            |row| row.alloc_total,
        );
        to.figure(
            "free_total",
            "FREE",
            "Objects uncharged since the start.",
            |row| row.free_total,
        );
        to.column(
            "net_objects",
            "NET",
            "Objects charged less uncharged, since the start.",
            |row| net(row).map(|net| Change(net, true)),
        );
        to.column(
            "net_bytes",
            "NET BYTES",
            "Bytes charged less uncharged, since the start.",
            |row| {
                let size = row.size_bytes.map(i128::from);
                net(row)
                    .zip(size)
                    .map(|(net, size)| Change(net * size, false))
            },
        );
        to.figure(
            "alloc_per_sec",
            "ALLOC/S",
            "Objects charged in a second, over the last interval.",
            |row| {
                Tied(
                    Rounded(row.alloc_per_sec),
                    [row.alloc_total.unwrap_or(0), 0],
                )
            },
        );
        to.figure(
            "free_per_sec",
            "FREE/S",
            "Objects uncharged in a second, over the last interval.",
            |row| Rounded(row.free_per_sec),
        );
        to.field(
            "uncertain_objects",
            "Events during the walk: so many objects may be counted twice, or not at all.",
            move |row| held(row).and_then(|held| held.uncertain_objects),
        );
        to.field(
            "charged_bytes",
            "What the memcg is charged for them.",
            Slab::charged_bytes,
        );
        to.figure(
            "inherited_objects",
            "INHERITED",
            "How many of them were charged to a child that is dead.",
            Slab::inherited_objects,
        );
        to.field(
            "drift_objects",
            "What the walk found more than had been reckoned.",
            move |row: &Slab| held(row).and_then(|held: Held| held.drift_objects),
        );
    }
}

/// Objects allocated minus objects freed, since the run began.
fn net(row: &Slab) -> Option<i128> {
    Some(i128::from(row.alloc_total?) - i128::from(row.free_total?))
}

/// A difference; `plus` adds a sign to positive ones.
#[derive(Clone, Copy)]
struct Change(i128, bool);

impl Shown for Change {
    const IS_NUMBER: bool = true;

    fn show(&self, unit: Unit) -> String {
        let sign = match (self.0 < 0, self.1) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let size = u64::try_from(self.0.unsigned_abs()).unwrap_or(u64::MAX);
        format!("{sign}{}", size.show(unit))
    }

    fn order(&self) -> Order {
        Order::Number(self.0)
    }
}

impl Row for SlabCache {
    const MEANING: &'static str = "A cache and its slabs, as of the last walk of all slabs.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.figure("cache", "CACHE", "Name of the cache.", |row| {
            Name::of(Some(&row.name))
        });
        to.column(
            "names",
            "CACHE",
            "Its name, and those that were merged with it.",
            words::cache_name,
        );
        to.field("object_bytes", "What was asked for an object.", |row| {
            row.walked.object_bytes
        });
        to.figure("slab_pages", "PAGES", "Pages of its slabs.", |row| {
            row.walked.slab_pages
        });
        to.column(
            "slab_bytes",
            "SLAB",
            "What its slabs take.",
            SlabCache::slab_bytes,
        );
        to.figure(
            "live_objects",
            "LIVE",
            "Objects in use.",
            SlabCache::live_objects,
        );
        to.field(
            "inuse_objects",
            "Objects in use by the slabs' own count.",
            |row| row.walked.inuse_objects,
        );
        to.figure(
            "unaccounted_objects",
            "UNACCOUNTED",
            "Objects charged to nobody.",
            |row| row.walked.unaccounted.objects,
        );
        to.figure(
            "freeable_pages",
            "FREEABLE",
            "Pages that would be free if the objects stood side by side.",
            SlabCache::freeable_pages,
        );
        to.figure(
            "utilization",
            "USED",
            "Part of its slabs that objects take.",
            |row| Rounded(row.utilization()),
        );
        to.figure(
            "size_bytes",
            "SIZE",
            "What an object takes in the slab.",
            |row| row.walked.size_bytes,
        );
        to.figure("order", "ORDER", "Of the pages of a slab.", |row| {
            row.walked.order
        });
        to.field("slabs", "How many slabs.", |row| row.walked.slabs);
        to.field(
            "changed_slabs",
            "Slabs that changed during the look, not counted.",
            |row| row.walked.changed_slabs,
        );
        to.field(
            "capacity_objects",
            "Objects that its slabs have room for.",
            |row| row.walked.capacity_objects,
        );
        to.figure(
            "cached_objects",
            "CPU CACHED",
            "Counted by the slabs as given away, and free in the hands of CPUs.",
            |row| row.walked.cached_objects,
        );
        to.figure(
            "charged_objects",
            "CHARGED",
            "Objects charged to a memcg.",
            |row| row.walked.charged_objects,
        );
        to.field(
            "unaccounted_share_bytes",
            "Share of the pages of those of nobody.",
            |row| row.walked.unaccounted.share_bytes,
        );
        to.field(
            "unaccounted_touched_pages",
            "Pages with one of those.",
            |row| row.walked.unaccounted.touched_pages,
        );
        to.field("unaccounted_owned_pages", "Pages with no others.", |row| {
            row.walked.unaccounted.owned_pages
        });
        to.field(
            "aliases",
            "Other caches that the kernel merged with it.",
            |row| {
                row.walked
                    .aliases
                    .iter()
                    .map(Text::display)
                    .collect::<Vec<_>>()
            },
        );
        to.part(|row| Reclaim(row.reclaimable()));
        to.column(
            "why_not_reclaimable",
            "NOT RECLAIMABLE",
            "Why most of what cannot be reclaimed cannot.",
            words::why_not_reclaimable,
        );
    }
}

/// The bytes of some slabs by whether they could be reclaimed, and if not, why.
#[derive(Clone, Copy, Debug)]
pub struct Reclaim(pub Option<Reclaimable>);

impl Row for Reclaim {
    const MEANING: &'static str = "Bytes of slabs by whether they could be reclaimed.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.figure(
            "reclaimable_bytes",
            "RECLAIMABLE",
            "What shrinkers could free.",
            |row| row.0.map(|of| of.reclaimable_bytes),
        );
        to.field("in_use_bytes", "Objects that somebody uses.", |row| {
            row.0.map(|of| of.in_use_bytes)
        });
        to.field(
            "shared_page_bytes",
            "Unused, on pages with some in use.",
            |row| row.0.map(|of| of.shared_page_bytes),
        );
        to.field(
            "no_shrinker_bytes",
            "Of caches that no shrinker frees.",
            |row| row.0.map(|of| of.no_shrinker_bytes),
        );
        to.field(
            "not_memcg_aware_bytes",
            "Their shrinker looks at no memcg.",
            |row| row.0.map(|of| of.not_memcg_aware_bytes),
        );
        to.field("free_bytes", "Room without objects.", |row| {
            row.0.map(|of| of.free_bytes)
        });
    }
}

impl Row for Inherited {
    const MEANING: &'static str = "What a memory cgroup is charged for since children of it died.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        let bytes = |pages: Option<u64>| pages.map(|pages| pages.saturating_mul(PAGE_BYTES));
        to.part(|row| MemcgName::of(Some(&row.memcg)));
        to.figure("inherited_bytes", "BYTES", "All of it.", Inherited::bytes);
        to.figure(
            "objcgs",
            "OBJCGS",
            "Object cgroups of dead children of which something is left.",
            |row| row.objcgs,
        );
        to.figure("slab_objects", "SLAB OBJECTS", "Slab objects.", |row| {
            row.slab_objects
        });
        to.figure(
            "slab_bytes",
            "SLAB",
            "What these are charged with.",
            |row| row.slab_bytes,
        );
        to.figure(
            "kernel_pages",
            "KERNEL PAGES",
            "Pages of the kernel's own.",
            |row| row.kernel_pages,
        );
        to.field("kernel_bytes", "What those take.", move |row| {
            bytes(row.kernel_pages)
        });
        to.figure(
            "lru_pages",
            "LRU PAGES",
            "Pages of files, and anonymous ones.",
            |row| row.lru_pages,
        );
        to.field("lru_bytes", "What those take.", move |row| {
            bytes(row.lru_pages)
        });
    }
}
