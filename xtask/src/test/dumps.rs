//! Dumps of guests: each is read on this host, and compared with what its guest said of itself.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::host::{cargo, row};
use super::row::Row;
use crate::child;
use crate::guest::boot::Outputs;
use crate::guest::build::{self, Binaries};
use crate::guest::ending::Ending;
use crate::guest::monitor::{Dump, Format};
use crate::guest::{self, Spec};
use crate::interrupt;
use crate::kernel::{Choice, Kernel, REAP_DEADLOCK, Series};

/// Enough for any of these kernels: a dump is as large.
const MEMORY: &str = "512M";

/// Makes the guest describe itself, a key and a value in each line.
const SCRIPT: &str = r#"
    # The end of a gzip file: the checksum and the size of what is in it.
    checksum() { gzip -1 | tail -c 8 | hexdump -v -e '/1 "%02x"'; }
    echo "release $(uname -r)"
    echo "command_line $(cat /proc/cmdline)"
    echo "taint $(cat /proc/sys/kernel/tainted)"
    echo "types $(checksum < /sys/kernel/btf/vmlinux)"
    echo "symbols $(grep -v '\[' /proc/kallsyms | cut -d ' ' -f 1,3 | checksum)"
"#;

/// Makes dumps of each kernel, in each format, with a note of VMCOREINFO and without, and reads
/// them.
pub fn run(kernels: &[&'static Series]) -> Vec<Row> {
    let kernels = kernels.iter().filter(|one| ***one != REAP_DEADLOCK);
    kernels
        .take_while(|_| interrupt::received().is_none())
        .map(|series| Row {
            place: series.name.into(),
            ..row(format!("dumps of {}", series.name), || on(series))
        })
        .collect()
}

fn on(series: &'static Series) -> Result<()> {
    let binaries = build::binaries(true)?;
    let folder = tempfile::Builder::new()
        .prefix("memcg-trace-dumps-")
        .tempdir()?;
    for (name, format) in [("elf", Format::Elf), ("kdump", Format::Kdump)] {
        let path = folder.path().join(format!("{name}.core"));
        let mut spec = spec(series, Dump { path, format })?;
        // By this module the kernel tells QEMU of its note.
        if format == Format::Kdump && series.has_modules {
            spec.modules.push("qemu_fw_cfg".into());
        }
        say(&spec, &binaries, folder.path().join(format!("{name}.said")))?;
    }
    let test = ["test", "--package", "memcg-trace", "--test", "dumps"];
    let mut command = cargo()?;
    command.args(test).args(["--", "--ignored"]);
    child::run(command.env("DUMPS", folder.path()))
}

fn spec(series: &'static Series, dump: Dump) -> Result<Spec> {
    let command = ["sh", "-c", SCRIPT].map(Into::into).to_vec();
    Ok(Spec {
        memory: MEMORY.into(),
        dump: Some(dump),
        timeout: Some(Duration::from_secs(300)),
        ..Spec::new(Kernel::find(&Choice::Series(series))?, command)
    })
}

/// Runs the guest; what it says of itself goes to a file.
fn say(spec: &Spec, binaries: &Binaries, said: PathBuf) -> Result<()> {
    let output = File::create(said)?;
    let mut copies = Vec::new();
    // A guest that is started again starts the file anew.
    for _ in 0..2 {
        copies.push(output.try_clone()?);
    }
    let ending = guest::run(spec, binaries, || Outputs {
        stdout: match copies.pop() {
            Some(copy) => Box::new(copy),
            None => Box::new(io::sink()),
        },
        stderr: Box::new(io::stderr()),
    })?;
    ensure!(
        ending == Ending::Exited(0),
        "the guest ended with {ending:?}"
    );
    Ok(())
}
