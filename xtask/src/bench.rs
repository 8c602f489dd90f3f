//! `cargo xtask bench`: runs the benchmark program of memcg-trace in guests whose clocks count
//! instructions.

use std::time::Duration;

use anyhow::Result;

use crate::guest::build;
use crate::guest::{self, Spec};
use crate::kernel::{self, Choice, Kernel, Series};
use crate::setup;

const TIMEOUT: Duration = Duration::from_secs(1800);

/// Measures what tracing costs, in a guest, in instructions
#[derive(clap::Args)]
pub struct Arguments {
    /// The kernel to measure on; can be given more than once
    #[arg(long, default_value = kernel::DEFAULT, value_name = "SERIES")]
    kernel: Vec<&'static Series>,
    /// Only these tables: readers, pins, slab, subjects, reclaim, walk, many
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    setup::ensure(arguments.kernel.iter().copied())?;
    let binaries = build::binaries(false)?;
    let program = build::target_of_memcg_trace("bench", "--bench", "guest")?;
    for series in &arguments.kernel {
        let name = program.file_name().unwrap_or_default().into();
        let names = arguments.names.iter().map(Into::into);
        let command = std::iter::once(name).chain(names).collect();
        let spec = Spec {
            copies: vec![program.clone()],
            // By wall clock a run varies by 2.4x, by this one within 3 %: every instruction is a
            // nanosecond, and idle time is skipped.
            qemu: vec!["-icount".into(), "shift=0,sleep=off".into()],
            // RAM disks, for memory that can be taken away.
            modules: vec!["brd".to_owned()],
            // With more, 6.1 hangs under -icount when it starts the second one.
            cpus: 1,
            timeout: Some(TIMEOUT),
            ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
        };
        let ending = guest::run(&spec, &binaries, guest::ours)?;
        if ending.status() != 0 {
            return Ok(ending.status());
        }
    }
    Ok(0)
}
