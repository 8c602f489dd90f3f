//! Run of the command: its orphans are reaped, and its output is sent up to the last byte.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use memcg_trace_guest::{Port, Settings, Size, Terminal};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::ports;

/// Time for which a process that SIGKILL does not end (it may be stuck in the kernel, which is what
/// tests look for) can delay the report by keeping the output open. Its output is still sent
/// meanwhile, on a busy machine late.
const PATIENCE: Duration = Duration::from_secs(20);

const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"),
    ("HOME", "/tmp"),
    ("LANG", "C.UTF-8"),
];

/// Runs the command to its end and returns its status as a shell would.
pub fn run(
    settings: &Settings,
    control: &File,
    started: impl FnOnce() -> Result<()>,
) -> Result<u8> {
    match &settings.terminal {
        Some(terminal) => on_terminal(&settings.command, terminal, control, started),
        None => on_pipes(settings, started),
    }
}

fn command(argv: &[std::ffi::OsString]) -> Result<Command> {
    let (program, arguments) = argv.split_first().context("no command was given")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT.iter().copied())
        .current_dir("/tmp");
    Ok(command)
}

/// Runs the command on pipes, since a serial port is a terminal, and programs write differently to
/// a terminal.
fn on_pipes(settings: &Settings, started: impl FnOnce() -> Result<()>) -> Result<u8> {
    let mut command = command(&settings.command)?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    started()?;
    let mut child = spawn(&mut command)?;
    let output = pump(
        child.stdout.take().context("no pipe")?,
        ports::open_raw(Port::Output)?,
    );
    let errors = pump(
        child.stderr.take().context("no pipe")?,
        ports::open_raw(Port::Errors)?,
    );
    let status = reap_until(&child)?;
    if !settings.stays {
        end_the_others();
    }
    for pump in [output, errors] {
        // A timeout is fine, too: the output so far has been sent.
        let _ = pump.recv_timeout(PATIENCE);
    }
    Ok(status)
}

fn on_terminal(
    argv: &[std::ffi::OsString],
    terminal: &Terminal,
    control: &File,
    started: impl FnOnce() -> Result<()>,
) -> Result<u8> {
    let port = ports::open(Port::Output)?;
    ports::resize(&port, terminal.size)?;
    follow_resizes(control.try_clone()?, port.try_clone()?);
    // Ctrl-C needs a controlling terminal. It is ours, and the command shares our process group: a
    // session of the command's own would end with the command, and unwritten output would be lost.
    // A service leads a session already.
    if rustix::process::getsid(None) != Ok(rustix::process::getpid()) {
        rustix::process::setsid().context("start a session")?;
    }
    rustix::process::ioctl_tiocsctty(&port).context("take the terminal")?;
    let mut command = command(argv)?;
    command.env("TERM", &terminal.term);
    command
        .stdin(port.try_clone()?)
        .stdout(port.try_clone()?)
        .stderr(port.try_clone()?);
    started()?;
    let child = spawn(&mut command)?;
    let status = reap_until(&child)?;
    end_the_others();
    ports::drain(&port)?;
    Ok(status)
}

fn spawn(command: &mut Command) -> Result<Child> {
    command
        .spawn()
        .with_context(|| format!("start {:?}", command.get_program()))
}

/// Reaps all orphans, which PID 1 inherits, until the child ends.
fn reap_until(child: &Child) -> Result<u8> {
    let wanted = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("pid")?;
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == wanted => return Ok(shell_status(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("wait for the command"),
        }
    }
}

fn shell_status(status: WaitStatus) -> u8 {
    let status = match status.exit_status() {
        Some(code) => code,
        None => 128 + status.terminating_signal().unwrap_or_default(),
    };
    u8::try_from(status).unwrap_or(u8::MAX)
}

/// Signals every process but this one, so that pipes held by daemons of the command close.
fn end_the_others() {
    // A signal to the group of PID 1 reaches all processes; it is fine if there are none.
    let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
}

/// Copies until the pipe's last writer is gone, then reports the end.
fn pump(mut from: impl Read + Send + 'static, mut to: File) -> Receiver<()> {
    let (done, receiver) = mpsc::channel();
    thread::spawn(move || {
        let copied = io::copy(&mut from, &mut to).and_then(|_| to.flush());
        if copied.is_ok() && ports::drain(&to).is_ok() {
            let _ = done.send(());
        }
    });
    receiver
}

/// Reads window sizes: each line from xtask is one.
fn follow_resizes(control: File, port: File) {
    thread::spawn(move || {
        for line in BufReader::new(control).lines().map_while(Result::ok) {
            if let Ok(size) = Size::decode(&line) {
                let _ = ports::resize(&port, size);
            }
        }
    });
}
