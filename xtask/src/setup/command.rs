//! The verb: everything that building, running and testing need.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use anyhow::Result;

use super::ensure::ensure;
use super::needs::Needs;
use super::progress::say;
use super::timings::Timings;
use super::tools::{OF_GUESTS, OF_MODULES};
use crate::first_screen;
use crate::guest::build;
use crate::kernel::{self, SERIES, Series};

/// Finds or fetches what building, running and testing need
#[derive(clap::Args)]
pub struct Arguments {
    /// Continue without this guest kernel (5.10, 6.1, 6.12, 7.0.4, 7.2); can be given more than
    /// once
    #[arg(long, value_name = "SERIES")]
    without_kernel: Vec<&'static Series>,
    /// Do what a first `cargo xtask run` does, up to the first screen of the default guest, and
    /// print how long each step took
    #[arg(long, conflicts_with = "without_kernel")]
    timings: bool,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    let mut timings = Timings::default();
    if arguments.timings {
        let series = kernel::DEFAULT.parse()?;
        ensure(&Needs::guest(Some(series)), &mut timings)?;
        let binaries = timings.step("memcg-trace and what runs in guests, built", None, || {
            build::binaries(false)
        })?;
        let name = format!("guest {}, to the first screen", series.name);
        timings.step(name, None, || first_screen::wait_for(series, &binaries))?;
        eprint!("{}", timings.table());
        return Ok(0);
    }
    let without = |series: &&Series| !arguments.without_kernel.contains(series);
    let needs = Needs {
        tools: OF_GUESTS.iter().chain(OF_MODULES).collect(),
        kernels: kernel::all().filter(without).collect(),
        headers: SERIES.iter().filter(without).collect(),
    };
    for (series, error) in ensure(&needs, &mut timings)? {
        say(&format!(
            "kernel {}: {error:#}; a test that needs a module will not run there",
            series.name
        ));
    }
    say("everything is there");
    Ok(0)
}
