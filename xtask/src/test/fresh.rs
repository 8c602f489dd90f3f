//! `cargo xtask test --fresh`: the README's two commands as a newcomer runs them, an ordinary user
//! with an empty home folder, then once more without network; and a list of changes of the system.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::row::Row;
use crate::{child, places};

/// The user that root switches to.
const ORDINARY: &str = "nobody";
/// Folders that must not change.
const SYSTEM: &[&str] = &["/etc", "/usr", "/opt", "/var"];
/// Folders that running services of this machine write to all the time.
const NOT_OURS: &[&str] = &["/var/log", "/var/tmp"];

/// Runs the commands; `names` are passed to `test`, to run a part of it.
pub fn run(names: &[String]) -> Result<Vec<Row>> {
    let home = tempfile::Builder::new()
        .prefix("memcg-trace-fresh-")
        .tempdir()?;
    let clone = home.path().join("memcg-trace");
    let mut git = Command::new("git");
    git.args(["clone", "--quiet"])
        .arg(places::repository()?)
        .arg(&clone);
    child::run(&mut git).context("clone the repository")?;
    if rustix::process::geteuid().is_root() {
        let mut chown = Command::new("chown");
        chown.args(["-R", ORDINARY]).arg(home.path());
        child::run(&mut chown)?;
    }
    child::read(&mut newcomer(home.path(), &clone, true, &["--version"])?).with_context(|| {
        format!(
            "run cargo as {ORDINARY}: if its folder is closed to other users, copy the toolchain to \
             an open one, and say where by PATH and RUSTUP_HOME"
        )
    })?;
    let before = System::look(home.path())?;
    let test: Vec<&str> = ["test"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut rows = Vec::new();
    for (network, verb) in [
        (true, &["run"][..]),
        (true, &test),
        (false, &["run"]),
        (false, &test),
    ] {
        let step = format!(
            "cargo xtask {}{}",
            verb.join(" "),
            if network { "" } else { ", without network" }
        );
        rows.push(row(step, || {
            let words: Vec<&str> = ["xtask"].iter().chain(verb).copied().collect();
            child::run(&mut newcomer(home.path(), &clone, network, &words)?)
        }));
    }
    rows.push(row("the system is as it was".into(), || {
        before.compare(&System::look(home.path())?)
    }));
    Ok(rows)
}

fn row(step: String, work: impl FnOnce() -> Result<()>) -> Row {
    eprintln!("fresh: {step}");
    let start = Instant::now();
    let result = work();
    if let Err(error) = &result {
        eprintln!("fresh: {error:#}");
    }
    let failed = u64::from(result.is_err());
    Row {
        place: "fresh".into(),
        step,
        passed: 1 - failed,
        failed,
        note: result.err().map(|error| error.to_string()),
        took: start.elapsed(),
        ..Row::default()
    }
}

/// The command of cargo as that user types it, with a clean environment.
fn newcomer(home: &Path, clone: &Path, network: bool, command: &[&str]) -> Result<Command> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    let is_root = rustix::process::geteuid().is_root();
    if !network {
        match is_root {
            true => add(&["unshare", "--net"]),
            false => add(&["unshare", "--map-current-user", "--keep-caps", "--net"]),
        }
        // A host without network has its loopback all the same.
        add(&["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]);
    }
    if is_root {
        let (user, group) = (format!("--reuid={ORDINARY}"), "--clear-groups");
        add(&["setpriv", &user, group]);
    }
    add(&["env", "--ignore-environment"]);
    let kept = [
        "PATH",
        "LANG",
        "CARGO_HTTP_CAINFO",
        "SSL_CERT_FILE",
        "http_proxy",
        "https_proxy",
    ];
    for name in kept {
        if let Ok(value) = env::var(name) {
            add(&[&format!("{name}={value}")]);
        }
    }
    add(&[&format!("HOME={}", home.display()), "TERM=dumb"]);
    add(&[&format!("RUSTUP_HOME={}", rustup_home()?.display())]);
    add(&["cargo"]);
    add(command);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(clone);
    Ok(command)
}

fn rustup_home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("RUSTUP_HOME") {
        return Ok(home.into());
    }
    let home = env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join(".rustup"))
}

/// The installed packages, and a moment.
struct System {
    packages: String,
    /// A file that was made at that moment.
    moment: PathBuf,
}

impl System {
    fn look(folder: &Path) -> Result<Self> {
        let packages = match places::executable("dpkg") {
            Some(dpkg) => child::read(Command::new(dpkg).arg("--list"))?,
            None => String::new(),
        };
        let moment = folder.join("moment");
        if !moment.exists() {
            fs::write(&moment, "").context("note the moment")?;
            // A change in the same tick of the clock would not count as newer.
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { packages, moment })
    }

    fn compare(&self, after: &Self) -> Result<()> {
        ensure!(
            self.packages == after.packages,
            "the list of installed packages changed"
        );
        let mut find = Command::new("find");
        find.args(SYSTEM).arg("-xdev");
        for folder in NOT_OURS {
            find.args(["-path", folder, "-prune", "-o"]);
        }
        find.arg("-newercm").arg(&self.moment).arg("-print");
        // Folders that this user may not read cannot have been changed by this user either.
        let output = find.output().context("start find")?;
        let changed = String::from_utf8_lossy(&output.stdout);
        if let Some(first) = changed.lines().next() {
            let count = changed.lines().count();
            bail!("{count} files of the system changed, {first} for one");
        }
        Ok(())
    }
}
