//! Records of what dead memory cgroups left to others, and of findings.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::MemcgName;
use super::memcgs::Path;
use super::workloads::BelongsTo;
use crate::model::snapshot::{self, FindingKind, Severity};
use crate::output::figures::{Name, Object, Rounded, Row, Value, Visitor, Word, record};

record! {
    /// What a memcg that went offline left to an ancestor.
    pub struct Reparent<'a> {
        @part memcg: MemcgName<'a>,
        /// `cgroup_id` of the ancestor that has it now.
        to_cgroup_id: Option<u64>,
        /// Its path.
        to_path: Path<'a> => "TO",
        /// Slab objects that were charged to it; null unless all were counted.
        slab_objects: Option<u64> => "SLAB OBJECTS",
        /// What those take.
        slab_bytes: Option<u64> => "SLAB",
        /// Pages of its LRU lists; 0 where the kernel leaves them where they are.
        lru_pages: Option<u64> => "PAGES",
    }
}

impl<'a> From<&'a snapshot::Reparent> for Reparent<'a> {
    fn from(reparent: &'a snapshot::Reparent) -> Self {
        let to = reparent.to.as_deref();
        // A memcg that was never seen has no path.
        let seen = to.filter(|to| !to.path.is_empty());
        Self {
            memcg: MemcgName::of(Some(&reparent.memcg)),
            to_cgroup_id: seen.map(|to| to.cgroup_id),
            to_path: Path(to),
            slab_objects: reparent.slab_objects,
            slab_bytes: reparent.slab_bytes,
            lru_pages: reparent.lru_pages,
        }
    }
}

record! {
    /// Something that a person should look at.
    pub struct Finding<'a> {
        /// Id of the finding, equal in all its records.
        finding_id: String,
        /// What kind of finding.
        kind: Word<FindingKind>,
        /// Its severity.
        severity: Word<Severity>,
        /// Path of the memory cgroup that it is about.
        path: Name<'a>,
        @part belongs_to: BelongsTo<'a>,
        /// What was found, in one sentence.
        sentence: &'a str,
        /// Figures of the finding; they depend on the kind.
        figures: Figures<'a>,
        /// When it began, CLOCK_MONOTONIC.
        first_ns: u64,
        /// When it was last found.
        last_ns: u64,
        /// Whether it is over.
        resolved: bool,
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figures<'a> {
    Growth(Object<&'a snapshot::Growth>),
    Named(BTreeMap<&'static str, Figure<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figure<'a> {
    Unknown(()),
    Count(u64),
    Text(&'a str),
    Texts(&'a [String]),
}

impl Value for Figures<'_> {
    fn schema() -> Json {
        let text = json!({"type": ["integer", "number", "string", "null"]});
        let figure = json!({"anyOf": [text, {"type": "array", "items": {"type": "string"}}]});
        json!({"type": "object", "additionalProperties": figure})
    }
}

impl Row for snapshot::Growth {
    const MEANING: &'static str = "Cgroups that are removed and stay in memory.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.figure(
            "survivors",
            "SURVIVORS",
            "Dead ones that are there.",
            |row| row.survivors,
        );
        to.figure("grown", "GROWN", "How many more there are.", |row| {
            row.grown
        });
        to.figure("gone", "GONE", "How many went.", |row| row.gone);
        to.figure(
            "births",
            "BIRTHS",
            "Memory cgroups that were made.",
            |row| row.births,
        );
        to.figure(
            "deaths",
            "DEATHS",
            "Memory cgroups that were removed.",
            |row| row.deaths,
        );
        to.figure(
            "grown_per_sec",
            "GROWN/S",
            "How fast they become more.",
            |row| Rounded(row.grown_per_sec),
        );
        to.figure(
            "own_cost_bytes",
            "COST",
            "Memory of the kernel that they take.",
            |row| row.own_cost_bytes,
        );
        to.figure("creator_comm", "CREATOR", "Who made most of them.", |row| {
            Name::of(row.creator_comm.as_ref())
        });
    }
}

impl<'a> From<&'a snapshot::Finding> for Finding<'a> {
    fn from(finding: &'a snapshot::Finding) -> Self {
        let memcg = finding.memcg.as_deref();
        let memcg = memcg.filter(|memcg| !memcg.path.is_empty());
        Self {
            finding_id: format!("{}-{}", finding.kind.as_str(), finding.number),
            kind: Word(finding.kind),
            severity: Word(finding.severity),
            path: Name::of(memcg.map(|memcg| &memcg.path)),
            belongs_to: BelongsTo::of(memcg),
            sentence: &finding.sentence,
            figures: figures(&finding.figures),
            first_ns: finding.first_ns,
            last_ns: finding.last_ns,
            resolved: finding.resolved,
        }
    }
}

fn figures(figures: &snapshot::Figures) -> Figures<'_> {
    match figures {
        snapshot::Figures::Growth(growth) => Figures::Growth(Object(growth)),
        snapshot::Figures::Named(all) => {
            let all = all.iter().map(|(name, one)| (*name, figure(one)));
            Figures::Named(all.collect())
        }
    }
}

fn figure(one: &snapshot::Figure) -> Figure<'_> {
    match one {
        snapshot::Figure::Unknown => Figure::Unknown(()),
        snapshot::Figure::Count(count) => Figure::Count(*count),
        snapshot::Figure::Text(text) => Figure::Text(text),
        snapshot::Figure::Texts(texts) => Figure::Texts(texts),
    }
}
