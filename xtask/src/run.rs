//! `cargo xtask run`: memcg-trace on this host, or if the host cannot be traced, in a guest with a
//! demo.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::termios;
use serde_json::Value;

use crate::guest::{self, Spec, build, terminal};
use crate::kernel::{self, Choice, Kernel};
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};
use crate::{child, places};

/// Builds memcg-trace and runs it here, or in a guest if this host cannot be traced
#[derive(clap::Args)]
pub struct Arguments {
    /// Run on this host, whatever it can do
    #[arg(long, conflicts_with = "guest")]
    host: bool,
    /// Run in a guest with this kernel: a series or an image's path
    #[arg(
        long,
        value_name = "KERNEL",
        num_args = 0..=1,
        default_missing_value = kernel::DEFAULT,
    )]
    guest: Option<Choice>,
    /// Arguments for memcg-trace
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// The demo starts first and in the background; the shell then becomes memcg-trace.
const WITH_DEMO: &str = r#"demo >/dev/null 2>&1 & exec memcg-trace "$@""#;

pub fn main(arguments: &Arguments) -> Result<u8> {
    let kernel = match &arguments.guest {
        Some(kernel) => kernel.clone(),
        None => {
            setup::ensure(&Needs::default(), &mut Timings::default())?;
            let program = build::binaries(false)?.memcg_trace;
            let program = program.context("it was not built")?;
            match choose(&program, arguments.host)? {
                Place::Host(mut command) => {
                    // `exec`, so that memcg-trace gets the signals and the terminal.
                    command.args(&arguments.arguments);
                    return Err(command.exec())
                        .with_context(|| format!("start {}", child::line(&command)));
                }
                Place::Guest => Choice::Series(kernel::DEFAULT.parse()?),
            }
        }
    };
    in_guest(&kernel, &arguments.arguments)
}

/// The place to run in.
enum Place {
    /// This host, by this command.
    Host(Command),
    Guest,
}

/// Chooses this host if it can be traced, with sudo if that helps and somebody is there to type the
/// password.
fn choose(program: &Path, host_is_asked_for: bool) -> Result<Place> {
    let plain = || Command::new(program);
    let with_sudo = || {
        let mut sudo = Command::new("sudo");
        sudo.arg("--").arg(program);
        sudo
    };
    let can_ask = places::executable("sudo").is_some() && termios::isatty(io::stdin());
    let first = ask(plain(), rustix::process::geteuid().is_root())?;
    let why = match first {
        Host::Ready => return Ok(Place::Host(plain())),
        Host::NeedsRoot if can_ask => {
            eprintln!("run: tracing this host needs privileges: asking sudo");
            match ask(with_sudo(), true) {
                Ok(Host::Ready) => return Ok(Place::Host(with_sudo())),
                Ok(Host::NeedsRoot) => "root is not let trace it".into(),
                Ok(Host::Unable(why)) => why,
                Err(error) => format!("{error:#}"),
            }
        }
        Host::NeedsRoot => format!("it needs privileges; as root: {}", program.display()),
        Host::Unable(why) => why,
    };
    if host_is_asked_for {
        return Ok(Place::Host(plain()));
    }
    eprintln!("run: this host cannot be traced ({why}): running in a guest");
    Ok(Place::Guest)
}

fn in_guest(kernel: &Choice, arguments: &[OsString]) -> Result<u8> {
    guest::set_up(kernel)?;
    let mut command: Vec<OsString> = ["sh", "-c", WITH_DEMO, "sh"].map(OsString::from).into();
    command.extend_from_slice(arguments);
    let spec = Spec {
        terminal: terminal::ours(),
        ..Spec::new(Kernel::find(kernel)?, command)
    };
    let binaries = build::binaries(false)?;
    if spec.terminal.is_some() {
        eprintln!("run: starting the guest; Ctrl-] ends one that no longer listens");
    }
    Ok(guest::run(&spec, &binaries, guest::ours)?.status())
}

/// Verdict on this host.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    Ready,
    NeedsRoot,
    /// The reason, in one line.
    Unable(String),
}

/// Asks memcg-trace itself, since it knows its needs.
fn ask(mut doctor: Command, is_root: bool) -> Result<Host> {
    let output = doctor.args(["doctor", "--json"]).output();
    let output = output.with_context(|| format!("start {}", child::line(&doctor)))?;
    let document: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        let why = String::from_utf8_lossy(&output.stderr);
        format!(
            "{} ({}): {}",
            child::line(&doctor),
            output.status,
            why.trim()
        )
    })?;
    Ok(judge(&document, is_root))
}

/// Reads a `doctor` document.
fn judge(document: &Value, root: bool) -> Host {
    let doctor = &document["data"]["items"][0];
    if doctor["verdict"] != "unable" {
        return Host::Ready;
    }
    let facts = doctor["facts"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let text = |fact: &Value, key: &str| fact[key].as_str().unwrap_or_default().to_owned();
    let missing: Vec<&Value> = facts.iter().filter(|fact| fact["ok"] == false).collect();
    let is_privilege = |fact: &&Value| {
        let name = text(fact, "name").to_lowercase();
        name.contains("cap") || name.contains("privilege")
    };
    // Without privileges other facts are unreadable as well; but anyone can see a lockdown.
    let lockdown = |fact: &&Value| text(fact, "name").contains("lockdown");
    if !root && missing.iter().any(is_privilege) && !missing.iter().any(lockdown) {
        return Host::NeedsRoot;
    }
    let why = missing
        .iter()
        .map(|fact| format!("{}: {}", text(fact, "name"), text(fact, "value")));
    let why = why.collect::<Vec<_>>().join(", ");
    Host::Unable(if why.is_empty() {
        "doctor gives no reason".into()
    } else {
        why
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(verdict: &str, facts: &[(&str, &str, bool)]) -> Value {
        let facts: Vec<_> = facts
            .iter()
            .map(|(name, value, ok)| json!({"name": name, "value": value, "ok": ok}))
            .collect();
        json!({"data": {"items": [{"verdict": verdict, "facts": facts}]}})
    }

    #[test]
    fn sudo_only_if_it_would_help() {
        let no_cap = ("cap_bpf", "not held", false);
        let locked = ("lockdown", "confidentiality", false);
        let fine = ("btf", "there", true);
        assert_eq!(judge(&document("ready", &[fine]), false), Host::Ready);
        assert_eq!(judge(&document("partial", &[no_cap]), false), Host::Ready);
        assert_eq!(
            judge(&document("unable", &[fine, no_cap]), false),
            Host::NeedsRoot
        );
        let why = Host::Unable("cap_bpf: not held".into());
        assert_eq!(judge(&document("unable", &[fine, no_cap]), true), why);
        let why = Host::Unable("cap_bpf: not held, lockdown: confidentiality".into());
        assert_eq!(judge(&document("unable", &[no_cap, locked]), false), why);
    }
}
