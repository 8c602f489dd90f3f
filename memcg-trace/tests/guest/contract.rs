//! What a line of NDJSON has: the envelope's keys in their order, and the keys of each type.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// What every document has.
const DOCUMENT: &str = "summary items not_checked sections losses";
const ENVELOPE: &str = "schema type host boot_id seq frame time mono_ns data";
const MEMCG: &str = "cgroup_id css_id serial_nr path name";
const TASK: &str = "pid tid comm start_ns state cgroup_id path";
/// The fields of `data`, in the contract's order.
const TYPES: &[(&str, &[&str])] = &[
    ("frame", &["records interval_ns sections losses"]),
    (
        "memcg",
        &[
            MEMCG,
            "parent_cgroup_id phase usage_bytes high_bytes max_bytes slab_bytes slab_objects \
             inherited_bytes zombies kmem_bytes alive high_unlimited max_unlimited \
             slab_uncertain_objects",
        ],
    ),
    (
        "zombie",
        &[
            MEMCG,
            "phase refs age_ns creator own_cost_bytes lru_pages swap_entries",
        ],
    ),
    (
        "tax",
        &[
            "zombies own_cost_bytes reclaim_visits_total dead_reclaim_visits_total flushes_total \
             dead_flushes_total dead_flush_ns_total dead_flushes_unmeasured_total",
        ],
    ),
    (
        "pins",
        &["zombie refs unexplained_refs pins not_checked sentence advice memcg_gone"],
    ),
    (
        "reparent",
        &[
            MEMCG,
            "to_cgroup_id to_path slab_objects slab_bytes lru_pages",
        ],
    ),
    (
        "finding",
        &["finding_id kind severity path sentence figures first_ns last_ns resolved"],
    ),
    ("doctor", &["verdict facts hooks"]),
    (
        "slab",
        &[
            MEMCG,
            "cache objects bytes touched_pages owned_pages share_bytes utilization alloc_total \
             free_total alloc_per_sec free_per_sec uncertain_objects charged_bytes \
             inherited_objects drift_objects",
        ],
    ),
    (
        "slab_cache",
        &[
            "cache object_bytes slab_pages live_objects inuse_objects unaccounted_objects \
             freeable_pages utilization size_bytes order slabs changed_slabs capacity_objects \
             cached_objects charged_objects unaccounted_share_bytes unaccounted_touched_pages \
             unaccounted_owned_pages aliases reclaimable_bytes in_use_bytes shared_page_bytes \
             no_shrinker_bytes not_memcg_aware_bytes free_bytes",
        ],
    ),
    (
        "slab_inside",
        &[
            MEMCG,
            "cache kind is_charged fs dev objects in_use_objects unused_objects negative_objects \
             dirty_objects dying_objects bytes parents parents_omitted uncounted_objects",
        ],
    ),
    (
        "shrinker",
        &[
            MEMCG,
            "shrinker fs dev node memcg_aware cause calls_total asked_objects_total \
             scanned_objects_total freed_objects_total time_ns_total p50_ns p99_ns max_ns \
             runs_total freeable_objects deferred_objects yield runs_by_priority",
        ],
    ),
    (
        "reclaim",
        &[
            MEMCG,
            "cause stalls_total stall_ns_total p50_ns p99_ns max_ns scanned_pages_total \
             reclaimed_pages_total limited_by_path limited_by_serial_nr throttles_total \
             throttle_ns_total background_total background_ns_total visits_total visit_ns_total \
             stall_ns_per_sec usage_bytes high_bytes max_bytes headroom_bytes \
             psi_some_ns_total psi_full_ns_total worst_tasks high_unlimited max_unlimited \
             stalls_now stalled_now",
        ],
    ),
    (
        "lock_wait",
        &[
            TASK,
            "resource mode since_ns waited_ns evidence stack function holders holders_omitted \
             incomplete kept_by unconfirmed",
        ],
    ),
    (
        "open_end",
        &["resource function waiter why waits max_wait_ns"],
    ),
    (
        "convoy",
        &["root resource verdict why waiters max_wait_ns stack"],
    ),
    (
        "deadlock",
        &[
            "cycle_id state confidence preexisting sentence members edges victims missing \
             breakable_by close_ns candidate_ns confirmed_ns blocked_zombies edges_omitted \
             victims_omitted close_after_ns close_before_ns resolved_ns",
        ],
    ),
    (
        "lock_stats",
        &[
            "resource waits_total wait_ns_total p50_ns p99_ns max_ns top_memcgs top_stacks \
             unmeasured_total holds",
        ],
    ),
];

/// A line of NDJSON that is as the contract says.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: String,
    pub boot_id: String,
    pub seq: u64,
    pub frame: u64,
    pub mono_ns: u64,
    pub data: Value,
}

impl Record {
    /// Parses a line, with its newline.
    pub fn parse(line: &str) -> Self {
        let (record, data) = envelope(line);
        assert_eq!(keys(&data), fields(&record.kind), "{line}");
        record
    }

    pub fn number(&self, field: &str) -> u64 {
        let value = &self.data[field];
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{field} is {value}: {self:?}"))
    }

    pub fn path(&self) -> Option<&str> {
        self.data["path"].as_str()
    }

    pub fn is_of(&self, kind: &str, path: &str) -> bool {
        self.kind == kind && self.path() == Some(path)
    }
}

/// One answer to one question, with items of the type that the envelope names.
pub struct Document {
    pub summary: Value,
    pub items: Vec<Value>,
    pub not_checked: Value,
}

impl Document {
    /// Parses all that a program wrote with `--json`.
    pub fn parse(text: &str) -> Self {
        let (record, data) = envelope(text);
        assert_eq!(keys(&data), DOCUMENT, "{text}");
        let at = text.find("\"items\":").unwrap() + "\"items\":".len();
        // The items again, with the order of their keys; the document goes on behind them.
        let mut items = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Vec<Object>>();
        for Object(item) in items.next().unwrap().unwrap() {
            assert_eq!(keys(&item), fields(&record.kind), "{text}");
        }
        Self {
            summary: record.data["summary"].clone(),
            items: record.data["items"].as_array().unwrap().clone(),
            not_checked: record.data["not_checked"].clone(),
        }
    }
}

/// A line with its newline: the envelope, and its data in the order of the text.
fn envelope(line: &str) -> (Record, Vec<(String, Value)>) {
    let Some(line) = line.strip_suffix('\n') else {
        panic!("cut in half: {line:?}");
    };
    tame(line);
    let Object(envelope) = serde_json::from_str(line).unwrap();
    assert_eq!(keys(&envelope), ENVELOPE, "{line}");
    let value = |name| &envelope.iter().find(|(key, _)| key == name).unwrap().1;
    let number = |name| value(name).as_u64().unwrap();
    assert_eq!(number("schema"), 1);
    let time = value("time").as_str().unwrap();
    assert!(
        time.len() >= 20 && time.ends_with('Z'),
        "no RFC 3339: {time}"
    );
    // The texts of a record again, with their order.
    let at = line.find("\"data\":").unwrap() + "\"data\":".len();
    let Object(data) = serde_json::from_str(&line[at..line.len() - 1]).unwrap();
    let text = |name| value(name).as_str().unwrap().to_owned();
    let record = Record {
        kind: text("type"),
        boot_id: text("boot_id"),
        seq: number("seq"),
        frame: number("frame"),
        mono_ns: number("mono_ns"),
        data: value("data").clone(),
    };
    (record, data)
}

fn fields(kind: &str) -> String {
    let Some((_, fields)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        panic!("an unknown type: {kind:?}");
    };
    fields.join(" ")
}

/// Neither terminal nor JSON gets control characters, also not escaped ones.
pub fn tame(line: &str) {
    let hostile = |text: &str| {
        text.chars()
            .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))
    };
    assert!(!hostile(line), "control characters: {line:?}");
    assert!(
        !line.contains("\\u00"),
        "escaped control characters: {line:?}"
    );
}

/// The keys in their order, without the bytes of texts that were not clean.
fn keys(object: &[(String, Value)]) -> String {
    let keys = object.iter().map(|(key, _)| key.as_str());
    let keys: Vec<_> = keys.filter(|key| !key.ends_with("_hex")).collect();
    keys.join(" ")
}

/// A JSON object in the order of its text.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keep;
        impl<'de> Visitor<'de> for Keep {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Keep)
    }
}
