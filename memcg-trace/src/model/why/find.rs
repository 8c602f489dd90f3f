//! The memory cgroup or task that a user means.

use std::sync::Arc;

use super::seen::Seen;
use crate::model::snapshot::{MemcgId, Snapshot};
use crate::model::{select, zombies};
use crate::sample::Text;

/// A user's name for a memory cgroup or a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A memory cgroup or cgroup.
    Memcg(zombies::Wanted),
    /// `pid:N`, or `N`: a process or thread.
    Task(u32),
}

impl Wanted {
    /// Parses a user's name. A number alone is a process.
    #[must_use]
    pub fn parse(written: &[u8]) -> Self {
        let text = str::from_utf8(written).unwrap_or_default();
        let number = text.strip_prefix("pid:").unwrap_or(text);
        match number.parse() {
            Ok(pid) => Self::Task(pid),
            Err(_) => Self::Memcg(zombies::Wanted::parse(written)),
        }
    }
}

/// The memory cgroup that is meant.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its identity.
    pub id: Arc<MemcgId>,
    /// What it is.
    pub subject: Subject,
    /// Other dead ones of the same path.
    pub others: u64,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A memory cgroup that is alive.
    Alive,
    /// A memory cgroup that is dead.
    Dead,
    /// A dead cgroup whose memory cgroup is gone.
    DeadCgroup,
    /// A memory cgroup that was seen, and is gone.
    Gone,
}

/// The reason why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Several paths have the name.
    Ambiguous(Vec<Text>),
    /// Nothing has the name; paths that may have been meant, best first.
    Unknown(Vec<Text>),
}

impl Target {
    /// Finds what a user means: the newest dead one of a name, for names are reused; else one that
    /// is alive; else one that was seen before.
    ///
    /// # Errors
    /// If there is none, or paths differ.
    pub fn find(
        snapshot: &Snapshot,
        wanted: &zombies::Wanted,
        seen: &Seen,
    ) -> Result<Self, NotFound> {
        let memcgs = snapshot.memcgs.items.iter();
        let memcgs = memcgs.filter(|memcg| wanted.is(&memcg.id));
        let (dead, alive): (Vec<_>, Vec<_>) = memcgs.partition(|memcg| memcg.phase.is_some());
        let cgroups = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
        let is_meant = |id: &MemcgId| !matches!(wanted, zombies::Wanted::Css(_)) && wanted.is(id);
        let cgroups = cgroups.map(|cgroup| &cgroup.id).filter(|id| is_meant(id));
        let dead = dead.iter().map(|memcg| (&memcg.id, Subject::Dead));
        let dead = dead.chain(cgroups.map(|id| (id, Subject::DeadCgroup)));
        let mut found: Vec<(&Arc<MemcgId>, Subject)> = dead.collect();
        if found.is_empty() {
            found.extend(alive.iter().map(|memcg| (&memcg.id, Subject::Alive)));
        }
        if found.is_empty() {
            found.extend(seen.ids().map(|id| (id, Subject::Gone)));
        }
        let mut paths: Vec<&Text> = found.iter().map(|(id, _)| &id.path).collect();
        paths.sort_unstable();
        paths.dedup();
        if paths.len() > 1 {
            return Err(NotFound::Ambiguous(paths.into_iter().cloned().collect()));
        }
        let newest = found.iter().max_by_key(|(id, _)| id.serial_nr);
        let Some((id, subject)) = newest else {
            let all = snapshot.memcgs.items.iter().map(|memcg| &memcg.id.path);
            let near = match wanted {
                zombies::Wanted::Path(text) | zombies::Wanted::Name(text) => {
                    select::near(all, text)
                }
                zombies::Wanted::Css(_) | zombies::Wanted::Ino(_) => Vec::new(),
            };
            return Err(NotFound::Unknown(near));
        };
        Ok(Self {
            id: Arc::clone(id),
            subject: *subject,
            others: found.len() as u64 - 1,
        })
    }
}
