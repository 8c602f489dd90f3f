//! Records of what dead memory cgroups left to others, and of findings.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
    figures: Figures<'a>,
    first_ns: u64,
    last_ns: u64,
    resolved: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figures<'a> {
    Growth(Growth<'a>),
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
        Self {
            finding_id: format!("{kind}-{}", finding.number),
            kind,
            severity: finding.severity.as_str(),
            path: path.text,
            path_hex: path.hex,
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
        snapshot::Figures::Growth(growth) => {
            let creator_comm = Name::of(growth.creator_comm.as_ref());
            Figures::Growth(Growth {
                survivors: growth.survivors,
                grown: growth.grown,
                gone: growth.gone,
                births: growth.births,
                deaths: growth.deaths,
                grown_per_sec: rounded(growth.grown_per_sec),
                own_cost_bytes: growth.own_cost_bytes,
                creator_comm: creator_comm.text,
                creator_comm_hex: creator_comm.hex,
            })
        }
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
