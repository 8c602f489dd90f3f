//! The kernel of this host as a source of samples.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, sleep_until};

use crate::kernel::Subject;
use crate::kernel::doctor::report;
use crate::kernel::hooks::Family;
use crate::kernel::hooks::facts::{self, Facts};
use crate::kernel::hooks::trial;
use crate::kernel::session::Session;
use crate::sample::ask::Ask;
use crate::sample::doctor::Doctor;
use crate::sample::recording::Host;
use crate::sample::waits::Waits;
use crate::sample::{Sample, Text};
use crate::source::state_files::Names;
use crate::timings;

/// A preferred family of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// The first hook that works, in the order of the table.
    #[default]
    Auto,
    /// Raw tracepoints where the kernel has them.
    Tracepoint,
    /// Kprobes where the kernel has them.
    Kprobe,
    /// Trampolines for the two slab hooks, where the kernel has them.
    Trampoline,
}

impl Attach {
    fn family(self) -> Option<Family> {
        match self {
            Self::Auto => None,
            Self::Tracepoint => Some(Family::Tracepoint),
            Self::Kprobe => Some(Family::Kprobe),
            Self::Trampoline => Some(Family::Trampoline),
        }
    }
}

/// Options of a live source.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Subjects to observe.
    pub subjects: &'static [Subject],
    /// The preferred family of hooks.
    pub attach: Attach,
    /// Part of one CPU that walks of all slabs in the background may take; 0 for no such walks.
    pub walk_budget: f64,
    /// Whether addresses will be named, such as those of stacks.
    pub address_names: bool,
    /// Whether to read the names of containers and pods from the state files of their runtimes.
    pub state_files: bool,
    /// Whether the eBPF side logs.
    pub debug: bool,
}

/// Why the kernel cannot be a source.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing can be traced here; the text says why, in one line.
    #[error("{0}")]
    CannotTrace(String),
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Context of errors of slab walks.
const SLAB_WALK: &str = "who holds slab memory";
/// Interval for reading events between two samples: their buffer holds 3,000 events, so 30,000
/// cgroups may be made in a second, which is more than a kernel can make.
const KEEP_UP: Duration = Duration::from_millis(100);

/// A source with its hooks attached.
pub struct Live {
    session: Session,
    asked: Option<Family>,
    names: Option<Names>,
    /// When the next sample is due; `None` before the first.
    due: Option<Instant>,
}

impl Live {
    /// Attaches the hooks that `options` need.
    ///
    /// # Errors
    /// [`OpenError::CannotTrace`] if nothing can be traced here.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let asked = options.attach.family();
        let mut names = options.state_files.then(Names::start);
        let facts = Facts::gather(facts::Needs {
            trampolines: asked == Some(Family::Trampoline),
            address_names: options.address_names,
        });
        if let Some(why) = facts.unable() {
            return Err(OpenError::CannotTrace(why));
        }
        timings::step("permissions looked at");
        // Events wait for nobody once hooks are attached.
        if let Some(names) = &mut names {
            names.wait();
            timings::step("state files read");
        }
        let mut session = Session::open(&facts, options.subjects, asked, options.debug)
            .map_err(|error| OpenError::CannotTrace(format!("{error:#}")))?;
        if options.subjects.contains(&Subject::Slab) && options.walk_budget > 0.0 {
            session.walk_slabs(options.walk_budget);
        }
        Ok(Self {
            session,
            asked,
            names,
            due: None,
        })
    }

    /// Hooks that the user asked for and the kernel refused.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let outcomes = self.session.outcomes().iter();
        outcomes.filter_map(|one| one.refused(self.asked)).collect()
    }

    /// Waits until the interval is over, reading events meanwhile, then reads all subjects. The
    /// first call does not wait.
    ///
    /// # Errors
    /// If reading the kernel fails.
    pub async fn next(&mut self, interval: Duration) -> anyhow::Result<Sample> {
        let now = Instant::now();
        let due = match self.due {
            // Samples follow the clock, so that they do not drift by the time that each takes. But
            // at least half of the interval is left to the host, and samples missed in a pause are
            // not made up for.
            Some(due) => (due + interval).max(now + interval / 2),
            None => now,
        };
        self.keep_up_until(due).await;
        self.due = Some(due);
        let mut sample = self.session.sample()?;
        sample.state_files = self.names.as_mut().and_then(Names::take);
        timings::step("first sample");
        Ok(sample)
    }

    async fn keep_up_until(&mut self, until: Instant) {
        while Instant::now() < until {
            sleep_until(until.min(Instant::now() + KEEP_UP)).await;
            self.session.keep_up();
        }
    }

    /// Asks the kernel. The duration has no bound; events wait meanwhile.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub fn ask(&mut self, ask: &Ask) -> anyhow::Result<Sample> {
        let mut answer = Sample::default();
        match ask {
            Ask::Pins(serials) => {
                let pins = self.session.pins(serials).context("who pins zombies")?;
                answer.pins = Some(pins);
            }
            Ask::CgroupUses => {
                let uses = self.session.cgroup_uses();
                answer.cgroup_uses = Some(uses.context("who uses empty cgroups")?);
            }
            Ask::Locks => answer.waits = Some(self.waits(None, None)?),
            Ask::Task(tid) => answer.waits = Some(self.waits(Some(*tid), None)?),
            Ask::Removal(serial_nr) => answer.waits = Some(self.waits(None, Some(*serial_nr))?),
            Ask::SlabWalk => {
                let (walk, _) = self.session.slab_walk(None).context(SLAB_WALK)?;
                answer.slab_walk = Some(walk);
            }
            Ask::SlabInside(cache) => {
                let walked = self.session.slab_walk(Some(cache)).context(SLAB_WALK)?;
                (answer.slab_walk, answer.slab_inside) = (Some(walked.0), walked.1);
            }
            Ask::Callers(cache) => {
                let walk = self.session.watch_callers(cache);
                answer.slab_walk = Some(walk.context("who allocates slab objects")?);
            }
        }
        timings::step("first answer");
        self.session.keep_up();
        answer.mono_ns = nanoseconds(ClockId::Monotonic).unsigned_abs();
        answer.unix_ns = nanoseconds(ClockId::Realtime);
        Ok(answer)
    }

    fn waits(&mut self, tid: Option<u32>, removal: Option<u64>) -> anyhow::Result<Waits> {
        let waits = self.session.waits(tid, removal);
        waits.context("who waits for whom")
    }

    /// Detaches all hooks; returns those that could not be detached, and why.
    #[must_use]
    pub fn close(self) -> Vec<String> {
        timings::step("shown, or running");
        let attached_still = self.session.close();
        timings::step("left");
        attached_still
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// A report of what can be traced on this host.
#[must_use]
pub fn doctor(attach: Attach) -> Doctor {
    let mut facts = Facts::gather(facts::Needs {
        trampolines: true,
        address_names: false,
    });
    trial::run(&mut facts);
    report(&facts, attach.family())
}

/// A report of what can be traced with the kernel that these files describe, as far as they tell.
///
/// # Errors
/// If a file cannot be read, or is not what it should be.
pub fn doctor_of_files(
    btf: &Path,
    symbols: Option<&Path>,
    attach: Attach,
) -> anyhow::Result<Doctor> {
    let facts = Facts::of_files(btf, symbols)?;
    Ok(report(&facts, attach.family()))
}

/// Name, boot and kernel of this host.
#[must_use]
pub fn host() -> Host {
    let uname = rustix::system::uname();
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Host {
        host: Text::from(uname.nodename().to_bytes()),
        boot_id: Text::from(boot_id.trim()),
        kernel: Text::from(uname.release().to_bytes()),
    }
}
