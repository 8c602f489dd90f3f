//! One run against a live kernel: what is attached, and a sample of it on demand.

mod modules;
mod spans;
mod waits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use rustix::time::{ClockId, clock_gettime};

use crate::kernel::Subject;
use crate::kernel::counted::locks::LockWaits;
use crate::kernel::counted::locks::details::LockDetails;
use crate::kernel::counted::locks::holds::Holds;
use crate::kernel::counted::logs::Logs;
use crate::kernel::counted::memcgs::dying;
use crate::kernel::counted::memcgs::zombie_cost::TaxCounts;
use crate::kernel::counted::memcgs::zombie_figures;
use crate::kernel::counted::memcgs::{DeadCss, Memcgs};
use crate::kernel::counted::reclaim::oom::OomKills;
use crate::kernel::counted::reclaim::stalls::Stalls;
use crate::kernel::counted::reclaim::{self, Reclaims};
use crate::kernel::counted::shrinkers::Shrinkers;
use crate::kernel::counted::shrinkers::blocked::{LONG_NS, Stuck};
use crate::kernel::counted::slab::Slabs;
use crate::kernel::counted::slab::walker::SlabWalker;
use crate::kernel::debugger::memory::{Memory, Peeker, Unreadable};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::hooks::Family;
use crate::kernel::hooks::attach;
use crate::kernel::hooks::detach;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::losses::Losses;
use crate::kernel::hooks::select::Outcome;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::layout::Resolved;
use crate::kernel::pins;
use crate::kernel::slabs;
use crate::sample::pins::Pins;
use crate::sample::slab_inside::SlabInside;
use crate::sample::slab_walk::SlabWalk;
use crate::sample::{Absent, Life, Sample, Text};
use crate::timings;

/// Part of one CPU that walks may take, as one in so many.
const WALK_BUDGET: u32 = 100;

/// The programs, and what is needed to read the kernel with them.
struct Kernel {
    ebpf: Ebpf,
    resolved: Resolved,
    symbols: Arc<Symbols>,
    /// Loaded when it is first asked for.
    peeker: Option<Peeker>,
    /// When the symbols were last read anew, if ever.
    reread: Option<modules::Reread>,
}

impl Kernel {
    /// What reads the kernel on demand. Its programs are loaded when they are first needed.
    fn reader(&mut self) -> anyhow::Result<Reader<'_>> {
        let ebpf = &mut self.ebpf;
        let peeker = match &mut self.peeker {
            Some(peeker) => peeker,
            none => none.insert(Peeker::open(ebpf)?),
        };
        let memory = Memory::new(ebpf, peeker);
        Ok(Reader::new(memory, &self.resolved, &self.symbols))
    }
}

/// What is attached, and its readers.
pub struct Session {
    kernel: Kernel,
    outcomes: Vec<Outcome>,
    memcgs: Option<Memcgs>,
    slab: Option<Slabs>,
    slab_walker: Option<SlabWalker>,
    shrinkers: Option<Shrinkers>,
    locks: Option<LockWaits>,
    holds: Option<Holds>,
    lock_details: Option<LockDetails>,
    /// Since when waits are traced.
    traced_since_ns: Option<u64>,
    tax: Option<TaxCounts>,
    reclaim: Option<Reclaims>,
    oom: Option<OomKills>,
    stalls: Option<Stalls>,
    stuck: Stuck,
    losses: Losses,
    logs: Option<Logs>,
    absent: Vec<Absent>,
    hears_life: bool,
    life: Vec<Life>,
    walk_due: Instant,
}

impl Session {
    /// Attaches the hooks that `subjects` need and loads their walks. A subject that cannot be
    /// observed is noted as absent and costs nothing else.
    ///
    /// # Errors
    /// If the kernel takes none of it.
    pub fn open(
        facts: &Facts,
        subjects: &[Subject],
        asked: Option<Family>,
        debug: bool,
    ) -> anyhow::Result<Self> {
        let mut ebpf = attach::open(facts, subjects, debug)?;
        timings::step("maps made");
        let logs = if debug {
            Some(Logs::open(&mut ebpf)?)
        } else {
            None
        };
        let mut absent = Vec::new();
        let mut able = Vec::new();
        for subject in subjects {
            match facts.obstacle_for(*subject) {
                Some(reason) => absent.push(missing(*subject, reason)),
                None => able.push(*subject),
            }
        }
        let mut note = |subject, error: anyhow::Error| {
            absent.push(missing(subject, format!("{error:#}")));
        };
        let wants = |subject| able.contains(&subject);
        // Readers come before hooks: what is hooked up must be able to count from the first event.
        let mut memcgs = opened(wants(Subject::Memcg), Subject::Memcg, &mut note, || {
            Memcgs::open(&mut ebpf)
        });
        let mut slab = opened(wants(Subject::Slab), Subject::Slab, &mut note, || {
            Slabs::open(&mut ebpf)
        });
        // Who is born or dies has no place but in the list.
        let hears_life = able.contains(&Subject::Life) && memcgs.is_some();
        able.retain(|subject| *subject != Subject::Life || hears_life);
        let outcomes = attach::attach_all(&mut ebpf, facts, &able, asked);
        let trusted_ns = now_ns();
        timings::step("hooks attached");
        let attached = |fact: &str| {
            outcomes
                .iter()
                .any(|one| one.hook.fact == fact && one.chosen.is_some())
        };
        let family = |fact: &str| {
            outcomes
                .iter()
                .find(|one| one.hook.fact == fact)?
                .chosen
                .map(|one| one.family)
        };
        let resolved = facts
            .resolved
            .as_ref()
            .context("resolve the kernel's layout: no BTF")?;
        let shrinkers = opened(
            attached("shrinker_scan"),
            Subject::Shrinker,
            &mut note,
            || Shrinkers::open(&mut ebpf, resolved, attached("shrinker_call")),
        );
        let locks = opened(attached("lock_wait"), Subject::Lock, &mut note, || {
            let ends_seen = family("lock_wait") == Some(Family::Tracepoint);
            LockWaits::open(&mut ebpf, &resolved.layout, ends_seen, trusted_ns)
        });
        let holds = opened(attached("percpu_hold"), Subject::Lock, &mut note, || {
            Holds::open(&mut ebpf)
        });
        let lock_details = opened(locks.is_some(), Subject::Lock, &mut note, || {
            let (releases, all) = (attached("lock_release"), attached("lock_acquisition"));
            LockDetails::open(&mut ebpf, &resolved.layout, releases, all, trusted_ns)
        });
        let traced_since_ns = locks.is_some().then_some(trusted_ns);
        let sees_reclaim = attached("reclaim_visit");
        let sees_flushes = attached("stats_flush") && resolved.layout.flushes_stats != 0;
        let tax = opened(
            sees_reclaim || sees_flushes,
            Subject::Tax,
            &mut note,
            || TaxCounts::open(&mut ebpf, sees_reclaim, sees_flushes),
        );
        let reclaim = opened(attached("reclaim_run"), Subject::Reclaim, &mut note, || {
            let counts_pages = attached("reclaim_pages");
            Reclaims::open(&mut ebpf, counts_pages, attached("high_throttle"))
        });
        let stalls = opened(reclaim.is_some(), Subject::Reclaim, &mut note, || {
            Stalls::open(&mut ebpf, trusted_ns)
        });
        let oom = opened(attached("oom_kill"), Subject::Reclaim, &mut note, || {
            OomKills::open(&mut ebpf)
        });
        let losses = Losses::open(&mut ebpf, &able, &outcomes, resolved.counts_kprobe_misses)?;
        for outcome in &outcomes {
            let Some(why) = outcome.failure() else {
                continue;
            };
            let reason = format!("{}: {} ({})", outcome.hook.fact, outcome.hook.costs, why);
            log::info!("{reason}");
            match outcome.hook.subject {
                // The walk serves memcgs, and calls are but one of a shrinker's figures.
                Subject::Life => {}
                Subject::Shrinker if outcome.hook.fact == "shrinker_call" => {}
                Subject::Tax if tax.is_some() => {}
                // Without the others walks infer more.
                Subject::Lock if outcome.hook.fact != "lock_wait" => {}
                Subject::Reclaim if reclaim.is_some() => {}
                subject => {
                    if subject == Subject::Slab {
                        slab = None;
                    }
                    if !absent.iter().any(|one| one.section == subject.name()) {
                        absent.push(missing(subject, reason));
                    }
                }
            }
        }
        if !able.is_empty()
            && [
                memcgs.is_some(),
                slab.is_some(),
                shrinkers.is_some(),
                locks.is_some(),
                tax.is_some(),
                reclaim.is_some(),
            ] == [false; 6]
        {
            let reasons: Vec<_> = absent.iter().map(|one| one.reason.as_str()).collect();
            return Err(anyhow!("{}", reasons.join("; ")));
        }
        if let Some(memcgs) = &mut memcgs {
            let mut before = Vec::new();
            memcgs.drain(&mut before);
        }
        timings::step("counts opened");
        Ok(Self {
            kernel: Kernel {
                ebpf,
                resolved: resolved.clone(),
                symbols: Arc::clone(&facts.symbols),
                peeker: None,
                reread: None,
            },
            outcomes,
            memcgs,
            slab,
            slab_walker: None,
            shrinkers,
            locks,
            holds,
            lock_details,
            traced_since_ns,
            tax,
            reclaim,
            oom,
            stalls,
            stuck: Stuck::new(trusted_ns, resolved.task_iterator),
            losses,
            logs,
            absent,
            hears_life,
            life: Vec::new(),
            walk_due: Instant::now(),
        })
    }

    /// Walks all slabs in the background from now on, with so much of one CPU.
    pub fn walk_slabs(&mut self, budget: f64) {
        self.slab_walker = Some(SlabWalker::new(budget));
    }

    /// What became of each hook.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Takes events that wait, so that their buffer does not fill up between two samples.
    pub fn keep_up(&mut self) {
        if let Some(memcgs) = &mut self.memcgs {
            memcgs.drain(&mut self.life);
        }
        if let Some(oom) = &mut self.oom {
            oom.drain();
        }
        if let Some(logs) = &mut self.logs {
            logs.drain();
        }
        self.with_walker(|walker, reader, slab| walker.advance(reader, slab, now_ns));
    }

    /// Does something with the walk of slabs that goes on in the background. Where it fails,
    /// there will be no more.
    fn with_walker<T>(
        &mut self,
        act: impl FnOnce(&mut SlabWalker, &Reader<'_>, Option<&Slabs>) -> Result<T, Unreadable>,
    ) -> Option<T> {
        let walker = self.slab_walker.as_mut()?;
        let reader = self.kernel.reader();
        let outcome = reader.and_then(|reader| Ok(act(walker, &reader, self.slab.as_ref())?));
        if let Err(error) = &outcome {
            self.slab_walker = None;
            self.absent.push(Absent {
                section: "slab_walk".to_owned(),
                reason: format!("{error:#}"),
            });
        }
        outcome.ok()
    }

    /// Reads everything.
    ///
    /// # Errors
    /// If a map or a walk that worked before does not any more.
    pub fn sample(&mut self) -> anyhow::Result<Sample> {
        let mut sample = Sample {
            absent: self.absent.clone(),
            ..Sample::default()
        };
        // Counters first: a memcg that is counted is then in the walk or in an event.
        if let Some(slab) = &mut self.slab {
            sample.slab = Some(slab.sample(&self.kernel.ebpf, now_ns())?);
        }
        let walked = self.with_walker(|walker, reader, slab| walker.take(reader, slab, now_ns()));
        sample.slab_walk = walked.flatten();
        if self.reclaim.is_some() || self.shrinkers.is_some() || self.locks.is_some() {
            self.kernel.refresh_symbols();
        }
        let symbols = Arc::clone(&self.kernel.symbols);
        if let Some(reclaim) = &mut self.reclaim {
            let mut found = reclaim.sample(&symbols, self.memcgs.as_ref(), now_ns())?;
            found.stalls = self.stalls(&symbols)?;
            sample.reclaim = Some(found);
        }
        if let Some(shrinkers) = &mut self.shrinkers {
            let (ebpf, memcgs) = (&self.kernel.ebpf, self.memcgs.as_ref());
            let (rows, running) = shrinkers.sample(ebpf, &symbols, memcgs, now_ns(), LONG_NS)?;
            sample.shrinkers = Some(rows);
            if let Some(reclaim) = &mut sample.reclaim {
                reclaim.shrinking = self.shrinking(running, &symbols)?;
            }
        }
        if let Some(locks) = &mut self.locks {
            let reader = self.kernel.reader()?;
            let mut found = locks.sample(&reader, &symbols, self.memcgs.as_ref(), now_ns())?;
            if let Some(details) = &mut self.lock_details {
                details.add_to(&mut found, self.holds.as_ref(), &reader, &symbols)?;
            }
            sample.locks = Some(found);
        }
        if let Some(tax) = &self.tax {
            sample.tax = Some(tax.sample()?);
        }
        if let Some(memcgs) = &mut self.memcgs
            && self.walk_due <= Instant::now()
        {
            let mut walk = memcgs.walk(&self.kernel.ebpf, now_ns)?;
            let begin = Instant::now();
            let reader = self.kernel.reader()?;
            zombie_figures::fill(&reader, memcgs.dead(), &mut walk.rows);
            let mut dying = dying::look(&reader, memcgs.dead()).counts;
            dying.as_of_ns = now_ns();
            walk.took_ns += u64::try_from(begin.elapsed().as_nanos()).unwrap_or(0);
            self.walk_due = Instant::now() + Duration::from_nanos(walk.took_ns) * (WALK_BUDGET - 1);
            walk.reparents_lru = Some(self.kernel.resolved.pages.owner_is_objcg);
            sample.memcgs = Some(walk);
            sample.dying = Some(dying);
        }
        if let (Some(reclaim), Some(memcgs)) = (&mut sample.reclaim, &self.memcgs)
            && !reclaim.counts.is_empty()
        {
            let reader = self.kernel.reader()?;
            reclaim.pressure = reclaim::pressure(reclaim, memcgs, &reader);
        }
        self.keep_up();
        if self.hears_life {
            sample.life = Some(std::mem::take(&mut self.life));
        }
        sample.oom_kills = self.oom.as_mut().map(OomKills::take);
        sample.losses = self.losses.sample(&self.kernel.ebpf)?;
        sample.losses.extend(self.unseen_ends());
        sample.mono_ns = now_ns();
        sample.unix_ns = unix_ns();
        Ok(sample)
    }

    /// Who pins the zombies of these serial numbers, or keeps the dead cgroups of these; all that
    /// there are, if there are none.
    ///
    /// # Errors
    /// If there is no list of memory cgroups, or the kernel refuses the programs that read.
    pub fn pins(&mut self, serial_nrs: &[u64]) -> anyhow::Result<Pins> {
        let memcgs = self.memcgs.as_mut();
        let memcgs = memcgs.context("look for pins: no list of memory cgroups here")?;
        // They may have died since.
        memcgs.walk(&self.kernel.ebpf, now_ns)?;
        let is_asked =
            |target: &DeadCss| serial_nrs.is_empty() || serial_nrs.contains(&target.serial_nr);
        let targets = memcgs.dead().iter().filter(|target| is_asked(target));
        let targets: Vec<_> = targets.copied().collect();
        let reader = self.kernel.reader()?;
        let dying = dying::look(&reader, memcgs.dead());
        let cgroups = dying.cgroups.iter().filter(|dead| is_asked(&dead.own));
        let cgroups: Vec<_> = cgroups.copied().collect();
        Ok(pins::look(&reader, &targets, (&dying, &cgroups), now_ns))
    }

    /// Who holds slab memory: all slabs of the host, at full speed; and what the objects of a
    /// cache are, if one is named.
    ///
    /// # Errors
    /// If this kernel's slabs cannot be read, or it refuses the programs that read.
    pub fn slab_walk(
        &mut self,
        cache: Option<&Text>,
    ) -> anyhow::Result<(SlabWalk, Option<SlabInside>)> {
        let reader = self.kernel.reader()?;
        let mut walk = slabs::Walk::begin(&reader, now_ns())?;
        walk.look_inside(&reader, cache)?;
        while walk.step(&reader)? {
            if let Some(memcgs) = &mut self.memcgs {
                memcgs.drain(&mut self.life);
            }
        }
        Ok(walk.finish(&reader, now_ns(), None)?)
    }

    /// Detaches everything. Trampolines can hang while a task spins in the kernel: what did not
    /// come off in time is named.
    #[must_use]
    pub fn close(mut self) -> Vec<String> {
        let trampolines: Vec<String> = self
            .outcomes
            .iter()
            .filter_map(|one| one.chosen)
            .filter(|variant| variant.family == Family::Trampoline)
            .flat_map(|variant| variant.parts)
            .map(|part| part.at.name())
            .collect();
        if trampolines.is_empty() {
            detach::kprobes(&mut self.kernel.ebpf);
            return Vec::new();
        }
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            detach::kprobes(&mut self.kernel.ebpf);
            drop(self);
            // The other side may have given up waiting.
            let _ = done.send(());
        });
        if wait.recv_timeout(Duration::from_secs(5)).is_ok() {
            return Vec::new();
        }
        trampolines
            .into_iter()
            .map(|name| {
                format!(
                    "{name} is still attached: the kernel waits for every task to leave it \
                     (synchronize_rcu_tasks), and one does not"
                )
            })
            .collect()
    }
}

fn opened<T>(
    wanted: bool,
    subject: Subject,
    note: &mut impl FnMut(Subject, anyhow::Error),
    open: impl FnOnce() -> anyhow::Result<T>,
) -> Option<T> {
    if !wanted {
        return None;
    }
    open().map_err(|error| note(subject, error)).ok()
}

fn missing(subject: Subject, reason: String) -> Absent {
    Absent {
        section: subject.name().to_owned(),
        reason,
    }
}

/// CLOCK_MONOTONIC, as the programs see it.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or(0)
}

fn unix_ns() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
