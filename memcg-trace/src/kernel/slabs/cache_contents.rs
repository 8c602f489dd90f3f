//! Contents of dentry and inode caches: the objects that could be freed, and, for one cache, the
//! owners and directories of all objects.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::objects::{Kind, Object, Objects, State};
use super::owners::Owners;
use super::page::Slab;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::visible_paths::{VisiblePath, VisiblePaths};
use crate::kernel::debugger::{superblocks, tasks};
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::slab_inside::{InsideParent, InsideRow, ObjectKind, SlabInside, States};
use crate::sample::slab_walk::{Idle, WalkedCache};

/// Directories of each memcg and superblock that are listed.
const PARENTS: usize = 20;
/// Directories that are counted.
const MAX_OBJECTS: usize = 1 << 20;
const PAGE_BYTES: u64 = 4096;
const DENTRIES: &[u8] = b"dentry";
/// The caches of file systems' inodes have this in their names.
const INODES: &[u8] = b"inode";

/// The key by which objects are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Group {
    memcg: Option<u64>,
    is_charged: bool,
    superblock: u64,
}

/// The findings of a walk.
#[derive(Debug)]
pub(super) struct CacheContents {
    objects: Objects,
    /// The cache whose objects are listed.
    wanted: Option<Text>,
    /// Kinds of the caches that were seen, and the bytes before their first objects.
    kinds: HashMap<u64, (Kind, usize)>,
    found: SlabInside,
    rows: BTreeMap<Group, States>,
    parents: HashMap<(Group, u64), States>,
    /// Objects in directories beyond the bound.
    uncounted: HashMap<Group, u64>,
}

impl CacheContents {
    pub(super) fn new(reader: &Reader<'_>, wanted: Option<&Text>) -> Result<Self, Unreadable> {
        Ok(Self {
            objects: Objects::new(reader)?,
            wanted: wanted.cloned(),
            kinds: HashMap::new(),
            found: SlabInside::default(),
            rows: BTreeMap::new(),
            parents: HashMap::new(),
            uncounted: HashMap::new(),
        })
    }

    /// Counts the objects of a slab, if they are dentries or inodes. `owners` has the owner of
    /// each; `cached` of them are free objects that CPUs keep.
    pub(super) fn look(
        &mut self,
        reader: &Reader<'_>,
        slab: &Slab,
        cache: &mut WalkedCache,
        owners: &[u64],
        cached: u64,
        known: &Owners,
    ) -> Result<(), Unreadable> {
        let is_wanted = self.wanted.as_ref() == Some(&cache.name);
        let name = cache.name.as_bytes();
        let may_be_inodes = is_wanted || name.windows(INODES.len()).any(|part| part == INODES);
        if name != DENTRIES && !may_be_inodes {
            return Ok(());
        }
        let charged = owners.iter().filter(|owner| **owner != 0).count() as u64;
        let address = match self.objects.read(reader, slab) {
            Ok(address) => address,
            Err(Unreadable::Fault(_)) => {
                self.found.unread_objects += if is_wanted { charged } else { 0 };
                return Ok(());
            }
            Err(why) => return Err(why),
        };
        let known_kind = self.kinds.get(&slab.cache).copied();
        let padding = match known_kind {
            Some((_, padding)) => padding,
            None => padding(reader, cache.cache),
        };
        let size = cache.size_bytes as usize;
        let count = usize::try_from(slab.objects).unwrap_or(0);
        let begins = || (0..count).map(|at| padding + at * size);
        let kind = match known_kind {
            Some((kind, _)) => Some(kind),
            None if name == DENTRIES => Some(Kind::Dentry),
            None => self
                .objects
                .find_inode(address, begins(), size, |at| {
                    owners.get(at).is_some_and(|owner| *owner != 0)
                })
                .map(Kind::Inode),
        };
        let Some(kind) = kind else {
            self.found.unread_objects += if is_wanted { charged } else { 0 };
            return Ok(());
        };
        self.kinds.insert(slab.cache, (kind, padding));
        cache.kind = match kind {
            Kind::Dentry => ObjectKind::Dentry,
            Kind::Inode(_) => ObjectKind::Inode,
        };
        let objects = self.objects.look(reader, kind, address, begins())?;
        let mut idle = 0;
        for (at, object) in objects.into_iter().enumerate() {
            let owner = owners.get(at).copied().filter(|owner| *owner != 0);
            match (object, owner) {
                (Some(object), owner) if owner.is_some() || object.state != State::Dying => {
                    idle += u64::from(object.state.is_idle());
                    if is_wanted {
                        self.count(&object, owner, known);
                    }
                }
                (None, Some(_)) if is_wanted => self.found.unread_objects += 1,
                _ => {}
            }
        }
        if is_wanted {
            self.found.cache.clone_from(&cache.name);
            (self.found.kind, self.found.size_bytes) = (cache.kind, cache.size_bytes);
        }
        // Objects in use: those that the slab allocated, less those that CPUs keep. Never less than
        // the charged objects, since the figures were not read at the same moment.
        let live = slab.inuse.saturating_sub(cached).max(charged);
        let sum = cache.idle.get_or_insert_with(Idle::default);
        sum.objects += idle;
        if idle > 0 && live <= idle {
            sum.alone_objects += idle;
            sum.slab_bytes += slab.pages * PAGE_BYTES;
        }
        Ok(())
    }

    fn count(&mut self, object: &Object, owner: Option<u64>, known: &Owners) {
        let group = Group {
            memcg: owner.and_then(|objcg| known.get(objcg).memcg),
            is_charged: owner.is_some(),
            superblock: object.superblock,
        };
        self.found.visited_objects += 1;
        object.state.count(self.rows.entry(group).or_default());
        let is_full = self.parents.len() >= MAX_OBJECTS;
        let key = (group, object.parent);
        if is_full && !self.parents.contains_key(&key) {
            *self.uncounted.entry(group).or_default() += 1;
        } else {
            object.state.count(self.parents.entry(key).or_default());
        }
    }

    /// Returns the contents of the named cache; `None` if none was named. `moved` has the heir of
    /// each memcg that went offline meanwhile.
    pub(super) fn finish(
        mut self,
        reader: &Reader<'_>,
        moved: &HashMap<u64, u64>,
    ) -> Option<SlabInside> {
        self.found.cache = self.wanted?;
        let heir = |group: Group| Group {
            memcg: group
                .memcg
                .map(|memcg| *moved.get(&memcg).unwrap_or(&memcg)),
            ..group
        };
        let mut rows: BTreeMap<Group, InsideRow> = BTreeMap::new();
        for (group, states) in self.rows {
            rows.entry(heir(group)).or_default().states.add(&states);
        }
        for (group, objects) in self.uncounted {
            rows.entry(heir(group)).or_default().uncounted_objects += objects;
        }
        let mut parents: BTreeMap<Group, HashMap<u64, States>> = BTreeMap::new();
        for ((group, parent), states) in self.parents {
            let sums = parents.entry(heir(group)).or_default();
            sums.entry(parent).or_default().add(&states);
        }
        let mut known = HashMap::new();
        let tasks = tasks::all(reader).unwrap_or_default();
        let tasks = tasks.processes.iter().map(|process| process.task);
        let mut paths = VisiblePaths::read(reader, tasks);
        for (group, row) in &mut rows {
            let superblock = group.superblock;
            let (fs, dev) = known
                .entry(superblock)
                .or_insert_with(|| superblocks::describe(reader, superblock).ok().unzip())
                .clone();
            (row.fs, row.dev) = (fs, dev);
            row.memcg_serial_nr = group.memcg;
            row.is_charged = group.is_charged;
            let all = parents.remove(group).unwrap_or_default();
            let mut all: Vec<_> = all.into_iter().collect();
            all.sort_unstable_by_key(|(parent, states)| (Reverse(states.objects()), *parent));
            row.parents_omitted = all.len().saturating_sub(PARENTS) as u64;
            row.parents = (all.into_iter().take(PARENTS))
                .map(|(parent, states)| InsideParent {
                    path: (parent != 0)
                        .then(|| paths.of_directory(reader, parent, superblock))
                        .flatten()
                        .map(VisiblePath::path_here),
                    states,
                })
                .collect();
        }
        self.found.rows = rows.into_values().collect();
        Some(self.found)
    }
}

/// A red zone may come before the first object.
fn padding(reader: &Reader<'_>, cache: u64) -> usize {
    let padding = reader.word(cache, Field::CacheRedLeft).unwrap_or(0);
    usize::try_from(padding).unwrap_or(0)
}
