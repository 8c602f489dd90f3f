//! Cases of a benchmark: what is attached while it runs.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aya::programs::{FEntry, KProbe, Program, RawTracePoint};
use aya::{Btf, Ebpf};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::hooks::object;
use memcg_trace::kernel::hooks::select::{self, Outcome};
use memcg_trace::kernel::hooks::{At, Family, HOOKS, Part, Variant};
use memcg_trace::kernel::session::Session;

use crate::programs;

/// Hooks to attach.
#[derive(Clone, Debug)]
pub enum Case {
    /// Empty programs, on the hooks of a family of slab hooks.
    Empty(Slab),
    /// Our slab hooks.
    Slab(Slab),
    /// All hooks that `live` and `export` attach.
    All,
    /// Those of `slab --callers` with a cache.
    Callers(&'static str),
    /// Another program that counts allocations.
    Rival(&'static Rival),
}

/// A program of another project.
#[derive(Debug)]
pub struct Rival {
    what: &'static str,
    program: &'static str,
    args: &'static [&'static str],
}

/// The loader that starts programs with shared libraries, all of which are in one folder.
const LOADER: &str = "/bin/ld-linux-x86-64.so.2";
/// Time for a program to start; idle time is skipped.
const START: Duration = Duration::from_secs(20);

/// Programs of which those take part that xtask found and copied. None of them counts kmalloc() or
/// knows the owner of an object.
const RIVALS: &[Rival] = &[
    Rival {
        what: "slabratetop: allocations by cache",
        program: "/bin/slabratetop",
        args: &["--noclear", "3600"],
    },
    // Its tracepoint has the size of an allocation, and the cache of a free: not on 5.10.
    Rival {
        what: "bpftrace: by cgroup and size or cache",
        program: "/bin/bpftrace",
        args: &[
            "-e",
            "tracepoint:kmem:kmem_cache_alloc { @allocs[cgroup, args->bytes_alloc] = count(); } \
             tracepoint:kmem:kmem_cache_free { @frees[cgroup, str(args->name)] = count(); }",
        ],
    },
];

/// A family of slab hooks.
#[derive(Clone, Debug)]
pub struct Slab {
    pub asked: Option<Family>,
    pub variants: Vec<&'static Variant>,
}

impl Slab {
    /// The families that differ on this kernel; the first is the default.
    pub fn ways(facts: &Facts) -> Vec<Self> {
        let families = [Family::Tracepoint, Family::Kprobe, Family::Trampoline];
        let mut ways: Vec<Self> = Vec::new();
        for asked in [None].into_iter().chain(families.map(Some)) {
            let hooks = HOOKS.iter().filter(|hook| hook.subject == Subject::Slab);
            let variants = hooks
                .filter_map(|hook| select::predict(facts, hook, asked).chosen)
                .collect();
            let way = Self { asked, variants };
            if ways
                .iter()
                .all(|other| other.parts(facts) != way.parts(facts))
            {
                ways.push(way);
            }
        }
        ways
    }

    /// The name of the family in `--attach`.
    pub fn name(&self) -> &'static str {
        self.asked.map_or("auto", Family::name)
    }

    /// The hooks of the family: program and place.
    pub fn parts(&self, facts: &Facts) -> Vec<(&'static str, At)> {
        let parts = self.variants.iter().flat_map(|variant| variant.parts);
        let here = |part: &&Part| select::obstacle(part, facts).is_none();
        parts
            .filter(here)
            .map(|part| (part.program, part.at))
            .collect()
    }
}

/// Hooks that are attached until dropped.
#[derive(Default)]
pub struct Attached {
    _empty: Vec<Ebpf>,
    session: Option<Session>,
    _rival: Option<Running>,
}

/// A process, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Attached {
    /// Does some work and takes a sample, as in any run after the first second: hot keys then have
    /// their places in the table.
    pub fn warm_up(&mut self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Some(session) = &mut self.session {
            work()?;
            session.sample()?;
        }
        Ok(())
    }
}

impl Case {
    pub fn name(&self) -> String {
        match self {
            Self::Empty(way) => format!("empty programs, {}", way.name()),
            Self::Slab(way) => format!("slab hooks, {}", way.name()),
            Self::All => "all subjects (live)".to_owned(),
            Self::Callers(cache) => format!("slab --callers {cache}"),
            Self::Rival(rival) => rival.what.to_owned(),
        }
    }

    /// Attaches the case. An error means that the kernel rejects what the facts predicted.
    pub fn attach(&self, facts: &Facts) -> Result<Attached> {
        match self {
            Self::Empty(way) => attach_empty(&way.parts(facts), facts),
            Self::Slab(way) => attach_slab(way, facts),
            Self::All => Ok(Attached {
                session: Some(Session::open(facts, Subject::ALL, None, false)?),
                ..Attached::default()
            }),
            Self::Callers(cache) => {
                let mut session = Session::open(facts, &[Subject::Callers], None, false)?;
                session.watch_callers(&(*cache).into())?;
                Ok(Attached {
                    session: Some(session),
                    ..Attached::default()
                })
            }
            Self::Rival(rival) => start_rival(rival),
        }
    }

    /// Callers of a cache that the storm fills and empties, and of one that it does not use.
    pub fn callers() -> [Self; 2] {
        ["dentry", "task_struct"].map(Self::Callers)
    }

    /// The programs of other projects that are in the guest.
    pub fn rivals() -> impl Iterator<Item = Self> {
        let rivals = RIVALS.iter();
        let here = rivals.filter(|one| std::fs::exists(one.program).unwrap_or(false));
        here.map(Self::Rival)
    }
}

/// Starts the program, and gives it time to attach its hooks.
fn start_rival(rival: &Rival) -> Result<Attached> {
    let before = programs::ids()?.len();
    let child = Command::new(LOADER)
        .args(["--library-path", "/bin", rival.program])
        .args(rival.args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", rival.program))?;
    let mut running = Running(child);
    thread::sleep(START);
    if let Some(status) = running.0.try_wait()? {
        bail!("{}: {status}: it cannot attach here", rival.program);
    }
    if programs::ids()?.len() == before {
        bail!("{} has attached nothing yet", rival.program);
    }
    Ok(Attached {
        _rival: Some(running),
        ..Attached::default()
    })
}

/// Opens a session, which must use the predicted family: a session falls back to another one
/// without an error.
fn attach_slab(way: &Slab, facts: &Facts) -> Result<Attached> {
    let session = Session::open(facts, &[Subject::Slab], way.asked, false)?;
    let programs = |variant: &'static Variant| variant.parts.iter().map(|part| part.program);
    let predicted = way.variants.iter().copied().flat_map(programs);
    let chosen = session.outcomes().iter().filter_map(|one| one.chosen);
    if !predicted.eq(chosen.flat_map(programs)) {
        bail!("{}", refused(session.outcomes()));
    }
    Ok(Attached {
        session: Some(session),
        ..Attached::default()
    })
}

/// The attempts that failed, with the reasons.
fn refused(outcomes: &[Outcome]) -> String {
    let tried = outcomes.iter().flat_map(|outcome| &outcome.tried);
    let errors: Vec<_> = tried.filter_map(|(_, error)| error.as_deref()).collect();
    errors.join("; ")
}

/// The empty program for a kind of hook.
pub fn empty(at: At) -> &'static str {
    match at {
        At::Tracepoint(_) => "empty_tracepoint",
        At::Kprobe(_) | At::Traceiter(_) => "empty_kprobe",
        At::Fentry(_) | At::Fexit(_) => "empty_fentry",
    }
}

fn attach_empty(parts: &[(&str, At)], facts: &Facts) -> Result<Attached> {
    let mut programs = Vec::new();
    for (_, at) in parts {
        // The program of a trampoline is loaded for one function: each program needs an object of
        // its own.
        let mut ebpf = object::open(facts, Subject::ALL, false)?;
        attach_one(&mut ebpf, *at, facts).with_context(|| at.name())?;
        programs.push(ebpf);
    }
    Ok(Attached {
        _empty: programs,
        ..Attached::default()
    })
}

fn attach_one(ebpf: &mut Ebpf, at: At, facts: &Facts) -> Result<()> {
    let name = empty(at);
    let program: &mut Program = ebpf.program_mut(name).context(name)?;
    match at {
        At::Tracepoint(tracepoint) => {
            let program: &mut RawTracePoint = program.try_into()?;
            program.load()?;
            program.attach(tracepoint)?;
        }
        At::Kprobe(function) | At::Traceiter(function) => {
            let program: &mut KProbe = program.try_into()?;
            program.load()?;
            program.attach(facts.symbols.function(function).unwrap_or(function), 0)?;
        }
        // At the entry of the function even where ours is at its exit: the cost of the trampoline
        // is the same, except for the call of the function that an exit trampoline makes.
        At::Fentry(function) | At::Fexit(function) => {
            let program: &mut FEntry = program.try_into()?;
            program.load(function, &Btf::from_sys_fs()?)?;
            program.attach()?;
        }
    }
    Ok(())
}
