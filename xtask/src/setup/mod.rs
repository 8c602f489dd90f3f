//! `cargo xtask setup`: find what is needed, say what is missing, install that.
//!
//! Nothing is remembered of an earlier run: what is there is looked at each time, which takes
//! well under a second and needs no network.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

pub mod compiler;
pub mod headers;
mod kernels;
mod linker;
pub mod programs;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::kernel::{self, SERIES, Series};
use crate::places;
use compiler::LLVM;
use programs::Missing;

/// Finds or installs what building, running and testing need
#[derive(clap::Args)]
pub struct Arguments {
    /// Go on without this guest kernel (5.10, 6.1, 6.12, 7.0.4, 7.2); can be given more than once
    #[arg(long, value_name = "SERIES")]
    without_kernel: Vec<&'static Series>,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    let without = |series: &&Series| !arguments.without_kernel.contains(series);
    ensure(kernel::all().filter(without))?;
    let kernels: Vec<_> = SERIES.iter().filter(without).collect();
    for (series, error) in headers::ensure(&kernels)? {
        eprintln!(
            "setup: kernel {}: {error:#}; a test that needs a module will not run there",
            series.name
        );
    }
    eprintln!("setup: everything is there");
    Ok(0)
}

/// What is missing, in the order in which it is installed.
struct Plan {
    missing: Vec<Missing>,
    build_linker: bool,
    kernels: Vec<&'static Series>,
}

/// Sees to it that all programs and these kernels are there. Silent if they are.
pub fn ensure(kernels: impl IntoIterator<Item = &'static Series>) -> Result<()> {
    let plan = make_plan(kernels)?;
    plan.announce()?;
    if !plan.missing.is_empty() {
        eprintln!("setup: installing with apt");
        programs::install(&plan.packages())?;
    }
    if plan.build_linker {
        fs::create_dir_all(places::cache()?).context("create the cache folder")?;
        eprintln!("setup: building bpf-linker {}", linker::VERSION);
        linker::install()?;
    }
    let failures = if plan.kernels.is_empty() {
        Vec::new()
    } else {
        kernels::fetch(&plan.kernels)?
    };
    write_toolchain()?;
    for (series, error) in &failures {
        eprintln!("setup: kernel {} cannot be had: {error:#}", series.name);
    }
    if let Some((series, _)) = failures.first() {
        bail!(
            "a kernel is missing; to go on without it: --without-kernel {}",
            series.name
        );
    }
    Ok(())
}

fn make_plan(kernels: impl IntoIterator<Item = &'static Series>) -> Result<Plan> {
    let mut missing = programs::missing();
    if let Err(why) = compiler::find() {
        let what = format!("a Rust compiler for eBPF ({why})");
        let packages = &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];
        missing.push(Missing { what, packages });
    }
    let build_linker = linker::find()?.is_none();
    if build_linker && linker::llvm_prefix().is_none() {
        let what = format!("LLVM {LLVM} with its headers (to build bpf-linker)");
        missing.push(Missing {
            what,
            packages: &["llvm-22-dev"],
        });
    }
    let mut fetch = Vec::new();
    for series in kernels {
        if !series.is_cached()? {
            fetch.push(series);
        }
    }
    Ok(Plan {
        missing,
        build_linker,
        kernels: fetch,
    })
}

impl Plan {
    fn packages(&self) -> Vec<&'static str> {
        self.missing
            .iter()
            .flat_map(|missing| missing.packages)
            .copied()
            .collect()
    }

    /// Says what is about to happen and how much it is, or who has to do it.
    fn announce(&self) -> Result<()> {
        if !self.missing.is_empty() {
            for missing in &self.missing {
                eprintln!("setup: missing: {}", missing.what);
            }
            if !programs::can_install() {
                return self.refuse();
            }
            let packages = self.packages();
            let megabytes = programs::download_size(&packages)?.div_ceil(1_000_000);
            eprintln!(
                "setup: will install with apt ({megabytes} MB): {}",
                packages.join(" ")
            );
        }
        let cache = places::cache()?;
        if self.build_linker {
            let version = linker::VERSION;
            eprintln!(
                "setup: will build bpf-linker {version} in {} (about 10 MB of crates, a minute)",
                cache.display()
            );
        }
        if !self.kernels.is_empty() {
            let names: Vec<_> = self.kernels.iter().map(|series| series.name).collect();
            let megabytes: u64 = self
                .kernels
                .iter()
                .map(|series| series.approximate_mb)
                .sum();
            eprintln!(
                "setup: will fetch guest kernels {} (about {megabytes} MB and up to 20 MB of package indexes) into {}",
                names.join(", "),
                cache.display()
            );
        }
        Ok(())
    }

    fn refuse(&self) -> Result<()> {
        if programs::has_apt() {
            let install = programs::INSTALL
                .iter()
                .filter(|word| **word != "--assume-yes");
            let install: Vec<_> = install.copied().chain(self.packages()).collect();
            eprintln!(
                "setup: as root, run:\n    apt-get update\n    apt-get {}",
                install.join(" ")
            );
            bail!("programs are missing and only root can install them; then run this again");
        }
        eprintln!("setup: install the above with this system's package manager; for the compiler:");
        eprintln!("    rustup toolchain install nightly-2026-05-20 --component rust-src");
        bail!("programs are missing and this is not Debian; install them and run this again");
    }
}

/// Tells the build script of memcg-trace what to compile the eBPF side with.
fn write_toolchain() -> Result<()> {
    let compiler = compiler::find()
        .map_err(|why| anyhow::anyhow!("no compiler for eBPF after installing: {why}"))?;
    let linker = linker::find()?.context("no bpf-linker after installing")?;
    let bin = compiler.bin.display();
    let text = format!(
        "cargo={bin}/cargo\npath={}:{bin}:/usr/bin:/bin\nbuild_std={}\ntoolchain={}\n",
        linker.display(),
        if compiler.build_std { "yes" } else { "no" },
        compiler.toolchain.unwrap_or_default(),
    );
    let path = places::cache()?.join("ebpf-toolchain");
    // Unchanged it must keep its time stamp: it is an input of a build.
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(places::cache()?).context("create the cache folder")?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
