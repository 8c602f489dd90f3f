//! Records of what dead memory cgroups left to others, and of findings.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name, rounded};
use crate::model::snapshot;

/// What a memcg that went offline left to an ancestor.
#[derive(Debug, Serialize)]
pub struct Reparent<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    to_cgroup_id: Option<u64>,
    to_path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_path_hex: Option<String>,
    slab_objects: Option<u64>,
    slab_bytes: Option<u64>,
    lru_pages: Option<u64>,
}

impl<'a> From<&'a snapshot::Reparent> for Reparent<'a> {
    fn from(reparent: &'a snapshot::Reparent) -> Self {
        // One that was never seen has no path.
        let to = reparent.to.as_deref().filter(|to| !to.path.is_empty());
        let to_path = Name::of(to.map(|to| &to.path));
        Self {
            memcg: MemcgName::of(Some(&reparent.memcg)),
            to_cgroup_id: to.map(|to| to.cgroup_id),
            to_path: to_path.text,
            to_path_hex: to_path.hex,
            slab_objects: reparent.slab_objects,
            slab_bytes: reparent.slab_bytes,
            lru_pages: reparent.lru_pages,
        }
    }
}

/// Something that a person should look at.
#[derive(Debug, Serialize)]
pub struct Finding<'a> {
    finding_id: String,
    kind: &'static str,
    severity: &'static str,
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    sentence: &'a str,
    figures: Growth<'a>,
    first_ns: u64,
    last_ns: u64,
    resolved: bool,
}

#[derive(Debug, Serialize)]
struct Growth<'a> {
    survivors: u64,
    grown: u64,
    gone: u64,
    births: Option<u64>,
    deaths: Option<u64>,
    grown_per_sec: Option<f64>,
    own_cost_bytes: Option<u64>,
    creator_comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creator_comm_hex: Option<String>,
}

impl<'a> From<&'a snapshot::Finding> for Finding<'a> {
    fn from(finding: &'a snapshot::Finding) -> Self {
        let kind = finding.kind.as_str();
        let memcg = finding.memcg.as_deref();
        let path = memcg.map(|memcg| &memcg.path);
        let path = Name::of(path.filter(|path| !path.is_empty()));
        let figures = &finding.figures;
        let creator_comm = Name::of(figures.creator_comm.as_ref());
        Self {
            finding_id: format!("{kind}-{}", finding.number),
            kind,
            severity: finding.severity.as_str(),
            path: path.text,
            path_hex: path.hex,
            sentence: &finding.sentence,
            figures: Growth {
                survivors: figures.survivors,
                grown: figures.grown,
                gone: figures.gone,
                births: figures.births,
                deaths: figures.deaths,
                grown_per_sec: rounded(figures.grown_per_sec),
                own_cost_bytes: figures.own_cost_bytes,
                creator_comm: creator_comm.text,
                creator_comm_hex: creator_comm.hex,
            },
            first_ns: finding.first_ns,
            last_ns: finding.last_ns,
            resolved: finding.resolved,
        }
    }
}
