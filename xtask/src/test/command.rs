//! The verb: which checks and tests run, one step after the other.

use std::fs;

use anyhow::{Context as _, Result};

use super::arguments::Arguments;
use super::busy::Busy;
use super::{fleet, fresh, guests, host, report, shell};
use crate::interrupt;
use crate::kernel;
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

pub fn main(arguments: &Arguments) -> Result<u8> {
    if arguments.fresh {
        let rows = fresh::run(&arguments.names)?;
        return Ok(u8::from(!report::print(&rows, arguments)));
    }
    let kernels: Vec<_> = kernel::all()
        .filter(|_| !arguments.host_only)
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
    if arguments.names.is_empty() {
        rows.extend(host::run());
        if arguments.long {
            rows.push(host::packages());
            rows.push(fleet::alerts());
            rows.push(fleet::dashboard());
            rows.push(fleet::questions());
        }
    }
    rows.extend(guests::run(&kernels, arguments, &without_module)?);
    if let Some(signal) = interrupt::received() {
        return Ok(128 + signal);
    }
    Ok(u8::from(!report::print(&rows, arguments)))
}
