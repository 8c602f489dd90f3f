//! `cargo xtask test --shell NAME`: the guest of one test, with a shell instead of the test.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use anyhow::{Context as _, Result, bail};

use super::arguments::Arguments;
use super::boots::boots;
use super::{guests, libtest, module};
use crate::guest::build;
use crate::guest::{self, terminal};
use crate::kernel::{self, REAP_DEADLOCK, Series};

/// Boots the guest of a test, on the default kernel if that is among `kernels` and has the test:
/// its modules, memory and kernel parameters, and the test program in `/bin`.
pub fn run(name: &str, kernels: &[&'static Series], arguments: &Arguments) -> Result<u8> {
    let Some(terminal) = terminal::ours() else {
        bail!("a shell needs a terminal: standard input or output is none");
    };
    let (program, binaries) = build::with_target("test", "--test", "guest")?;
    let names = libtest::whole_names(&program, &[name.to_owned()])?;
    let boots = boots(kernels, &names, arguments.long);
    let usual = boots
        .iter()
        .find(|boot| boot.series.name == kernel::DEFAULT);
    let boot = usual.or(boots.first()).copied();
    let boot = boot.with_context(|| format!("no kernel that is asked for has {name}"))?;
    let modules = match *boot.series != REAP_DEADLOCK && boot.tests.want_modules() {
        true => module::build(boot.series)?,
        false => Vec::new(),
    };
    let binaries = guests::programs(boot, &binaries);
    let mut spec = guests::spec(
        boot,
        arguments,
        &program,
        &binaries,
        &modules,
        vec!["sh".into()],
    )?;
    spec.terminal = Some(terminal);
    spec.timeout = None;
    let file = program
        .file_name()
        .context("the test program has no name")?;
    eprintln!(
        "kernel {}{}: `{} {name} --test-threads=1 --nocapture` runs the test, Ctrl-] leaves",
        boot.series.name,
        boot.tests.note(),
        file.display()
    );
    Ok(guest::run(&spec, &binaries, guest::ours)?.status())
}
