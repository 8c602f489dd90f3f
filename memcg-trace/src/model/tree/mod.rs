//! The tree of memory cgroups: walks as the base, events as the change since.

mod node;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::snapshot::{self, Creator, MemcgId, Phase, Section, Source};
use super::workload::ToldNames;
use crate::sample::state_files::StateFiles;
use crate::sample::{MemcgEvent, MemcgEventKind, MemcgWalk};
use node::Node;
pub use node::is_zombie;

/// The most released memcgs that are remembered until the next walk. A walk in progress may still
/// list them; with more than this many in one walk, the oldest may come back as rows until the walk
/// after it.
const MAX_GONE: usize = 1 << 16;

/// A place in the listing.
#[derive(Clone, Copy, Debug)]
struct Place {
    serial_nr: u64,
    /// Index of the parent's place, which comes before it.
    parent: Option<usize>,
    depth: u16,
}

/// All memory cgroups that have not been released.
///
/// A walk is not an instant, and a sample may bring a walk together with events from before,
/// during and after it. Since each event has a time, their order of arrival does not matter:
/// - a walk contains the changes of events from before its start;
/// - a later `Released` or `Freed` overrides a row of the walk;
/// - a later `Offline` overrides a row that was still online;
/// - a memcg that the walk does not list stays if a later event named it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: HashMap<u64, Node>,
    /// The listing, computed anew when the set of nodes changes.
    places: Vec<Place>,
    places_are_current: bool,
    /// Counts changes of the set of nodes and of their names.
    generation: u64,
    /// Serial numbers of released memcgs, and the times of their release.
    gone: BTreeMap<u64, u64>,
    /// The last walk, without its rows.
    last_walk: Option<MemcgWalk>,
    /// Names of containers and pods.
    names: ToldNames,
    last_event_ns: Option<u64>,
}

impl Tree {
    /// Takes in names of containers and pods.
    pub(super) fn on_names(&mut self, files: &StateFiles) {
        self.names.read(files);
        let mut has_new = false;
        for node in self.nodes.values_mut() {
            has_new |= node.on_names(&self.names);
        }
        if has_new {
            self.changed();
        }
    }

    /// Returns the names of containers and pods.
    pub(super) fn names(&self) -> &ToldNames {
        &self.names
    }

    /// Takes in an event; events come oldest first.
    pub(super) fn on_event(&mut self, event: &MemcgEvent) {
        self.last_event_ns = self.last_event_ns.max(Some(event.time_ns));
        match event.kind {
            MemcgEventKind::Online | MemcgEventKind::Offline => self.on_event_of_present(event),
            MemcgEventKind::Released | MemcgEventKind::Freed => self.forget(event),
            MemcgEventKind::Other => {}
        }
    }

    /// Takes in an event of a present memcg.
    fn on_event_of_present(&mut self, event: &MemcgEvent) {
        if !self.nodes.contains_key(&event.serial_nr) {
            if self.gone.contains_key(&event.serial_nr) {
                return;
            }
            let parent = self.parent_id(event.parent_serial_nr);
            self.nodes.insert(
                event.serial_nr,
                Node::from_event(event, parent, &self.names),
            );
            self.changed();
        }
        if let Some(node) = self.nodes.get_mut(&event.serial_nr) {
            node.on_event(event);
        }
    }

    /// Takes in an event of a released memcg.
    fn forget(&mut self, event: &MemcgEvent) {
        if self.nodes.remove(&event.serial_nr).is_some() {
            self.changed();
        }
        self.gone.insert(event.serial_nr, event.time_ns);
        if self.gone.len() > MAX_GONE {
            self.gone.pop_first();
        }
    }

    /// Takes in a walk, after the events of its sample.
    pub(super) fn on_walk(&mut self, walk: &MemcgWalk) {
        for row in &walk.rows {
            if self.gone.contains_key(&row.serial_nr) || row.flags & node::RELEASED != 0 {
                continue;
            }
            let parent = self.parent_id(row.parent_serial_nr);
            let changed = match self.nodes.get_mut(&row.serial_nr) {
                Some(node) => node.on_walk(row, parent, &self.names, walk),
                None => {
                    self.nodes.insert(
                        row.serial_nr,
                        Node::from_walk(row, parent, &self.names, walk),
                    );
                    true
                }
            };
            if changed {
                self.changed();
            }
        }
        let before = self.nodes.len();
        if walk.truncated_at.is_none() {
            self.nodes
                .retain(|_, node| node.is_known_since(walk.begin_ns));
        }
        if self.nodes.len() != before {
            self.changed();
        }
        self.name_orphans();
        // The next walk begins after this one: it cannot list memcgs that were gone before this
        // began.
        self.gone.retain(|_, time_ns| *time_ns >= walk.begin_ns);
        self.last_walk = Some(MemcgWalk {
            rows: Vec::new(),
            ..*walk
        });
    }

    /// Gives paths to memcgs whose event came before their ancestors were known.
    fn name_orphans(&mut self) {
        let below = |node: &Node| node.parent_serial_nr.and_then(|parent| self.id(parent));
        let mut orphans: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| below(node).is_some_and(|parent| !node.is_below(parent)))
            .map(|(serial_nr, node)| (*serial_nr, node.parent_serial_nr))
            .collect();
        // Parents are older than their children.
        orphans.sort_unstable();
        for (serial_nr, parent) in orphans {
            let parent = self.parent_id(parent);
            if let (Some(node), Some(parent)) = (self.nodes.get_mut(&serial_nr), parent) {
                node.move_below(parent, &self.names);
                self.changed();
            }
        }
    }

    fn changed(&mut self) {
        self.places_are_current = false;
        self.generation += 1;
    }

    /// Returns the id of the parent: `None` for a root, and one without a name if it was never
    /// seen.
    fn parent_id(&self, serial_nr: Option<u64>) -> Option<Arc<MemcgId>> {
        let serial_nr = serial_nr?;
        let unknown = || {
            Arc::new(MemcgId {
                serial_nr,
                ..MemcgId::default()
            })
        };
        Some(self.id(serial_nr).map_or_else(unknown, Arc::clone))
    }

    /// Returns the memcg of a serial number.
    pub(super) fn id(&self, serial_nr: u64) -> Option<&Arc<MemcgId>> {
        self.nodes.get(&serial_nr).map(|node| &node.id)
    }

    /// Returns the phase of a memcg; `None` if it lives or is not known.
    pub(super) fn phase(&self, serial_nr: u64) -> Option<Phase> {
        self.nodes.get(&serial_nr)?.phase()
    }

    /// Returns all zombies, the oldest first.
    pub(super) fn zombies(&self) -> Vec<Arc<MemcgId>> {
        let dead = self.nodes.values().filter(|node| node.phase().is_some());
        let mut zombies: Vec<_> = dead.map(|node| Arc::clone(&node.id)).collect();
        zombies.sort_by_key(|id| id.serial_nr);
        zombies
    }

    /// Returns the process that made a memcg, if that was seen.
    pub(super) fn creator(&self, serial_nr: u64) -> Option<&Arc<Creator>> {
        self.nodes.get(&serial_nr)?.creator.as_ref()
    }

    /// Returns the nearest live memcg above, which has files.
    pub(super) fn live_ancestor(&self, serial_nr: u64) -> Option<&Arc<MemcgId>> {
        let mut child = serial_nr;
        loop {
            let parent = self.nodes.get(&child)?.parent_serial_nr;
            // Serial numbers grow, so a parent has the smaller one: no recording can make a loop.
            child = parent.filter(|parent| *parent < child)?;
            let node = self.nodes.get(&child)?;
            if node.phase().is_none() {
                return Some(&node.id);
            }
        }
    }

    /// Returns a number that changes whenever a memcg comes, goes or gets another name.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns whether there was a walk.
    pub(super) fn is_walked(&self) -> bool {
        self.last_walk.is_some()
    }

    /// Returns the time of the last walk or event; `None` without any.
    pub(super) fn as_of_ns(&self) -> Option<u64> {
        self.last_walk
            .as_ref()
            .map(|walk| walk.end_ns)
            .or(self.last_event_ns)
    }

    /// Returns the section of a snapshot. `slab_rates` gives objects charged and uncharged a
    /// second, by serial number.
    pub(super) fn section(
        &mut self,
        slab_rates: impl Fn(u64) -> Option<(f64, f64)>,
    ) -> Section<snapshot::Memcg> {
        self.list();
        let mut items: Vec<snapshot::Memcg> = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let Some(node) = self.nodes.get(&place.serial_nr) else {
                continue;
            };
            let mut memcg = node.snapshot();
            memcg.depth = place.depth;
            let parent = place.parent.and_then(|parent| items.get(parent));
            memcg.parent_cgroup_id = parent.map(|parent| parent.id.cgroup_id);
            (memcg.slab_alloc_per_sec, memcg.slab_free_per_sec) =
                slab_rates(place.serial_nr).unzip();
            items.push(memcg);
        }
        // Children come after their parents, so one way up sees each sum complete.
        for (index, place) in self.places.iter().enumerate().rev() {
            if let Some(parent) = place.parent {
                items[parent].zombies +=
                    items[index].zombies + u64::from(items[index].phase.is_some());
            }
        }
        let walk = self.last_walk.as_ref();
        Section {
            name: "memcg",
            source: if walk.is_some() {
                Source::Walk
            } else {
                Source::Event
            },
            as_of_ns: self.as_of_ns(),
            took_ns: walk.map(|walk| walk.took_ns),
            visited: Some(items.len() as u64),
            truncated_at: walk.and_then(|walk| walk.truncated_at),
            reason: None,
            items,
        }
    }

    /// Puts the nodes in the order of a listing: a parent, then its children by name.
    fn list(&mut self) {
        if self.places_are_current {
            return;
        }
        self.places_are_current = true;
        self.places.clear();
        let mut roots = Vec::new();
        let mut children: HashMap<u64, Vec<u64>> = HashMap::new();
        for (serial_nr, node) in &self.nodes {
            // Serial numbers grow, so a parent has the smaller one: no recording can make a loop.
            let is_parent = |parent: &u64| parent < serial_nr && self.nodes.contains_key(parent);
            match node.parent_serial_nr.filter(is_parent) {
                Some(parent) => children.entry(parent).or_default().push(*serial_nr),
                None => roots.push(*serial_nr),
            }
        }
        // A stack, not a recursion: strangers decide the depth of the tree. Sorted backwards, since
        // the last one pushed comes out first.
        let by_name = |serial_nr: &u64| {
            std::cmp::Reverse((
                self.nodes.get(serial_nr).map(|node| &node.id.path),
                *serial_nr,
            ))
        };
        roots.sort_by_key(by_name);
        let mut stack: Vec<Place> = roots
            .into_iter()
            .map(|serial_nr| Place {
                serial_nr,
                parent: None,
                depth: 0,
            })
            .collect();
        while let Some(place) = stack.pop() {
            let parent = Some(self.places.len());
            self.places.push(place);
            let Some(mut below) = children.remove(&place.serial_nr) else {
                continue;
            };
            below.sort_by_key(by_name);
            let depth = place.depth.saturating_add(1);
            stack.extend(below.into_iter().map(|serial_nr| Place {
                serial_nr,
                parent,
                depth,
            }));
        }
    }
}
