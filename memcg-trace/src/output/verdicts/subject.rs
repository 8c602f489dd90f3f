//! The subjects of verdicts.

use crate::model::abandoned;
use crate::model::snapshot::{FindingKind, Memcg, Snapshot};
use crate::units::PAGE_BYTES;

/// A subject: a line of the overview, and of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Deadlocks,
    Waits,
    Reclaim,
    Zombies,
    Abandoned,
    Slab,
    Shrinkers,
    Losses,
    OwnCost,
}

impl Subject {
    /// All of them; of two in the same state, the first comes first.
    pub const ALL: [Self; 9] = [
        Self::Deadlocks,
        Self::Waits,
        Self::Reclaim,
        Self::Zombies,
        Self::Abandoned,
        Self::Slab,
        Self::Shrinkers,
        Self::Losses,
        Self::OwnCost,
    ];

    /// Its name on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deadlocks => "deadlocks",
            Self::Waits => "waits",
            Self::Reclaim => "reclaim",
            Self::Zombies => "zombies",
            Self::Abandoned => "abandoned",
            Self::Slab => "slab",
            Self::Shrinkers => "shrinkers",
            Self::Losses => "losses",
            Self::OwnCost => "own cost",
        }
    }

    /// The subject of a finding.
    #[must_use]
    pub fn of(finding: FindingKind) -> Self {
        match finding {
            FindingKind::ZombieGrowth | FindingKind::DeadWeight => Self::Zombies,
            FindingKind::SmallCacheOverScan
            | FindingKind::FruitlessScanning
            | FindingKind::BlockedShrinker => Self::Shrinkers,
            FindingKind::LopsidedReclaim
            | FindingKind::Sawtooth
            | FindingKind::NearHigh
            | FindingKind::Oom => Self::Reclaim,
        }
    }

    /// The figure that is drawn over time, beside the verdict; `None` where it is not known.
    #[must_use]
    pub fn figure(self, snapshot: &Snapshot) -> Option<u64> {
        match self {
            Self::Deadlocks => {
                snapshot.judged.as_ref()?;
                let all = snapshot.deadlocks.items.iter();
                Some(all.filter(|one| one.is_confirmed()).count() as u64)
            }
            Self::Waits => longest_wait_ns(snapshot),
            Self::Reclaim => {
                let rows = snapshot.reclaim.items.iter();
                sum(rows.map(|row| row.stall_ns_per_sec)).filter(|_| snapshot.reclaim.is_known())
            }
            Self::Zombies => kept_bytes(snapshot),
            Self::Abandoned => abandoned::count(snapshot),
            Self::Slab => {
                let caches = &snapshot.slab_caches;
                let bytes = caches.items.iter().map(|cache| cache.slab_bytes());
                let bytes = bytes.fold(0, u64::saturating_add);
                caches.is_known().then_some(bytes)
            }
            Self::Shrinkers => {
                let rows = snapshot.shrinkers.items.iter();
                sum(rows.map(|row| row.scanned_per_sec)).filter(|_| snapshot.shrinkers.is_known())
            }
            Self::Losses => (!snapshot.losses.is_empty()).then(|| snapshot.lost_total()),
            Self::OwnCost => snapshot.memcgs.took_ns,
        }
    }
}

/// The longest wait in progress, for a lock or for memory, 0 if there is none; `None` where neither
/// is known.
fn longest_wait_ns(snapshot: &Snapshot) -> Option<u64> {
    let (waits, reclaim) = (&snapshot.lock_waits, &snapshot.reclaim);
    let for_locks = waits.items.iter();
    let for_locks = for_locks.filter(|wait| !wait.facts.unconfirmed);
    let for_locks = for_locks.map(|wait| wait.waited_ns);
    let stalls = reclaim.items.iter().flat_map(|row| &row.stalls);
    let stalls = stalls.filter(|stall| !stall.unconfirmed);
    let stalls = stalls.map(|stall| snapshot.mono_ns.saturating_sub(stall.since_ns));
    let longest = for_locks.chain(stalls).max().unwrap_or(0);
    (waits.is_known() || reclaim.is_known()).then_some(longest)
}

/// The sum of rates; `None` if one is not known.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is never negative, and drawn with eight levels"
)]
fn sum(mut rates: impl Iterator<Item = Option<f64>>) -> Option<u64> {
    let sum = rates.try_fold(0.0, |sum, rate| Some(sum + rate?));
    sum.map(|sum| sum as u64)
}

/// Memory that the dead keep, as far as it is known; `None` if there are dead ones, and nothing is
/// known.
pub(super) fn kept_bytes(snapshot: &Snapshot) -> Option<u64> {
    let memcgs = &snapshot.memcgs;
    let mut dead = memcgs.items.iter().filter(|memcg| memcg.phase.is_some());
    let is_none = dead.clone().next().is_none();
    let known = dead.try_fold(None, |sum: Option<u64>, memcg| {
        let more = kept_by(memcg);
        Some(match (sum, more) {
            (None, None) => None,
            (sum, more) => Some(sum.unwrap_or(0).saturating_add(more.unwrap_or(0))),
        })
    });
    let none = (is_none && memcgs.is_known()).then_some(0);
    known.flatten().or(none)
}

/// Pages of a dead memcg and memory of the kernel that it takes itself, as far as either is known.
fn kept_by(memcg: &Memcg) -> Option<u64> {
    let pages = memcg.facts.lru_pages;
    let pages = pages.map(|pages| pages.saturating_mul(PAGE_BYTES));
    match (pages, memcg.facts.own_cost_bytes) {
        (None, None) => None,
        (pages, own) => Some(pages.unwrap_or(0).saturating_add(own.unwrap_or(0))),
    }
}
