//! The tests that need a kernel: one libtest program, in a guest per kernel, two at a time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memcg_trace_guest::Cgroup;

use super::prefixed::{Copy, Prefixed};
use super::{Row, libtest, module};
use crate::guest::boot::Outputs;
use crate::guest::build::{self, Binaries};
use crate::guest::{self, Spec};
use crate::interrupt;
use crate::kernel::{Choice, Kernel, Series};

const AT_A_TIME: usize = 2;
const TIMEOUT: Duration = Duration::from_secs(900);

/// Tests of the controller's version 1, which need a guest that has it.
const OF_V1: &str = "v1::";
/// Tests that take memory away, which need a guest that has some to spare.
const OF_LOCKS: &str = "locks::";
/// What such a guest has: a module of memory, whose pages can all be moved. It goes in the
/// kernel's way as long as it is there, so that others are without it.
const SPARE_MEMORY: (&str, &[&str], &str) = (
    "768M,slots=4,maxmem=4G",
    &[
        "-object",
        "memory-backend-ram,id=spare,size=256M",
        "-device",
        "pc-dimm,memdev=spare",
    ],
    "memhp_default_state=online_movable",
);
/// RAM disks: for a file system on a device, and for swap.
const MODULES: &[&str] = &["brd"];

/// Which tests a boot is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All but those of the others.
    Most,
    /// [`OF_V1`].
    V1,
    /// [`OF_LOCKS`].
    Locks,
}

impl Part {
    fn of(name: &str) -> Self {
        if name.starts_with(OF_V1) {
            Self::V1
        } else if name.starts_with(OF_LOCKS) {
            Self::Locks
        } else {
            Self::Most
        }
    }

    fn cgroup(self) -> Cgroup {
        match self {
            Self::V1 => Cgroup::V1,
            Self::Most | Self::Locks => Cgroup::V2,
        }
    }

    /// After the kernel's name.
    fn suffix(self) -> &'static str {
        match self {
            Self::Most => "",
            Self::V1 => " v1",
            Self::Locks => " locks",
        }
    }

    fn step(self) -> &'static str {
        match self {
            Self::Most => "guest tests",
            Self::V1 => "guest tests, cgroup version 1",
            Self::Locks => "guest tests, memory to take away",
        }
    }
}

/// A boot, and the tests that run in it.
#[derive(Clone, Copy)]
struct Boot {
    series: &'static Series,
    part: Part,
}

/// Runs all tests, or those whose names contain one of `names`.
pub fn run(
    kernels: &[&'static Series],
    names: &[String],
    without_module: &[(&'static Series, anyhow::Error)],
) -> Result<Vec<Row>> {
    if kernels.is_empty() {
        return Ok(Vec::new());
    }
    let binaries = build::binaries(false)?;
    let program = build::target_of_memcg_trace("test", "--test", "guest")?;
    let boots = boots(kernels, names);
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(boot) = boots.get(at) else { break };
            if interrupt::received().is_some() {
                break;
            }
            let no_headers = without_module
                .iter()
                .find(|(series, _)| *series == boot.series);
            let module = match no_headers {
                Some((_, error)) => Err(anyhow::anyhow!("{error:#}")),
                None => module::build(boot.series),
            };
            let row = test_on(*boot, names, &program, &binaries, module);
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, row));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(boots.len()) {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(at, _)| *at);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// A boot for each kernel and each part of the tests; without version 1 where it has none.
fn boots(kernels: &[&'static Series], names: &[String]) -> Vec<Boot> {
    let mut boots = Vec::new();
    for part in [Part::Most, Part::Locks, Part::V1] {
        if !names.is_empty() && names.iter().all(|name| Part::of(name) != part) {
            continue;
        }
        let has_it = kernels
            .iter()
            .filter(|series| part != Part::V1 || series.has_v1);
        boots.extend(has_it.map(|series| Boot { series, part }));
    }
    boots
}

/// A guest that could not even be tried is a failed one; a module that could not be built is said
/// to be missing, and the tests say what they leave out.
fn test_on(
    boot: Boot,
    names: &[String],
    program: &Path,
    binaries: &Binaries,
    module: Result<PathBuf>,
) -> Row {
    let start = Instant::now();
    let (module, no_module) = match module {
        Ok(module) => (Some(module), None),
        Err(error) => (None, Some(format!("without the test module: {error:#}"))),
    };
    let (passed, failed, note) = match try_on(boot, names, program, binaries, module) {
        Ok((passed, failed, note)) => (passed, failed, note.or(no_module)),
        Err(error) => (0, 1, Some(format!("{error:#}"))),
    };
    Row {
        place: boot.series.name.into(),
        step: boot.part.step().into(),
        passed,
        failed,
        note,
        took: start.elapsed(),
    }
}

/// Arguments for the program, by which it runs what belongs into a boot.
fn selection(boot: Boot, names: &[String]) -> Vec<OsString> {
    let names = names.iter().filter(|name| Part::of(name) == boot.part);
    let mut arguments: Vec<OsString> = names.map(OsString::from).collect();
    match boot.part {
        Part::Most => {
            arguments.extend(["--skip", OF_V1, "--skip", OF_LOCKS].map(OsString::from));
        }
        Part::V1 if arguments.is_empty() => arguments.push(OF_V1.into()),
        Part::Locks if arguments.is_empty() => arguments.push(OF_LOCKS.into()),
        Part::V1 | Part::Locks => {}
    }
    arguments.extend(["--test-threads=1", "--nocapture"].map(OsString::from));
    arguments
}

fn try_on(
    boot: Boot,
    names: &[String],
    program: &Path,
    binaries: &Binaries,
    module: Option<PathBuf>,
) -> Result<(u64, u64, Option<String>)> {
    let Boot { series, part } = boot;
    let name = program
        .file_name()
        .context("the test program has no name")?
        .to_owned();
    let arguments = selection(boot, names);
    let expected = libtest::count(program, &arguments).context("ask for the names of the tests")?;
    let command = std::iter::once(name).chain(arguments).collect();
    let mut copies = vec![program.to_owned()];
    copies.extend(module);
    let mut spec = Spec {
        copies,
        modules: MODULES.iter().map(|name| (*name).to_owned()).collect(),
        cgroup: part.cgroup(),
        timeout: Some(TIMEOUT),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    if part == Part::Locks {
        let (memory, module, append) = SPARE_MEMORY;
        spec.memory = memory.to_owned();
        spec.qemu = module.iter().map(|one| (*one).to_owned()).collect();
        spec.append.push(append.to_owned());
    }
    let copy = Copy::default();
    let outputs = || {
        // A second boot starts anew: the first one's results are void.
        copy.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let prefix = format!("[{}{}] ", series.name, part.suffix());
        Outputs {
            stdout: Box::new(Prefixed::new(prefix.clone(), copy.clone())),
            stderr: Box::new(Prefixed::new(prefix, Copy::default())),
        }
    };
    let ending = guest::run(&spec, binaries, outputs)?;
    let output = copy.lock().unwrap_or_else(PoisonError::into_inner);
    let output = String::from_utf8_lossy(&output);
    Ok(libtest::judge(&ending, &output, expected))
}
