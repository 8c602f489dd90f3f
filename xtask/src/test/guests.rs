//! Tests that need a kernel: one libtest program, in guests of each kernel, some of them at a time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::arguments::Arguments;
use super::boots::{Boot, boots, expected, selection};
use super::busy::processors;
use super::failures;
use super::prefixed::{Output, Prefixed, Seen, Stream};
use super::row::{Failure, Row};
use super::times::{Time, Times};
use super::{libtest, module};
use crate::guest::boot::Outputs;
use crate::guest::build::{self, Binaries};
use crate::guest::ending::Ending;
use crate::guest::{self, Spec};
use crate::kernel::{Choice, Kernel, REAP_DEADLOCK, Series};
use crate::{dist, interrupt};

/// Deadline of each test: many times what any test takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(900);
/// For `--long`: a parameter that tests read from the kernel's command line, and the time by which
/// it prolongs a test.
const LONG: &str = "storm_s=600";
const LONGER: Duration = Duration::from_secs(600);

/// RAM disks, for a file system on a device and for swap; devices that can be suspended, loop
/// devices, overlay file systems, FUSE, and TUN networks.
const MODULES: &[&str] = &[
    "binfmt_misc",
    "brd",
    "dm_mod",
    "fuse",
    "loop",
    "overlay",
    "tun",
];

/// Runs all tests, or those whose names contain one of `names`.
pub fn run(
    kernels: &[&'static Series],
    arguments: &Arguments,
    without_module: &[(&'static Series, anyhow::Error)],
) -> Result<Vec<Row>> {
    if kernels.is_empty() {
        return Ok(Vec::new());
    }
    let (program, binaries) = build::with_target("test", "--test", "guest")?;
    // The start of a whole name says which guest the test needs.
    let arguments = &Arguments {
        names: libtest::whole_names(&program, &arguments.names)?,
        ..arguments.clone()
    };
    let boots = boots(kernels, &arguments.names, arguments.long);
    let modules = |series: &'static Series| {
        let no_headers = without_module.iter().find(|(one, _)| *one == series);
        let modules = match no_headers {
            Some((_, error)) => Err(format!("{error:#}")),
            None => module::build(series).map_err(|error| format!("{error:#}")),
        };
        (series, modules)
    };
    let with_modules = kernels.iter().copied().filter(|one| **one != REAP_DEADLOCK);
    let modules: Vec<_> = with_modules.map(modules).collect();
    let modules_of = |boot: Boot| {
        let modules = modules.iter().find(|(series, _)| *series == boot.series);
        let modules = modules.filter(|_| boot.tests.want_modules());
        modules.map(|(_, modules)| modules)
    };
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(boot) = boots.get(at) else { break };
            if interrupt::received().is_some() {
                break;
            }
            let row = test_on(*boot, arguments, &program, &binaries, modules_of(*boot));
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, row));
        }
    };
    thread::scope(|scope| {
        let lanes = arguments.lanes.unwrap_or(processors() + 1);
        for _ in 0..lanes.min(boots.len()) {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(at, _)| *at);
    let mut rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    // Whoever asks for a test by name wants to see it fail.
    if arguments.names.is_empty() && !arguments.once && interrupt::received().is_none() {
        failures::again(&mut rows, |at, names| {
            let arguments = Arguments {
                names,
                ..arguments.clone()
            };
            let boot = boots[at];
            test_on(boot, &arguments, &program, &binaries, modules_of(boot))
        });
    }
    Ok(rows)
}

/// A guest that could not be tried is a failed one. Modules that could not be built are reported as
/// missing, and tests that need them do not run.
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
            // The reason is the output of make, which has many lines.
            let why = why.lines().next().unwrap_or_default();
            (&[][..], Some(format!("without test modules: {why}")))
        }
    };
    let step = format!("guest tests{}", boot.tests.note());
    let row = Row {
        place: boot.series.name.into(),
        step,
        ..Row::default()
    };
    let row = match try_on(boot, asked, program, binaries, modules) {
        Ok(Tried {
            judgement: (passed, failed, note),
            tests,
            failures,
        }) => Row {
            passed,
            failed,
            note: note.or(no_modules),
            tests,
            failures,
            ..row
        },
        Err(error) => Row {
            failed: 1,
            note: Some(format!("{error:#}")),
            ..row
        },
    };
    Row {
        took: start.elapsed(),
        ..row
    }
}

/// The programs of a boot: a guest with our package has no other memcg-trace.
pub(super) fn programs(boot: Boot, binaries: &Binaries) -> Binaries {
    let memcg_trace = binaries.memcg_trace.clone();
    Binaries {
        memcg_trace: memcg_trace.filter(|_| !boot.tests.have_package()),
        ..binaries.clone()
    }
}

/// The guest for the tests of a boot, with a command.
pub(super) fn spec(
    Boot { series, tests, .. }: Boot,
    asked: &Arguments,
    program: &Path,
    binaries: &Binaries,
    modules: &[PathBuf],
    command: Vec<OsString>,
) -> Result<Spec> {
    let mut copies = vec![program.to_owned()];
    copies.extend(modules.iter().cloned());
    if tests.have_package() {
        copies.push(dist::deb()?);
    }
    let mut spec = Spec {
        copies,
        modules: match series.has_modules {
            true => MODULES.iter().map(|name| (*name).to_owned()).collect(),
            false => Vec::new(),
        },
        timeout: Some(DEADLINE),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    if let Some(one) = tests.special_guest() {
        spec.cgroup = one.cgroup;
        spec.memory = one.memory.into();
        spec.qemu = one
            .qemu
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        spec.append.extend(one.append.map(str::to_owned));
    }
    let debian = tests
        .special_guest()
        .map(|one| one.debian)
        .unwrap_or_default();
    if !debian.is_empty() {
        let packages: Vec<_> = debian.iter().map(|name| (*name).to_owned()).collect();
        spec = spec.on_debian(&packages, binaries)?;
    }
    if asked.long {
        spec.append.push(LONG.into());
        spec.timeout = Some(DEADLINE + LONGER);
    }
    if let Some(folder) = &asked.keep_console {
        let file = format!("{}{}.log", series.name, tests.note());
        spec.console = Some(folder.join(file.replace([',', ' '], "-").replace("--", "-")));
    }
    Ok(spec)
}

/// The result of a boot.
struct Tried {
    /// The result of [`libtest::judge`].
    judgement: (u64, u64, Option<String>),
    tests: Vec<Time>,
    failures: Vec<Failure>,
}

fn try_on(
    boot: Boot,
    asked: &Arguments,
    program: &Path,
    binaries: &Binaries,
    modules: &[PathBuf],
) -> Result<Tried> {
    let Boot { series, tests, .. } = boot;
    let binaries = programs(boot, binaries);
    let name = program
        .file_name()
        .context("the test program has no name")?
        .to_owned();
    let arguments = selection(boot, &asked.names, !modules.is_empty());
    let list = |arguments: &[OsString]| {
        libtest::names(program, arguments).context("ask for the names of the tests")
    };
    let expected = match asked.names.is_empty() {
        true => expected(boot, &list(&[])?, !modules.is_empty()),
        false => list(&arguments)?.len() as u64,
    };
    let command = std::iter::once(name).chain(arguments).collect();
    let spec = spec(boot, asked, program, &binaries, modules, command)?;
    let nothing = || Output::new(Times::new(spec.pace.clone()));
    let seen = Seen::new(nothing());
    let outputs = || {
        // A second boot starts anew: the results of the first one are void.
        seen.with(|output| *output = nothing());
        let name = format!("{}{}", series.name, tests.note());
        Outputs {
            stdout: Box::new(Prefixed::new(name.clone(), Stream::Stdout, seen.clone())),
            stderr: Box::new(Prefixed::new(name, Stream::Stderr, seen.clone())),
        }
    };
    let ending = guest::run(&spec, &binaries, outputs)?;
    Ok(seen.with(|output| {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let mut judgement = libtest::judge(&ending, &stdout, expected);
        // A guest that hangs or dies does so within a test.
        let running = output
            .times
            .running()
            .filter(|_| !matches!(ending, Ending::Exited(_)));
        if let (Some(note), Some(test)) = (&mut judgement.2, running) {
            note.push_str(&format!("; in {test}"));
        }
        Tried {
            judgement,
            tests: output.times.ended().to_vec(),
            failures: Failure::all(libtest::failures(&stdout), &stderr),
        }
    }))
}
