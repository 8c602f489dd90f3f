//! The verb: its arguments, and the guest that they describe.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use memcg_trace_guest::Cgroup;

use super::monitor::{Dump, Format};
use super::spec::Spec;
use super::start::{ours, run};
use super::{build, terminal};
use crate::kernel::{self, Choice, Kernel};
use crate::setup::timings::Timings;
use crate::setup::{self, Needs};

const STATUSES: &str = "\
Exits with the command's status, or with one of these and a message:
  121  the guest's kernel died (panic or oops)
  122  an emulator fault killed it, twice in a row
  123  the guest was lost: QEMU ended without a report from it
  124  the timeout passed
  125  the guest could not start the command";

/// Runs a command in a guest and exits with its status
#[derive(clap::Args)]
#[command(after_help = STATUSES)]
pub struct Arguments {
    /// The kernel: 5.10, 6.1, 6.12, 7.2, or the path of an image
    #[arg(long, default_value = kernel::DEFAULT, value_name = "SERIES|PATH")]
    kernel: Choice,
    /// The guest's memory
    #[arg(long, default_value = "1G")]
    memory: String,
    /// The guest's CPUs
    #[arg(long, default_value_t = 2)]
    cpus: u32,
    /// More for the kernel's command line
    #[arg(long, value_name = "PARAMETERS", allow_hyphen_values = true)]
    append: Vec<String>,
    /// One more argument for QEMU; can be given more than once
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    qemu_arg: Vec<String>,
    /// A file to put into the guest's /bin; can be given more than once
    #[arg(long, value_name = "FILE")]
    copy: Vec<PathBuf>,
    /// A module of the kernel's package to load, with what it depends on; can be given more than
    /// once
    #[arg(long, value_name = "NAME")]
    module: Vec<String>,
    /// The cgroup hierarchy; kernels after 6.1 have no v1 memory controller
    #[arg(long, default_value = "v2", value_parser = cgroup, value_name = "v1|v2")]
    cgroup: Cgroup,
    /// Boot a real userland, with systemd as PID 1; it is made of packages at the first use, and
    /// what is written to its disk is lost at the end
    #[arg(long, value_name = "SYSTEM", conflicts_with = "cgroup")]
    userland: Option<Userland>,
    /// Packages that the userland has beside its base (postgresql, podman, …)
    #[arg(long, value_name = "PACKAGE", num_args = 1.., requires = "userland")]
    with: Vec<String>,
    /// Write the guest's memory to a file when the command has ended; processes that it left then
    /// still run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["userland", "tty"])]
    dump: Option<PathBuf>,
    /// The format of that file
    #[arg(long, value_enum, default_value = "elf", requires = "dump")]
    dump_format: Format,
    /// Seconds after which a guest that has not ended is stopped
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,
    /// Lend the command this terminal; Ctrl-] ends a guest that no longer listens
    #[arg(long)]
    tty: bool,
    /// Leave memcg-trace out and do not build it, to look at a kernel while it does not compile, or
    /// at a package
    #[arg(long)]
    bare: bool,
    /// Show the kernel's console as well
    #[arg(short, long)]
    verbose: bool,
    /// The command; a single word goes through `sh -c`
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn cgroup(text: &str) -> Result<Cgroup, String> {
    match text {
        "v1" => Ok(Cgroup::V1),
        "v2" => Ok(Cgroup::V2),
        _ => Err("there are v1 and v2".into()),
    }
}

/// A userland for guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Userland {
    /// Debian 12 with systemd.
    Debian,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    set_up(&arguments.kernel)?;
    let command = match arguments.command.as_slice() {
        [line] => vec!["sh".into(), "-c".into(), line.clone()],
        argv => argv.to_vec(),
    };
    let spec = Spec {
        memory: arguments.memory.clone(),
        cpus: arguments.cpus,
        append: arguments.append.clone(),
        dump: arguments.dump.clone().map(|path| Dump {
            path,
            format: arguments.dump_format,
        }),
        qemu: arguments.qemu_arg.clone(),
        copies: arguments.copy.clone(),
        modules: arguments.module.clone(),
        cgroup: arguments.cgroup,
        timeout: Some(Duration::from_secs(arguments.timeout)),
        terminal: terminal::ours().filter(|_| arguments.tty),
        verbose: arguments.verbose,
        ..Spec::new(Kernel::find(&arguments.kernel)?, command)
    };
    let binaries = build::binaries(arguments.bare)?;
    let spec = match arguments.userland {
        Some(Userland::Debian) => spec.on_debian(&arguments.with, &binaries)?,
        None => spec,
    };
    Ok(run(&spec, &binaries, ours)?.status())
}

/// Makes sure that the needs of a guest are there.
pub fn set_up(kernel: &Choice) -> Result<()> {
    let series = match kernel {
        Choice::Series(series) => Some(*series),
        Choice::Path(_) => None,
    };
    setup::ensure(&Needs::guest(series), &mut Timings::default())?;
    Ok(())
}
