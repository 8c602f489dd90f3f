//! `cargo xtask bench`: the benchmark program of memcg-trace, in guests whose clocks count
//! instructions.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::child;
use crate::guest::build;
use crate::guest::{self, Spec};
use crate::kernel::{self, Choice, Kernel, Series};
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

/// Other programs that watch locks or slab, for comparison; programs that are not installed here
/// are not measured, and the table says so.
const OTHERS: &[&str] = &["bpftrace", "klockstat", "perf", "slabratetop"];
/// With these programs a guest has some 300 MB of files.
const MEMORY_FOR_OTHERS: &str = "2G";

const TIMEOUT: Duration = Duration::from_secs(1800);

/// Measures what tracing costs, in a guest, in instructions
#[derive(clap::Args)]
pub struct Arguments {
    /// The kernel to measure on; can be given more than once
    #[arg(long, default_value = kernel::DEFAULT, value_name = "SERIES")]
    kernel: Vec<&'static Series>,
    /// Only these tables: readers, pins, slab, slabs, subjects, locks, reclaim, walk, many
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    let needs = Needs {
        kernels: arguments.kernel.clone(),
        ..Needs::guest(None)
    };
    setup::ensure(&needs, &mut Timings::default())?;
    let (program, binaries) = build::with_target("bench", "--bench", "guest")?;
    let asks =
        |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|one| one == name);
    let others = match asks("locks") || asks("slab") {
        true => others()?,
        false => BTreeSet::new(),
    };
    for series in &arguments.kernel {
        let name = program.file_name().unwrap_or_default().into();
        let names = arguments.names.iter().map(Into::into);
        let command = std::iter::once(name).chain(names).collect();
        let mut spec = Spec {
            copies: [&program].into_iter().chain(&others).cloned().collect(),
            // By wall clock, runs vary by a factor of 2.4; by this clock within 3 %: every
            // instruction is a nanosecond, and idle time is skipped.
            qemu: vec!["-icount".into(), "shift=0,sleep=off".into()],
            // The defaults of the distribution's kernels, which tests switch off.
            append: vec!["init_on_alloc=1".to_owned(), "mitigations=auto".to_owned()],
            // RAM disks, for the file that the reclaim benchmark reads.
            modules: vec!["brd".to_owned()],
            // With more CPUs, 6.1 hangs under -icount when it starts the second one.
            cpus: 1,
            timeout: Some(TIMEOUT),
            ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
        };
        if !others.is_empty() {
            spec.memory = MEMORY_FOR_OTHERS.into();
        }
        let ending = guest::run(&spec, &binaries, guest::ours)?;
        if ending.status() != 0 {
            return Ok(ending.status());
        }
    }
    Ok(0)
}

/// The files of the other programs that are installed, with the libraries that they are linked to
/// and the loader, which starts them in any folder.
fn others() -> Result<BTreeSet<PathBuf>> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&folders)
        .chain([PathBuf::from("/usr/sbin")])
        .collect();
    let mut files = BTreeSet::new();
    for name in OTHERS {
        let mut places = folders.iter().map(|folder| folder.join(name));
        let Some(program) = places.find(|place| place.is_file()) else {
            continue;
        };
        // Lines are `libc.so.6 => /lib/…/libc.so.6 (0x…)`; the loader has no arrow.
        let linked = child::read(Command::new("ldd").arg(&program))?;
        let words = linked.split_whitespace();
        files.extend(
            words
                .filter(|word| word.starts_with('/'))
                .map(PathBuf::from),
        );
        files.insert(program);
    }
    Ok(files)
}
