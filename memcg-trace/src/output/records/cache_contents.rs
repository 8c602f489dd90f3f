//! Records of the contents of dentry and inode caches.

use std::borrow::Cow;

use super::MemcgName;
use super::memcgs::Charged;
use crate::model::snapshot::{CacheContents, ContentsRow};
use crate::output::figures::{Name, Order, Shown, Unit, Word, record};
use crate::sample::Text;
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};

record! {
    /// Objects of one superblock in one cache that one memcg is charged for, or nobody.
    pub struct SlabInside<'a> {
        @part memcg: MemcgName<'a>,
        /// The memcg, or that none is charged.
        @column owner: Charged<'a> => "MEMCG",
        /// Name of the cache.
        cache: Name<'a>,
        /// Kind of the objects.
        kind: Word<ObjectKind>,
        /// Whether a memory cgroup is charged for them.
        is_charged: bool,
        /// File system.
        fs: Option<Cow<'a, str>> => "FS",
        /// Its device, `major:minor`.
        dev: Option<&'a str> => "DEV",
        @part states: Objects,
        /// Memory of the objects.
        bytes: u64 => "BYTES",
        /// Directories that they are in, those with the most objects first.
        parents: Vec<Parent<'a>>,
        /// How many more directories there are.
        parents_omitted: u64,
        /// Objects of directories that are not even counted, because a bound was hit.
        uncounted_objects: u64,
    }
}

record! {
    /// Objects in one directory.
    pub(in crate::output) struct Parent<'a> {
        /// Path of the directory; null for objects that are in none.
        path: Name<'a>,
        /// The same, or that they are in none.
        @column directory: Directory<'a> => "DIRECTORY",
        /// The memcg, or that none is charged.
        @column owner: Charged<'a> => "MEMCG",
        @part states: Objects,
        /// Memory of the objects.
        @column bytes: u64 => "BYTES",
    }
}

/// A directory in tables.
#[derive(Clone, Copy, Debug)]
struct Directory<'a>(Option<&'a Text>);

impl Shown for Directory<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        let path = self.0.map(|path| path.display().into_owned());
        path.unwrap_or_else(|| "(in no directory)".to_owned())
    }

    fn order(&self) -> Order {
        self.0.map(Text::display).order()
    }
}

record! {
    /// Objects by state. Those that a kind of object does not have are null.
    pub struct Objects {
        /// All of them.
        objects: u64 => "OBJECTS",
        /// Somebody has a reference.
        in_use_objects: u64 => "IN USE",
        /// Kept for the next who looks it up.
        unused_objects: u64 => "UNUSED",
        /// Of dentries: there is no such file.
        negative_objects: Option<u64> => "NEGATIVE",
        /// Of inodes: must be written before it can go.
        dirty_objects: Option<u64> => "DIRTY",
        /// Dead, and freed after a grace period.
        dying_objects: u64 => "DYING",
    }
}

impl Objects {
    /// The counts of a kind of object.
    #[must_use]
    pub fn of(states: &States, kind: ObjectKind) -> Self {
        Self {
            objects: states.objects(),
            in_use_objects: states.in_use,
            unused_objects: states.unused,
            negative_objects: (kind == ObjectKind::Dentry).then_some(states.negative),
            dirty_objects: (kind == ObjectKind::Inode).then_some(states.dirty),
            dying_objects: states.dying,
        }
    }
}

fn owner(row: &ContentsRow) -> Charged<'_> {
    match row.found.is_charged {
        true => Charged::To(row.memcg.as_deref()),
        false => Charged::Nobody,
    }
}

impl<'a> Parent<'a> {
    pub(in crate::output) fn of(
        contents: &CacheContents,
        row: &'a ContentsRow,
        parent: &'a InsideParent,
    ) -> Self {
        Self {
            path: Name::of(parent.path.as_ref()),
            directory: Directory(parent.path.as_ref()),
            owner: owner(row),
            states: Objects::of(&parent.states, contents.kind),
            bytes: contents.bytes(parent.states.objects()),
        }
    }
}

impl<'a> SlabInside<'a> {
    /// The record of one row of a cache.
    #[must_use]
    pub fn of(contents: &'a CacheContents, row: &'a ContentsRow) -> Self {
        let found = &row.found;
        let parent = |parent| Parent::of(contents, row, parent);
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            owner: owner(row),
            cache: Name::of(Some(&contents.cache)),
            kind: Word(contents.kind),
            is_charged: found.is_charged,
            fs: found.fs.as_ref().map(Text::display),
            dev: found.dev.as_deref(),
            states: Objects::of(&found.states, contents.kind),
            bytes: contents.bytes(found.states.objects()),
            parents: found.parents.iter().map(parent).collect(),
            parents_omitted: found.parents_omitted,
            uncounted_objects: found.uncounted_objects,
        }
    }
}
