//! PID 1 of a guest: mounts the file systems of a host, runs one command, and reports how it ended.
//! If a system is booted from a disk, it starts the init of that system, which starts it again as a
//! service.
//!
//! Each error here is a [`Report::Failed`]; if even the report fails, the guest ends without one,
//! which xtask detects.
#![expect(
    clippy::print_stderr,
    reason = "standard error is the console, read by people"
)]

mod cgroup;
mod disk;
mod mounts;
mod ports;
mod session;

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use memcg_trace_guest::{Port, Report, SETTINGS, Settings};
use rustix::system::RebootCommand;

fn main() {
    let stays = attend().unwrap_or_else(|error| {
        // The control port itself failed: only the console is left.
        eprintln!("init: {error:#}");
        false
    });
    if !stays && let Err(error) = rustix::system::reboot(RebootCommand::PowerOff) {
        eprintln!("init: power off: {error}");
    }
    // PID 1 must not return: the kernel would panic and hide the messages above.
    loop {
        std::thread::park();
    }
}

/// Returns whether the guest is to stay after the report.
fn attend() -> Result<bool> {
    let is_service = !rustix::process::getpid().is_init();
    if !is_service {
        mounts::devices()?;
    }
    let mut control = ports::open_raw(Port::Control)?;
    let settings = settings();
    let stays = settings.as_ref().is_ok_and(|settings| settings.stays);
    let status = settings.and_then(|settings| run(&settings, &mut control, is_service));
    let report = match status {
        Ok(status) => Report::Ended(status),
        Err(error) => Report::Failed(format!("{error:#}")),
    };
    say(&mut control, &report)?;
    Ok(stays)
}

fn settings() -> Result<Settings> {
    let settings = fs::read(SETTINGS).with_context(|| format!("read {SETTINGS}"))?;
    Settings::decode(&settings)
}

fn run(settings: &Settings, control: &mut File, is_service: bool) -> Result<u8> {
    if !is_service {
        if settings.boots_disk {
            load_modules(settings)?;
            return Err(disk::boot());
        }
        set_up(settings)?;
    }
    // The command must not write to this port: its reports decide whether a test passed.
    fs::remove_file(Port::Control.device()).context("hide the control port")?;
    let started = control.try_clone().context("clone the control port")?;
    session::run(settings, control, || say(&mut &started, &Report::Started))
}

fn set_up(settings: &Settings) -> Result<()> {
    mounts::all()?;
    // Records and screens show the name of their host.
    rustix::system::sethostname(b"guest").context("set the host's name")?;
    install_applets()?;
    cgroup::mount(settings.cgroup)?;
    load_modules(settings)?;
    loopback_up();
    Ok(())
}

fn load_modules(settings: &Settings) -> Result<()> {
    settings
        .modules
        .iter()
        .try_for_each(|path| load_module(path))
}

fn say(mut control: impl Write, report: &Report) -> Result<()> {
    writeln!(control, "{}", report.encode()).context("write to the control port")
}

fn install_applets() -> Result<()> {
    let status = Command::new("/bin/busybox")
        .args(["--install", "-s", "/bin"])
        // busybox complains about each name that a copied file already has.
        .stderr(Stdio::null())
        .status()
        .context("start busybox")?;
    ensure!(status.code().is_some(), "busybox --install: {status}");
    Ok(())
}

fn load_module(path: &str) -> Result<()> {
    let file = File::open(path).with_context(|| format!("open {path}"))?;
    match rustix::system::finit_module(&file, &CString::default(), 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("load {path}")),
    }
}

/// Sets up the loopback device. Programs that use 127.0.0.1 are common; a guest without it is still
/// useful.
fn loopback_up() {
    match Command::new("/bin/ip")
        .args(["link", "set", "lo", "up"])
        .status()
    {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("init: set lo up: {status}"),
        Err(error) => eprintln!("init: set lo up: {error}"),
    }
}
