//! Figures of memory cgroups, living and dead.

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::workloads::BelongsTo;
use crate::model::snapshot::{self, MemcgId, Phase};
use crate::model::zombies::Zombie;
use crate::output::figures::{
    Column, Limit, Name, Object, Order, Rounded, Row, Shown, Unit, Value, Visitor, Word, record,
};
use crate::output::names;
use crate::units;

/// The memcg of a row; all `null` if it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemcgName<'a>(Option<&'a MemcgId>);

impl<'a> MemcgName<'a> {
    /// For a row that may have no memcg, or one that was never seen.
    #[must_use]
    pub fn of(id: Option<&'a MemcgId>) -> Self {
        Self(id)
    }

    /// For a memcg that was seen, so that more than its number is known.
    fn seen(self) -> Option<&'a MemcgId> {
        self.0.filter(|id| !id.path.is_empty())
    }
}

impl Row for MemcgName<'_> {
    const MEANING: &'static str = "A memory cgroup.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V)
    where
        Self: 'r,
    {
        to.field("cgroup_id", "Inode number of its directory.", |row| {
            row.seen().map(|id| id.cgroup_id)
        });
        to.field(
            "css_id",
            "`css.id`; null where its memory cgroup is gone.",
            |row| row.seen().map(|id| id.css_id).filter(|id| *id != 0),
        );
        to.field(
            "serial_nr",
            "`css.serial_nr`: its identity for this boot.",
            |row| row.0.map(|id| id.serial_nr),
        );
        to.figure(
            "path",
            "MEMCG",
            "Path from the root, `/` for the root itself; as it was when it last had one.",
            |row| Path(row.0),
        );
        to.field(
            "name",
            "Last component of the path; `/` for the root.",
            |row| Name::of(row.seen().map(|id| &id.name)),
        );
        to.part(|row| BelongsTo::of(row.seen()));
    }
}

impl Serialize for MemcgName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object(self).serialize(serializer)
    }
}

impl Value for MemcgName<'_> {
    fn schema() -> Json {
        Object::<Self>::schema()
    }
}

/// The path of a memcg; tables show the number of one without a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Path<'a>(pub(in crate::output) Option<&'a MemcgId>);

impl Path<'_> {
    fn name(&self) -> Name<'_> {
        Name::of(MemcgName::of(self.0).seen().map(|id| &id.path))
    }
}

impl Serialize for Path<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl Value for Path<'_> {
    const HAS_HEX: bool = true;

    fn schema() -> Json {
        Name::schema()
    }

    fn hex(&self) -> Option<String> {
        self.name().hex()
    }
}

impl Shown for Path<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        names::path(self.0)
    }

    fn order(&self) -> Order {
        Order::Text(names::bare_path(self.0))
    }
}

/// The memcg that is charged for something, in tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) enum Charged<'a> {
    /// This one; `None` if it could not be read.
    To(Option<&'a MemcgId>),
    Nobody,
}

impl Charged<'_> {
    fn text(&self, path: impl Fn(Option<&MemcgId>) -> String) -> String {
        match self {
            Self::To(memcg) => path(*memcg),
            Self::Nobody => "(unaccounted)".to_owned(),
        }
    }
}

impl Shown for Charged<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        self.text(names::path)
    }

    fn order(&self) -> Order {
        Order::Text(self.text(names::bare_path))
    }
}

/// The phase of a memcg; `null` in records while it lives.
#[derive(Clone, Copy, Debug)]
struct MemcgPhase(Option<Phase>);

impl Serialize for MemcgPhase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.map(Word).serialize(serializer)
    }
}

impl Value for MemcgPhase {
    fn schema() -> Json {
        Option::<Word<Phase>>::schema()
    }
}

impl Shown for MemcgPhase {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        self.0.map_or("alive", Phase::as_str).to_owned()
    }

    fn order(&self) -> Order {
        self.0.map(Word).order()
    }
}

impl Row for snapshot::Memcg {
    const MEANING: &'static str = "A memory cgroup, dead or alive.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.part(|row| MemcgName::of(Some(&row.id)));
        to.field(
            "parent_cgroup_id",
            "`cgroup_id` of its parent; null for the root.",
            |row| row.parent_cgroup_id,
        );
        to.figure(
            "phase",
            "PHASE",
            "How far a dead one has come; null, or alive in tables, while it lives.",
            |row| MemcgPhase(row.phase),
        );
        to.figure(
            "usage_bytes",
            "USAGE",
            "`memory.current`, with everything below it; stale on a dead one.",
            |row| row.facts.usage_bytes,
        );
        to.figure("high_bytes", "HIGH", "Its `memory.high`.", |row| {
            Limit(row.facts.high_bytes)
        });
        to.figure("max_bytes", "MAX", "Its `memory.max`.", |row| {
            Limit(row.facts.max_bytes)
        });
        to.figure(
            "slab_bytes",
            "SLAB",
            "Slab, with everything below it, as of the kernel's last flush.",
            |row| row.facts.slab_bytes,
        );
        to.column(
            "slab_alloc_per_sec",
            "OWN ALLOC/S",
            "Its own slab objects, of all caches, charged in a second.",
            |row| Rounded(row.slab_alloc_per_sec),
        );
        to.column(
            "slab_free_per_sec",
            "OWN FREE/S",
            "Its own slab objects, of all caches, uncharged in a second.",
            |row| Rounded(row.slab_free_per_sec),
        );
        to.field(
            "slab_objects",
            "Slab objects that are its own, as of the last walk of all slabs.",
            |row| row.slab_objects,
        );
        to.field(
            "inherited_bytes",
            "What it is charged for since children of it died, as of that walk.",
            |row| row.inherited_bytes,
        );
        to.figure(
            "zombies",
            "ZOMBIES",
            "Dead memory cgroups below it that are not released.",
            |row| row.zombies,
        );
        to.field(
            "kmem_bytes",
            "All memory of the kernel, slab included; null on kernels that keep no such sum.",
            |row| row.facts.kmem_bytes,
        );
        to.field("alive", "Whether it is not dead.", |row| {
            row.phase.is_none()
        });
        to.field(
            "high_unlimited",
            "Whether `high_bytes` means no limit.",
            |row| snapshot::is_unlimited(row.facts.high_bytes),
        );
        to.field(
            "max_unlimited",
            "Whether `max_bytes` means no limit.",
            |row| snapshot::is_unlimited(row.facts.max_bytes),
        );
        to.figure(
            "low_bytes",
            "LOW",
            "`memory.low`: reclaim leaves it alone while it uses less and there is memory elsewhere.",
            |row| Limit(row.facts.low_bytes),
        );
        to.field(
            "slab_uncertain_objects",
            "How many of `slab_objects` may have been counted twice, or not at all; null where \
             events are not counted.",
            |row| row.slab_uncertain_objects,
        );
    }
}

/// The columns of memcgs, in text and on the screen, where the first is a tree.
pub const MEMCG_COLUMNS: &[Column<snapshot::Memcg>] = &[
    Column::new("path", 0, 0),
    Column::new("usage_bytes", 9, 1),
    Column::new("high_bytes", 10, 8),
    Column::new("max_bytes", 10, 7),
    Column::new("low_bytes", 9, 9),
    Column::new("slab_bytes", 9, 3),
    Column::new("slab_alloc_per_sec", 12, 4),
    Column::new("slab_free_per_sec", 11, 5),
    Column::new("zombies", 8, 2),
    Column::new("phase", 14, 6),
];

record! {
    /// Who made a memory cgroup.
    struct Creator<'a> {
        /// Process id.
        pid: u32,
        /// Its name then.
        comm: Name<'a>,
    }
}

impl Row for Zombie {
    const MEANING: &'static str = "A dead memory cgroup that is still in memory.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.part(|row| MemcgName::of(Some(&row.id)));
        to.figure(
            "phase",
            "PHASE",
            "How far it has come since it was removed.",
            |row| Word(row.phase),
        );
        to.figure(
            "refs",
            "REFS",
            "References to it, where they are exact: it is released with the last.",
            |row| row.refs,
        );
        to.figure(
            "age_ns",
            "AGE",
            "Time since it went offline, if that was seen.",
            |row| row.age_ns,
        );
        to.field("creator", "Who made it, if that was seen.", |row| {
            row.creator.as_deref().map(|creator| Creator {
                pid: creator.pid,
                comm: Name::of(Some(&creator.comm)),
            })
        });
        to.column(
            "made_by",
            "MADE BY",
            "Who made it, if that was seen.",
            |row| {
                row.creator.as_deref().map_or_else(
                    || units::UNKNOWN.to_owned(),
                    |creator| format!("{}[{}]", creator.comm.display(), creator.pid),
                )
            },
        );
        to.figure(
            "own_cost_bytes",
            "COST",
            "Memory of the kernel that it takes by itself.",
            |row| row.own_cost_bytes,
        );
        to.figure(
            "lru_pages",
            "PAGES",
            "Pages on its own LRU lists, unevictable ones included.",
            |row| row.lru_pages,
        );
        to.figure(
            "swap_entries",
            "SWAP",
            "Pages in swap that are charged to it.",
            |row| row.swap_entries,
        );
    }
}
