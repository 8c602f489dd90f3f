//! Losses: our own counters of what could not be counted, and the kernel's of programs that did not
//! run.

use std::os::fd::{AsFd, AsRawFd as _, RawFd};

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use memcg_trace_common::loss::Loss as Place;

use crate::kernel::Subject;
use crate::kernel::hooks::At;
use crate::kernel::hooks::links;
use crate::kernel::hooks::object_info::info_of;
use crate::kernel::hooks::select::Outcome;
use crate::kernel::maps::take_map;
use crate::sample::Loss;

/// The reader of losses.
pub(crate) struct Losses {
    counters: PerCpuArray<MapData, u64>,
    places: Vec<(Place, &'static str)>,
    /// Programs whose hook refuses to run them recursively, and counts that.
    by_program: Vec<&'static str>,
    /// Programs on kprobes, of which a CPU runs one at a time; the kernel counts misses since 6.7.
    on_kprobes: Vec<&'static str>,
    /// Their links: kprobes miss runs, too.
    links: Vec<RawFd>,
    counts_kprobe_misses: bool,
}

impl Losses {
    pub(crate) fn open(
        ebpf: &mut Ebpf,
        subjects: &[Subject],
        outcomes: &[Outcome],
        counts_kprobe_misses: bool,
    ) -> anyhow::Result<Self> {
        let places = Place::ALL.iter().copied().filter(|(place, _)| {
            subjects.contains(match place {
                Place::ReclaimMap | Place::ReclaimRun | Place::OomRing => &Subject::Reclaim,
                Place::TimesMap => with_times(subjects),
                Place::MemcgRing => &Subject::MemcgEvents,
                Place::SlabMap | Place::SlabRead => &Subject::Slab,
                Place::SlabBulk => with_bulk_frees(subjects),
                Place::CallerMap | Place::CallerObjects => &Subject::Callers,
                Place::ShrinkerMap | Place::ShrinkerRun => &Subject::Shrinker,
                Place::LockMap | Place::LockWait | Place::Hold | Place::LockStack => &Subject::Lock,
            })
        });
        Ok(Self {
            counters: take_map(ebpf, "LOSSES")?,
            places: places.collect(),
            by_program: programs(outcomes, |at| !is_kprobe(at)),
            on_kprobes: programs(outcomes, is_kprobe),
            links: links::all(),
            counts_kprobe_misses,
        })
    }

    /// The number of events of waits and holds that their maps had no space for.
    pub(crate) fn of_waits(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for place in [Place::LockWait, Place::Hold] {
            let per_cpu = self.counters.get(&(place as u32), 0);
            let per_cpu = per_cpu.context("read the losses of waits")?;
            sum += per_cpu.iter().sum::<u64>();
        }
        Ok(sum)
    }

    pub(crate) fn sample(&self, ebpf: &Ebpf) -> anyhow::Result<Vec<Loss>> {
        let mut losses = Vec::with_capacity(self.places.len() + 2);
        for (place, name) in &self.places {
            let per_cpu = self
                .counters
                .get(&(*place as u32), 0)
                .with_context(|| format!("read the losses of {name}"))?;
            losses.push(Loss {
                place: (*name).to_owned(),
                lost_total: Some(per_cpu.iter().sum()),
            });
        }
        let by_links: Option<u64> = self.links.iter().map(|link| links::missed(*link)).sum();
        let by_programs = missed_runs(ebpf, &self.on_kprobes);
        let on_kprobes = by_programs.zip(by_links).map(|(one, other)| one + other);
        losses.push(Loss {
            place: "missed_kprobe_runs".to_owned(),
            lost_total: on_kprobes
                .filter(|_| self.counts_kprobe_misses || self.on_kprobes.is_empty()),
        });
        losses.push(Loss {
            place: "missed_runs".to_owned(),
            lost_total: missed_runs(ebpf, &self.by_program),
        });
        Ok(losses)
    }
}

fn is_kprobe(at: At) -> bool {
    matches!(at, At::Kprobe(_) | At::Traceiter(_))
}

/// Names of the programs whose place meets a condition.
fn programs(outcomes: &[Outcome], is_such: fn(At) -> bool) -> Vec<&'static str> {
    let mut programs: Vec<_> = outcomes
        .iter()
        .filter_map(|one| one.chosen)
        .flat_map(|one| one.parts)
        .filter(|part| is_such(part.at))
        .map(|part| part.program)
        .collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

/// Sum of `recursion_misses` of programs; `None` where the kernel has no such counter (before
/// 5.12). A program whose optional place the kernel lacks is not loaded, and misses nothing.
fn missed_runs(ebpf: &Ebpf, programs: &[&str]) -> Option<u64> {
    programs
        .iter()
        .filter_map(|name| ebpf.program(name)?.fd().ok())
        .map(recursion_misses)
        .sum()
}

/// `bpf_prog_info.recursion_misses` (include/uapi/linux/bpf.h), which aya does not expose. `None`
/// if this kernel's info is too short to have it.
fn recursion_misses(program: impl AsFd) -> Option<u64> {
    /// The offset in the info, and its length up to the end of this field.
    const AT: usize = 208;
    const BYTES: usize = AT + 8;

    let mut info = [0_u8; BYTES];
    let written = info_of(program.as_fd().as_raw_fd(), &mut info)?;
    if written < BYTES {
        return None;
    }
    Some(u64::from_ne_bytes(info[AT..BYTES].try_into().ok()?))
}

/// One of these subjects that follows bulk frees, if any does.
fn with_bulk_frees(subjects: &[Subject]) -> &Subject {
    let follows = |one: &&Subject| matches!(one, Subject::Slab | Subject::Callers);
    subjects.iter().find(follows).unwrap_or(&Subject::Slab)
}

/// One of these subjects that has histograms, if any has.
fn with_times(subjects: &[Subject]) -> &Subject {
    let has_times = |one: &&Subject| matches!(one, Subject::Shrinker | Subject::Reclaim);
    subjects.iter().find(has_times).unwrap_or(&Subject::Lock)
}
