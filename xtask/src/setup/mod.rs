//! `cargo xtask setup`: finds what is needed and fetches what is missing into the user's cache.
//! Nothing is installed on the system.
//!
//! There is no state from earlier runs: each run checks everything anew, which takes well under a
//! second and needs no network.

pub mod apt;
pub mod compiler;
mod headers;
mod kernels;
mod linker;
mod mirror;
mod missing;
mod other_systems;
pub mod progress;
pub mod timings;
pub mod tools;
mod unpack;

use std::fs::{self, File, TryLockError};

use anyhow::{Context, Result, anyhow};

use crate::guest::build;
use crate::kernel::{self, SERIES, Series};
use crate::{first_screen, places};
use missing::Missing;
use progress::say;
use timings::Timings;
use tools::{OF_GUESTS, OF_MODULES, Tool};

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

/// Needs beside the compiler and the linker of the eBPF side.
#[derive(Default)]
pub struct Needs {
    pub tools: Vec<&'static Tool>,
    pub kernels: Vec<&'static Series>,
    /// Kernels to build modules for.
    pub headers: Vec<&'static Series>,
}

impl Needs {
    /// The needs of a guest, with a kernel of ours or one that the user names.
    pub fn guest(series: Option<&'static Series>) -> Self {
        Self {
            tools: OF_GUESTS.iter().collect(),
            kernels: series.into_iter().collect(),
            headers: Vec::new(),
        }
    }

    /// The needs of tests on these kernels.
    pub fn tests(kernels: &[&'static Series]) -> Self {
        let headers = kernels.iter().copied().filter(|one| one.has_modules);
        Self {
            tools: OF_GUESTS.iter().chain(OF_MODULES).collect(),
            kernels: kernels.to_vec(),
            headers: headers.collect(),
        }
    }
}

/// A kernel whose headers are not available: its tests run without modules.
pub type NoHeaders = (&'static Series, anyhow::Error);

/// Makes sure that all needs are there. Prints nothing if they are.
pub fn ensure(needs: &Needs, timings: &mut Timings) -> Result<Vec<NoHeaders>> {
    if Missing::look(needs)?.is_nothing() {
        write_toolchain()?;
        return Ok(Vec::new());
    }
    let cache = places::cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("create {}", cache.display()))?;
    let _lock = lock()?;
    // Another process may have fetched it while we waited.
    let missing = Missing::look(needs)?;
    let without_headers = missing.fetch(timings)?;
    write_toolchain()?;
    Ok(without_headers)
}

/// Prevents two set-ups from writing the same files, as long as the returned file is open.
pub fn lock() -> Result<File> {
    let path = places::cache()?.join("lock");
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("another set-up is at work: waiting for it");
            file.lock().context("wait for the other set-up")?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("lock the cache"),
    }
    Ok(file)
}

/// Writes the compiler of the eBPF side for the build script of memcg-trace.
fn write_toolchain() -> Result<()> {
    let compiler = compiler::find().map_err(|why| anyhow!("no compiler for eBPF: {why}"))?;
    let linker = linker::find().map_err(|why| anyhow!("no bpf-linker: {why}"))?;
    let bin = compiler.bin.display();
    let text = format!(
        "cargo={bin}/cargo\npath={}:{bin}:/usr/bin:/bin\nbuild_std={}\ntoolchain={}\n",
        linker.display(),
        if compiler.build_std { "yes" } else { "no" },
        compiler.toolchain.unwrap_or_default(),
    );
    let path = places::cache()?.join("ebpf-toolchain");
    // An unchanged file must keep its time stamp: it is an input of a build.
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(places::cache()?).context("create the cache folder")?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
