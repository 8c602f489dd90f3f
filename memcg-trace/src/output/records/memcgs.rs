//! Records of memory cgroups and of shrinkers.

use std::borrow::Cow;

use serde::Serialize;

use super::{Name, rounded};
use crate::model::snapshot::{self, MemcgId};
use crate::model::zombies;
use crate::sample::tame;

/// The fields that say which memcg a record speaks of; all `null` where that is not known.
#[derive(Debug, Default, Serialize)]
pub struct MemcgName<'a> {
    cgroup_id: Option<u64>,
    css_id: Option<u32>,
    serial_nr: Option<u64>,
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
}

impl<'a> MemcgName<'a> {
    /// Of a row that may have no memcg, or one that was never seen.
    #[must_use]
    pub fn of(id: Option<&'a MemcgId>) -> Self {
        let Some(id) = id else { return Self::default() };
        let serial_nr = Some(id.serial_nr);
        if id.path.is_empty() {
            return Self {
                serial_nr,
                ..Self::default()
            };
        }
        let (path, name) = (Name::of(Some(&id.path)), Name::of(Some(&id.name)));
        Self {
            cgroup_id: Some(id.cgroup_id),
            // A cgroup whose memory cgroup is gone has none.
            css_id: (id.css_id != 0).then_some(id.css_id),
            serial_nr,
            path: path.text,
            path_hex: path.hex,
            name: name.text,
            name_hex: name.hex,
        }
    }
}

/// A memory cgroup.
#[derive(Debug, Serialize)]
pub struct Memcg<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    parent_cgroup_id: Option<u64>,
    phase: Option<&'static str>,
    usage_bytes: Option<u64>,
    high_bytes: Option<u64>,
    max_bytes: Option<u64>,
    slab_bytes: Option<u64>,
    slab_objects: Option<u64>,
    inherited_bytes: Option<u64>,
    zombies: u64,
    kmem_bytes: Option<u64>,
    alive: bool,
    high_unlimited: Option<bool>,
    max_unlimited: Option<bool>,
    slab_uncertain_objects: Option<u64>,
}

impl<'a> From<&'a snapshot::Memcg> for Memcg<'a> {
    fn from(memcg: &'a snapshot::Memcg) -> Self {
        Self {
            memcg: MemcgName::of(Some(&memcg.id)),
            parent_cgroup_id: memcg.parent_cgroup_id,
            phase: memcg.phase.map(snapshot::Phase::as_str),
            usage_bytes: memcg.usage_bytes,
            high_bytes: memcg.high_bytes,
            max_bytes: memcg.max_bytes,
            slab_bytes: memcg.slab_bytes,
            slab_objects: memcg.slab_objects,
            inherited_bytes: memcg.inherited_bytes,
            zombies: memcg.zombies,
            kmem_bytes: memcg.kmem_bytes,
            alive: memcg.phase.is_none(),
            high_unlimited: snapshot::is_unlimited(memcg.high_bytes),
            max_unlimited: snapshot::is_unlimited(memcg.max_bytes),
            slab_uncertain_objects: memcg.slab_uncertain_objects,
        }
    }
}

/// A dead memory cgroup.
#[derive(Debug, Serialize)]
pub struct Zombie<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    phase: &'static str,
    refs: Option<i64>,
    age_ns: Option<u64>,
    creator: Option<Creator<'a>>,
    own_cost_bytes: Option<u64>,
    lru_pages: Option<u64>,
    swap_entries: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Creator<'a> {
    pid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
}

impl<'a> From<&'a zombies::Zombie> for Zombie<'a> {
    fn from(zombie: &'a zombies::Zombie) -> Self {
        Self {
            memcg: MemcgName::of(Some(&zombie.id)),
            phase: zombie.phase.as_str(),
            refs: zombie.refs,
            age_ns: zombie.age_ns,
            creator: zombie.creator.as_deref().map(|creator| {
                let comm = Name::of(Some(&creator.comm));
                Creator {
                    pid: creator.pid,
                    comm: comm.text,
                    comm_hex: comm.hex,
                }
            }),
            own_cost_bytes: zombie.own_cost_bytes,
            lru_pages: zombie.lru_pages,
            swap_entries: zombie.swap_entries,
        }
    }
}

/// What a shrinker did for a memcg on a node.
#[derive(Debug, Serialize)]
pub struct Shrinker<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    shrinker: Cow<'a, str>,
    fs: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fs_hex: Option<String>,
    dev: Option<Cow<'a, str>>,
    node: u32,
    memcg_aware: Option<bool>,
    cause: Option<&'static str>,
    calls_total: Option<u64>,
    asked_objects_total: u64,
    scanned_objects_total: u64,
    freed_objects_total: u64,
    time_ns_total: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: u64,
    runs_total: Option<u64>,
    freeable_objects: Option<u64>,
    deferred_objects: Option<u64>,
    #[serde(rename = "yield")]
    yielded: Option<f64>,
    runs_by_priority: &'a [u64],
}

impl<'a> From<&'a snapshot::Shrinker> for Shrinker<'a> {
    fn from(row: &'a snapshot::Shrinker) -> Self {
        let fs = Name::of(row.fs.as_ref());
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            shrinker: tame(&row.shrinker),
            fs: fs.text,
            fs_hex: fs.hex,
            dev: row.dev.as_deref().map(tame),
            node: row.node,
            memcg_aware: row.memcg_aware,
            cause: row.cause.as_str(),
            calls_total: row.calls_total,
            asked_objects_total: row.asked_objects_total,
            scanned_objects_total: row.scanned_objects_total,
            freed_objects_total: row.freed_objects_total,
            time_ns_total: row.time_ns_total,
            p50_ns: row.p50_ns,
            p99_ns: row.p99_ns,
            max_ns: row.max_ns,
            runs_total: row.runs_total,
            freeable_objects: row.freeable_objects,
            deferred_objects: row.deferred_objects,
            yielded: rounded(row.yielded()),
            runs_by_priority: &row.priorities,
        }
    }
}
