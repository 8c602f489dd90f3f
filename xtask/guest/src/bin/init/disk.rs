//! Boot of the system on the guest's disk.

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, ensure};
use memcg_trace_guest::SETTINGS;
use rustix::mount::{MountFlags, mount, mount_move};

const DISK: &str = "/dev/vda";
const ROOT: &str = "/root";
/// The folder for our programs: tests look for them in `/bin`, which is a link to it.
const PROGRAMS: &str = "usr/bin";

/// This program as a service, started when the system is up.
const SERVICE: &str = "\
[Unit]
Description=The command of this guest
After=multi-user.target

[Service]
Type=simple
ExecStart=/usr/bin/guest-command
StandardInput=null
Delegate=yes
";

/// Time for the driver of the disk to find it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the init of the system on the disk; returns only if that fails.
pub fn boot() -> Error {
    match try_boot() {
        Ok(never) => match never {},
        Err(error) => error.context("boot the system on the disk"),
    }
}

fn try_boot() -> Result<Infallible> {
    let start = Instant::now();
    while !Path::new(DISK).exists() {
        ensure!(start.elapsed() < PATIENCE, "there is no {DISK}");
        thread::sleep(Duration::from_millis(20));
    }
    mount(DISK, ROOT, "ext4", MountFlags::empty(), c"").context("mount it")?;
    let root = Path::new(ROOT);
    let programs = root.join(PROGRAMS);
    fs::create_dir_all(&programs)?;
    fs::copy(SETTINGS, root.join(SETTINGS.trim_start_matches('/')))?;
    fs::copy("/init", programs.join("guest-command"))?;
    for entry in fs::read_dir("/bin")?.flatten() {
        // The system has its own programs instead of busybox.
        if entry.file_name() != "busybox" {
            fs::copy(entry.path(), programs.join(entry.file_name()))?;
        }
    }
    let units = root.join("etc/systemd/system");
    let wants = units.join("multi-user.target.wants");
    fs::create_dir_all(&wants)?;
    fs::write(units.join("guest.service"), SERVICE)?;
    symlink("../guest.service", wants.join("guest.service"))?;
    mount_move("/dev", root.join("dev")).context("move /dev")?;
    std::env::set_current_dir(root)?;
    mount_move(".", "/").context("move the root")?;
    rustix::process::chroot(".").context("change the root")?;
    std::env::set_current_dir("/")?;
    Err(Command::new("/sbin/init").env_clear().exec()).context("start its init")
}
