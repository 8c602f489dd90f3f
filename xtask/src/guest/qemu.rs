//! The QEMU process of one guest, and the sockets of its serial ports.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memcg_trace_guest::{PORTS, Port};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::monitor::{self, Dump};
use super::spec::{Disk, Spec};
use crate::setup::tools;

/// Timeout for QEMU to connect its ports, which it does first; on a busy machine that takes a
/// while.
const CONNECT: Duration = Duration::from_secs(30);

/// A running QEMU. On drop it is killed, and its files are removed.
pub struct Qemu {
    child: Child,
    folder: TempDir,
}

/// The serial ports, in the order of [`PORTS`].
pub type Ports = [UnixStream; PORTS.len()];

impl Qemu {
    /// Starts QEMU with the files in `folder`, and waits until its ports are connected.
    pub fn start(spec: &Spec, folder: TempDir, initramfs: &Path) -> Result<(Self, Ports)> {
        let mut listeners = Vec::new();
        for port in PORTS {
            let path = socket(folder.path(), port);
            let listener = UnixListener::bind(&path)
                .with_context(|| format!("listen on {}", path.display()))?;
            // Polled, so that a QEMU that never connects is noticed.
            listener.set_nonblocking(true)?;
            listeners.push(listener);
        }
        let mut command = command(spec, folder.path(), initramfs)?;
        let errors = File::create(folder.path().join("qemu.errors"))?;
        command
            .stdin(Stdio::null())
            .stdout(errors.try_clone()?)
            .stderr(errors);
        // Ctrl-C is for xtask, which then ends QEMU.
        command.process_group(0);
        let child = command.spawn().context("start QEMU")?;
        spec.pace.start(child.id());
        let mut qemu = Self { child, folder };
        let mut ports = Vec::new();
        for (port, listener) in PORTS.iter().zip(listeners) {
            let stream = qemu.accept(&listener);
            ports.push(stream.with_context(|| format!("QEMU's {} port", port.name()))?);
        }
        let ports = Ports::try_from(ports).ok().context("a port is missing")?;
        Ok((qemu, ports))
    }

    fn accept(&mut self, listener: &UnixListener) -> Result<UnixStream> {
        let start = Instant::now();
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(status) = self.ended()? {
                bail!("QEMU ended at once: {}", self.describe(status));
            }
            if start.elapsed() > CONNECT {
                bail!("not connected after {} s", CONNECT.as_secs());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// QEMU's status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("look at QEMU")
    }

    /// Ends QEMU, if it has not ended yet, and returns its status.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            self.kill();
        }
        self.child.wait().context("wait for QEMU")
    }

    /// Writes the memory of the guest, which is stopped for it and not continued.
    pub fn dump(&self, dump: &Dump) -> Result<()> {
        monitor::dump(&monitor_socket(self.folder.path()), dump)
            .with_context(|| format!("write the guest's memory to {}", dump.path.display()))
    }

    /// A status, with QEMU's last messages.
    pub fn describe(&self, status: ExitStatus) -> String {
        let errors = fs::read(self.folder.path().join("qemu.errors")).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors);
        match errors.trim() {
            "" => format!("QEMU ended with {status} and without a report from the guest"),
            errors => format!("QEMU ended with {status}: {errors}"),
        }
    }

    fn kill(&self) {
        // QEMU leads a process group of its own. An error means that it is gone already.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

fn monitor_socket(folder: &Path) -> std::path::PathBuf {
    folder.join("monitor")
}

fn socket(folder: &Path, port: Port) -> std::path::PathBuf {
    folder.join(port.name())
}

fn command(spec: &Spec, folder: &Path, initramfs: &Path) -> Result<Command> {
    // The kernel kills QEMU when xtask ends, even if xtask is killed.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    command.arg(tools::QEMU.command()?.get_program());
    command.args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
    ]);
    // Two options against faults of QEMU 7.2 with more than one CPU: TCG corrupts cmpxchg16b, which
    // SLUB uses, and with several threads it loses races with the kernel's patching of its code.
    // The extensions of a newer processor are left out, since they cost an eighth of the time. All
    // but random numbers: an idle guest has no other source, and whoever asks getrandom(2) waits.
    command.args([
        "-accel",
        "tcg,thread=single",
        "-cpu",
        "qemu64,-cx16,+rdrand",
    ]);
    command.args(["-m", &spec.memory, "-smp", &spec.cpus.to_string()]);
    for port in PORTS {
        let id = port.name();
        let path = socket(folder, port);
        command
            .arg("-chardev")
            .arg(format!("socket,id={id},path={}", path.display()));
        command.args(["-serial", &format!("chardev:{id}")]);
    }
    command
        .arg("-kernel")
        .arg(&spec.kernel.image)
        .arg("-initrd")
        .arg(initramfs);
    // An oops becomes a panic and a panic ends QEMU, so that neither is waited for or overlooked.
    // To save time in tests, memory is not cleared twice, grace periods are short (detaching a hook
    // needs three), and mitigations of speculative execution are off: no test checks any of these.
    let mut append = "console=ttyS0 rdinit=/init quiet oops=panic panic=-1 init_on_alloc=0 \
                      rcupdate.rcu_expedited=1 mitigations=off"
        .to_owned();
    for more in &spec.append {
        append.push(' ');
        append.push_str(more);
    }
    command.arg("-append").arg(append);
    if let Some(Disk { path, keep }) = &spec.disk {
        let snapshot = if *keep { "off" } else { "on" };
        // A comma ends an option; two commas are a literal comma.
        let path = path.display().to_string().replace(',', ",,");
        command.arg("-drive").arg(format!(
            "file={path},format=raw,if=virtio,cache=unsafe,snapshot={snapshot}"
        ));
    }
    if spec.dump.is_some() {
        command.args(monitor::arguments(&monitor_socket(folder)));
    }
    command.args(&spec.qemu);
    Ok(command)
}
