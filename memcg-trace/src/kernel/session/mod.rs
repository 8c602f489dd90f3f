//! A session against a live kernel: what is attached, and a sample of it on demand.

mod close;
mod memcgs;
mod questions;
mod waits;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use self::memcgs::MemcgWalks;
use crate::kernel::Subject;
use crate::kernel::counted::Subjects;
use crate::kernel::counted::logs::Logs;
use crate::kernel::counted::slab::subject::SlabCounts;
use crate::kernel::counted::subject::{Opening, Round};
use crate::kernel::debugger::kernel::Kernel;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::losses::Losses;
use crate::kernel::hooks::select::Outcome;
use crate::kernel::hooks::{Family, attach, detach, object};
use crate::kernel::host::clock::{now_ns, unix_ns};
use crate::kernel::host::host_facts::LastFacts;
use crate::sample::{Absent, Sample};
use crate::timings;

/// The attached programs and their readers.
pub struct Session {
    kernel: Kernel,
    outcomes: Vec<Outcome>,
    memcgs: MemcgWalks,
    subjects: Subjects,
    /// The time since which waits are traced.
    traced_since_ns: Option<u64>,
    losses: Losses,
    logs: Option<Logs>,
    absent: Vec<Absent>,
    host_facts: LastFacts,
}

impl Session {
    /// Attaches the hooks that `subjects` need and loads their walks. A subject that cannot be
    /// observed is noted as absent, and the others continue without it.
    ///
    /// # Errors
    /// If the kernel accepts no program at all.
    pub fn open(
        facts: &Facts,
        subjects: &[Subject],
        asked: Option<Family>,
        debug: bool,
    ) -> anyhow::Result<Self> {
        let mut ebpf = object::open(facts, subjects, debug)?;
        timings::step("maps made");
        let logs = debug.then(|| Logs::open(&mut ebpf)).transpose()?;
        let resolved = facts
            .resolved
            .as_ref()
            .context("resolve the kernel's layout: no BTF")?;
        let mut opening = Opening {
            resolved,
            outcomes: Vec::new(),
            trusted_ns: 0,
            absent: Vec::new(),
        };
        let mut able = Vec::new();
        for subject in subjects {
            match facts.obstacle_for(*subject) {
                Some(reason) => opening.note(*subject, reason),
                None => able.push(*subject),
            }
        }
        let mut memcgs = MemcgWalks::open(&mut ebpf, &mut opening, &able);
        let slab = SlabCounts::open(&mut ebpf, &mut opening, able.contains(&Subject::Slab));
        able.retain(|subject| *subject != Subject::MemcgEvents || memcgs.reads_events);
        opening.outcomes = attach::attach_all(&mut ebpf, facts, &able, asked);
        opening.trusted_ns = now_ns();
        timings::step("hooks attached");
        let subjects = Subjects::open(&mut ebpf, &mut opening, slab);
        let losses = Losses::open(
            &mut ebpf,
            &able,
            &opening.outcomes,
            resolved.counts_kprobe_misses,
        )?;
        subjects.note_failures(&mut opening);
        let is_any = memcgs.list.is_some() || able.iter().any(|one| subjects.is_open(*one));
        if !able.is_empty() && !is_any {
            let reasons = opening.absent.iter().map(|one| one.reason.as_str());
            return Err(anyhow!("{}", reasons.collect::<Vec<_>>().join("; ")));
        }
        memcgs.begin();
        timings::step("counts opened");
        let traced_since_ns = subjects
            .is_open(Subject::Lock)
            .then_some(opening.trusted_ns);
        Ok(Self {
            kernel: Kernel::new(ebpf, resolved.clone(), Arc::clone(&facts.symbols)),
            outcomes: opening.outcomes,
            memcgs,
            subjects,
            traced_since_ns,
            losses,
            logs,
            absent: opening.absent,
            host_facts: LastFacts::default(),
        })
    }

    /// Starts walks of all slabs in the background, with `budget` of one CPU.
    pub fn walk_slabs(&mut self, budget: f64) {
        self.subjects.slab.walk(budget);
    }

    /// The outcome of each hook.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Takes pending events, so that their buffer does not fill up between two samples.
    pub fn keep_up(&mut self) {
        self.memcgs.keep_up();
        for subject in self.subjects.all() {
            subject.keep_up();
        }
        if let Some(logs) = &mut self.logs {
            logs.drain();
        }
        self.subjects.slab.advance(&mut self.kernel);
    }

    /// Reads everything into a sample.
    ///
    /// # Errors
    /// If a map or a walk that worked before fails.
    pub fn sample(&mut self) -> anyhow::Result<Sample> {
        let mut sample = Sample {
            absent: self.absent.clone(),
            ..Sample::default()
        };
        if self.names_addresses() {
            self.kernel.refresh_symbols();
        }
        // Counters first: a memcg that is counted is then in the walk or in an event.
        for subject in self.subjects.all() {
            subject.sample(&mut round(&mut self.kernel, &self.memcgs), &mut sample)?;
        }
        self.memcgs.walk(&mut self.kernel, &mut sample)?;
        self.keep_up();
        for subject in self.subjects.all() {
            subject.complete(&mut round(&mut self.kernel, &self.memcgs), &mut sample)?;
        }
        sample.host_facts = self.host_facts.changed();
        sample.life = self.memcgs.take_life();
        sample.losses = self.losses.sample(&self.kernel.ebpf)?;
        sample.losses.extend(self.subjects.unseen_ends());
        sample.mono_ns = now_ns();
        sample.unix_ns = unix_ns();
        Ok(sample)
    }

    /// Whether samples have names of functions and variables.
    fn names_addresses(&self) -> bool {
        let mut subjects = [
            Subject::Reclaim,
            Subject::Shrinker,
            Subject::Lock,
            Subject::Callers,
        ]
        .into_iter();
        subjects.any(|subject| self.subjects.is_open(subject))
    }

    /// Detaches everything. Programs that are not detached in time are returned by name.
    #[must_use]
    pub fn close(mut self) -> Vec<String> {
        let outcomes = std::mem::take(&mut self.outcomes);
        close::close(&outcomes, move || {
            detach::kprobes(&mut self.kernel.ebpf);
            drop(self);
        })
    }
}

fn round<'a>(kernel: &'a mut Kernel, memcgs: &'a MemcgWalks) -> Round<'a> {
    Round {
        kernel,
        memcgs: memcgs.list.as_ref(),
    }
}
