//! Cost of tracing, on a real kernel, in a guest whose clocks count instructions.
//!
//! `cargo xtask bench` runs this as root in a guest under `-icount shift=0`: a nanosecond is an
//! instruction, and idle time is skipped, so figures repeat within a few per cent. All instructions
//! weigh the same, since there are no caches. Nothing is asserted: it prints tables.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints what it measured"
)]

mod cases;
mod guest;
mod locks;
mod many;
mod pins;
mod programs;
mod readers;
mod reclaim;
mod slab;
mod slabs;
mod start;
mod storm;
mod subjects;
mod table;
mod tool;
mod walk;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use memcg_trace::kernel::hooks::facts::{Facts, Needs};

/// Number of cgroups for the walk and for the program itself.
const CGROUPS: usize = 1000;

type Report = fn(&Facts) -> Result<()>;

const REPORTS: &[(&str, Report)] = &[
    ("readers", |_| readers::report()),
    ("start", |_| start::report()),
    ("pins", pins::report),
    ("slab", slab::report),
    ("slabs", slabs::report),
    ("subjects", subjects::report),
    ("locks", locks::report),
    ("reclaim", reclaim::report),
    ("walk", |facts| {
        let _cgroups = guest::many(CGROUPS)?;
        walk::report(facts)?;
        tool::report()
    }),
    ("many", many::report),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut names = std::env::args().skip(1).peekable();
    if names.next_if(|name| name == readers::VERB).is_some() {
        return readers::child(&names.next().context("what to read")?);
    }
    if !std::fs::exists(tool::PROGRAM)? {
        bail!("this needs root on a kernel of its own: run `cargo xtask bench`");
    }
    let facts = Facts::gather(Needs {
        trampolines: true,
        address_names: true,
    });
    if let Some(why) = facts.unable() {
        bail!("{why}");
    }
    println!(
        "memcg-trace on {}: a nanosecond is an instruction",
        facts.kernel
    );
    // All benchmarks, or those that are named.
    let named: Vec<String> = names.collect();
    for (name, report) in REPORTS {
        if named.is_empty() || named.iter().any(|one| one == name) {
            report(&facts)?;
        }
    }
    Ok(())
}
