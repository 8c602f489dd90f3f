//! Missing tools and kernels, and their downloads.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use anyhow::{Context, Result, anyhow, bail};

use super::apt::{self, Apt};
use super::needs::{Needs, NoHeaders};
use super::progress::{megabytes, say};
use super::timings::Timings;
use super::tools::{self, RUSTC, Tool};
use super::{compiler, headers, kernels, linker, other_systems};
use crate::kernel::Series;
use crate::places;

/// The things that are missing.
pub struct Missing {
    /// The reasons why no compiler fits.
    compiler: Option<String>,
    /// The reasons why no linker fits.
    linker: Option<String>,
    tools: Vec<&'static Tool>,
    kernels: Vec<&'static Series>,
    headers: Vec<&'static Series>,
}

impl Missing {
    pub fn look(needs: &Needs) -> Result<Self> {
        let mut kernels = Vec::new();
        for series in &needs.kernels {
            if !series.is_cached()? {
                kernels.push(*series);
            }
        }
        let mut headers = Vec::new();
        for series in &needs.headers {
            if !series.headers()?.exists() {
                headers.push(*series);
            }
        }
        let tools = needs.tools.iter().copied();
        Ok(Self {
            compiler: compiler::find().err(),
            linker: linker::find().err(),
            tools: tools.filter(|tool| tool.find().is_none()).collect(),
            kernels,
            headers,
        })
    }

    pub fn is_nothing(&self) -> bool {
        self.names().is_empty()
    }

    /// A name for each missing thing, for people.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let compiler = self.compiler.iter();
        names.extend(compiler.map(|_| "a compiler of Rust for eBPF".to_owned()));
        let linker = self.linker.iter();
        names.extend(linker.map(|_| format!("bpf-linker {}", linker::VERSION)));
        names.extend(self.tools.iter().map(|tool| tool.name.to_owned()));
        let kernels = self.kernels.iter();
        names.extend(kernels.map(|series| format!("kernel {}", series.name)));
        let headers = self.headers.iter();
        names.extend(headers.map(|series| format!("headers of kernel {}", series.name)));
        names
    }

    /// Names of the packages that have the missing things, except kernels.
    fn packages(&self) -> Vec<&'static str> {
        let of_compiler = self.compiler.iter().map(|_| RUSTC.packages);
        let mut packages: Vec<_> = of_compiler
            .chain(self.tools.iter().map(|tool| tool.packages))
            .flatten()
            .copied()
            .collect();
        // The compiler's package has LLVM, too.
        let no_llvm = || matches!(linker::llvm_prefix(), Ok(None));
        if self.linker.is_some() && self.compiler.is_none() && no_llvm() {
            packages.push("libllvm22");
        }
        packages
    }

    fn suites(&self) -> Vec<&'static str> {
        let of_kernels = self.kernels.iter().chain(&self.headers);
        let of_kernels = of_kernels.flat_map(|series| series.suites).copied();
        let mut suites: Vec<_> = match self.packages().is_empty() {
            true => of_kernels.collect(),
            false => tools::SUITES.iter().copied().chain(of_kernels).collect(),
        };
        suites.sort_unstable();
        suites.dedup();
        suites
    }

    /// Fetches everything that is missing; returns the kernels whose headers are not available.
    pub fn fetch(&self, timings: &mut Timings) -> Result<Vec<NoHeaders>> {
        if self.is_nothing() {
            return Ok(Vec::new());
        }
        let mut apt = match apt::is_here() {
            true => Apt::new().map_err(|error| format!("{error:#}")),
            false => Err("there is no apt".into()),
        }
        .map_err(|why| {
            let unfit = [&self.compiler, &self.linker].map(|why| why.as_deref());
            eprint!("{}", other_systems::advice(&self.names(), &why, &unfit));
            anyhow!("something is missing that cannot be fetched here; see above")
        })?;
        let cache = places::cache()?;
        say(&format!(
            "fetching into {} and using from there, nothing is installed: {}",
            cache.display(),
            self.names().join(", ")
        ));
        let suites = self.suites();
        let unread = timings.step("package indexes", None, || apt.refresh(&suites))?;
        let mut failures = unread
            .iter()
            .filter(|(suite, _)| tools::SUITES.contains(suite));
        let packages = self.packages();
        if let (Some((suite, why)), false) = (failures.next(), packages.is_empty()) {
            bail!("read the package index of {suite}: {why}");
        }
        if !packages.is_empty() {
            self.fetch_packages(&apt, &packages, timings)?;
        }
        if self.linker.is_some() {
            say(&format!(
                "building bpf-linker {} (about half a minute)",
                linker::VERSION
            ));
            timings.step("bpf-linker, built", None, linker::install)?;
        }
        let mut failed = None;
        for series in &self.kernels {
            let name = format!("kernel {}", series.name);
            let bytes = series.approximate_mb * 1_000_000;
            let result = timings.step(name, Some(bytes), || kernels::fetch(series, &apt));
            if let Err(error) = result {
                let unread = unread
                    .iter()
                    .filter(|(suite, _)| series.suites.contains(suite));
                let unread: String = unread
                    .map(|(suite, why)| format!("; {suite}: {why}"))
                    .collect();
                say(&format!(
                    "kernel {} cannot be had: {error:#}{unread}",
                    series.name
                ));
                failed = failed.or(Some(series.name));
            }
        }
        if let Some(name) = failed {
            bail!("a kernel is missing; to continue without it: --without-kernel {name}");
        }
        let mut without_headers = Vec::new();
        for series in &self.headers {
            let name = format!("headers of kernel {}", series.name);
            let result = timings.step(name, None, || headers::fetch(series, &apt));
            if let Err(error) = result {
                without_headers.push((*series, error.context("its headers cannot be had")));
            }
        }
        Ok(without_headers)
    }

    fn fetch_packages(&self, apt: &Apt, names: &[&str], timings: &mut Timings) -> Result<()> {
        let packages = tools::packages(apt, names)?;
        let bytes = packages.iter().map(|package| package.bytes).sum();
        say(&format!(
            "{} packages, {} MB",
            packages.len(),
            megabytes(bytes)
        ));
        let compiler = self.compiler.as_ref().map(|_| &RUSTC);
        let tools: Vec<_> = self.tools.iter().copied().chain(compiler).collect();
        let name = format!("{} packages, fetched and unpacked", packages.len());
        timings.step(name, Some(bytes), || tools::install(apt, &packages, &tools))?;
        for tool in &self.tools {
            tool.find()
                .with_context(|| format!("no {} in the packages that should have it", tool.name))?;
        }
        compiler::find().map_err(|why| anyhow!("no compiler for eBPF after fetching: {why}"))?;
        Ok(())
    }
}
