//! The contract of the records as JSON Schema, one document a type.

use serde_json::{Map, Value as Json};

use super::figures::{Object, Value, of_record};
use super::records::{
    Base, Changed, Convoy, Deadlock, Envelope, Finding, Frame, KnownBug, LockWait, Omitted,
    OpenEnd, Pins, Removed, Reparent, SlabCaller, SlabInside, WhyStep, ZombieCost,
};
use crate::model::abandoned::Empty;
use crate::model::origins::Origin;
use crate::model::snapshot;
use crate::model::zombies::Zombie;
use crate::sample::doctor::Doctor;
use crate::sample::incident::Recorded;

/// A function that makes a schema.
type Make = fn(&str) -> Json;

/// All types of records.
const TYPES: [(&str, Make); 28] = [
    ("frame", record::<Frame<'_>>),
    ("memcg", record::<Object<snapshot::Memcg>>),
    ("zombie", record::<Object<Zombie>>),
    ("origin", record::<Object<Origin>>),
    ("empty_cgroup", record::<Object<Empty>>),
    ("tax", record::<ZombieCost>),
    ("pins", record::<Pins<'_>>),
    ("reparent", record::<Reparent<'_>>),
    ("finding", record::<Finding<'_>>),
    ("slab", record::<Object<snapshot::Slab>>),
    ("slab_cache", record::<Object<snapshot::SlabCache>>),
    ("slab_inside", record::<SlabInside<'_>>),
    ("slab_caller", record::<SlabCaller<'_>>),
    ("shrinker", record::<Object<snapshot::Shrinker>>),
    ("reclaim", record::<Object<snapshot::Reclaim>>),
    ("lock_wait", record::<LockWait<'_>>),
    ("lock_stats", record::<Object<snapshot::LockStats>>),
    ("open_end", record::<OpenEnd<'_>>),
    ("convoy", record::<Convoy<'_>>),
    ("deadlock", record::<Deadlock<'_>>),
    ("why", record::<WhyStep<'_>>),
    ("known_bug", record::<KnownBug<'_>>),
    ("omitted", record::<Omitted<'_>>),
    ("base", record::<Base>),
    ("removed", record::<Removed<'_>>),
    ("changed", record::<Changed<'_>>),
    ("incident", record::<Object<Recorded>>),
    ("doctor", record::<Object<Doctor>>),
];

fn record<T: Value>(kind: &str) -> Json {
    of_record::<Envelope<'_, T>>(kind)
}

/// Names of the types of records.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(kind, _)| *kind)
}

/// The schema of a type of records: every key and no other; `None` if there is no such type.
#[must_use]
pub fn strict(kind: &str) -> Option<Json> {
    let (_, make) = TYPES.iter().find(|(name, _)| *name == kind)?;
    Some(make(kind))
}

/// A schema for readers: figures may be missing or unknown, as in records of other versions.
#[must_use]
pub fn lenient(kind: &str) -> Option<Json> {
    let mut schema = strict(kind)?;
    loosen(&mut schema);
    Some(schema)
}

fn loosen(schema: &mut Json) {
    match schema {
        Json::Object(keys) => {
            if is_closed(keys) {
                keys.remove("additionalProperties");
                keys.remove("required");
            }
            // Other versions may have more words, too.
            if keys.get("enum").is_some_and(Json::is_array) {
                keys.remove("enum");
            }
            keys.values_mut().for_each(loosen);
        }
        Json::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

fn is_closed(keys: &Map<String, Json>) -> bool {
    keys.get("additionalProperties") == Some(&Json::Bool(false))
}
