//! Time until a guest shows its first screen.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::guest::boot::Outputs;
use crate::guest::build::Binaries;
use crate::guest::{self, Spec};
use crate::kernel::{Choice, Kernel, Series};

/// Longer than any working guest takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Boots a guest with the demo, and waits for the first sample that a dashboard would draw.
pub fn wait_for(series: &'static Series, binaries: &Binaries) -> Result<()> {
    let line = "demo >/dev/null 2>&1 & exec memcg-trace export -n 1 >/dev/null";
    let command = ["sh", "-c", line].map(Into::into).into();
    let spec = Spec {
        timeout: Some(TIMEOUT),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    };
    let outputs = || Outputs {
        stdout: Box::new(io::sink()) as Box<dyn Write + Send>,
        stderr: Box::new(io::stderr()),
    };
    let ending = guest::run(&spec, binaries, outputs)?;
    ensure!(
        ending.status() == 0,
        "the guest ended with {}",
        ending.status()
    );
    Ok(())
}
