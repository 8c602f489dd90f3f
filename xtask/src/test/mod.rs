//! `cargo xtask test`: all checks and tests, on this host and in a guest for each kernel.

mod apart;
mod boots;
mod busy;
mod fresh;
mod guests;
mod host;
mod libtest;
mod module;
mod prefixed;
mod report;
mod shell;
mod times;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use busy::Busy;
use times::Time;

use crate::interrupt;
use crate::kernel::{self, Series};
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

/// Runs all checks and tests: on this host, then in a guest per kernel
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this kernel's guest (5.10, 6.1, 6.12, 7.0.4, 7.2); can be given more than once
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<&'static Series>,
    /// No guests
    #[arg(long, conflicts_with_all = ["kernel", "without_kernel"])]
    host_only: bool,
    /// Pass although this kernel is not tested; can be given more than once
    #[arg(long, value_name = "SERIES")]
    without_kernel: Vec<&'static Series>,
    /// Let the storm over locks blow for ten minutes in any case
    #[arg(long)]
    long: bool,
    /// Beside a busy loop on each processor: no test may depend on speed
    #[arg(long)]
    busy: bool,
    /// Guests at a time; one more than there are processors, since tests wait now and then
    #[arg(long, value_name = "NUMBER")]
    lanes: Option<usize>,
    /// Number of tests whose times are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    slowest: usize,
    /// Keep the console of each guest's kernel in a file of this folder
    #[arg(long, value_name = "FOLDER")]
    keep_console: Option<PathBuf>,
    /// Instead: run the README's two commands as an ordinary user with an empty home folder, then
    /// without network, and fail if anything of the system changed. Takes twice as long as a test
    #[arg(long, conflicts_with_all = ["kernel", "host_only", "without_kernel", "long"])]
    fresh: bool,
    /// Instead: boot the guest that this test needs, and leave a shell in it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["host_only", "busy", "fresh", "names"])]
    shell: Option<String>,
    /// Only guest tests whose names contain one of these, and no checks on this host
    #[arg(value_name = "NAME", conflicts_with = "host_only")]
    names: Vec<String>,
}

/// A row of the final table.
#[derive(Default)]
pub struct Row {
    /// `host`, or the kernel.
    place: String,
    step: String,
    passed: u64,
    failed: u64,
    /// The reason, where the counts do not tell.
    note: Option<String>,
    took: Duration,
    /// Times of the tests of a guest.
    tests: Vec<Time>,
    /// Names of the failed tests of a guest.
    failures: Vec<String>,
}

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
    }
    rows.extend(guests::run(&kernels, arguments, &without_module)?);
    if let Some(signal) = interrupt::received() {
        return Ok(128 + signal);
    }
    Ok(u8::from(!report::print(&rows, arguments)))
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
