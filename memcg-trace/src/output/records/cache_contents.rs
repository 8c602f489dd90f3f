//! Records of the contents of dentry and inode caches.

use std::borrow::Cow;

use super::MemcgName;
use crate::model::snapshot::{CacheContents, ContentsRow};
use crate::output::figures::{Name, record};
use crate::sample::Text;
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};

record! {
    /// Objects of one superblock in one cache that one memcg is charged for, or nobody.
    pub struct SlabInside<'a> {
        @part memcg: MemcgName<'a>,
        /// Name of the cache.
        cache: Name<'a>,
        /// `dentry` or `inode`.
        kind: ObjectKind,
        /// Whether a memory cgroup is charged for them.
        is_charged: bool,
        /// File system.
        fs: Option<Cow<'a, str>>,
        /// Its device, `major:minor`.
        dev: Option<&'a str>,
        @part states: Objects,
        /// What the objects take.
        bytes: u64,
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
    struct Parent<'a> {
        /// Path of the directory; null for objects that are in none.
        path: Name<'a>,
        @part states: Objects,
    }
}

record! {
    /// Objects by state. Those that a kind of object does not have are null.
    pub struct Objects {
        /// All of them.
        objects: u64,
        /// Somebody has a reference.
        in_use_objects: u64,
        /// Kept for the next who looks it up.
        unused_objects: u64,
        /// Of dentries: there is no such file.
        negative_objects: Option<u64>,
        /// Of inodes: must be written before it can go.
        dirty_objects: Option<u64>,
        /// Dead, and freed after a grace period.
        dying_objects: u64,
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

impl<'a> SlabInside<'a> {
    /// The record of one row of a cache.
    #[must_use]
    pub fn of(contents: &'a CacheContents, row: &'a ContentsRow) -> Self {
        let cache = Name::of(Some(&contents.cache));
        let parent = |parent: &'a InsideParent| {
            let path = Name::of(parent.path.as_ref());
            Parent {
                path,
                states: Objects::of(&parent.states, contents.kind),
            }
        };
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            cache,
            kind: contents.kind,
            is_charged: row.is_charged,
            fs: row.fs.as_ref().map(Text::display),
            dev: row.dev.as_deref(),
            states: Objects::of(&row.states, contents.kind),
            bytes: contents.bytes(row.states.objects()),
            parents: row.parents.iter().map(parent).collect(),
            parents_omitted: row.parents_omitted,
            uncounted_objects: row.uncounted_objects,
        }
    }
}
