//! Checks and tests that need no kernel of ours.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::env;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::row::Row;
use crate::{child, dist, places};

/// Arguments of cargo.
const STEPS: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &[
        "fmt",
        "--manifest-path",
        "memcg-trace-ebpf/Cargo.toml",
        "--check",
    ],
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ],
    // Targets that run in guests are not among all targets, since a host's `cargo test` must not
    // run them.
    &[
        "clippy",
        "--package",
        "memcg-trace",
        "--test",
        "guest",
        "--bench",
        "guest",
        "--",
        "--deny",
        "warnings",
    ],
    // Without the feature `live` memcg-trace is another program: the replay-only one.
    &[
        "clippy",
        "--package",
        "memcg-trace",
        "--no-default-features",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ],
    &["test", "--workspace"],
    // The tests that start it: the library's code is that of the other program.
    &[
        "test",
        "--package",
        "memcg-trace",
        "--no-default-features",
        "--bins",
        "--test",
        "cli*",
    ],
];

/// Runs all steps, also after one that failed, so that all failures can be fixed together.
pub fn run() -> Vec<Row> {
    let mut rows = Vec::new();
    for arguments in STEPS {
        let step = format!("cargo {}", arguments.join(" "));
        rows.push(row(step, || child::run(cargo()?.args(*arguments))));
    }
    rows.push(row("no aya in the replay-only build".into(), no_aya));
    rows
}

/// Makes the packages, and tries them in a guest with Debian.
pub fn packages() -> Row {
    row("packages".into(), || dist::packages(true))
}

/// Runs a check.
pub(super) fn row(step: String, check: impl FnOnce() -> Result<()>) -> Row {
    eprintln!("test: {step}");
    let start = Instant::now();
    let failed = match check() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("test: {error:#}");
            1
        }
    };
    let (passed, place) = (1 - failed, "host".into());
    Row {
        place,
        step,
        passed,
        failed,
        took: start.elapsed(),
        ..Row::default()
    }
}

/// Cargo, in the repository.
pub(super) fn cargo() -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(places::repository()?);
    Ok(command)
}

/// Checks that the model and the views have no dependency that reaches the kernel.
fn no_aya() -> Result<()> {
    let tree = child::read(cargo()?.args([
        "tree",
        "--package",
        "memcg-trace",
        "--no-default-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ]))
    .context("list what memcg-trace depends on")?;
    ensure!(
        tree.starts_with("memcg-trace v"),
        "this is not its dependencies: {tree}"
    );
    let aya = tree.lines().find(|line| line.starts_with("aya"));
    ensure!(aya.is_none(), "it depends on {}", aya.unwrap_or_default());
    Ok(())
}
