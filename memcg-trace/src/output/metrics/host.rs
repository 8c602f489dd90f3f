//! Metrics of a whole host.

use super::family::{Families, Number, count, label, seconds};
use crate::deadlock::{Cause, State};
use crate::model::abandoned;
use crate::model::snapshot::{FindingKind, Outcome, Phase, SlabCache, Snapshot};

/// The least age of a cgroup that is called abandoned.
const ABANDONED_AFTER_NS: u64 = 60_000_000_000;

/// Adds what is known of the whole host.
pub(super) fn add(families: &mut Families, snapshot: &Snapshot) {
    cgroups(families, snapshot);
    slab(families, snapshot);
    waits(families, snapshot);
    findings(families, snapshot);
}

fn cgroups(to: &mut Families, snapshot: &Snapshot) {
    let totals = &snapshot.totals;
    to.one(
        "memcg_trace_memcgs",
        "Memory cgroups, dead or alive. The kernel has ids for 65,535.",
        count(totals.memcgs),
    );
    let is_known = totals.zombies.is_some();
    let phases = Phase::ALL.iter().zip(totals.by_phase);
    to.add(
        "memcg_trace_zombies",
        "Dead memory cgroups that are still in memory, by how far their removal has come: only \
         pinned ones can stay for ever.",
        phases.map(|(phase, zombies)| {
            let zombies = is_known.then_some(Number::Count(zombies));
            (label("phase", phase.as_str()), zombies)
        }),
    );
    let dying = snapshot.dying.as_deref();
    to.one(
        "memcg_trace_dying_cgroups",
        "Dead cgroups by the kernel's own count, nr_dying_descendants.",
        count(dying.map(|dying| dying.counts.nr_dying)),
    );
    to.one(
        "memcg_trace_dying_cgroups_without_memcg",
        "Those of them whose memory cgroup is gone.",
        count(dying.map(|dying| dying.counts.without_memcg)),
    );
    to.one(
        "memcg_trace_empty_cgroups",
        "Live memory cgroups without a task in or below them.",
        count(abandoned::count(snapshot)),
    );
    let empties = snapshot.cgroup_uses.is_some();
    let empties = empties.then(|| abandoned::list(snapshot, ABANDONED_AFTER_NS));
    to.one(
        "memcg_trace_abandoned_cgroups",
        "Those that nobody was found to use, and that are charged: only with --abandoned.",
        count(empties.and_then(|empties| empties.abandoned)),
    );
}

fn slab(to: &mut Families, snapshot: &Snapshot) {
    let caches = &snapshot.slab_caches;
    let sum = |bytes: fn(&SlabCache) -> u64| {
        let sum = caches.items.iter().map(bytes).fold(0, u64::saturating_add);
        count(caches.is_known().then_some(sum))
    };
    to.one(
        "memcg_trace_host_slab_bytes",
        "What all slabs take, as of the last walk of all slabs.",
        sum(SlabCache::slab_bytes),
    );
    to.one(
        "memcg_trace_host_slab_live_bytes",
        "What the objects in use take of that.",
        sum(SlabCache::live_bytes),
    );
}

fn waits(to: &mut Families, snapshot: &Snapshot) {
    let judged = snapshot.judged.as_deref();
    let deadlocks = |state: State| {
        let all = snapshot.deadlocks.items.iter();
        let found = all.filter(|one| one.found.state == state).count();
        judged.map(|_| Number::Count(found as u64))
    };
    to.add(
        "memcg_trace_deadlocks",
        "Deadlocks of the last look at all tasks: proven ones, and suspected ones, whose proof \
         lacks something.",
        [
            ("confirmed", State::Confirmed),
            ("suspected", State::Suspected),
        ]
        .map(|(word, state)| (label("state", word), deadlocks(state))),
    );
    let outcomes = [Outcome::Deadlock, Outcome::Undecided, Outcome::NoDeadlock];
    to.add(
        "memcg_trace_deadlock_verdict",
        "1 for the verdict of that look. None at all: nobody looked.",
        outcomes.map(|outcome| {
            let is = judged.map(|judged| Number::Count((judged.outcome == outcome).into()));
            (label("verdict", outcome.as_str()), is)
        }),
    );
    to.one(
        "memcg_trace_undecided_waits",
        "Long waits that are neither proven to last nor known to end.",
        count(judged.map(|judged| judged.undecided_waits)),
    );
    let causes = [
        Cause::Deadlock,
        Cause::StuckHolder,
        Cause::Orphaned,
        Cause::Slow,
        Cause::Unknown,
    ];
    to.add(
        "memcg_trace_long_waiters",
        "Tasks that wait long, by what the root of their waits is.",
        causes.map(|cause| {
            let convoys = snapshot.convoys.items.iter();
            let convoys = convoys.filter(|convoy| convoy.found.cause == cause);
            let waiters = convoys.map(|convoy| convoy.found.waiters);
            let waiters = judged.map(|_| waiters.fold(0, u64::saturating_add));
            (label("verdict", cause.as_str()), count(waiters))
        }),
    );
    let traced = &snapshot.lock_waits;
    let known = || traced.is_known().then(|| traced.items.iter());
    to.one(
        "memcg_trace_lock_waits",
        "Tasks that were seen to begin to wait for a lock of the kernel, and still do.",
        count(known().map(|waits| waits.count() as u64)),
    );
    to.one(
        "memcg_trace_longest_lock_wait_seconds",
        "How long the longest of these has lasted.",
        seconds(known().map(|waits| waits.map(|wait| wait.waited_ns).max().unwrap_or(0))),
    );
    let stalls = &snapshot.reclaim;
    let stalled = stalls.items.iter().map(|row| row.stalls.len() as u64);
    to.one(
        "memcg_trace_stalled_tasks",
        "Tasks that wait for memory to be reclaimed at the moment.",
        count(stalls.is_known().then(|| stalled.sum())),
    );
}

fn findings(to: &mut Families, snapshot: &Snapshot) {
    let known = snapshot.findings.is_known();
    to.add(
        "memcg_trace_findings",
        "Findings that have not stopped.",
        FindingKind::ALL.map(|kind| {
            let all = snapshot.findings.items.iter();
            let open = all.filter(|one| one.kind == kind && !one.resolved).count();
            let open = known.then_some(Number::Count(open as u64));
            (label("kind", kind.as_str()), open)
        }),
    );
}
