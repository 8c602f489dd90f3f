//! One memory cgroup of the tree.

use std::sync::Arc;

use crate::model::snapshot::{self, Creator, Emptied, MemcgId, Phase};
use crate::model::workload::ToldNames;
use crate::sample::{Memcg, MemcgEvent, MemcgEventKind, MemcgWalk, Text};

/// `css.flags`, the same in all kernels (include/linux/cgroup-defs.h).
pub(super) const ONLINE: u32 = 1 << 1;
/// Its last reference is gone, and its parent's list no longer has it.
pub(super) const RELEASED: u32 = 1 << 2;
/// It was killed: its directory is gone, or the controller was switched off.
pub(super) const DYING: u32 = 1 << 4;

/// Bytes of a path (PATH_MAX). Without a bound, the paths of a deep tree would take memory by the
/// square of its depth.
const MAX_PATH_BYTES: usize = 4096;

/// A memcg of the tree.
#[derive(Debug)]
pub(super) struct Node {
    /// Never changes in the kernel.
    pub(super) parent_serial_nr: Option<u64>,
    pub(super) id: Arc<MemcgId>,
    /// The id of the parent that `id.path` was made with: a new one means a new path.
    parent: Option<Arc<MemcgId>>,
    /// The facts of the last walk, updated by the events since; its name is in `id`.
    facts: Memcg,
    offline_ns: Option<u64>,
    had_tasks: bool,
    empty: Option<Emptied>,
    pub(super) creator: Option<Arc<Creator>>,
    /// The last time at which it surely existed: that of an event, or the start of the walk that
    /// listed it.
    known_ns: u64,
}

impl Node {
    /// Creates the node of a memcg that no walk has listed yet.
    pub(super) fn from_event(
        event: &MemcgEvent,
        parent: Option<Arc<MemcgId>>,
        names: &ToldNames,
    ) -> Self {
        let facts = Memcg {
            serial_nr: event.serial_nr,
            parent_serial_nr: event.parent_serial_nr,
            cgroup_id: event.cgroup_id,
            css_id: event.css_id,
            flags: ONLINE,
            ..Memcg::default()
        };
        Self::new(facts, &event.name, parent, names, event.time_ns)
    }

    /// Creates the node of a memcg that a walk lists for the first time.
    pub(super) fn from_walk(
        row: &Memcg,
        parent: Option<Arc<MemcgId>>,
        names: &ToldNames,
        walk: &MemcgWalk,
    ) -> Self {
        let mut node = Self::new(without_name(row), &row.name, parent, names, walk.begin_ns);
        node.see_tasks(row, walk);
        node
    }

    fn new(
        facts: Memcg,
        name: &Text,
        parent: Option<Arc<MemcgId>>,
        names: &ToldNames,
        known_ns: u64,
    ) -> Self {
        let mut id = identify(&facts, name, parent.as_deref());
        id.told = names.of(&id.path);
        Self {
            parent_serial_nr: facts.parent_serial_nr,
            id: Arc::new(id),
            parent,
            facts,
            offline_ns: None,
            had_tasks: false,
            empty: None,
            creator: None,
            known_ns,
        }
    }

    /// Takes in whether a walk found tasks in or below it.
    fn see_tasks(&mut self, row: &Memcg, walk: &MemcgWalk) {
        self.had_tasks |= row.has_tasks == Some(true);
        let first = Emptied {
            since_ns: walk.end_ns,
            was_seen: self.had_tasks,
        };
        self.empty = match row.has_tasks {
            Some(false) => self.empty.or(Some(first)),
            Some(true) | None => None,
        };
    }

    /// Takes in an online or offline event.
    pub(super) fn on_event(&mut self, event: &MemcgEvent) {
        self.known_ns = self.known_ns.max(event.time_ns);
        match event.kind {
            MemcgEventKind::Online => {
                self.creator = Some(Arc::new(Creator {
                    pid: event.pid,
                    comm: event.comm.clone(),
                }));
                // A walk may have read it before it was online. A dead memcg never comes back.
                if !self.facts.killed && self.facts.flags & DYING == 0 {
                    self.facts.flags |= ONLINE;
                }
            }
            MemcgEventKind::Offline => {
                self.offline_ns = Some(event.time_ns);
                self.take_offline();
            }
            _ => {}
        }
    }

    /// Takes in a row of a walk. Returns whether the path changed.
    pub(super) fn on_walk(
        &mut self,
        row: &Memcg,
        parent: Option<Arc<MemcgId>>,
        names: &ToldNames,
        walk: &MemcgWalk,
    ) -> bool {
        self.facts = without_name(row);
        self.see_tasks(row, walk);
        self.known_ns = self.known_ns.max(walk.begin_ns);
        if self
            .offline_ns
            .is_some_and(|offline_ns| offline_ns >= walk.begin_ns)
        {
            self.take_offline();
        }
        // A dead memcg may have lost its name and its parent: the last path stays.
        let name_holds = row.name.is_empty() || row.name == self.id.name;
        let parent_holds = match (&parent, &self.parent) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then) || now.path.is_empty(),
            (now, _) => now.is_none(),
        };
        let ids_hold = self.id.css_id == row.css_id && self.id.cgroup_id == row.cgroup_id;
        if name_holds && parent_holds && ids_hold {
            return false;
        }
        let name = if name_holds {
            self.id.name.clone()
        } else {
            row.name.clone()
        };
        if !parent_holds {
            self.parent = parent;
        }
        self.rename(identify(row, &name, self.parent.as_deref()), names);
        true
    }

    /// Returns whether its path was made with the current `parent`.
    pub(super) fn is_below(&self, parent: &Arc<MemcgId>) -> bool {
        (self.parent.as_ref()).is_some_and(|then| Arc::ptr_eq(then, parent))
            || parent.path.is_empty()
    }

    /// Derives its path from a new parent.
    pub(super) fn move_below(&mut self, parent: Arc<MemcgId>, names: &ToldNames) {
        let name = self.id.name.clone();
        self.rename(identify(&self.facts, &name, Some(&parent)), names);
        self.parent = Some(parent);
    }

    fn rename(&mut self, id: MemcgId, names: &ToldNames) {
        let told = names.of(&id.path).or_else(|| self.id.told.clone());
        self.id = Arc::new(MemcgId { told, ..id });
    }

    /// Takes in names of containers and pods; those that it has stay if there are no others.
    /// Returns whether they are new.
    pub(super) fn on_names(&mut self, names: &ToldNames) -> bool {
        let told = names.of(&self.id.path);
        if told.is_none() || told == self.id.told {
            return false;
        }
        let id = MemcgId::clone(&self.id);
        self.id = Arc::new(MemcgId { told, ..id });
        true
    }

    /// The kernel takes a css offline once its kill is confirmed, so that much is known of it;
    /// its references are not, until a walk reads them.
    fn take_offline(&mut self) {
        let is_offline = self.facts.flags & ONLINE == 0 && self.facts.killed;
        if !is_offline {
            self.facts.flags = self.facts.flags & !ONLINE | DYING;
            self.facts.killed = true;
            self.facts.confirmed = true;
            self.facts.refs = None;
            self.facts.populated = None;
        }
    }

    /// Returns whether it is known to exist at or after `begin_ns`.
    pub(super) fn is_known_since(&self, begin_ns: u64) -> bool {
        self.known_ns >= begin_ns
    }

    /// Returns its phase; `None` while it lives.
    pub(super) fn phase(&self) -> Option<Phase> {
        phase(&self.facts)
    }

    /// Returns the row of a snapshot, without the fields that its place in the tree gives.
    pub(super) fn snapshot(&self) -> snapshot::Memcg {
        snapshot::Memcg {
            id: Arc::clone(&self.id),
            facts: self.facts.clone(),
            parent_cgroup_id: None,
            depth: 0,
            phase: phase(&self.facts),
            slab_objects: None,
            slab_uncertain_objects: None,
            inherited_bytes: None,
            slab_alloc_per_sec: None,
            slab_free_per_sec: None,
            zombies: 0,
            offline_ns: self.offline_ns,
            empty: self.empty,
            creator: self.creator.clone(),
        }
    }
}

/// Returns whether a row of a walk is a zombie.
#[must_use]
pub fn is_zombie(row: &Memcg) -> bool {
    phase(row).is_some()
}

/// Returns the phase of a memcg; `None` while it lives, and before it is online.
fn phase(facts: &Memcg) -> Option<Phase> {
    let online = facts.flags & ONLINE != 0;
    let dying = facts.flags & DYING != 0;
    let dead = dying || (!online && facts.killed);
    if !dead || facts.flags & RELEASED != 0 {
        return None;
    }
    Some(
        if online && facts.populated.is_some_and(|populated| populated > 0) {
            Phase::Populated
        } else if !facts.confirmed {
            Phase::KillPending
        } else if online {
            Phase::OfflineQueued
        } else if facts.refs == Some(0) {
            Phase::Freeing
        } else {
            Phase::Pinned
        },
    )
}

/// Returns the row without its name, which is in the node's `id`.
fn without_name(row: &Memcg) -> Memcg {
    Memcg {
        name: Text::default(),
        ..*row
    }
}

/// Returns name and path of a memcg below `parent`. `?` stands for ancestors that are not known, or
/// whose path is too long.
fn identify(facts: &Memcg, name: &Text, parent: Option<&MemcgId>) -> MemcgId {
    let (path, name) = match parent {
        None => (Text::from("/"), Text::from("/")),
        Some(parent) => {
            let above: &[u8] = match parent.path.as_bytes() {
                path if path.is_empty() || path.len() > MAX_PATH_BYTES => b"/?",
                b"/" => b"",
                path => path,
            };
            let path = [above, b"/", name.as_bytes()].concat();
            (Text::from(path), name.clone())
        }
    };
    MemcgId {
        cgroup_id: facts.cgroup_id,
        css_id: facts.css_id,
        serial_nr: facts.serial_nr,
        path,
        name,
        told: None,
    }
}
