//! A boot: from the start of QEMU to the verdict, with the copying of its ports.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memcg_trace_guest::Report;
use signal_hook::consts::SIGINT;

use super::build::Binaries;
use super::ending::{Cut, Ending, Evidence, judge};
use super::qemu::Qemu;
use super::spec::Spec;
use super::{initramfs, terminal};
use crate::interrupt;

/// Time for a guest to power off after it has reported the end of its command. A damaged kernel,
/// and tests damage kernels, may never power off; by then all output has arrived.
const POWER_OFF: Duration = Duration::from_secs(3);

const TICK: Duration = Duration::from_millis(50);

/// Destinations of the command's output.
pub struct Outputs {
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
}

/// The end of a boot, and the output of its kernel.
pub struct Outcome {
    pub ending: Ending,
    pub console: String,
}

/// Boots the guest and waits for its end.
pub fn boot(spec: &Spec, binaries: &Binaries, outputs: Outputs) -> Result<Outcome> {
    interrupt::hold();
    let folder = tempfile::Builder::new()
        .prefix("memcg-trace-guest-")
        .tempdir()?;
    let file = folder.path().join("initramfs");
    initramfs::write(&file, spec, binaries)?;
    let (mut qemu, ports) = Qemu::start(spec, folder, &file)?;
    let [console, output, errors, control] = ports;

    let mirror: Box<dyn Write + Send> = match &spec.console {
        _ if spec.verbose => Box::new(io::stderr()),
        Some(file) => Box::new(
            File::options()
                .create(true)
                .append(true)
                .open(file)
                .with_context(|| format!("open {}", file.display()))?,
        ),
        None => Box::new(io::sink()),
    };
    let console = thread::spawn(move || carry(console, mirror, true));
    let mut raw = None;
    let mut escaped = None;
    if spec.terminal.is_some() {
        raw = Some(terminal::Raw::enter()?);
        escaped = Some(terminal::forward_keys(output.try_clone()?));
    }
    let output = thread::spawn(move || carry(output, outputs.stdout, false));
    let errors = thread::spawn(move || carry(errors, outputs.stderr, false));
    let reports = listen(control.try_clone()?);

    let mut wait = Wait {
        spec,
        control,
        report: None,
        grace: None,
    };
    let cut = loop {
        if escaped
            .as_ref()
            .is_some_and(|escaped| escaped.load(Ordering::SeqCst))
        {
            break Some(Cut::Signal(u8::try_from(SIGINT)?));
        }
        if wait.hear(&reports) || qemu.ended()?.is_some() {
            break None;
        }
        if let Some(cut) = wait.cut() {
            break Some(cut);
        }
    };
    if let (Some(dump), Some(Report::Ended(_))) = (&spec.dump, &wait.report) {
        qemu.dump(dump)?;
    }
    let status = qemu.stop()?;
    // After QEMU's end the ports are closed, and all their output is copied.
    finish(output, "output")?;
    finish(errors, "errors")?;
    let console = finish(console, "console")?;
    let console = String::from_utf8_lossy(&console).into_owned();
    // The report may have arrived with QEMU's end.
    wait.drain(&reports);
    let evidence = Evidence {
        console: &console,
        report: wait.report,
        cut,
        qemu: qemu.describe(status),
    };
    let ending = judge(evidence);
    if let Some(raw) = &mut raw {
        raw.clean = matches!(ending, Ending::Exited(_));
    }
    Ok(Outcome { ending, console })
}

/// The state of a boot in progress.
struct Wait<'a> {
    spec: &'a Spec,
    control: UnixStream,
    report: Option<Report>,
    /// The time at which the guest must be off.
    grace: Option<Instant>,
}

impl Wait<'_> {
    /// Waits a tick for a report; returns true when the time to power off is over.
    fn hear(&mut self, reports: &Receiver<Report>) -> bool {
        match reports.recv_timeout(TICK) {
            Ok(report) => self.note(report),
            Err(RecvTimeoutError::Timeout) => {}
            // The port is closed: QEMU is about to end.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK / 5),
        }
        // A guest whose memory is wanted does not power off.
        let is_over = |grace| self.spec.dump.is_some() || Instant::now() > grace;
        self.grace.is_some_and(is_over)
    }

    fn drain(&mut self, reports: &Receiver<Report>) {
        // The sender ends with the port, so this loop ends.
        for report in reports {
            self.note(report);
        }
    }

    /// Notes a report: the first one that says how the command ended counts.
    fn note(&mut self, report: Report) {
        if self.grace.is_none() {
            if report != Report::Started {
                self.grace = Some(Instant::now() + POWER_OFF);
            }
            self.report = Some(report);
        }
    }

    /// Returns why the boot should be stopped, if it should; sends changes of the window size to
    /// the guest meanwhile.
    fn cut(&mut self) -> Option<Cut> {
        if let Some(signal) = interrupt::received() {
            return Some(Cut::Signal(signal));
        }
        if self.spec.terminal.is_some() && interrupt::resized() {
            // A guest that does not read the port keeps its old size.
            let _ = writeln!(self.control, "{}", terminal::size().encode());
        }
        let timeout = self.spec.timeout.filter(|_| self.grace.is_none())?;
        (self.spec.pace.elapsed() > timeout).then_some(Cut::Timeout(timeout))
    }
}

/// Copies until the port is closed, and keeps a copy on request. A failed output does not stall the
/// guest.
fn carry(mut from: UnixStream, mut to: Box<dyn Write + Send>, keep: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    let mut open = true;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        if keep {
            kept.extend_from_slice(bytes);
        }
        open = open && to.write_all(bytes).and_then(|()| to.flush()).is_ok();
    }
    kept
}

/// The reports on the control port. A line that is no report means that init is broken.
fn listen(control: UnixStream) -> Receiver<Report> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(control).lines().map_while(Result::ok) {
            let report = Report::decode(line.trim_end());
            let report = report.unwrap_or_else(|error| Report::Failed(error.to_string()));
            if sender.send(report).is_err() {
                break;
            }
        }
    });
    receiver
}

fn finish(thread: JoinHandle<Vec<u8>>, port: &str) -> Result<Vec<u8>> {
    thread
        .join()
        .ok()
        .with_context(|| format!("carrying the {port} port failed"))
}
