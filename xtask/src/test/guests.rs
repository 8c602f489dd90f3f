//! The tests that need a kernel: one libtest program, in a guest per kernel, two at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::prefixed::{Copy, Prefixed};
use super::{Row, libtest};
use crate::guest::boot::Outputs;
use crate::guest::build::{self, Binaries};
use crate::guest::{self, Spec};
use crate::interrupt;
use crate::kernel::{Choice, Kernel, Series};

const AT_A_TIME: usize = 2;
const TIMEOUT: Duration = Duration::from_secs(900);

pub fn run(kernels: &[&'static Series]) -> Result<Vec<Row>> {
    if kernels.is_empty() {
        return Ok(Vec::new());
    }
    let binaries = build::binaries(false)?;
    let program = build::target_of_memcg_trace("test", "--test", "guest")?;
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        while let Some(series) = kernels.get(next.fetch_add(1, Ordering::SeqCst)) {
            if interrupt::received().is_some() {
                break;
            }
            let row = test_on(series, &program, &binaries);
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(row);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(kernels.len()) {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|row| kernels.iter().position(|series| series.name == row.place));
    Ok(rows)
}

/// A guest that could not even be tried is a failed one.
fn test_on(series: &'static Series, program: &std::path::Path, binaries: &Binaries) -> Row {
    let start = Instant::now();
    let (passed, failed, note) = match try_on(series, program.into(), binaries) {
        Ok(result) => result,
        Err(error) => (0, 1, Some(format!("{error:#}"))),
    };
    let (place, step) = (series.name.into(), "guest tests".into());
    Row {
        place,
        step,
        passed,
        failed,
        note,
        took: start.elapsed(),
    }
}

fn try_on(
    series: &'static Series,
    program: PathBuf,
    binaries: &Binaries,
) -> Result<(u64, u64, Option<String>)> {
    let name = program
        .file_name()
        .context("the test program has no name")?
        .to_owned();
    let command = vec![name, "--test-threads=1".into(), "--nocapture".into()];
    let spec = Spec {
        copies: vec![program],
        timeout: Some(TIMEOUT),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    let copy = Copy::default();
    let outputs = || {
        // A second boot starts anew: the first one's results are void.
        copy.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let prefix = format!("[{}] ", series.name);
        Outputs {
            stdout: Box::new(Prefixed::new(prefix.clone(), copy.clone())),
            stderr: Box::new(Prefixed::new(prefix, Copy::default())),
        }
    };
    let ending = guest::run(&spec, binaries, outputs)?;
    let output = copy.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(libtest::judge(&ending, &String::from_utf8_lossy(&output)))
}
