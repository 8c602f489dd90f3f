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
/// RAM disks: for a file system on a device, and for swap.
const MODULES: &[&str] = &["brd"];

/// A boot, and the tests that run in it.
#[derive(Clone, Copy)]
struct Boot {
    series: &'static Series,
    cgroup: Cgroup,
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

/// A boot for each kernel, and a short one more for each that has version 1.
fn boots(kernels: &[&'static Series], names: &[String]) -> Vec<Boot> {
    let of = |cgroup| move |series: &&'static Series| Boot { series, cgroup };
    let is_v1 = |name: &String| name.starts_with(OF_V1);
    let mut boots = Vec::new();
    if names.is_empty() || !names.iter().all(is_v1) {
        boots.extend(kernels.iter().map(of(Cgroup::V2)));
    }
    if names.is_empty() || names.iter().any(is_v1) {
        let with_v1 = kernels.iter().filter(|series| series.has_v1);
        boots.extend(with_v1.map(of(Cgroup::V1)));
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
    let step = match boot.cgroup {
        Cgroup::V2 => "guest tests",
        Cgroup::V1 => "guest tests, cgroup version 1",
    };
    Row {
        place: boot.series.name.into(),
        step: step.into(),
        passed,
        failed,
        note,
        took: start.elapsed(),
    }
}

/// Arguments for the program, by which it runs what belongs into a boot.
fn selection(boot: Boot, names: &[String]) -> Vec<OsString> {
    let is_v1 = |name: &&String| name.starts_with(OF_V1);
    let mut arguments: Vec<OsString> = Vec::new();
    match boot.cgroup {
        Cgroup::V2 => {
            let names = names.iter().filter(|name| !is_v1(name));
            arguments.extend(names.map(OsString::from));
            arguments.extend(["--skip", OF_V1].map(OsString::from));
        }
        Cgroup::V1 => {
            let names = names.iter().filter(is_v1);
            arguments.extend(names.map(OsString::from));
            if arguments.is_empty() {
                arguments.push(OF_V1.into());
            }
        }
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
    let Boot { series, cgroup } = boot;
    let name = program
        .file_name()
        .context("the test program has no name")?
        .to_owned();
    let arguments = selection(boot, names);
    let expected = libtest::count(program, &arguments).context("ask for the names of the tests")?;
    let command = std::iter::once(name).chain(arguments).collect();
    let mut copies = vec![program.to_owned()];
    copies.extend(module);
    let spec = Spec {
        copies,
        modules: MODULES.iter().map(|name| (*name).to_owned()).collect(),
        cgroup,
        timeout: Some(TIMEOUT),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    let copy = Copy::default();
    let outputs = || {
        // A second boot starts anew: the first one's results are void.
        copy.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let prefix = match cgroup {
            Cgroup::V2 => format!("[{}] ", series.name),
            Cgroup::V1 => format!("[{} v1] ", series.name),
        };
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
