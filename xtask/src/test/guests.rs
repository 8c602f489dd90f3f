//! The tests that need a kernel: one libtest program, in a guest per kernel, two at a time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memcg_trace_guest::Cgroup;

use super::apart::{APART, Apart, apart};
use super::prefixed::{Copy, Prefixed};
use super::{Arguments, Row, libtest, module};
use crate::guest::boot::Outputs;
use crate::guest::build::{self, Binaries};
use crate::guest::{self, Spec};
use crate::interrupt;
use crate::kernel::{Choice, DRAINING, Kernel, Series};

const AT_A_TIME: usize = 2;
const TIMEOUT: Duration = Duration::from_secs(1200);
/// For `--long`: what tests read of the kernel's command line, and by how much a guest may then
/// take longer.
const LONG: &str = "storm_s=600";
const LONGER: Duration = Duration::from_secs(600);

/// Tests that need the test modules, by the begin of their names.
const OF_MODULES: &[&str] = &[
    "pins::module::",
    "locks::edges::",
    "locks::module::",
    "locks::works::",
    "locks::ready::",
    "slab_ways::",
];
/// Tests of what the tool does on its own side of the kernel, by the begin of their names: how it
/// ends, what it says where it is not let do its work, and what becomes of names, files and screens.
/// The first and the last kernel of a run have them, in a boot of their own.
const OF_USER_SPACE: &[&str] = &["bad_hosts::", "names::", "record::", "screen::", "stream::"];
/// RAM disks, for a file system on a device and for swap; devices that can be suspended, devices
/// that are files, and file systems above others and in user space; networks of user space.
const MODULES: &[&str] = &["brd", "dm_mod", "fuse", "loop", "overlay", "tun"];

/// A boot of a kernel, for some of the tests.
#[derive(Clone, Copy)]
struct Boot {
    series: &'static Series,
    tests: Tests,
}

#[derive(Clone, Copy)]
enum Tests {
    /// Those of [`OF_USER_SPACE`].
    OfUserSpace,
    /// Those that need their own kind of guest.
    Apart(&'static Apart),
    Others,
}

impl Tests {
    /// Where a test belongs, on a kernel that runs all tests.
    fn of(name: &str) -> Self {
        match apart(name) {
            Some(one) => Self::Apart(one),
            None if is_of_user_space(name) => Self::OfUserSpace,
            None => Self::Others,
        }
    }

    /// Whether these have some that are asked for; no names ask for all.
    fn have_any_of(self, names: &[String]) -> bool {
        names.is_empty() || names.iter().any(|name| self.have(name))
    }

    fn have(self, name: &str) -> bool {
        match (self, Self::of(name)) {
            // Of several kinds of guest for one test, each has it.
            (Self::Apart(one), Self::Apart(_)) => name.starts_with(one.prefix),
            (Self::Others, Self::Others) | (Self::OfUserSpace, Self::OfUserSpace) => true,
            _ => false,
        }
    }

    /// What is special about them, after a comma.
    fn note(self) -> &'static str {
        match self {
            Self::OfUserSpace => ", user space",
            Self::Apart(one) => one.note,
            Self::Others => "",
        }
    }

    fn apart(self) -> Option<&'static Apart> {
        match self {
            Self::Apart(one) => Some(one),
            Self::OfUserSpace | Self::Others => None,
        }
    }

    fn want_modules(self) -> bool {
        let mut tests = OF_MODULES.iter();
        tests.any(|tests| self.have(tests))
    }
}

fn is_of_user_space(name: &str) -> bool {
    OF_USER_SPACE.iter().any(|tests| name.starts_with(tests))
}

/// Runs all tests, or those whose names contain one of `names`.
pub fn run(
    kernels: &[&'static Series],
    arguments: &Arguments,
    without_module: &[(&'static Series, anyhow::Error)],
) -> Result<Vec<Row>> {
    let names = &arguments.names;
    if kernels.is_empty() {
        return Ok(Vec::new());
    }
    let binaries = build::binaries(false)?;
    let program = build::target_of_memcg_trace("test", "--test", "guest")?;
    let boots = boots(kernels, names);
    let modules = |series: &'static Series| {
        let no_headers = without_module.iter().find(|(one, _)| *one == series);
        let modules = match no_headers {
            Some((_, error)) => Err(format!("{error:#}")),
            None => module::build(series).map_err(|error| format!("{error:#}")),
        };
        (series, modules)
    };
    let with_modules = kernels.iter().copied().filter(|one| **one != DRAINING);
    let modules: Vec<_> = with_modules.map(modules).collect();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(boot) = boots.get(at) else { break };
            if interrupt::received().is_some() {
                break;
            }
            let modules = modules.iter().find(|(series, _)| *series == boot.series);
            let modules = modules.filter(|_| boot.tests.want_modules());
            let modules = modules.map(|(_, modules)| modules);
            let row = test_on(*boot, arguments, &program, &binaries, modules);
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

/// The long boots come first, so that the short ones fill up the end.
fn boots(kernels: &[&'static Series], names: &[String]) -> Vec<Boot> {
    let of = |tests| move |series| Boot { series, tests };
    let all = || kernels.iter().copied().filter(|one| **one != DRAINING);
    let mut boots = Vec::new();
    if Tests::Others.have_any_of(names) {
        boots.extend(all().map(of(Tests::Others)));
    }
    if Tests::OfUserSpace.have_any_of(names) {
        let (first, last) = (all().next(), all().next_back());
        let last = last.filter(|last| Some(*last) != first);
        boots.extend(first.into_iter().chain(last).map(of(Tests::OfUserSpace)));
    }
    for one in APART {
        let tests = Tests::Apart(one);
        if tests.have_any_of(names) {
            let able = kernels.iter().copied().filter(|series| match one.only_on {
                Some(only) => only == *series,
                None => **series != DRAINING && (series.has_v1 || one.cgroup == Cgroup::V2),
            });
            boots.extend(able.map(of(tests)));
        }
    }
    boots
}

/// A guest that could not even be tried is a failed one. Modules that could not be built are said to
/// be missing, and what needs them does not run.
fn test_on(
    boot: Boot,
    asked: &Arguments,
    program: &Path,
    binaries: &Binaries,
    modules: Option<&Result<Vec<PathBuf>, String>>,
) -> Row {
    let start = Instant::now();
    let (modules, no_modules) = match modules {
        None => (&[][..], None),
        Some(Ok(modules)) => (&modules[..], None),
        Some(Err(why)) => {
            // What make said to it is of many lines.
            let why = why.lines().next().unwrap_or_default();
            (&[][..], Some(format!("without test modules: {why}")))
        }
    };
    let (passed, failed, note) = match try_on(boot, asked, program, binaries, modules) {
        Ok((passed, failed, note)) => (passed, failed, note.or(no_modules)),
        Err(error) => (0, 1, Some(format!("{error:#}"))),
    };
    let step = format!("guest tests{}", boot.tests.note());
    Row {
        place: boot.series.name.into(),
        step,
        passed,
        failed,
        note,
        took: start.elapsed(),
    }
}

/// Arguments for the program, by which it runs what belongs into a boot.
fn selection(boot: Boot, names: &[String], has_modules: bool) -> Vec<OsString> {
    let names = names.iter().filter(|name| boot.tests.have(name));
    let mut arguments: Vec<OsString> = names.map(OsString::from).collect();
    match boot.tests {
        Tests::Others => {
            let apart = APART.iter().map(|one| one.prefix);
            // A name that is asked for may be a part of one of these.
            let user_space = OF_USER_SPACE.iter().filter(|_| arguments.is_empty());
            let elsewhere = apart.chain(user_space.copied());
            let skipped: Vec<_> = elsewhere.flat_map(|tests| ["--skip", tests]).collect();
            arguments.extend(skipped.into_iter().map(OsString::from));
        }
        Tests::OfUserSpace if arguments.is_empty() => {
            arguments.extend(OF_USER_SPACE.iter().map(OsString::from));
        }
        Tests::Apart(one) if arguments.is_empty() => arguments.push(one.prefix.into()),
        Tests::OfUserSpace | Tests::Apart(_) => {}
    }
    if !has_modules {
        let tests = OF_MODULES.iter().flat_map(|tests| ["--skip", tests]);
        arguments.extend(tests.map(OsString::from));
    }
    arguments.extend(["--test-threads=1", "--nocapture"].map(OsString::from));
    arguments
}

fn try_on(
    boot: Boot,
    asked: &Arguments,
    program: &Path,
    binaries: &Binaries,
    modules: &[PathBuf],
) -> Result<(u64, u64, Option<String>)> {
    let Boot { series, tests } = boot;
    let name = program
        .file_name()
        .context("the test program has no name")?
        .to_owned();
    let arguments = selection(boot, &asked.names, !modules.is_empty());
    let expected = libtest::count(program, &arguments).context("ask for the names of the tests")?;
    let command = std::iter::once(name).chain(arguments).collect();
    let mut copies = vec![program.to_owned()];
    copies.extend(modules.iter().cloned());
    let mut spec = Spec {
        copies,
        modules: match series.has_modules {
            true => MODULES.iter().map(|name| (*name).to_owned()).collect(),
            false => Vec::new(),
        },
        timeout: Some(TIMEOUT),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    if let Some(one) = tests.apart() {
        spec.cgroup = one.cgroup;
        spec.memory = one.memory.into();
        spec.qemu = one
            .qemu
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        spec.append.extend(one.append.map(str::to_owned));
    }
    if asked.long {
        spec.append.push(LONG.into());
        spec.timeout = Some(TIMEOUT + LONGER);
    }
    let copy = Copy::default();
    let outputs = || {
        // A second boot starts anew: the first one's results are void.
        copy.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let prefix = format!("[{}{}] ", series.name, tests.note());
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
