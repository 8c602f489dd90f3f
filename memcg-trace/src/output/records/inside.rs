//! What the objects of dentry and inode caches are.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name};
use crate::model::snapshot::{Inside, InsideRow};
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};

/// Objects of one superblock in one cache that one memcg is charged for, or nobody.
#[derive(Debug, Serialize)]
pub struct SlabInside<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    cache: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_hex: Option<String>,
    kind: ObjectKind,
    is_charged: bool,
    fs: Option<Cow<'a, str>>,
    dev: Option<&'a str>,
    #[serde(flatten)]
    states: Objects,
    bytes: u64,
    parents: Vec<Parent<'a>>,
    parents_omitted: u64,
    uncounted_objects: u64,
}

/// Objects in one directory.
#[derive(Debug, Serialize)]
struct Parent<'a> {
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(flatten)]
    states: Objects,
}

/// Objects by state. Those that a kind of object does not have are null.
#[derive(Debug, Serialize)]
pub struct Objects {
    objects: u64,
    in_use_objects: u64,
    unused_objects: u64,
    negative_objects: Option<u64>,
    dirty_objects: Option<u64>,
    dying_objects: u64,
}

impl Objects {
    /// Of one kind.
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
    /// One row of a cache.
    #[must_use]
    pub fn of(inside: &'a Inside, row: &'a InsideRow) -> Self {
        let cache = Name::of(Some(&inside.cache));
        let parent = |parent: &'a InsideParent| {
            let path = Name::of(parent.path.as_ref());
            Parent {
                path: path.text,
                path_hex: path.hex,
                states: Objects::of(&parent.states, inside.kind),
            }
        };
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            cache: cache.text,
            cache_hex: cache.hex,
            kind: inside.kind,
            is_charged: row.is_charged,
            fs: Name::of(row.fs.as_ref()).text,
            dev: row.dev.as_deref(),
            states: Objects::of(&row.states, inside.kind),
            bytes: inside.bytes(row.states.objects()),
            parents: row.parents.iter().map(parent).collect(),
            parents_omitted: row.parents_omitted,
            uncounted_objects: row.uncounted_objects,
        }
    }
}
