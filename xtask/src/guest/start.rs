//! A guest from its start to the message that says how it ended.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::io;

use anyhow::Result;

use super::boot::{self, Outcome, Outputs};
use super::build::Binaries;
use super::console::{self, Fault};
use super::ending::Ending;
use super::spec::Spec;

/// Our own standard output and standard error.
pub fn ours() -> Outputs {
    Outputs {
        stdout: Box::new(io::stdout()),
        stderr: Box::new(io::stderr()),
    }
}

/// Boots a guest, a second time if the emulator failed, and prints what went wrong, if anything.
pub fn run(
    spec: &Spec,
    binaries: &Binaries,
    mut outputs: impl FnMut() -> Outputs,
) -> Result<Ending> {
    let name = &spec.kernel.name;
    let mut outcome = boot::boot(spec, binaries, outputs())?;
    if let Ending::Died(Fault::Emulator(line)) = &outcome.ending {
        eprintln!("guest {name}: an emulator fault ({line}): starting again, once");
        outcome = boot::boot(spec, binaries, outputs())?;
    }
    let Outcome { ending, console } = outcome;
    if let Some(message) = ending.message() {
        let tail = console::tail(&console, 40);
        if !spec.verbose && !matches!(ending, Ending::Interrupted(_)) && !tail.is_empty() {
            eprintln!("guest {name}: the end of its console:\n{}", tail.trim_end());
        }
        eprintln!("guest {name}: {message}");
    }
    Ok(ending)
}
