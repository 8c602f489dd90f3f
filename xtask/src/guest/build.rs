//! Builds of programs for guests: static, since guests have no libraries.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::places;

/// The programs that every guest has.
#[derive(Clone, Debug)]
pub struct Binaries {
    pub init: PathBuf,
    pub demo: PathBuf,
    /// `None` in a bare guest.
    pub memcg_trace: Option<PathBuf>,
}

/// Builds the programs, unless they are built. `bare` leaves memcg-trace out.
pub fn binaries(bare: bool) -> Result<Binaries> {
    let mut command = cargo("build")?;
    command.args(["--bins", "--package", "memcg-trace-guest"]);
    if !bare {
        command.args(["--package", "memcg-trace"]);
    }
    child::run(&mut command).context("build what runs in guests")?;
    let folder = places::release()?;
    Ok(Binaries {
        init: folder.join("init"),
        demo: folder.join("demo"),
        memcg_trace: (!bare).then(|| folder.join("memcg-trace")),
    })
}

/// Builds the one executable of a target of memcg-trace (`--test guest`, `--bench guest`), and the
/// programs. Cargo builds memcg-trace with such a target. By itself, it would be compiled once
/// more, with the features of its own dependencies only.
pub fn with_target(verb: &str, kind: &str, name: &str) -> Result<(PathBuf, Binaries)> {
    let program = target_of_memcg_trace(verb, kind, name)?;
    let memcg_trace = Some(places::release()?.join("memcg-trace"));
    let binaries = Binaries {
        memcg_trace,
        ..binaries(true)?
    };
    Ok((program, binaries))
}

fn target_of_memcg_trace(verb: &str, kind: &str, name: &str) -> Result<PathBuf> {
    let mut command = cargo(verb)?;
    command.args(["--package", "memcg-trace", kind, name, "--no-run"]);
    command.arg("--message-format=json-render-diagnostics");
    let messages = child::read_keeping_errors(&mut command)?;
    executable(&messages, name)
        .with_context(|| format!("{} built no executable", child::line(&command)))
}

/// The executable of target `name` in cargo's messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(Path::new(message["executable"].as_str()?).to_path_buf()))
}

/// A cargo command with the flags of `cargo build --release`, whatever flags the caller's
/// environment sets: the guest has no dynamic linker.
fn cargo(verb: &str) -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(places::repository()?);
    command.args([verb, "--target", places::TARGET]);
    // On a terminal, cargo shows its progress.
    if !rustix::termios::isatty(std::io::stderr()) {
        command.arg("--quiet");
    }
    if verb != "bench" {
        command.arg("--release");
    }
    // This variable takes precedence over all other flags.
    command.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_of_the_target() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"memcg_trace"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}
            {"reason":"compiler-artifact","target":{"name":"guest"},"executable":"/t/guest-1"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "guest").as_deref(),
            Some(Path::new("/t/guest-1"))
        );
        assert_eq!(executable(messages, "memcg_trace"), None);
    }
}
