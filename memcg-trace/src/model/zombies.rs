//! Zombies of a snapshot: their list, and the search by a user's name for one.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use super::select::{self, Selection};
use super::snapshot::{Creator, Memcg, MemcgId, Phase, Pins, Snapshot};
use crate::sample::Text;

/// A zombie as lists show it.
#[derive(Clone, Debug)]
pub struct Zombie {
    /// Its identity.
    pub id: Arc<MemcgId>,
    /// Its phase.
    pub phase: Phase,
    /// Time since it went offline, if that was seen.
    pub age_ns: Option<u64>,
    /// References, where they are exact.
    pub refs: Option<i64>,
    /// Pages on its own LRU lists.
    pub lru_pages: Option<u64>,
    /// Pages in swap that are charged to it.
    pub swap_entries: Option<u64>,
    /// Memory of the kernel that it takes by itself.
    pub own_cost_bytes: Option<u64>,
    /// The process that made it, if that was seen.
    pub creator: Option<Arc<Creator>>,
}

impl Zombie {
    /// Returns `None` for a memcg that lives.
    fn of(memcg: &Memcg, now_ns: u64) -> Option<Self> {
        Some(Self {
            id: Arc::clone(&memcg.id),
            phase: memcg.phase?,
            age_ns: memcg
                .offline_ns
                .map(|offline_ns| now_ns.saturating_sub(offline_ns)),
            refs: memcg.facts.refs,
            lru_pages: memcg.facts.lru_pages,
            swap_entries: memcg.facts.swap_entries,
            own_cost_bytes: memcg.facts.own_cost_bytes,
            creator: memcg.creator.clone(),
        })
    }
}

/// Returns all zombies, in the order of the tree.
#[must_use]
pub fn list(snapshot: &Snapshot) -> Vec<Zombie> {
    let memcgs = snapshot.memcgs.items.iter();
    memcgs
        .filter_map(|memcg| Zombie::of(memcg, snapshot.mono_ns))
        .collect()
}

/// Returns the pins of a zombie, if there is an answer for it.
#[must_use]
pub fn pins_of(snapshot: &Snapshot, serial_nr: u64) -> Option<&Pins> {
    let mut items = snapshot.pins.items.iter();
    items.find(|item| item.zombie.serial_nr == serial_nr)
}

/// The sort order of a list: figures from the largest, words from A, unknown ones last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Path.
    Path,
    /// Last component of the path.
    Name,
    /// Their phase.
    Phase,
    /// Time since they went offline.
    Age,
    /// References.
    #[default]
    Refs,
    /// Pages on their LRU lists.
    Pages,
    /// Pages in swap.
    Swap,
    /// Memory that they take by themselves.
    Cost,
}

impl Order {
    /// Compares two zombies: the one that comes first is the lesser.
    #[must_use]
    pub fn compare(self, a: &Zombie, b: &Zombie) -> Ordering {
        match self {
            Self::Path => Ordering::Equal,
            Self::Name => a.id.name.cmp(&b.id.name),
            Self::Phase => a.phase.cmp(&b.phase),
            Self::Age => Reverse(a.age_ns).cmp(&Reverse(b.age_ns)),
            Self::Refs => Reverse(a.refs).cmp(&Reverse(b.refs)),
            Self::Pages => Reverse(a.lru_pages).cmp(&Reverse(b.lru_pages)),
            Self::Swap => Reverse(a.swap_entries).cmp(&Reverse(b.swap_entries)),
            Self::Cost => Reverse(a.own_cost_bytes).cmp(&Reverse(b.own_cost_bytes)),
        }
        .then_with(|| a.id.path.cmp(&b.id.path))
        .then_with(|| a.id.serial_nr.cmp(&b.id.serial_nr))
    }
}

/// A user's name for a zombie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `/path`, with or without the mount point of cgroups.
    Path(Text),
    /// Last component of its path.
    Name(Text),
    /// `css:N`: `css.id`.
    Css(u32),
    /// `ino:N`: inode number of its directory.
    Ino(u64),
}

impl Wanted {
    /// Parses a user's name for a zombie. `css:` and `ino:` without a number after them are names.
    #[must_use]
    pub fn parse(written: &[u8]) -> Self {
        let text = str::from_utf8(written).unwrap_or_default();
        if let Some(css_id) = text.strip_prefix("css:").and_then(|id| id.parse().ok()) {
            Self::Css(css_id)
        } else if let Some(ino) = text.strip_prefix("ino:").and_then(|ino| ino.parse().ok()) {
            Self::Ino(ino)
        } else if written.contains(&b'/') {
            Self::Path(Selection::cgroup_path(written))
        } else {
            Self::Name(Text::from(written))
        }
    }

    /// Replaces a path or a name.
    #[must_use]
    pub fn with_name(self, replace: impl FnOnce(Text) -> Text) -> Self {
        match self {
            Self::Path(path) => Self::Path(replace(path)),
            Self::Name(name) => Self::Name(replace(name)),
            Self::Css(_) | Self::Ino(_) => self,
        }
    }

    pub(super) fn is(&self, id: &MemcgId) -> bool {
        match self {
            Self::Path(path) => id.path == *path,
            Self::Name(name) => id.name == *name,
            Self::Css(css_id) => id.css_id == *css_id,
            Self::Ino(ino) => id.cgroup_id == *ino,
        }
    }

    /// Returns the name as a user would write it.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Path(text) | Self::Name(text) => text.display().into_owned(),
            Self::Css(css_id) => format!("css:{css_id}"),
            Self::Ino(ino) => format!("ino:{ino}"),
        }
    }
}

/// The reason why no zombie was found by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Several zombies have the name.
    Ambiguous(Vec<Arc<MemcgId>>),
    /// Only live memcgs have the name.
    Alive(Vec<Arc<MemcgId>>),
    /// Nothing has the name; paths of zombies that the user may have meant, best first.
    Unknown(Vec<Text>),
}

/// Returns the one zombie, or dead cgroup whose memory cgroup is gone, that a user names. Live
/// memcgs of the same name do not count.
///
/// # Errors
/// If there is none, or more than one.
pub fn find(snapshot: &Snapshot, wanted: &Wanted) -> Result<Arc<MemcgId>, NotFound> {
    let memcgs = &snapshot.memcgs.items;
    let (dead, alive): (Vec<&Memcg>, Vec<&Memcg>) = memcgs
        .iter()
        .filter(|memcg| wanted.is(&memcg.id))
        .partition(|memcg| memcg.phase.is_some());
    let others = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
    let others = others.map(|cgroup| &cgroup.id);
    // These cgroups have no css of the memory controller.
    let others = others.filter(|id| !matches!(wanted, Wanted::Css(_)) && wanted.is(id));
    let dead = dead.into_iter().map(|memcg| &memcg.id).chain(others);
    let dead: Vec<Arc<MemcgId>> = dead.map(Arc::clone).collect();
    let ids = |memcgs: &[&Memcg]| memcgs.iter().map(|memcg| Arc::clone(&memcg.id)).collect();
    match (&*dead, &*alive) {
        ([one], _) => Ok(Arc::clone(one)),
        ([], []) => {
            let near = match wanted {
                Wanted::Path(text) | Wanted::Name(text) => {
                    let zombies = memcgs.iter().filter(|memcg| memcg.phase.is_some());
                    let zombies = zombies.map(|memcg| &memcg.id);
                    let others = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
                    let ids = zombies.chain(others.map(|cgroup| &cgroup.id));
                    select::near(ids.map(|id| &id.path), text)
                }
                Wanted::Css(_) | Wanted::Ino(_) => Vec::new(),
            };
            Err(NotFound::Unknown(near))
        }
        ([], alive) => Err(NotFound::Alive(ids(alive))),
        (dead, _) => Err(NotFound::Ambiguous(dead.to_vec())),
    }
}
