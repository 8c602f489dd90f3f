//! The verb: which checks and tests run, one step after the other.

use std::fs;

use anyhow::{Context as _, Result};

use super::arguments::Arguments;
use super::busy::Busy;
use super::row::Row;
use super::{dumps, fleet, fresh, guests, host, report, shell};
use crate::interrupt;
use crate::kernel;
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

/// A step on this host.
type Step = fn() -> Row;

/// Steps that only `--long` has, by the names that ask for one of them.
const LONG: [(&str, Step); 4] = [
    ("packages", host::packages),
    ("alerts", fleet::alerts),
    ("dashboard", fleet::dashboard),
    ("questions", fleet::questions),
];

/// The name that stands for the dumps of guests, which are read on this host.
const DUMPS: &str = "dumps";

pub fn main(arguments: &Arguments) -> Result<u8> {
    if arguments.fresh {
        let rows = fresh::run(&arguments.names)?;
        return Ok(u8::from(!report::print(&rows, arguments)));
    }
    let is_step = |name: &String| LONG.iter().any(|(step, _)| step == name);
    let (steps, names): (Vec<_>, Vec<_>) = arguments.names.iter().cloned().partition(is_step);
    let is_all = arguments.names.is_empty();
    // Those who ask for steps alone want no guests.
    let has_guests = !arguments.host_only && (is_all || !names.is_empty());
    let arguments = &Arguments {
        names,
        ..arguments.clone()
    };
    let kernels: Vec<_> = kernel::all()
        .filter(|_| has_guests)
        .filter(|series| arguments.kernel.is_empty() || arguments.kernel.contains(series))
        .filter(|series| !arguments.without_kernel.contains(series))
        .collect();
    let without_module = setup::ensure(&Needs::tests(&kernels), &mut Timings::default())?;
    if let Some(folder) = &arguments.keep_console {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    if let Some(name) = &arguments.shell {
        return shell::run(name, &kernels, arguments);
    }
    let _busy = arguments.busy.then(Busy::start);
    let mut rows = Vec::new();
    if is_all {
        rows.extend(host::run());
    }
    for (step, run) in LONG {
        if is_all && arguments.long || steps.iter().any(|name| name == step) {
            rows.push(run());
        }
    }
    let only_dumps = arguments.names == [DUMPS];
    if is_all || only_dumps {
        rows.extend(dumps::run(&kernels));
    }
    if !only_dumps {
        rows.extend(guests::run(&kernels, arguments, &without_module)?);
    }
    if let Some(signal) = interrupt::received() {
        return Ok(128 + signal);
    }
    Ok(u8::from(!report::print(&rows, arguments)))
}
